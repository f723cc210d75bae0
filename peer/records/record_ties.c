/* SPDX-License-Identifier: Apache-2.0 */
/* What a row says of the rows that it refers to by what its data say. Such a tie goes out with a
 * new row, and when the tie leads to another row by what was done here: what came or went elsewhere
 * is nothing that this device's user did. A tie is weak: it brings back the row it leads to, and
 * not the one that says it.
 *
 *     phone a says mail e, and person 1 has the email e     the phone is tied to person 1
 *     here the phone's mail becomes f, person 2's           it is tied to person 2
 *     person 2's email becomes g elsewhere                  nothing is said here
 *     here person 2 is deleted                              the tie is taken back */
#include "peer/records/record_diff_inside.h"

/* The tie is said in a field, and leads from rows of this row's table. */
static bool is_tie_of(const cf_row_tie *tie, const cf_scanned_row *scanned)
{
    return tie->field.size && cf_bytes_equal(tie->child, scanned->table->name);
}

/* ---- What a row refers to ---- */

/* The item to which the row was tied by what all rows said when last agreed; NULL: none. */
static const cf_id *target_before(cf_row_diffing *self, const cf_row_tie *tie,
                                  const cf_scanned_row *scanned)
{
    const cf_rows *base = self->input->base;

    if (!self->tied_before.format) {
        self->tied_before.format = self->input->format;
        for (const cf_row *row = NULL; (row = cf_rows_next(base, row));)
            cf_tied_rows_add(&self->tied_before, row, self->arena);
    }
    const cf_row *found =
        scanned->base ? cf_tied_rows_find(&self->tied_before, tie, scanned->base) : NULL;
    return found ? &found->item : NULL;
}

/* The item of the row on the disk to which this row's columns lead now; NULL: none. */
static const cf_id *target_now(cf_row_diffing *self, const cf_row_tie *tie,
                               const cf_scanned_row *scanned)
{
    if (!self->tied.format) {
        self->tied.format = self->input->format;
        for (size_t i = 0; i < self->scanned_count; i++)
            cf_tied_rows_add(&self->tied, self->scanned_rows[i].disk, self->arena);
    }
    const cf_row *found = cf_tied_rows_find(&self->tied, tie, scanned->disk);
    return found ? &cf_scanned_row_at(self, found->table, found->key)->item : NULL;
}

/* Compares the rows, not what the columns say: mail x was Ann's when last agreed, and is Eve's now.
 * To no row before and now is no difference. */
static bool leads_elsewhere(cf_row_diffing *self, const cf_row_tie *tie,
                            const cf_scanned_row *scanned)
{
    const cf_id *before = target_before(self, tie, scanned), *now = target_now(self, tie, scanned);

    return before && now ? !cf_id_equal(before, now) : before != now;
}

/* ---- What a row says of its parent ---- */

/* Whether the reference leads to a row which the source showed and doesn't any more: that row is
 * not to come back by the tie. */
static bool is_gone(const cf_row_diffing *self, cf_bytes shown)
{
    cf_id target;

    if (!self->gone_count || !cf_reference_item(shown, &target))
        return false;
    const cf_row *base = cf_rows_of_item(self->input->base, &target);
    const cf_scanned_row *scanned = base ? cf_scanned_row_at(self, base->table, base->key) : NULL;
    if (!base || (scanned && scanned->base == base))
        return false;
    for (size_t i = 0; i < self->gone_count; i++)
        if (self->gone[i] == base)
            return true;
    return false;
}

/* What was done here made the tie lead to another row, or the row that it says is gone. */
static bool is_to_be_said(cf_row_diffing *self, const cf_row_tie *tie,
                          const cf_scanned_row *scanned, const cf_row_refs *refs)
{
    return leads_elsewhere(self, tie, scanned) ||
           is_gone(self, cf_row_refs_shown(refs, tie->field));
}

/* The ref is a tie that is shown, and leads to a row that the user deleted. */
static bool is_of_gone(const cf_row_diffing *self, const cf_row_ref *ref)
{
    return ref->standing == CF_WRITE_SHOWN && cf_row_field_is_tie(ref->field) &&
           is_gone(self, ref->value);
}

/* ---- Rows to which nothing else was done ---- */

