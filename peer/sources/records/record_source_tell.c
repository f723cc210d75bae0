/* SPDX-License-Identifier: Apache-2.0 */
/* What a look that only looks says of what was done elsewhere. */
#include "peer/sources/records/record_source_inside.h"

/* The row here is as the base has it, or missing as in the base, and can be read: what was done
 * elsewhere may come. */
static bool is_untouched(cf_record_run *run, const cf_row *here, cf_bytes table, cf_bytes key)
{
    return cf_record_run_same(run, here, cf_rows_find(run->source->binding->rows, table, key)) &&
           !cf_record_run_troubles(run, table, key);
}

/* The base's row lies here as it was agreed on, is not to be shown any more, and nothing keeps it.
 */
static bool is_to_go(cf_record_run *run, const cf_row *row)
{
    const cf_row *here = cf_row_index_find(&run->here, row->table, row->key);

    return here && !cf_record_run_stays(run, here) &&
           !cf_record_run_shown(run, row->table, row->key) &&
           is_untouched(run, here, row->table, row->key);
}

/* No row has the key of the base's row, and its item has no other key. */
static bool is_deleted(const cf_record_run *run, const cf_row *row)
{
    return !cf_row_view_find(run->view, row->table, row->key) &&
           !cf_row_view_of_item(run->view, &row->item);
}

/* Whether too much of the document was deleted elsewhere, so that it stays as it is here; lists
 * that. */
static bool tell_emptied(cf_record_run *run, const cf_row *here, const cf_row *shown)
{
    const cf_row *base =
        here ? cf_rows_find(run->source->binding->rows, here->table, here->key) : NULL;
    cf_guard_fields gone;

    if (!base || !cf_record_run_is_emptied(run, base, shown, &gone))
        return false;
    cf_record_run_note_emptied(run, CF_GUARD_THERE, base, &gone);
    return true;
}

/* Tells what was deleted elsewhere, and that it will be held if it is too much; returns how many
 * rows are only not asked for any more. */
static size_t tell_deleted(cf_record_run *run)
{
    const cf_binding *binding = run->source->binding;
    cf_vanishing vanishing = {.side = CF_GUARD_THERE, .word = run->source->word};
    cf_id *gone = cf_arena_allocate(&run->arena, cf_rows_count(binding->rows), sizeof *gone);
    size_t unasked = 0;

    for (const cf_row *row = NULL; (row = cf_rows_next(binding->rows, row));)
        if (is_to_go(run, row) && is_deleted(run, row))
            gone[vanishing.count++] = row->item;
    vanishing.gone = gone;
    const char *held = cf_binding_would_allow(run->source->context->peer, binding, &vanishing)
                           ? NULL
                           : cf_binding_held_text(run->source->context->peer, binding,
                                                  CF_GUARD_THERE, vanishing.count, &run->arena);
    for (const cf_row *row = NULL; (row = cf_rows_next(binding->rows, row));) {
        const cf_row_place place = {row->table, row->key};

        if (!is_to_go(run, row))
            continue;
        if (cf_row_view_find(run->view, row->table, row->key))
            unasked++;
        else if (tell_emptied(run, cf_row_index_find(&run->here, row->table, row->key), NULL))
            continue;
        else if (held && is_deleted(run, row))
            cf_record_note_text(run, CF_PENDING_SPARED, &place, held);
        else if (!cf_record_run_note_refused(run, row->table, row->key))
            cf_record_note(run, CF_PENDING_UNAPPLIED, &place, "it was deleted elsewhere");
    }
    return unasked;
}

/* What is shown differs from what lies here as it was agreed on. */
static bool is_to_come(cf_record_run *run, const cf_row *shown, const cf_row *here)
{
    cf_row row;

    return cf_record_selected(&run->selection, shown) &&
           cf_row_express(&run->content.format, shown, here, &run->arena, &row, NULL) &&
           is_untouched(run, here, shown->table, shown->key) &&
           !cf_record_run_shows(run, here, shown);
}

void cf_record_run_tell_untaken(cf_record_run *run)
{
    const cf_rows *base = run->source->binding->rows;

    for (size_t i = 0; i < cf_row_view_count(run->view); i++) {
        const cf_row *shown = cf_row_view_at(run->view, i);
        const cf_row *here = cf_row_index_find(&run->here, shown->table, shown->key);

        if (is_to_come(run, shown, here))
            cf_record_note(run, CF_PENDING_NOT_TAKEN, &(cf_row_place){shown->table, shown->key},
                           "%s; " CF_ONLY_SENDS,
                           here ? "it was changed elsewhere" : "it is new elsewhere");
    }
    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));)
        if (is_to_go(run, row) && !cf_row_view_find(run->view, row->table, row->key))
            cf_record_note(run, CF_PENDING_NOT_TAKEN, &(cf_row_place){row->table, row->key},
                           "it was deleted elsewhere; " CF_ONLY_SENDS);
}

void cf_record_run_tell(cf_record_run *run)
{
    size_t unasked;

    cf_record_run_find_blocked(run);
    cf_record_run_note_blocked(run);
    cf_record_run_load_refusals(run);
    for (size_t i = 0; i < cf_row_view_count(run->view); i++) {
        const cf_row *shown = cf_row_view_at(run->view, i);
        const cf_row *here = cf_row_index_find(&run->here, shown->table, shown->key);

        if (!cf_record_run_is_blocked(run, shown) && is_to_come(run, shown, here) &&
            !tell_emptied(run, here, shown) &&
            !cf_record_run_note_refused(run, shown->table, shown->key))
            cf_record_note(run, CF_PENDING_UNAPPLIED, &(cf_row_place){shown->table, shown->key},
                           here ? "it was changed elsewhere" : "it is new elsewhere");
    }
    unasked = tell_deleted(run);
    cf_record_run_note_unasked(run, unasked);
}
