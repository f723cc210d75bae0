/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that were deleted (model, rule t). A deletion covers all that the base's record had, also
 * what the format can't show and what was listed. The rows that refer to a deleted one and that the
 * source can't show would bring that one back at once: those that can't be without it go with it,
 * the others refer to nothing from then on.
 *
 *     the source has people alone; elsewhere phone 1 can't be without its person 5, and note 1,
 *     about person 5, can
 *     person 5 is deleted      phone 1 is deleted, too; note 1 stays, about nobody
 *     … and edited elsewhere   person 5 lives by the edit, and phone 1 is back with that one
 *                              (record_family.c); note 1 is about nobody
 *
 * A row that is shown without a reference, since another one has that, and wishes for the deleted
 * row, wishes for nothing from then on: nobody is to be led to that row again.
 *
 *     links 1 and 2 are to person 5, and only one can be: link 2 is to nobody
 *     person 5 is deleted, and link 1 with it      link 2 is to nobody, and in conflict no more
 *
 * Who edits a row that was back for another only had seen that the rest of its family is gone, and
 * deletes that again.
 *
 *     person 5 was deleted with phones 1 and 2, and is back since phone 1 was edited elsewhere
 *     person 5 is renamed      phone 2, which neither the source shows nor its base, stays deleted
 */
#include <stdlib.h>

#include "peer/records/record_diff_inside.h"
#include "peer/records/row_dependants.h"
#include "peer/records/row_same.h"
#include "peer/records/seats.h"

typedef struct dependant {
    cf_hash_link link; /* by the item that it refers to */
    cf_id target;
    const cf_row *row;
    cf_bytes field;
} dependant;

typedef struct {
    cf_row_diffing *diffing;
    cf_hash_table dependants;
    const cf_row **doomed;
    size_t count, capacity;
} going;

/* Whether a write that is hidden now was written as a user's, when another value was a conflict
 * still. */
static bool is_strong(const cf_row_diff_input *input, const cf_id *item, const cf_row_ref *ref)
{
    size_t count;
    const cf_id *ones = cf_row_view_all_of_one(input->view, item, &count);
    bool found = false;

    for (size_t i = 0; !found && i < count; i++) {
        const cf_item *one = cf_state_item(input->state, &ones[i]);
        cf_write write;

        found = one && cf_state_find_write_of(input->state, one, ref->field, &ref->dot, &write) &&
                !write.weak;
    }
    return found;
}

/* Whether the row lives by a write that is hidden: of a seat or field of which the greatest value,
 * or the last one alone, is shown. The rest of what is hidden is weak, or covered already. */
static bool is_live_though_hidden(const cf_row_diff_input *input, const cf_row *base,
                                  const cf_row_ref *ref)
{
    const cf_schema_table *table = cf_schema_find(input->schema, base->table);
    cf_bytes name;

    if (!table)
        return false;
    const cf_merge merge = cf_schema_property(table, ref->field, &name);
    if (merge == CF_MERGE_WEAK)
        return is_strong(input, &base->item, ref);
    return merge == CF_MERGE_SET && cf_set_has_seats(table->kind, name) &&
           cf_seat_of(table->kind, name, ref->value).greatest;
}

/* Covers each write by which the row could live, also what the format can't show. Two devices said
 * LAST-MODIFIED;X-A=1:..., apart: the later is shown, and both are covered, or the event would be
 * back by the earlier. So are both numbers of visits that were in conflict, until the last counted.
 */
static void draft_deletion(cf_row_diffing *self, const cf_row *base)
{
    cf_row_refs refs = cf_row_refs_of(base, self->arena);
    cf_cover *covers = cf_allocate(refs.count, sizeof *covers);
    const cf_schema_table *table = cf_schema_find(self->input->schema, base->table);
    size_t count = 0;
    cf_buffer value = {0};

    for (size_t i = 0; i < refs.count; i++)
        if (refs.at[i].standing != CF_WRITE_HIDDEN ||
            is_live_though_hidden(self->input, base, &refs.at[i]))
            covers[count++] = (cf_cover){refs.at[i].field, refs.at[i].dot};
    cf_covers_pack(&value, covers, count);
    cf_change_draft_write(&self->draft, &base->item, cf_bytes_of_text(CF_FIELD_DELETED),
                          cf_arena_copy(self->arena, cf_buffer_view(&value)), false);
    if (table)
        cf_row_touch(self, table);
    cf_buffer_release(&value);
    free(covers);
}

/* The item that a reference leads to: of rows that are one (rule m) the first; but the row itself
 * as long as this source shows it as a row of its own. */
