/* SPDX-License-Identifier: Apache-2.0 */
/* What is believed of the record: a table has three to five parts, a column three or four with a
 * known way to compare, and a tie as many columns here as there. All else is malformed, and nothing
 * of it counts. */
#include "peer/sources/records/record_held.h"

#include "peer/log/tables.h"

#include <string.h>

cf_bytes cf_record_held_key(cf_arena *arena, uint32_t source)
{
    return cf_key_source(arena, CF_TABLE_HELD, source);
}

cf_status cf_record_held_load(cf_peer *peer, uint32_t source, cf_arena *arena, cf_bytes *out,
                              cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_buffer kept = {0};

    cf_status status =
        store->get(store, cf_peer_user(peer), cf_record_held_key(arena, source), &kept, error);
    if (!status)
        *out = cf_arena_copy(arena, cf_buffer_view(&kept));
    cf_buffer_release(&kept);
    return status;
}

/* ---- The tables ---- */

static void pack_names(const cf_bytes *names, size_t count, cf_buffer *out)
{
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++)
        cf_pack_bin(out, names[i]);
}

static void pack_columns(const cf_tied_column *columns, size_t count, cf_buffer *out)
{
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++) {
        bool folded = columns[i].collation != CF_COLLATION_BINARY;

        cf_pack_array(out, folded ? 4 : 3);
        cf_pack_bin(out, columns[i].field);
        cf_pack_uint(out, columns[i].part);
        cf_pack_uint(out, columns[i].parts);
        if (folded)
            cf_pack_uint(out, columns[i].collation);
    }
}

static bool is_tie_of(const cf_row_tie *tie, const cf_format_table *table)
{
    return cf_bytes_equal(tie->child, table->name);
}

static size_t count_ties(const cf_row_format *format, const cf_format_table *table)
{
    size_t count = 0;

    for (size_t i = 0; i < format->tie_count; i++)
        count += is_tie_of(&format->ties[i], table);
    return count;
}

static void pack_ties(const cf_row_format *format, const cf_format_table *table, cf_buffer *out)
{
    cf_pack_array(out, count_ties(format, table));
    for (size_t i = 0; i < format->tie_count; i++) {
        const cf_row_tie *tie = &format->ties[i];

        if (!is_tie_of(tie, table))
            continue;
        cf_pack_array(out, 3);
        cf_pack_bin(out, tie->parent);
        pack_columns(tie->from, tie->count, out);
        pack_columns(tie->to, tie->count, out);
    }
}

void cf_record_held_pack(const cf_row_format *format, cf_buffer *out)
{
    cf_pack_array(out, format->count);
    for (size_t i = 0; i < format->count; i++) {
        const cf_format_table *table = &format->tables[i];
        bool declared = table->key_count || count_ties(format, table);

        cf_pack_array(out, declared ? 5 : 3);
        cf_pack_bin(out, table->name);
        cf_pack_uint(out, table->whole);
        cf_pack_array(out, table->field_count);
        for (size_t k = 0; k < table->field_count; k++)
            cf_pack_bin(out, table->fields[k].name);
        if (!declared)
            continue;
        pack_names(table->keys, table->key_count, out);
        pack_ties(format, table, out);
    }
}

static cf_status read_names(cf_reader *reader, cf_arena *arena, const cf_bytes **out, size_t *count,
                            cf_error *error)
{
    cf_status status = cf_read_array(reader, count, error);

    if (status)
        return status;
    cf_bytes *names = cf_arena_allocate(arena, *count, sizeof *names);
    for (size_t i = 0; !status && i < *count; i++)
        status = cf_read_bin(reader, &names[i], error);
    *out = names;
    return status;
}

static cf_status read_fields(cf_reader *reader, cf_arena *arena, cf_format_table *out,
                             cf_error *error)
{
    const cf_bytes *names;
    cf_status status = read_names(reader, arena, &names, &out->field_count, error);

    if (status)
        return status;
    cf_format_field *fields = cf_arena_allocate(arena, out->field_count, sizeof *fields);
    for (size_t i = 0; i < out->field_count; i++)
        fields[i].name = names[i];
    out->fields = fields;
    return status;
}

