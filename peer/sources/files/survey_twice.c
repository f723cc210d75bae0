/* SPDX-License-Identifier: Apache-2.0 */
/* A file that was moved while its directories were listed, from one that was listed before to one
 * that was listed after: it is seen at both places, and told of as two. */
#include "peer/sources/files/survey_inside.h"

#include "peer/sources/files/files_known.h"

static bool is_alone(const cf_listed *listed)
{
    return (listed->kind == 'f' || listed->kind == 'l') && listed->stat.links == 1;
}

void cf_survey_find_twice(const cf_survey *survey, bool *twice)
{
    const cf_listing *listing = &survey->listing;
    cf_arena arena = {0};
    cf_stat_index *known = cf_stat_index_new(&arena, listing->entry_count);

    for (size_t i = 0; i < listing->entry_count; i++)
        if (is_alone(&listing->entries[i]) && cf_survey_base_node(survey, i))
            cf_stat_index_add(known, &listing->entries[i].stat, i);
    for (size_t i = 0; i < listing->entry_count; i++) {
        const cf_stat *stat = &listing->entries[i].stat;
        size_t other = is_alone(&listing->entries[i]) && !cf_survey_base_node(survey, i)
                           ? cf_stat_index_find(known, stat)
                           : CF_KNOWN_NONE;

        twice[i] = other != CF_KNOWN_NONE && stat->size == listing->entries[other].stat.size &&
                   stat->mtime_ns == listing->entries[other].stat.mtime_ns;
    }
    cf_arena_release(&arena);
}
