/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps a source as its user made it (model, rule p). When he changes a table, the keys that
 * its rows were given there are pinned: they are real from then on; and so is what their columns
 * were given in the stead of a value that another row had (rule h). What his own change would move
 * or hold back claims first, by a higher level; what it would kill is written again.
 *
 *     person 1 P, made here, and person 1 Q, made there, which is shown under 2
 *     the user deletes P        Q gets a weak /key 2, or it would be 1 from now on
 *     person 1 P is deleted elsewhere, and lives for phone 1 here; the user deletes the phone
 *                               P gets its /table again, or it would be gone, too; what went with P
 *                               stays gone (record_gone.c) */
#include <stdlib.h>

#include "peer/records/record_diff_inside.h"
#include "peer/records/row_said.h"

enum { ROUNDS_MAX = 4 };

/* The row is shown in the table and under the key where the disk has it. */
static bool is_at(const cf_row *row, const cf_scanned_row *scanned)
{
    return row && cf_bytes_equal(row->key, scanned->disk->key) &&
           cf_bytes_equal(row->table, scanned->table->name);
}

/* The view shows the row's item where the disk has it: nobody else moved the row since. */
static bool was_shown_there(const cf_row_diffing *self, const cf_scanned_row *scanned)
{
    return is_at(cf_row_view_of_item(self->input->view, &scanned->item), scanned);
}

/* The pin replaces what is shown and what is listed of the key, as any change of the key does: a
 * listed key is a user's write, and would prevail over the weak pin. */
static void pin_key(cf_row_diffing *self, const cf_scanned_row *scanned)
{
    cf_bytes field = cf_bytes_of_text(CF_FIELD_KEY);
    cf_row_refs refs = cf_row_refs_of(scanned->there, self->arena);

    if (cf_change_draft_has(&self->draft, &scanned->item, field))
        return;
    cf_change_draft_write(&self->draft, &scanned->item, field, scanned->disk->key, true);
    for (size_t i = 0; i < refs.count; i++)
        if (cf_bytes_equal(refs.at[i].field, field))
            cf_change_draft_over(&self->draft, &scanned->item, field, &refs.at[i].dot);
}

/* Pins each displaced row of a table that the user changed, where the source and the view still
 * show that row under one key: what others did to it is not undone. */
static void pin_keys(cf_row_diffing *self)
{
    for (size_t i = 0; i < self->scanned_count; i++) {
        const cf_scanned_row *scanned = &self->scanned_rows[i];

        if (scanned->there && scanned->there->displaced && cf_row_touched(self, scanned->table) &&
            cf_id_equal(&scanned->there->item, &scanned->item) && was_shown_there(self, scanned))
            pin_key(self, scanned);
    }
}

/* ---- Columns that gave way ---- */

static cf_bytes value_of(const cf_row *row, cf_bytes column)
{
    const cf_row_field *field = cf_row_field_named(row, column);

    return field ? field->values[0] : (cf_bytes){0};
}

/* Pins what the row is shown with in a column that gave way. Not where others changed the column,
 * and that is still to be applied, nor where the user himself did. */
static void pin_column(cf_row_diffing *self, const cf_scanned_row *scanned, const cf_row *viewed,
                       cf_bytes column)
{
    cf_row_refs refs = cf_row_refs_of(scanned->base, self->arena);
    const cf_row_instead instead = {value_of(scanned->base, column),
                                    cf_row_refs_shown(&refs, column)};
    const cf_bytes field = cf_row_instead_field(column, self->arena);
    const cf_bytes said = cf_row_instead_pack(&instead, self->arena);
    size_t at = 0;

    if (!field.size || !said.size || !instead.wish.size ||
        cf_bytes_equal(instead.wish, instead.value) ||
        !cf_row_column_gives_way(self->input->view, &scanned->item, column) ||
        !cf_bytes_equal(instead.value, value_of(viewed, column)) ||
        cf_change_draft_has(&self->draft, &scanned->item, column) ||
        cf_bytes_equal(cf_row_refs_shown(&refs, field), said))
        return;
    cf_change_draft_write(&self->draft, &scanned->item, field, said, true);
    for (const cf_row_ref *ref; (ref = cf_row_refs_next(&refs, field, &at));)
        cf_change_draft_over(&self->draft, &scanned->item, field, &ref->dot);
}

/* Calls pin_column for each column of the table that can give way, for one of two tuples twice. */
static void pin_columns(cf_row_diffing *self, const cf_scanned_row *scanned, const cf_row *viewed)
{
    const cf_schema_table *table = scanned->table;

    for (size_t i = 0; i < table->unique_count; i++)
        for (size_t k = 0; k < table->unique[i].count; k++)
            if (cf_column_gives_way(table, table->unique[i].names[k]))
                pin_column(self, scanned, viewed, table->unique[i].names[k]);
}