static cf_status read_column(cf_reader *reader, cf_tied_column *out, cf_error *error)
{
    uint64_t part = 0, parts = 0, collation = CF_COLLATION_BINARY;
    size_t count = 0;

    cf_status status = cf_read_array(reader, &count, error);
    if (!status && count != 3 && count != 4)
        status = cf_fail(error, CF_MALFORMED, "a column of %zu parts", count);
    if (!status)
        status = cf_read_bin(reader, &out->field, error);
    if (!status)
        status = cf_read_uint(reader, &part, error);
    if (!status)
        status = cf_read_uint(reader, &parts, error);
    if (!status && count == 4)
        status = cf_read_uint(reader, &collation, error);
    if (!status && collation >= CF_COLLATIONS)
        status = cf_fail(error, CF_MALFORMED, "a column that compares in an unknown way");
    out->part = part;
    out->parts = parts;
    out->collation = (cf_collation)collation;
    return status;
}

static cf_status read_columns(cf_reader *reader, cf_arena *arena, const cf_tied_column **out,
                              size_t *count, cf_error *error)
{
    cf_status status = cf_read_array(reader, count, error);

    if (status)
        return status;
    cf_tied_column *columns = cf_arena_allocate(arena, *count, sizeof *columns);
    for (size_t i = 0; !status && i < *count; i++)
        status = read_column(reader, &columns[i], error);
    *out = columns;
    return status;
}

static cf_status read_tie(cf_reader *reader, cf_arena *arena, cf_row_tie *out, cf_error *error)
{
    size_t count = 0;
    cf_status status = cf_read_array_of(reader, 3, error);

    if (!status)
        status = cf_read_bin(reader, &out->parent, error);
    if (!status)
        status = read_columns(reader, arena, &out->from, &out->count, error);
    if (!status)
        status = read_columns(reader, arena, &out->to, &count, error);
    if (!status && count != out->count)
        status = cf_fail(error, CF_MALFORMED, "a tie of %zu columns to %zu", out->count, count);
    return status;
}

/* Behind those that the format has already. */
static cf_status read_ties(cf_reader *reader, cf_arena *arena, cf_bytes child, cf_row_format *out,
                           cf_error *error)
{
    size_t count;
    cf_status status = cf_read_array(reader, &count, error);

    if (status)
        return status;
    cf_row_tie *ties = cf_arena_allocate(arena, out->tie_count + count, sizeof *ties);
    if (out->tie_count)
        memcpy(ties, out->ties, out->tie_count * sizeof *ties);
    for (size_t i = 0; !status && i < count; i++) {
        cf_row_tie *tie = &ties[out->tie_count + i];

        tie->child = child;
        status = read_tie(reader, arena, tie, error);
    }
    out->ties = ties;
    out->tie_count += count;
    return status;
}

/* Keys and ties are missing where the table declares none; ties also in what an earlier program
 * kept. */
static cf_status read_table(cf_reader *reader, cf_arena *arena, cf_format_table *out,
                            cf_row_format *format, cf_error *error)
{
    size_t parts;
    uint64_t whole = 0;

    cf_status status = cf_read_array(reader, &parts, error);
    if (!status && (parts < 3 || parts > 5))
        status = cf_fail(error, CF_MALFORMED, "a table of %zu parts", parts);
    if (!status)
        status = cf_read_bin(reader, &out->name, error);
    if (!status)
        status = cf_read_uint(reader, &whole, error);
    if (!status)
        status = read_fields(reader, arena, out, error);
    if (!status && parts > 3)
        status = read_names(reader, arena, &out->keys, &out->key_count, error);
    if (!status && parts == 5)
        status = read_ties(reader, arena, out->name, format, error);
    out->whole = whole;
    return status;
}

cf_status cf_record_held_read(cf_reader *reader, cf_arena *arena, cf_row_format *out,
                              cf_error *error)
{
    *out = (cf_row_format){0};
    cf_status status = cf_read_array(reader, &out->count, error);
    if (status)
        return status;
    cf_format_table *tables = cf_arena_allocate(arena, out->count, sizeof *tables);
    for (size_t i = 0; !status && i < out->count; i++)
        status = read_table(reader, arena, &tables[i], out, error);
    out->tables = tables;
    return status;
}

cf_status cf_record_held_format(cf_peer *peer, uint32_t source, cf_arena *arena, cf_row_format *out,
                                cf_error *error)
{
    cf_bytes kept;
    cf_status status = cf_record_held_load(peer, source, arena, &kept, error);

    if (status)
        return status;
    cf_reader reader = cf_reader_of(kept);
    return cf_record_held_read(&reader, arena, out, error);
}
