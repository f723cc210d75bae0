/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/hidden_rows.h"

#include <stdlib.h>

#include "peer/log/catalog.h"
#include "peer/log/dot_entry.h"
#include "peer/log/record_names.h"

bool cf_row_made(const cf_state *state, const cf_id *id, cf_dot *dot, cf_time *time)
{
    const cf_item *item = cf_state_item(state, id);
    const size_t count = item ? cf_item_write_count(item) : 0;
    const bool has_table = cf_state_has_field(state, id, CF_FIELD_NUMBER_TABLE);
    bool found = false;

    for (size_t i = 0; i < count; i++) {
        const cf_write write = cf_state_write(state, item, i);
        const int order = found ? cf_time_compare(write.time, *time) : -1;

        if ((has_table && write.field != CF_FIELD_NUMBER_TABLE) || order > 0 ||
            (order == 0 && cf_dot_compare(&write.dot, dot) > 0))
            continue;
        *dot = write.dot;
        *time = write.time;
        found = true;
    }
    return found;
}

/* ---- What they are called ---- */

typedef struct {
    cf_peer *peer;
    const cf_collection *collection;
    const cf_schema *schema;
    cf_arena *arena;
    cf_hidden_row *at;
    size_t count;
    cf_id writer; /* of the last one, */
    cf_hash device;
    bool is_known; /* whose device this is */
} gathering;

/* A writer is of one device. */
static cf_hash device_of(gathering *self, const cf_dot *made)
{
    if (!self->is_known || !cf_id_equal(&self->writer, &made->writer))
        self->device = cf_dot_device(self->peer, made);
    self->writer = made->writer;
    self->is_known = true;
    return self->device;
}

static cf_bytes suffix_of(cf_peer *peer, const cf_hash *device, cf_arena *arena)
{
    cf_buffer suffix = {0};

    cf_buffer_append_text(&suffix, "~%s", cf_catalog_device_name(peer, device, arena));
    const cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&suffix));
    cf_buffer_release(&suffix);
    return copy;
}

cf_bytes cf_hidden_row_suffix(cf_peer *peer, const cf_dot *made, cf_arena *arena)
{
    const cf_hash device = cf_dot_device(peer, made);

    return suffix_of(peer, &device, arena);
}

/* The key that the row wishes for. */
static bool may_be_anothers(const cf_schema *schema, const cf_row_held *held)
{
    const cf_schema_table *table = cf_schema_find(schema, held->row.table);

    return held->why == CF_HELD_UNIQUE || (table && table->serial);
}

static void name(gathering *self, cf_hidden_row *row, size_t number)
{
    const cf_row *held = &row->held->row;
    cf_buffer path = {0};

    cf_record_path(held->item.bytes[0], held->table, held->key, &path);
    const size_t before = path.size;
    if (may_be_anothers(self->schema, row->held)) {
        const cf_bytes suffix = suffix_of(self->peer, &row->device, self->arena);

        cf_buffer_append(&path, suffix.data, suffix.size);
    }
    if (number > 1)
        cf_buffer_append_text(&path, "~%zu", number);
    row->path = cf_arena_copy(self->arena, cf_buffer_view(&path));
    row->suffix = cf_bytes_of(row->path.data + before, row->path.size - before);
    cf_buffer_release(&path);
}

static void add(gathering *self, const cf_row_held *held)
{
    cf_hidden_row *row = &self->at[self->count++];

    *row = (cf_hidden_row){.held = held};
    if (cf_row_made(self->collection->state, &held->row.item, &row->made, &row->time))
        row->device = device_of(self, &row->made);
    name(self, row, 1);
}

static int by_name_and_age(const void *left, const void *right)
{
    const cf_hidden_row *a = left, *b = right;
    int order = cf_bytes_compare(a->path, b->path);

    if (!order)
        order = cf_time_compare(a->time, b->time);
    return order ? order : cf_dot_compare(&a->made, &b->made);
}

static int by_item(const void *left, const void *right)
{
    const cf_hidden_row *a = left, *b = right;

    return cf_id_compare(&a->held->row.item, &b->held->row.item);
}

/* The second of one name, and who follows, have a number behind it. */
static void tell_apart(gathering *self)
{
    size_t end;

    qsort(self->at, self->count, sizeof *self->at, by_name_and_age);
    for (size_t first = 0; first < self->count; first = end) {
        const cf_bytes path = self->at[first].path;

        for (end = first + 1; end < self->count && cf_bytes_equal(self->at[end].path, path); end++)
            name(self, &self->at[end], end - first + 1);
    }
    qsort(self->at, self->count, sizeof *self->at, by_item);
}

cf_hidden_rows cf_hidden_rows_of(cf_peer *peer, const cf_collection *collection,
                                 const cf_schema *schema, const cf_row_view *view, cf_arena *arena)
{
    gathering self = {.peer = peer, .collection = collection, .schema = schema, .arena = arena};
    size_t count;
    const cf_row_held *held = cf_row_view_held(view, &count);

    if (!count)
        return (cf_hidden_rows){0};
    self.at = cf_arena_allocate(arena, count, sizeof *self.at);
    for (size_t i = 0; i < count; i++)
        add(&self, &held[i]);
    tell_apart(&self);
    return (cf_hidden_rows){self.at, self.count};
}

/* ---- Which is which ---- */

const cf_hidden_row *cf_hidden_row_of_item(const cf_hidden_rows *rows, const cf_id *item)
{
    const cf_row_held held = {.row = {.item = *item}};
    const cf_hidden_row wanted = {.held = &held};

    return rows->count ? bsearch(&wanted, rows->at, rows->count, sizeof wanted, by_item) : NULL;
}

const cf_hidden_row *cf_hidden_row_named(const cf_hidden_rows *rows, cf_bytes path)
{
    for (size_t i = 0; i < rows->count; i++)
        if (cf_bytes_equal(rows->at[i].path, path))
            return &rows->at[i];
    return NULL;
}
