/* SPDX-License-Identifier: Apache-2.0 */
/* A column of a file that has nothing in it any more, or a member that its objects lack, in too
 * many of the rows that had something there, as of a folder's items (guard.h): then nothing that
 * was done to these rows goes on its way from here, until its user's word.
 *
 *     12 objects had a mail, and none has one now, as a program wrote them that knows no mail:
 *       12 of 12, held: else the column would be empty in another device's CSV file
 *     11 of 12: goes; 60 of 100: held */
#include "peer/sources/records/record_source_counted.h"

#include "broker/platform/names.h"
#include "codec/pack.h"
#include "peer/sources/records/record_cleared.h"

#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS_TOLD = 10 }; /* each by a reason of its own */

typedef struct {
    cf_record_counted *counted;
    cf_cleared_columns found;
    cf_cleared_columns first; /* those that were held before this look, as they were counted then */
} columns;

/* The row of the base that the file's row is. NULL: there is none, or what was done to the row
 * doesn't count. */
static const cf_row *base_of(const cf_record_counted *counted, size_t index)
{
    const cf_record_run *run = counted->run;
    const cf_row *row = &run->content.file.rows[index];
    const bool counts = !cf_record_run_ignores(run, row) && !cf_record_run_is_odd(run, index) &&
                        !(counted->waits && counted->waits[index]);

    return counts ? cf_rows_find(run->source->binding->rows, row->table, row->key) : NULL;
}

/* The base's row of this row of the file, as the format shows it; false: none counts. */
static bool show_base(const cf_record_counted *counted, size_t index, cf_arena *arena, cf_row *out)
{
    const cf_row *base = base_of(counted, index);

    return base && cf_row_show(&counted->run->content.format, base, arena, out);
}

/* Nothing was done to the row: such rows, which are most, needn't be compared field by field. */
static bool is_as_base(const cf_record_counted *counted, size_t index)
{
    const cf_row *base = base_of(counted, index);

    return base && cf_row_fields_equal(base, &counted->run->content.file.rows[index]);
}

/* Finds the columns in which rows lack something, and how many rows do: what each row lacks,
 * sorted. */
static void find_gone(columns *self, cf_arena *arena)
{
    const cf_record_file *file = &self->counted->run->content.file;
    size_t kept = 0;
    cf_row base;

    for (size_t i = 0; i < file->count; i++)
        if (!is_as_base(self->counted, i) && show_base(self->counted, i, arena, &base))
            for (size_t k = 0; k < base.field_count; k++)
                if (cf_row_field_says(&base.fields[k]) &&
                    cf_row_says_nothing(&file->rows[i], base.fields[k].name))
                    *cf_one_more(self->found.at, self->found.count, self->found.capacity) =
                        (cf_cleared_column){
                            .table = base.table, .field = base.fields[k].name, .gone = 1};
    cf_cleared_columns_sort(&self->found);
    for (size_t i = 0; i < self->found.count; i++)
        if (kept && cf_cleared_column_compare(&self->found.at[kept - 1], &self->found.at[i]) == 0)
            self->found.at[kept - 1].gone++;
        else
            self->found.at[kept++] = self->found.at[i];
    self->found.count = kept;
}

/* Counts a row that had something in the column; or, where something went from it just before, one
 * that has nothing there, here and in the base. */
static void count_row(cf_cleared_column *one, const cf_row *row, const cf_row *base)
{
    const cf_row_field *had = cf_row_field_named(base, one->field);

    if (had && cf_row_field_says(had))
        one->count++;
    else if (one->went && cf_row_says_nothing(row, one->field))
        one->empty++;
}

/* Counts how many rows had something in each column. What went just before counts only where it
 * wasn't put back since: as many as have nothing there. */
static void count_had(columns *self, cf_arena *arena)
{
    const cf_record_file *file = &self->counted->run->content.file;
    cf_row base;

    for (size_t i = 0; i < file->count; i++)
        if (show_base(self->counted, i, arena, &base))
            for (size_t k = 0; k < self->found.count; k++)
                if (cf_bytes_equal(self->found.at[k].table, base.table))
                    count_row(&self->found.at[k], &file->rows[i], &base);
    for (size_t k = 0; k < self->found.count; k++)
        if (self->found.at[k].went > self->found.at[k].empty)
            self->found.at[k].went = self->found.at[k].empty;
}