/* Pins the columns of rows that the user gave another key, and nothing else. */
static void pin_values_of_moved(cf_row_diffing *self)
{
    for (size_t i = 0; self->moved_count && i < self->scanned_count; i++) {
        const cf_scanned_row *scanned = &self->scanned_rows[i];
        const cf_row *viewed;

        if (!scanned->fresh || !scanned->base)
            continue;
        viewed = cf_row_view_of_item(self->input->view, &scanned->item);
        if (viewed && cf_bytes_equal(viewed->key, scanned->base->key))
            pin_columns(self, scanned, viewed);
    }
}

/* Pins the columns that gave way, of rows in tables that the user changed. */
static void pin_values(cf_row_diffing *self)
{
    const cf_viewed_list *gave = &self->input->view->gave;

    if (gave->count)
        pin_values_of_moved(self);
    for (size_t i = 0; i < gave->count; i++) {
        const cf_row *viewed = &gave->at[i]->row;
        const cf_scanned_row *scanned = cf_scanned_row_at(self, viewed->table, viewed->key);

        if (scanned && scanned->base && !scanned->fresh && cf_row_touched(self, scanned->table) &&
            cf_id_equal(&scanned->item, &viewed->item))
            pin_columns(self, scanned, viewed);
    }
}

/* Both have the same in the column: of a reference, which gives way to nothing alone, both have
 * one, or neither; its key may be another, where the row has moved that it leads to. */
static bool claims_same_in(const cf_schema_table *table, cf_bytes column, const cf_row *a,
                           const cf_row *b)
{
    const cf_bytes one = value_of(a, column), other = value_of(b, column);

    return cf_column_refers(table, column) ? !one.size == !other.size : cf_bytes_equal(one, other);
}

/* Whether both rows have the same in the columns that can give way, of those that the source
 * shows. */
static bool claims_same(const cf_row_diffing *self, const cf_schema_table *table, const cf_row *a,
                        const cf_row *b)
{
    for (size_t i = 0; i < table->unique_count; i++)
        for (size_t k = 0; k < table->unique[i].count; k++) {
            const cf_bytes column = table->unique[i].names[k];

            if (cf_column_gives_way(table, column) &&
                cf_format_holds(self->input->format, table->name, column) &&
                !claims_same_in(table, column, a, b))
                return false;
        }
    return true;
}

/* The view has the row at the place where the disk has it, and the source showed it with what the
 * view has in the columns that can give way. */
static bool was_shown_so(const cf_row_diffing *self, const cf_scanned_row *scanned)
{
    const cf_row *there = scanned->there;

    return was_shown_there(self, scanned) &&
           (!there || !cf_id_equal(&there->item, &scanned->item) ||
            claims_same(self, scanned->table, there,
                        cf_row_view_of_item(self->input->view, &scanned->item)));
}

/* ---- Rows that move, vanish or die by the change itself ---- */

typedef struct {
    cf_row_diffing *diffing;
    bool *settled; /* of each table: the base shows all of the view */
    cf_row_view *after;
    cf_bytes level;
} trial;

static size_t table_index(const cf_row_diffing *self, cf_bytes name)
{
    const cf_schema_table *table = cf_schema_find(self->input->schema, name);

    return table ? (size_t)(table - self->input->schema->tables) : self->input->schema->count;
}

/* Whether settled tables need to be found: they are asked for of new rows alone. */
static bool has_fresh(const cf_row_diffing *self)
{
    for (size_t i = 0; i < self->scanned_count; i++)
        if (self->scanned_rows[i].fresh)
            return true;
    return false;
}

/* A table is settled where the base shows just what the view does. Only there is a new row that
 * moves moved by its user's own change; elsewhere something is still to be applied. */
static void find_settled(trial *self)
{
    const cf_row_diff_input *input = self->diffing->input;
    size_t *counts = cf_allocate(input->schema->count + 1, sizeof *counts);

    memset(self->settled, true, input->schema->count + 1);
    for (const cf_row *row = cf_rows_next(input->base, NULL); row;
         row = cf_rows_next(input->base, row)) {
        const cf_row *shown = cf_row_view_of_item(input->view, &row->item);
        size_t table = table_index(self->diffing, row->table);

        counts[table]++;
        if (!shown || !cf_bytes_equal(shown->key, row->key) ||
            !cf_bytes_equal(shown->table, row->table) ||
            (table < input->schema->count &&
             !claims_same(self->diffing, &input->schema->tables[table], shown, row)))
            self->settled[table] = false;
    }
    for (size_t i = 0; i < cf_row_view_count(input->view); i++)
        counts[table_index(self->diffing, cf_row_view_at(input->view, i)->table)]--;
    for (size_t i = 0; i < input->schema->count; i++)
        self->settled[i] = self->settled[i] && counts[i] == 0;
    free(counts);
}

