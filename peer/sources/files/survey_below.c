/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that are mounted where no one sees it, as a card in a folder of the machine whose share is
 * synced. When one goes, its files are gone as if they had been removed; but the directory from
 * which they went has not lost anything, and its time says so:
 *
 *     f in card/ is of 10:00. The bare card/, without the card, is of 9:00:    f went with it
 *     `rm f` at 11:00, and card/ is of 11:00:                                  f was removed
 *     card/ is of 10:00, as it was when all of it was seen:                    f went with it
 *     the bare card/ is of 11:00, later than all that was on the card:         nothing tells
 *
 * What is missing there is away then, and stays so in the base, whatever happens to the directory,
 * until it is seen again or the user says that it was removed. Whoever sets a directory's time back
 * after a removal, as `rsync -a` does, is asked, too. */
#include "peer/sources/files/survey_inside.h"

#include <stdlib.h>

/* Times are cut to 2 s at most, and a share's clock may be some seconds off. */
#define STEP_NS INT64_C(4000000000)
#define CALM_NS INT64_C(10000000000)

bool cf_survey_asks_folders(const cf_survey *survey)
{
    const cf_binding *binding = survey->options.binding;

    return binding->is_remote && binding->traits.dates_folders;
}

static bool is_earlier_by(int64_t time_ns, int64_t other_ns, int64_t by_ns)
{
    int64_t later_ns;

    return !__builtin_add_overflow(time_ns, by_ns, &later_ns) && later_ns < other_ns;
}

static int order_times(const void *a, const void *b)
{
    const uint64_t one = ((const cf_survey_time *)a)->node;
    const uint64_t other = ((const cf_survey_time *)b)->node;

    return (one > other) - (one < other);
}

static void gather_times(cf_survey *survey)
{
    survey->times =
        cf_arena_allocate(&survey->arena, survey->listing.folder_count, sizeof *survey->times);
    for (size_t i = 0; i < survey->listing.folder_count; i++) {
        const cf_listed_folder *folder = &survey->listing.folders[i];
        const uint64_t number = cf_survey_folder_number(survey, i);

        if (folder->complete && number != UINT64_MAX)
            survey->times[survey->time_count++] = (cf_survey_time){number, folder->mtime_ns};
    }
    if (survey->time_count)
        qsort(survey->times, survey->time_count, sizeof *survey->times, order_times);
}

static const cf_survey_time *time_of(const cf_survey *survey, uint64_t directory)
{
    const cf_survey_time wanted = {.node = directory};

    return survey->time_count
               ? bsearch(&wanted, survey->times, survey->time_count, sizeof wanted, order_times)
               : NULL;
}

void cf_survey_date_directory(const cf_survey *survey, const cf_node *node, uint64_t number,
                              cf_node_stat *stat)
{
    const cf_env *env = survey->options.env;
    const cf_survey_time *listed = time_of(survey, number);

    if (node && (!listed || cf_numbers_have(&survey->lacking, number))) {
        stat->mtime_ns = node->stat.mtime_ns;
        stat->is_racy = node->stat.is_racy;
    } else {
        const int64_t now_ns = cf_ns_of_ms(env->now_ms(env->context));

        stat->mtime_ns = listed ? listed->mtime_ns : stat->mtime_ns;
        stat->is_racy = !listed || !is_earlier_by(listed->mtime_ns, now_ns, CALM_NS);
    }
}

static bool has_lost_nothing(const cf_survey *survey, const cf_node *missed)
{
    const cf_survey_time *now = time_of(survey, missed->parent);
    const cf_node *directory = cf_nodes_find(survey->options.binding->nodes, missed->parent);

    if (!now || missed->disk == CF_DISK_BELOW)
        return false;
    if (missed->stat.ctime_ns != CF_CTIME_UNSEEN &&
        is_earlier_by(now->mtime_ns, missed->stat.ctime_ns, STEP_NS))
        return true;
    return directory && !directory->stat.is_racy && now->mtime_ns <= directory->stat.mtime_ns;
}

static const cf_node *gone_at(const cf_survey *survey, size_t i)
{
    return cf_nodes_find(survey->options.binding->nodes, survey->batch.gone[i]);
}

/* Directories that have lost nothing, though something is missing in them: to `bare`. */
static void find_bare(cf_survey *survey)
{
    const cf_survey_batch *batch = &survey->batch;

    for (size_t i = 0, away = 0; i < batch->gone_count; i++) {
        const bool is_away = away < batch->away_count && batch->away[away].number == batch->gone[i];

        away += is_away;
        if (!is_away && has_lost_nothing(survey, gone_at(survey, i)))
            cf_numbers_add(&survey->bare, gone_at(survey, i)->parent);
    }
    cf_numbers_sort(&survey->bare);
}

/* What is missed with a directory went from where that did. */
static bool is_from_bare(const cf_survey *survey, const cf_numbers *gone, const cf_node *node)
{
    while (cf_numbers_have(gone, node->parent))
        node = cf_nodes_find(survey->options.binding->nodes, node->parent);
    return cf_numbers_have(&survey->bare, node->parent);
}

/* In the order of what is gone. */
static void hold(cf_survey *survey)
{
    cf_survey_batch *batch = &survey->batch;
    cf_identity_away *away =
        cf_arena_allocate(&survey->batch_arena, batch->gone_count, sizeof *away);
    cf_numbers gone = {0};
    size_t count = 0;

    for (size_t i = 0; i < batch->gone_count; i++)
        cf_numbers_add(&gone, batch->gone[i]);
    cf_numbers_sort(&gone);
    for (size_t i = 0, before = 0; i < batch->gone_count; i++) {
        const cf_node *node = gone_at(survey, i);

        if (before < batch->away_count && batch->away[before].number == batch->gone[i]) {
            away[count++] = batch->away[before++];
        } else if (is_from_bare(survey, &gone, node)) {
            away[count++] = (cf_identity_away){batch->gone[i], 0};
            cf_survey_restate(survey, node, &node->stat, CF_DISK_BELOW);
        }
    }
    batch->away = away;
    batch->away_count = count;
    cf_numbers_release(&gone);
}

/* Of what went with a disk below before, too. */
static void note_directories(cf_survey *survey)
{
    for (size_t i = 0; i < survey->batch.gone_count; i++) {
        const cf_node *node = gone_at(survey, i);

        cf_numbers_add(&survey->lacking, node->parent);
        if (node->disk == CF_DISK_BELOW)
            cf_numbers_add(&survey->bare, node->parent);
    }
    cf_numbers_sort(&survey->lacking);
    cf_numbers_sort(&survey->bare);
}

void cf_survey_find_below(cf_survey *survey)
{
    gather_times(survey);
    find_bare(survey);
    if (survey->bare.count)
        hold(survey);
    note_directories(survey);
}
