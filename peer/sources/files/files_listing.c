/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a directory was listed: by its file, whatever the way to it, as a whole or for some
 * names. A name that any of its listings found is there for sure; of a name that is given up
 * nothing is. */
#include "peer/sources/files/files_listing.h"

#include <stdlib.h>
#include <string.h>

/* ---- Folders by their file: none is listed twice ---- */

typedef struct {
    cf_hash_link by_file;
    size_t index;
} folder_link;

static uint64_t key_of(const cf_stat *stat)
{
    return cf_hash_bytes(0, cf_bytes_of(&stat->inode, sizeof stat->inode));
}

/* The next folder that is this directory, in part or as a whole; NULL: none. `link` goes on from
 * one to the next, and begins at NULL. */
static const cf_listed_folder *next_same(const cf_listing *listing, const cf_stat *stat,
                                         cf_hash_link **link)
{
    *link =
        *link ? cf_hash_table_next(*link) : cf_hash_table_first(&listing->by_file, key_of(stat));
    for (; *link; *link = cf_hash_table_next(*link)) {
        const cf_listed_folder *folder =
            &listing->folders[cf_container_of(*link, folder_link, by_file)->index];

        if (cf_stat_same_file(&folder->stat, stat))
            return folder;
    }
    return NULL;
}

static bool has_folder(const cf_listing *listing, const cf_stat *stat, bool asked)
{
    cf_hash_link *link = NULL;

    for (const cf_listed_folder *at; (at = next_same(listing, stat, &link));)
        if ((at->asked_count > 0) == asked)
            return true;
    return false;
}

bool cf_listing_has(const cf_listing *listing, const cf_stat *stat)
{
    return has_folder(listing, stat, false);
}

size_t cf_listing_add_folder(cf_listing *listing, cf_listed_folder folder)
{
    folder_link *link = cf_arena_allocate(&listing->arena, 1, sizeof *link);

    link->index = listing->folder_count;
    *cf_one_more(listing->folders, listing->folder_count, listing->folder_capacity) = folder;
    cf_hash_table_add(&listing->by_file, &link->by_file, key_of(&folder.stat));
    return link->index;
}

/* ---- Names ---- */

bool cf_listing_is_asked(const cf_listing *listing, const cf_stat *stat)
{
    return has_folder(listing, stat, true);
}

static bool has_entry(const cf_listing *listing, const cf_listed_folder *folder, cf_bytes name)
{
    size_t low = folder->first, high = folder->first + folder->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = cf_bytes_compare(listing->entries[middle].name, name);

        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* The file is among what was found in this directory, whenever that was listed. */
static bool is_found(const cf_listing *listing, const cf_stat *stat, cf_bytes name)
{
    cf_hash_link *link = NULL;

    for (const cf_listed_folder *at; (at = next_same(listing, stat, &link));)
        if (has_entry(listing, at, name))
            return true;
    return false;
}

void cf_listing_ask(cf_listing *listing, cf_listed_folder *folder, const cf_bytes *names,
                    size_t count)
{
    cf_bytes *asked = cf_arena_allocate(&listing->arena, count, sizeof *asked);
    bool *sure = cf_arena_allocate(&listing->arena, count, sizeof *sure);

    for (size_t i = 0; i < count; i++) {
        asked[i] = cf_arena_copy(&listing->arena, names[i]);
        sure[i] = is_found(listing, &folder->stat, names[i]);
    }
    folder->asked = asked;
    folder->sure = sure;
    folder->asked_count = count;
}

void cf_listing_give_up(cf_listing *listing, uint64_t node, cf_bytes name)
{
    cf_listed_folder folder = {.entry = CF_LISTED_START, .node = node, .restless = true};

    cf_listing_ask(listing, &folder, &name, 1);
    folder.sure[0] = false;
    cf_listing_add_folder(listing, folder);
}

void cf_listing_release(cf_listing *listing)
{
    free(listing->entries);
    free(listing->folders);
    cf_hash_table_release(&listing->by_file);
    cf_arena_release(&listing->arena);
    *listing = (cf_listing){0};
}

void cf_listing_folder_path(const cf_listing *listing, size_t folder, cf_buffer *out)
{
    const cf_listed_folder *of = &listing->folders[folder];

    for (size_t i = 0; i < of->depth; i++) {
        if (i)
            cf_buffer_append(out, "/", 1);
        cf_buffer_append(out, of->names[i].data, of->names[i].size);
    }
}

void cf_listing_entry_path(const cf_listing *listing, size_t entry, cf_buffer *out)
{
    const cf_listed *found = &listing->entries[entry];

    cf_listing_folder_path(listing, found->folder, out);
    if (listing->folders[found->folder].depth)
        cf_buffer_append(out, "/", 1);
    cf_buffer_append(out, found->name.data, found->name.size);
}
