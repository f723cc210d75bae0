/* SPDX-License-Identifier: Apache-2.0 */
/* Where a walk goes on: in each directory that was found, isn't left out by the patterns, wasn't
 * listed before, and that its caller descends into. What isn't asked for stays if it is a thing
 * that the base may know; directories above what is asked for are asked for. Once opening fails for
 * those that are held, none is. */
#include "peer/sources/files/files_listing_walk.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "peer/sources/files/files_listing_folder.h"

enum { HELD_MAX = 2 };

/* The directories that were listed last stay open, since what is in them may be next in line: each
 * would else be opened from the root on, however deep it lies. */
struct cf_listing_walk {
    cf_listing listing;
    cf_listing_options options;
    cf_listing_start *starts;
    size_t start_count, start_capacity;
    size_t begun;   /* starts; */
    size_t read;    /* folders that were listed; */
    size_t decided; /* and of which it is decided what of them is listed, too */
    struct {
        cf_folder *folder; /* NULL: none */
        size_t index;
    } held[HELD_MAX];
    size_t next;            /* of those that are held: the one that goes first */
    cf_hash_table lost;     /* steps that are not there, of which starts were to go on */
    bool is_poor;           /* in descriptors: none is held */
    bool has_found_folders; /* of which it is decided before the next start whether they are listed
                             */
    atomic_bool stops;
    cf_status status; /* of the source's own folder */
    cf_error error;
};

cf_listing_walk *cf_listing_walk_new(cf_listing *listing, const cf_listing_options *options)
{
    cf_listing_walk *walk = cf_allocate(1, sizeof *walk);

    walk->listing = *listing;
    walk->options = *options;
    walk->read = walk->decided = listing->folder_count;
    *listing = (cf_listing){0};
    return walk;
}

void cf_listing_walk_from(cf_listing_walk *walk, cf_listing_start start)
{
    cf_arena *arena = &walk->listing.arena;
    cf_listing_step *steps = cf_arena_allocate(arena, start.count, sizeof *steps);
    cf_bytes *names = cf_arena_allocate(arena, start.name_count, sizeof *names);

    for (size_t i = 0; i < start.count; i++)
        steps[i] =
            (cf_listing_step){start.steps[i].node, cf_arena_copy(arena, start.steps[i].name)};
    for (size_t i = 0; i < start.name_count; i++)
        names[i] = cf_arena_copy(arena, start.names[i]);
    *cf_one_more(walk->starts, walk->start_count, walk->start_capacity) = (cf_listing_start){
        .steps = steps, .count = start.count, .names = names, .name_count = start.name_count};
}

/* ---- The disk's turn: a directory ---- */

