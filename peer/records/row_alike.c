/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/records/row_alike.h"

#include <stdlib.h>

#include "peer/records/record_one.h"
#include "peer/records/record_view_inside.h"
#include "peer/records/row_said.h"
#include "peer/records/row_same.h"

typedef struct {
    const cf_state *state;
    const cf_schema *schema;
    const cf_row_view *view;
    const cf_alike_choice *choice;
    cf_arena *arena;
} alike_search;

/* The row that gives way, and the one that it gives way to. */
typedef struct {
    const cf_row *row, *first;
} alike_pair;

/* ---- Columns and values ---- */

static bool is_unique_alone(const cf_schema_table *table, cf_bytes column)
{
    bool found = false;

    for (size_t i = 0; !found && i < table->unique_count; i++)
        found = table->unique[i].count == 1 && cf_bytes_equal(table->unique[i].names[0], column);
    return found;
}

/* ---- How a row was made ---- */

static bool was_made_by(const alike_search *self, const cf_item *item, const cf_write *act)
{
    for (size_t i = 0; i < cf_item_write_count(item); i++) {
        const cf_write write = cf_state_write(self->state, item, i);

        if (write.field == CF_FIELD_NUMBER_TABLE && cf_writes_are_one_act(&write, act))
            return true;
    }
    return false;
}

static bool item_was_made_with(const alike_search *self, const cf_id *id, cf_bytes column,
                               cf_bytes value)
{
    const cf_item *item = cf_state_item(self->state, id);
    bool found = false;

    for (size_t i = 0; item && !found && i < cf_item_write_count(item); i++) {
        const cf_write write = cf_state_write(self->state, item, i);

        found = cf_bytes_equal(write.value, value) &&
                cf_bytes_equal(cf_state_field_name(self->state, write.field), column) &&
                was_made_by(self, item, &write);
    }
    return found;
}

/* Whether the row, or one that is it, was made with this value, and has it since: else whoever made
 * the other one may have known it under another value, as another one. */
static bool was_made_with(const alike_search *self, const cf_row *row, cf_bytes column,
                          cf_bytes value)
{
    size_t count;
    const cf_id *ids = cf_row_view_all_of_one(self->view, &row->item, &count);
    bool found = false;

    for (size_t i = 0; !found && i < count; i++)
        found = item_was_made_with(self, &ids[i], column, value);
    return found;
}

/* ---- Which are one ---- */

static bool is_meant(const alike_search *self, const cf_row *row)
{
    const cf_viewed *viewed = cf_viewed_of_item(self->view, &row->item);

    return viewed && viewed->alive &&
           (!self->choice->is_meant || self->choice->is_meant(self->choice->context, row));
}

/* A row of which a column gives way itself is none that another one could be, yet: it may be one
 * with a third. */
static bool is_clash(const alike_search *self, const cf_row_conflict *one)
{
    const cf_schema_table *table = cf_schema_find(self->schema, one->row->table);

    return cf_row_can_be_one(self->schema, one) && is_unique_alone(table, one->field) &&
           cf_row_says_text(one->value) && !cf_row_gives_way(self->view, one->rival) &&
           is_meant(self, one->row) && is_meant(self, one->rival) &&
           was_made_with(self, one->row, one->field, one->value) &&
           was_made_with(self, one->rival, one->field, one->value);
}

static int in_order(const void *left, const void *right)
{
    const alike_pair *a = left, *b = right;
    const int order = cf_id_compare(&a->first->item, &b->first->item);

    return order ? order : cf_id_compare(&a->row->item, &b->row->item);
}

static alike_pair *find_clashes(const alike_search *self, size_t *count)
{
    size_t conflict_count;
    const cf_row_conflict *conflicts = cf_row_view_conflicts(self->view, &conflict_count);
    alike_pair *pairs = cf_arena_allocate(self->arena, conflict_count, sizeof *pairs);

    *count = 0;
    for (size_t i = 0; i < conflict_count; i++)
        if (is_clash(self, &conflicts[i]))
            pairs[(*count)++] = (alike_pair){conflicts[i].row, conflicts[i].rival};
    if (*count)
        qsort(pairs, *count, sizeof *pairs, in_order);
    return pairs;
}

/* Of the rows that give way to one first row, those that say nothing else than it and those before
 * them say together. */
static size_t draft_of_first(const alike_search *self, cf_change_draft *draft,
                             const alike_pair *pairs, size_t count)
{
    cf_row_said known = cf_row_said_by(self->view, self->schema, pairs[0].first, self->arena);
    size_t i = 0;

    for (; i < count && pairs[i].first == pairs[0].first; i++) {
        const cf_id *item = &pairs[i].row->item;
        const cf_row_said own = cf_row_said_by(self->view, self->schema, pairs[i].row, self->arena);

        if (cf_change_draft_has(draft, item, cf_bytes_of_text(CF_FIELD_SAME)) ||
            cf_row_said_differ(&known, &own))
            continue;
        known = cf_row_said_together(&known, &own, self->arena);
        cf_row_draft_one(draft, self->state, self->view, item, &pairs[i].first->item);
    }
    return i;
}

void cf_row_draft_alike(cf_change_draft *draft, const cf_state *state, const cf_schema *schema,
                        const cf_row_view *view, const cf_alike_choice *choice)
{
    static const cf_alike_choice all;
    const alike_search self = {state, schema, view, choice ? choice : &all, draft->arena};
    size_t count;

    const alike_pair *pairs = find_clashes(&self, &count);
    for (size_t i = 0; i < count;)
        i += draft_of_first(&self, draft, pairs + i, count - i);
}
