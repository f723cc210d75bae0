/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/files_listing.h"

#include <stdlib.h>
#include <string.h>

#include "peer/adapters/files_listing_folder.h"

enum { HELD_MAX = 2 };

/* What one cf_listing_add works with. The directories that were listed last stay open, since what
 * is in them may be next in line: each would else be opened from the root on, however deep it lies.
 */
typedef struct {
    cf_listing *listing;
    const cf_listing_options *options;
    struct {
        cf_folder *folder; /* NULL: none */
        size_t index;
    } held[HELD_MAX];
    size_t next;  /* of those that are held: the one that goes first */
    bool is_poor; /* in descriptors: none is held */
} walk;

/* ---- Folders by inode: none is listed twice ---- */

/* Where the folder is in the table, or where it would be. */
static size_t slot_of(const cf_listing *listing, const cf_stat *stat)
{
    size_t mask = listing->by_inode_size - 1;
    size_t at = (size_t)(stat->inode * UINT64_C(0x9e3779b97f4a7c15) >> 20) & mask;

    while (listing->by_inode[at] != SIZE_MAX &&
           !cf_stat_same_file(&listing->folders[listing->by_inode[at]].stat, stat))
        at = (at + 1) & mask;
    return at;
}

static void remember(cf_listing *listing, size_t index)
{
    if (2 * listing->folder_count >= listing->by_inode_size) {
        size_t size = listing->by_inode_size ? 2 * listing->by_inode_size : 64;

        free(listing->by_inode);
        listing->by_inode = cf_allocate(size, sizeof *listing->by_inode);
        memset(listing->by_inode, 0xff, size * sizeof *listing->by_inode);
        listing->by_inode_size = size;
        for (size_t i = 0; i < listing->folder_count; i++)
            if (!listing->folders[i].asked_count)
                listing->by_inode[slot_of(listing, &listing->folders[i].stat)] = i;
    }
    listing->by_inode[slot_of(listing, &listing->folders[index].stat)] = index;
}

static bool listed_already(const cf_listing *listing, const cf_stat *stat)
{
    return listing->by_inode_size && listing->by_inode[slot_of(listing, stat)] != SIZE_MAX;
}

static size_t add_folder(cf_listing *listing, cf_listed_folder folder)
{
    listing->folders = cf_grow(listing->folders, &listing->folder_capacity,
                               listing->folder_count + 1, sizeof *listing->folders);
    listing->folders[listing->folder_count] = folder;
    listing->folder_count++;
    if (!folder.asked_count)
        remember(listing, listing->folder_count - 1);
    return listing->folder_count - 1;
}

/* ---- The way down ---- */

static bool wants_descent(const walk *self, size_t entry)
{
    const cf_listing *listing = self->listing;
    const cf_listed *found = &listing->entries[entry];

    if (found->kind != 'd' ||
        (!self->options->everywhere && cf_listing_included(listing, self->options, found->folder,
                                                           found->name, true) == CF_INCLUDE_OUT) ||
        listed_already(listing, &found->stat))
        return false;
    return !self->options->descend ||
           self->options->descend(self->options->context, listing, entry);
}

/* Puts the directories of a listed folder in line. */
static void add_children(walk *self, size_t index)
{
    cf_listing *listing = self->listing;
    const cf_listed_folder folder = listing->folders[index];

    for (size_t i = folder.first; i < folder.first + folder.count; i++) {
        if (!wants_descent(self, i))
            continue;
        cf_bytes *names = cf_arena_allocate(&listing->arena, folder.depth + 1, sizeof *names);
        if (folder.depth)
            memcpy(names, folder.names, folder.depth * sizeof *names);
        names[folder.depth] = listing->entries[i].name;
        add_folder(listing, (cf_listed_folder){.entry = i,
                                               .names = names,
                                               .depth = folder.depth + 1,
                                               .stat = listing->entries[i].stat});
    }
}

