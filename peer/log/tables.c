/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/tables.h"

#include "broker/log/log_tables.h"
#include "codec/bulk.h"
#include "codec/pack.h"

#include <assert.h>
#include <stdlib.h>

/* The letters under which the log has records of its own, too, with keys of another size. */
static_assert((int)CF_TABLE_REFUSED == (int)CF_LOG_REGISTRY &&
                  (int)CF_KEY_SOURCE_SIZE != (int)CF_LOG_REGISTRY_KEY,
              "'r' and a source, or 'r' and a member's ordinal");
static_assert((int)CF_TABLE_DATABASE == (int)CF_LOG_WANTED &&
                  (int)CF_KEY_SOURCE_SIZE != (int)CF_LOG_WANTED_KEY,
              "'b' and a source, or 'b' and a blob");
static_assert((int)CF_TABLE_SCHEMA == (int)CF_LOG_UNSETTLED &&
                  (int)CF_KEY_SOURCE_SIZE != (int)CF_LOG_UNSETTLED_KEY,
              "'y' and a source, or 'y' and a device");

static cf_bytes key_of(cf_arena *arena, cf_table_letter table, cf_bytes first, cf_bytes second)
{
    uint8_t *key = cf_arena_allocate(arena, 1 + first.size + second.size, 1);

    key[0] = (uint8_t)table;
    if (first.size)
        memcpy(key + 1, first.data, first.size);
    if (second.size)
        memcpy(key + 1 + first.size, second.data, second.size);
    return cf_bytes_of(key, 1 + first.size + second.size);
}

cf_bytes cf_key_meta(cf_arena *arena, const char *name)
{
    return key_of(arena, CF_TABLE_META, cf_bytes_of_text(name), (cf_bytes){0});
}

cf_bytes cf_key_hash(cf_arena *arena, cf_table_letter table, const cf_hash *hash)
{
    return key_of(arena, table, cf_bytes_of(hash->bytes, CF_HASH_SIZE), (cf_bytes){0});
}

cf_bytes cf_key_collection(cf_arena *arena, cf_table_letter table, const cf_id *collection)
{
    return key_of(arena, table, cf_bytes_of(collection->bytes, CF_ID_SIZE), (cf_bytes){0});
}

cf_bytes cf_key_item(cf_arena *arena, const cf_id *collection, const cf_id *item)
{
    return key_of(arena, CF_TABLE_ITEM, cf_bytes_of(collection->bytes, CF_ID_SIZE),
                  cf_bytes_of(item->bytes, CF_ID_SIZE));
}

cf_bytes cf_key_content(cf_arena *arena, const cf_id *collection, const cf_hash *content)
{
    return key_of(arena, CF_TABLE_CONTENT, cf_bytes_of(collection->bytes, CF_ID_SIZE),
                  cf_bytes_of(content->bytes, CF_HASH_SIZE));
}

cf_bytes cf_key_source(cf_arena *arena, cf_table_letter table, uint32_t source)
{
    uint8_t number[CF_KEY_SOURCE_SIZE - 1];

    cf_put_u32(number, source);
    return key_of(arena, table, cf_bytes_of(number, sizeof number), (cf_bytes){0});
}

cf_bytes cf_key_row(cf_arena *arena, uint32_t source, cf_bytes table, cf_bytes key)
{
    uint8_t number[4];
    cf_buffer place = {0};

    cf_pack_array(&place, 2);
    cf_pack_text(&place, table);
    cf_pack_raw(&place, key);
    cf_bytes packed = cf_buffer_view(&place);
    cf_hash hash = cf_hash_of("base row", &packed, 1);
    cf_put_u32(number, source);
    cf_buffer_release(&place);
    return key_of(arena, CF_TABLE_ROW, cf_bytes_of(number, sizeof number),
                  cf_bytes_of(hash.bytes, CF_HASH_SIZE));
}

