/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a listing is complete: each name could be examined, and the directory had the same times
 * before and after, in one of TRIES. A disk that fails is told from what is forbidden, or came or
 * went. What no other disk takes, or nobody can read, is skipped with its reason. */
#include "peer/sources/files/files_listing_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/platform/names.h"
#include "codec/limits.h"
#include "peer/adapters/spellings.h"
#include "peer/bindings/disk_clock.h"

enum { TRIES = 3 }; /* for a directory that changes while it is listed */

typedef struct {
    cf_listing *listing;
    const cf_listing_options *options;
} look;

/* Listing failed, and neither was it forbidden, as it will be, nor did the folder change or go. */
static bool has_failed(const cf_error *error)
{
    return error->status != CF_MISSING && error->status != CF_CHANGED && error->number != EACCES &&
           error->number != EPERM;
}

void cf_listing_trouble(cf_listing *listing, size_t index, const cf_error *error)
{
    cf_listed_folder *folder = &listing->folders[index];

    folder->complete = false;
    folder->failed |= has_failed(error);
    if (!folder->trouble)
        folder->trouble = cf_arena_text(&listing->arena, cf_bytes_of_text(error->text));
}

static int order_names(const void *a, const void *b)
{
    return cf_bytes_compare(*(const cf_bytes *)a, *(const cf_bytes *)b);
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

static cf_status examine_kind(const look *self, const cf_folder *held, cf_listed *entry,
                              cf_error *error)
{
    cf_files *files = self->options->files;

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
        entry->skipped = "a FIFO, which is not synced: move it elsewhere";
        break;
    case CF_FILE_SOCKET:
        entry->skipped = "a socket, which is not synced: move it elsewhere";
        break;
    case CF_FILE_DEVICE:
        entry->skipped = "a device, which is not synced: move it elsewhere";
        break;
    }
    return CF_OK;
}

/* Where letters are counted a name may have more bytes than elsewhere. What has it by now is still
 * what it was, so that nobody takes it for gone; nothing is published from there. */
static cf_status examine(const look *self, const cf_folder *held, cf_listed *entry, cf_error *error)
{
    cf_status status = examine_kind(self, held, entry, error);

    if (status || cf_name_valid(entry->name) || !entry->kind)
        return status;
    entry->readable &= entry->kind != 'd';
    entry->skipped = "its name has more than 255 bytes, which other disks don't take: rename it";
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
        entry.unseen = has_failed(&error);
    }
    *cf_one_more(listing->entries, listing->entry_count, listing->entry_capacity) = entry;
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
    listing->folders[index].failed = false;
    for (size_t i = 0; i < names.count; i++)
        if (!cf_bytes_equal(names.at[i], cf_bytes_of_text(CF_OWN_FOLDER)))
            add_entry(self, index, held, names.at[i]);
    listing->folders[index].count = listing->entry_count - listing->folders[index].first;
    status = files->stat_folder(files, held, &after, error);
    if (status == CF_OK && !cf_stat_unchanged(&before, &after))
        listing->folders[index].restless = true;
    else if (status == CF_OK)
        listing->folders[index].changed_ns = cf_disk_folder_changed(&after);
done:
    free(names.at);
    return status;
}

/* CF_MISSING: what is found under the name is not called so. CF_CHANGED: it came or went meanwhile.
 */
static cf_status check_spelling(const cf_spellings *spellings, cf_bytes name)
{
    if (!spellings->folder || cf_spellings_have(spellings, name))
        return CF_OK;
    cf_stat stat;
    cf_error ignored;

    if (cf_spellings_of(spellings, name).size)
        return CF_MISSING;
    return spellings->files->stat(spellings->files, spellings->folder, name, &stat, &ignored) ==
                   CF_MISSING
               ? CF_MISSING
               : CF_CHANGED;
}

static cf_status look_for_name(const look *self, size_t index, const cf_spellings *spellings,
                               const cf_folder *held, cf_bytes name)
{
    cf_status status = CF_CHANGED;

    for (int tries = 0; status == CF_CHANGED && tries < TRIES; tries++) {
        status = check_spelling(spellings, name);
        if (!status)
            status = add_entry(self, index, held, name);
    }
    return status;
}

/* Only the names that are asked for. That one is missing is as sure as what it is: the directory is
 * held. */
static void look_for_names(const look *self, size_t index, const cf_folder *held)
{
    cf_listing *listing = self->listing;
    const cf_listed_folder asked = listing->folders[index];
    cf_spellings spellings = {0};
    bool any_missing = false;
    cf_error error;
    cf_stat now;

    listing->folders[index].first = listing->entry_count;
    if (self->options->folds && cf_spellings_list(self->options->files, held, &spellings, &error)) {
        cf_listing_trouble(listing, index, &error);
        return;
    }
    for (size_t i = 0; i < asked.asked_count; i++) {
        bool own = cf_bytes_equal(asked.asked[i], cf_bytes_of_text(CF_OWN_FOLDER));
        cf_status status = asked.sure[i] || own
                               ? CF_OK
                               : look_for_name(self, index, &spellings, held, asked.asked[i]);

        asked.sure[i] = status == CF_OK || status == CF_MISSING;
        any_missing |= status == CF_MISSING;
    }
    if (any_missing && self->options->dates &&
        self->options->files->stat_folder(self->options->files, held, &now, &error) == CF_OK)
        listing->folders[index].changed_ns = cf_disk_folder_changed(&now);
    cf_spellings_release(&spellings);
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
    if (options->watch && listing->folders[index].is_watched)
        listing->folders[index].watch = options->watch(options->files, options->watching, held);
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
