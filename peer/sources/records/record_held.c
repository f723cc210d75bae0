/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/records/record_held.h"

#include "peer/log/tables.h"

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

void cf_record_held_pack(const cf_row_format *format, cf_buffer *out)
{
    cf_pack_array(out, format->count);
    for (size_t i = 0; i < format->count; i++) {
        const cf_format_table *table = &format->tables[i];

        cf_pack_array(out, table->key_count ? 4 : 3);
        cf_pack_bin(out, table->name);
        cf_pack_uint(out, table->whole);
        cf_pack_array(out, table->field_count);
        for (size_t k = 0; k < table->field_count; k++)
            cf_pack_bin(out, table->fields[k].name);
        if (table->key_count)
            pack_names(table->keys, table->key_count, out);
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

static cf_status read_table(cf_reader *reader, cf_arena *arena, cf_format_table *out,
                            cf_error *error)
{
    size_t parts;
    uint64_t whole = 0;

    cf_status status = cf_read_array(reader, &parts, error);
    if (!status && parts != 3 && parts != 4)
        status = cf_fail(error, CF_MALFORMED, "a table of %zu parts", parts);
    if (!status)
        status = cf_read_bin(reader, &out->name, error);
    if (!status)
        status = cf_read_uint(reader, &whole, error);
    if (!status)
        status = read_fields(reader, arena, out, error);
    if (!status && parts == 4)
        status = read_names(reader, arena, &out->keys, &out->key_count, error);
    out->whole = whole;
    return status;
}

cf_status cf_record_held_read(cf_reader *reader, cf_arena *arena, cf_row_format *out,
                              cf_error *error)
{
    cf_status status = cf_read_array(reader, &out->count, error);

    if (status)
        return status;
    cf_format_table *tables = cf_arena_allocate(arena, out->count, sizeof *tables);
    for (size_t i = 0; !status && i < out->count; i++)
        status = read_table(reader, arena, &tables[i], error);
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
    *out = (cf_row_format){0};
    return cf_record_held_read(&reader, arena, out, error);
}
