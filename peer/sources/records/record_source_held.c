/* SPDX-License-Identifier: Apache-2.0 */
/* What a source has room for since its last look: a column that was added to it. That the column is
 * empty, or has its default, says nothing yet: what the collection has there is shown first. So the
 * column is new to each row until that row has said something there, or shows what others have:
 * another device may have the row locked, or a database may refuse it.
 *
 *     the base has Ann with the mail a@x, for which the source has no column
 *     the column is added, and empty:   nothing was cleared, a@x is written there
 *     its user has written a@y there:   he never saw a@x, so both stay, and one is listed
 *
 * Where a source only receives, nobody is ever told of such a default, and it is no edit either.
 *
 * What is kept: [table…] that there is room for, and behind it, if there are any, [[table, field,
 * preset or empty, [key…]]…], the rows to which a column is still new. */
#include "peer/sources/records/record_held.h"
#include "peer/sources/records/record_source_inside.h"

#include "codec/pack.h"
#include "peer/records/row_refs.h"

#include <stdlib.h>
#include <string.h>

/* ---- What the source had room for ---- */

static int by_bytes(const void *a, const void *b)
{
    return cf_bytes_compare(*(const cf_bytes *)a, *(const cf_bytes *)b);
}

static cf_status read_column(cf_reader *reader, cf_arena *arena, cf_new_column *out,
                             cf_error *error)
{
    cf_status status = cf_read_array_of(reader, 4, error);

    if (!status)
        status = cf_read_bin(reader, &out->table, error);
    if (!status)
        status = cf_read_bin(reader, &out->field, error);
    if (!status)
        status = cf_read_bin(reader, &out->preset, error);
    if (!status)
        status = cf_read_array(reader, &out->key_count, error);
    if (status)
        return status;
    cf_bytes *keys = cf_arena_allocate(arena, out->key_count, sizeof *keys);
    for (size_t i = 0; !status && i < out->key_count; i++)
        status = cf_read_bin(reader, &keys[i], error);
    if (out->key_count)
        qsort(keys, out->key_count, sizeof *keys, by_bytes);
    out->keys = keys;
    return status;
}

static cf_status read_columns(cf_record_run *run, cf_reader *reader, cf_error *error)
{
    cf_record_held *held = &run->held;
    cf_status status = cf_read_array(reader, &held->count, error);

    if (status)
        return status;
    held->columns = cf_arena_allocate(&run->arena, held->count, sizeof *held->columns);
    for (size_t i = 0; !status && i < held->count; i++)
        status = read_column(reader, &run->arena, &held->columns[i], error);
    return status;
}

/* CF_MISSING: nobody knows what the source had room for. */
static cf_status read_had(cf_record_run *run, cf_row_format *out, cf_error *error)
{
    cf_reader reader;

    cf_status status = cf_record_held_load(run->source->context->peer, run->source->binding->number,
                                           &run->arena, &run->held.kept, error);
    reader = cf_reader_of(run->held.kept);
    if (!status)
        status = cf_record_held_read(&reader, &run->arena, out, error);
    if (!status && reader.at < reader.end)
        status = read_columns(run, &reader, error);
    return status == CF_MALFORMED ? error->status = CF_BROKEN : status;
}

cf_status cf_record_run_know_held(cf_record_run *run, cf_error *error)
{
    cf_row_format *had = cf_arena_allocate(&run->arena, 1, sizeof *had);

    cf_status status = read_had(run, had, error);
    run->source->medium->had = status ? NULL : had;
    return status == CF_MISSING ? CF_OK : status;
}

/* ---- What the source has room for now ---- */

/* What every row has in the column by itself, as one of a database that was just added with a
 * default; nothing: the rows say something there, each of its own. */
static cf_bytes preset_of(const cf_record_run *run, cf_bytes table, cf_bytes field)
{
    const cf_record_file *file = &run->content.file;
    const cf_row_field *first = NULL;

    for (size_t i = 0; i < file->count && run->content.schema; i++) {
        if (!cf_bytes_equal(file->rows[i].table, table))
            continue;
        const cf_row_field *found = cf_row_field_named(&file->rows[i], field);
        if (!found || (first && !cf_row_field_equal(first, found)))
            return (cf_bytes){0};
        first = found;
    }
    return first ? first->values[0] : (cf_bytes){0};
}

