/* SPDX-License-Identifier: Apache-2.0 */
/* Which records lie in which file, kept in the home: [name, [[table, key]…], stat], the stat being
 * that of the file when it was last made durable: [inode, birth, size, mtime, ctime]; the ctime is
 * CF_CTIME_UNSEEN where it may have been saved again and not show it; all 0 of a file that was
 * never read, which may be any of the records. */
#include "codec/pack.h"
#include "peer/bindings/files_root.h"
#include "peer/merge/node_stat.h"
#include "peer/sources/records/medium_folder_inside.h"

#include <stdlib.h>

enum { PARTS = 3, PLACE_PARTS = 2, STAT_PARTS = 5 };

static cf_status read_places(cf_reader *reader, size_t count, cf_row_place *out, cf_error *error)
{
    cf_status status = CF_OK;
    size_t parts;

    for (size_t i = 0; !status && i < count; i++) {
        status = cf_read_array(reader, &parts, error);
        if (!status && parts != PLACE_PARTS)
            status = cf_fail(error, CF_MALFORMED, "a place of %zu parts", parts);
        if (!status)
            status = cf_read_text(reader, &out[i].table, error);
        if (!status)
            status = cf_read_value(reader, &out[i].key, error);
    }
    return status;
}

static cf_status read_stat(cf_reader *reader, cf_node_stat *out, cf_error *error)
{
    size_t parts;

    *out = (cf_node_stat){0};
    cf_status status = cf_read_array(reader, &parts, error);
    if (!status && parts != STAT_PARTS)
        status = cf_fail(error, CF_MALFORMED, "a stat of %zu parts", parts);
    if (!status)
        status = cf_read_uint(reader, &out->inode, error);
    if (!status)
        status = cf_read_int(reader, &out->birth_ns, error);
    if (!status)
        status = cf_read_uint(reader, &out->size, error);
    if (!status)
        status = cf_read_int(reader, &out->mtime_ns, error);
    return status ? status : cf_read_int(reader, &out->ctime_ns, error);
}

static cf_status read_record(cf_folder_medium *self, cf_bytes value, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    cf_row_place *places = NULL;
    size_t parts, count = 0;
    cf_node_stat stat;
    cf_bytes name;

    cf_status status = cf_read_array(&reader, &parts, error);
    if (!status && parts != PARTS)
        status = cf_fail(error, CF_MALFORMED, "a record of %zu parts", parts);
    if (!status)
        status = cf_read_bin(&reader, &name, error);
    if (!status)
        status = cf_read_array(&reader, &count, error);
    if (status)
        return status;
    places = cf_allocate(count, sizeof *places);
    status = read_places(&reader, count, places, error);
    if (!status)
        status = read_stat(&reader, &stat, error);
    if (!status) {
        cf_folder_item *item = cf_folder_item_make(self, name);

        cf_folder_item_hold(item, places, count);
        item->synced = stat;
        item->is_synced = stat.inode != 0;
        item->guessed = !item->is_synced;
    }
    free(places);
    return status;
}

typedef struct {
    cf_folder_medium *self;
    cf_status status;
    cf_error *error;
} loading;

static bool visit(void *context, cf_bytes key, cf_bytes value)
{
    loading *load = context;

    (void)key;
    load->status = read_record(load->self, value, load->error);
    return load->status == CF_OK;
}

cf_status cf_folder_kept_load(cf_folder_medium *self, cf_error *error)
{
    cf_peer *peer = self->medium.peer;
    loading load = {self, CF_OK, error};

    cf_status status =
        cf_binding_scan(peer, self->medium.binding, CF_TABLE_PLACE, visit, &load, error);
    if (!status && load.status) {
        status = error->status = CF_BROKEN;
        cf_error_while(error, "what the files of %s held", self->medium.binding->path);
    }
    self->loaded = !status;
    return status;
}

