/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows clash here: those that the view holds back for what a row has that is told here, and
 * those that the source refused, as they are now, to show with something else. Who gives the value
 * up loses the last column of the tuple that may be empty; if none may, nobody can. */
#include "peer/sources/records/record_clash.h"

#include <stdlib.h>
#include <string.h>

#include "peer/log/catalog_forgotten.h"
#include "peer/log/record_names.h"
#include "peer/records/record_one.h"
#include "peer/records/row_same.h"
#include "peer/sources/records/record_held.h"

bool cf_record_conflict_is_told(const cf_clash_search *search, const cf_row *row, cf_bytes field)
{
    const cf_schema_table *table = cf_schema_find(search->schema, row->table);
    cf_bytes name = field;

    if (table && field.size)
        cf_schema_property(table, field, &name);
    return cf_record_selected(&search->selection, row) &&
           !cf_forgotten_has(&search->forgotten, row->table, (cf_bytes){0}) &&
           !(name.size && cf_forgotten_has(&search->forgotten, row->table, name));
}

/* ---- What two rows agree in ---- */

/* The column can't be empty, so that no row can give it up. */
static bool is_required(const cf_schema_table *table, cf_bytes column)
{
    for (size_t i = 0; i < table->required_count; i++)
        if (cf_bytes_equal(table->required[i], column))
            return true;
    return false;
}

/* The last of the columns that may be empty, which is the one that a row gives up: those behind say
 * what is within those before. Nothing: all are required. */
static cf_bytes empty_column(const cf_schema_table *table, const cf_bytes *columns, size_t count)
{
    for (size_t i = count; i > 0; i--)
        if (!is_required(table, columns[i - 1]))
            return columns[i - 1];
    return (cf_bytes){0};
}

/* ---- Held back by the view ---- */

/* The view holds the row back for what another row has that is told here. */
static bool is_beaten(const cf_clash_search *search, const cf_row_held *held)
{
    return held->why == CF_HELD_UNIQUE && held->unique && held->rival &&
           cf_record_includes_table(search->binding, held->row.table) &&
           cf_record_conflict_is_told(search, held->rival, (cf_bytes){0});
}

/* A clash of a row that the view holds back. */
static void add_beaten(const cf_clash_search *search, const cf_hidden_row *hidden,
                       cf_record_clash *out)
{
    const cf_row_held *held = hidden->held;
    const cf_schema_table *table = cf_schema_find(search->schema, held->row.table);

    *out = (cf_record_clash){
        .row = &held->row,
        .rival = held->rival,
        .path = hidden->path,
        .columns = held->unique->names,
        .column_count = held->unique->count,
        .column = empty_column(table, held->unique->names, held->unique->count),
        .can_be_one = cf_table_has_same(table),
        .made = hidden->made,
        .time = hidden->time,
    };
}

/* ---- Refused by the source ---- */

/* Why the source did not show the row with something else instead. NULL: it can, or nobody has
 * tried to write the row as it is now. */
static const cf_record_refusal *refusal_of(const cf_clash_search *search,
                                           const cf_record_refusals *refusals,
                                           const cf_row_conflict *conflict)
{
    const cf_row *row = conflict->row;
    const cf_record_refusal *found =
        conflict->gives_way && conflict->rival &&
                cf_record_conflict_is_told(search, row, conflict->field)
            ? cf_record_refusals_find(refusals, row->table, row->key)
            : NULL;

    return found && found->hash == cf_record_refusal_hash(row) ? found : NULL;
}

/* A clash of a row that the source refused to show with something else in the stead of its wish. */
static void add_refused(const cf_clash_search *search, const cf_row_conflict *wish,
                        cf_bytes refusal, cf_arena *arena, cf_record_clash *out)
{
    const cf_row *row = wish->row;
    const cf_schema_table *table = cf_schema_find(search->schema, row->table);
    cf_buffer path = {0};

    *out = (cf_record_clash){.row = row,
                             .rival = wish->rival,
                             .columns = &wish->field,
                             .column_count = 1,
                             .column = empty_column(table, &wish->field, 1),
                             .can_be_one = cf_row_can_be_one(search->schema, wish),
                             .wish = wish,
                             .refusal = refusal,
                             .made = wish->dot,
                             .time = wish->time};
    cf_row_made(search->collection->state, &row->item, &out->made, &out->time);
    cf_record_path(row->item.bytes[0], row->table, row->key, &path);
    const cf_bytes suffix = cf_hidden_row_suffix(search->peer, &out->made, arena);
    cf_buffer_append(&path, suffix.data, suffix.size);
    out->path = cf_arena_copy(arena, cf_buffer_view(&path));
    cf_buffer_release(&path);
}