cf_bytes cf_key_dependant(cf_arena *arena, uint32_t source, const cf_id *item)
{
    uint8_t number[4];

    cf_put_u32(number, source);
    return key_of(arena, CF_TABLE_HIDDEN, cf_bytes_of(number, sizeof number),
                  cf_bytes_of(item->bytes, CF_ID_SIZE));
}

cf_bytes cf_key_numbered(cf_arena *arena, cf_table_letter table, uint32_t source, uint64_t number)
{
    uint8_t first[4], second[8];

    cf_put_u32(first, source);
    cf_put_u64(second, number);
    return key_of(arena, table, cf_bytes_of(first, sizeof first),
                  cf_bytes_of(second, sizeof second));
}

cf_bytes cf_key_named(cf_arena *arena, cf_table_letter table, uint32_t source, cf_bytes name)
{
    cf_hash hash = cf_hash_of("name in a source", &name, 1);
    uint8_t number[4];

    cf_put_u32(number, source);
    return key_of(arena, table, cf_bytes_of(number, sizeof number),
                  cf_bytes_of(hash.bytes, CF_HASH_SIZE));
}

/* ---- Entries ---- */

enum { ENTRY_KEY = CF_ID_SIZE + 8 + CF_HASH_SIZE };

static void write_entry(const cf_head *entry, uint8_t out[ENTRY_KEY])
{
    memcpy(out, entry->writer.bytes, CF_ID_SIZE);
    cf_put_u64(out + CF_ID_SIZE, entry->sequence);
    memcpy(out + CF_ID_SIZE + 8, entry->hash.bytes, CF_HASH_SIZE);
}

/* After what the key begins with. */
static bool read_entry(cf_bytes key, size_t begin, cf_head *entry)
{
    if (key.size != begin + ENTRY_KEY)
        return false;
    memcpy(entry->writer.bytes, key.data + begin, CF_ID_SIZE);
    entry->sequence = cf_get_u64(key.data + begin + CF_ID_SIZE);
    memcpy(entry->hash.bytes, key.data + begin + CF_ID_SIZE + 8, CF_HASH_SIZE);
    return true;
}

cf_bytes cf_key_entry(cf_arena *arena, cf_table_letter table, const cf_head *entry)
{
    uint8_t name[ENTRY_KEY];

    write_entry(entry, name);
    return key_of(arena, table, cf_bytes_of(name, sizeof name), (cf_bytes){0});
}

bool cf_key_entry_read(cf_bytes key, cf_head *entry)
{
    return read_entry(key, 1, entry);
}

cf_bytes cf_key_waiting(cf_arena *arena, const cf_id *collection, const cf_head *entry)
{
    uint8_t name[ENTRY_KEY];

    write_entry(entry, name);
    return key_of(arena, CF_TABLE_WAITING, cf_bytes_of(collection->bytes, CF_ID_SIZE),
                  cf_bytes_of(name, sizeof name));
}

bool cf_key_waiting_read(cf_bytes key, cf_head *entry)
{
    return read_entry(key, 1 + CF_ID_SIZE, entry);
}

/* ---- Records ---- */

static void add(cf_kv_list *records, cf_kv record)
{
    *cf_one_more(records->at, records->count, records->capacity) = record;
}

void cf_kv_list_put(cf_kv_list *records, cf_bytes key, cf_bytes value)
{
    add(records,
        (cf_kv){cf_arena_copy(&records->arena, key), cf_arena_copy(&records->arena, value)});
}

void cf_kv_list_delete(cf_kv_list *records, cf_bytes key)
{
    add(records, (cf_kv){cf_arena_copy(&records->arena, key), {NULL, 0}});
}

void cf_kv_list_add(cf_kv_list *records, cf_kv_list *more)
{
    for (size_t i = 0; i < more->count; i++)
        add(records, more->at[i]);
    cf_arena_join(&records->arena, &more->arena);
    cf_kv_list_release(more);
}

void cf_kv_list_release(cf_kv_list *records)
{
    free(records->at);
    cf_arena_release(&records->arena);
    *records = (cf_kv_list){0};
}