/* The new level replaces each one that the item has, shown or not: no base ever shows a level. */
static void raise_level(trial *self, const cf_scanned_row *scanned)
{
    const cf_state *state = self->diffing->input->state;
    const cf_item *item = cf_state_item(state, &scanned->item);
    cf_bytes field = cf_bytes_of_text(CF_FIELD_LEVEL);
    cf_change_draft *draft = &self->diffing->draft;

    cf_change_draft_write(draft, &scanned->item, field, self->level, true);
    for (size_t i = 0; item && i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(state, item, i);

        if (write.field == CF_FIELD_NUMBER_LEVEL)
            cf_change_draft_over(draft, &scanned->item, field, &write.dot);
    }
}

/* Writes the row's /table anew, a user's write: the row lived by what the draft takes away. */
static void write_table(trial *self, const cf_scanned_row *scanned)
{
    cf_row_diffing *diffing = self->diffing;
    cf_row_refs refs = cf_row_refs_of(scanned->base, diffing->arena);
    cf_buffer packed = {0};

    cf_pack_text(&packed, scanned->table->name);
    cf_change_draft_write(&diffing->draft, &scanned->item, cf_bytes_of_text(CF_FIELD_TABLE),
                          cf_arena_copy(diffing->arena, cf_buffer_view(&packed)), false);
    cf_row_replace_shown(diffing, &scanned->item, &refs, CF_FIELD_TABLE);
    cf_buffer_release(&packed);
}

/* Whether the row lives by itself in the view with the draft. Where it is there only since others
 * refer to it, a level is no help against a row that lives, neither to be shown nor to keep its
 * key. */
static bool lives(const trial *self, const cf_scanned_row *scanned)
{
    const cf_viewed *viewed = cf_viewed_of_item(self->after, &scanned->item);

    return viewed && viewed->alive;
}

/* Writes what keeps a row of the disk where its user left it:
 *     it would move, or be held back            /level, once
 *     it would vanish, or no level helps it     /table, once
 * False: the row is in place, nothing more helps, or others' changes of it aren't applied yet. */
static bool keep_in_place(trial *self, const cf_scanned_row *scanned)
{
    const cf_row_diffing *diffing = self->diffing;
    const cf_row *now = cf_row_view_of_item(self->after, &scanned->item);
    const cf_change_draft *draft = &diffing->draft;
    size_t table = (size_t)(scanned->table - diffing->input->schema->tables);

    if ((is_at(now, scanned) && claims_same(diffing, scanned->table, now, scanned->disk)) ||
        !(was_shown_so(diffing, scanned) || (scanned->fresh && self->settled[table])))
        return false;
    bool raised = cf_change_draft_has(draft, &scanned->item, cf_bytes_of_text(CF_FIELD_LEVEL));
    bool told = cf_change_draft_has(draft, &scanned->item, cf_bytes_of_text(CF_FIELD_TABLE));
    if ((raised && lives(self, scanned)) || (told && !scanned->fresh))
        return false;
    if (!raised && (now || cf_row_view_holds_back(self->after, &scanned->item)))
        raise_level(self, scanned);
    else
        write_table(self, scanned);
    return true;
}

/* Looks at the view with the draft. False: nothing is left to be kept. */
static bool try_draft(trial *self)
{
    const cf_row_diff_input *input = self->diffing->input;
    cf_dot dot = {.writer = input->writer, .sequence = input->sequence};
    size_t count;
    const cf_change *changes = cf_change_draft_changes(&self->diffing->draft, &count);
    bool again = false;

    cf_state_trial_begin(input->state);
    cf_state_apply(input->state, &dot, input->time, changes, count, NULL);
    self->after = cf_row_view_new(input->state, input->schema);
    for (size_t i = 0; i < self->diffing->scanned_count; i++)
        again = keep_in_place(self, &self->diffing->scanned_rows[i]) || again;
    again = cf_row_diff_gone_again(self->diffing, self->after) || again;
    cf_row_view_destroy(&self->after);
    cf_state_trial_end(input->state);
    return again;
}

/* Above each level that any row has: the rows of one scan are equal in level, and claim by time. */
static cf_bytes next_level(const cf_row_diffing *self)
{
    uint64_t highest = cf_row_view_level(self->input->view);
    cf_buffer packed = {0};

    cf_pack_uint(&packed, highest < UINT64_MAX ? highest + 1 : highest);
    cf_bytes level = cf_arena_copy(self->arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return level;
}

void cf_row_diff_pin(cf_row_diffing *diffing)
{
    trial self = {.diffing = diffing, .level = next_level(diffing)};
    const cf_change *changes;
    size_t count;

    if (diffing->draft.table.count == 0)
        return;
    pin_keys(diffing);
    pin_values(diffing);
    cf_row_diff_spread(diffing);
    changes = cf_change_draft_changes(&diffing->draft, &count);
    if (cf_row_draft_is_harmless(diffing, changes, count))
        return;
    self.settled = cf_allocate(diffing->input->schema->count + 1, sizeof *self.settled);
    if (has_fresh(diffing))
        find_settled(&self);
    for (int round = 0; round < ROUNDS_MAX && try_draft(&self); round++)
        continue;
    free(self.settled);
}
