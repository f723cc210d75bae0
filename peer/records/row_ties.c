/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/records/row_ties.h"

#include "codec/pack.h"

typedef struct {
    cf_table_link link;
    const cf_row_tie *tie;
    const cf_row *row; /* the parent */
    cf_bytes said;
} tied_row;

/* Nothing: NULL. */
static cf_bytes value_of(const cf_row *row, const cf_tied_column *column)
{
    if (!column->field.size)
        return cf_row_key_part(row->key, column->part, column->parts);
    const cf_row_field *field = cf_row_field_named(row, column->field);
    return field ? field->values[0] : (cf_bytes){0};
}

/* What these columns of the row say, as those of the parent compare; false: one of them says
 * nothing, so it refers to none. */
static bool said(const cf_row_tie *tie, const cf_tied_column *columns, const cf_row *row,
                 cf_buffer *out)
{
    cf_buffer_clear(out);
    cf_pack_text(out, tie->child);
    cf_pack_text(out, tie->parent);
    for (size_t i = 0; i < tie->count; i++) {
        cf_bytes value = value_of(row, &columns[i]);

        if (!value.size)
            return false;
        cf_collation_fold(tie->to[i].collation, value, out);
    }
    return true;
}

void cf_tied_rows_add(cf_tied_rows *tied, const cf_row *row, cf_arena *arena)
{
    cf_buffer key = {0};

    for (size_t i = 0; i < tied->format->tie_count; i++) {
        const cf_row_tie *tie = &tied->format->ties[i];

        if (!cf_bytes_equal(tie->parent, row->table) || !said(tie, tie->to, row, &key))
            continue;
        tied_row *made = cf_arena_allocate(arena, 1, sizeof *made);
        made->tie = tie;
        made->row = row;
        made->said = cf_arena_copy(arena, cf_buffer_view(&key));
        cf_table_add(&tied->rows, &made->link, cf_hash_bytes(0, made->said));
    }
    cf_buffer_release(&key);
}

void cf_tied_rows_release(cf_tied_rows *tied)
{
    cf_table_release(&tied->rows);
}

const cf_row *cf_tied_rows_find(const cf_tied_rows *tied, const cf_row_tie *tie,
                                const cf_row *child)
{
    cf_buffer key = {0};
    const cf_row *found = NULL;

    if (cf_bytes_equal(tie->child, child->table) && said(tie, tie->from, child, &key)) {
        cf_bytes wanted = cf_buffer_view(&key);

        for (cf_table_link *link = cf_table_first(&tied->rows, cf_hash_bytes(0, wanted));
             !found && link; link = cf_table_next(link)) {
            const tied_row *one = cf_linked(link, const tied_row, link);

            if (one->tie == tie && cf_bytes_equal(one->said, wanted))
                found = one->row;
        }
    }
    cf_buffer_release(&key);
    return found;
}
