/* SPDX-License-Identifier: Apache-2.0 */
/* What a look that only looks says of what was done elsewhere. */
#include "peer/sources/records/record_source_inside.h"

/* As the base has it, or not there as in the base: what was done elsewhere may come. */
static bool is_untouched(cf_record_run *run, const cf_row *here, cf_bytes table, cf_bytes key)
{
    return cf_record_run_same(run, here, cf_rows_find(run->source->binding->rows, table, key)) &&
           !cf_record_run_troubles(run, table, key);
}

void cf_record_run_tell(cf_record_run *run)
{
    const cf_rows *base = run->source->binding->rows;
    size_t unasked = 0;

    cf_record_run_find_blocked(run);
    cf_record_run_note_blocked(run);
    cf_record_run_load_refusals(run);
    for (size_t i = 0; i < cf_row_view_count(run->view); i++) {
        const cf_row *shown = cf_row_view_at(run->view, i);
        const cf_row *here = cf_row_index_find(&run->here, shown->table, shown->key);
        cf_row row;

        if (cf_record_selected(&run->selection, shown) && !cf_record_run_is_blocked(run, shown) &&
            cf_row_express(&run->content.format, shown, here, &run->arena, &row, NULL) &&
            is_untouched(run, here, shown->table, shown->key) &&
            !cf_record_run_shows(run, here, shown) &&
            !cf_record_run_note_refused(run, shown->table, shown->key))
            cf_record_note(run, CF_PENDING_UNAPPLIED, &(cf_row_place){shown->table, shown->key},
                           here ? "it was changed elsewhere" : "it is new elsewhere");
    }
    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));) {
        const cf_row *here = cf_row_index_find(&run->here, row->table, row->key);

        if (!here || cf_record_run_stays(run, here) ||
            cf_record_run_shown(run, row->table, row->key) ||
            !is_untouched(run, here, row->table, row->key))
            continue;
        if (cf_row_view_find(run->view, row->table, row->key))
            unasked++;
        else if (!cf_record_run_note_refused(run, row->table, row->key))
            cf_record_note(run, CF_PENDING_UNAPPLIED, &(cf_row_place){row->table, row->key},
                           "it was deleted elsewhere");
    }
    cf_record_run_note_unasked(run, unasked);
}