static const cf_id *meant_by(const cf_row_diff_input *input, const cf_id *item)
{
    return cf_rows_of_item(input->base, item) ? item : cf_row_view_one(input->view, item);
}

/* Notes the row once for each row that it refers to. */
static void add_dependant(going *self, const cf_row *row)
{
    cf_row_refs refs = cf_row_refs_of(row, self->diffing->arena);

    for (size_t i = 0; i < refs.count; i++) {
        cf_id target;

        if (refs.at[i].standing != CF_WRITE_SHOWN || !cf_reference_item(refs.at[i].value, &target))
            continue;
        target = *meant_by(self->diffing->input, &target);
        dependant *found = cf_arena_allocate(self->diffing->arena, 1, sizeof *found);
        found->target = target;
        found->row = row;
        found->field = refs.at[i].field;
        cf_hash_table_add(&self->dependants, &found->link, cf_hash_id(0, &target));
    }
}

/* The source shows the row itself: then the user's doing says what becomes of it. */
static bool is_shown(const cf_row_diff_input *input, const cf_id *item)
{
    const cf_row *base = cf_rows_of_item(input->base, item);

    return base && cf_format_holds_table(input->format, base->table);
}

/* The known dependants that aren't shown, and rows that the base has still, of tables that the
 * format lacks by now. */
static void find_dependants(going *self)
{
    const cf_row_diff_input *input = self->diffing->input;
    const cf_rows *known = input->dependants;

    for (const cf_row *row = NULL; known && (row = cf_rows_next(known, row));)
        if (!is_shown(input, &row->item))
            add_dependant(self, row);
    for (const cf_row *row = NULL; !input->format->whole && (row = cf_rows_next(input->base, row));)
        if (!cf_format_holds_table(input->format, row->table) &&
            !(known && cf_rows_of_item(known, &row->item)))
            add_dependant(self, row);
}

/* The item's deletion is drafted already. */
static bool is_doomed(const going *self, const cf_id *item)
{
    return cf_change_draft_has(&self->diffing->draft, item, cf_bytes_of_text(CF_FIELD_DELETED));
}

static void doom(going *self, const cf_row *row)
{
    if (is_doomed(self, &row->item))
        return;
    draft_deletion(self->diffing, row);
    *cf_one_more(self->doomed, self->count, self->capacity) = row;
}

/* Whether the bond of a row leads where its data don't any more: a value that the bond is by may
 * have passed to another row since, and what refers to that one is not to go with this one. */
static bool is_outdated(const going *self, const dependant *found)
{
    const cf_row_diff_input *input = self->diffing->input;
    const cf_row *child = cf_row_view_of_item(input->view, &found->row->item);
    const cf_row *parent = cf_rows_of_item(input->base, &found->target);

    return child && parent && cf_tie_is_outdated(child, found->field, parent);
}

/* A row goes with the row that this field leads to if the field is owned (NOT NULL, in the key, or
 * ON DELETE CASCADE: database_schema.c), required, or a bond that its columns still follow. Any
 * other row stays, without the reference. */
static bool is_bound(const going *self, const dependant *found)
{
    const cf_schema_table *table = cf_schema_find(self->diffing->input->schema, found->row->table);

    if (!table)
        return false;
    for (size_t i = 0; i < table->required_count; i++)
        if (cf_bytes_equal(table->required[i], found->field))
            return true;
    if (cf_row_field_is_bond(found->field))
        return !is_outdated(self, found);
    return cf_schema_field(table, found->field).owned;
}

/* Deletes with the row `target` those that are bound to it; whose reference may be empty stays. */
static void doom_dependants(going *self, const cf_id *target)
{
    for (cf_hash_link *link = cf_hash_table_first(&self->dependants, cf_hash_id(0, target)); link;
         link = cf_hash_table_next(link)) {
        const dependant *found = cf_container_of(link, const dependant, link);

        if (cf_id_equal(&found->target, target) && is_bound(self, found))
            doom(self, found->row);
    }
}

/* Takes from a row that stays each write of the field that leads to a deleted row, shown or not.
 * What another write of the field says is shown then; without one the field is empty.
 *     phone 1: about Bob shown, about Ann listed; Bob is deleted     phone 1 is about Ann */
static void loosen(going *self, const dependant *found)
{
    cf_row_refs refs = cf_row_refs_of(found->row, self->diffing->arena);
    const cf_schema_table *table = cf_schema_find(self->diffing->input->schema, found->row->table);
    cf_id target;

    for (size_t i = 0; i < refs.count; i++)
        if (cf_bytes_equal(refs.at[i].field, found->field) &&
            cf_reference_item(refs.at[i].value, &target) &&
            is_doomed(self, meant_by(self->diffing->input, &target)))
            cf_change_draft_over(&self->diffing->draft, &found->row->item, found->field,
                                 &refs.at[i].dot);
    if (table)
        cf_row_touch(self->diffing, table);
}

