/* SPDX-License-Identifier: Apache-2.0 */
/* What resupply.c and resupply_sealing.c (one content, out of its file) share. Nobody else includes
 * this. */
#ifndef CF_PEER_TRANSFER_RESUPPLY_INSIDE_H
#define CF_PEER_TRANSFER_RESUPPLY_INSIDE_H
#include "broker/platform/hash_set.h"
#include "peer/transfer/download_jobs.h"
#include "peer/transfer/resupply.h"
#include "peer/transfer/upload_sealing.h"

typedef enum { CF_RESUPPLY_PROVING, CF_RESUPPLY_AGAIN, CF_RESUPPLY_WHOLE } cf_resupply_making;

/* A content that can't be had. */
typedef struct {
    cf_id collection;
    cf_hash hash;
    uint64_t size;
} cf_resupply_need;

struct cf_resupply {
    cf_resupply_options options;
    uint64_t due_ms; /* when to look what can be made; 0: nothing new is wanted */
    cf_resupply_need *needs;
    size_t count, capacity;
    cf_hash_set tried;   /* in this session */
    cf_hash_set brought; /* what was lacking, in this session; what is stored stays so */
    cf_head *blocked;
    size_t blocked_count, blocked_capacity;

    cf_resupply_need now; /* the one in hand */
    cf_resupply_making step;
    cf_file *file;
    cf_file_job *proof;
    cf_sealing *sealing;
    cf_in_hand in_hand;
    cf_buffer leaves;
};

/* All are about the need in hand. */

/* A file on this device that should have the content; NULL: there is none. */
cf_file *cf_resupply_open(cf_resupply *self);
/* Begins to seal it under the present epoch. */
cf_status cf_resupply_seal_whole(cf_resupply *self, cf_error *error);
/* Begins to seal the pieces that are lacking as they were, or the whole where that can't be. */
cf_status cf_resupply_seal_pieces(cf_resupply *self, cf_error *error);
/* Publishes where the content is found that was sealed as a whole. A failure leaves the peer
 * unusable. */
cf_status cf_resupply_supply(cf_resupply *self, cf_error *error);

#endif