/* Opens what the names lead to, as far as that goes: `*reached` counts them. */
static cf_status open_way(const walk *self, const cf_bytes *names, size_t count, cf_folder **out,
                          size_t *reached, cf_error *error)
{
    cf_files *files = self->options->files;
    const cf_folder *at = self->options->root;
    cf_folder *held = NULL, *next = NULL;
    cf_status status = CF_OK;

    for (*reached = 0; *reached < count; ++*reached) {
        status = files->open_folder(files, at, names[*reached], &next, error);
        if (status)
            break;
        files->close_folder(files, &held);
        at = held = next;
        next = NULL;
    }
    *out = held; /* NULL: the root */
    return status;
}

static void close_held(walk *self)
{
    for (size_t i = 0; i < HELD_MAX; i++)
        self->options->files->close_folder(self->options->files, &self->held[i].folder);
}

/* Takes the folder, in place of the one that has been held for the longest time. */
static void hold(walk *self, size_t index, cf_folder *folder)
{
    self->options->files->close_folder(self->options->files, &self->held[self->next].folder);
    self->held[self->next].folder = folder;
    self->held[self->next].index = index;
    self->next = (self->next + 1) % HELD_MAX;
}

static const cf_folder *held_folder(const walk *self, size_t index)
{
    for (size_t i = 0; i < HELD_MAX; i++)
        if (self->held[i].folder && self->held[i].index == index)
            return self->held[i].folder;
    return NULL;
}

static cf_status open_listed(walk *self, size_t index, cf_folder **out, cf_error *error)
{
    cf_files *files = self->options->files;
    const cf_listed_folder folder = self->listing->folders[index];
    size_t parent = self->listing->entries[folder.entry].folder, reached;
    const cf_folder *above = held_folder(self, parent);

    if (self->is_poor)
        return open_way(self, folder.names, folder.depth, out, &reached, error);
    if (!above && folder.depth > 1) {
        cf_folder *opened = NULL;
        cf_status status = open_way(self, folder.names, folder.depth - 1, &opened, &reached, error);

        if (status) {
            files->close_folder(files, &opened);
            return status;
        }
        hold(self, parent, opened);
        above = opened;
    }
    return files->open_folder(files, above ? above : self->options->root,
                              folder.names[folder.depth - 1], out, error);
}

/* Some of its names were looked for where it was before: nothing is to be found twice. */
static bool is_asked(const cf_listing *listing, const cf_stat *stat)
{
    for (size_t i = 0; i < listing->folder_count; i++)
        if (listing->folders[i].asked_count && cf_stat_same_file(&listing->folders[i].stat, stat))
            return true;
    return false;
}

static bool has_folders(const cf_listing *listing, size_t index)
{
    const cf_listed_folder *folder = &listing->folders[index];

    for (size_t i = folder->first; i < folder->first + folder->count; i++)
        if (listing->entries[i].kind == 'd')
            return true;
    return false;
}

/* A directory that was found a moment ago. Another one may stand there by now. */
static cf_status list_found(walk *self, size_t index, cf_folder **held)
{
    const cf_listed_folder *folder = &self->listing->folders[index];
    cf_files *files = self->options->files;
    cf_stat stat;
    cf_error error;

    cf_status status = open_listed(self, index, held, &error);
    if (status == CF_OK)
        status = files->stat_folder(files, *held, &stat, &error);
    if (status == CF_OK &&
        (!cf_stat_same_file(&stat, &folder->stat) || is_asked(self->listing, &stat)))
        status =
            cf_fail(&error, CF_CHANGED, "%s: another directory by now", files->shown(files, *held));
    if (status)
        cf_listing_trouble(self->listing, index, &error);
    else
        status = cf_listing_folder(self->listing, self->options, index, *held, &error);
    return status;
}

static void visit(walk *self, size_t index)
{
    const cf_listed_folder as_found = self->listing->folders[index];
    const size_t entries = self->listing->entry_count;
    cf_files *files = self->options->files;
    cf_folder *held = NULL;

    cf_status status = list_found(self, index, &held);
    if (status == CF_IO && !self->is_poor) { /* perhaps for those that are held */
        files->close_folder(files, &held);
        close_held(self);
        self->is_poor = true;
        self->listing->folders[index] = as_found;
        self->listing->entry_count = entries;
        status = list_found(self, index, &held);
    }
    if (status == CF_MISSING || status == CF_CHANGED)
        self->listing->folders[index].restless = true;
    if (!self->is_poor && has_folders(self->listing, index))
        hold(self, index, held);
    else
        files->close_folder(files, &held);
}

