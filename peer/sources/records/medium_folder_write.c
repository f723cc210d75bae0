/* SPDX-License-Identifier: Apache-2.0 */
/* What has to be done to the files of a folder so that it shows the wanted rows;
 * medium_folder_steps.c does that. A file is read again first, and must be as it was; none is made
 * for a row that may be in a file that can't be read.
 *
 *     wanted Ann, Bob; ann.vcf shows Ann as wanted, both.vcf Bob and Cleo, dora.vcf Dora:
 *       ann.vcf stays, both.vcf is written without Cleo, dora.vcf is deleted */
#include "peer/adapters/vdir.h"
#include "peer/sources/records/medium_folder_inside.h"

#include <stdlib.h>

/* Of one item: what it should show. */
typedef struct {
    size_t first;  /* of the wanted rows in it; NONE */
    size_t wanted; /* how many there are, */
    size_t shown;  /* and how many it shows */
    bool touched;  /* one of them is another than it shows */
} target;

typedef struct {
    cf_folder_medium *self;
    cf_medium_outcome *out;
    const cf_row *rows; /* wanted */
    size_t count;
    size_t *nexts;   /* by wanted row: the next one in the same item; NONE */
    target *targets; /* by item */
    cf_folder_batch batch;
} writing;

static const size_t NONE = SIZE_MAX;

static void refuse(writing *self, const cf_row *rows, size_t count, const cf_error *error)
{
    for (size_t i = 0; i < count; i++)
        cf_medium_refuse(self->out, rows[i].table, rows[i].key, error->status, error->text);
}

/* ---- An item that is there ---- */

/* What the file is to show: what is wanted of it, and rows that don't count, as another file has
 * their key. */
static size_t rows_for(const writing *self, size_t index, cf_row *out)
{
    const cf_folder_item *item = self->self->items[index];
    size_t count = 0;

    for (size_t i = self->targets[index].first; i != NONE; i = self->nexts[i])
        out[count++] = self->rows[i];
    for (size_t i = 0; i < item->file.count; i++) {
        const cf_row *row = &item->file.rows[i];

        if (cf_folder_place_find(self->self, row->table, row->key)->item != index)
            out[count++] = *row;
    }
    return count;
}

/* The rows that are refused if the step fails: those wanted of the file, and those in it. */
static void name_rows(const writing *self, size_t index, cf_folder_step *step)
{
    const cf_folder_item *item = self->self->items[index];

    step->rows = cf_allocate(self->targets[index].wanted + item->file.count, sizeof *step->rows);
    for (size_t i = self->targets[index].first; i != NONE; i = self->nexts[i])
        step->rows[step->row_count++] = self->rows[i];
    for (size_t i = 0; i < item->file.count; i++)
        step->rows[step->row_count++] = item->file.rows[i];
}

/* CF_CHANGED: the file is not as the look read it. */
static cf_status read_again(writing *self, const cf_folder_item *item, cf_folder_step *step,
                            cf_error *error)
{
    cf_folder_medium *medium = self->self;

    cf_buffer_append(&step->name, item->name.data, item->name.size);
    const cf_record_reading how = {.now_ms = medium->now_ms, .only_looks = true};
    cf_status status = cf_record_disk_read_in(
        medium->medium.files, medium->root, cf_buffer_view(&step->name), &how, &step->disk, error);
    if (!status && (!step->disk.there || !cf_stat_unchanged(&step->disk.stat, &item->stat)))
        status = cf_fail(error, CF_CHANGED, "it was changed just now");
    return status;
}

/* The bytes of the step's file with these rows; a row that the file can't be made to show is
 * refused, and the file is made without what the row says. */
static cf_status format(writing *self, const cf_row *rows, size_t count, cf_folder_step *step,
                        cf_error *error)
{
    const cf_record_options *options = &self->self->options;
    bool *unsaid = cf_allocate(count, sizeof *unsaid);
    cf_record_document *document = NULL;

    cf_status status =
        cf_record_document_read(options, cf_buffer_view(&step->disk.bytes), &document, error);
    if (!status)
        status = cf_record_document_show(document, rows, count, unsaid, &step->after, error);
    if (!status)
        cf_medium_refuse_unsaid(self->out, options, rows, unsaid, count);
    cf_record_document_destroy(&document);
    free(unsaid);
    return status;
}

/* A file that is cut short stays until it is whole. */
static cf_status refuse_cut(const cf_folder_item *item, cf_error *error)
{
    return cf_fail(error, CF_IO, "%.*s is cut short, and not written to", (int)item->name.size,
                   (const char *)item->name.data);
}

/* The step of a file: it is written anew, or deleted where nothing is to be in it, and nothing is
 * that is in trouble or never synced. A file that is just so is left alone. */
static void plan_item(writing *self, size_t index)
{
    const cf_folder_item *item = self->self->items[index];
    cf_row *rows = cf_allocate(self->targets[index].wanted + item->file.count, sizeof *rows);
    size_t count = item->file.cut ? 0 : rows_for(self, index, rows);
    cf_folder_step step = {.deletes =
                               count == 0 && item->file.trouble_count == 0 && !item->file.others};
    cf_error error;

    name_rows(self, index, &step);
    cf_status status =
        item->file.cut ? refuse_cut(item, &error) : read_again(self, item, &step, &error);
    if (!status && !step.deletes)
        status = format(self, rows, count, &step, &error);
    bool same = !step.deletes &&
                cf_bytes_equal(cf_buffer_view(&step.after), cf_buffer_view(&step.disk.bytes));
    if (status)
        refuse(self, step.rows, step.row_count, &error);
    if (status || same)
        cf_folder_step_release(&step);
    else
        cf_folder_batch_add(&self->batch, self->self, &step, self->out);
    free(rows);
}

