/* SPDX-License-Identifier: Apache-2.0 */
/* What was moved while its directories were listed, from one that was listed before to one that was
 * listed after: it is seen at both places, and told of as two. */
#include "peer/sources/files/scan_inside.h"

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
static bool was_told(const cf_scan *scan, size_t entry, size_t other)
{
    const cf_listing *listing = &scan->listing;
    const cf_listed *listed = &listing->entries[entry];
    const cf_listed_folder *folder = &listing->folders[listed->folder];
    const cf_renames *renames = scan->options.renames;
    const bool starts = folder->entry == CF_LISTED_START;
    const cf_node *above = starts ? NULL : cf_scan_base_node(scan, folder->entry);
    const cf_node *node = cf_scan_base_node(scan, other);
    const cf_look_place there = {.folder = above ? above->number : folder->node,
                                 .name = listed->name};
    cf_look_place from;

    return (starts || above) && renames && cf_renames_find(renames, &there, &from) &&
           node->parent == from.folder && cf_bytes_equal(node->name, from.name);
}

static bool is_same(const cf_scan *scan, size_t entry, size_t other)
{
    const cf_stat *stat = &scan->listing.entries[entry].stat;
    const cf_stat *known = &scan->listing.entries[other].stat;

    if (scan->listing.entries[entry].kind != scan->listing.entries[other].kind)
        return false;
    return (stat->size == known->size && stat->mtime_ns == known->mtime_ns) || stat->birth_ns ||
           was_told(scan, entry, other);
}

/* What is in it is there, and where that is will be told with it. */
static bool is_in_such(const cf_listing *listing, size_t entry, const bool *twice)
{
    const size_t above = listing->folders[listing->entries[entry].folder].entry;

    return above != CF_LISTED_START && twice[above];
}

void cf_scan_find_twice(const cf_scan *scan, bool *twice)
{
    const cf_listing *listing = &scan->listing;
    cf_arena arena = {0};
    cf_stat_index *known = cf_stat_index_new(&arena, listing->entry_count);

    for (size_t i = 0; i < listing->entry_count; i++)
        if (is_alone(&listing->entries[i]) && cf_scan_base_node(scan, i))
            cf_stat_index_add(known, &listing->entries[i].stat, i);
    for (size_t i = 0; i < listing->entry_count; i++) {
        const cf_stat *stat = &listing->entries[i].stat;
        size_t other = is_alone(&listing->entries[i]) && !cf_scan_base_node(scan, i)
                           ? cf_stat_index_find(known, stat)
                           : CF_KNOWN_NONE;

        twice[i] = other != CF_KNOWN_NONE && is_same(scan, i, other);
        twice[i] |= is_in_such(listing, i, twice);
    }
    cf_arena_release(&arena);
}
