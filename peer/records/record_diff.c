/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows are looked at: those that differ from the base. Of the others, where any key may stand
 * for another row than before, those whose reference may have lost its row; and where rows are
 * tied, those that are tied to another one now. */
#include "peer/records/record_diff.h"

#include <stdlib.h>

#include "peer/records/record_diff_inside.h"

/* Whether any key may stand for another row than before. */
static bool keys_changed(const cf_row_diffing *self)
{
    if (self->gone_count)
        return true;
    for (size_t i = 0; i < self->scanned_count; i++)
        if (self->scanned_rows[i].fresh)
            return true;
    return false;
}

/* Looks at each row of the disk that differs from the base. One that does not is looked at only
 * where a key may stand for another row, or a tie lead to another: then its references may say
 * something else. */
static void diff_scanned(cf_row_diffing *self)
{
    bool retargeted = keys_changed(self), tied = cf_row_ties_moved(self);

    for (size_t i = 0; i < self->scanned_count; i++) {
        cf_scanned_row *scanned = &self->scanned_rows[i];

        if (!scanned->same || (retargeted && cf_row_lost_target(self, scanned)) ||
            (tied && cf_row_is_tied_anew(self, scanned)))
            cf_row_diff_one(self, scanned);
    }
}

void cf_row_diff_run(const cf_row_diff_input *input, cf_arena *arena, cf_row_diff *out)
{
    cf_row_diffing *self = cf_arena_allocate(arena, 1, sizeof *self);

    self->input = input;
    self->arena = arena;
    self->draft.arena = arena;
    self->touched = cf_arena_allocate(arena, input->schema->count, sizeof *self->touched);
    cf_scanned_rows_open(self);
    cf_scanned_rows_name(self);
    diff_scanned(self);
    out->deleted = self->gone_count;
    out->anew = 0;
    for (size_t i = 0; i < self->scanned_count; i++)
        out->anew += self->scanned_rows[i].anew;
    cf_row_diff_gone(self);
    out->cascaded = self->gone_count - out->deleted;
    cf_row_diff_pin(self);
    out->input = input;
    out->changes = cf_change_draft_changes(&self->draft, &out->count);
    out->inner = self;
    cf_change_draft_release(&self->draft);
    cf_tied_rows_release(&self->tied);
    cf_tied_rows_release(&self->tied_before);
    cf_scanned_rows_close(self);
}
