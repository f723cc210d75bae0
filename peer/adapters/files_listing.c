/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/files_listing.h"

#include <stdlib.h>
#include <string.h>

#include "broker/names.h"
#include "codec/limits.h"

enum { TRIES = 3 }; /* for a directory that changes while it is listed */

/* What one cf_listing_add works with. At most three folders are open: the root, `parent`, and the
 * one that is being listed. */
typedef struct {
    cf_listing *listing;
    const cf_listing_options *options;
    cf_folder *parent; /* of the directories that are next in line */
    size_t parent_index;
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
    remember(listing, listing->folder_count - 1);
    return listing->folder_count - 1;
}

static void trouble(cf_listing *listing, size_t index, const cf_error *error)
{
    cf_listed_folder *folder = &listing->folders[index];

    folder->complete = false;
    if (!folder->trouble)
        folder->trouble = cf_arena_text(&listing->arena, cf_bytes_of_text(error->text));
}

/* ---- One directory ---- */

typedef struct {
    cf_arena *arena;
    cf_bytes *names;
    size_t count, capacity;
} name_list;

static bool collect(void *context, cf_bytes name)
{
    name_list *list = context;

    if (cf_bytes_equal(name, cf_bytes_of_text(CF_OWN_FOLDER)))
        return true;
    list->names = cf_grow(list->names, &list->capacity, list->count + 1, sizeof *list->names);
    list->names[list->count++] = cf_arena_copy(list->arena, name);
    return true;
}

static int order_names(const void *a, const void *b)
{
    return cf_bytes_compare(*(const cf_bytes *)a, *(const cf_bytes *)b);
}

static cf_include_answer included(const walk *self, size_t index, cf_bytes name, bool directory)
{
    const cf_listed_folder *folder = &self->listing->folders[index];

    if (!self->options->include)
        return CF_INCLUDE_IN;
    cf_bytes *path = cf_allocate(folder->depth + 1, sizeof *path);

    if (folder->depth)
        memcpy(path, folder->names, folder->depth * sizeof *path);
    path[folder->depth] = name;
    cf_include_answer answer =
        cf_include_match(self->options->include, path, folder->depth + 1, directory);
    free(path);
    return answer;
}

static void examine_file(cf_files *files, const cf_folder *held, cf_listed *entry)
{
    entry->kind = 'f';
    entry->readable = files->readable(files, held, entry->name);
    if (!entry->readable)
        entry->skipped = "no permission to read it";
    if (entry->stat.size > CF_FILE_MAX) {
        entry->readable = false;
        entry->skipped = "larger than 256 GiB";
    }
}

static void examine_folder(cf_files *files, const cf_folder *held, cf_listed *entry)
{
    entry->kind = 'd';
    entry->readable = files->readable(files, held, entry->name);
    if (!entry->readable)
        entry->skipped = "no permission to list it";
}

static cf_status examine_link(cf_files *files, const cf_folder *held, cf_arena *arena,
                              cf_listed *entry, cf_error *error)
{
    cf_buffer target = {0};

    cf_status status = files->read_link(files, held, entry->name, &target, error);
    if (status == CF_OK) {
        entry->kind = 'l';
        entry->readable = true;
        entry->target = cf_arena_copy(arena, cf_buffer_view(&target));
    }
    cf_buffer_release(&target);
    return status;
}

static cf_status examine(const walk *self, const cf_folder *held, cf_listed *entry, cf_error *error)
{
    cf_files *files = self->options->files;

    if (!cf_name_valid(entry->name)) {
        entry->skipped = "its name is too long";
        return CF_OK;
    }
    cf_status status = files->stat(files, held, entry->name, &entry->stat, error);
    if (status)
        return status;
    switch (entry->stat.kind) {
    case CF_FILE_REGULAR:
        examine_file(files, held, entry);
        break;
    case CF_FILE_FOLDER:
        examine_folder(files, held, entry);
        break;
    case CF_FILE_LINK:
        return examine_link(files, held, &self->listing->arena, entry, error);
    case CF_FILE_FIFO:
        entry->skipped = "a FIFO";
        break;
    case CF_FILE_SOCKET:
        entry->skipped = "a socket";
        break;
    case CF_FILE_DEVICE:
        entry->skipped = "a device";
        break;
    }
    return CF_OK;
}

/* An entry that vanished is none; one that can't be examined is named. */
static void add_entry(const walk *self, size_t index, const cf_folder *held, cf_bytes name)
{
    cf_listing *listing = self->listing;
    cf_listed entry = {.name = name, .folder = index};
    cf_error error;

    cf_status status = examine(self, held, &entry, &error);
    if (status == CF_MISSING || status == CF_CHANGED) {
        listing->folders[index].restless = true;
        return;
    }
    if (status) {
        trouble(listing, index, &error);
        entry.skipped = "it can't be examined";
    }
    entry.excluded = included(self, index, name, entry.kind == 'd') != CF_INCLUDE_IN;
    if (entry.excluded && !entry.kind)
        return;
    listing->entries = cf_grow(listing->entries, &listing->entry_capacity, listing->entry_count + 1,
                               sizeof *listing->entries);
    listing->entries[listing->entry_count++] = entry;
}

