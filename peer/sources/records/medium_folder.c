/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/files_root.h"
#include "peer/merge/node_stat.h"
#include "peer/sources/files/watch.h"
#include "peer/sources/records/medium_folder_inside.h"

#include <stdlib.h>

static cf_folder_medium *of(cf_medium *medium)
{
    return (cf_folder_medium *)medium;
}

static void rest(cf_medium *medium)
{
    cf_folder_medium *self = of(medium);

    medium->files->close_folder(medium->files, &self->temporary);
    medium->files->close_folder(medium->files, &self->root);
}

static uint64_t watch_number(const cf_medium *medium)
{
    return (uint64_t)medium->binding->number << 32;
}

static void destroy(cf_medium *medium)
{
    cf_folder_medium *self = of(medium);

    rest(medium);
    if (medium->watch)
        cf_watch_remove(medium->watch, watch_number(medium));
    cf_folder_items_release(self);
    free(self->places);
    free(self->written);
    cf_arena_release(&self->written_arena);
    free(self);
}

static cf_status check(cf_medium *medium, cf_error *error)
{
    return cf_record_options_check(&of(medium)->options, error);
}

/* ---- The folder ---- */

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

/* By what its files held when they were last synced, from the home too. */
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

cf_status cf_folder_medium_open(cf_folder_medium *self, cf_error *error)
{
    cf_files *files = self->medium.files;
    const char *path = self->medium.binding->path;

    rest(&self->medium);
    cf_status status = files->open_root(files, path, &self->root, error);
    if (status == CF_CHANGED)
        return error->status = CF_MISSING;
    if (status == CF_MISSING || !self->medium.peer)
        return status;
    if (status)
        return error->status = CF_UNSAFE; /* what can't be seen is not gone */
    status = check_root(self, error);
    if (!status)
        status = cf_root_open_temporary(files, self->root, &self->temporary, error);
    return status;
}

/* ---- Reading ---- */

/* Before it is listed, so that nothing falls between. */
static void watch(cf_folder_medium *self)
{
    cf_error ignored;

    self->watched =
        self->medium.watch && cf_watch_add(self->medium.watch, watch_number(&self->medium),
                                           self->root, &ignored) == CF_OK;
}

/* A name that a power cut took away, or brought back, would be published as done by the user. */
static cf_status keep_names(cf_folder_medium *self, cf_error *error)
{
    cf_files *files = self->medium.files;

    if (self->medium.only_looks || cf_stat_unchanged(&self->durable, &self->seen))
        return CF_OK;
    cf_status status = files->sync_folder(files, self->root, error);
    if (!status && cf_record_disk_at_rest(files, &self->seen, self->now_ms))
        self->durable = self->seen;
    return status;
}

static cf_status read(cf_medium *medium, uint64_t now_ms, cf_medium_content *out, cf_error *error)
{
    cf_folder_medium *self = of(medium);

    self->now_ms = now_ms;
    cf_status status = cf_folder_medium_open(self, error);
    if (!status)
        status =
            cf_record_format_holds(&self->options, (cf_bytes){0}, &out->arena, &out->format, error);
    if (status)
        return status;
    watch(self);
    status = medium->files->stat_folder(medium->files, self->root, &self->seen, error);
    if (!status)
        status = cf_folder_items_read(self, &out->file, error);
    if (!status)
        status = keep_names(self, error);
    if (status)
        return status;
    cf_folder_items_show(self, &out->file);
    out->there = true;
    return CF_OK;
}

/* A watch tells of the rest. */
static bool items_changed(cf_folder_medium *self)
{
    cf_files *files = self->medium.files;
    bool changed = false;

    for (size_t i = 0; i < self->count && !changed; i++) {
        const cf_folder_item *item = self->items[i];
        cf_error ignored;
        cf_stat now;

        if (item->there && item->read)
            changed = files->stat(files, self->root, item->name, &now, &ignored) != CF_OK ||
                      !cf_stat_unchanged(&now, &item->stat);
    }
    return changed;
}

static bool changed(cf_medium *medium)
{
    cf_folder_medium *self = of(medium);
    cf_files *files = medium->files;
    cf_error ignored;
    cf_stat now;

    rest(medium);
    bool there = files->open_root(files, medium->binding->path, &self->root, &ignored) == CF_OK &&
                 files->stat_folder(files, self->root, &now, &ignored) == CF_OK;
    bool same =
        there == (self->seen.inode != 0) && (!there || cf_stat_unchanged(&now, &self->seen));
    bool differs = !same || (there && !self->watched && items_changed(self));
    rest(medium);
    if (!there)
        self->seen = (cf_stat){0};
    return differs;
}

static void settled(cf_medium *medium, cf_records *records)
{
    cf_folder_kept_save(of(medium), records);
    cf_folder_intents_settle(of(medium), records);
}

cf_medium *cf_medium_folder_new(cf_files *files, cf_peer *peer, cf_binding *binding)
{
    static const cf_medium_operations operations = {
        .destroy = destroy,
        .check = check,
        .recover = cf_folder_medium_recover,
        .read = read,
        .changed = changed,
        .write = cf_folder_medium_write,
        .settled = settled,
        .rest = rest,
    };
    cf_folder_medium *self = cf_allocate(1, sizeof *self);

    self->medium =
        (cf_medium){.operations = &operations, .files = files, .peer = peer, .binding = binding};
    self->options = (cf_record_options){.format = binding->format};
    return &self->medium;
}
