/* SPDX-License-Identifier: Apache-2.0 */
/* A survey: what a source's disk shows now, compared with its base. It lists, gives each thing its
 * node, and reads what may have changed, in jobs; what it finds comes in batches, so that a first
 * survey of any size needs little memory. Nothing is decided here about what to publish. Owned by
 * the engine's thread, as all of these. */
#ifndef CF_PEER_SOURCES_FILES_SURVEY_H
#define CF_PEER_SOURCES_FILES_SURVEY_H
#include "peer/adapters/files_read.h"
#include "peer/sources/binding.h"
#include "peer/merge/scan.h"
#include "peer/sources/files/watch.h"

typedef struct cf_survey cf_survey;

typedef struct {
    const cf_env *env;
    cf_binding *binding;          /* whose root is held */
    const cf_look_places *places; /* to look at, in order; borrowed; none: everything */
    /* Whether the content of a large file with this stat is known although the base doesn't have
     * it; NULL: never. */
    bool (*recall)(void *context, const cf_stat *stat, cf_hash *hash);
    void *context;
    cf_watch *watch; /* every directory that is listed is watched, under its node's number; NULL */
} cf_survey_options;

cf_survey *cf_survey_new(const cf_survey_options *options);
/* Jobs that are under way are waited for. */
void cf_survey_destroy(cf_survey **survey);

typedef enum {
    CF_SURVEY_WORKING, /* jobs are under way: call again when some were delivered */
    CF_SURVEY_BATCH,   /* cf_survey_batch has one; the next call asks for more */
    CF_SURVEY_DONE,
    CF_SURVEY_FAILED, /* the source itself can't be used: see the error */
} cf_survey_state;

cf_survey_state cf_survey_step(cf_survey *survey, uint64_t now_ms, cf_error *error);

/* One thing that is new or not as in the base. */
typedef struct {
    cf_finding finding;
    const cf_read *read; /* what was read of a file; NULL: a directory, a link, or its content is as
                            in the base */
    cf_bytes target;     /* of a link */
    size_t entry;        /* the survey's own */
} cf_observation;

/* Borrowed until the next step. The first batch has what is gone, what was moved and all
 * directories. */
typedef struct {
    const cf_observation *at;
    size_t count;
    const uint64_t *gone;
    size_t gone_count;
    const cf_node *restated; /* the same content in another file: only the stat is new */
    size_t restated_count;
} cf_survey_batch;
const cf_survey_batch *cf_survey_take(cf_survey *survey);

/* Where on the disk the survey saw this; appended raw, from the source's root. */
void cf_survey_path(const cf_survey *survey, const cf_observation *seen, cf_buffer *out);

/* All that was found is published: directories that were unknown when they were listed are watched
 * under their node's numbers, if they have such now. */
void cf_survey_renumber_watches(const cf_survey *survey);

/* It was found, wherever, so that a batch tells where. Of what is neither that nor gone nobody
 * knows: not all could be listed, or it can't be read where it is. */
bool cf_survey_found(const cf_survey *survey, uint64_t node);

/* What is not in sync and why; paths are raw, from the source's root. */
typedef struct {
    cf_bytes path;
    const char *reason; /* lives as long as the survey */
    bool passing;       /* goes away by itself: it is being written, or changed just now */
} cf_survey_note;
const cf_survey_note *cf_survey_notes(const cf_survey *survey, size_t *count);
/* Where something changed just now, which has to be looked at again in a moment. */
const cf_look_places *cf_survey_again(const cf_survey *survey);

#endif
