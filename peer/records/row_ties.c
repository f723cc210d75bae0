/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/records/row_ties.h"

typedef struct {
    cf_table_link link;
    const cf_row_tie *tie;
    const cf_row *row; /* the parent */
} tied_row;

/* Nothing: NULL. */
static cf_bytes value_of(const cf_row *row, const cf_tied_column *column)
{
    if (!column->field.size)
        return cf_row_key_part(row->key, column->part, column->parts);
    const cf_row_field *field = cf_row_field_named(row, column->field);
    return field ? field->values[0] : (cf_bytes){0};
}

/* False: one of the columns says nothing, so it refers to none. */
static bool hash_of(const cf_row_tie *tie, const cf_tied_column *columns, const cf_row *row,
                    uint64_t *out)
{
    *out = cf_hash_bytes(cf_hash_bytes(0, tie->child), tie->parent);
    for (size_t i = 0; i < tie->count; i++) {
        cf_bytes value = value_of(row, &columns[i]);

        if (!value.size)
            return false;
        *out = cf_hash_bytes(*out, value);
    }
    return true;
}

static bool is_tied(const cf_row_tie *tie, const cf_row *child, const cf_row *parent)
{
    bool same = true;

    for (size_t i = 0; same && i < tie->count; i++)
        same = cf_bytes_equal(value_of(child, &tie->from[i]), value_of(parent, &tie->to[i]));
    return same;
}

void cf_tied_rows_add(cf_tied_rows *tied, const cf_row *row, cf_arena *arena)
{
    for (size_t i = 0; i < tied->format->tie_count; i++) {
        const cf_row_tie *tie = &tied->format->ties[i];
        uint64_t hash;

        if (!cf_bytes_equal(tie->parent, row->table) || !hash_of(tie, tie->to, row, &hash))
            continue;
        tied_row *made = cf_arena_allocate(arena, 1, sizeof *made);
        made->tie = tie;
        made->row = row;
        cf_table_add(&tied->rows, &made->link, hash);
    }
}

void cf_tied_rows_release(cf_tied_rows *tied)
{
    cf_table_release(&tied->rows);
}

const cf_row *cf_tied_rows_find(const cf_tied_rows *tied, const cf_row_tie *tie,
                                const cf_row *child)
{
    uint64_t hash;

    if (!cf_bytes_equal(tie->child, child->table) || !hash_of(tie, tie->from, child, &hash))
        return NULL;
    for (cf_table_link *link = cf_table_first(&tied->rows, hash); link;
         link = cf_table_next(link)) {
        const tied_row *found = cf_linked(link, const tied_row, link);

        if (found->tie == tie && is_tied(tie, child, found->row))
            return found->row;
    }
    return NULL;
}
