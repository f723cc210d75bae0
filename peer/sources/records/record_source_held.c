/* SPDX-License-Identifier: Apache-2.0 */
/* What a source has room for since its last look: a column that was added to it. That it is empty
 * says nothing yet: what the collection has there is shown first. */
#include "peer/sources/records/record_source_inside.h"

#include "codec/pack.h"

#include <stdlib.h>
#include <string.h>

/* ---- What it had room for ---- */

static cf_bytes key_of(cf_record_run *run)
{
    return cf_key_source(&run->arena, CF_TABLE_HELD, run->source->binding->number);
}

static void pack(const cf_row_format *format, cf_buffer *out)
{
    cf_pack_array(out, format->count);
    for (size_t i = 0; i < format->count; i++) {
        const cf_format_table *table = &format->tables[i];

        cf_pack_array(out, 3);
        cf_pack_bin(out, table->name);
        cf_pack_uint(out, table->whole);
        cf_pack_array(out, table->field_count);
        for (size_t k = 0; k < table->field_count; k++)
            cf_pack_bin(out, table->fields[k].name);
    }
}

static cf_status read_table(cf_reader *reader, cf_arena *arena, cf_format_table *out,
                            cf_error *error)
{
    size_t parts;
    uint64_t whole = 0;

    cf_status status = cf_read_array(reader, &parts, error);
    if (!status && parts != 3)
        status = cf_fail(error, CF_MALFORMED, "a table of %zu parts", parts);
    if (!status)
        status = cf_read_bin(reader, &out->name, error);
    if (!status)
        status = cf_read_uint(reader, &whole, error);
    if (!status)
        status = cf_read_array(reader, &out->field_count, error);
    if (status)
        return status;
    cf_format_field *fields = cf_arena_allocate(arena, out->field_count, sizeof *fields);
    for (size_t i = 0; !status && i < out->field_count; i++)
        status = cf_read_bin(reader, &fields[i].name, error);
    out->whole = whole;
    out->fields = fields;
    return status;
}

/* CF_MISSING: nobody knows. */
static cf_status read_before(cf_record_run *run, cf_row_format *out, cf_error *error)
{
    cf_peer *peer = run->source->workshop->peer;
    cf_store *store = cf_home_store(peer->home);
    cf_buffer kept = {0};

    cf_status status = store->get(store, cf_peer_user(peer), key_of(run), &kept, error);
    cf_reader reader = cf_reader_of(cf_arena_copy(&run->arena, cf_buffer_view(&kept)));
    cf_buffer_release(&kept);
    if (!status)
        status = cf_read_array(&reader, &out->count, error);
    if (status)
        return status;
    cf_format_table *tables = cf_arena_allocate(&run->arena, out->count, sizeof *tables);
    for (size_t i = 0; !status && i < out->count; i++)
        status = read_table(&reader, &run->arena, &tables[i], error);
    out->tables = tables;
    return status == CF_MALFORMED ? error->status = CF_BROKEN : status;
}

void cf_record_run_keep_held(cf_record_run *run)
{
    cf_buffer now = {0};

    if (run->content.format.whole || !run->held_grew)
        return;
    pack(&run->content.format, &now);
    cf_records_put(&run->records, key_of(run), cf_buffer_view(&now));
    cf_buffer_release(&now);
    run->held_grew = false;
}

/* ---- What it has room for now ---- */

typedef struct {
    cf_bytes table, field;
    bool preset; /* every row has what it was given by itself */
} new_column;

typedef struct {
    cf_record_run *run;
    new_column *columns;
    size_t count;
} filling;

/* As a column of a database is that was just added with a default. */
static bool is_preset(const cf_record_run *run, cf_bytes table, cf_bytes field)
{
    const cf_record_file *file = &run->content.file;
    const cf_row_field *first = NULL;

    for (size_t i = 0; i < file->count && run->content.schema; i++) {
        if (!cf_bytes_equal(file->rows[i].table, table))
            continue;
        const cf_row_field *found = cf_row_field_named(&file->rows[i], field);
        if (!found || (first && !cf_row_field_equal(first, found)))
            return false;
        first = found;
    }
    return run->content.schema != NULL;
}

static void find_new(filling *self, const cf_row_format *before)
{
    cf_record_run *run = self->run;
    const cf_row_format *now = &run->content.format;
    size_t most = 0;

    for (size_t i = 0; i < now->count; i++)
        most += now->tables[i].field_count;
    self->columns = cf_arena_allocate(&run->arena, most, sizeof *self->columns);
    for (size_t i = 0; i < now->count; i++)
        for (size_t k = 0; k < now->tables[i].field_count; k++) {
            cf_bytes table = now->tables[i].name, field = now->tables[i].fields[k].name;

            if (cf_format_holds_table(before, table) && !cf_format_holds(before, table, field))
                self->columns[self->count++] =
                    (new_column){table, field, is_preset(run, table, field)};
        }
}

