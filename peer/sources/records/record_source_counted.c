/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows are missing: the base has them, and no row here has their key, nor is one of them
 * under another. Whether that counts: not where the file leaves doubt, the row is in trouble or
 * locked, its table is back, or the guard holds all of it. In the place of what doesn't count
 * stands the base's row. */
#include "peer/sources/records/record_source_counted.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- What the scan gets ---- */

static int by_address(const void *left, const void *right)
{
    const cf_row *const *a = left, *const *b = right;

    return ((uintptr_t)*a > (uintptr_t)*b) - ((uintptr_t)*a < (uintptr_t)*b);
}

/* The base's row counts in the file's place: nothing was done to it. */
static void add_base(cf_record_counted *self, const cf_row *base)
{
    if (cf_row_show(&self->run->content.format, base, &self->arena, &self->rows[self->count]))
        self->count++;
}

/* The file's row counts; of one that is astray only what the others are told of it. */
static void add_disk(cf_record_counted *self, const cf_row *row)
{
    cf_row *out = &self->rows[self->count];

    *out = *row;
    if (!cf_record_run_is_astray(self->run, row) ||
        cf_record_run_told(self->run, row, &self->arena, out))
        self->count++;
}

/* The base's row is missing here: no row has its key, the format holds its table, and it isn't
 * here under another key either, where moved rows were looked for. */
static bool is_away(const cf_record_counted *self, const cf_row *base)
{
    const cf_record_run *run = self->run;

    return !cf_row_index_find(&run->here, base->table, base->key) &&
           cf_format_holds_table(&run->content.format, base->table) &&
           !(self->moved_count &&
             bsearch(&base, self->moved, self->moved_count, sizeof *self->moved, by_address));
}

void cf_record_counted_gather(cf_record_counted *self)
{
    cf_record_run *run = self->run;
    const cf_rows *base = run->source->binding->rows;
    bool certain = cf_record_file_certain(&run->content.file);

    self->rows = cf_arena_allocate(&self->arena, run->content.file.count + cf_rows_count(base),
                                   sizeof *self->rows);
    self->missing_items =
        cf_arena_allocate(&self->arena, cf_rows_count(base), sizeof *self->missing_items);
    self->count = self->missing = 0;
    for (size_t i = 0; i < run->content.file.count; i++) {
        const cf_row *row = &run->content.file.rows[i];
        const cf_row *known;

        if (cf_record_run_ignores(run, row))
            continue;
        if (!cf_record_run_is_odd(run, i) && !(self->waits && self->waits[i]))
            add_disk(self, row);
        else if ((known = cf_rows_find(base, row->table, row->key)))
            add_base(self, known);
    }
    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));) {
        if (!is_away(self, row))
            continue;
        bool unclear = !certain || cf_record_run_troubles(run, row->table, row->key) ||
                       cf_record_run_is_locked(run, row) ||
                       cf_record_run_is_back(run, row->table) || row == self->emptied;
        if (!unclear)
            self->missing_items[self->missing++] = row->item;
        if (unclear || self->keeps_missing)
            add_base(self, row);
    }
}

void cf_record_counted_find_moved(cf_record_counted *self)
{
    const cf_record_run *run = self->run;
    const cf_row_diff_input input = {.schema = &run->schema,
                                     .format = &run->content.format,
                                     .base = run->source->binding->rows,
                                     .disk = self->rows,
                                     .disk_count = self->count};
    const cf_row **known = cf_row_diff_identify(&input, &self->arena);

    self->moved = cf_arena_allocate(&self->arena, self->count, sizeof *self->moved);
    for (size_t i = 0; i < self->count; i++)
        if (known[i] && !cf_bytes_equal(known[i]->key, self->rows[i].key))
            self->moved[self->moved_count++] = known[i];
    if (self->moved_count)
        qsort(self->moved, self->moved_count, sizeof *self->moved, by_address);
    cf_record_counted_gather(self);
}

/* Lists the rows of the base that are missing; not those that nobody can tell of, nor the document
 * that is listed as emptied. */
static void note_missing(cf_record_counted *self, cf_pending_kind kind, const char *reason)
{
    cf_record_run *run = self->run;
    const cf_rows *base = run->source->binding->rows;

    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));)
        if (is_away(self, row) && !cf_record_run_troubles(run, row->table, row->key) &&
            !cf_record_run_is_back(run, row->table) && row != self->emptied)
            cf_record_note_text(run, kind, &(cf_row_place){row->table, row->key}, reason);
}

void cf_record_counted_note_unclear(cf_record_counted *self)
{
    const cf_record_file *file = &self->run->content.file;
    cf_pending_kind kind = CF_PENDING_WAITS;

    if (cf_record_file_certain(file) || file->cut)
        return;
    for (size_t i = 0; i < file->trouble_count; i++)
        if (!file->troubles[i].known && !file->troubles[i].passes)
            kind = CF_PENDING_SKIPPED;
    note_missing(self, kind,
                 "it is missing here, and isn't deleted elsewhere: what can't be read here may be "
                 "it, so mend that");
}

