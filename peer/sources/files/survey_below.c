/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that are mounted where no one sees it, as a card in a folder of the machine whose share is
 * synced. When one goes, its files are gone as if they had been removed; but the directory from
 * which they went has not lost anything, and its times say so:
 *
 *     f in card/ was there at 10:00, when all was looked at.
 *     the bare card/, without the card, is of 9:00      f went with it
 *     `rm f` at 11:00, and card/ is of 11:00            f was removed
 *     the bare card/ is of 11:00: somebody wrote there  nothing tells
 *
 * 10:00 is when something was done to f last, or when all was seen, by the disk's own clock
 * (disk_clock.h).
 *
 * What is missing there is away then, and stays so in the base, whatever happens to the directory,
 * until it is seen again, or is missing beside something that is, or the user says that it was
 * removed. How the directory shows meanwhile is noted (bare_times.h): so it will show when the card
 * is out the next time, however soon. */
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

static void gather_times(cf_survey *survey)
{
    survey->times =
        cf_arena_allocate(&survey->arena, survey->listing.folder_count, sizeof *survey->times);
    for (size_t i = 0; i < survey->listing.folder_count; i++) {
        const cf_listed_folder *folder = &survey->listing.folders[i];
        const uint64_t number = cf_survey_folder_number(survey, i);

        if (folder->changed_ns && number != UINT64_MAX)
            survey->times[survey->time_count++] = (cf_bare_time){number, folder->changed_ns};
    }
    merge_times(survey);
}

static const cf_bare_time *time_of(const cf_survey *survey, uint64_t directory)
{
    const cf_bare_time wanted = {.folder = directory};

    return survey->time_count
               ? bsearch(&wanted, survey->times, survey->time_count, sizeof wanted, order_times)
               : NULL;
}

static bool has_lost_nothing(const cf_survey *survey, const cf_node *missed)
{
    const cf_bare_time *now = time_of(survey, missed->parent);

    return now && !cf_node_went_below(missed) &&
           cf_binding_has_lost_nothing(survey->options.binding, *now, missed->stat.ctime_ns);
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

static bool holds_any(const cf_survey *survey)
{
    const cf_nodes *nodes = survey->options.binding->nodes;

    for (size_t i = 0; i < survey->batch.away_count; i++)
        if (cf_node_went_below(cf_nodes_find(nodes, survey->batch.away[i].number)))
            return true;
    return false;
}

static bool is_again(const cf_node *node, const cf_listed *seen)
{
    return node && node->disk == CF_DISK_BELOW && node->kind == CF_KIND_FILE &&
           seen->kind == CF_KIND_FILE && node->stat.size == seen->stat.size &&
           node->stat.mtime_ns == seen->stat.mtime_ns;
}

/* Where a file that was held lies as it was, the disk is back that had it: what is still missing
 * there was removed on it, as in the camera meanwhile. */
static void find_returned(cf_survey *survey)
{
    const cf_nodes *nodes = survey->options.binding->nodes;

    for (size_t i = 0; i < survey->listing.entry_count; i++) {
        const cf_node *node = survey->numbers[i] ? cf_survey_base_node(survey, i) : NULL;

        if (!is_again(node, &survey->listing.entries[i]))
            continue;
        for (; node && node->disk == CF_DISK_BELOW; node = cf_nodes_find(nodes, node->parent))
            cf_numbers_add(&survey->returned, node->parent);
    }
    cf_numbers_sort(&survey->returned);
}

/* The directory with which it is missed, or it itself: of what was held, with which that was. */
static const cf_node *gone_with(const cf_survey *survey, const cf_numbers *gone,
                                const cf_node *node)
{
    const bool was_held = node->disk == CF_DISK_BELOW;

    while (cf_numbers_have(gone, node->parent)) {
        const cf_node *above = cf_nodes_find(survey->options.binding->nodes, node->parent);

        if (was_held && above->disk != CF_DISK_BELOW)
            break;
        node = above;
    }
    return node;
}

/* What is missed with a directory went from where that did. */
static bool is_held(const cf_survey *survey, const cf_numbers *gone, const cf_node *node)
{
    node = gone_with(survey, gone, node);
    return node->disk == CF_DISK_BELOW
               ? !cf_numbers_have(&survey->returned, node->parent)
               : node->disk != CF_DISK_RETURNED && cf_numbers_have(&survey->bare, node->parent);
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
        const bool was_away =
            before < batch->away_count && batch->away[before].number == batch->gone[i];
        const cf_identity_away known =
            was_away ? batch->away[before++] : (cf_identity_away){batch->gone[i], 0};

        if ((was_away && !cf_node_went_below(node)) || is_held(survey, &gone, node)) {
            away[count++] = known;
            if (!was_away)
                cf_survey_restate(survey, node, &node->stat, CF_DISK_BELOW);
        } else if (node->disk == CF_DISK_BELOW) {
            cf_survey_restate(survey, node, &node->stat, CF_DISK_RETURNED);
        }
    }
    batch->away = away;
    batch->away_count = count;
    cf_numbers_release(&gone);
}

