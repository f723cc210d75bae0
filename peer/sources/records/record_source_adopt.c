/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides have is taken for agreed, without a word to anybody; and where the source meets
 * its collection also what is only old, or is here by the user's word:
 *
 *     here                    there                            the base becomes
 *     1 (Ann, 12)             1 (Ann, 12)                      (Ann, 12)
 *     1 (Ann, 11)             1 (Ann, 12), once (Ann, 11)      (Ann, 11): it is brought up to date
 *     1 (Ann, 11)             deleted, once (Ann, 11)          (Ann, 11): it goes
 *     1 (Ann, 13)             1 (Ann, 12)                      nothing: the rows differ
 *     1 (Ann, 13)             1 (Anna, 12), once Ann           (Ann, 12): 13 is no edit of that 12
 *     1 (Ann, 13), `--mine`   1 (Ann, 12)                      (Ann, 12): 13 is an edit
 *     … with `--rows apart`                                    nothing: it gets another number */
#include "peer/sources/records/record_source_inside.h"

/* A row here is the one that is shown under its key there: of counted keys where the user said so
 * of equal ones, which he was not asked of rows that a natural key names. */
static bool keys_tell(const cf_record_run *run, const cf_schema_table *table)
{
    const unsigned meets = run->source->binding->meets;
    const cf_database_schema *joins = run->content.joins;

    if (!table || !(meets & CF_MEETS_OLD) || (joins && cf_database_joins(joins, table->name)))
        return false;
    return !table->serial ||
           ((meets & CF_MEETS_SAME) && !(joins && cf_database_has_natural_key(joins, table->name)));
}

/* Rows of one counted key are two, as the user said or wasn't asked. */
static bool is_counted_apart(const cf_record_run *run, const cf_schema_table *table)
{
    const cf_database_schema *joins = run->content.joins;

    return table && table->serial && !(run->source->binding->meets & CF_MEETS_SAME) &&
           !(joins && (cf_database_joins(joins, table->name) ||
                       cf_database_has_natural_key(joins, table->name)));
}

/* ---- References ---- */

/* Both rows are of one item, or neither is there. */
static bool same_item(const cf_row *a, const cf_row *b)
{
    return a && b ? cf_id_equal(&a->item, &b->item) : a == b;
}

/* Whether each reference of the row leads to the same item here, by the base, and there, by the
 * view. Equal keys alone say nothing of that: rows of one counted key that were born apart are two.
 *
 *     phone 3 is person 7's on both sides, who is Ann here, and Bob there: two phones
 *     phone 3 is person "ann"'s on both sides, of whom each side says something else: one */
static bool means_the_same(const cf_record_run *run, const cf_schema_table *table,
                           const cf_row *row)
{
    for (size_t i = 0; i < table->field_count; i++) {
        const cf_field_rule *rule = &table->fields[i];
        const cf_row_field *field =
            rule->merge == CF_MERGE_REFERENCE ? cf_row_field_named(row, rule->name) : NULL;

        if (!field)
            continue;
        const cf_row *here = cf_row_index_find(&run->here, rule->table, field->values[0]);
        const cf_row *base =
            cf_rows_find(run->source->binding->rows, rule->table, field->values[0]);
        const cf_row *there = cf_row_view_find(run->view, rule->table, field->values[0]);
        bool held = cf_format_holds_table(&run->content.format, rule->table);
        if (here && !base && there && keys_tell(run, cf_schema_find(&run->schema, rule->table)))
            continue;
        if (!same_item(held && !here ? NULL : base, there) || (here && !base))
            return false;
    }
    return true;
}

/* ---- Rows ---- */

/* The base's row is not here any more, for certain. */
static bool is_gone(const cf_record_run *run, const cf_row *base)
{
    return !cf_row_index_find(&run->here, base->table, base->key) &&
           !cf_record_run_troubles(run, base->table, base->key) &&
           cf_record_file_certain(&run->content.file);
}

static void drop_row(cf_record_run *run, const cf_row *base)
{
    cf_bytes table = cf_arena_copy(&run->arena, base->table);

    cf_binding_drop_row(run->source->binding, table, cf_arena_copy(&run->arena, base->key),
                        &run->records);
}

/* Where the base has the shown item under another key, the base's row is dropped: the user has
 * moved the row to the key under which others show it. False: the old key's row is as the base has
 * it, or whether it is gone can't be told, so the row under the new key is another item that looks
 * alike.
 */
static bool leave_place(cf_record_run *run, const cf_row *shown)
{
    const cf_row *before = cf_rows_of_item(run->source->binding->rows, &shown->item);

    if (!before || cf_bytes_equal(before->key, shown->key))
        return true;
    const cf_row *here = cf_row_index_find(&run->here, before->table, before->key);
    if (here ? cf_record_run_same(run, here, before) : !is_gone(run, before))
        return false;
    drop_row(run, before);
    return true;
}

/* Both rows join the same rows. Their references mean the same, and their key is a number that was
 * made up of what the one joined first, who may join others by now. */
