/* SPDX-License-Identifier: Apache-2.0 */
/* What is written of a row with which others are one (model, rule m). What such a write replaces
 * may stand at one of those:
 *
 *     row 1, and row 6, which is row 1: name "Ann" of row 1, note "x" of row 6
 *     the note becomes "y": row 1 says so, and row 6, over what it said
 *     the row is deleted: row 1 and row 6 are
 *
 * So a program that doesn't know that they are one has two rows still, both as they are here. */
#include <stdlib.h>

#include "codec/item.h"
#include "peer/records/record_diff_inside.h"
#include "peer/records/row_same.h"

void cf_row_spread_write(cf_change_draft *draft, const cf_state *state, const cf_change *change,
                         const cf_id *other)
{
    const cf_item *item = cf_state_item(state, other);
    bool any = false;

    for (size_t i = 0; i < cf_item_write_count(item); i++) {
        const cf_write write = cf_state_write(state, item, i);

        if (!cf_change_names(change, &write.dot) ||
            !cf_bytes_equal(cf_state_field_name(state, write.field), change->field))
            continue;
        if (!any && change->value.size)
            cf_change_draft_write(draft, other, change->field, change->value, change->weak);
        cf_change_draft_over(draft, other, change->field, &write.dot);
        any = true;
    }
}

/* The deletion of the other row covers what that of the first covers, and the other's /table and
 * /key. */
static void spread_deletion(cf_row_diffing *self, const cf_change *change, const cf_id *other)
{
    const cf_state *state = self->input->state;
    const cf_item *item = cf_state_item(state, other);
    const size_t writes = cf_item_write_count(item);
    cf_cover *covers = NULL;
    size_t count = 0;
    cf_buffer value = {0};
    cf_error ignored;

    if (cf_covers_read(change->value, self->arena, &covers, &count, &ignored))
        return;
    cf_cover *all = cf_allocate(count + writes + 1, sizeof *all);
    if (count)
        memcpy(all, covers, count * sizeof *all);
    for (size_t i = 0; i < writes; i++) {
        const cf_write write = cf_state_write(state, item, i);

        if (write.field == CF_FIELD_NUMBER_TABLE || write.field == CF_FIELD_NUMBER_KEY)
            all[count++] = (cf_cover){cf_state_field_name(state, write.field), write.dot};
    }
    cf_covers_pack(&value, all, count);
    cf_change_draft_write(&self->draft, other, change->field,
                          cf_arena_copy(self->arena, cf_buffer_view(&value)), false);
    cf_buffer_release(&value);
    free(all);
}

/* The new base of `item` has refs to what was drafted for `other`, too. */
static void note_spread(cf_row_diffing *self, const cf_id *item, const cf_id *other)
{
    cf_row_spread *one = cf_arena_allocate(self->arena, 1, sizeof *one);

    *one = (cf_row_spread){*item, *other, self->spreads};
    self->spreads = one;
    self->spread_count++;
}

/* Drafts a change of the first row for each other row that is it; a write only where that replaces
 * something which stands at the other row. */
static void spread(cf_row_diffing *self, const cf_change *change)
{
    size_t count;
    const cf_id *others = cf_row_view_others(self->input->view, &change->item, &count);

    for (size_t i = 0; i < count; i++) {
        if (cf_rows_of_item(self->input->base, &others[i]))
            continue; /* this source still shows the other as a row of its own */
        if (cf_field_is(change->field, CF_FIELD_NUMBER_DELETED)) {
            spread_deletion(self, change, &others[i]);
        } else if (change->over_count) {
            cf_row_spread_write(&self->draft, self->input->state, change, &others[i]);
            note_spread(self, &change->item, &others[i]);
        }
    }
}

void cf_row_diff_spread(cf_row_diffing *self)
{
    size_t count;
    const cf_change *changes;

    if (!self->input->view->members.count)
        return;
    changes = cf_change_draft_changes(&self->draft, &count);
    for (size_t i = 0; i < count; i++)
        spread(self, &changes[i]);
}