static size_t field_count(const cf_row_format *format)
{
    size_t count = 0;

    for (size_t i = 0; i < format->count; i++)
        count += format->tables[i].field_count;
    return count;
}

/* Finds the columns that the format has and had not, beside those that are still new to some rows.
 * A column that is away again is no new one any more. */
static void find_new(cf_record_run *run, const cf_row_format *before)
{
    const cf_row_format *now = &run->content.format;
    cf_record_held *held = &run->held;
    cf_new_column *columns =
        cf_arena_allocate(&run->arena, held->count + field_count(now), sizeof *columns);
    size_t count = 0;

    for (size_t i = 0; i < held->count; i++)
        if (cf_format_holds(now, held->columns[i].table, held->columns[i].field))
            columns[count++] = held->columns[i];
    for (size_t i = 0; i < now->count; i++)
        for (size_t k = 0; k < now->tables[i].field_count; k++) {
            cf_bytes table = now->tables[i].name, field = now->tables[i].fields[k].name;

            if (cf_format_holds_table(before, table) && !cf_format_holds(before, table, field))
                columns[count++] = (cf_new_column){.table = table,
                                                   .field = field,
                                                   .preset = preset_of(run, table, field),
                                                   .whole = true};
        }
    held->columns = columns;
    held->count = count;
}

/* Whether the column is new, to all rows of its table or to some still. */
static bool is_new(const cf_record_held *held, cf_bytes table, cf_bytes field)
{
    for (size_t i = 0; i < held->count; i++)
        if (cf_bytes_equal(held->columns[i].field, field) &&
            cf_bytes_equal(held->columns[i].table, table))
            return true;
    return false;
}

/* The column is new to the row: to all of its table, or to this one still. */
static bool is_new_to(const cf_new_column *column, const cf_row *row)
{
    return cf_bytes_equal(column->table, row->table) &&
           (column->whole ||
            (column->key_count &&
             bsearch(&row->key, column->keys, column->key_count, sizeof row->key, by_bytes)));
}

/* A new column has its default in all rows that were there before, but where their user wrote
 * since. */
static void give_presets(cf_record_run *run)
{
    cf_row_format *format = &run->content.format;
    cf_format_table *tables = cf_arena_allocate(&run->arena, format->count, sizeof *tables);

    for (size_t i = 0; i < format->count; i++) {
        cf_format_table *table = &tables[i];

        *table = format->tables[i];
        cf_format_preset *presets =
            cf_arena_allocate(&run->arena, table->preset_count, sizeof *presets);
        for (size_t k = 0; k < table->preset_count; k++) {
            presets[k] = table->presets[k];
            presets[k].stands |= is_new(&run->held, table->name, presets[k].name);
        }
        table->presets = presets;
    }
    format->tables = tables;
}

/* The column of this name that is new to the row; NULL: it is not new to the row. */
static const cf_new_column *new_column(const cf_record_run *run, const cf_row *row, cf_bytes field)
{
    const cf_record_held *held = &run->held;

    for (size_t i = 0; i < held->count; i++)
        if (cf_bytes_equal(held->columns[i].field, field) && is_new_to(&held->columns[i], row))
            return &held->columns[i];
    return NULL;
}

/* The row says nothing of its own in a new column: nothing at all, or only what every row was given
 * there. */
static bool takes(const cf_record_run *run, const cf_row *row, cf_bytes field)
{
    const cf_new_column *column = new_column(run, row, field);
    const cf_row_field *own = cf_row_field_named(row, field);

    return column && (!own || cf_bytes_equal(column->preset, own->values[0]) ||
                      cf_format_presets(&run->content.format, row->table, field, own->values[0]));
}

/* Keeps in mind that nobody here saw what the base's row has in the field; all values of a set are
 * shown. */
static void add_unseen(cf_record_run *run, const cf_row *base, cf_bytes field)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, base->table);

    if (!table || cf_schema_field(table, field).merge == CF_MERGE_SET)
        return;
    const cf_row kept = cf_row_copy(base, &run->arena); /* the base will be another one */
    *cf_one_more(run->unseen, run->unseen_count, run->unseen_capacity) =
        (cf_unseen_field){base->item, *cf_row_field_named(&kept, field)};
}

