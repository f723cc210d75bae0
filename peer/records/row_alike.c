/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two rows are alike: both live, are meant, were made with one text in the column, and say
 * nothing else that differs; of several that give way to one row, by item, each adds to what that
 * says. Where the column names rows, all rows of the name are the first one, but of each maker only
 * one. */
#include "peer/records/row_alike.h"

#include <stdlib.h>

#include "codec/pack.h"
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

/* The column is unique by itself: as one of several in a tuple it would name no row. */
static bool is_unique_alone(const cf_schema_table *table, cf_bytes column)
{
    bool found = false;

    for (size_t i = 0; !found && i < table->unique_count; i++)
        found = table->unique[i].count == 1 && cf_bytes_equal(table->unique[i].names[0], column);
    return found;
}

/* ---- How a row was made ---- */

/* The item's /table is of the same act: by that the row was made. */
static bool was_made_by(const alike_search *self, const cf_item *item, const cf_write *act)
{
    for (size_t i = 0; i < cf_item_write_count(item); i++) {
        const cf_write write = cf_state_write(self->state, item, i);

        if (write.field == CF_FIELD_NUMBER_TABLE && cf_writes_are_one_act(&write, act))
            return true;
    }
    return false;
}

/* Whether the item had this value in the column from the beginning: by the act that made it. */
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

/* Whether the row, or another that is one with this row, was made with the value: else who made the
 * other row of the value may have known this row under another value, as another row. */
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

/* The row lives by itself, and the user meant it. */
static bool is_meant(const alike_search *self, const cf_row *row)
{
    const cf_viewed *viewed = cf_viewed_of_item(self->view, &row->item);

    return viewed && viewed->alive &&
           (!self->choice->is_meant || self->choice->is_meant(self->choice->context, row));
}

/* The conflict is of two rows made apart with one text, in a column that is unique by itself. A row
 * of which a column gives way itself is none that another could be, yet: it may be one with a
 * third. */
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

/* All pairs that clash, in the order of their items: each device finds the same. */
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

/* Drafts that rows which give way to one first row are that: those that say nothing else than the
 * first row and those before them say together; by their items, so that each device comes to the
 * same.
 *
 *     1 "e"; 2 "e", Ann; 3 "e", note x      all are row 1
 *     1 "e"; 2 "e", Ann; 3 "e", Bob         one of 2 and 3 is row 1, the other stays */
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

static void draft_unique(const alike_search *self, cf_change_draft *draft)
{
    size_t count;

    const alike_pair *pairs = find_clashes(self, &count);
    for (size_t i = 0; i < count;)
        i += draft_of_first(self, draft, pairs + i, count - i);
}

/* ---- Which have one name ---- */

/* A row that is named by its text. */
typedef struct {
    cf_bytes text;
    const cf_row *row;
    const cf_write *makings; /* what made it, or rows that are it; the first one first */
    size_t making_count;
} named_row;

/* Whether the value is a text that names a row; an empty one names nothing. */
static bool is_name(cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;
    cf_bytes text;

    return cf_row_says_text(value) && cf_read_text(&reader, &text, &ignored) == CF_OK && text.size;
}

static int by_making(const void *left, const void *right)
{
    const cf_write *a = left, *b = right;
    const int order = cf_time_compare(a->time, b->time);

    return order ? order : cf_dot_compare(&a->dot, &b->dot);
}

/* How many writes made the row, or one that is it; into `out`, unless that is NULL. */
static size_t list_makings(const alike_search *self, const cf_row *row, cf_write *out)
{
    size_t count, found = 0;
    const cf_id *ids = cf_row_view_all_of_one(self->view, &row->item, &count);

    for (size_t i = 0; i < count; i++) {
        const cf_item *item = cf_state_item(self->state, &ids[i]);

        for (size_t k = 0; item && k < cf_item_write_count(item); k++) {
            const cf_write write = cf_state_write(self->state, item, k);

            if (write.field != CF_FIELD_NUMBER_TABLE)
                continue;
            if (out)
                out[found] = write;
            found++;
        }
    }
    return found;
}

