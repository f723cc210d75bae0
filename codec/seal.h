/* SPDX-License-Identifier: Apache-2.0 */
/* Deterministic sealing: the nonce is a keyed hash of what is sealed and under what, so that the
 * same input gives the same bytes and another input another nonce, whatever a restored machine's
 * random numbers do. And the bodies of `change` entries, which are compressed and sealed under
 * their header. codec/PROTOCOL.md, "Keys and sealing". */
#ifndef CF_CODEC_SEAL_H
#define CF_CODEC_SEAL_H
#include "codec/ring.h"

enum { CF_SEAL_OVERHEAD = CF_NONCE_SIZE + CF_TAG_SIZE };

typedef struct {
    uint8_t seal[CF_KEY_SIZE];
    uint8_t nonce[CF_KEY_SIZE];
} cf_seal_keys; /* on the stack for one call: cf_wipe it */

/* Appends nonce ‖ sealed bytes ‖ tag: plain.size + CF_SEAL_OVERHEAD. */
void cf_seal(const cf_seal_keys *keys, cf_bytes associated, cf_bytes plain, cf_buffer *out);
/* Appends the plain bytes. CF_FORGED when it was not sealed so. */
cf_status cf_unseal(const cf_seal_keys *keys, cf_bytes associated, cf_bytes sealed, cf_buffer *out,
                    cf_error *error);

typedef struct {
    const cf_ring *ring;
    const cf_hash *epoch;
    const cf_id *collection;
} cf_seal_place;

/* The keys for bodies or blobs of a collection. CF_MISSING when the epoch's key is not known. */
cf_status cf_seal_keys_of(const cf_seal_place *place, cf_purpose purpose, cf_seal_keys *out,
                          cf_error *error);

/* Appends an entry's body to `out`, ready for cf_entry_build; `sealed_under` is what
 * cf_header_pack_open wrote. CF_TOO_LARGE when `plain` is over CF_BODY_MAX. */
cf_status cf_body_seal(const cf_seal_place *place, cf_bytes sealed_under, cf_bytes plain,
                       cf_buffer *out, cf_error *error);
/* Appends the plain body, at most CF_BODY_MAX and CF_BODY_GROWTH_MAX times what is sealed and
 * CF_BODY_GROWTH_FREE; more is CF_TOO_LARGE. CF_MISSING: no key yet, wait. Anything else that
 * fails (CF_FORGED, CF_MALFORMED, CF_TOO_LARGE): the entry is empty for everyone. */
cf_status cf_body_open(const cf_seal_place *place, cf_bytes sealed_under, cf_bytes body,
                       cf_buffer *plain, cf_error *error);

#endif