static bool is_new(const filling *self, cf_bytes table, cf_bytes field)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_bytes_equal(self->columns[i].field, field) &&
            cf_bytes_equal(self->columns[i].table, table))
            return true;
    return false;
}

/* In all rows that were there before the column is its default, but where the user wrote since. */
static void give_presets(filling *self)
{
    cf_record_run *run = self->run;
    cf_row_format *format = &run->content.format;
    cf_format_table *tables = cf_arena_allocate(&run->arena, format->count, sizeof *tables);

    for (size_t i = 0; i < format->count; i++) {
        cf_format_table *table = &tables[i];

        *table = format->tables[i];
        cf_format_preset *presets =
            cf_arena_allocate(&run->arena, table->preset_count, sizeof *presets);
        for (size_t k = 0; k < table->preset_count; k++) {
            presets[k] = table->presets[k];
            presets[k].stands |= is_new(self, table->name, presets[k].name);
        }
        table->presets = presets;
    }
    format->tables = tables;
}

/* The row has nothing of its own in that column, which is a new one. */
static bool takes(const filling *self, const cf_row *row, cf_bytes field)
{
    const cf_row_field *own = cf_row_field_named(row, field);

    for (size_t i = 0; i < self->count; i++)
        if (cf_bytes_equal(self->columns[i].field, field) &&
            cf_bytes_equal(self->columns[i].table, row->table))
            return self->columns[i].preset || !own ||
                   cf_format_presets(&self->run->content.format, row->table, field, own->values[0]);
    return false;
}

static int by_name(const void *a, const void *b)
{
    return cf_bytes_compare(((const cf_row_field *)a)->name, ((const cf_row_field *)b)->name);
}

/* The row gets what the base has in the new columns: so it is as it was. */
static bool fill(const filling *self, cf_row *row, const cf_row *base)
{
    cf_record_run *run = self->run;
    cf_row kept = cf_row_copy(base, &run->arena), shown; /* the base will be another one */
    size_t count = 0;
    bool filled = false;

    if (!cf_row_show(&run->content.format, &kept, &run->arena, &shown))
        return false;
    cf_row_field *fields =
        cf_arena_allocate(&run->arena, row->field_count + shown.field_count, sizeof *fields);
    for (size_t i = 0; i < row->field_count; i++)
        if (!takes(self, row, row->fields[i].name) ||
            !cf_row_field_named(&shown, row->fields[i].name))
            fields[count++] = row->fields[i];
    for (size_t i = 0; i < shown.field_count; i++)
        if (takes(self, row, shown.fields[i].name)) {
            fields[count++] = shown.fields[i];
            filled = true;
        }
    if (!filled)
        return false;
    qsort(fields, count, sizeof *fields, by_name);
    row->fields = fields;
    row->field_count = count;
    return true;
}

static void fill_rows(const filling *self)
{
    cf_record_run *run = self->run;
    cf_record_file *file = &run->content.file;
    cf_row *rows = cf_arena_allocate(&run->arena, file->count, sizeof *rows);

    run->filled = cf_arena_allocate(&run->arena, file->count, sizeof *run->filled);
    for (size_t i = 0; i < file->count; i++) {
        const cf_row *base =
            cf_rows_find(run->source->binding->rows, file->rows[i].table, file->rows[i].key);

        rows[i] = file->rows[i];
        run->filled[i] = base && self->count && fill(self, &rows[i], base);
    }
    if (run->as_read.rows == file->rows) { /* what was read stays what was read */
        cf_row *as_read = cf_arena_allocate(&run->arena, file->count, sizeof *as_read);

        if (file->count)
            memcpy(as_read, file->rows, file->count * sizeof *as_read);
        run->as_read.rows = as_read;
    }
    if (file->count)
        memcpy(file->rows, rows, file->count * sizeof *rows);
}

static bool is_same(const cf_row_format *a, const cf_row_format *b)
{
    cf_buffer packed[2] = {{0}, {0}};

    pack(a, &packed[0]);
    pack(b, &packed[1]);
    bool same = cf_bytes_equal(cf_buffer_view(&packed[0]), cf_buffer_view(&packed[1]));
    cf_buffer_release(&packed[0]);
    cf_buffer_release(&packed[1]);
    return same;
}

cf_status cf_record_run_fill(cf_record_run *run, cf_error *error)
{
    cf_row_format before = {0};

    if (run->content.format.whole || run->content.blank)
        return CF_OK;
    cf_status status = read_before(run, &before, error);
    run->held_grew = status == CF_MISSING || (!status && !is_same(&run->content.format, &before));
    if (!status && run->held_grew) {
        filling self = {.run = run};

        find_new(&self, &before);
        give_presets(&self);
        fill_rows(&self);
    }
    if (status == CF_MISSING && !run->look_only)
        cf_record_run_keep_held(run);
    return status == CF_MISSING ? CF_OK : status;
}
