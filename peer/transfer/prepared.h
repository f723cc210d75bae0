/* SPDX-License-Identifier: Apache-2.0 */
/* How a content is to be had, on its way into an entry. */
#ifndef CF_PEER_TRANSFER_PREPARED_H
#define CF_PEER_TRANSFER_PREPARED_H
#include "peer/transfer/uploads.h"

/* A content that the log has already, and which is written again: as the log says it. In the arena.
 * CF_MISSING. */
cf_status cf_prepared_in_log(cf_peer *peer, const cf_id *collection, const cf_hash *hash,
                             cf_arena *arena, const cf_prepared **out, cf_error *error);

/* About what its reference takes of a body. */
uint64_t cf_prepared_size(const cf_prepared *prepared);
/* The reference as an entry says it of whose blobs this content's begin at `first_blob`. */
cf_bytes cf_prepared_reference(const cf_prepared *prepared, size_t first_blob, cf_arena *arena);

/* The blobs of an entry in the making. */
typedef struct {
    cf_hash *at;
    size_t count, capacity;
} cf_blob_list; /* {0} is empty */
void cf_blob_list_add(cf_blob_list *list, const cf_prepared *prepared);
void cf_blob_list_release(cf_blob_list *list);

#endif
