/* SPDX-License-Identifier: Apache-2.0 */
/* What a survey's own files share. */
#ifndef CF_PEER_SOURCES_FILES_SURVEY_INSIDE_H
#define CF_PEER_SOURCES_FILES_SURVEY_INSIDE_H
#include "peer/adapters/files_identity.h"
#include "peer/merge/node_stat.h"
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
    uint64_t *folders;
    cf_survey_phase phase;
    bool everywhere; /* lists also what is not asked for */
    cf_listing listing;
    cf_survey_reads *reads;
    cf_arena arena; /* of what lasts as long as the survey */
    cf_identity_node *nodes;
    size_t node_count;
    cf_identity identity;
    uint64_t *numbers; /* by entry: its node; 0: none */
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
    uint64_t *again; /* directories */
    size_t again_count, again_capacity;
};

/* Lists what was asked for; or from one directory of the base on. */
cf_status cf_survey_list(cf_survey *survey, cf_error *error);
cf_status cf_survey_list_from(cf_survey *survey, uint64_t node, cf_error *error);

/* The base's node of an entry, NULL when it is new; the number of a listed folder's,
 * UINT64_MAX where it has none: it, or one above, was moved meanwhile and not found. */
const cf_node *cf_survey_base_node(const cf_survey *survey, size_t entry);
uint64_t cf_survey_folder_number(const cf_survey *survey, size_t folder);

/* Of each entry, whether it is another sight of a file that the base has, and that has only one
 * place: where it is, only another look tells. */
void cf_survey_find_twice(const cf_survey *survey, bool *twice);

void cf_survey_look_again(cf_survey *survey, size_t folder);
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