/* Opens what the names lead to, as far as that goes: `*reached` counts them. */
static cf_status open_way(const cf_listing_walk *self, const cf_bytes *names, size_t count,
                          cf_folder **out, size_t *reached, cf_error *error)
{
    cf_files *files = self->options.files;
    const cf_folder *at = self->options.root;
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

static void close_held(cf_listing_walk *self)
{
    for (size_t i = 0; i < HELD_MAX; i++)
        self->options.files->close_folder(self->options.files, &self->held[i].folder);
}

/* Takes the folder, in place of the one that has been held for the longest time. */
static void hold(cf_listing_walk *self, size_t index, cf_folder *folder)
{
    self->options.files->close_folder(self->options.files, &self->held[self->next].folder);
    self->held[self->next].folder = folder;
    self->held[self->next].index = index;
    self->next = (self->next + 1) % HELD_MAX;
}

static const cf_folder *held_folder(const cf_listing_walk *self, size_t index)
{
    for (size_t i = 0; i < HELD_MAX; i++)
        if (self->held[i].folder && self->held[i].index == index)
            return self->held[i].folder;
    return NULL;
}

static cf_status open_listed(cf_listing_walk *self, size_t index, cf_folder **out, cf_error *error)
{
    cf_files *files = self->options.files;
    const cf_listed_folder folder = self->listing.folders[index];
    size_t parent = self->listing.entries[folder.entry].folder, reached;
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
    return files->open_folder(files, above ? above : self->options.root,
                              folder.names[folder.depth - 1], out, error);
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
static cf_status list_found(cf_listing_walk *self, size_t index, cf_folder **held)
{
    const cf_listed_folder *folder = &self->listing.folders[index];
    cf_files *files = self->options.files;
    cf_stat stat;
    cf_error error;

    cf_status status = open_listed(self, index, held, &error);
    if (status == CF_OK)
        status = files->stat_folder(files, *held, &stat, &error);
    if (status == CF_OK &&
        (!cf_stat_same_file(&stat, &folder->stat) || cf_listing_is_asked(&self->listing, &stat)))
        status =
            cf_fail(&error, CF_CHANGED,
                    "%s: another directory took its place while it was looked at: the next look "
                    "tells what is in it",
                    files->shown(files, *held));
    if (status)
        cf_listing_trouble(&self->listing, index, &error);
    else
        status = cf_listing_folder(&self->listing, &self->options, index, *held, &error);
    return status;
}

static void visit(cf_listing_walk *self, size_t index)
{
    const cf_listed_folder as_found = self->listing.folders[index];
    const size_t entries = self->listing.entry_count;
    cf_files *files = self->options.files;
    cf_folder *held = NULL;

    cf_status status = list_found(self, index, &held);
    if (status == CF_IO && !self->is_poor) { /* perhaps for those that are held */
        files->close_folder(files, &held);
        close_held(self);
        self->is_poor = true;
        self->listing.folders[index] = as_found;
        self->listing.entry_count = entries;
        status = list_found(self, index, &held);
    }
    if (status == CF_MISSING || status == CF_CHANGED)
        self->listing.folders[index].restless = true;
    if (status == CF_CHANGED) /* nor was what lies below it seen */
        self->listing.folders[index].failed = true;
    self->has_found_folders |= has_folders(&self->listing, index);
    if (!self->is_poor && has_folders(&self->listing, index))
        hold(self, index, held);
    else
        files->close_folder(files, &held);
}

/* ---- The disk's turn: starts ---- */

/* Where the start is, or what is left of the way to it. */
static cf_status open_start(const cf_listing_walk *self, cf_listing_start *start,
                            const cf_bytes *names, cf_folder **out, cf_error *error)
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
        names[i] = start.steps[i].name;
    return names;
}

typedef struct {
    cf_hash_link link;
    cf_stat above;
    cf_bytes name;
} lost_step;

/* Of a tree that went all starts are lost at one step, which is asked for once:
 *
 *     starts n/p1, n/p2, n/p2/l1 … and n is gone: n is asked for with the first of them */
static bool is_lost_again(cf_listing_walk *self, const cf_stat *above, cf_bytes name)
{
    const uint64_t key = cf_hash_bytes(above->inode, name);

    for (cf_hash_link *at = cf_hash_table_first(&self->lost, key); at;
         at = cf_hash_table_next(at)) {
        const lost_step *step = cf_container_of(at, lost_step, link);

        if (cf_stat_same_file(&step->above, above) && cf_bytes_equal(step->name, name))
            return true;
    }
    lost_step *step = cf_arena_allocate(&self->listing.arena, 1, sizeof *step);
    *step = (lost_step){.above = *above, .name = name};
    cf_hash_table_add(&self->lost, &step->link, key);
    return false;
}

/* The folder from which the start goes on is new, and listed, unless that was done before. */
static void begin(cf_listing_walk *self, cf_listing_start start)
{
    cf_listing *listing = &self->listing;
    cf_files *files = self->options.files;
    cf_folder *held = NULL;
    cf_stat stat = {0};
    cf_error error;

    cf_bytes *names = names_of(&listing->arena, start);
    size_t steps = start.count;
    cf_status status = open_start(self, &start, names, &held, &error);
    const cf_folder *at = held ? held : self->options.root;
    if (status == CF_OK)
        status = files->stat_folder(files, at, &stat, &error);
    const bool is_lost = start.name_count && start.count < steps;
    if (status == CF_OK && (is_lost ? is_lost_again(self, &stat, names[start.count])
                                    : !start.name_count && cf_listing_has(listing, &stat)))
        goto done;
    cf_listed_folder folder = {.entry = CF_LISTED_START,
                               .node = start.count ? start.steps[start.count - 1].node : 0,
                               .names = names,
                               .depth = start.count,
                               .stat = stat,
                               .is_watched = true};
    if (start.name_count)
        cf_listing_ask(listing, &folder, is_lost ? &names[start.count] : start.names,
                       is_lost ? 1 : start.name_count);
    size_t index = cf_listing_add_folder(listing, folder);
    self->read = index + 1;
    if (status)
        cf_listing_trouble(listing, index, &error);
    else
        status = cf_listing_folder(listing, &self->options, index, at, &error);
    if (status && !start.count) {
        self->status = status;
        self->error = error;
    }
    self->has_found_folders |= has_folders(listing, index);
done:
    files->close_folder(files, &held);
}

void cf_listing_walk_read(cf_listing_walk *walk)
{
    while (walk->read < walk->listing.folder_count && !atomic_load(&walk->stops))
        visit(walk, walk->read++);
    while (walk->begun < walk->start_count && !walk->status && !atomic_load(&walk->stops) &&
           !walk->has_found_folders) {
        close_held(walk);
        begin(walk, walk->starts[walk->begun++]);
    }
}

/* ---- The turn of who decides ---- */

static cf_include_answer answer_of(const cf_listing_walk *self, size_t index, cf_bytes name,
                                   bool directory)
{
    const cf_listed_folder *folder = &self->listing.folders[index];

    if (!self->options.include)
        return CF_INCLUDE_IN;
    cf_bytes *path = cf_allocate(folder->depth + 1, sizeof *path);

    if (folder->depth)
        memcpy(path, folder->names, folder->depth * sizeof *path);
    path[folder->depth] = name;
    cf_include_answer answer =
        cf_include_match(self->options.include, path, folder->depth + 1, directory);
    free(path);
    return answer;
}

/* What is not asked for counts only if the base may know it. */
static void leave_out(cf_listing_walk *self)
{
    cf_listing *listing = &self->listing;
    size_t kept = listing->entry_count;

    for (size_t i = self->decided; i < self->read; i++)
        if (listing->folders[i].count && listing->folders[i].first < kept)
            kept = listing->folders[i].first;
    for (size_t i = self->decided; i < self->read; i++) {
        cf_listed_folder *folder = &listing->folders[i];
        const size_t first = folder->first, count = folder->count;

        if (!count)
            continue;
        folder->first = kept;
        for (size_t at = first; at < first + count; at++) {
            cf_listed *entry = &listing->entries[at];

            entry->excluded = answer_of(self, i, entry->name, entry->kind == 'd') != CF_INCLUDE_IN;
            if (!entry->excluded || entry->kind)
                listing->entries[kept++] = *entry;
        }
        folder->count = kept - folder->first;
    }
    listing->entry_count = kept;
}

static bool wants_descent(const cf_listing_walk *self, size_t entry)
{
    const cf_listing *listing = &self->listing;
    const cf_listed *found = &listing->entries[entry];

    if (found->kind != 'd' ||
        (!self->options.everywhere &&
         answer_of(self, found->folder, found->name, true) == CF_INCLUDE_OUT) ||
        cf_listing_has(listing, &found->stat))
        return false;
    return !self->options.descend || self->options.descend(self->options.context, listing, entry);
}

/* Puts the directories of a listed folder in line. */
static void add_children(cf_listing_walk *self, size_t index)
{
    cf_listing *listing = &self->listing;
    const cf_listing_options *options = &self->options;
    const cf_listed_folder folder = listing->folders[index];

    for (size_t i = folder.first; i < folder.first + folder.count; i++) {
        if (!wants_descent(self, i))
            continue;
        cf_bytes *names = cf_arena_allocate(&listing->arena, folder.depth + 1, sizeof *names);
        if (folder.depth)
            memcpy(names, folder.names, folder.depth * sizeof *names);
        names[folder.depth] = listing->entries[i].name;
        cf_listing_add_folder(
            listing,
            (cf_listed_folder){.entry = i,
                               .names = names,
                               .depth = folder.depth + 1,
                               .stat = listing->entries[i].stat,
                               .is_watched = !options->watches ||
                                             options->watches(options->context, listing, i)});
    }
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

bool cf_listing_walk_decide(cf_listing_walk *walk)
{
    const cf_listing_options *options = &walk->options;

    if (options->include)
        leave_out(walk);
    walk->has_found_folders = false;
    for (; walk->decided < walk->read; walk->decided++) {
        if (options->enter && walk->listing.folders[walk->decided].watch)
            options->enter(options->context, &walk->listing, walk->decided);
        add_children(walk, walk->decided);
    }
    return walk->read < walk->listing.folder_count ||
           (walk->begun < walk->start_count && !walk->status);
}

void cf_listing_walk_stop(cf_listing_walk *walk)
{
    atomic_store(&walk->stops, true);
}

cf_status cf_listing_walk_end(cf_listing_walk **walk, cf_listing *out, cf_error *error)
{
    cf_listing_walk *self = *walk;
    cf_status status = self->status;

    close_held(self);
    if (self->options.include)
        include_ways(&self->listing);
    if (status)
        *error = self->error;
    *out = self->listing;
    cf_hash_table_release(&self->lost);
    free(self->starts);
    free(self);
    *walk = NULL;
    return status;
}

cf_status cf_listing_add(cf_listing *listing, const cf_listing_options *options,
                         cf_listing_start start, cf_error *error)
{
    cf_listing_walk *walk = cf_listing_walk_new(listing, options);

    cf_listing_walk_from(walk, start);
    do
        cf_listing_walk_read(walk);
    while (cf_listing_walk_decide(walk));
    return cf_listing_walk_end(&walk, listing, error);
}