static void add_bare_before(cf_survey *survey)
{
    const cf_nodes *nodes = survey->options.binding->nodes;
    const cf_survey_batch *batch = &survey->batch;

    for (size_t i = 0; i < batch->away_count; i++) {
        const cf_node *node = cf_nodes_find(nodes, batch->away[i].number);

        for (; node && node->disk == CF_DISK_BELOW; node = cf_nodes_find(nodes, node->parent))
            cf_numbers_add(&survey->bare, node->parent);
    }
    cf_numbers_sort(&survey->bare);
}

static void tell_bare(cf_survey *survey)
{
    cf_bare_time *times =
        cf_arena_allocate(&survey->batch_arena, survey->bare.count, sizeof *times);
    size_t count = 0;

    for (size_t i = 0; i < survey->bare.count; i++) {
        const cf_bare_time *time = time_of(survey, survey->bare.at[i]);

        if (time && (!count || times[count - 1].folder != time->folder))
            times[count++] = *time;
    }
    survey->batch.bare = times;
    survey->batch.bare_count = count;
}

static void tell_empty(cf_survey *survey)
{
    const cf_listing *listing = &survey->listing;
    cf_bare_time *times =
        cf_arena_allocate(&survey->batch_arena, listing->folder_count, sizeof *times);
    size_t count = 0;

    for (size_t i = 0; i < listing->folder_count; i++) {
        const cf_listed_folder *folder = &listing->folders[i];
        const uint64_t number = cf_survey_folder_number(survey, i);

        if (folder->complete && !folder->count && folder->changed_ns && number != UINT64_MAX)
            times[count++] = (cf_bare_time){number, folder->changed_ns};
    }
    survey->batch.empty = times;
    survey->batch.empty_count = count;
}

/* What was held lies where the card that had it is not back: another card has a file of that name,
 * or somebody wrote it beneath. */
bool cf_survey_covers_held(const cf_survey *survey, const cf_finding *seen, const cf_node *node)
{
    return node->disk == CF_DISK_BELOW && seen->parent == node->parent &&
           cf_bytes_equal(seen->name, node->name) &&
           !cf_numbers_have(&survey->returned, node->parent) &&
           !cf_numbers_have(&survey->returned, node->number);
}

int64_t cf_survey_whole_ns(const cf_survey *survey)
{
    for (size_t i = 0; i < survey->listing.folder_count; i++)
        if (!survey->listing.folders[i].complete)
            return 0;
    return cf_survey_looks_at_all(survey) ? survey->clock_ns : 0;
}

void cf_survey_find_below(cf_survey *survey)
{
    const bool held_any = holds_any(survey);

    gather_times(survey);
    find_bare(survey);
    if (held_any || survey->options.binding->seen.bare.count)
        find_returned(survey);
    if (held_any || survey->bare.count)
        hold(survey);
    add_bare_before(survey);
    tell_bare(survey);
    tell_empty(survey);
}
