/* SPDX-License-Identifier: Apache-2.0 */
/* Which values of held columns a base loses: those that the file's row has not any more. All else
 * of the base stays, so that what others wrote comes back. */
#include "peer/sources/records/record_cleared.h"

#include "codec/pack.h"
#include "peer/records/row_refs.h"

#include <stdlib.h>

int cf_cleared_column_compare(const cf_cleared_column *a, const cf_cleared_column *b)
{
    const int order = cf_bytes_compare(a->table, b->table);

    return order ? order : cf_bytes_compare(a->field, b->field);
}

static int by_name(const void *left, const void *right)
{
    return cf_cleared_column_compare(left, right);
}

void cf_cleared_columns_sort(cf_cleared_columns *self)
{
    if (self->count)
        qsort(self->at, self->count, sizeof *self->at, by_name);
}

cf_cleared_column *cf_cleared_columns_find(const cf_cleared_columns *self, cf_bytes table,
                                           cf_bytes field)
{
    const cf_cleared_column wanted = {.table = table, .field = field};

    return self->count ? bsearch(&wanted, self->at, self->count, sizeof wanted, by_name) : NULL;
}

/* ---- Held columns, as the home keeps them ---- */

void cf_cleared_columns_pack(const cf_cleared_columns *self, cf_buffer *out)
{
    if (self->count)
        cf_pack_array(out, self->count);
    for (size_t i = 0; i < self->count; i++) {
        cf_pack_array(out, 4);
        cf_pack_bin(out, self->at[i].table);
        cf_pack_bin(out, self->at[i].field);
        cf_pack_uint(out, self->at[i].count);
        cf_pack_uint(out, self->at[i].went);
    }
}

/* [[table, field, how many had something, how many went just before]…] */
static bool read_column(cf_reader *reader, cf_cleared_column *out)
{
    uint64_t count = 0, went = 0;
    cf_error ignored;

    bool is_read = cf_read_array_of(reader, 4, &ignored) == CF_OK &&
                   cf_read_bin(reader, &out->table, &ignored) == CF_OK &&
                   cf_read_bin(reader, &out->field, &ignored) == CF_OK &&
                   cf_read_uint(reader, &count, &ignored) == CF_OK &&
                   cf_read_uint(reader, &went, &ignored) == CF_OK;
    out->count = (size_t)count;
    out->went = (size_t)went;
    return is_read;
}

void cf_cleared_columns_read(cf_bytes kept, cf_cleared_columns *out)
{
    cf_reader reader = cf_reader_of(kept);
    size_t count = 0;
    cf_cleared_column one = {0};
    cf_error ignored;

    if (!kept.size || cf_read_array(&reader, &count, &ignored))
        count = 0;
    while (count-- && read_column(&reader, &one))
        *cf_one_more(out->at, out->count, out->capacity) = one;
    cf_cleared_columns_sort(out);
}

/* ---- What the log has in held columns wins ---- */

struct cf_record_cleared {
    cf_cleared_columns held; /* `gone`: as many rows get something back */
    cf_rows *base;
    cf_buffer kept; /* in which the columns' names are */
};

cf_record_cleared *cf_record_cleared_take(cf_peer *peer, const cf_binding *binding)
{
    cf_record_cleared *self = cf_allocate(1, sizeof *self);
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};
    cf_error ignored;

    if (store->get(store, cf_peer_user(peer),
                   cf_key_source(&arena, CF_TABLE_EMPTIED, binding->number), &self->kept, &ignored))
        cf_buffer_clear(&self->kept);
    cf_cleared_columns_read(cf_buffer_view(&self->kept), &self->held);
    self->base = cf_rows_new();
    for (const cf_row *row = NULL; self->held.count && (row = cf_rows_next(binding->rows, row));)
        cf_rows_put(self->base, row);
    cf_arena_release(&arena);
    return self;
}

void cf_record_cleared_destroy(cf_record_cleared **self)
{
    if (!*self)
        return;
    cf_rows_destroy(&(*self)->base);
    cf_buffer_release(&(*self)->kept);
    free((*self)->held.at);
    free(*self);
    *self = NULL;
}

/* The held column, if this field of the base's row is in one, and the file's row has nothing there
 * any more; else NULL. */
static cf_cleared_column *find_lacked(const cf_cleared_columns *held, const cf_row *row,
                                      const cf_row *base, size_t index)
{
    const cf_row_field *had = &base->fields[index];

    return cf_row_field_says(had) && cf_row_says_nothing(row, had->name)
               ? cf_cleared_columns_find(held, base->table, had->name)
               : NULL;
}

/* The base's row with what the file's row has in held columns that it lacks: nothing, or as good as
 * that. Which writes the base shows stays: what comes back is what these, or later ones, say. */
static void make_base(const cf_cleared_columns *held, cf_record_run *run, const cf_row *row,
                      const cf_row *base, cf_row *out)
{
    cf_row_field *fields = cf_arena_allocate(&run->arena, base->field_count, sizeof *fields);
    cf_row_ref *refs = NULL;
    size_t count = 0;
    cf_buffer packed = {0};
    cf_error ignored;

    *out = cf_row_copy(base, &run->arena);
    if (cf_row_refs_read(base, &run->arena, &refs, &count, &ignored))
        count = 0;
    out->field_count = 0;
    for (size_t i = 0; i < base->field_count; i++) {
        const cf_row_field *here = cf_row_field_named(row, base->fields[i].name);

        if (!find_lacked(held, row, base, i))
            fields[out->field_count++] = base->fields[i];
        else if (here)
            fields[out->field_count++] = *here;
    }
    out->fields = fields;
    cf_row_refs_pack(&packed, out, refs, count);
    out->refs = cf_arena_copy(&run->arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
}

bool cf_record_cleared_base(cf_record_cleared *self, cf_record_run *run, const cf_row *row,
                            cf_row *out)
{
    const cf_row *base = self->held.count ? cf_rows_find(self->base, row->table, row->key) : NULL;
    size_t lacks = 0;

    for (size_t i = 0; base && i < base->field_count; i++) {
        cf_cleared_column *lacked = find_lacked(&self->held, row, base, i);

        lacks += lacked != NULL;
        if (lacked)
            lacked->gone++;
    }
    if (!lacks)
        return false;
    make_base(&self->held, run, row, base, out);
    return true;
}

void cf_record_cleared_tell(const cf_record_cleared *self, const cf_refill_visitor *visitor)
{
    for (size_t i = 0; i < self->held.count; i++)
        if (self->held.at[i].gone)
            visitor->refilled(visitor->context, self->held.at[i].field, self->held.at[i].gone);
}