/* Of each row that stays the references to rows that go. */
static void loosen_others(going *self)
{
    for (cf_hash_link *link = NULL; (link = cf_hash_table_walk(&self->dependants, link));) {
        const dependant *found = cf_container_of(link, const dependant, link);

        if (is_doomed(self, &found->target) && !is_doomed(self, &found->row->item))
            loosen(self, found);
    }
}

/* ---- Wishes for what goes ---- */

/* Replaces all writes of the field, and with the field what stands in its stead. */
static void clear_wish(going *self, const cf_row *base, const cf_row_refs *refs, cf_bytes field)
{
    cf_change_draft *draft = &self->diffing->draft;
    const cf_bytes fields[] = {field, cf_row_instead_field(field, self->diffing->arena)};

    if (cf_change_draft_has(draft, &base->item, field))
        return;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t at = 0;

        for (const cf_row_ref *ref; (ref = cf_row_refs_next(refs, fields[i], &at));)
            cf_change_draft_over(draft, &base->item, fields[i], &ref->dot);
    }
    cf_row_touch(self->diffing, cf_schema_find(self->diffing->input->schema, base->table));
}

/* A row that wishes to refer to one that goes, and is shown without. */
static void clear_wishes_of(void *context, const cf_row *child)
{
    going *self = context;
    const cf_row_diff_input *input = self->diffing->input;
    const cf_row *base =
        is_shown(input, &child->item) ? cf_rows_of_item(input->base, &child->item) : NULL;
    const cf_schema_table *table = base ? cf_schema_find(input->schema, base->table) : NULL;
    cf_id target;

    if (!table || is_doomed(self, &base->item))
        return;
    const cf_row_refs refs = cf_row_refs_of(base, self->diffing->arena);
    for (size_t i = 0; i < refs.count; i++) {
        const cf_row_ref *ref = &refs.at[i];

        if (ref->standing == CF_WRITE_SHOWN && !cf_row_field_named(base, ref->field) &&
            cf_column_gives_way(table, ref->field) && cf_reference_item(ref->value, &target) &&
            is_doomed(self, meant_by(input, &target)))
            clear_wish(self, base, &refs, ref->field);
    }
}

static void clear_wishes(going *self)
{
    for (size_t i = 0; i < self->count; i++)
        cf_row_view_children(self->diffing->input->view, self->doomed[i], clear_wishes_of, self);
}

void cf_row_diff_gone(cf_row_diffing *diffing)
{
    going self = {.diffing = diffing};

    if (diffing->gone_count)
        find_dependants(&self);
    for (size_t i = 0; i < diffing->gone_count; i++)
        doom(&self, diffing->gone[i]);
    for (size_t i = 0; i < self.count; i++)
        doom_dependants(&self, &self.doomed[i]->item);
    loosen_others(&self);
    clear_wishes(&self);
    free(diffing->gone);
    diffing->gone = self.doomed;
    diffing->gone_count = self.count;
    diffing->gone_capacity = self.capacity;
    cf_hash_table_release(&self.dependants);
}

/* ---- Families that would be back ---- */

/* Whether the draft alone brings the row back, with a row that the view showed before; what the
 * base has, its user had not seen go. */
static bool came_along(const cf_row_diff_input *input, const cf_row_view *after,
                       const cf_viewed *child)
{
    const cf_viewed *before = cf_viewed_of_item(input->view, &child->row.item);
    bool came = false;

    if (child->alive || !child->visible || (before && before->visible) ||
        cf_rows_of_item(input->base, &child->row.item) ||
        (input->dependants && cf_rows_of_item(input->dependants, &child->row.item)))
        return false;
    for (const cf_row_edge *edge = child->parents; !came && edge; edge = edge->next_of_child) {
        const cf_viewed *parent =
            edge->parent ? cf_viewed_of_item(input->view, &edge->parent->row.item) : NULL;

        came = edge->bound && parent && parent->visible &&
               cf_viewed_comes_back(after, child, edge->parent);
    }
    return came;
}

bool cf_row_diff_gone_again(cf_row_diffing *diffing, const cf_row_view *after)
{
    bool any = false;

    for (size_t i = 0; i < after->rows.count; i++) {
        const cf_viewed *child = after->rows.at[i];

        if (!child->deleted || !came_along(diffing->input, after, child))
            continue;
        cf_row row = cf_row_view_dependant(after, &child->row, diffing->arena);
        draft_deletion(diffing, &row);
        any = true;
    }
    return any;
}
