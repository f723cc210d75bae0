/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/kept_stores.h"

#include "broker/program/datadir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 1 << 20,
    SHARED = 8, /* bytes of an id that a table may have with the key before it only */
    TAIL = CF_HASH_SIZE - SHARED,
    TEXT_SIZE = 256,
};

#define MARK cf_bytes_of_text("has-removed-users")

/* What the next repair removes before it begins. */
static const char *const leftovers[] = {"store.copy", "store.copy.trial", "store.mending"};

typedef struct {
    cf_arena arena;
    cf_folder *folder; /* the data directory */
    cf_folder_names names;
} listing;

static bool is_kept(cf_bytes name)
{
    return cf_bytes_equal(name, cf_bytes_of_text(CF_DATADIR_MENDED)) ||
           (name.size >= sizeof CF_KEPT_STORE - 1 &&
            memcmp(name.data, CF_KEPT_STORE, sizeof CF_KEPT_STORE - 1) == 0);
}

static cf_status open_listing(cf_files *files, const char *data, listing *out, cf_error *error)
{
    *out = (listing){0};
    cf_status status = files->open_root(files, data, &out->folder, error);
    return status ? status : cf_files_names(files, out->folder, &out->arena, &out->names, error);
}

static void close_listing(cf_files *files, listing *list)
{
    files->close_folder(files, &list->folder);
    free(list->names.at);
    cf_arena_release(&list->arena);
}

/* Returns false to stop. */
typedef bool file_visit(void *context, const cf_folder *folder, cf_bytes name,
                        const cf_stat *found);

/* What can't be looked into ends it, as the visitor does. */
static bool walk(cf_files *files, const cf_folder *above, cf_bytes name, file_visit *visit,
                 void *context)
{
    cf_arena arena = {0};
    cf_folder_names names = {0};
    cf_folder *folder = NULL;
    cf_stat found;
    cf_error ignored;

    bool goes_on = !files->open_folder(files, above, name, &folder, &ignored) &&
                   !cf_files_names(files, folder, &arena, &names, &ignored);
    for (size_t i = 0; goes_on && i < names.count; i++) {
        goes_on = !files->stat(files, folder, names.at[i], &found, &ignored);
        if (goes_on && found.kind == CF_FILE_FOLDER)
            goes_on = walk(files, folder, names.at[i], visit, context);
        else if (goes_on && found.kind == CF_FILE_REGULAR)
            goes_on = visit(context, folder, names.at[i], &found);
    }
    files->close_folder(files, &folder);
    free(names.at);
    cf_arena_release(&arena);
    return goes_on;
}

/* ---- Those that stay ---- */

static bool add_size(void *context, const cf_folder *folder, cf_bytes name, const cf_stat *found)
{
    cf_kept_store *store = context;

    (void)folder;
    store->bytes += found->size;
    store->has_removed |= cf_bytes_equal(name, MARK);
    return true;
}

cf_status cf_kept_stores_each(cf_files *files, const char *data, cf_kept_store_visit *visit,
                              void *context, cf_error *error)
{
    listing list;
    char name[TEXT_SIZE];

    cf_status status = open_listing(files, data, &list, error);
    for (size_t i = 0; !status && i < list.names.count; i++) {
        cf_kept_store store = {.name = name};

        if (!is_kept(list.names.at[i]))
            continue;
        snprintf(name, sizeof name, "%.*s", (int)list.names.at[i].size,
                 (const char *)list.names.at[i].data);
        walk(files, list.folder, list.names.at[i], add_size, &store);
        visit(context, &store);
    }
    close_listing(files, &list);
    return status;
}

/* ---- Who was removed ---- */

typedef struct {
    cf_files *files;
    const uint8_t *tail; /* of the id, TAIL bytes */
    uint8_t *piece;
} search;

static bool has_none(void *context, const cf_folder *folder, cf_bytes name, const cf_stat *found)
{
    const search *self = context;
    cf_files *files = self->files;
    cf_file *file = NULL;
    size_t got = 0;
    cf_error ignored;

    bool is_without = !files->open_file(files, folder, name, &file, &ignored);
    for (uint64_t at = 0; is_without && at < found->size; at += PIECE - TAIL + 1)
        is_without = !files->read_at(files, file, at, self->piece, PIECE, &got, &ignored) &&
                     !memmem(self->piece, got, self->tail, TAIL);
    files->close_file(files, &file);
    return is_without;
}

static void set_mark(cf_files *files, const cf_folder *above, cf_bytes name)
{
    cf_folder *folder = NULL;
    cf_file *mark = NULL;
    cf_error ignored;

    if (!files->open_folder(files, above, name, &folder, &ignored))
        files->create_file(files, folder, MARK, 0600, &mark, &ignored);
    files->close_file(files, &mark);
    files->close_folder(files, &folder);
}

static cf_status remove_leftovers(cf_files *files, const cf_folder *folder, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < sizeof leftovers / sizeof *leftovers; i++)
        status = cf_files_remove(files, folder, cf_bytes_of_text(leftovers[i]), error);
    return status;
}

/* Appends " DATA/NAME" of each that may have the user. */
static void find_in_kept(cf_files *files, const char *data, const listing *list,
                         const cf_hash *user, char found[TEXT_SIZE])
{
    search self = {files, user->bytes + SHARED, cf_allocate(PIECE, 1)};

    *found = '\0';
    for (size_t i = 0; i < list->names.count; i++) {
        const cf_bytes name = list->names.at[i];
        const size_t used = strlen(found);

        if (!is_kept(name) || walk(files, list->folder, name, has_none, &self))
            continue;
        set_mark(files, list->folder, name);
        snprintf(found + used, TEXT_SIZE - used, " %s/%.*s", data, (int)name.size,
                 (const char *)name.data);
    }
    free(self.piece);
}

cf_status cf_kept_stores_forget(cf_files *files, const char *data, const cf_hash *user,
                                cf_error *error)
{
    char found[TEXT_SIZE] = "";
    listing list;

    cf_status status = open_listing(files, data, &list, error);
    if (!status)
        status = remove_leftovers(files, list.folder, error);
    if (!status)
        find_in_kept(files, data, &list, user, found);
    close_listing(files, &list);
    if (*found)
        status =
            cf_fail(error, CF_CHANGED,
                    "the user is out, but what it had still lies in what a repair kept of the "
                    "damaged store: when the devices of the others have synced, type `rm -r%s`",
                    found);
    return status;
}