/* The reason where few rows are missing, but not few would go with them. */
static const char *others_text(cf_record_counted *self, size_t items, size_t others)
{
    const cf_binding *binding = self->run->source->binding;
    cf_buffer text = {0};

    cf_buffer_append_text(&text,
                          "%zu of %zu items are missing here, and %zu rows that aren't shown here "
                          "would go with them: put them back, or ",
                          self->missing, items, others);
    cf_binding_refill_way(binding, &text);
    cf_buffer_append_text(&text, "`counterfoil sync ");
    cf_binding_path_word(binding, &text);
    cf_buffer_append_text(&text, " --yes` deletes them elsewhere too");
    const char *kept = cf_arena_text(&self->run->arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return kept;
}

void cf_record_counted_hold_missing(cf_record_counted *self, size_t others)
{
    const cf_binding *binding = self->run->source->binding;
    size_t items = cf_binding_counted(binding, CF_GUARD_HERE);
    const char *reason =
        others ? others_text(self, items, others)
               : cf_binding_held_text(self->run->source->context->peer, binding, CF_GUARD_HERE,
                                      self->missing, &self->run->arena);

    note_missing(self, CF_PENDING_HELD, reason);
    self->keeps_missing = true;
    cf_record_counted_gather(self);
}

/* ---- What keeps a change here ---- */

void cf_record_counted_note_unsent(cf_record_counted *self, cf_pending_kind kind, const char *why)
{
    cf_record_run *run = self->run;
    const char *mark = why ? "; " : "";

    why = why ? why : "";
    for (size_t i = 0; i < run->content.file.count; i++) {
        const cf_row *row = &run->content.file.rows[i];
        const cf_row *base = cf_rows_find(run->source->binding->rows, row->table, row->key);
        const cf_row *shown = cf_row_view_find(run->view, row->table, row->key);
        const bool differs = shown && (!base || cf_record_run_receives(run));

        if (!cf_record_run_same(run, row, base) && !cf_record_run_shows(run, row, shown) &&
            !cf_record_run_is_odd(run, i) && !cf_record_run_ignores(run, row) &&
            !(base && base == self->emptied) && !(self->cleared && self->cleared[i]))
            cf_record_note(run, kind, &(cf_row_place){row->table, row->key}, "%s%s%s",
                           differs ? "it is different here"
                           : base  ? "it was changed here"
                                   : "it is new here",
                           mark, why);
    }
    if (!self->keeps_missing && cf_record_file_certain(&run->content.file)) {
        char text[CF_ERROR_TEXT + 32];

        snprintf(text, sizeof text, "it was deleted here%s%s", mark, why);
        note_missing(self, kind, text);
    }
}

void cf_record_counted_hold_locked(cf_record_counted *self)
{
    cf_record_run *run = self->run;
    const cf_record_file *file = &run->content.file;
    const cf_rows *rows = run->source->binding->rows;

    if (!cf_record_run_any_locked(run))
        return;
    self->waits = cf_arena_allocate(&self->arena, file->count, sizeof *self->waits);
    for (const cf_row *base = NULL; (base = cf_rows_next(rows, base));) {
        const cf_row *here = cf_row_index_find(&run->here, base->table, base->key);

        if (!cf_record_run_is_locked(run, base) || cf_record_run_same(run, here, base) ||
            !cf_format_holds_table(&run->content.format, base->table))
            continue;
        cf_record_run_note_locked(run, base);
        self->waiting++;
        if (here)
            self->waits[here - file->rows] = true;
    }
}

void cf_record_counted_send_values(cf_record_counted *self)
{
    cf_record_run *run = self->run;
    cf_record_source *source = run->source;
    const cf_record_file *file = &run->content.file;

    if (!run->as_read.odd)
        return;
    if (!self->waits)
        self->waits = cf_arena_allocate(&self->arena, file->count, sizeof *self->waits);
    for (size_t i = 0; i < file->count; i++) {
        const cf_row *base =
            cf_rows_find(source->binding->rows, file->rows[i].table, file->rows[i].key);
        const char *why;

        if (cf_record_run_is_odd(run, i) || self->waits[i] ||
            cf_record_run_ignores(run, &file->rows[i]) ||
            cf_record_run_same(run, &file->rows[i], base) ||
            cf_record_values_send(source->values, &file->rows[i], base, &why, &run->unrest))
            continue;
        self->waits[i] = true;
        self->waiting++;
        cf_record_note(run, CF_PENDING_WAITS,
                       &(cf_row_place){file->rows[i].table, file->rows[i].key}, "%s", why);
    }
}
