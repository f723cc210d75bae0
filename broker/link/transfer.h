/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs on their way over one link, from the client's side: what is offered is asked for first
 * (HAVE), and only what the other lacks goes out, in pieces of CF_BLOB_STEP from where it stopped;
 * what is wanted comes in the same way. Both outlive a session: after a lost connection they resume
 * where they were. No bytes are kept here: pieces to send are made by the owner when their turn
 * comes, pieces that arrive are handed on at once. Not thread-safe; owned by a link. */
#ifndef CF_BROKER_LINK_TRANSFER_H
#define CF_BROKER_LINK_TRANSFER_H
#include "broker/wire/outbox.h"
#include "codec/error.h"
#include "codec/ids.h"
#include "codec/limits.h"
#include "codec/message.h"

/* What the owner of a link does for its blobs. Called from the link's handler, on its thread; the
 * link's and the transfer's calls may be made from inside. Borrowed arguments last for the call. */
typedef struct {
    /* Appends the blob's sealed bytes [offset, offset + size) to `out`. False: not at hand yet; the
     * blob waits, and others go on, until cf_transfer_ready. */
    bool (*piece)(void *context, const cf_hash *blob, uint64_t offset, size_t size, cf_buffer *out);
    /* The other has the blob, durably; it is forgotten here. */
    void (*stored)(void *context, const cf_hash *blob);
    /* The other refused the blob for good (CF_FORGED: the bytes do not have that name; CF_DENIED;
     * CF_TOO_LARGE), it is forgotten. */
    void (*refused)(void *context, const cf_hash *blob, const cf_error *why);
    /* The other refused the blob for now; it is tried again by itself, with backoff. `code` is one
     * of CF_REFUSED_… or of a newer version, `text` for the person. */
    void (*delayed)(void *context, const cf_hash *blob, cf_bytes code, cf_bytes text);
    /* Bytes of a wanted blob, in order from the offset asked for. After the last ones
     * (offset + size = total) the blob is forgotten here. Nobody has checked them. */
    void (*received)(void *context, const cf_hash *blob, uint64_t offset, uint64_t total,
                     cf_bytes bytes);
    /* The other does not have a wanted blob; it is forgotten here. */
    void (*absent)(void *context, const cf_hash *blob);
} cf_transfer_events;

typedef struct cf_transfer cf_transfer;

/* By how much of a content is still to go: a blob of a lower rank goes before one of a higher. Who
 * saves a page waits for no photo, who copies a photo for no film. */
typedef enum {
    CF_RANK_SMALL,  /* to CF_BLOB_STEP: an edit's, most likely */
    CF_RANK_MEDIUM, /* to 8 MiB */
    CF_RANK_LARGE,  /* to 128 MiB */
    CF_RANK_HUGE,
    CF_RANKS,
} cf_transfer_rank;

/* Of a content of which so many bytes are still to go. */
cf_transfer_rank cf_transfer_rank_of(uint64_t left);

/* `events` is borrowed for the life of the transfer. */
cf_transfer *cf_transfer_new(const cf_transfer_events *events, void *context);
void cf_transfer_destroy(cf_transfer **transfer);

/* Brings a blob of `total` sealed bytes to the other: those of the lowest rank first, in the order
 * in which they were offered; a quarter of what goes out is of others, if there are any, of which
 * the first offered has it. Offering twice is once, of the lower rank. */
void cf_transfer_offer(cf_transfer *transfer, const cf_hash *blob, uint64_t total,
                       cf_transfer_rank rank);
/* How many sealed bytes of an offered blob the other is known to have. */
uint64_t cf_transfer_done(cf_transfer *transfer, const cf_hash *blob);
/* Pieces of an offered blob are at hand now. */
void cf_transfer_ready(cf_transfer *transfer, const cf_hash *blob);
/* Takes an offer back; nothing more is called for it. */
void cf_transfer_forget_offer(cf_transfer *transfer, const cf_hash *blob);
/* The same for a want. */
void cf_transfer_forget_want(cf_transfer *transfer, const cf_hash *blob);
/* Fetches a blob from `offset` on: those of the lowest rank first, in the order in which they were
 * wanted; of others a quarter, as of what goes out. Wanting twice is once, of the lower rank. */
void cf_transfer_want(cf_transfer *transfer, const cf_hash *blob, uint64_t offset,
                      cf_transfer_rank rank);
/* Nothing is offered, wanted or under way. */
bool cf_transfer_is_idle(const cf_transfer *transfer);

/* For the link. A new session asks again for what was under way; `window` is what the other grants
 * PUT. */
void cf_transfer_begin(cf_transfer *transfer, uint64_t window);
/* A PUT brings no more than `step` bytes, at most CF_BLOB_STEP, and no more than `window` bytes of
 * PUTs are under way, or one of them. */
void cf_transfer_carries(cf_transfer *transfer, uint64_t step, uint64_t window);
/* No more than `window` bytes are asked for at a time, or two pieces of `step` bytes, at most
 * CF_BLOB_STEP. One from before there was FETCH gives pieces of CF_BLOB_STEP. */
void cf_transfer_brings(cf_transfer *transfer, uint64_t step, uint64_t window);
/* One FETCH is out, and it is not known whether the other knows that. */
bool cf_transfer_tries_fetch(const cf_transfer *transfer);
/* It does not: it is asked by GET from now on, until then. */
void cf_transfer_fetch_unsupported(cf_transfer *transfer, uint64_t until_ms);
/* The same is known from before; 0: nothing is. */
void cf_transfer_without_fetch(cf_transfer *transfer, uint64_t until_ms);
/* Bytes in a second at most, up and down, see rate_limit.h; 0: no limit. Pieces wait, those of
 * small blobs after none of large ones; whoever sends or gets anything else says so, and it is made
 * up for. */
void cf_transfer_limit(cf_transfer *transfer, uint64_t up, uint64_t down);
void cf_transfer_passed(cf_transfer *transfer, uint64_t up, uint64_t down);
/* A limit is what something waits for. */
bool cf_transfer_is_held_back(const cf_transfer *transfer);
/* Pieces are asked for that did not come yet. */
bool cf_transfer_fetches(const cf_transfer *transfer);
/* Rises as the other comes to have more of a blob that is not whole yet. */
uint64_t cf_transfer_progress(const cf_transfer *transfer);
/* MISSING, STORED, BLOB, ABSENT, and REFUSED of a PUT. CF_MALFORMED for an answer nobody asked for
 * in a way that breaks the protocol. */
cf_status cf_transfer_handle(cf_transfer *transfer, const cf_message *message, uint64_t now_ms,
                             cf_error *error);
/* Sends what the windows allow. */
void cf_transfer_pump(cf_transfer *transfer, uint64_t now_ms, cf_outbox *outbox);
/* Answers are outstanding. */
bool cf_transfer_is_waiting(const cf_transfer *transfer);
/* Bytes of pieces that may come; what was asked for and is not wanted any more still does. */
uint64_t cf_transfer_expects(const cf_transfer *transfer);
/* Something is offered that the other does not have yet. */
bool cf_transfer_is_offering(const cf_transfer *transfer);
/* What it had no room for is offered again now, before its time. */
void cf_transfer_try_room(cf_transfer *transfer);
/* Nothing is wanted, and what is offered, if anything, the other has no room for: each was refused
 * for that. */
bool cf_transfer_lacks_room(const cf_transfer *transfer);
/* When pump has something to do again, UINT64_MAX if only an event brings it. */
uint64_t cf_transfer_deadline(const cf_transfer *transfer, uint64_t now_ms);

#endif
