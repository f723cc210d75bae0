/* SPDX-License-Identifier: Apache-2.0 */
/* The key ring of one user: each epoch of the content key, by its name (the hash of the entry that
 * opened it), with the commitment its entry made and, once known, the key. From an epoch's key come
 * the keys of each collection, by purpose. In locked memory, wiped on destroy. Reading from several
 * threads is fine while nobody adds. */
#ifndef CF_CODEC_RING_H
#define CF_CODEC_RING_H
#include "codec/keys.h"

typedef struct cf_ring cf_ring;

typedef enum {
    CF_PURPOSE_BODY,  /* seals bodies */
    CF_PURPOSE_BLOB,  /* seals blobs */
    CF_PURPOSE_NONCE, /* makes nonces */
    CF_PURPOSE_LOCK,  /* hides the names of what is locked */
} cf_purpose;

cf_ring *cf_ring_new(const cf_hash *user);
void cf_ring_destroy(cf_ring **ring);
const cf_hash *cf_ring_user(const cf_ring *ring);

/* What an epoch's opening says of its key without telling it. */
cf_hash cf_commitment(const cf_hash *user, const uint8_t key[CF_KEY_SIZE]);

/* Notes an epoch, in the order of the member log: the first one noted names collections. Noting it
 * again changes nothing. */
void cf_ring_expect(cf_ring *ring, const cf_hash *epoch, const cf_hash *commitment);
/* Gives the key of an epoch that was noted (else CF_MISSING). CF_FORGED unless it is the one
 * committed to. */
cf_status cf_ring_give(cf_ring *ring, const cf_hash *epoch, const uint8_t key[CF_KEY_SIZE],
                       cf_error *error);
/* Is its key known? */
bool cf_ring_holds(const cf_ring *ring, const cf_hash *epoch);
size_t cf_ring_count(const cf_ring *ring);
const cf_hash *cf_ring_epoch(const cf_ring *ring, size_t index);
const cf_hash *cf_ring_commitment(const cf_ring *ring, const cf_hash *epoch); /* NULL: not noted */
/* The key itself, borrowed until the ring changes; NULL when not known. */
const uint8_t *cf_ring_key(const cf_ring *ring, const cf_hash *epoch);
/* The key of the epoch with this index: not searched for. */
const uint8_t *cf_ring_key_at(const cf_ring *ring, size_t index);

/* A ring of its own that holds this epoch alone, for a job: nothing that is added to the other one
 * meanwhile touches it. CF_MISSING when the epoch's key is not known (yet). */
cf_status cf_ring_extract(const cf_ring *ring, const cf_hash *epoch, cf_ring **out,
                          cf_error *error);

/* A collection's key for one purpose; the caller wipes it. CF_MISSING when the epoch's key is not
 * known (yet). */
cf_status cf_ring_derive(const cf_ring *ring, const cf_hash *epoch, const cf_id *collection,
                         cf_purpose purpose, uint8_t out[CF_KEY_SIZE], cf_error *error);
/* The id of a collection, from its first name and the first epoch's key. CF_MISSING without it. */
cf_status cf_ring_collection_id(const cf_ring *ring, cf_bytes first_name, cf_id *out,
                                cf_error *error);

/* The secrets of a device of one user, for a 0600 file: its seed and the ring. End the buffer with
 * cf_buffer_wipe. */
void cf_secrets_pack(const cf_keys *device, const cf_ring *ring, cf_buffer *out);
/* CF_BROKEN when damaged or of a newer format. */
cf_status cf_secrets_read(cf_bytes bytes, cf_keys **device, cf_ring **ring, cf_error *error);

#endif