/* ---- What went within the last minute ---- */

/* A column is rarely cleared in one save: what goes bit by bit is judged with what went just
 * before (guard.h).
 *   6 of 12, which went, and 6 of 6 half a minute later:                12 of 12, held
 *   40 of 120, which went and were put back, three times, and 40 of 120: goes */

typedef struct {
    cf_bytes table, field;
    uint64_t at_ms, gone;
} cleared;

static uint64_t now_of(const cf_record_run *run)
{
    const cf_env *env = run->source->context->peer->env;

    return env->now_ms(env->context);
}

static bool read_cleared(cf_reader *reader, cleared *out)
{
    cf_error ignored;

    return cf_read_array_of(reader, 4, &ignored) == CF_OK &&
           cf_read_bin(reader, &out->table, &ignored) == CF_OK &&
           cf_read_bin(reader, &out->field, &ignored) == CF_OK &&
           cf_read_uint(reader, &out->at_ms, &ignored) == CF_OK &&
           cf_read_uint(reader, &out->gone, &ignored) == CF_OK;
}

/* What is kept of the last minute; the caller frees the array. */
static cleared *read_all_cleared(cf_record_run *run, size_t *out)
{
    cf_reader reader = cf_reader_of(cf_record_run_kept(run, CF_TABLE_CLEARED));
    const uint64_t now_ms = now_of(run);
    cleared *all = NULL, one;
    size_t count = 0, kept = 0, capacity = 0;
    cf_error ignored;

    if (reader.at == reader.end || cf_read_array(&reader, &count, &ignored))
        count = 0;
    while (count-- && read_cleared(&reader, &one))
        if (cf_is_recent(one.at_ms, now_ms))
            *cf_one_more(all, kept, capacity) = one;
    *out = kept;
    return all;
}

/* Adds what went from a column within the last minute. With a word that is given now nothing is
 * added: it is said of what is gone now. */
static void count_went(columns *self)
{
    size_t count = 0;
    cleared *all = self->found.count && !self->counted->run->source->word.given
                       ? read_all_cleared(self->counted->run, &count)
                       : NULL;

    for (size_t i = 0; i < count; i++) {
        cf_cleared_column *found =
            cf_cleared_columns_find(&self->found, all[i].table, all[i].field);

        if (found)
            found->went += (size_t)all[i].gone;
    }
    free(all);
}

static void pack_cleared(cf_buffer *out, const cleared *one)
{
    cf_pack_array(out, 4);
    cf_pack_bin(out, one->table);
    cf_pack_bin(out, one->field);
    cf_pack_uint(out, one->at_ms);
    cf_pack_uint(out, one->gone);
}

/* Keeps what went: one record a second of each column, however often the file is written to. */
static void keep_cleared(const columns *self)
{
    cf_record_run *run = self->counted->run;
    const uint64_t now_ms = now_of(run);
    cf_buffer now = {0};
    size_t before = 0, count = 0;
    cleared *all = read_all_cleared(run, &before);

    for (size_t i = 0; i < before; i++) {
        cf_cleared_column *same = cf_cleared_columns_find(&self->found, all[i].table, all[i].field);

        if (same && all[i].at_ms / 1000 == now_ms / 1000)
            same->gone += (size_t)all[i].gone;
        else
            all[count++] = all[i];
    }
    cf_pack_array(&now, count + self->found.count);
    for (size_t i = 0; i < count; i++)
        pack_cleared(&now, &all[i]);
    for (size_t i = 0; i < self->found.count; i++)
        pack_cleared(&now, &(cleared){self->found.at[i].table, self->found.at[i].field, now_ms,
                                      self->found.at[i].gone});
    cf_record_run_keep(run, CF_TABLE_CLEARED, cf_buffer_view(&now), &run->records);
    cf_buffer_release(&now);
    free(all);
}

