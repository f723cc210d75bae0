/* SPDX-License-Identifier: Apache-2.0 */
/* What a medium shows, and what it refused. */
#include "peer/sources/records/medium.h"

#include <stdlib.h>

void cf_medium_content_release(cf_medium_content *content)
{
    cf_record_file_release(&content->file);
    cf_arena_release(&content->arena);
    *content = (cf_medium_content){0};
}

void cf_medium_refuse(cf_medium_outcome *outcome, cf_bytes table, cf_bytes key, cf_status why,
                      const char *text)
{
    *cf_one_more(outcome->refusals, outcome->count, outcome->capacity) = (cf_medium_refusal){
        .table = cf_arena_copy(&outcome->arena, table),
        .key = cf_arena_copy(&outcome->arena, key),
        .why = why,
        .text = cf_arena_text(&outcome->arena, cf_bytes_of_text(text)),
    };
}

void cf_medium_refuse_unsaid(cf_medium_outcome *outcome, const cf_record_options *options,
                             const cf_row *rows, const bool *unsaid, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!unsaid[i])
            continue;
        cf_medium_refuse(outcome, rows[i].table, rows[i].key, CF_IO,
                         cf_record_format_keeps(options, rows[i].table, rows[i].key)
                             ? "what it should show can't be written here: it stays as it was"
                             : "its key has no place here: elsewhere it is made of more or fewer "
                               "columns than --key names");
        outcome->refusals[outcome->count - 1].unsaid = true;
    }
}

void cf_medium_outcome_release(cf_medium_outcome *outcome)
{
    free(outcome->refusals);
    cf_arena_release(&outcome->arena);
    *outcome = (cf_medium_outcome){0};
}
