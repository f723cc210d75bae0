/* SPDX-License-Identifier: Apache-2.0 */
/* Contents on their way out: for each content that is to be published, how others will get it.
 * Small ones go into the entry; what the log has is named again; an edit becomes a delta; the rest
 * is sealed, piece by piece, and is ready once the broker has stored all pieces. Nothing is kept
 * that can be made again. Owned by the engine's thread. */
#ifndef CF_PEER_TRANSFER_UPLOADS_H
#define CF_PEER_TRANSFER_UPLOADS_H
#include "peer/bindings/binding.h"
#include "peer/bindings/files_read.h"
#include "peer/log/peer.h"
#include "peer/transfer/flow.h"

typedef struct cf_uploads cf_uploads;

/* How a content is to be had, as an entry will say it. The slices count from `blobs`. */
typedef struct {
    cf_content content;
    const cf_hash *blobs;
    size_t blob_count;
    /* Of a whole that was an edit: the same as a patch on what the file was before, for who has
     * that. Its length is 0 where there is none. */
    cf_how as_patch;
    const cf_hash *patch_blobs;
    size_t patch_blob_count;
} cf_prepared;

cf_uploads *cf_uploads_new(cf_peer *peer);
void cf_uploads_destroy(cf_uploads **uploads);

/* A file that was read. */
typedef struct {
    cf_binding *binding;
    uint64_t folder; /* node of its directory */
    cf_bytes name;
    cf_stat stat;
    cf_hash hash;
    const cf_read *read; /* NULL when only its hash is remembered */
    cf_bytes before;     /* the identity of what the base has in its place; none */
    bool is_racy;        /* it was (node.h) */
} cf_upload_file;

typedef enum {
    CF_UPLOAD_READY,    /* `*out` is borrowed until the next call of step or cf_uploads_published */
    CF_UPLOAD_STARTED,  /* under way: the folder of each that asked comes up in cf_uploads_finished
                         */
    CF_UPLOAD_WAITS,    /* for a broker */
    CF_UPLOAD_DEFERRED, /* more would travel than may: see cf_uploads_defer_over */
    CF_UPLOAD_AGAIN,    /* it has to be read first */
} cf_upload_answer;

cf_upload_answer cf_uploads_prepare(cf_uploads *uploads, const cf_upload_file *file,
                                    const cf_prepared **out);
/* The leaf hashes of a content that was prepared; none when they are not known. */
cf_bytes cf_uploads_leaves(const cf_uploads *uploads, const cf_hash *hash);
/* What is to be kept of it beside them. */
void cf_uploads_keep(const cf_uploads *uploads, const cf_hash *hash, cf_kv_list *records);

/* The file has another content now, or is gone (NULL): what waits to be sent of what it had is
 * dropped. */
void cf_uploads_overtake(cf_uploads *uploads, const cf_binding *binding, uint64_t folder,
                         cf_bytes name, const cf_hash *by);
/* What was ready for this file is in the log now: others of the collection name it again. */
void cf_uploads_published(cf_uploads *uploads, const cf_upload_file *file);
/* A file whose content is on its way is known by its stat: it need not be read again. Nor does one
 * that changes without rest, and that had this content at one moment, which is ready: else none of
 * its contents would ever be published. */
typedef struct {
    cf_hash hash;
    bool is_racy; /* it was when it was read */
    bool moved;   /* on from what it was when it was read: */
    cf_stat stat; /* then */
} cf_recalled;
bool cf_uploads_recall(cf_uploads *uploads, const cf_stat *stat, cf_recalled *out);

/* Contents that have more bytes, in whole or as a delta, wait from now on, also those of which some
 * are still to go; those that no longer do go on. UINT64_MAX, as at first: none waits. Who asked
 * for one of either sort comes up in cf_uploads_finished. */
void cf_uploads_defer_over(cf_uploads *uploads, uint64_t most);
size_t cf_uploads_deferred(const cf_uploads *uploads); /* how many wait so */

/* Goes on with what is under way. */
void cf_uploads_step(cf_uploads *uploads);
/* One that was asked for has ended, well or not: look at the folder again, by whichever of the
 * equal files it was asked for. False: none. */
bool cf_uploads_finished(cf_uploads *uploads, const cf_binding **binding, uint64_t *folder);
/* Something is under way; not: what is deferred, or only waits for a broker. */
bool cf_uploads_busy(const cf_uploads *uploads);
/* Something is done here for one, rather than at the broker's. */
bool cf_uploads_working(const cf_uploads *uploads);
/* A patch is being made from the base's copy of this content. */
bool cf_uploads_read_base(const cf_uploads *uploads, const cf_hash *hash);
/* Forget what belongs to a binding that ends. */
void cf_uploads_forget(cf_uploads *uploads, const cf_binding *binding);

/* The link's transfer events for offers. */
bool cf_uploads_piece(cf_uploads *uploads, const cf_hash *blob, uint64_t offset, size_t size,
                      cf_buffer *out);
void cf_uploads_stored(cf_uploads *uploads, const cf_hash *blob);
void cf_uploads_refused(cf_uploads *uploads, const cf_hash *blob, const cf_error *why);
/* The blob is refused for now. True when that is news. */
bool cf_uploads_delayed(cf_uploads *uploads, const cf_hash *blob, cf_bytes text);

/* Whether there is a broker to seal for. */
bool cf_uploads_may_seal(const cf_uploads *uploads);
/* Why the broker takes none of what is to be sent, in its words; NULL: it does, or there is
 * nothing. */
const char *cf_uploads_delay(const cf_uploads *uploads);

typedef struct {
    uint64_t deltas, delta_bytes; /* patches made, and their size */
    uint64_t blobs, blob_bytes;   /* sealed and stored */
    uint64_t reused_bytes;        /* of wholes, in blobs that the log had */
} cf_upload_figures;
cf_upload_figures cf_uploads_count(const cf_uploads *uploads);
/* What is to be sealed, and has been since the beginning; not what a patch is being made of. */
cf_flow_count cf_uploads_flow(const cf_uploads *uploads);

/* ---- Prepared contents ---- */

/* How a content is to be had, on its way into an entry. */

/* A content that the log has already, and which is written again: as the log says it. In the arena.
 * CF_MISSING. */
cf_status cf_prepared_in_log(cf_peer *peer, const cf_id *collection, const cf_hash *hash,
                             cf_arena *arena, const cf_prepared **out, cf_error *error);

/* About what its reference takes of a body. */
uint64_t cf_prepared_size(const cf_prepared *prepared);
/* The reference as an entry says it of whose blobs this content's begin at `first_blob`. */
cf_bytes cf_prepared_reference(const cf_prepared *prepared, size_t first_blob, cf_arena *arena);

/* Adds, behind the entry that introduces the content, what supplies it as a patch; nothing where it
 * is none. */
cf_status cf_prepared_add_supply(const cf_prepared *prepared, cf_publication *publication,
                                 uint64_t now_ms, cf_error *error);

/* The blobs of an entry in the making. */
typedef struct {
    cf_hash *at;
    size_t count, capacity;
} cf_blob_list; /* {0} is empty */
void cf_blob_list_add(cf_blob_list *list, const cf_prepared *prepared);
void cf_blob_list_release(cf_blob_list *list);

#endif
