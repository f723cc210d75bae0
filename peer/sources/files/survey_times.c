/* SPDX-License-Identifier: Apache-2.0 */
/* When the directories that were listed were changed last, and whether they have lost anything. */
#include "peer/sources/files/survey_inside.h"

#include <stdlib.h>

static int order_times(const void *a, const void *b)
{
    const uint64_t one = ((const cf_bare_time *)a)->folder;
    const uint64_t other = ((const cf_bare_time *)b)->folder;

    return (one > other) - (one < other);
}

/* One that was listed twice has the later time. */
static void merge_times(cf_survey *survey)
{
    cf_bare_time *times = survey->times;
    size_t count = 0;

    if (survey->time_count)
        qsort(times, survey->time_count, sizeof *times, order_times);
    for (size_t i = 0; i < survey->time_count; i++) {
        if (!count || times[count - 1].folder != times[i].folder)
            times[count++] = times[i];
        else if (times[count - 1].changed_ns < times[i].changed_ns)
            times[count - 1] = times[i];
    }
    survey->time_count = count;
}

void cf_survey_gather_times(cf_survey *survey)
{
    survey->times =
        cf_arena_allocate(&survey->arena, survey->listing.folder_count, sizeof *survey->times);
    for (size_t i = 0; i < survey->listing.folder_count; i++) {
        const cf_listed_folder *folder = &survey->listing.folders[i];
        const uint64_t number = cf_survey_folder_number(survey, i);

        if (folder->changed_ns && number != UINT64_MAX)
            survey->times[survey->time_count++] =
                (cf_bare_time){number, folder->changed_ns, folder->stat.inode};
    }
    merge_times(survey);
}

const cf_bare_time *cf_survey_folder_time(const cf_survey *survey, uint64_t directory)
{
    const cf_bare_time wanted = {.folder = directory};

    return survey->time_count
               ? bsearch(&wanted, survey->times, survey->time_count, sizeof wanted, order_times)
               : NULL;
}

/* It was another directory at the last look, and is the one that was there without a disk; nobody
 * put it there. */
static bool is_bare_again(const cf_survey *survey, const cf_bare_time *now)
{
    const cf_binding *binding = survey->options.binding;
    const cf_node *directory = cf_nodes_find(binding->nodes, now->folder);
    const cf_bare_time *above = directory ? cf_survey_folder_time(survey, directory->parent) : NULL;

    return above && !cf_node_went_below(directory) && directory->stat.inode != now->inode &&
           cf_binding_saw_all_since(binding, above->changed_ns) &&
           cf_bare_times_have_inode(&binding->seen.bare, now->folder, now->inode);
}

bool cf_survey_has_lost_nothing(const cf_survey *survey, const cf_node *node)
{
    const cf_bare_time *now = cf_survey_folder_time(survey, node->parent);

    return now && !cf_node_went_below(node) &&
           (is_bare_again(survey, now) ||
            cf_binding_has_lost_nothing(survey->options.binding, *now, node->stat.ctime_ns));
}