/* ---- All clashes ---- */

static int by_item(const void *left, const void *right)
{
    const cf_record_clash *a = left, *b = right;
    const int order = cf_id_compare(&a->row->item, &b->row->item);

    return order ? order : cf_bytes_compare(a->columns[0], b->columns[0]);
}

/* What the source is asked for, by the columns that it had when last agreed, and what nobody has
 * any more. */
static void select_rows(cf_clash_search *search, cf_arena *arena)
{
    cf_row_format format;
    cf_error ignored;

    if (cf_record_held_format(search->peer, search->binding->number, arena, &format, &ignored))
        format = (cf_row_format){0};
    cf_record_select(search->binding, &format, search->schema, search->view, arena,
                     &search->selection);
    if (cf_catalog_forgotten(search->peer, &search->collection->id, arena, &search->forgotten,
                             &ignored))
        search->forgotten = (cf_forgotten){0};
}

size_t cf_record_clashes(cf_clash_search *search, cf_arena *arena, const cf_record_clash **out)
{
    size_t conflict_count, held_count, count = 0;
    const cf_row_conflict *conflicts = cf_row_view_conflicts(search->view, &conflict_count);

    select_rows(search, arena);
    cf_row_view_held(search->view, &held_count);
    cf_record_clash *all = cf_arena_allocate(arena, held_count + conflict_count, sizeof *all);
    const cf_record_refusals refusals = cf_record_refusals_read(
        cf_record_refusals_load(search->peer, search->binding->number, arena), arena);
    search->hidden =
        cf_hidden_rows_of(search->peer, search->collection, search->schema, search->view, arena);
    for (size_t i = 0; i < search->hidden.count; i++)
        if (is_beaten(search, search->hidden.at[i].held))
            add_beaten(search, &search->hidden.at[i], &all[count++]);
    for (size_t i = 0; refusals.count && i < conflict_count; i++) {
        const cf_record_refusal *refusal = refusal_of(search, &refusals, &conflicts[i]);

        if (refusal)
            add_refused(search, &conflicts[i], refusal->reason, arena, &all[count++]);
    }
    if (count)
        qsort(all, count, sizeof *all, by_item);
    *out = all;
    return count;
}

const cf_record_clash *cf_record_clash_of(const cf_record_clash *at, size_t count,
                                          const cf_row_conflict *conflict)
{
    for (size_t i = 0; i < count; i++)
        if (at[i].wish && at[i].wish->row == conflict->row &&
            cf_dot_equal(&at[i].wish->dot, &conflict->dot) &&
            cf_bytes_equal(at[i].wish->field, conflict->field))
            return &at[i];
    return NULL;
}

/* ---- What waits ---- */

typedef struct {
    cf_hash_link link;
    cf_row row; /* its item alone */
} waiting_row;

typedef struct {
    const cf_clash_search *search;
    cf_arena *arena;
    cf_hash_table seen;
    const waiting_row **rows;
    size_t row_count, row_capacity;
    cf_bytes *paths;
    size_t count, capacity;
} waiting;

/* Whether the item was not found to wait before; then it is noted. */
static bool is_new(waiting *self, const cf_id *item)
{
    const uint64_t hash = cf_hash_id(0, item);

    for (cf_hash_link *link = cf_hash_table_first(&self->seen, hash); link;
         link = cf_hash_table_next(link))
        if (cf_id_equal(&cf_container_of(link, waiting_row, link)->row.item, item))
            return false;
    waiting_row *added = cf_arena_allocate(self->arena, 1, sizeof *added);
    added->row.item = *item;
    cf_hash_table_add(&self->seen, &added->link, hash);
    *cf_one_more(self->rows, self->row_count, self->row_capacity) = added;
    return true;
}

static void add_path(waiting *self, cf_bytes path)
{
    *cf_one_more(self->paths, self->count, self->capacity) = cf_arena_copy(self->arena, path);
}