typedef struct {
    const cf_row_diffing *diffing;
    bool any;
} loosening;

/* The child, if the disk has it, may be tied to a row that is gone. */
static void note_loosened(void *context, const cf_row *child)
{
    loosening *self = context;
    const cf_row *base = cf_rows_of_item(self->diffing->input->base, &child->item);
    cf_scanned_row *scanned =
        base ? cf_scanned_row_at(self->diffing, base->table, base->key) : NULL;

    if (!scanned || scanned->base != base)
        return;
    scanned->loosened = self->any = true;
}

/* Notes the rows that refer to what is gone, also by ties that the format knows nothing of. */
static bool note_all_loosened(const cf_row_diffing *self)
{
    loosening found = {.diffing = self};

    for (size_t i = 0; i < self->gone_count; i++)
        cf_row_view_children(self->input->view, self->gone[i], note_loosened, &found);
    return found.any;
}

/* Whether rows of the table are ones that others may be tied to. */
static bool is_of_parents(const cf_row_diffing *self, cf_bytes table)
{
    const cf_row_format *format = self->input->format;

    for (size_t i = 0; i < format->tie_count; i++)
        if (format->ties[i].field.size && cf_bytes_equal(format->ties[i].parent, table))
            return true;
    return false;
}

bool cf_row_ties_moved(const cf_row_diffing *self)
{
    bool moved = note_all_loosened(self);

    if (!self->input->format->tie_count)
        return moved;
    for (size_t i = 0; !moved && i < self->gone_count; i++)
        moved = is_of_parents(self, self->gone[i]->table);
    for (size_t i = 0; !moved && i < self->scanned_count; i++)
        moved =
            !self->scanned_rows[i].same && is_of_parents(self, self->scanned_rows[i].table->name);
    return moved;
}

bool cf_row_is_tied_anew(cf_row_diffing *self, const cf_scanned_row *scanned)
{
    const cf_row_format *format = self->input->format;
    cf_arena arena = {0};
    cf_row_refs refs = {0};
    bool anew = false;

    for (size_t i = 0; !anew && i < format->tie_count; i++)
        anew = is_tie_of(&format->ties[i], scanned) &&
               leads_elsewhere(self, &format->ties[i], scanned);
    if (!anew && scanned->loosened)
        refs = cf_row_refs_of(scanned->base, &arena);
    for (size_t i = 0; !anew && i < refs.count; i++)
        anew = is_of_gone(self, &refs.at[i]);
    cf_arena_release(&arena);
    return anew;
}

/* ---- Writes ---- */

/* Replaces whatever the row said in the field, shown or not. */
static void write(cf_row_diffing *self, const cf_scanned_row *scanned, const cf_row_refs *refs,
                  cf_bytes field, cf_bytes value)
{
    if (value.size)
        cf_change_draft_write(&self->draft, &scanned->item, field, value, true);
    for (size_t i = 0; i < refs->count; i++)
        if (cf_bytes_equal(refs->at[i].field, field))
            cf_change_draft_over(&self->draft, &scanned->item, field, &refs->at[i].dot);
}

bool cf_row_diff_ties(cf_row_diffing *self, const cf_scanned_row *scanned, const cf_row_refs *refs)
{
    const cf_row_format *format = self->input->format;
    bool any = false;

    for (size_t i = 0; i < format->tie_count; i++) {
        const cf_row_tie *tie = &format->ties[i];

        if (!is_tie_of(tie, scanned) || !is_to_be_said(self, tie, scanned, refs))
            continue;
        const cf_id *target = target_now(self, tie, scanned);
        cf_bytes value =
            target ? cf_reference_to(target, (cf_bytes){0}, self->arena) : (cf_bytes){0};
        if (cf_bytes_equal(cf_row_refs_shown(refs, tie->field), value))
            continue;
        write(self, scanned, refs, tie->field, value);
        any = true;
    }
    for (size_t i = 0; i < refs->count; i++) {
        if (!is_of_gone(self, &refs->at[i]) ||
            cf_change_draft_has(&self->draft, &scanned->item, refs->at[i].field))
            continue;
        write(self, scanned, refs, refs->at[i].field, (cf_bytes){0});
        any = true;
    }
    return any;
}
