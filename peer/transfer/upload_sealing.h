/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing a long run of bytes, a file or a patch, into blobs: piece by piece in jobs, a few at a
 * time, each kept until the broker has stored it. What is zeros, or stands in blobs of the log
 * already, costs nothing. */
#ifndef CF_PEER_TRANSFER_UPLOAD_SEALING_H
#define CF_PEER_TRANSFER_UPLOAD_SEALING_H
#include "broker/link/transfer.h"
#include "broker/platform/env.h"
#include "broker/platform/files.h"
#include "codec/content.h"
#include "codec/delta_copies.h"
#include "codec/seal.h"
#include "peer/log/contents.h"
#include "peer/transfer/in_hand.h"

typedef struct cf_sealing cf_sealing;

/* A piece that was sealed before: the same blob must come out. */
typedef struct {
    uint64_t offset, size;
    cf_hash id;
} cf_sealed_piece;

typedef struct {
    const cf_env *env;
    cf_transfer *transfer;
    cf_in_hand *in_hand; /* of all that are sealed at a time; outlives it */
    cf_ring *ring;       /* of the epoch alone; taken: jobs read it while the peer's changes */
    cf_hash epoch;
    cf_id collection;
    cf_file *file;   /* taken, closed at the end */
    uint64_t size;   /* of the run, from the beginning of the file */
    cf_bytes leaves; /* 32 bytes each, borrowed: what is sealed must fit them; none for a patch */
    /* A content in whole whose blobs the log has, with its leaves; NULL: none. Borrowed. */
    const cf_content_source *known;
    cf_bytes known_leaves;
    const cf_delta_copies *copies; /* what the run has of it; NULL: as the leaves say. Borrowed */
    /* Only these, again; copied. None: all of it. */
    const cf_sealed_piece *again;
    size_t again_count;
} cf_sealing_options;

cf_sealing *cf_sealing_new(const cf_sealing_options *options);
/* Takes back what is offered, waits for jobs. */
void cf_sealing_destroy(cf_sealing **sealing);

typedef enum { CF_SEALING_WORKING, CF_SEALING_DONE, CF_SEALING_FAILED } cf_sealing_state;
/* Starts what there is room for. `error` is written on FAILED: CF_CHANGED when the file is not what
 * the leaves say, CF_FORGED when another blob comes out than before. */
cf_sealing_state cf_sealing_step(cf_sealing *sealing, cf_error *error);

/* A job is under way; else it waits for the broker, if it works at all. */
bool cf_sealing_has_jobs(const cf_sealing *sealing);

/* Once done: the slices, and the blobs that they count from. */
void cf_sealing_result(const cf_sealing *sealing, cf_slices *slices, cf_hash **blobs, size_t *count,
                       cf_arena *arena);
uint64_t cf_sealing_reused(const cf_sealing *sealing); /* bytes */

/* Bytes of pieces that need something yet; and what of these the broker has in parts. */
uint64_t cf_sealing_left(const cf_sealing *sealing);
uint64_t cf_sealing_partly(const cf_sealing *sealing);

/* The blob is one that waits for the broker. */
bool cf_sealing_offers(cf_sealing *sealing, const cf_hash *blob);
/* The transfer's events; false when the blob is none of its. */
bool cf_sealing_piece(cf_sealing *sealing, const cf_hash *blob, uint64_t offset, size_t size,
                      cf_buffer *out);
bool cf_sealing_stored(cf_sealing *sealing, const cf_hash *blob, uint64_t *size);
bool cf_sealing_refused(cf_sealing *sealing, const cf_hash *blob, const cf_error *why);

#endif