/* ---- A new item ---- */

/* Something is called so, or will be by a step that is planned. */
static bool is_taken(const writing *self, cf_bytes name)
{
    cf_medium *medium = &self->self->medium;
    cf_error ignored;
    cf_stat stat;

    for (size_t i = 0; i < self->batch.count; i++)
        if (cf_bytes_equal(cf_buffer_view(&self->batch.steps[i].name), name))
            return true;
    return medium->files->stat(medium->files, self->self->root, name, &stat, &ignored) !=
           CF_MISSING;
}

/* CF_CHANGED, CF_IO: a file of this name can't be read, and the row may be in it. */
static cf_status check_free(const writing *self, cf_bytes name, cf_error *error)
{
    const cf_folder_item *item = cf_folder_item_find(self->self, name);

    if (!item || !item->there || cf_folder_item_is_clear(item))
        return CF_OK;
    return cf_fail(error, item->passes ? CF_CHANGED : CF_IO,
                   "%.*s, which has the name for it, can't be read", (int)name.size,
                   (const char *)name.data);
}

/* CF_CHANGED, CF_IO: a file that can't be read, and never was, may have the card that is to be
 * made. Two files with one UID would be left then, for a user to make one of. */
static cf_status check_known(const writing *self, cf_error *error)
{
    const cf_folder_medium *medium = self->self;

    for (size_t i = 0; i < medium->count; i++) {
        const cf_folder_item *item = medium->items[i];

        if (cf_folder_item_may_be_new(item))
            return cf_fail(error, item->passes ? CF_CHANGED : CF_IO,
                           "it may be in %.*s, which can't be read: %s", (int)item->name.size,
                           (const char *)item->name.data, item->trouble);
    }
    return CF_OK;
}

/* The row's UID as a name, or, where that is taken, a hash of it. */
static cf_status choose_name(const writing *self, const cf_row *row, cf_buffer *out,
                             cf_error *error)
{
    for (int hashed = 0; hashed < 2; hashed++) {
        cf_buffer_clear(out);
        cf_vdir_make_name(row->key, self->self->medium.binding->format, hashed, out);
        cf_status status = check_free(self, cf_buffer_view(out), error);
        if (status || !is_taken(self, cf_buffer_view(out)))
            return status;
    }
    return cf_fail(error, CF_IO, "another file has the name %.*s", (int)out->size,
                   (const char *)out->data);
}

/* The step of a row that no file has. */
static void plan_new(writing *self, const cf_row *row)
{
    cf_folder_medium *medium = self->self;
    cf_folder_step step = {0};
    cf_error error;

    step.disk = (cf_record_disk){.files = medium->medium.files, .folder = medium->root};
    step.rows = cf_allocate(1, sizeof *step.rows);
    step.rows[step.row_count++] = *row;
    cf_status status = check_known(self, &error);
    if (!status)
        status = choose_name(self, row, &step.name, &error);
    size_t refused = self->out->count;
    if (!status)
        status = format(self, row, 1, &step, &error);
    if (status)
        refuse(self, row, 1, &error);
    if (self->out->count > refused) {
        cf_folder_step_release(&step);
    } else {
        cf_folder_batch_add(&self->batch, self->self, &step, self->out);
    }
}

/* ---- The whole folder ---- */

/* Gives the wanted rows to the files that have them; the others are new. */
static void distribute(writing *self, bool *is_new)
{
    const cf_folder_medium *medium = self->self;

    for (size_t i = 0; i < medium->count; i++)
        self->targets[i].first = NONE;
    for (size_t i = self->count; i-- > 0;) {
        const cf_row *row = &self->rows[i];
        const cf_folder_place *place = cf_folder_place_find(medium, row->table, row->key);

        is_new[i] = !place;
        if (!place)
            continue;
        target *at = &self->targets[place->item];
        self->nexts[i] = at->first;
        at->first = i;
        at->wanted++;
        at->touched |= place->row->fields != row->fields;
    }
    for (size_t i = 0; i < medium->place_count; i++)
        self->targets[medium->places[i].item].shown++;
}

cf_status cf_folder_medium_write(cf_medium *medium, const cf_row *rows, size_t count,
                                 cf_medium_outcome *out, cf_error *error)
{
    cf_folder_medium *folder = (cf_folder_medium *)medium;
    cf_arena arena = {0};
    writing self = {.self = folder, .out = out, .rows = rows, .count = count};
    bool *is_new = cf_arena_allocate(&arena, count, sizeof *is_new);

    (void)error;
    self.nexts = cf_arena_allocate(&arena, count, sizeof *self.nexts);
    self.targets = cf_arena_allocate(&arena, folder->count, sizeof *self.targets);
    distribute(&self, is_new);
    for (size_t i = 0; i < folder->count; i++)
        if (self.targets[i].touched || self.targets[i].wanted < self.targets[i].shown)
            plan_item(&self, i);
    for (size_t i = 0; i < count; i++)
        if (is_new[i])
            plan_new(&self, &rows[i]);
    cf_folder_batch_perform(&self.batch, self.self, self.out);
    cf_arena_release(&arena);
    return CF_OK;
}
