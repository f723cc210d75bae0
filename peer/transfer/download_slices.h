/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching a list of slices into a file: blob by blob, a few at a time, each opened and written to
 * its places in a job. Zeros are the file's holes. Owned by the engine's thread. */
#ifndef CF_PEER_TRANSFER_DOWNLOAD_SLICES_H
#define CF_PEER_TRANSFER_DOWNLOAD_SLICES_H
#include "codec/content.h"
#include "peer/transfer/in_hand.h"
#include "peer/transfer/partial_file.h"
#include "peer/transfer/download_parts.h"
#include "peer/log/peer.h"

/* There is a broker to fetch from. */
bool cf_fetch_possible(const cf_peer *peer);

typedef struct cf_fetch cf_fetch;

typedef struct {
    cf_peer *peer; /* its link may come and go */
    cf_id collection;
    cf_bytes slices; /* a checked list */
    const cf_hash *blobs;
    size_t blob_count;
    const cf_file *file;      /* of the full length; borrowed, as all above */
    cf_partial_file *partial; /* borrowed: whose file it is; NULL: it does not outlive this */
    cf_hand *hand;            /* borrowed */
    cf_parts *parts;          /* borrowed: what came of blobs for some seconds is kept there */
    uint64_t length;          /* of all that travels for the content, this and other lists */
    const uint64_t *most;     /* of that may; borrowed, and may change */
} cf_fetch_options;

cf_fetch *cf_fetch_new(const cf_fetch_options *options);
/* Takes back what is asked for, waits for jobs. */
void cf_fetch_destroy(cf_fetch **fetch);

typedef enum {
    CF_FETCH_WORKING,
    CF_FETCH_DONE,
    CF_FETCH_ABSENT, /* the broker lacks some blobs; all others are there */
    CF_FETCH_FAILED,
} cf_fetch_state;
/* Asks for what there is room for. */
cf_fetch_state cf_fetch_step(cf_fetch *fetch, cf_error *error);
/* Bytes of blobs that are not on the disk yet; and what of these has come in parts. */
uint64_t cf_fetch_left(const cf_fetch *fetch);
uint64_t cf_fetch_partly(const cf_fetch *fetch);
/* A job is under way. */
bool cf_fetch_busy(const cf_fetch *fetch);
/* All that is left has to come from a broker. */
bool cf_fetch_hungry(const cf_fetch *fetch);

/* More would travel than may by now, or another device communicates alone there: nothing more is
 * asked for. */
bool cf_fetch_is_stopped(const cf_fetch *fetch);
bool cf_fetch_is_paused(const cf_fetch *fetch);

/* The transfer's events; nothing happens when the blob is none of its. */
void cf_fetch_received(cf_fetch *fetch, const cf_hash *blob, uint64_t offset, uint64_t total,
                       cf_bytes bytes);
void cf_fetch_absent(cf_fetch *fetch, const cf_hash *blob);
void cf_fetch_refused(cf_fetch *fetch, const cf_hash *blob, const cf_error *why);

#endif
