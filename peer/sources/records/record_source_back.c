/* SPDX-License-Identifier: Apache-2.0 */
/* A table that the source has again, or that is asked for again: since the base agreed on its rows
 * they were its user's alone. What he changed meanwhile is his word as ever; but a row that is gone
 * was deleted here only, and one that took its number is another one: both are as in a source that
 * was just added. */
#include "peer/sources/records/record_source_inside.h"

bool cf_record_run_is_back(const cf_record_run *run, cf_bytes table)
{
    return run->held.before && cf_format_holds_table(&run->content.format, table) &&
           !cf_format_holds_table(run->held.before, table);
}

static bool is_another(cf_record_run *run, const cf_row *base, const cf_row *here)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, base->table);
    cf_arena arena = {0};
    cf_row shown;

    bool another = table && cf_row_show(&run->content.format, base, &arena, &shown) &&
                   cf_row_is_another(table, &shown, here);
    cf_arena_release(&arena);
    return another;
}

static bool is_gone(cf_record_run *run, const cf_row *base)
{
    const cf_row *here = cf_row_index_find(&run->here, base->table, base->key);

    return here ? is_another(run, base, here)
                : !cf_record_run_troubles(run, base->table, base->key);
}

void cf_record_run_forget_gone(cf_record_run *run)
{
    cf_binding *binding = run->source->binding;
    const cf_row *row = cf_rows_next(binding->rows, NULL);

    while (row && run->held.before && !run->look_only) {
        const cf_row *next = cf_rows_next(binding->rows, row);

        if (cf_record_run_is_back(run, row->table) && is_gone(run, row)) {
            cf_bytes table = cf_arena_copy(&run->arena, row->table);

            cf_binding_drop_row(binding, table, cf_arena_copy(&run->arena, row->key),
                                &run->records);
        }
        row = next;
    }
}
