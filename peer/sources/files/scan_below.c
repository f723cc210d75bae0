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
 * until it is seen again, or most of what went with it is, by the very files (scan_swapped.c), or
 * the user says that it was removed.
 * How the directory shows meanwhile is noted (disk_clock.h): so it will show when the card is out
 * the next time, however soon. */
#include "peer/sources/files/scan_inside.h"

#include "peer/bindings/disk_clock.h"

#include <stdlib.h>

static const cf_node *gone_at(const cf_scan *scan, size_t i)
{
    return cf_nodes_find(scan->options.binding->nodes, scan->batch.gone[i]);
}

/* Directories that have lost nothing, though something is missing in them: to `bare`. */
static void find_bare(cf_scan *scan)
{
    const cf_scan_batch *batch = &scan->batch;

    for (size_t i = 0, away = 0; i < batch->gone_count; i++) {
        const bool is_away = away < batch->away_count && batch->away[away].number == batch->gone[i];

        away += is_away;
        if (!is_away && cf_scan_has_lost_nothing(scan, gone_at(scan, i)))
            cf_node_set_add(&scan->bare, gone_at(scan, i)->parent);
    }
    cf_node_set_sort(&scan->bare);
}

/* The directory with which it is missed, or it itself. */
static const cf_node *gone_with(const cf_scan *scan, const cf_node_set *gone, const cf_node *node)
{
    while (cf_node_set_have(gone, node->parent))
        node = cf_nodes_find(scan->options.binding->nodes, node->parent);
    return node;
}

/* Than anything was removed from its directory, as that shows now: in an older image of a disk. */
static bool was_made_later(const cf_scan *scan, const cf_node *node)
{
    const cf_bare_time *now = cf_scan_folder_time(scan, node->parent);

    return now && node->kind == CF_KIND_FILE && node->stat.ctime_ns != CF_CTIME_UNSEEN &&
           cf_disk_is_before(now->changed_ns, node->stat.ctime_ns);
}

/* What is missed with a directory went from where that did. */
static bool is_held(const cf_scan *scan, const cf_node_set *gone, const cf_node *node)
{
    if (!cf_disk_is_below(node->disk))
        node = gone_with(scan, gone, node);
    return cf_disk_is_below(node->disk)
               ? !cf_node_set_have(&scan->same, node->disk) || was_made_later(scan, node)
               : node->disk != CF_DISK_RETURNED && cf_node_set_have(&scan->bare, node->parent);
}

static uint64_t next_below(const cf_scan *scan)
{
    const cf_nodes *nodes = scan->options.binding->nodes;
    uint64_t last = 0;

    for (const cf_node *node = cf_nodes_next(nodes, NULL); node; node = cf_nodes_next(nodes, node))
        if (cf_disk_is_below(node->disk) && node->disk > last)
            last = node->disk;
    return last ? last + CF_DISK_BELOW_STEP : CF_DISK_BELOW;
}

/* In the order of what is gone. */
static void hold(cf_scan *scan)
{
    cf_scan_batch *batch = &scan->batch;
    cf_identity_away *away = cf_arena_allocate(&scan->batch_arena, batch->gone_count, sizeof *away);
    cf_node_set gone = {0};
    size_t count = 0;

    for (size_t i = 0; i < batch->gone_count; i++)
        cf_node_set_add(&gone, batch->gone[i]);
    cf_node_set_sort(&gone);
    for (size_t i = 0, before = 0; i < batch->gone_count; i++) {
        const cf_node *node = gone_at(scan, i);
        const bool was_away =
            before < batch->away_count && batch->away[before].number == batch->gone[i];
        const cf_identity_away known =
            was_away ? batch->away[before++] : (cf_identity_away){batch->gone[i], 0};

        if ((was_away && !cf_node_went_below(node)) || is_held(scan, &gone, node)) {
            away[count++] = known;
            if (!was_away)
                cf_scan_restate(scan, node, &node->stat, scan->below);
        } else if (cf_disk_is_below(node->disk)) {
            cf_scan_restate(scan, node, &node->stat, CF_DISK_RETURNED);
        }
    }
    batch->away = away;
    batch->away_count = count;
    cf_node_set_release(&gone);
}

static void add_bare_before(cf_scan *scan)
{
    const cf_nodes *nodes = scan->options.binding->nodes;
    const cf_scan_batch *batch = &scan->batch;

    for (size_t i = 0; i < batch->away_count; i++) {
        const cf_node *node = cf_nodes_find(nodes, batch->away[i].number);

        for (; node && cf_disk_is_below(node->disk); node = cf_nodes_find(nodes, node->parent))
            cf_node_set_add(&scan->bare, node->parent);
    }
    cf_node_set_sort(&scan->bare);
}