void cf_record_counted_keep_cleared(cf_record_counted *counted)
{
    columns self = {.counted = counted};
    cf_arena arena = {0};

    if (!counted->clears)
        return;
    if (counted->run->source->word.given) { /* the user knows of it */
        cf_record_run_keep(counted->run, CF_TABLE_CLEARED, (cf_bytes){0}, &counted->run->records);
        return;
    }
    find_gone(&self, &arena);
    if (self.found.count)
        keep_cleared(&self);
    free(self.found.at);
    cf_arena_release(&arena);
}

/* ---- What was held ---- */

/* Most sources have none, and needn't ask the store twice. */
static bool keeps_any(cf_record_run *run)
{
    cf_record_source *source = run->source;

    if (!source->emptied_known)
        source->keeps_emptied = cf_record_run_kept(run, CF_TABLE_EMPTIED).size > 0;
    source->emptied_known = true;
    return source->keeps_emptied;
}

size_t cf_record_counted_went(cf_record_counted *counted, const cf_row *base, const cf_row *here)
{
    cf_cleared_columns held = {0}, fields = {0};
    const cf_cleared_column *first;
    size_t count = 0, went = 0;
    cleared *all = NULL;

    if (counted->run->source->word.given) /* it is said of what is gone now */
        return 0;
    if (keeps_any(counted->run))
        cf_cleared_columns_read(cf_record_run_kept(counted->run, CF_TABLE_EMPTIED), &held);
    first = cf_cleared_columns_find(&held, base->table, (cf_bytes){0});
    all = read_all_cleared(counted->run, &count);
    for (size_t i = 0; i < count; i++)
        if (cf_bytes_equal(all[i].table, base->table) && cf_row_says_nothing(base, all[i].field) &&
            (!here || cf_row_says_nothing(here, all[i].field)))
            *cf_one_more(fields.at, fields.count, fields.capacity) =
                (cf_cleared_column){.table = all[i].table, .field = all[i].field};
    cf_cleared_columns_sort(&fields);
    for (size_t i = 0; i < fields.count; i++)
        went += i == 0 || cf_cleared_column_compare(&fields.at[i - 1], &fields.at[i]) != 0;
    if (first && first->went > went)
        went = first->went;
    free(all);
    free(held.at);
    free(fields.at);
    return went;
}

/* Whether a row of the base that has something in the column is not here now, or doesn't count:
 * then nobody can tell. */
static bool is_any_away(const cf_record_counted *counted, const cf_cleared_column *one)
{
    const cf_record_run *run = counted->run;
    const cf_rows *base = run->source->binding->rows;

    for (const cf_row *row = NULL; (row = cf_rows_next(base, row));) {
        const cf_row_field *field = cf_row_field_named(row, one->field);

        if (!field || !cf_bytes_equal(row->table, one->table) || !cf_row_field_says(field))
            continue;
        const cf_row *here = cf_row_index_find(&run->here, row->table, row->key);
        if (!here || !base_of(counted, (size_t)(here - run->content.file.rows)))
            return true;
    }
    return false;
}

/* Leaves of the columns that were held before those of which nothing is gone here, while not all
 * rows are here: they stay held. */
static void keep_unseen(columns *self)
{
    cf_cleared_columns *first = &self->first;
    size_t kept = 0;

    for (size_t i = 0; i < first->count; i++)
        if (!cf_cleared_columns_find(&self->found, first->at[i].table, first->at[i].field) &&
            is_any_away(self->counted, &first->at[i]))
            first->at[kept++] = first->at[i];
    first->count = kept;
}

/* A column that was held stays so until its user's word, however little of it is still gone: who
 * puts it back does that cell by cell. And what comes meanwhile lets nothing of it go: 12 of 12,
 * and 12 of 12 still when another device has made a 13th. Nor does a file that is cut short:
 *
 *   12 of 12 are gone, 3 are put back, and the file ends there for a moment: 9 of 12 are held then
 */
static void count_as_first(columns *self)
{
    for (size_t i = 0; i < self->first.count; i++) {
        const cf_cleared_column *first = &self->first.at[i];
        cf_cleared_column *found =
            cf_cleared_columns_find(&self->found, first->table, first->field);

        if (!found)
            continue;
        found->was_held = true;
        found->count = found->gone > first->count ? found->gone : first->count;
        found->went = first->went;
    }
    keep_unseen(self);
}

/* Keeps which columns are held, and how many had something there at first; of a document that is
 * held for what went just before, that, under no name. */
