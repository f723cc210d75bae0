/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a made-up user, signed and chained as real ones are: the account itself writes. */
#ifndef CF_BENCH_AUTHOR_H
#define CF_BENCH_AUTHOR_H
#include "codec/bytes.h"
#include "codec/entry.h"
#include "codec/error.h"
#include "codec/keys.h"

typedef struct {
    cf_hash user;
    cf_buffer bytes; /* of all entries, one after the other */
    size_t *ends;    /* where each ends in `bytes` */
    size_t count, capacity;
} cf_writings;

/* The user's first entry (other persons are other users), then `count` changes with bodies of
 * `size` random bytes each. */
cf_status cf_writings_make(uint32_t person, size_t count, size_t size, cf_writings *out,
                           cf_error *error);
/* The user's first entry, and a change that names these blobs. */
cf_status cf_writings_naming(uint32_t person, const cf_hash *blobs, size_t count, cf_writings *out,
                             cf_error *error);
/* The account's. */
cf_keys *cf_writings_keys(uint32_t person);
void cf_writings_release(cf_writings *writings);
cf_bytes cf_writings_at(const cf_writings *writings, size_t index);

#endif
