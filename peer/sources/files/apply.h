/* SPDX-License-Identifier: Apache-2.0 */
/* Apply: brings what the view shows to one source's disk, in batches. New contents are written
 * beside, durable; then what is about to be done is recorded; then each thing is put into its place
 * after a last look at what stands there; then the base. A crash at any point leaves whole files,
 * and a base that knows what is ours. Owned by the engine's thread. */
#ifndef CF_PEER_SOURCES_FILES_APPLY_H
#define CF_PEER_SOURCES_FILES_APPLY_H
#include "peer/bindings/base.h"
#include "peer/bindings/binding_report.h"
#include "peer/sources/context/places.h"
#include "peer/transfer/downloads.h"
#include "peer/merge/plan.h"
#include "peer/sources/context/watch.h"

/* Why a thing waits whose content is being fetched. */
#define CF_ON_THE_WAY "its content is on the way"

typedef struct cf_applying cf_applying;

typedef struct {
    cf_peer *peer;
    cf_binding *binding;
    cf_downloads *downloads;
    cf_bases *bases;
    cf_watch *watch; /* every directory that is made is watched, under its node's number; NULL */
} cf_applying_options;

cf_applying *cf_applying_new(const cf_applying_options *options);
/* From now on nothing is asked of the downloads: they end, too. NULL: there is nothing to end. */
void cf_applying_end(cf_applying *applying);
/* Waits for jobs. */
void cf_applying_destroy(cf_applying **applying);

/* The groups of these directories are to be looked at by the next cf_applying_begin. */
void cf_applying_mark(cf_applying *applying, const cf_id *directories, size_t count);
/* A group, or the items of it that are meant, are to be looked at likewise. */
void cf_applying_mark_group(cf_applying *applying, const cf_group *group);
bool cf_applying_marked(const cf_applying *applying);
/* Marks again what was left undone: something has happened that may have made it possible. */
void cf_applying_wake(cf_applying *applying);
/* Of things that could not be put into a directory for one reason only one is tried, run by run,
 * until it goes into its place: all are tried in the next run. */
void cf_applying_try_all(cf_applying *applying);
/* Wakes it when others have what may not leave without. */
void cf_applying_wake_waiting(cf_applying *applying);

typedef struct {
    cf_delete_word word;
    bool dry;        /* only plans, for what is pending */
    bool more_comes; /* entries come just now, and what more than a few of them delete waits */
} cf_applying_how;
/* Plans and begins; not while busy. The root is held. */
cf_status cf_applying_begin(cf_applying *applying, const cf_applying_how *how, cf_error *error);
/* Plans, for what is pending, where something was marked since it was last planned: of a source
 * that only sends, and applies nothing. Not while busy. */
cf_status cf_applying_compare(cf_applying *applying, cf_error *error);
/* Goes on; false when it has ended. A failure leaves the peer unusable. Of a disk that may hang the
 * step is done by a coroutine: what this call waits for too long goes on beside the engine. */
cf_status cf_applying_step(cf_applying *applying, bool *busy, cf_error *error);
bool cf_applying_busy(const cf_applying *applying);
/* The last step of applying ended in the midst of a call: what the disk answered before counts no
 * more. */
bool cf_applying_is_stuck(const cf_applying *applying);
/* Waits until neither a job nor a step is under way for it. */
void cf_applying_await(cf_applying *applying);

/* After it ended. */
typedef struct {
    uint64_t applied; /* things put into place */
    /* Where the disk was not as the base has it: scan that, then wake. */
    const cf_look_places *look_at;
    /* Directories that are watched from now on: look into them once, for what came there before. */
    const uint64_t *watched;
    size_t watched_count;
    bool waits;       /* for downloads, which mark nothing by themselves */
    bool held;        /* deletes wait for the user's word */
    bool awaits_more; /* deletes wait until it is known what else goes */
    bool unveils;     /* what lies here may be asked for now that was not: look at all */
    bool torn;        /* a place may be empty that was to be filled: hold the root anew */
    const char *disk; /* why nothing can be put there: it is full, or can't be written to; NULL */
    const cf_pending *pending; /* what is left; lives until the next begin */
    size_t pending_count;
    cf_pending_counts counts; /* of these */
} cf_applied;
void cf_applying_result(const cf_applying *applying, cf_applied *out);

#endif