/* What changed in the directory itself shows in its times. */
static cf_status list_once(walk *self, size_t index, const cf_folder *held, cf_error *error)
{
    cf_listing *listing = self->listing;
    cf_files *files = self->options->files;
    name_list list = {.arena = &listing->arena};
    cf_stat before, after;

    cf_status status = files->stat_folder(files, held, &before, error);
    if (status == CF_OK)
        status = files->list(files, held, collect, &list, error);
    if (status)
        goto done;
    if (list.count)
        qsort(list.names, list.count, sizeof *list.names, order_names);
    listing->folders[index].first = listing->entry_count;
    listing->folders[index].complete = true;
    listing->folders[index].restless = false;
    listing->folders[index].trouble = NULL;
    for (size_t i = 0; i < list.count; i++)
        add_entry(self, index, held, list.names[i]);
    listing->folders[index].count = listing->entry_count - listing->folders[index].first;
    status = files->stat_folder(files, held, &after, error);
    if (status == CF_OK && !cf_stat_unchanged(&before, &after))
        listing->folders[index].restless = true;
done:
    free(list.names);
    return status;
}

static cf_status list_folder(walk *self, size_t index, const cf_folder *held, cf_error *error)
{
    cf_listing *listing = self->listing;
    size_t first = listing->entry_count;
    cf_status status = CF_OK;

    if (self->options->enter)
        self->options->enter(self->options->context, listing, index, held);
    for (int i = 0; i < TRIES; i++) {
        listing->entry_count = first;
        status = list_once(self, index, held, error);
        if (status)
            trouble(listing, index, error);
        if (status || !listing->folders[index].restless)
            break;
    }
    if (listing->folders[index].restless)
        listing->folders[index].complete = false;
    return status;
}

/* ---- The way down ---- */

static bool wants_descent(const walk *self, size_t entry)
{
    const cf_listing *listing = self->listing;
    const cf_listed *found = &listing->entries[entry];

    if (found->kind != 'd' || included(self, found->folder, found->name, true) == CF_INCLUDE_OUT ||
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

static cf_status open_listed(walk *self, size_t index, cf_folder **out, cf_error *error)
{
    cf_files *files = self->options->files;
    const cf_listed_folder folder = self->listing->folders[index];
    size_t parent = self->listing->entries[folder.entry].folder, reached;

    if (self->parent_index != parent) {
        files->close_folder(files, &self->parent);
        self->parent_index = SIZE_MAX;
        cf_status status =
            open_way(self, folder.names, folder.depth - 1, &self->parent, &reached, error);
        if (status)
            return status;
        self->parent_index = parent;
    }
    return files->open_folder(files, self->parent ? self->parent : self->options->root,
                              folder.names[folder.depth - 1], out, error);
}

/* A directory that was found a moment ago. Another one may stand there by now. */
static void visit(walk *self, size_t index)
{
    cf_listed_folder *folder = &self->listing->folders[index];
    cf_files *files = self->options->files;
    cf_folder *held = NULL;
    cf_stat stat;
    cf_error error;

    cf_status status = open_listed(self, index, &held, &error);
    if (status == CF_OK)
        status = files->stat_folder(files, held, &stat, &error);
    if (status == CF_OK && !cf_stat_same_file(&stat, &folder->stat))
        status =
            cf_fail(&error, CF_CHANGED, "%s: another directory by now", files->shown(files, held));
    if (status)
        trouble(self->listing, index, &error);
    else
        status = list_folder(self, index, held, &error);
    if (status == CF_MISSING || status == CF_CHANGED)
        self->listing->folders[index].restless = true;
    files->close_folder(files, &held);
}

static void visit_all(walk *self, size_t first)
{
    add_children(self, first);
    for (size_t i = first + 1; i < self->listing->folder_count; i++) {
        visit(self, i);
        add_children(self, i);
    }
    self->options->files->close_folder(self->options->files, &self->parent);
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

cf_status cf_listing_add(cf_listing *listing, const cf_listing_options *options,
                         cf_listing_start start, cf_error *error)
{
    walk self = {.listing = listing, .options = options, .parent_index = SIZE_MAX};
    cf_files *files = options->files;
    cf_folder *held = NULL;
    cf_stat stat = {0};

    cf_bytes *names = names_of(&listing->arena, start);
    cf_status status = open_start(&self, &start, names, &held, error);
    const cf_folder *at = held ? held : options->root;
    if (status == CF_OK)
        status = files->stat_folder(files, at, &stat, error);
    if (status == CF_OK && listed_already(listing, &stat))
        goto done;
    size_t index = add_folder(
        listing, (cf_listed_folder){.entry = CF_LISTED_START,
                                    .node = start.count ? start.steps[start.count - 1].node : 0,
                                    .names = names,
                                    .depth = start.count,
                                    .stat = stat});
    if (status)
        trouble(listing, index, error);
    else
        status = list_folder(&self, index, at, error);
    visit_all(&self, index);
    if (options->include)
        include_ways(listing);
done:
    files->close_folder(files, &held);
    return start.count ? CF_OK : status;
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
