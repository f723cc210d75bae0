/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two rows can be one: one gives way to the other, in a table whose keys count up. That two
 * are one may cost others their unique value: a row that is held back by that is one with the row
 * that has the value, and so is a row of which a text or a reference gives way by that, if the row
 * says nothing else. These may cost others theirs: again, until there are none, ROUNDS_MAX times at
 * most. */
#include "peer/records/record_one.h"

#include "codec/item.h"
#include "peer/records/row_instead.h"
#include "peer/records/row_said.h"
#include "peer/records/row_same.h"

enum { ROUNDS_MAX = 8 }; /* who joins rows that join rows, and so on */

bool cf_row_can_be_one(const cf_schema *schema, const cf_row_conflict *conflict)
{
    const cf_schema_table *table = cf_schema_find(schema, conflict->row->table);

    return conflict->gives_way && conflict->rival && table && cf_table_has_same(table);
}

/* What one entry wrote to both rows is told apart by the values alone: such a write of the one is
 * written anew, so that each of two values can be replaced. */
static void part_writes(cf_change_draft *draft, const cf_state *state, const cf_id *id,
                        const cf_id *other)
{
    const cf_item *item = cf_state_item(state, id), *to = cf_state_item(state, other);

    for (size_t i = 0; i < cf_item_write_count(item); i++) {
        const cf_write write = cf_state_write(state, item, i);
        const cf_bytes field = cf_state_field_name(state, write.field);
        cf_write known;

        if (cf_row_field_is_reserved(field) || cf_item_has_content(id, field, write.value) ||
            !cf_state_find_write(state, to, write.field, &write.dot, &known) ||
            cf_bytes_equal(write.value, known.value))
            continue;
        cf_change_draft_write(draft, id, field, write.value, write.weak);
        cf_change_draft_over(draft, id, field, &write.dot);
    }
}

bool cf_row_draft_one(cf_change_draft *draft, const cf_state *state, const cf_row_view *view,
                      const cf_id *item, const cf_id *other)
{
    const cf_bytes field = cf_bytes_of_text(CF_FIELD_SAME);
    const cf_id *from = item;
    cf_id said;

    if (!cf_state_item(state, item) || !cf_state_item(state, other) ||
        cf_id_equal(cf_row_view_one(view, item), cf_row_view_one(view, other)))
        return false;
    /* In one entry a row says of one other that it is that: of a second one, that one says so. */
    if (cf_row_same_read(cf_change_draft_value(draft, item, field), &said)) {
        from = other;
        other = cf_id_equal(&said, from) ? item : &said;
    }
    if (from != item && (other == item || cf_change_draft_has(draft, from, field)))
        return false;
    part_writes(draft, state, from, other);
    cf_change_draft_write(draft, from, field, cf_row_same_pack(other, draft->arena), true);
    return true;
}

/* Drafts that the rows which are held back in this view, and weren't before, are those that have
 * their unique values. */
static bool draft_held(cf_change_draft *draft, const cf_state *state, const cf_schema *schema,
                       const cf_row_view *before, const cf_row_view *after)
{
    size_t count;
    const cf_row_held *held = cf_row_view_held(after, &count);
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        const cf_schema_table *table = cf_schema_find(schema, held[i].row.table);

        if (held[i].why != CF_HELD_UNIQUE || !held[i].unique || !held[i].rival || !table ||
            !cf_table_has_same(table) || cf_row_view_holds_back(before, &held[i].row.item))
            continue;
        any |= cf_row_draft_one(draft, state, after, &held[i].row.item, &held[i].rival->item);
    }
    return any;
}

/* The value is a text, or a row that is referred to: numbers are equal by chance. */
static bool names_row(const cf_schema *schema, const cf_row_conflict *one)
{
    return cf_row_says_text(one->value) ||
           cf_column_refers(cf_schema_find(schema, one->row->table), one->field);
}

/* Drafts the same of the rows of which a text or a reference gives way in this view, and didn't
 * before, and that say nothing else than the row that has the value. Numbers are equal by chance:
 *
 *     (place 1, "red"), (place 2, "red"): place 2 is place 1, and both are one
 *     (list 1, 3, "milk"), (list 2, 3, "milk"): they stay two, and one of them moves on */
static bool draft_giving(cf_change_draft *draft, const cf_state *state, const cf_schema *schema,
                         const cf_row_view *before, const cf_row_view *after)
{
    size_t count;
    const cf_row_conflict *listed = cf_row_view_conflicts(after, &count);
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        const cf_row_conflict *one = &listed[i];

        if (!cf_row_can_be_one(schema, one) || !names_row(schema, one) ||
            cf_row_column_gives_way(before, &one->row->item, one->field))
            continue;
        const cf_row_said own = cf_row_said_by(after, schema, one->row, draft->arena);
        const cf_row_said others = cf_row_said_by(after, schema, one->rival, draft->arena);
        if (!cf_row_said_differ(&own, &others))
            any |= cf_row_draft_one(draft, state, after, &one->row->item, &one->rival->item);
    }
    return any;
}

void cf_row_draft_held_as_one(cf_change_draft *draft, cf_state *state, const cf_schema *schema,
                              const cf_row_view *view)
{
    bool more = true;

    for (int round = 0; more && round < ROUNDS_MAX; round++) {
        const cf_dot dot = {.sequence = 1};
        size_t count;
        const cf_change *changes = cf_change_draft_changes(draft, &count);

        cf_state_trial_begin(state);
        cf_state_apply(state, &dot, (cf_time){0}, changes, count, NULL);
        cf_row_view *after = cf_row_view_new(state, schema);
        more = draft_held(draft, state, schema, view, after);
        more |= draft_giving(draft, state, schema, view, after);
        cf_row_view_destroy(&after);
        cf_state_trial_end(state);
    }
}