static void visit_all(walk *self, size_t first)
{
    add_children(self, first);
    for (size_t i = first + 1; i < self->listing->folder_count; i++) {
        visit(self, i);
        add_children(self, i);
    }
    close_held(self);
}

/* Directories that lead to what is asked for are asked for. */
static void include_ways(cf_listing *listing)
{
    for (size_t i = 0; i < listing->entry_count; i++) {
        if (listing->entries[i].excluded || !listing->entries[i].kind)
            continue;
        size_t above = listing->folders[listing->entries[i].folder].entry;
        while (above != CF_LISTED_START && listing->entries[above].excluded) {
            listing->entries[above].excluded = false;
            above = listing->folders[listing->entries[above].folder].entry;
        }
    }
}

/* ---- Starts ---- */

/* Where the start is, or what is left of the way to it. */
static cf_status open_start(const walk *self, cf_listing_start *start, const cf_bytes *names,
                            cf_folder **out, cf_error *error)
{
    size_t reached;

    cf_status status = open_way(self, names, start->count, out, &reached, error);
    if (status != CF_MISSING && status != CF_CHANGED)
        return status;
    start->count = reached;
    return CF_OK;
}

static cf_bytes *names_of(cf_arena *arena, cf_listing_start start)
{
    cf_bytes *names = cf_arena_allocate(arena, start.count, sizeof *names);

    for (size_t i = 0; i < start.count; i++)
        names[i] = cf_arena_copy(arena, start.steps[i].name);
    return names;
}

/* ---- Names ---- */

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

/* It is among what was found in this directory, whenever that was listed. */
static bool is_found(const cf_listing *listing, const cf_stat *stat, cf_bytes name)
{
    for (size_t i = 0; i < listing->folder_count; i++)
        if (cf_stat_same_file(&listing->folders[i].stat, stat) &&
            has_entry(listing, &listing->folders[i], name))
            return true;
    return false;
}

/* Of a directory in which something is found already only the rest is looked for. */
static void ask(cf_listing *listing, cf_listed_folder *folder, const cf_bytes *names, size_t count)
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

cf_status cf_listing_add(cf_listing *listing, const cf_listing_options *options,
                         cf_listing_start start, cf_error *error)
{
    walk self = {.listing = listing, .options = options};
    cf_files *files = options->files;
    cf_folder *held = NULL;
    cf_stat stat = {0};

    cf_bytes *names = names_of(&listing->arena, start);
    size_t steps = start.count;
    cf_status status = open_start(&self, &start, names, &held, error);
    const cf_folder *at = held ? held : options->root;
    if (status == CF_OK)
        status = files->stat_folder(files, at, &stat, error);
    if (status == CF_OK && listed_already(listing, &stat) && !start.name_count)
        goto done;
    cf_listed_folder folder = {.entry = CF_LISTED_START,
                               .node = start.count ? start.steps[start.count - 1].node : 0,
                               .names = names,
                               .depth = start.count,
                               .stat = stat};
    if (start.name_count)
        ask(listing, &folder, start.count < steps ? &names[start.count] : start.names,
            start.count < steps ? 1 : start.name_count);
    size_t index = add_folder(listing, folder);
    if (status)
        cf_listing_trouble(listing, index, error);
    else
        status = cf_listing_folder(listing, options, index, at, error);
    visit_all(&self, index);
    if (options->include)
        include_ways(listing);
done:
    files->close_folder(files, &held);
    return start.count ? CF_OK : status;
}

void cf_listing_give_up(cf_listing *listing, uint64_t node, cf_bytes name)
{
    cf_listed_folder folder = {.entry = CF_LISTED_START, .node = node, .restless = true};

    ask(listing, &folder, &name, 1);
    folder.sure[0] = false;
    add_folder(listing, folder);
}

void cf_listing_release(cf_listing *listing)
{
    free(listing->entries);
    free(listing->folders);
    free(listing->by_inode);
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