/* What is missing there and not held is sure with the next look, which is to judge as this one. */
static void find_losing(const cf_scan *scan, cf_node_set *losing)
{
    const cf_scan_batch *batch = &scan->batch;

    for (size_t i = 0, away = 0; i < batch->gone_count; i++) {
        const bool is_away = away < batch->away_count && batch->away[away].number == batch->gone[i];

        away += is_away;
        if (!is_away)
            cf_node_set_add(losing, gone_at(scan, i)->parent);
    }
    cf_node_set_sort(losing);
}

/* The place became another directory when something went from it, or was known so. Where numbers
 * are alike, as of the roots of two disks, nothing tells which disk this one is of. */
static bool is_known_by_number(const cf_scan *scan, const cf_bare_time *now)
{
    const cf_binding *binding = scan->options.binding;
    const cf_node *directory = cf_nodes_find(binding->nodes, now->folder);

    return !directory || directory->stat.inode != now->inode ||
           cf_bare_times_have_inode(&binding->seen.bare, now->folder, now->inode);
}

static void tell_bare(cf_scan *scan)
{
    const cf_node_set *bare = &scan->bare;
    cf_bare_time *times = cf_arena_allocate(&scan->batch_arena, bare->count, sizeof *times);
    cf_node_set losing = {0};
    size_t count = 0;

    find_losing(scan, &losing);
    for (size_t i = 0; i < bare->count; i++) {
        const cf_bare_time *time = cf_scan_folder_time(scan, bare->at[i]);

        if (time && cf_disk_is_settled(time->changed_ns, scan->clock_ns) &&
            !cf_node_set_have(&losing, time->folder) &&
            (!count || times[count - 1].folder != time->folder))
            times[count++] = (cf_bare_time){time->folder, time->changed_ns,
                                            is_known_by_number(scan, time) ? time->inode : 0};
    }
    scan->batch.bare = times;
    scan->batch.bare_count = count;
    cf_node_set_release(&losing);
}

/* Nothing lies in it, nor did by what is agreed. */
static bool is_empty(const cf_scan *scan, const cf_listed_folder *folder, uint64_t number)
{
    return folder->complete && !folder->count && folder->changed_ns && number != UINT64_MAX &&
           !cf_nodes_next_child(scan->options.binding->nodes, number, NULL);
}

static void tell_empty(cf_scan *scan)
{
    const cf_listing *listing = &scan->listing;
    cf_bare_time *times =
        cf_arena_allocate(&scan->batch_arena, listing->folder_count, sizeof *times);
    size_t count = 0;

    for (size_t i = 0; i < listing->folder_count; i++) {
        const cf_listed_folder *folder = &listing->folders[i];
        const uint64_t number = cf_scan_folder_number(scan, i);

        if (is_empty(scan, folder, number) &&
            cf_disk_is_settled(folder->changed_ns, scan->clock_ns))
            times[count++] = (cf_bare_time){number, folder->changed_ns, folder->stat.inode};
    }
    scan->batch.empty = times;
    scan->batch.empty_count = count;
}

bool cf_scan_is_back(const cf_scan *scan, const cf_node *node, const cf_stat *seen)
{
    return cf_node_set_have(&scan->returned, node->disk) &&
           (node->kind != CF_KIND_FILE || node->stat.mtime_ns <= seen->mtime_ns ||
            (cf_node_set_have(&scan->same, node->disk) && node->stat.ctime_ns <= seen->ctime_ns));
}

/* What was held lies where the card that had it is not back: another card has a file of that name,
 * or somebody wrote it beneath. The same of what differs by the look that found others missing. */
bool cf_scan_covers_held(const cf_scan *scan, const cf_finding *seen, const cf_stat *now,
                         const cf_node *node)
{
    if (seen->parent != node->parent || !cf_bytes_equal(seen->name, node->name))
        return false;
    if (!cf_disk_is_below(node->disk))
        return scan->below && node->kind != CF_KIND_DIRECTORY &&
               cf_node_set_have(&scan->found_bare, node->parent);
    return !cf_scan_is_back(scan, node, now) &&
           !(node->kind == CF_KIND_DIRECTORY && cf_node_set_have(&scan->shown, node->number));
}

int64_t cf_scan_whole_ns(const cf_scan *scan)
{
    for (size_t i = 0; i < scan->listing.folder_count; i++)
        if (!scan->listing.folders[i].complete)
            return 0;
    return cf_scan_looks_at_all(scan) && !scan->differs ? scan->clock_ns : 0;
}

void cf_scan_find_below(cf_scan *scan)
{
    cf_scan_gather_times(scan);
    find_bare(scan);
    cf_scan_find_swapped(scan);
    for (size_t i = 0; i < scan->bare.count; i++)
        cf_node_set_add(&scan->found_bare, scan->bare.at[i]);
    if (cf_nodes_hold_below(scan->options.binding->nodes))
        cf_scan_find_returned(scan);
    if (scan->bare.count)
        scan->below = next_below(scan);
    if (scan->bare.count || scan->batch.away_count)
        hold(scan);
    add_bare_before(scan);
    tell_bare(scan);
    tell_empty(scan);
}
