/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/files_listing_folder.h"

#include <stdlib.h>
#include <string.h>

#include "broker/names.h"
#include "codec/limits.h"

enum { TRIES = 3 }; /* for a directory that changes while it is listed */

typedef struct {
    cf_listing *listing;
    const cf_listing_options *options;
} look;

void cf_listing_trouble(cf_listing *listing, size_t index, const cf_error *error)
{
    cf_listed_folder *folder = &listing->folders[index];

    folder->complete = false;
    if (!folder->trouble)
        folder->trouble = cf_arena_text(&listing->arena, cf_bytes_of_text(error->text));
}

static int order_names(const void *a, const void *b)
{
    return cf_bytes_compare(*(const cf_bytes *)a, *(const cf_bytes *)b);
}

cf_include_answer cf_listing_included(const cf_listing *listing, const cf_listing_options *options,
                                      size_t index, cf_bytes name, bool directory)
{
    const cf_listed_folder *folder = &listing->folders[index];

    if (!options->include)
        return CF_INCLUDE_IN;
    cf_bytes *path = cf_allocate(folder->depth + 1, sizeof *path);

    if (folder->depth)
        memcpy(path, folder->names, folder->depth * sizeof *path);
    path[folder->depth] = name;
    cf_include_answer answer =
        cf_include_match(options->include, path, folder->depth + 1, directory);
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

static cf_status examine(const look *self, const cf_folder *held, cf_listed *entry, cf_error *error)
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
static cf_status add_entry(const look *self, size_t index, const cf_folder *held, cf_bytes name)
{
    cf_listing *listing = self->listing;
    cf_listed entry = {.name = name, .folder = index};
    cf_error error;

    cf_status status = examine(self, held, &entry, &error);
    if (status == CF_MISSING || status == CF_CHANGED) {
        listing->folders[index].restless = true;
        return status;
    }
    if (status) {
        cf_listing_trouble(listing, index, &error);
        entry.skipped = "it can't be examined";
    }
    entry.excluded = cf_listing_included(listing, self->options, index, name, entry.kind == 'd') !=
                     CF_INCLUDE_IN;
    if (entry.excluded && !entry.kind)
        return status;
    listing->entries = cf_grow(listing->entries, &listing->entry_capacity, listing->entry_count + 1,
                               sizeof *listing->entries);
    listing->entries[listing->entry_count++] = entry;
    return status;
}

/* What changed in the directory itself shows in its times. */
static cf_status list_once(const look *self, size_t index, const cf_folder *held, cf_error *error)
{
    cf_listing *listing = self->listing;
    cf_files *files = self->options->files;
    cf_folder_names names = {0};
    cf_stat before, after;

    cf_status status = files->stat_folder(files, held, &before, error);
    if (status == CF_OK)
        status = cf_files_names(files, held, &listing->arena, &names, error);
    if (status)
        goto done;
    if (names.count)
        qsort(names.at, names.count, sizeof *names.at, order_names);
    listing->folders[index].first = listing->entry_count;
    listing->folders[index].complete = true;
    listing->folders[index].restless = false;
    listing->folders[index].trouble = NULL;
    for (size_t i = 0; i < names.count; i++)
        if (!cf_bytes_equal(names.at[i], cf_bytes_of_text(CF_OWN_FOLDER)))
            add_entry(self, index, held, names.at[i]);
    listing->folders[index].count = listing->entry_count - listing->folders[index].first;
    status = files->stat_folder(files, held, &after, error);
    if (status == CF_OK && !cf_stat_unchanged(&before, &after))
        listing->folders[index].restless = true;
done:
    free(names.at);
    return status;
}

/* Only the names that are asked for. That one is missing is as sure as what it is: the directory is
 * held. */
static void look_for_names(const look *self, size_t index, const cf_folder *held)
{
    cf_listing *listing = self->listing;
    const cf_listed_folder asked = listing->folders[index];

    listing->folders[index].first = listing->entry_count;
    for (size_t i = 0; i < asked.asked_count; i++) {
        bool own = cf_bytes_equal(asked.asked[i], cf_bytes_of_text(CF_OWN_FOLDER));
        cf_status status = asked.sure[i] || own ? CF_OK : CF_CHANGED;

        for (int tries = 0; status == CF_CHANGED && tries < TRIES; tries++)
            status = add_entry(self, index, held, asked.asked[i]);
        asked.sure[i] = status == CF_OK || status == CF_MISSING;
    }
    listing->folders[index].restless = false;
    for (size_t i = 0; i < asked.asked_count; i++)
        listing->folders[index].restless |= !asked.sure[i] && !listing->folders[index].trouble;
    listing->folders[index].count = listing->entry_count - listing->folders[index].first;
}

cf_status cf_listing_folder(cf_listing *listing, const cf_listing_options *options, size_t index,
                            const cf_folder *held, cf_error *error)
{
    const look self = {listing, options};
    size_t first = listing->entry_count;
    cf_status status = CF_OK;

    if (listing->folders[index].asked_count) {
        look_for_names(&self, index, held);
        return CF_OK;
    }
    if (options->enter)
        options->enter(options->context, listing, index, held);
    for (int i = 0; i < TRIES; i++) {
        listing->entry_count = first;
        status = list_once(&self, index, held, error);
        if (status)
            cf_listing_trouble(listing, index, error);
        if (status || !listing->folders[index].restless)
            break;
    }
    if (listing->folders[index].restless)
        listing->folders[index].complete = false;
    return status;
}
