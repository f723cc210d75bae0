/* SPDX-License-Identifier: Apache-2.0 */
/* What makes an item the same everywhere: its id is the kind and a hash of table and key; where
 * keys count up, of all that the row says as well, with a number that tells rows apart which say
 * the same. An entry of a set is named by a hash of its value and a number. */
#include "peer/records/record_ids.h"

#include "codec/base32.h"
#include "codec/bulk.h"
#include "codec/pack.h"

enum { ENTRY_BYTES = 5 };

static cf_id id_of(const char *purpose, uint8_t kind, cf_buffer *parts)
{
    cf_bytes packed = cf_buffer_view(parts);
    cf_hash hash = cf_hash_of(purpose, &packed, 1);
    cf_id id = {{kind}};

    memcpy(id.bytes + 1, hash.bytes, sizeof id.bytes - 1);
    cf_buffer_release(parts);
    return id;
}

static cf_id natural(void *context, const cf_schema_table *table, cf_bytes key)
{
    cf_buffer parts = {0};

    (void)context;
    cf_pack_array(&parts, 2);
    cf_pack_text(&parts, table->name);
    cf_pack_raw(&parts, key);
    return id_of("record", table->kind, &parts);
}

static cf_id cycle(void *context, const cf_schema_table *table, cf_bytes key)
{
    cf_buffer parts = {0};

    (void)context;
    cf_pack_array(&parts, 2);
    cf_pack_text(&parts, table->name);
    cf_pack_raw(&parts, key);
    return id_of("cycle", table->kind, &parts);
}

static size_t named_count(const cf_row_field *content, size_t count)
{
    size_t named = 0;

    for (size_t i = 0; i < count; i++)
        named += content[i].count > 0;
    return named;
}

static cf_id serial(void *context, const cf_schema_table *table, cf_bytes key,
                    const cf_row_field *content, size_t count, uint64_t number)
{
    cf_buffer parts = {0};

    (void)context;
    cf_pack_array(&parts, 4);
    cf_pack_text(&parts, table->name);
    cf_pack_raw(&parts, key);
    cf_pack_array(&parts, named_count(content, count));
    for (size_t i = 0; i < count; i++) {
        if (content[i].count == 0)
            continue;
        cf_pack_array(&parts, 1 + content[i].count);
        cf_pack_text(&parts, content[i].name);
        for (size_t k = 0; k < content[i].count; k++)
            cf_pack_raw(&parts, content[i].values[k]);
    }
    cf_pack_uint(&parts, number);
    return id_of("row", table->kind, &parts);
}

static void entry(void *context, cf_bytes value, uint64_t number, char name[CF_ENTRY_NAME_MAX])
{
    uint8_t packed[8];
    const cf_bytes parts[] = {{packed, sizeof packed}, value};
    cf_hash hash;

    (void)context;
    cf_put_u64(packed, number);
    hash = cf_hash_of("entry", parts, 2);
    cf_base32_write(cf_bytes_of(hash.bytes, ENTRY_BYTES), name);
}

const cf_record_ids cf_record_ids_product = {
    .natural = natural,
    .serial = serial,
    .cycle = cycle,
    .entry = entry,
};