static void keep_first(const columns *self)
{
    cf_record_run *run = self->counted->run;
    cf_cleared_columns all = {0};
    cf_buffer now = {0};

    if (run->look_only || (!self->found.count && !self->first.count &&
                           !self->counted->emptied_went && !keeps_any(run)))
        return;
    for (size_t i = 0; i < self->found.count; i++)
        *cf_one_more(all.at, all.count, all.capacity) = self->found.at[i];
    for (size_t i = 0; i < self->first.count; i++)
        *cf_one_more(all.at, all.count, all.capacity) = self->first.at[i];
    if (self->counted->emptied_went)
        *cf_one_more(all.at, all.count, all.capacity) = (cf_cleared_column){
            .table = self->counted->emptied->table, .went = self->counted->emptied_went};
    cf_cleared_columns_pack(&all, &now);
    cf_record_run_keep(run, CF_TABLE_EMPTIED, cf_buffer_view(&now), &run->records);
    run->source->emptied_known = true;
    run->source->keeps_emptied = all.count > 0;
    cf_buffer_release(&now);
    free(all.at);
}

/* Of a column that was held before the usual measure decides nothing any more: a word does that is
 * given now, or the source's own limit, if that lets all go that the column had. */
static bool may_go(const cf_record_source *source, const cf_cleared_column *one)
{
    const cf_guard_count lost = {one->gone, one->count, one->gone, one->count};
    const size_t all = one->count + one->went;

    if (!one->was_held)
        return cf_guard_allows_values(cf_record_source_word(source), one->gone + one->went, all);
    return source->word.given ? cf_guard_allows(source->word, &lost)
                              : cf_guard_allows_values(source->binding->limit, all, all);
}

/* Leaves the columns of which too much is gone. */
static void keep_emptied(columns *self)
{
    size_t kept = 0;

    for (size_t i = 0; i < self->found.count; i++)
        if (!may_go(self->counted->run->source, &self->found.at[i]))
            self->found.at[kept++] = self->found.at[i];
    self->found.count = kept;
}

/* Whether so much is gone that the guard would hold it if the column had had no more; most edits
 * take less, and what columns had needn't be counted. */
static bool may_be_too_many(const columns *self)
{
    bool any = self->found.count && keeps_any(self->counted->run);

    for (size_t i = 0; !any && i < self->found.count; i++) {
        const size_t gone = self->found.at[i].gone + self->found.at[i].went;

        any =
            !cf_guard_allows_values(cf_record_source_word(self->counted->run->source), gone, gone);
    }
    return any;
}

/* The row has nothing any more in a column that is held. */
static bool is_cleared(const columns *self, const cf_row *row, const cf_row *base)
{
    for (size_t i = 0; i < base->field_count; i++)
        if (cf_row_field_says(&base->fields[i]) && cf_row_says_nothing(row, base->fields[i].name) &&
            cf_cleared_columns_find(&self->found, base->table, base->fields[i].name))
            return true;
    return false;
}

/* The ways to have the values back, or to let them go; appended. */
static void append_ways(const cf_binding *binding, cf_buffer *out)
{
    cf_buffer_append_text(out, "put it back, or ");
    cf_binding_refill_way(binding, out);
    cf_buffer_append_text(out, "`counterfoil sync ");
    cf_binding_path_word(binding, out);
    cf_buffer_append_text(out, " --yes` deletes it elsewhere too");
    cf_buffer_append(out, "", 1);
}

static void append_column(const cf_cleared_column *one, cf_buffer *out)
{
    char shown[CF_NAME_SHOWN];
    cf_buffer name = {0};

    cf_record_field_text(one->field, &name);
    cf_name_show(cf_buffer_view(&name), shown);
    cf_buffer_append_text(out,
                          "%zu of %zu records that had something in %s have nothing there any more",
                          one->gone, one->count, shown);
    if (one->went)
        cf_buffer_append_text(out, ", after %zu that went just before", one->went);
    cf_buffer_release(&name);
}

