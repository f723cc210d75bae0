/* SPDX-License-Identifier: Apache-2.0 */
/* A scan: what a source's disk shows now, compared with its base. It lists, gives each thing its
 * node, and reads what may have changed, in jobs; what it finds comes in batches, so that a first
 * scan of any size needs little memory. Nothing is decided here about what to publish. Owned by
 * the engine's thread, as all of these. */
#ifndef CF_PEER_SOURCES_FILES_SCAN_H
#define CF_PEER_SOURCES_FILES_SCAN_H
#include "codec/hash_table.h"
#include "peer/sources/files/files_identity.h"
#include "peer/bindings/files_read.h"
#include "peer/bindings/binding.h"
#include "peer/merge/diff.h"
#include "peer/sources/files/renames.h"
#include "peer/sources/context/watch.h"
#include "peer/transfer/uploads.h"

typedef struct cf_scan cf_scan;

typedef struct {
    const cf_env *env;
    cf_binding *binding;          /* whose root is held */
    const cf_look_places *places; /* to look at, in order; borrowed; none: everything */
    /* Whether the content of a large file with this stat is known although the base doesn't have
     * it; NULL: never. */
    bool (*recall)(void *context, const cf_stat *stat, cf_recalled *out);
    /* Why this file, which is not as in the base, is not to be read now, while it changes without
     * rest; NULL: it is to be. Borrowed until the next call. NULL: none rests. */
    const char *(*rests)(void *context, uint64_t folder, cf_bytes name);
    /* Whether a file is to be read although it changes without rest, or stays open for writing;
     * `unknown`: its stat, when the base doesn't have it, else NULL. NULL: none is. */
    bool (*insists)(void *context, uint64_t folder, cf_bytes name, const cf_stat *unknown);
    /* Whether a file of the base is a draft (draft.h); NULL: none is. */
    bool (*is_draft)(void *context, const cf_node *node);
    bool takes_other_disks;    /* what lies on another disk than before, and is not as it was, is an
                                  edit: the user has said so */
    const cf_renames *renames; /* whose places are looked at together; NULL: none are told */
    void *context;
    cf_watch *watch; /* every directory that is listed is watched, under its node's number; NULL */
} cf_scan_options;

cf_scan *cf_scan_new(const cf_scan_options *options);
/* Reads that are under way are waited for. A listing that is under way is not, since its disk may
 * hang: it keeps the source's root and temporary folder, which the binding has no longer then, and
 * in which nobody else may work. */
void cf_scan_destroy(cf_scan **scan);

typedef enum {
    CF_SCAN_WORKING, /* jobs are under way: call again when some were delivered */
    CF_SCAN_BATCH,   /* cf_scan_batch has one; the next call asks for more */
    CF_SCAN_DONE,
    CF_SCAN_FAILED, /* the source itself can't be used: see the error */
} cf_scan_state;

cf_scan_state cf_scan_step(cf_scan *scan, uint64_t now_ms, cf_error *error);

/* One thing that is new or not as in the base. */
typedef struct {
    cf_finding finding;
    const cf_read *read; /* what was read of a file; NULL: a directory, a link, or its content is as
                            in the base */
    cf_bytes target;     /* of a link */
    size_t entry;        /* the scan's own */
} cf_observation;

/* Borrowed until the next step. The first batch has what is gone, what was moved and all
 * directories. */
typedef struct {
    bool is_first;
    const cf_observation *at;
    size_t count;
    const uint64_t *gone;
    size_t gone_count;
    const cf_identity_away *away; /* of what is gone, where another disk lies than the node's */
    size_t away_count;
    const cf_bare_time *bare; /* directories in which something of that is held, */
    size_t bare_count;
    const cf_bare_time *empty; /* and those in which nothing lies */
    size_t empty_count;
    const cf_identity_draft *drafts; /* of the first batch */
    size_t draft_count;
    const cf_node *restated; /* the same content in another file: only the stat is new */
    size_t restated_count;
} cf_scan_batch;
const cf_scan_batch *cf_scan_take(cf_scan *scan);
/* The disk's clock before a look at everything by which all was listed; 0: it was another look, or
 * nobody knows. After the first batch. */
int64_t cf_scan_whole_ns(const cf_scan *scan);

/* What a batch tells, by its nodes' numbers. */
typedef struct {
    cf_hash_table table;
    struct cf_observed_one *links;
} cf_observed;
void cf_observed_index(cf_observed *observed, const cf_scan_batch *batch);
/* Where in the batch; SIZE_MAX: it tells nothing of the node. */
size_t cf_observed_find(const cf_observed *observed, uint64_t number);
void cf_observed_release(cf_observed *observed);

/* A thing as it was listed, before anything of it is read; once the first batch has come. */
typedef struct {
    const cf_node *node; /* of the base; NULL: it is new */
    size_t within;       /* the listed folder in which it lies, */
    uint64_t folder;     /* and its number; UINT64_MAX: it has none */
    cf_bytes name;
    uint8_t kind;
    const cf_stat *stat;
} cf_scan_sight;
size_t cf_scan_sight_count(const cf_scan *scan);
/* False: it is not synced, or can't be read. */
bool cf_scan_sight_at(const cf_scan *scan, size_t index, cf_scan_sight *out);
/* The directory in which it lies, unless that is the source's own. */
bool cf_scan_sight_above(const cf_scan *scan, const cf_scan_sight *seen, cf_scan_sight *out);

/* Where on the disk the scan saw this; appended raw, from the source's root. */
void cf_scan_path(const cf_scan *scan, const cf_observation *seen, cf_buffer *out);

/* All that was found is published: directories that were unknown when they were listed are watched
 * under their node's numbers, if they have such now. */
void cf_scan_renumber_watches(const cf_scan *scan);

/* The node was found, wherever, so that a batch tells where. Of one that is neither found nor gone
 * nobody knows: not all could be listed, or it can't be read where it is. */
bool cf_scan_found(const cf_scan *scan, uint64_t node);

/* What is not in sync and why; paths are raw, from the source's root. `d/` is what lies in d, where
 * that could not be listed. */
typedef struct {
    cf_bytes path;
    const char *reason; /* lives as long as the scan */
    bool passing;       /* goes away by itself: it is being written, or changed just now */
    bool unseen;        /* nor what lies below it: a look at everything has passed that over */
} cf_scan_note;
const cf_scan_note *cf_scan_notes(const cf_scan *scan, size_t *count);
/* Where something changed just now, which has to be looked at again in a moment. */
const cf_look_places *cf_scan_again(const cf_scan *scan);

/* A file that somebody has open for writing, or that a failing disk did not let us read. */
typedef struct {
    uint64_t folder;
    cf_bytes name; /* lives as long as the scan */
    int64_t changed_ns;
} cf_scan_unread;
const cf_scan_unread *cf_scan_unread_files(const cf_scan *scan, size_t *count);

/* A file that was read and is racy: it is to be read again. */
typedef struct {
    uint64_t folder;
    cf_bytes name; /* lives as long as the scan */
    uint32_t wait_ms;
} cf_scan_racy;
const cf_scan_racy *cf_scan_racy_files(const cf_scan *scan, size_t *count);

#endif
