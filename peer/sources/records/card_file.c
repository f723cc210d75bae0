/* SPDX-License-Identifier: Apache-2.0 */
/* Which records a file has: those in it now, and those that it had when it was last looked at,
 * since of what can't be read now nothing is known to be gone. A name that none of the folder's
 * files can have has none. */
#include "peer/sources/records/card_file.h"

#include "peer/adapters/vdir.h"
#include "peer/log/record_names.h"
#include "peer/sources/records/medium_folder_inside.h"

/* By a clock of the future nothing is fresh. */
static const uint64_t FUTURE_MS = INT64_MAX / 1000000;

typedef struct {
    cf_folder_medium *medium;
    cf_arena *arena;
    cf_record_paths *out;
} finding;

static bool has(const cf_record_paths *paths, cf_bytes path)
{
    for (size_t i = 0; i < paths->count; i++)
        if (cf_bytes_equal(paths->at[i], path))
            return true;
    return false;
}

static void add(finding *self, cf_bytes table, cf_bytes key)
{
    cf_buffer path = {0};

    cf_record_path(0, table, key, &path);
    if (path.size && !has(self->out, cf_buffer_view(&path)))
        self->out->at[self->out->count++] = cf_arena_copy(self->arena, cf_buffer_view(&path));
    cf_buffer_release(&path);
}

/* The rows that the file has now. One that can't be read holds, as far as anybody knows, what it
 * held. */
static void read_now(const finding *self, cf_bytes name, cf_record_file *out)
{
    const cf_record_reading how = {.now_ms = FUTURE_MS, .only_looks = true};
    const cf_medium *medium = &self->medium->medium;
    cf_record_disk disk = {0};
    cf_folder *root = NULL;
    cf_error ignored;

    cf_status status =
        medium->files->open_root(medium->files, medium->binding->path, &root, &ignored);
    if (!status)
        status = cf_record_disk_read_in(medium->files, root, name, &how, &disk, &ignored);
    if (!status && disk.there)
        cf_record_format_read(&self->medium->options, cf_buffer_view(&disk.bytes), out, &ignored);
    cf_record_disk_release(&disk);
    medium->files->close_folder(medium->files, &root);
}

/* The rows that the file has now, and those that it had when last looked at: each once. */
static void add_all(finding *self, const cf_record_file *file, const cf_folder_item *item)
{
    const size_t held = item ? item->held_count : 0;

    self->out->at = cf_arena_allocate(self->arena, file->count + held, sizeof *self->out->at);
    for (size_t i = 0; i < file->count; i++)
        add(self, file->rows[i].table, file->rows[i].key);
    for (size_t i = 0; i < held; i++)
        add(self, item->held[i].table, item->held[i].key);
}

static bool is_folder_of_records(const cf_binding *binding)
{
    return cf_adapter_of(binding->format)->storage == CF_STORAGE_FILE_OR_FOLDER &&
           cf_binding_is_folder(binding);
}

cf_status cf_card_file_records(cf_peer *peer, cf_binding *binding, cf_bytes name, cf_arena *arena,
                               cf_record_paths *out, cf_error *error)
{
    cf_record_file file = {0};

    *out = (cf_record_paths){0};
    if (!is_folder_of_records(binding) || !name.size || memchr(name.data, '/', name.size) ||
        cf_vdir_name_of(name, binding->format) != CF_VDIR_ITEM)
        return CF_OK;
    cf_medium *medium = cf_medium_folder_new(peer->env->files, peer, binding);
    finding self = {(cf_folder_medium *)medium, arena, out};
    cf_status status = cf_folder_kept_load(self.medium, error);
    if (!status) {
        if (!binding->silence)
            read_now(&self, name, &file);
        add_all(&self, &file, cf_folder_item_find(self.medium, name));
    }
    cf_record_file_release(&file);
    cf_medium_destroy(&medium);
    return status;
}

/* The file is known to have held a record that is called so. */
static bool held(const cf_folder_item *item, cf_bytes path)
{
    bool found = false;

    for (size_t i = 0; i < item->held_count && !found; i++) {
        cf_buffer called = {0};

        cf_record_path(0, item->held[i].table, item->held[i].key, &called);
        found = cf_bytes_equal(cf_buffer_view(&called), path);
        cf_buffer_release(&called);
    }
    return found;
}

cf_status cf_record_card_files(cf_peer *peer, cf_binding *binding, cf_bytes path, cf_arena *arena,
                               cf_record_paths *out, cf_error *error)
{
    *out = (cf_record_paths){0};
    if (!is_folder_of_records(binding) || !path.size)
        return CF_OK;
    cf_medium *medium = cf_medium_folder_new(peer->env->files, peer, binding);
    const cf_folder_medium *folder = (cf_folder_medium *)medium;
    cf_status status = cf_folder_kept_load((cf_folder_medium *)medium, error);
    if (!status)
        out->at = cf_arena_allocate(arena, folder->count, sizeof *out->at);
    for (size_t i = 0; !status && i < folder->count; i++)
        if (held(folder->items[i], path))
            out->at[out->count++] = cf_arena_copy(arena, folder->items[i]->name);
    cf_medium_destroy(&medium);
    return status;
}
