/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes: how content keys travel in the member log. A key is sealed to a device's sealing key,
 * bound to the user and to the epoch's commitment, so that an envelope can't be moved elsewhere. */
#ifndef CF_CODEC_ENVELOPE_H
#define CF_CODEC_ENVELOPE_H
#include "codec/member.h"

/* To whom an envelope is to be made; made, it is a cf_recipient (member.h). */
typedef struct {
    cf_hash device;
    uint8_t sealing[32];
} cf_addressee;

/* Makes the opening of a new epoch. `key` is the new content key (32 random bytes); `ring` gives
 * the user and the earlier keys; `random` is 32 fresh bytes for each addressee. Addressees in any
 * order, each once, at most CF_MEMBER_RECIPIENTS_MAX. When the entry is built and named, the caller
 * tells the ring: cf_ring_expect, cf_ring_give. CF_FORGED: a sealing key that is none. */
typedef struct {
    const cf_ring *ring;
    const uint8_t *key;
    const cf_addressee *addressees;
    size_t count;
    const uint8_t *random; /* 32 * count bytes */
} cf_opening_parts;
cf_status cf_opening_make(const cf_opening_parts *parts, cf_arena *arena, cf_opening *out,
                          cf_error *error);
/* Opens what is addressed to `device` (its id) and gives the ring the epoch's key and the earlier
 * ones. The ring must expect the epochs already. CF_MISSING: not addressed to it. CF_FORGED: does
 * not open, or is not what was committed to; the epoch's own key stays given when only earlier ones
 * are wrong. */
cf_status cf_opening_open(const cf_opening *opening, const cf_hash *epoch, const cf_hash *device,
                          const cf_keys *keys, cf_ring *ring, cf_error *error);

/* Gives the ring the earlier keys that the opening of an epoch holds whose own key the ring has
 * already. CF_MISSING: it has not; CF_FORGED, CF_MALFORMED as above. */
cf_status cf_opening_open_earlier(const cf_opening *opening, const cf_hash *epoch, cf_ring *ring,
                                  cf_error *error);

/* What ADD and GRANT carry: the key of an epoch the ring holds, for one device. `random` is 32
 * fresh bytes. */
cf_status cf_access_make(const cf_ring *ring, const cf_hash *epoch, const uint8_t sealing[32],
                         const uint8_t random[32], cf_access *out, cf_error *error);
/* Gives the ring the key, and with `opening` (of that epoch, may be NULL) all earlier ones. The
 * ring must expect the epoch. */
cf_status cf_access_open(const cf_access *access, const cf_opening *opening, const cf_keys *keys,
                         cf_ring *ring, cf_error *error);

#endif