/* Of a file that is gone nothing is kept: a file that comes under its name later is a new one. */
static void save(const cf_folder_medium *self, const cf_folder_item *item, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_node_stat stat = item->guessed ? (cf_node_stat){0} : item->synced;

    cf_pack_array(&value, PARTS);
    cf_pack_bin(&value, item->name);
    cf_pack_array(&value, item->held_count);
    for (size_t i = 0; i < item->held_count; i++) {
        cf_pack_array(&value, PLACE_PARTS);
        cf_pack_text(&value, item->held[i].table);
        cf_pack_raw(&value, item->held[i].key);
    }
    cf_pack_array(&value, STAT_PARTS);
    cf_pack_uint(&value, stat.inode);
    cf_pack_int(&value, stat.birth_ns);
    cf_pack_uint(&value, stat.size);
    cf_pack_int(&value, stat.mtime_ns);
    cf_pack_int(&value, stat.ctime_ns);
    cf_bytes key = cf_key_named(&arena, CF_TABLE_PLACE, self->medium.binding->number, item->name);
    if (item->there)
        cf_kv_list_put(records, key, cf_buffer_view(&value));
    else
        cf_kv_list_delete(records, key);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_folder_kept_note(cf_folder_medium *self, const cf_folder_written *written)
{
    cf_arena *arena = &self->written_arena;

    *cf_one_more(self->written, self->written_count, self->written_capacity) = (cf_folder_written){
        cf_arena_copy(arena, written->name),
        written->stat,
        {cf_arena_copy(arena, written->row.table), cf_arena_copy(arena, written->row.key)}};
}

/* From now on the files that were written are known, with their rows. Not before the commit: what
 * was read goes by the order of the items. */
static void take_written(cf_folder_medium *self)
{
    for (size_t i = 0; i < self->written_count; i++) {
        const cf_folder_written *written = &self->written[i];
        cf_folder_item *item = cf_folder_item_make(self, written->name);

        if (!item->there)
            cf_folder_item_hold(item, &written->row, 1);
        item->there = true;
        item->synced = written->stat;
        item->is_synced = item->changed = true;
    }
    self->written_count = 0;
    cf_arena_release(&self->written_arena);
}

void cf_folder_kept_save(cf_folder_medium *self, cf_kv_list *records)
{
    take_written(self);
    for (size_t i = 0; i < self->count; i++) {
        cf_folder_item *item = self->items[i];

        if (item->known && (item->changed || !item->there))
            save(self, item, records);
        item->changed &= !item->known;
        item->known &= item->there;
        if (!item->known && !item->there)
            item->held_count = 0;
    }
}

/* ---- The folder ---- */

void cf_folder_medium_rest(cf_folder_medium *self)
{
    cf_files *files = self->medium.files;

    files->close_folder(files, &self->temporary);
    files->close_folder(files, &self->root);
}

/* Of how many files it is known what they held, and how many of them are there: whether this is the
 * folder that was synced. */
static cf_root_content count_items(const void *context, cf_files *files)
{
    const cf_folder_medium *self = context;
    cf_root_content out = {0};

    for (size_t i = 0; i < self->count; i++) {
        const cf_folder_item *item = self->items[i];
        cf_error ignored;
        cf_stat now;

        if (!item->held_count)
            continue;
        out.known++;
        out.there += item->is_synced &&
                     files->stat(files, self->root, item->name, &now, &ignored) == CF_OK &&
                     cf_node_stat_same_file(&item->synced, &now);
    }
    return out;
}

/* CF_UNSAFE and others: the folder is not the one that was added, by its mark or by what its files
 * held when they were last synced. A folder without its mark is judged once it is seen twice to
 * have as much in it; where no watch is kept nobody asks later, so it is asked twice here. */
static cf_status check_root(cf_folder_medium *self, cf_error *error)
{
    cf_medium *medium = &self->medium;
    const cf_marked_root marked = {self->root, count_items, self};
    cf_status status = self->loaded ? CF_OK : cf_folder_kept_load(self, error);

    if (!status)
        status = cf_binding_check_root(medium->peer, medium->binding, &marked, error);
    if (status && medium->binding->is_unmarked && !medium->watch) /* nobody asks again later */
        status = cf_binding_check_root(medium->peer, medium->binding, &marked, error);
    return status;
}

/* The folder is only tried, as by `add -n`, and has no mark of ours. */
static bool is_unmarked(const cf_folder_medium *self)
{
    static const cf_id none;

    return self->medium.only_looks && cf_id_equal(&self->medium.binding->instance, &none);
}

cf_status cf_folder_medium_open(cf_folder_medium *self, cf_error *error)
{
    cf_files *files = self->medium.files;
    const char *path = self->medium.binding->path;

    cf_folder_medium_rest(self);
    cf_status status = files->open_root(files, path, &self->root, error);
    if (status == CF_CHANGED)
        return error->status = CF_MISSING;
    if (status && !self->medium.peer)
        cf_root_say_shut(path, "", error);
    if (status == CF_MISSING || !self->medium.peer || (!status && is_unmarked(self)))
        return status;
    if (status)
        return cf_binding_refuse_unseen(self->medium.binding, error);
    status = check_root(self, error);
    if (!status)
        status = cf_root_open_temporary(files, self->root, &self->temporary, error);
    return status;
}
