/* SPDX-License-Identifier: Apache-2.0 */
/* Cards without a UID in the files of a folder, as some address books export them: each gets one,
 * as in a file of many (adapters/vcard_keys.c), before anybody hears of it. Where a card that is
 * known is in no file, one without a UID may be that one, and gets only the UID that it had.
 *
 *     ann.vcf has no UID, bob.vcf has one            ann.vcf gets one
 *     ann.vcf lost the one it had, and was edited    it is left in trouble, and Ann isn't deleted
 *
 * A look of which nothing is published writes no file, and shows what would be in it. */
#include "peer/sources/records/medium_folder_inside.h"

#include <stdlib.h>

typedef struct {
    cf_folder_medium *self;
    cf_rows *shown, *missing; /* by any file; and those of the base that none shows */
    cf_folder_batch batch;
    cf_medium_outcome out;
} filling;

/* A card without a UID is one that can't be taken. */
static bool may_lack(const cf_folder_item *item)
{
    return item->there && item->read && !item->file.cut && item->file.trouble_count;
}

static void add_all(cf_rows *rows, const cf_record_file *file)
{
    for (size_t i = 0; i < file->count; i++)
        cf_rows_put(rows, &(cf_row){.table = file->rows[i].table, .key = file->rows[i].key});
}

static void find_missing(filling *self)
{
    const cf_folder_medium *medium = self->self;
    const cf_rows *base = medium->medium.binding->rows;

    for (size_t i = 0; i < medium->count; i++)
        if (medium->items[i]->there)
            add_all(self->shown, &medium->items[i]->file);
    for (const cf_row *row = NULL; base && (row = cf_rows_next(base, row));)
        if (!cf_rows_find(self->shown, row->table, row->key))
            cf_rows_put(self->missing, &(cf_row){.table = row->table, .key = row->key});
}

/* The item as it would be; it is read again by the next look. */
static void show(cf_folder_item *item, cf_record_file *filled)
{
    const cf_bytes layout = cf_arena_copy(&filled->arena, item->layout);

    cf_record_file_release(&item->file);
    item->file = *filled;
    item->layout = layout;
    item->racy = true;
    *filled = (cf_record_file){0};
}

/* The step of the item's file, if it is still as it was read, and lacks anything. */
static cf_status plan(filling *self, const cf_folder_item *item, cf_folder_step *step,
                      cf_record_file *filled, cf_error *error)
{
    const cf_folder_medium *medium = self->self;
    const cf_record_reading how = {.now_ms = medium->now_ms, .only_looks = true};
    const cf_format_known known = {.base = self->missing, .elsewhere = self->shown};
    cf_record_document *document = NULL;

    cf_buffer_append(&step->name, item->name.data, item->name.size);
    cf_status status = cf_record_disk_read_in(
        medium->medium.files, medium->root, cf_buffer_view(&step->name), &how, &step->disk, error);
    if (!status && (!step->disk.there || !cf_stat_unchanged(&step->disk.stat, &item->stat)))
        status = cf_fail(error, CF_CHANGED, "it was changed just now");
    if (!status)
        status = cf_record_document_read(&medium->options, cf_buffer_view(&step->disk.bytes),
                                         &document, error);
    if (!status)
        status = cf_record_document_fill(document, &known, &step->after, error);
    cf_record_document_destroy(&document);
    if (!status && step->after.size)
        status =
            cf_record_format_read(&medium->options, cf_buffer_view(&step->after), filled, error);
    return status;
}

static void fill(filling *self, cf_folder_item *item)
{
    const cf_medium *medium = &self->self->medium;
    cf_folder_step step = {0};
    cf_record_file filled = {0};
    cf_error ignored;

    const bool lacks = plan(self, item, &step, &filled, &ignored) == CF_OK && step.after.size;
    if (lacks)
        add_all(self->shown, &filled);
    if (lacks && medium->peer && !medium->only_looks) {
        cf_folder_batch_add(&self->batch, self->self, &step, &self->out);
    } else {
        if (lacks)
            show(item, &filled);
        cf_folder_step_release(&step);
    }
    cf_record_file_release(&filled);
}

bool cf_folder_items_fill(cf_folder_medium *self)
{
    filling all = {.self = self};
    bool any = false;

    for (size_t i = 0; i < self->count; i++)
        any |= may_lack(self->items[i]);
    if (!any || !cf_record_format_fills(&self->options))
        return false;
    all.shown = cf_rows_new();
    all.missing = cf_rows_new();
    find_missing(&all);
    for (size_t i = 0; i < self->count; i++)
        if (may_lack(self->items[i]))
            fill(&all, self->items[i]);
    cf_folder_batch_perform(&all.batch, self, &all.out);
    const bool wrote = all.out.wrote;
    cf_medium_outcome_release(&all.out);
    cf_rows_destroy(&all.shown);
    cf_rows_destroy(&all.missing);
    return wrote;
}