/* What the row says in new columns is its user's, who never saw what the base has there: where it
 * is something else, that is left out of what he is taken to have seen. */
static void find_unseen(cf_record_run *run, const cf_row *row, const cf_row *base)
{
    for (size_t i = 0; i < row->field_count; i++) {
        const cf_row_field *own = &row->fields[i];
        const cf_row_field *kept = cf_row_field_named(base, own->name);

        if (own->count && kept && new_column(run, row, own->name) && !takes(run, row, own->name) &&
            !cf_row_field_equal(own, kept))
            add_unseen(run, base, own->name);
    }
}

static int by_name(const void *a, const void *b)
{
    return cf_bytes_compare(((const cf_row_field *)a)->name, ((const cf_row_field *)b)->name);
}

/* The row gets what the base has in new columns where it says nothing there, so that it is as it
 * was. False: it gets nothing. */
static bool fill(cf_record_run *run, cf_row *row, const cf_row *base)
{
    cf_row kept = cf_row_copy(base, &run->arena), shown; /* the base will be another one */
    size_t count = 0;
    bool filled = false;

    if (!cf_row_show(&run->content.format, &kept, &run->arena, &shown))
        return false;
    cf_row_field *fields =
        cf_arena_allocate(&run->arena, row->field_count + shown.field_count, sizeof *fields);
    for (size_t i = 0; i < row->field_count; i++)
        if (!takes(run, row, row->fields[i].name) ||
            !cf_row_field_named(&shown, row->fields[i].name))
            fields[count++] = row->fields[i];
    for (size_t i = 0; i < shown.field_count; i++)
        if (takes(run, row, shown.fields[i].name)) {
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

/* From now on these stand for the file's rows; the rows as they were read are kept beside them. */
static void replace_rows(cf_record_run *run, const cf_row *rows)
{
    cf_record_file *file = &run->content.file;

    if (run->as_read.rows == file->rows) {
        cf_row *as_read = cf_arena_allocate(&run->arena, file->count, sizeof *as_read);

        if (file->count)
            memcpy(as_read, file->rows, file->count * sizeof *as_read);
        run->as_read.rows = as_read;
    }
    if (file->count)
        memcpy(file->rows, rows, file->count * sizeof *rows);
}

/* Fills all rows of the file that the base knows, and marks which were filled. */
static void fill_rows(cf_record_run *run)
{
    cf_record_file *file = &run->content.file;
    cf_row *rows = cf_arena_allocate(&run->arena, file->count, sizeof *rows);

    run->filled = cf_arena_allocate(&run->arena, file->count, sizeof *run->filled);
    run->renewed = cf_arena_allocate(&run->arena, file->count, sizeof *run->renewed);
    for (size_t i = 0; i < file->count; i++) {
        const cf_row *base =
            cf_rows_find(run->source->binding->rows, file->rows[i].table, file->rows[i].key);

        rows[i] = file->rows[i];
        if (base)
            find_unseen(run, &rows[i], base);
        run->filled[i] = base && fill(run, &rows[i], base);
    }
    replace_rows(run, rows);
}

/* ---- What nobody is told of ---- */

/* The row without defaults that stand where the base has nothing. */
static cf_row without_defaults(cf_record_run *run, const cf_row *row)
{
    const cf_row *base = cf_rows_find(run->source->binding->rows, row->table, row->key);
    cf_row left = *row;

    if (!base)
        return left;
    cf_row_field *fields = cf_arena_allocate(&run->arena, row->field_count, sizeof *fields);
    left.fields = fields;
    left.field_count = 0;
    for (size_t i = 0; i < row->field_count; i++) {
        const cf_row_field *field = &row->fields[i];

        if (field->count != 1 || cf_row_field_named(base, field->name) ||
            !cf_format_presets(&run->content.format, row->table, field->name, field->values[0]))
            fields[left.field_count++] = *field;
    }
    return left;
}

/* Where nothing is ever published, a default that the source put into a row by itself stays beside
 * what comes later: it is no edit that would keep that away. */
static void leave_defaults(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;
    bool any = false;

    for (size_t i = 0; i < run->content.format.count; i++)
        any |= run->content.format.tables[i].preset_count > 0;
    if (!any || !cf_record_run_receives(run))
        return;
    cf_row *rows = cf_arena_allocate(&run->arena, file->count, sizeof *rows);
    for (size_t i = 0; i < file->count; i++)
        rows[i] = without_defaults(run, &file->rows[i]);
    replace_rows(run, rows);
}

void cf_record_run_fill(cf_record_run *run)
{
    cf_record_held *held = &run->held;

    if (run->content.format.whole || run->content.blank) {
        held->count = 0;
        return;
    }
    held->before = run->source->medium->had;
    if (held->before)
        find_new(run, held->before);
    if (held->count) {
        give_presets(run);
        fill_rows(run);
    }
    leave_defaults(run);
    held->known = true;
}

/* ---- What is still new ---- */

/* Whether a row of the file says by itself, in the source, what the base has in the column, or was
 * just written so: then the column is not new to it any more. */
static bool is_said(const cf_record_run *run, size_t index, cf_bytes field)
{
    const cf_row *row = &run->content.file.rows[index];
    const cf_row *base = cf_rows_find(run->source->binding->rows, row->table, row->key);

    if (!base || run->renewed[index])
        return true;
    if (run->filled[index])
        return false;
    const cf_row_field *own = cf_row_field_named(row, field),
                       *kept = cf_row_field_named(base, field);
    return !own || !kept ? own == kept : cf_row_field_equal(own, kept);
}

/* The keys of the rows in which the column is still new: also of those that can't be read now, and
 * said nothing there. */
static size_t find_open(const cf_record_run *run, const cf_new_column *column, cf_bytes *keys)
{
    const cf_record_file *file = &run->content.file;
    const cf_rows *base = run->source->binding->rows;
    size_t count = 0;

    for (size_t i = 0; i < file->count; i++)
        if (is_new_to(column, &file->rows[i]) && !is_said(run, i, column->field))
            keys[count++] = file->rows[i].key;
    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));)
        if (is_new_to(column, row) && !cf_row_index_find(&run->here, row->table, row->key))
            keys[count++] = row->key;
    return count;
}

