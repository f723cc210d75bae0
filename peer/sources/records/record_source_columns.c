/* SPDX-License-Identifier: Apache-2.0 */
/* Columns that another source of the collection was given, and this CSV file gets, too, at the next
 * look. It goes without those that others had already when it was first looked at, those that its
 * user took out of it, and those that it had no room for: these are kept, as [name…].
 *
 *   laptop's id,name gets the column fax: desktop's id,name becomes id,name,fax
 *   desktop's user takes fax out: it stays with the laptop, and doesn't come back by itself
 *   a phone's id,name, which is added now, stays as it is */
#include "peer/sources/records/record_source_inside.h"

#include "codec/pack.h"
#include "peer/adapters/text/csv_document.h"

#include <stdlib.h>

typedef struct {
    cf_record_run *run;
    cf_bytes *left_out; /* that the file goes without, ... */
    size_t left_out_count;
    cf_bytes *new; /* ... and what it gets */
    size_t new_count, new_capacity;
    cf_buffer added; /* packed, to what it goes without */
    size_t added_count;
    bool has_read; /* what is kept, */
    bool knows;    /* which is something: it was looked at before */
} finding;

/* ---- What is kept ---- */

static int by_text(const void *left, const void *right)
{
    return cf_bytes_compare(*(const cf_bytes *)left, *(const cf_bytes *)right);
}

/* The names, ascending. */
static cf_status read_names(cf_bytes packed, cf_arena *arena, cf_bytes **out, size_t *count)
{
    cf_reader reader = cf_reader_of(packed);
    cf_error ignored;

    *count = 0;
    cf_status status = cf_read_array(&reader, count, &ignored);
    cf_bytes *names = cf_arena_allocate(arena, status ? 0 : *count, sizeof *names);
    for (size_t i = 0; !status && i < *count; i++)
        status = cf_read_bin(&reader, &names[i], &ignored);
    *out = names;
    if (status)
        *count = 0;
    else if (*count)
        qsort(names, *count, sizeof *names, by_text);
    return status;
}

/* What the file goes without. Read only where it lacks a column that others have: most looks find
 * none. */
static void read_kept(finding *self)
{
    if (self->has_read)
        return;
    const cf_bytes kept = cf_record_run_kept(self->run, CF_TABLE_LEFT_OUT);
    self->knows =
        read_names(kept, &self->run->arena, &self->left_out, &self->left_out_count) == CF_OK;
    self->has_read = true;
}

/* Keeps what the file goes without, if that is more than before, or if it was never kept. */
static void keep(const finding *self)
{
    cf_buffer now = {0};

    if (self->knows && !self->added_count)
        return;
    cf_pack_array(&now, self->left_out_count + self->added_count);
    for (size_t i = 0; i < self->left_out_count; i++)
        cf_pack_bin(&now, self->left_out[i]);
    cf_pack_raw(&now, cf_buffer_view(&self->added));
    cf_record_run_keep(self->run, CF_TABLE_LEFT_OUT, cf_buffer_view(&now), &self->run->records);
    cf_buffer_release(&now);
}

/* ---- Which columns ---- */

static bool has_name(const cf_bytes *names, size_t count, cf_bytes name)
{
    return count && bsearch(&name, names, count, sizeof name, by_text);
}

/* This look was to give the column to the file, and the file hasn't got it: its first line has that
 * name for another column, or there are too many. */
static bool was_tried(const finding *self, cf_bytes name)
{
    const cf_new_columns *tried = &self->run->source->medium->columns;

    return has_name(tried->at, tried->count, name) && !self->run->content.file.trouble_count;
}

/* The file goes without as many columns as are kept: of the others none comes by itself. */
static bool is_full(const finding *self)
{
    return self->left_out_count + self->added_count >= CF_CSV_FIELDS_MAX;
}

/* The source had the column when it was last looked at, so its user took it out. An empty file has
 * room for all columns, and had none of them. */
static bool was_here(const cf_record_run *run, cf_bytes table, cf_bytes field)
{
    const cf_row_format *before = run->held.before;

    return before && cf_format_holds(before, table, field) &&
           !cf_format_holds(before, table, cf_bytes_of_text("/"));
}

/* A column that others have and the file hasn't: it gets that with the next look, or goes without
 * from now on, where it was never looked at, had it, or could not get it. */
static void find_column(void *context, cf_bytes table, cf_bytes field)
{
    finding *self = context;
    cf_record_run *run = self->run;
    cf_bytes name;

    if (!cf_column_name(field, &run->arena, &name) || !name.size ||
        cf_format_holds(&run->content.format, table, field))
        return;
    read_kept(self);
    if (has_name(self->left_out, self->left_out_count, name) || is_full(self) ||
        cf_forgotten_has(&run->forgotten, table, field) ||
        !cf_record_run_count_said(run, table, &field))
        return;
    if (!self->knows || was_here(run, table, field) || was_tried(self, name)) {
        cf_pack_bin(&self->added, name);
        self->added_count++;
    } else {
        *cf_one_more(self->new, self->new_count, self->new_capacity) = name;
    }
}

/* The next look gives the new columns to the file, where that can be written and nothing is wrong
 * with it. */
static void ask(const finding *self)
{
    cf_record_run *run = self->run;
    cf_record_source *source = run->source;

    if (!self->new_count || source->binding->mode == CF_MODE_SEND || run->cut ||
        run->content.file.trouble_count)
        return;
    cf_pack_array(&source->columns, self->new_count);
    for (size_t i = 0; i < self->new_count; i++)
        cf_pack_bin(&source->columns, self->new[i]);
    source->columns_unended = run->content.file.unended;
    run->unrest = true;
}

void cf_record_run_find_columns(cf_record_run *run)
{
    finding self = {.run = run};

    cf_buffer_clear(&run->source->columns);
    if (run->look_only || !cf_record_run_has_columns(run))
        return;
    if (!run->content.format.whole) /* else it is made with all of them */
        cf_row_view_each_field(run->view, find_column, &self);
    if (!run->source->has_columns_kept)
        read_kept(&self);
    if (self.has_read)
        keep(&self);
    run->source->has_columns_kept = true;
    ask(&self);
    free(self.new);
    cf_buffer_release(&self.added);
}

void cf_record_run_give_columns(cf_record_run *run)
{
    const cf_record_source *source = run->source;
    cf_new_columns *columns = &source->medium->columns;
    cf_bytes *names;

    *columns = (cf_new_columns){0};
    if (run->look_only || !source->columns.size ||
        read_names(cf_buffer_view(&source->columns), &run->arena, &names, &columns->count))
        return;
    columns->at = names;
    columns->unended = source->columns_unended;
}
