/* SPDX-License-Identifier: Apache-2.0 */
/* What was moved while its directories were listed, from one that was listed before to one that was
 * listed after: it is seen at both places, and told of as two. */
#include "peer/sources/files/survey_inside.h"

#include "peer/sources/files/files_known.h"

/* Nothing else may be seen twice. */
static bool is_alone(const cf_listed *listed)
{
    if (listed->kind == 'd')
        return !listed->stat.is_mount;
    return (listed->kind == 'f' || listed->kind == 'l') && listed->stat.links == 1;
}

/* Where no birth says that it is one file, the number may be another's by now, unless the system
 * told that what is at the other place was renamed to here. */
static bool was_told(const cf_survey *survey, size_t entry, size_t other)
{
    const cf_listing *listing = &survey->listing;
    const cf_listed *listed = &listing->entries[entry];
    const cf_listed_folder *folder = &listing->folders[listed->folder];
    const cf_renames *renames = survey->options.renames;
    const bool starts = folder->entry == CF_LISTED_START;
    const cf_node *above = starts ? NULL : cf_survey_base_node(survey, folder->entry);
    const cf_node *node = cf_survey_base_node(survey, other);
    const cf_look_place there = {.folder = above ? above->number : folder->node,
                                 .name = listed->name};
    cf_look_place from;

    return (starts || above) && renames && cf_renames_find(renames, &there, &from) &&
           node->parent == from.folder && cf_bytes_equal(node->name, from.name);
}

static bool is_same(const cf_survey *survey, size_t entry, size_t other)
{
    const cf_stat *stat = &survey->listing.entries[entry].stat;
    const cf_stat *known = &survey->listing.entries[other].stat;

    if (survey->listing.entries[entry].kind != survey->listing.entries[other].kind)
        return false;
    return (stat->size == known->size && stat->mtime_ns == known->mtime_ns) || stat->birth_ns ||
           was_told(survey, entry, other);
}

/* What is in it is there, and where that is will be told with it. */
static bool is_in_such(const cf_listing *listing, size_t entry, const bool *twice)
{
    const size_t above = listing->folders[listing->entries[entry].folder].entry;

    return above != CF_LISTED_START && twice[above];
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

        twice[i] = other != CF_KNOWN_NONE && is_same(survey, i, other);
        twice[i] |= is_in_such(listing, i, twice);
    }
    cf_arena_release(&arena);
}
