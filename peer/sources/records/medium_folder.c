/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the folder has to be looked at: it is another one, has other times, or was listed in the
 * step of its time in which something was saved; so of each file in it, where no watch tells. New
 * files are laid out as most of those there; of as many, as the other devices have it. */
#include "peer/bindings/files_root.h"
#include "codec/clock.h"
#include "peer/merge/node_stat.h"
#include "peer/sources/context/watch.h"
#include "peer/sources/records/medium_folder_inside.h"

#include <stdlib.h>

static cf_folder_medium *of(cf_medium *medium)
{
    return (cf_folder_medium *)medium;
}

static void rest(cf_medium *medium)
{
    cf_folder_medium_rest(of(medium));
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

/* ---- Reading ---- */

/* Watches the folder, before it is listed, so that nothing falls between. */
static void watch(cf_folder_medium *self)
{
    cf_error ignored;

    self->watched =
        self->medium.watch && cf_watch_add(self->medium.watch, watch_number(&self->medium),
                                           self->root, &ignored) == CF_OK;
}

/* Makes names durable that came or went: a name that a power cut took away, or brought back, would
 * be published as done by the user. */
static cf_status keep_names(cf_folder_medium *self, cf_error *error)
{
    cf_files *files = self->medium.files;

    if (self->medium.only_looks || cf_stat_unchanged(&self->durable, &self->seen))
        return CF_OK;
    cf_status status = files->sync_folder(files, self->root, error);
    if (!status && cf_record_disk_at_rest(files, &self->seen, self->now_ms) &&
        !cf_racy_by_clock(&self->seen, cf_ns_of_ms(self->now_ms)))
        self->durable = self->seen;
    return status;
}

typedef struct {
    cf_bytes layout;
    size_t count;
} files_laid_out;

/* More files are laid out so; of as many, this layout is the favoured one, or comes first. */
static bool goes_before(const files_laid_out *a, const files_laid_out *b, cf_bytes favoured)
{
    const bool is_favoured = cf_bytes_equal(a->layout, favoured);

    if (a->count != b->count)
        return a->count > b->count;
    return is_favoured != cf_bytes_equal(b->layout, favoured)
               ? is_favoured
               : cf_bytes_compare(a->layout, b->layout) < 0;
}

/* The layout of most files. */
static cf_bytes layout_of_most(const cf_folder_medium *self, cf_bytes favoured)
{
    enum { SORTS = 8 };
    files_laid_out sorts[SORTS] = {0}, *most = sorts;
    size_t count = 0;

    for (size_t i = 0; i < self->count; i++) {
        const cf_folder_item *item = self->items[i];
        size_t at = 0;

        if (!item->there || !item->read || !item->layout.size)
            continue;
        while (at < count && !cf_bytes_equal(sorts[at].layout, item->layout))
            at++;
        if (at == SORTS)
            continue;
        count += at == count;
        sorts[at].layout = item->layout;
        sorts[at].count++;
    }
    for (size_t i = 1; i < count; i++)
        if (goes_before(&sorts[i], most, favoured))
            most = &sorts[i];
    return most->layout;
}

/* Where files were given what they lack, as they are then. */
static cf_status read_items(cf_folder_medium *self, cf_record_file *out, cf_error *error)
{
    cf_status status = cf_folder_items_read(self, out, error);

    if (!status && cf_folder_items_fill(self)) {
        cf_record_file_release(out);
        status = cf_folder_items_read(self, out, error);
    }
    return status;
}

static cf_status read(cf_medium *medium, uint64_t now_ms, cf_medium_content *out, cf_error *error)
{
    cf_folder_medium *self = of(medium);

    self->now_ms = now_ms;
    self->options.layout = medium->layout;
    cf_status status = cf_folder_medium_open(self, error);
    if (!status)
        cf_record_format_holds(&self->options, &out->arena, &out->format);
    if (status)
        return status;
    watch(self);
    status = medium->files->stat_folder(medium->files, self->root, &self->seen, error);
    if (!status)
        status = read_items(self, &out->file, error);
    if (!status)
        status = keep_names(self, error);
    if (status)
        return status;
    cf_folder_items_show(self, &out->file);
    out->layout = cf_arena_copy(&out->arena, layout_of_most(self, (cf_bytes){0}));
    if (out->layout.size) /* as what lies there is: who uses the folder can read that */
        self->options.layout = cf_arena_copy(&out->arena, layout_of_most(self, medium->layout));
    out->there = true;
    return CF_OK;
}

/* The folder, or a file, was saved or made in the step of the disk's times in which it was looked
 * at. */
static bool is_racy(const cf_folder_medium *self)
{
    bool racy = self->seen.inode != 0 && cf_racy_by_clock(&self->seen, cf_ns_of_ms(self->now_ms));

    for (size_t i = 0; i < self->count && !racy; i++)
        racy = self->items[i]->there && self->items[i]->racy;
    return racy;
}

/* A file was changed in its place, which the folder's time doesn't show; where a watch is kept,
 * that tells. */
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

/* The folder has also changed where it came, went, or is another one. */
static bool changed(cf_medium *medium)
{
    cf_folder_medium *self = of(medium);
    cf_files *files = medium->files;
    cf_error ignored;
    cf_stat now;

    cf_folder_medium_rest(of(medium));
    bool there = files->open_root(files, medium->binding->path, &self->root, &ignored) == CF_OK &&
                 files->stat_folder(files, self->root, &now, &ignored) == CF_OK;
    bool same =
        there == (self->seen.inode != 0) && (!there || cf_stat_unchanged(&now, &self->seen));
    bool differs = !same || is_racy(self) || (there && !self->watched && items_changed(self));
    cf_folder_medium_rest(of(medium));
    if (!there)
        self->seen = (cf_stat){0};
    return differs;
}

/* Removes the file, if it is still as it was read. */
static cf_status remove_as_read(cf_folder_medium *self, const cf_record_disk *disk, cf_error *error)
{
    cf_files *files = self->medium.files;
    cf_stat now;

    cf_status status = files->stat(files, self->root, disk->name, &now, error);
    if (status == CF_MISSING)
        return CF_OK;
    if (!status && !cf_stat_unchanged(&now, &disk->stat))
        status = cf_fail(error, CF_CHANGED, "%.*s was saved just now: try again",
                         (int)disk->name.size, (const char *)disk->name.data);
    return status ? status : files->unlink(files, self->root, disk->name, error);
}

/* Of a file of few cards nothing is worth to be left: it is kept elsewhere, and made anew by the
 * next look. */
static cf_status mend_item(cf_folder_medium *self, cf_folder_item *item,
                           const cf_medium_keeping *keeping, cf_error *error)
{
    const cf_record_reading how = {.now_ms = self->now_ms, .only_looks = true};
    cf_files *files = self->medium.files;
    cf_record_disk disk = {0};

    cf_status status = cf_record_disk_read_in(files, self->root, item->name, &how, &disk, error);
    if (!status && disk.there)
        status = keeping->keep(keeping->context, item->name, cf_buffer_view(&disk.bytes), error);
    if (!status && disk.there)
        status = remove_as_read(self, &disk, error);
    cf_record_disk_release(&disk);
    return status;
}

/* Files that are cut short, or have nothing in them, are kept elsewhere and taken away. */
static cf_status mend(cf_medium *medium, const cf_medium_keeping *keeping, cf_error *error)
{
    cf_folder_medium *self = of(medium);
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < self->count; i++)
        if (self->items[i]->there && (self->items[i]->file.cut || self->items[i]->empty))
            status = mend_item(self, self->items[i], keeping, error);
    return status;
}

static void settled(cf_medium *medium, cf_kv_list *records)
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
        .mend = mend,
    };
    cf_folder_medium *self = cf_allocate(1, sizeof *self);

    self->medium =
        (cf_medium){.operations = &operations, .files = files, .peer = peer, .binding = binding};
    self->options = (cf_record_options){.adapter = cf_adapter_of(binding->format)};
    return &self->medium;
}
