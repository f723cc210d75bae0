/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a folder of records: listed, found by name, read where they changed, and synced,
 * many together, before anybody hears of their rows. A file that can't be read, or has nothing in
 * it, is in trouble, and says of no row that it is gone. */
#include "peer/adapters/vdir.h"
#include "codec/clock.h"
#include "peer/merge/node_stat.h"
#include "peer/sources/records/medium_folder_inside.h"

#include <stdlib.h>

enum { KEPT_MAX = 64 << 10 }; /* a larger file is read again at each look */
enum { TOGETHER = 64, TOGETHER_BYTES = 16 << 20 /* held until they are durable */ };

/* ---- Found by name ---- */

static size_t first_not_before(const cf_folder_medium *self, cf_bytes name)
{
    size_t low = 0, high = self->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_bytes_compare(self->items[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

cf_folder_item *cf_folder_item_find(const cf_folder_medium *self, cf_bytes name)
{
    size_t at = first_not_before(self, name);

    return at < self->count && cf_bytes_equal(self->items[at]->name, name) ? self->items[at] : NULL;
}

cf_folder_item *cf_folder_item_make(cf_folder_medium *self, cf_bytes name)
{
    size_t at = first_not_before(self, name);

    if (at < self->count && cf_bytes_equal(self->items[at]->name, name))
        return self->items[at];
    cf_folder_item *item = cf_allocate(1, sizeof *item);
    item->name = cf_arena_copy(&item->name_arena, name);
    *cf_one_more_at(self->items, self->count, self->capacity, at) = item;
    return item;
}

void cf_folder_item_forget_file(cf_folder_item *item)
{
    cf_record_file_release(&item->file);
    item->layout = (cf_bytes){0};
    cf_arena_release(&item->trouble_arena);
    item->trouble = NULL;
    item->read = item->passes = item->unseen = false;
}

static void release(cf_folder_item *item)
{
    cf_folder_item_forget_file(item);
    cf_arena_release(&item->held_arena);
    cf_arena_release(&item->name_arena);
    free(item);
}

void cf_folder_items_release(cf_folder_medium *self)
{
    for (size_t i = 0; i < self->count; i++)
        release(self->items[i]);
    free(self->items);
}

void cf_folder_item_hold(cf_folder_item *item, const cf_row_place *places, size_t count)
{
    cf_arena arena = {0};
    cf_row_place *held = cf_arena_allocate(&arena, count, sizeof *held);

    for (size_t i = 0; i < count; i++)
        held[i] = (cf_row_place){cf_arena_copy(&arena, places[i].table),
                                 cf_arena_copy(&arena, places[i].key)};
    cf_arena_release(&item->held_arena);
    item->held_arena = arena;
    item->held = held;
    item->held_count = count;
    item->known = true;
    item->guessed = false;
}

/* ---- What is there ---- */

typedef struct {
    cf_folder_medium *self;
    cf_record_file *out;
    cf_arena arena;
    cf_bytes *others;
    size_t count, capacity;
} listing;

/* An item of the folder is there; of other names those are kept that people should know of. */
static bool list_name(void *context, cf_bytes name)
{
    listing *list = context;
    cf_vdir_name what = cf_vdir_name_of(name, list->self->medium.binding->format);

    if (what == CF_VDIR_ITEM) {
        cf_folder_item_make(list->self, name)->there = true;
    } else if (what == CF_VDIR_SAVED || name.data[0] != '.') {
        *cf_one_more(list->others, list->count, list->capacity) = cf_arena_copy(&list->arena, name);
    }
    return true;
}

/* Lists a name that says nothing of any record. */
static void name_other(cf_record_file *out, cf_bytes name, const char *text)
{
    static const cf_row none;

    cf_record_file_trouble(out, 0, &none, text);
    out->troubles[out->trouble_count - 1].where = cf_arena_copy(&out->arena, name);
}

/* Lists what was saved while a file was written, and folders, as neither is synced. */
static void name_others(const listing *list)
{
    const cf_folder_medium *self = list->self;
    cf_files *files = self->medium.files;

    for (size_t i = 0; i < list->count; i++) {
        cf_error ignored;
        cf_stat stat;

        if (cf_vdir_name_of(list->others[i], self->medium.binding->format) == CF_VDIR_SAVED)
            name_other(list->out, list->others[i],
                       "it was saved while it was written here: take from it what you need, and "
                       "delete it");
        else if (files->stat(files, self->root, list->others[i], &stat, &ignored) == CF_OK &&
                 stat.kind == CF_FILE_FOLDER)
            name_other(list->out, list->others[i],
                       "it is a folder, and only files right in the source are synced: move it out "
                       "of the source, and add it as one of its own");
    }
}

/* Nothing of the file is shown, for this reason; `passes`: a later look may find the reason gone.
 */
static void set_trouble(cf_folder_item *item, bool passes, const char *text)
{
    cf_folder_item_forget_file(item);
    item->passes = passes;
    item->trouble = cf_arena_text(&item->trouble_arena, cf_bytes_of_text(text));
}

/* Nothing is in the file but blanks; a zero byte is none. */
static bool is_blank(cf_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if (!strchr(" \t\r\n", bytes.data[i]) || !bytes.data[i])
            return false;
    return true;
}

/* CF_MALFORMED: nothing is in the file, which was rather cut off than says that what was in it is
 * gone. */
static cf_status check_filled(const cf_folder_medium *self, const cf_folder_item *item,
                              cf_error *error)
{
    if (item->file.count || item->file.trouble_count || item->file.others)
        return CF_OK;
    const char *what = self->options.adapter->item;
    cf_buffer fill = {0};

    if (item->empty && item->held_count)
        cf_binding_refill_word(self->medium.binding, "", " fills it, or ", &fill);
    cf_buffer_append(&fill, "", 1);
    cf_fail(error, CF_MALFORMED,
            "there is no %s in it: save it again, or %sdelete it if what it held may go", what,
            (const char *)fill.data);
    cf_buffer_release(&fill);
    return CF_MALFORMED;
}

/* What the file is that was made durable is kept, so that the next process needn't do it again; but
 * of a racy one, which may be saved again with the same times, only which file it is. */
static void note_synced(cf_folder_item *item)
{
    if (!item->racy && item->is_synced && cf_node_stat_untouched(&item->synced, &item->stat))
        return;
    item->synced = cf_node_stat_of(&item->stat);
    if (item->racy)
        item->synced.ctime_ns = CF_CTIME_UNSEEN;
    item->is_synced = item->changed = true;
}

/* The file's bytes could not be had, and may be later; a link, a folder or what is too large never
 * will. */
static bool may_be_read_later(cf_status status)
{
    return status && status != CF_UNSAFE && status != CF_TOO_LARGE;
}

static void take_layout(const cf_folder_medium *self, cf_folder_item *item, cf_bytes bytes)
{
    cf_buffer layout = {0};

    cf_record_format_layout(&self->options, bytes, &layout);
    item->layout = cf_arena_copy(&item->file.arena, cf_buffer_view(&layout));
    cf_buffer_release(&layout);
}

/* What was read of the item, or why nothing was; consumes `disk`. */
static void take(const cf_folder_medium *self, cf_folder_item *item, cf_record_disk *disk,
                 cf_status status, cf_error *error)
{
    if (!status && !disk->there)
        status = cf_fail(error, CF_CHANGED, "it went away just now");
    bool unseen = may_be_read_later(status);
    cf_folder_item_forget_file(item);
    item->stat = disk->stat;
    item->empty = !status && is_blank(cf_buffer_view(&disk->bytes));
    item->racy = !status && cf_racy_by_clock(&item->stat, cf_ns_of_ms(self->now_ms));
    if (!status && !self->medium.only_looks)
        note_synced(item);
    if (!status)
        status =
            cf_record_format_read(&self->options, cf_buffer_view(&disk->bytes), &item->file, error);
    if (!status)
        take_layout(self, item, cf_buffer_view(&disk->bytes));
    if (!status)
        status = check_filled(self, item, error);
    if (status)
        set_trouble(item, status == CF_CHANGED, error->text);
    else
        item->read = true;
    item->unseen = unseen;
    cf_record_disk_release(disk);
}

/* Files that were read and are to be made durable, together. */
typedef struct {
    cf_folder_item *items[TOGETHER];
    cf_record_disk disks[TOGETHER];
    cf_file *files[TOGETHER];
    cf_file_sync syncs[TOGETHER];
    size_t count, bytes;
} reading;

/* Makes the files durable that were read, all at once, and takes them. */
static void finish(const cf_folder_medium *self, reading *all)
{
    for (size_t i = 0; i < all->count; i++)
        all->syncs[i] = (cf_file_sync){.file = all->files[i]};
    self->medium.files->sync_files(self->medium.files, all->syncs, all->count);
    for (size_t i = 0; i < all->count; i++) {
        cf_status status = cf_record_disk_read_end(&all->disks[i], &all->files[i], &all->syncs[i]);

        take(self, all->items[i], &all->disks[i], status, &all->syncs[i].error);
    }
    all->count = all->bytes = 0;
}

/* Reads the item; where it has to be durable first, it waits for others. */
static void read_item(const cf_folder_medium *self, cf_folder_item *item, reading *all)
{
    const cf_record_reading how = {self->now_ms, self->medium.only_looks,
                                   item->is_synced ? &item->synced : NULL};
    cf_record_disk *disk = &all->disks[all->count];
    cf_file **file = &all->files[all->count];
    cf_error error;

    cf_status status = cf_record_disk_read_begin(self->medium.files, self->root, item->name, &how,
                                                 disk, file, &error);
    if (status || !*file) {
        take(self, item, disk, status, &error);
        return;
    }
    all->items[all->count++] = item;
    all->bytes += disk->bytes.size;
    if (all->count == TOGETHER || all->bytes > TOGETHER_BYTES)
        finish(self, all);
}

/* Reads the item, unless it was read, is durable and is as it was. */
static void look_at(const cf_folder_medium *self, cf_folder_item *item, reading *all)
{
    cf_files *files = self->medium.files;
    cf_error ignored;
    cf_stat now;

    bool durable = self->medium.only_looks ||
                   (item->is_synced && cf_node_stat_untouched(&item->synced, &item->stat));
    bool same = item->read && !item->racy && durable && item->stat.size <= KEPT_MAX &&
                files->stat(files, self->root, item->name, &now, &ignored) == CF_OK &&
                cf_stat_unchanged(&now, &item->stat);
    if (!same)
        read_item(self, item, all);
}

cf_status cf_folder_items_read(cf_folder_medium *self, cf_record_file *out, cf_error *error)
{
    listing list = {.self = self, .out = out};
    reading all = {0};

    for (size_t i = 0; i < self->count; i++)
        self->items[i]->there = false;
    cf_status status =
        self->medium.files->list(self->medium.files, self->root, list_name, &list, error);
    if (!status)
        name_others(&list);
    for (size_t i = 0; !status && i < self->count; i++)
        if (self->items[i]->there)
            look_at(self, self->items[i], &all);
        else
            cf_folder_item_forget_file(self->items[i]);
    finish(self, &all);
    free(list.others);
    cf_arena_release(&list.arena);
    return status;
}
