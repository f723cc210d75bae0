/* SPDX-License-Identifier: Apache-2.0 */
/* What others wrote in a column that this source had no room for: nobody saw it here who wrote
 * something else into the new column, so both stay, and one of them is listed. */
#include "peer/sources/records/record_source_inside.h"

#include "peer/records/row_refs.h"

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

void cf_record_run_forget_unseen(cf_record_run *run, const cf_row *base, cf_bytes field)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, base->table);

    if (!table || cf_schema_field(table, field).merge == CF_MERGE_SET)
        return; /* all values of a set are shown */
    if (!run->seen)
        run->seen = copy_of(run->source->binding->rows);
    const cf_row *was = cf_rows_find(run->seen, base->table, base->key);
    cf_row row = *was;

    leave_out_field(&row, field, &run->arena);
    if (leave_out_refs(was, field, &row, &run->arena))
        cf_rows_put(run->seen, &row);
}