static bool join_the_same(const cf_record_run *run, const cf_row *here, const cf_row *there)
{
    const cf_database_schema *joins = run->content.joins;
    bool same = (run->source->binding->meets & CF_MEETS_OLD) && joins &&
                cf_database_joins(joins, here->table);

    for (size_t i = 0; same && i < here->field_count; i++) {
        const cf_row_field *own = &here->fields[i];
        const cf_row_field *other = cf_row_field_named(there, own->name);
        cf_buffer by = {0}, other_by = {0};

        if (own->count && cf_database_joins_by(joins, here->table, own->name, own->values[0], &by))
            same =
                other &&
                cf_database_joins_by(joins, here->table, own->name, other->values[0], &other_by) &&
                cf_bytes_equal(cf_buffer_view(&by), cf_buffer_view(&other_by));
        cf_buffer_release(&by);
        cf_buffer_release(&other_by);
    }
    return same;
}

/* What the base takes of a row that is different here, and old in part. A source that only receives
 * publishes nothing of what is different, so nobody has to be asked who is right: there the row is
 * always the one that is shown, changed. What refers to it goes on. */
static bool meet_different(cf_record_run *run, const cf_schema_table *table, const cf_row *row,
                           const cf_row *shown, cf_row *met)
{
    return (keys_tell(run, table) || join_the_same(run, row, shown)) &&
           (cf_record_run_is_old_in_part(run, row, shown, met) || cf_record_run_receives(run));
}

/* Where the source meets its collection, or the home went back: the base takes a row that is only
 * old, or, by the user's word, any row that has a key which is shown, as if that had been shown
 * here. False: the row stays different, or new. */
static bool meet_row(cf_record_run *run, const cf_row *row, const cf_row *shown, const cf_row *base)
{
    const unsigned meets = run->source->binding->meets;
    const cf_schema_table *table = cf_schema_find(&run->schema, row->table);
    cf_row met;

    if (base) {
        if (!(meets & CF_MEETS_AGAIN) || !cf_record_run_was_told(run, row, base, &met))
            return false;
    } else if (!shown) {
        if (meets & CF_MEETS_MINE || run->agrees || !cf_record_run_is_deleted(run, row, &met))
            return false; /* whether it may go is asked when it goes */
    } else if (!(meets & CF_MEETS_MINE) && table && !means_the_same(run, table, row)) {
        return false;
    } else if (meets & CF_MEETS_MINE) {
        if (is_counted_apart(run, table) && !cf_record_run_is_old(run, row, shown, &met))
            return false;
        const cf_row based = cf_record_run_based_here(run, shown, row);

        met = cf_row_view_agree(run->view, &based, &run->arena);
    } else if (!cf_record_run_is_old(run, row, shown, &met) &&
               !meet_different(run, table, row, shown, &met)) {
        return false;
    }
    if (!base && shown && !leave_place(run, shown))
        return false;
    cf_record_run_put(run, &met);
    return true;
}

/* Whether the base takes the row, as both sides say the same, or as meet_row() has it. Its
 * references must lead to the same items. */
static bool adopt_row(cf_record_run *run, const cf_row *row)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, row->table);
    const cf_row *shown = cf_record_run_shown(run, row->table, row->key);
    const cf_row *base = cf_rows_find(run->source->binding->rows, row->table, row->key);

    if (base && cf_record_run_same(run, row, base))
        return false;
    if (!shown || !cf_record_run_shows(run, row, shown))
        return !cf_record_run_ignores(run, row) && meet_row(run, row, shown, base);
    if ((table && !means_the_same(run, table, row)) || !leave_place(run, shown))
        return false;
    const cf_row based = cf_record_run_based_here(run, shown, row);
    cf_row agreed = cf_row_view_agree(run->view, &based, &run->arena);
    cf_record_run_put(run, &agreed);
    return true;
}

/* Rows follow those that they refer to. Where they refer to each other in a ring, or in a chain
 * longer than that, they are published as if they were new; equal rows are one all the same. */
static void adopt_here(cf_record_run *run)
{
    enum { PASSES = 8 };
    bool adopted = true;

    for (int pass = 0; adopted && pass < PASSES; pass++) {
        adopted = false;
        for (size_t i = 0; i < run->content.file.count; i++)
            adopted |= adopt_row(run, &run->content.file.rows[i]);
    }
}

/* The row of the base got another key elsewhere: that it was deleted here is still to be told. */
static bool is_shown_elsewhere(const cf_record_run *run, const cf_row *base)
{
    const cf_row *there = cf_row_view_of_item(run->view, &base->item);

    return there && !cf_bytes_equal(there->key, base->key);
}

/* The base forgets rows that are gone here and there, or that aren't asked for any more: nothing is
 * to be told of them. Of one that is held back, or that has another key elsewhere, the deletion
 * here is still to be told. */
static void adopt_gone(cf_record_run *run)
{
    const cf_rows *rows = run->source->binding->rows;
    const cf_row *row = cf_rows_next(rows, NULL);

    while (row) {
        const cf_row *next = cf_rows_next(rows, row);

        if (cf_format_holds_table(&run->content.format, row->table) && is_gone(run, row) &&
            !cf_record_run_shown(run, row->table, row->key) &&
            !cf_row_view_holds_back(run->view, &row->item) && !is_shown_elsewhere(run, row))
            drop_row(run, row);
        row = next;
    }
}

void cf_record_run_adopt(cf_record_run *run)
{
    adopt_here(run);
    adopt_gone(run);
}
