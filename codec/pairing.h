/* SPDX-License-Identifier: Apache-2.0 */
/* Pairing: from the 32 random bytes of a code come a guest CURVE key pair, which gets a stranger
 * through the broker's door, and keys that seal what the two devices say to each other, so that the
 * broker between them can neither read nor change it. codec/PROTOCOL.md, "Addresses, codes and
 * pairing". */
#ifndef CF_CODEC_PAIRING_H
#define CF_CODEC_PAIRING_H
#include "codec/member.h"
#include "codec/seal.h"

typedef struct cf_pairing cf_pairing; /* in locked memory */

cf_pairing *cf_pairing_new(const uint8_t secret[32]);
void cf_pairing_destroy(cf_pairing **pairing);
const uint8_t *cf_pairing_guest_public(const cf_pairing *pairing); /* 32 bytes */
const uint8_t *cf_pairing_guest_secret(const cf_pairing *pairing); /* 32 bytes */

/* The newcomer's word. With a pairing code: name, keys, proof. With an invitation: the new user's
 * first entry; a user that other brokers know brings its members, too. */
typedef struct {
    bool invited;
    cf_bytes name; /* UTF-8, 1 to CF_NAME_MAX bytes */
    cf_public_keys keys;
    uint8_t proof[64]; /* cf_keys_prove */
    cf_bytes first_entry;
    /* With an invitation, of a user that has devices: more of the member log, one packed array of
     * entries, each after its past (codec/pack.h reads it). Size 0: none. */
    cf_bytes members;
} cf_knock;

/* Appends the sealed KNOCK. The same knock gives the same bytes: it may be sent again. */
void cf_knock_seal(const cf_pairing *pairing, const cf_knock *knock, cf_buffer *out);
/* Opens it and, with a pairing code, checks the proof against `user` (NULL for an invitation, which
 * it must be then: else CF_MALFORMED). Borrows from the arena. CF_FORGED: not from who has the
 * code. */
cf_status cf_knock_open(const cf_pairing *pairing, const cf_hash *user, cf_bytes sealed,
                        cf_arena *arena, cf_knock *out, cf_error *error);
/* Names a sealed KNOCK in the ADMIT that answers it. */
cf_hash cf_knock_hash(cf_bytes sealed);

/* The answer: you are in. */
typedef struct {
    cf_hash knock;
    cf_hash user;
    cf_role role;
    const cf_head *heads; /* of the member log, the newcomer's `add` included; ascending */
    size_t head_count;    /* at most CF_ADMIT_HEADS_MAX */
} cf_admit;
enum { CF_ADMIT_HEADS_MAX = 512 };
static_assert(CF_MEMBER_PACKED_HEAD * CF_ADMIT_HEADS_MAX + CF_PACKED_AROUND <= CF_KNOCK_MAX,
              "the heads of an ADMIT fit into what is sealed");

void cf_admit_seal(const cf_pairing *pairing, const cf_admit *admit, cf_buffer *out);
/* CF_FORGED when it does not open; CF_CHANGED when it answers another KNOCK than the one of `knock`
 * (its hash): who has the code let another in. */
cf_status cf_admit_open(const cf_pairing *pairing, const cf_hash *knock, cf_bytes sealed,
                        cf_arena *arena, cf_admit *out, cf_error *error);

#endif