/* Of many columns one reason tells, so that one line does. */
static void append_many(const columns *self, cf_buffer *out)
{
    const cf_cleared_column *most = &self->found.at[0];

    for (size_t i = 1; i < self->found.count; i++)
        if (self->found.at[i].gone > most->gone)
            most = &self->found.at[i];
    cf_buffer_append_text(out,
                          "%zu columns, or members, have nothing any more in too many records that "
                          "had something there, one of them in %zu of %zu",
                          self->found.count, most->gone, most->count);
}

static void note_columns(const columns *self)
{
    cf_record_run *run = self->counted->run;
    const bool are_many = self->found.count > COLUMNS_TOLD;
    cf_buffer text = {0};

    for (size_t i = 0; i < self->found.count; i++) {
        cf_buffer_clear(&text);
        if (are_many)
            append_many(self, &text);
        else
            append_column(&self->found.at[i], &text);
        cf_buffer_append_text(&text, ": ");
        append_ways(run->source->binding, &text);
        cf_record_run_note_column(run, CF_PENDING_HELD, self->found.at[i].field,
                                  (const char *)text.data);
    }
    cf_buffer_release(&text);
}

/* The base's row is not shown any more as the base has it. */
static bool is_changed_elsewhere(cf_record_run *run, const cf_row *base)
{
    const cf_row *shown = cf_record_run_shown(run, base->table, base->key);

    return !shown || !cf_record_run_shows(run, base, shown);
}

/* What others did to these rows waits as well. */
static void note_waiting(cf_record_run *run, size_t waiting)
{
    char text[CF_ERROR_TEXT];

    if (!waiting || run->source->binding->mode == CF_MODE_SEND)
        return;
    snprintf(text, sizeof text,
             "%zu record%s that %s held here %s changed elsewhere: that waits until it is decided",
             waiting, waiting == 1 ? "" : "s", waiting == 1 ? "is" : "are",
             waiting == 1 ? "was" : "were");
    cf_record_note_whole(run, CF_PENDING_UNAPPLIED, text);
}

/* Rows that lack something in a held column count as unchanged, with all that was done to them. */
static void hold_cleared(columns *self, cf_arena *arena)
{
    cf_record_counted *counted = self->counted;
    const cf_record_file *file = &counted->run->content.file;
    size_t changed = 0;
    cf_row base;

    counted->cleared = cf_arena_allocate(&counted->arena, file->count, sizeof *counted->cleared);
    for (size_t i = 0; i < file->count; i++) {
        counted->cleared[i] =
            show_base(counted, i, arena, &base) && is_cleared(self, &file->rows[i], &base);
        changed += counted->cleared[i] && is_changed_elsewhere(counted->run, &base);
    }
    if (!counted->waits)
        counted->waits = cf_arena_allocate(&counted->arena, file->count, sizeof *counted->waits);
    for (size_t i = 0; i < file->count; i++) {
        counted->waits[i] |= counted->cleared[i];
        counted->waiting += counted->cleared[i];
    }
    note_columns(self);
    note_waiting(counted->run, changed);
}

/* Not of a database: there its program clears a column, as it does with a queue. */
void cf_record_counted_hold_cleared(cf_record_counted *counted)
{
    columns self = {.counted = counted};
    cf_arena arena = {0};

    if (counted->run->content.blank ||
        !cf_adapter_is_mapped(cf_adapter_of(counted->run->source->binding->format)))
        return;
    find_gone(&self, &arena);
    counted->clears = self.found.count > 0;
    count_went(&self);
    if (keeps_any(counted->run))
        cf_cleared_columns_read(cf_record_run_kept(counted->run, CF_TABLE_EMPTIED), &self.first);
    if (may_be_too_many(&self))
        count_had(&self, &arena);
    else
        self.found.count = 0;
    count_as_first(&self);
    keep_emptied(&self);
    keep_first(&self);
    if (self.found.count)
        hold_cleared(&self, &arena);
    free(self.found.at);
    free(self.first.at);
    cf_arena_release(&arena);
}

void cf_record_run_end_cleared(cf_record_run *run)
{
    if (!cf_adapter_is_mapped(cf_adapter_of(run->source->binding->format)) || !keeps_any(run))
        return;
    cf_record_run_keep(run, CF_TABLE_EMPTIED, (cf_bytes){0}, &run->records);
    run->source->keeps_emptied = false;
}