/* Appends the column with the rows to which it is still new; with none of these it is forgotten. */
static void pack_column(const cf_record_run *run, const cf_new_column *column, size_t *open_columns,
                        cf_buffer *out)
{
    cf_bytes *keys = cf_allocate(
        run->content.file.count + cf_rows_count(run->source->binding->rows), sizeof *keys);
    size_t count = find_open(run, column, keys);

    if (count) {
        ++*open_columns;
        cf_pack_array(out, 4);
        cf_pack_bin(out, column->table);
        cf_pack_bin(out, column->field);
        cf_pack_bin(out, column->preset);
        cf_pack_array(out, count);
        for (size_t i = 0; i < count; i++)
            cf_pack_bin(out, keys[i]);
    }
    free(keys);
}

void cf_record_run_keep_held(cf_record_run *run)
{
    cf_buffer now = {0}, columns = {0};
    size_t count = 0;

    if (!run->held.known || run->look_only)
        return;
    cf_record_held_pack(&run->content.format, &now);
    for (size_t i = 0; i < run->held.count; i++)
        pack_column(run, &run->held.columns[i], &count, &columns);
    if (count) {
        cf_pack_array(&now, count);
        cf_pack_raw(&now, cf_buffer_view(&columns));
    }
    if (!cf_bytes_equal(cf_buffer_view(&now), run->held.kept)) {
        run->held.kept = cf_arena_copy(&run->arena, cf_buffer_view(&now));
        cf_kv_list_put(&run->records, cf_record_held_key(&run->arena, run->source->binding->number),
                       run->held.kept);
    }
    cf_buffer_release(&columns);
    cf_buffer_release(&now);
}

/* ---- Tables that are back ---- */

/* A table that the source has again, or that is asked for again: since the base agreed on its rows
 * they were its user's alone. What he changed meanwhile is his word as ever; but a row that is gone
 * was deleted here only, and one that took its number is another one: both are as in a source that
 * was just added.
 *
 *     base: phones 1 (+1), 2 (+2); `--exclude phones` is said, 1 becomes +9, 2 is deleted
 *     phones are asked for again: +9 is an edit; 2 stays elsewhere, and is written here again
 *
 * So are all of a file that its user made anew where ours had left its place empty. */