/* False: nothing is known of how the row was made. */
static bool find_makings(const alike_search *self, named_row *named)
{
    const size_t count = list_makings(self, named->row, NULL);
    cf_write *makings = cf_arena_allocate(self->arena, count, sizeof *makings);

    list_makings(self, named->row, makings);
    if (count)
        qsort(makings, count, sizeof *makings, by_making);
    named->makings = makings;
    named->making_count = count;
    return count > 0;
}

/* First by text, then those that were made first, or have the lower number. */
static int in_naming_order(const void *left, const void *right)
{
    const named_row *a = left, *b = right;
    int order = cf_bytes_compare(a->text, b->text);

    if (order == 0)
        order = by_making(a->makings, b->makings);
    if (order == 0)
        order = cf_bytes_compare(a->row->key, b->row->key);
    return order ? order : cf_id_compare(&a->row->item, &b->row->item);
}

/* The rows that were made with a text in the column, have that still or wish for it, live and are
 * meant. */
static named_row *find_named(const alike_search *self, const cf_natural_key *key, size_t *count)
{
    named_row *found = cf_arena_allocate(self->arena, self->view->shown.count, sizeof *found);

    *count = 0;
    for (size_t i = 0; i < self->view->shown.count; i++) {
        const cf_viewed *viewed = self->view->shown.at[i];

        if (!cf_bytes_equal(viewed->row.table, key->table))
            continue;
        named_row named = {.text = cf_row_says_of(self->view, &viewed->row, key->column),
                           .row = &viewed->row};
        if (!is_name(named.text) || !is_meant(self, named.row) ||
            !was_made_with(self, named.row, key->column, named.text))
            continue;
        if (find_makings(self, &named))
            found[(*count)++] = named;
    }
    if (*count)
        qsort(found, *count, sizeof *found, in_naming_order);
    return found;
}

/* One device made both rows, or rows that are one with them. */
static bool share_maker(const named_row *a, const named_row *b)
{
    for (size_t i = 0; i < a->making_count; i++)
        for (size_t k = 0; k < b->making_count; k++)
            if (cf_id_equal(&a->makings[i].dot.writer, &b->makings[k].dot.writer))
                return true;
    return false;
}

/* Of rows of one name each is the first one, of each maker the first: who made two by himself, and
 * knew of both, wanted two.
 *
 *     A made 1 and 2 "n", B 1 "n"      B's is A's 1, A's 2 stays */
static void draft_of_name(const alike_search *self, cf_change_draft *draft, const named_row *rows,
                          size_t count)
{
    const named_row **one = cf_arena_allocate(self->arena, count, sizeof(const named_row *));
    size_t joined = 0;

    one[joined++] = &rows[0];
    for (size_t i = 1; i < count; i++) {
        const cf_id *item = &rows[i].row->item;
        bool skip = cf_change_draft_has(draft, item, cf_bytes_of_text(CF_FIELD_SAME));

        for (size_t k = 0; !skip && k < joined; k++)
            skip = share_maker(one[k], &rows[i]);
        if (skip)
            continue;
        one[joined++] = &rows[i];
        cf_row_draft_one(draft, self->state, self->view, item, &rows[0].row->item);
    }
}

/* Where the user said that the column names rows: all rows of one text are looked at together. A
 * table whose keys are natural has no rows to join. */
static void draft_named(const alike_search *self, cf_change_draft *draft, const cf_natural_key *key)
{
    const cf_schema_table *table = cf_schema_find(self->schema, key->table);
    size_t count, end;

    if (!table || !cf_table_has_same(table))
        return;
    const named_row *rows = find_named(self, key, &count);
    for (size_t i = 0; i < count; i = end) {
        for (end = i + 1; end < count && cf_bytes_equal(rows[end].text, rows[i].text);)
            end++;
        if (end - i > 1)
            draft_of_name(self, draft, rows + i, end - i);
    }
}

void cf_row_draft_alike(cf_change_draft *draft, const cf_state *state, const cf_schema *schema,
                        const cf_row_view *view, const cf_alike_choice *choice)
{
    const alike_search self = {state, schema, view, choice, draft->arena};

    for (size_t i = 0; i < choice->key_count; i++)
        draft_named(&self, draft, &choice->keys[i]);
    if (choice->unites)
        draft_unique(&self, draft);
}
