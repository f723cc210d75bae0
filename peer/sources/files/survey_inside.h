/* SPDX-License-Identifier: Apache-2.0 */
/* What a survey's own files share. */
#ifndef CF_PEER_SOURCES_FILES_SURVEY_INSIDE_H
#define CF_PEER_SOURCES_FILES_SURVEY_INSIDE_H
#include "peer/adapters/files_identity.h"
#include "peer/merge/node_stat.h"
#include "peer/sources/files/numbers.h"
#include "peer/sources/files/survey.h"
#include "peer/sources/files/survey_reads.h"

typedef enum {
    CF_SURVEY_IS_LISTING,
    CF_SURVEY_IS_IDENTIFYING,
    CF_SURVEY_IS_SYNCING,
    CF_SURVEY_IS_PLACES,
    CF_SURVEY_IS_CONTENTS,
    CF_SURVEY_IS_OVER,
} cf_survey_phase;

struct cf_survey {
    cf_survey_options options;
    cf_survey_phase phase;
    bool everywhere; /* lists also what is not asked for */
    cf_listing listing;
    uint64_t *watched; /* by folder of the listing: the number that it is watched under; 0: none */
    size_t watched_count, watched_capacity;
    cf_survey_reads *reads;
    cf_arena arena;                     /* of what lasts as long as the survey */
    const cf_identity_node *whole_base; /* of a look at everything */
    size_t whole_count;
    cf_look_places wider; /* directories that are looked at as a whole because the identity asked */
    size_t widened;
    cf_look_places tried; /* names that the identity asked for */
    cf_identity identity;
    uint64_t *numbers; /* by entry: its node; 0: none */
    cf_numbers told;   /* nodes that were found, and not left out */
    bool *reported;    /* by entry: came in a batch, or needs none */
    bool *twice;       /* by entry, see below */
    size_t syncing;    /* jobs of survey_names.c */
    cf_error sync_error;
    size_t first, next; /* entries of the wave being read, or read and not reported */

    cf_arena batch_arena;
    cf_observation *observed;
    size_t observed_capacity;
    cf_node *restated;
    size_t restated_capacity;
    cf_survey_batch batch;
    cf_survey_note *notes;
    size_t note_count, note_capacity;
    cf_look_places again;
};

/* Lists what was asked for; or, of one directory of the base, these names. */
cf_status cf_survey_list(cf_survey *survey, cf_error *error);
cf_status cf_survey_list_names(cf_survey *survey, uint64_t node, const cf_bytes *names,
                               size_t count, cf_error *error);
/* Everything is looked at. */
bool cf_survey_is_whole(const cf_survey *survey);
/* What the identity rules need to know of the base for what is listed, in the arena. */
const cf_identity_node *cf_survey_base(cf_survey *survey, size_t *count);

/* The base's node of an entry, NULL when it is new; the number of a listed folder's,
 * UINT64_MAX where it has none: it, or one above, was moved meanwhile and not found. */
const cf_node *cf_survey_base_node(const cf_survey *survey, size_t entry);
uint64_t cf_survey_folder_number(const cf_survey *survey, size_t folder);

/* Of each entry, whether it is another sight of a file that the base has, and that has only one
 * place: where it is, only another look tells. */
void cf_survey_find_twice(const cf_survey *survey, bool *twice);

void cf_survey_look_again(cf_survey *survey, size_t folder);
void cf_survey_look_again_at(cf_survey *survey, size_t entry);
void cf_survey_note_entry(cf_survey *survey, size_t entry, const char *reason, bool passing);

/* Starts to make durable what is new, moved or gone by name. */
void cf_survey_sync_names(cf_survey *survey);
void cf_survey_await_names(cf_survey *survey);
/* The first batch: gone, moved, directories, links, all that needs no reading. */
void cf_survey_report_places(cf_survey *survey);
/* Reads on, a wave of as much as memory takes; false when there is nothing left to read. */
bool cf_survey_start_contents(cf_survey *survey);
/* A batch of what was read; the next wave is read while that is published. As above. */
bool cf_survey_report_contents(cf_survey *survey);

#endif