bool cf_record_run_is_back(const cf_record_run *run, cf_bytes table)
{
    const cf_row_format *before = run->held.before;

    return cf_format_holds_table(&run->content.format, table) &&
           (run->source->medium->anew || (before && !cf_format_holds_table(before, table)));
}

/* The row here is not the base's, but another one that got its number. */
static bool is_another(cf_record_run *run, const cf_row *base, const cf_row *here)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, base->table);
    cf_arena arena = {0};
    cf_row shown;

    bool another = table && cf_row_show(&run->content.format, base, &arena, &shown) &&
                   cf_row_is_another(table, &shown, here, run->source->medium->anew ? 1 : 2);
    cf_arena_release(&arena);
    return another;
}

/* Of a table that is back: the base's row is not here, or another one has its number. One that
 * can't be read may be here. */
static bool is_gone(cf_record_run *run, const cf_row *base)
{
    const cf_row *here = cf_row_index_find(&run->here, base->table, base->key);

    return here ? is_another(run, base, here)
                : !cf_record_run_troubles(run, base->table, base->key);
}

void cf_record_run_forget_gone(cf_record_run *run)
{
    cf_binding *binding = run->source->binding;
    const bool any = (run->held.before || run->source->medium->anew) && !run->look_only;
    const cf_row *row = any ? cf_rows_next(binding->rows, NULL) : NULL;

    while (row) {
        const cf_row *next = cf_rows_next(binding->rows, row);

        if (cf_record_run_is_back(run, row->table) && is_gone(run, row)) {
            cf_bytes table = cf_arena_copy(&run->arena, row->table);

            cf_binding_drop_row(binding, table, cf_arena_copy(&run->arena, row->key),
                                &run->records);
        }
        row = next;
    }
}

/* ---- What was never shown ---- */

static cf_rows *copy_of(const cf_rows *rows)
{
    cf_rows *copy = cf_rows_new();

    for (const cf_row *row = NULL; (row = cf_rows_next(rows, row));)
        cf_rows_put(copy, row);
    return copy;
}

static void leave_out_field(cf_row *row, cf_bytes field, cf_arena *arena)
{
    cf_row_field *fields = cf_arena_allocate(arena, row->field_count, sizeof *fields);
    size_t count = 0;

    for (size_t i = 0; i < row->field_count; i++)
        if (!cf_bytes_equal(row->fields[i].name, field))
            fields[count++] = row->fields[i];
    row->fields = fields;
    row->field_count = count;
}

/* The refs of the row as it was, without those of the field; false: they can't be read. */
static bool leave_out_refs(const cf_row *was, cf_bytes field, cf_row *row, cf_arena *arena)
{
    cf_row_ref *refs;
    size_t count, kept = 0;
    cf_buffer packed = {0};
    cf_error ignored;

    if (cf_row_refs_read(was, arena, &refs, &count, &ignored))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!cf_bytes_equal(refs[i].field, field))
            refs[kept++] = refs[i];
    cf_row_refs_pack(&packed, row, refs, kept);
    row->refs = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return true;
}

/* Leaves the field out where the row has in it still what was never shown. */
static void leave_out(cf_rows *seen, const cf_unseen_field *unseen, cf_arena *arena)
{
    const cf_row *was = cf_rows_of_item(seen, &unseen->item);
    const cf_row_field *kept = was ? cf_row_field_named(was, unseen->field.name) : NULL;

    if (!kept || !cf_row_field_equal(kept, &unseen->field))
        return;
    cf_row row = *was;
    leave_out_field(&row, unseen->field.name, arena);
    if (leave_out_refs(was, unseen->field.name, &row, arena))
        cf_rows_put(seen, &row);
}

const cf_rows *cf_record_run_seen(cf_record_run *run)
{
    const cf_rows *base = run->source->binding->rows;

    if (!run->unseen_count)
        return base;
    cf_rows_destroy(&run->seen);
    run->seen = copy_of(base);
    for (size_t i = 0; i < run->unseen_count; i++)
        leave_out(run->seen, &run->unseen[i], &run->arena);
    return run->seen;
}
