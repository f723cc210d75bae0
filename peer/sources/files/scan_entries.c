/* SPDX-License-Identifier: Apache-2.0 */
/* What a scan knows of the entries that it listed, and what it notes of them. */
#include "peer/sources/files/scan_inside.h"

#include <stdlib.h>

const cf_node *cf_scan_base_node(const cf_scan *scan, size_t entry)
{
    const cf_token *token = &scan->identity.tokens[entry];

    if (token->how == CF_TOKEN_NONE || token->how == CF_TOKEN_NEW)
        return NULL;
    return cf_nodes_find(scan->options.binding->nodes, token->node);
}

uint64_t cf_scan_folder_number(const cf_scan *scan, size_t folder)
{
    size_t entry = scan->identity.folder_entries[folder];

    if (entry == CF_LISTED_START)
        return scan->listing.folders[folder].node;
    uint64_t number = entry == CF_IDENTITY_NOWHERE ? 0 : scan->numbers[entry];
    return number ? number : UINT64_MAX;
}

uint64_t cf_scan_number_again(const cf_scan *scan, size_t folder)
{
    uint64_t number = cf_scan_folder_number(scan, folder);

    return number == UINT64_MAX ? scan->listing.folders[folder].node : number;
}

void cf_scan_look_again(cf_scan *scan, size_t folder)
{
    const cf_listed_folder *listed = &scan->listing.folders[folder];
    uint64_t number = cf_scan_number_again(scan, folder);

    for (size_t i = 0; i < listed->asked_count; i++)
        cf_look_places_add(&scan->again, number, listed->asked[i], CF_ABSENCE_WAITS);
    if (!listed->asked_count)
        cf_look_places_add(&scan->again, number, CF_WHOLE_FOLDER, CF_ABSENCE_WAITS);
}

void cf_scan_look_again_at(cf_scan *scan, size_t entry)
{
    const cf_listed *listed = &scan->listing.entries[entry];

    cf_look_places_add(&scan->again, cf_scan_number_again(scan, listed->folder), listed->name,
                       CF_ABSENCE_WAITS);
}

void cf_scan_note_unread(cf_scan *scan, size_t entry)
{
    const cf_listed *listed = &scan->listing.entries[entry];

    *cf_one_more(scan->unread, scan->unread_count, scan->unread_capacity) = (cf_scan_unread){
        .folder = cf_scan_number_again(scan, listed->folder),
        .name = cf_arena_copy(&scan->arena, listed->name),
        .changed_ns = listed->stat.ctime_ns,
    };
}

void cf_scan_note_racy(cf_scan *scan, size_t entry, uint32_t wait_ms)
{
    const cf_listed *listed = &scan->listing.entries[entry];

    *cf_one_more(scan->racy, scan->racy_count, scan->racy_capacity) = (cf_scan_racy){
        .folder = cf_scan_number_again(scan, listed->folder),
        .name = cf_arena_copy(&scan->arena, listed->name),
        .wait_ms = wait_ms,
    };
}

static cf_scan_note *add_note(cf_scan *scan, cf_bytes path, const char *reason)
{
    cf_scan_note *note = cf_one_more(scan->notes, scan->note_count, scan->note_capacity);
    *note = (cf_scan_note){
        .path = cf_arena_copy(&scan->arena, path),
        .reason = cf_arena_text(&scan->arena, cf_bytes_of_text(reason)), /* a read's ends soon */
    };
    return note;
}

void cf_scan_note_entry(cf_scan *scan, size_t entry, const char *reason, bool passing)
{
    cf_buffer path = {0};

    cf_listing_entry_path(&scan->listing, entry, &path);
    cf_scan_note *note = add_note(scan, cf_buffer_view(&path), reason);
    note->passing = passing;
    note->unseen = scan->listing.entries[entry].unseen;
    cf_buffer_release(&path);
}

void cf_scan_note_unlisted(cf_scan *scan, size_t folder)
{
    const cf_listed_folder *listed = &scan->listing.folders[folder];
    cf_buffer path = {0};

    cf_listing_folder_path(&scan->listing, folder, &path);
    if (listed->failed)
        cf_buffer_append(&path, "/", 1);
    add_note(scan, cf_buffer_view(&path), listed->trouble)->unseen = listed->failed;
    cf_scan_look_again(scan, folder);
    cf_buffer_release(&path);
}

void cf_scan_restate(cf_scan *scan, const cf_node *node, const cf_node_stat *stat, uint64_t disk)
{
    cf_node *made =
        cf_one_more(scan->restated, scan->batch.restated_count, scan->restated_capacity);

    *made = *node;
    made->stat = *stat;
    made->disk = disk;
    scan->batch.restated = scan->restated;
}

/* ---- When directories were changed last ---- */

/* When the directories that were listed were changed last, and whether they have lost anything. */

static int order_times(const void *a, const void *b)
{
    const uint64_t one = ((const cf_bare_time *)a)->folder;
    const uint64_t other = ((const cf_bare_time *)b)->folder;

    return (one > other) - (one < other);
}

/* One that was listed twice has the later time. */
static void merge_times(cf_scan *scan)
{
    cf_bare_time *times = scan->times;
    size_t count = 0;

    if (scan->time_count)
        qsort(times, scan->time_count, sizeof *times, order_times);
    for (size_t i = 0; i < scan->time_count; i++) {
        if (!count || times[count - 1].folder != times[i].folder)
            times[count++] = times[i];
        else if (times[count - 1].changed_ns < times[i].changed_ns)
            times[count - 1] = times[i];
    }
    scan->time_count = count;
}

void cf_scan_gather_times(cf_scan *scan)
{
    scan->times = cf_arena_allocate(&scan->arena, scan->listing.folder_count, sizeof *scan->times);
    for (size_t i = 0; i < scan->listing.folder_count; i++) {
        const cf_listed_folder *folder = &scan->listing.folders[i];
        const uint64_t number = cf_scan_folder_number(scan, i);

        if (folder->changed_ns && number != UINT64_MAX)
            scan->times[scan->time_count++] =
                (cf_bare_time){number, folder->changed_ns, folder->stat.inode};
    }
    merge_times(scan);
}

const cf_bare_time *cf_scan_folder_time(const cf_scan *scan, uint64_t directory)
{
    const cf_bare_time wanted = {.folder = directory};

    return scan->time_count
               ? bsearch(&wanted, scan->times, scan->time_count, sizeof wanted, order_times)
               : NULL;
}

/* What lies at this place was another directory at the last look, and is the one that was there
 * without a disk; nobody put it there. */
static bool is_bare_again(const cf_scan *scan, const cf_bare_time *now)
{
    const cf_binding *binding = scan->options.binding;
    const cf_node *directory = cf_nodes_find(binding->nodes, now->folder);
    const cf_bare_time *above = directory ? cf_scan_folder_time(scan, directory->parent) : NULL;

    return above && !cf_node_went_below(directory) && directory->stat.inode != now->inode &&
           cf_binding_saw_all_since(binding, above->changed_ns) &&
           cf_bare_times_have_inode(&binding->seen.bare, now->folder, now->inode);
}

bool cf_scan_has_lost_nothing(const cf_scan *scan, const cf_node *node)
{
    const cf_bare_time *now = cf_scan_folder_time(scan, node->parent);

    return now && !cf_node_went_below(node) &&
           (is_bare_again(scan, now) ||
            cf_binding_has_lost_nothing(scan->options.binding, *now, node->stat.ctime_ns));
}