/* A row that waits since what it refers to is held back. */
static void add_held(void *context, const cf_row *child)
{
    waiting *self = context;
    const cf_hidden_row *hidden = cf_hidden_row_of_item(&self->search->hidden, &child->item);

    if (hidden && hidden->held->why == CF_HELD_PARENT && is_new(self, &child->item))
        add_path(self, hidden->path);
}

/* A row that the view shows, and the source, which refused what it refers to, doesn't have. */
static void add_shown(void *context, const cf_row *child)
{
    waiting *self = context;
    cf_buffer path = {0};

    if (!cf_record_selected(&self->search->selection, child) ||
        cf_rows_of_item(self->search->binding->rows, &child->item) || !is_new(self, &child->item))
        return;
    cf_record_path(child->item.bytes[0], child->table, child->key, &path);
    add_path(self, cf_buffer_view(&path));
    cf_buffer_release(&path);
}

/* What hangs on the row: on one that the view holds back rows that are held back, too; on one that
 * the source refused rows that the view shows. */
static void add_children(waiting *self, const cf_row *row, bool is_held)
{
    if (is_held)
        cf_row_view_held_children(self->search->view, row, add_held, self);
    else
        cf_row_view_children(self->search->view, row, add_shown, self);
}

static int by_path(const void *left, const void *right)
{
    return cf_bytes_compare(*(const cf_bytes *)left, *(const cf_bytes *)right);
}

size_t cf_record_clash_waiting(const cf_clash_search *search, const cf_record_clash *clash,
                               cf_arena *arena, const cf_bytes **out)
{
    waiting self = {.search = search, .arena = arena};

    add_children(&self, clash->row, !clash->wish);
    for (size_t i = 0; i < self.row_count; i++)
        add_children(&self, &self.rows[i]->row, !clash->wish);
    if (self.count)
        qsort(self.paths, self.count, sizeof *self.paths, by_path);
    *out = (const cf_bytes *)cf_arena_copy(arena,
                                           cf_bytes_of(self.paths, self.count * sizeof *self.paths))
               .data;
    free(self.paths);
    free(self.rows);
    cf_hash_table_release(&self.seen);
    return self.count;
}

/* ---- The end ---- */

const cf_row *cf_record_clash_yields(const cf_record_clash *clash, const cf_keep *keep)
{
    const bool is_mine = keep->writer && cf_id_equal(&clash->made.writer, keep->writer);
    size_t kept = keep->number;

    if (keep->kind == CF_KEEP_MINE)
        kept = is_mine ? 2 : 1;
    else if (keep->kind == CF_KEEP_THEIRS)
        kept = is_mine ? 1 : 2;
    else if (keep->kind != CF_KEEP_NUMBER)
        kept = 0;
    if (!clash->column.size || kept < 1 || kept > 2)
        return NULL;
    return kept == 1 ? clash->row : clash->rival;
}

static int by_dot(const void *a, const void *b)
{
    return cf_dot_compare(a, b);
}

cf_change cf_record_clash_yield(const cf_clash_search *search, const cf_id *item, cf_bytes column,
                                cf_arena *arena)
{
    const cf_state *state = search->collection->state;
    cf_change change = {.item = *item, .field = column};
    cf_dot *dots = NULL;
    size_t count, dot_count = 0, capacity = 0;
    const cf_id *ones = cf_row_view_all_of_one(search->view, item, &count);

    for (size_t i = 0; i < count; i++) {
        const cf_item *one = cf_state_item(state, &ones[i]);

        for (size_t k = 0; one && k < cf_item_write_count(one); k++) {
            const cf_write write = cf_state_write(state, one, k);

            if (cf_bytes_equal(cf_state_field_name(state, write.field), column))
                *cf_one_more(dots, dot_count, capacity) = write.dot;
        }
    }
    if (dot_count)
        qsort(dots, dot_count, sizeof *dots, by_dot);
    for (size_t i = 0; i < dot_count; i++)
        if (i == 0 || !cf_dot_equal(&dots[i], &dots[change.over_count - 1]))
            dots[change.over_count++] = dots[i];
    change.over =
        (const cf_dot *)cf_arena_copy(arena, cf_bytes_of(dots, change.over_count * sizeof *dots))
            .data;
    free(dots);
    return change;
}
