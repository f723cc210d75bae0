/* SPDX-License-Identifier: Apache-2.0 */
/* Large contents on their way in: fetched from the broker, or made from a base that is on this disk
 * by the patches of the log, into a file in the temporary folder of the source that shows them.
 * What is ready is verified. What several sources ask for is brought for one of them, and copied
 * from there for the others; or it is not brought, and the next of them tries. Owned by the
 * engine's thread. */
#ifndef CF_PEER_TRANSFER_DOWNLOADS_H
#define CF_PEER_TRANSFER_DOWNLOADS_H
#include "peer/bindings/binding.h"
#include "peer/transfer/flow.h"

typedef struct cf_downloads cf_downloads;

typedef struct {
    cf_peer *peer;
    /* The bindings as they are now: their files serve as bases. NULL: there are none. */
    cf_binding *const *(*bindings)(void *context, size_t *count);
    void *context;
    /* Patches of the log made something else of this content; NULL: nobody is told. True: others
     * will be asked for all of it. */
    bool (*unmade)(void *context, const cf_id *collection, const cf_hash *content);
} cf_downloads_options;

cf_downloads *cf_downloads_new(const cf_downloads_options *options);
/* Waits for jobs. */
void cf_downloads_destroy(cf_downloads **downloads);

typedef enum {
    CF_DOWNLOAD_READY,
    CF_DOWNLOAD_STARTED,
    CF_DOWNLOAD_WAITS,  /* for a broker, or for a device that has it; or too much would travel */
    CF_DOWNLOAD_FAILED, /* see the reason; asking again tries again */
} cf_download_answer;

typedef struct {
    cf_bytes name;   /* READY: of the file in the temporary folder, the caller's from
                        cf_downloads_take on */
    cf_bytes leaves; /* READY: its leaf hashes */
    const char *reason;
    bool is_too_large; /* FAILED: it can't be had on this disk, */
    bool is_of_disk;   /* or nothing can be had there: it is full, or can't be written to */
} cf_download;

/* `content` is an identity, the root of `binding` is held. What `out` gives is borrowed until the
 * next call; `reason` is written unless READY or STARTED. */
cf_download_answer cf_downloads_want(cf_downloads *downloads, cf_binding *binding, cf_bytes content,
                                     cf_download *out);
/* The content's file is where it belongs, or nobody wants it any more (what was begun is thrown
 * away). Who asks for the content after this gets another file, made from the first. */
void cf_downloads_take(cf_downloads *downloads, const cf_binding *binding, cf_bytes content);

/* Whether the disk of the source keeps its reserve when a file of so many bytes is written to it,
 * too, beside those that are `under_way`. CF_FULL: it doesn't. */
cf_status cf_downloads_leave_reserve(const cf_downloads *downloads, const cf_binding *binding,
                                     uint64_t size, uint64_t under_way, cf_error *error);

/* Contents whose whole, or whose deltas from what is on this disk, have more bytes wait from now
 * on, also those under way, however much of them has come; those that no longer do go on where they
 * were. UINT64_MAX, as at first: none waits. */
void cf_downloads_defer_over(cf_downloads *downloads, uint64_t most);
size_t cf_downloads_deferred(const cf_downloads *downloads); /* how many wait so */
/* Some wait since another device communicates alone; of any collection: NULL. */
bool cf_downloads_are_paused(const cf_downloads *downloads, const cf_id *collection);
/* Where one does has changed. */
void cf_downloads_try_paused(cf_downloads *downloads);

void cf_downloads_step(cf_downloads *downloads);
/* What is to be brought, and has been since the beginning; what waits to be begun with all of its
 * size, as nobody knows yet what of it is here. */
cf_flow_count cf_downloads_flow(const cf_downloads *downloads);
/* The bindings for which one has ended since the last call, one by one. NULL: none. */
const cf_binding *cf_downloads_finished(cf_downloads *downloads);
/* Something is under way or can go on; not: what only waits. */
bool cf_downloads_busy(const cf_downloads *downloads);
/* Whether nothing of the binding is under way; what has waited for a broker for 30 s gives up the
 * files that it has open, and with them what came of a blob within the last seconds, and goes on
 * later. */
bool cf_downloads_rest(cf_downloads *downloads, const cf_binding *binding);
/* One is being made from the base's copy of this content. */
bool cf_downloads_read_base(const cf_downloads *downloads, const cf_hash *hash);
/* The binding ends, or its root is let go. Waits for jobs; what was fetched stays on its disk, and
 * a later want goes on from there. */
void cf_downloads_forget(cf_downloads *downloads, const cf_binding *binding);

/* The link's transfer events for wants. */
void cf_downloads_received(cf_downloads *downloads, const cf_hash *blob, uint64_t offset,
                           uint64_t total, cf_bytes bytes);
void cf_downloads_absent(cf_downloads *downloads, const cf_hash *blob);
void cf_downloads_refused(cf_downloads *downloads, const cf_hash *blob, const cf_error *why);
/* Something is different now: what waits for a blob is tried again, and what failed is when it is
 * wanted. */
void cf_downloads_retry(cf_downloads *downloads);
/* The disk may take what it refused, such as for want of room: that is tried again when it is
 * wanted. Costs little where the disk refuses it still. */
void cf_downloads_retry_disk(cf_downloads *downloads);

#endif
