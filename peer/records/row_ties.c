/* SPDX-License-Identifier: Apache-2.0 */
/* To which row a row is tied: to the one that says in all columns of the tie what that says, as the
 * parent's columns compare; where a column says nothing, to none. By names alone a tie is outdated
 * only if no column of the parent, however it compares, could say what the child says. */
#include "peer/records/row_ties.h"

#include <string.h>

#include "codec/pack.h"

typedef struct {
    cf_hash_link link;
    const cf_row_tie *tie;
    const cf_row *row; /* the parent */
    cf_bytes said;
} tied_row;

/* What the row says in the column; nothing where that is NULL. */
static cf_bytes value_of(const cf_row *row, const cf_tied_column *column)
{
    if (!column->field.size)
        return cf_row_key_part(row->key, column->part, column->parts);
    const cf_row_field *field = cf_row_field_named(row, column->field);
    return field ? field->values[0] : (cf_bytes){0};
}

/* What these columns of the row say, as those of the parent compare; false: one of them says
 * nothing, so the row refers to none. */
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
        cf_hash_table_add(&tied->rows, &made->link, cf_hash_bytes(0, made->said));
    }
    cf_buffer_release(&key);
}

void cf_tied_rows_release(cf_tied_rows *tied)
{
    cf_hash_table_release(&tied->rows);
}

const cf_row *cf_tied_rows_find(const cf_tied_rows *tied, const cf_row_tie *tie,
                                const cf_row *child)
{
    cf_buffer key = {0};
    const cf_row *found = NULL;

    if (cf_bytes_equal(tie->child, child->table) && said(tie, tie->from, child, &key)) {
        cf_bytes wanted = cf_buffer_view(&key);

        for (cf_hash_link *link = cf_hash_table_first(&tied->rows, cf_hash_bytes(0, wanted));
             !found && link; link = cf_hash_table_next(link)) {
            const tied_row *one = cf_container_of(link, const tied_row, link);

            if (one->tie == tie && cf_bytes_equal(one->said, wanted))
                found = one->row;
        }
    }
    cf_buffer_release(&key);
    return found;
}

/* ---- By the names alone ---- */

/* Folds as much as any collation does: how the column compares is not known here. */
static void fold(cf_bytes value, cf_buffer *out)
{
    cf_buffer trimmed = {0};

    cf_buffer_clear(out);
    cf_collation_fold(CF_COLLATION_RTRIM, value, &trimmed);
    cf_collation_fold(CF_COLLATION_NOCASE, cf_buffer_view(&trimmed), out);
    cf_buffer_release(&trimmed);
}

/* Whether a column could hold the value for equal to `wanted`, which is folded. */
static bool may_equal(cf_bytes wanted, cf_bytes value)
{
    cf_buffer folded = {0};

    fold(value, &folded);
    bool equal = value.size && cf_bytes_equal(wanted, cf_buffer_view(&folded));
    cf_buffer_release(&folded);
    return equal;
}

/* Whether the row may have the value in any column, also as its key or a part of that. */
static bool says_anywhere(const cf_row *row, cf_bytes value)
{
    cf_reader key = cf_reader_of(row->key);
    cf_buffer wanted = {0};
    cf_error ignored;
    size_t parts = 0;

    fold(value, &wanted);
    bool found = may_equal(cf_buffer_view(&wanted), row->key);
    for (size_t i = 0; !found && i < row->field_count; i++)
        found =
            row->fields[i].count && may_equal(cf_buffer_view(&wanted), row->fields[i].values[0]);
    if (!found && !cf_read_array(&key, &parts, &ignored))
        for (size_t i = 0; !found && i < parts; i++)
            found = may_equal(cf_buffer_view(&wanted), cf_row_key_part(row->key, i, parts));
    cf_buffer_release(&wanted);
    return found;
}

/* The field whose name ends with this column; NULL: the row has no value in such a field. */
static const cf_row_field *field_of_column(const cf_row *row, cf_bytes column)
{
    for (size_t i = 0; i < row->field_count; i++) {
        cf_bytes name = row->fields[i].name;

        if (row->fields[i].count && name.size > column.size &&
            name.data[name.size - column.size - 1] == '/' &&
            memcmp(name.data + name.size - column.size, column.data, column.size) == 0)
            return &row->fields[i];
    }
    return NULL;
}

bool cf_tie_is_outdated(const cf_row *child, cf_bytes field, const cf_row *parent)
{
    size_t parts = 0, start = 0;

    for (size_t i = 1; i <= field.size; i++) {
        if (i < field.size && field.data[i] != '/')
            continue;
        cf_bytes column = cf_bytes_of(field.data + start + 1, i - start - 1);
        start = i;
        if (++parts <= 2) /* /bond and the other table */
            continue;
        const cf_row_field *own = field_of_column(child, column);
        if (own && !says_anywhere(parent, own->values[0]))
            return true;
    }
    return false;
}
