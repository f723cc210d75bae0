/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/contents_ways.h"

#include "codec/heads.h"
#include "codec/pack.h"

#include <search.h>
#include <stdlib.h>

/* The parts of a way in a record, and what its depth has more if it is that of a void entry. */
enum { PARTS = 5, OF_VOID = 64 };

/* What is not in the store yet. */
typedef struct {
    cf_content_key key;
    cf_ways ways;
} pending;

struct cf_ways_table {
    cf_log *log;
    void *pending; /* a tree */
    cf_arena arena;
};

cf_ways_table *cf_ways_table_new(cf_log *log)
{
    cf_ways_table *table = cf_allocate(1, sizeof *table);

    table->log = log;
    return table;
}

void cf_ways_table_destroy(cf_ways_table **table)
{
    if (!*table)
        return;
    cf_ways_settle(*table);
    free(*table);
    *table = NULL;
}

static int compare(const void *a, const void *b)
{
    const pending *first = a, *second = b;
    int order = cf_hash_compare(&first->key.hash, &second->key.hash);

    return order ? order : cf_id_compare(&first->key.collection, &second->key.collection);
}

static void keep(void *node)
{
    (void)node; /* the arena's */
}

void cf_ways_settle(cf_ways_table *table)
{
    tdestroy(table->pending, keep);
    table->pending = NULL;
    cf_arena_release(&table->arena);
}

static cf_status read_way(cf_reader *reader, cf_way *out, uint64_t *size, cf_error *error)
{
    cf_status status = cf_read_bin_exact(reader, out->entry.writer.bytes, CF_ID_SIZE, error);

    if (!status)
        status = cf_read_uint(reader, &out->entry.sequence, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->entry.hash.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_uint(reader, &out->depth, error);
    if (!status)
        status = cf_read_uint(reader, size, error);
    if (!status && out->depth >= OF_VOID) {
        out->depth -= OF_VOID;
        out->is_void = true;
    }
    return status;
}

static cf_status read_record(cf_bytes value, cf_ways *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    size_t count = 0;

    *out = (cf_ways){0};
    cf_status status = cf_read_array(&reader, &count, error);
    if (!status && (count == 0 || count % PARTS || count / PARTS > CF_WAYS_MAX))
        status = cf_fail(error, CF_BROKEN, "the record of a content has %zu parts", count);
    for (size_t i = 0; !status && i < count / PARTS; i++)
        status = read_way(&reader, &out->at[out->count++], &out->size, error);
    return status == CF_MALFORMED ? cf_fail(error, CF_BROKEN, "the record of a content is damaged")
                                  : status;
}

cf_status cf_ways_get(const cf_ways_table *table, const cf_content_key *key, cf_ways *out,
                      cf_error *error)
{
    cf_store *store = cf_log_store(table->log);
    pending wanted = {.key = *key};
    pending *const *found = tfind(&wanted, &table->pending, compare);
    cf_arena arena = {0};
    cf_buffer value = {0};

    if (found) {
        *out = (*found)->ways;
        return CF_OK;
    }
    cf_status status =
        store->get(store, cf_log_user(table->log),
                   cf_key_content(&arena, &key->collection, &key->hash), &value, error);
    if (!status)
        status = read_record(cf_buffer_view(&value), out, error);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status;
}

static void put(const cf_content_key *key, const cf_ways *ways, cf_kv_list *records)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_pack_array(&value, ways->count * PARTS);
    for (size_t i = 0; i < ways->count; i++) {
        const cf_way *way = &ways->at[i];

        cf_pack_bin(&value, cf_bytes_of(way->entry.writer.bytes, CF_ID_SIZE));
        cf_pack_uint(&value, way->entry.sequence);
        cf_pack_bin(&value, cf_bytes_of(way->entry.hash.bytes, CF_HASH_SIZE));
        cf_pack_uint(&value, way->depth + (way->is_void ? OF_VOID : 0));
        cf_pack_uint(&value, ways->size);
    }
    cf_kv_list_put(records, cf_key_content(&arena, &key->collection, &key->hash),
                   cf_buffer_view(&value));
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

static void remember(cf_ways_table *table, const cf_content_key *key, const cf_ways *ways)
{
    pending *made = cf_arena_allocate(&table->arena, 1, sizeof *made);

    made->key = *key;
    pending **found = tsearch(made, &table->pending, compare);
    if (!found)
        abort();
    (*found)->ways = *ways;
}

void cf_ways_add(cf_ways_table *table, const cf_content_key *key, uint64_t size, const cf_way *way,
                 cf_kv_list *records)
{
    cf_ways ways;
    cf_error ignored;

    if (cf_ways_get(table, key, &ways, &ignored) || (ways.at[0].is_void && !way->is_void))
        ways = (cf_ways){0};
    if (way->is_void && ways.count && !ways.at[0].is_void)
        return;
    ways.size = size;
    for (size_t i = 0; i < ways.count; i++)
        if (cf_head_compare(&ways.at[i].entry, &way->entry) == 0)
            return;
    if (ways.count == CF_WAYS_MAX)
        memmove(&ways.at[1], &ways.at[2], (--ways.count - 1) * sizeof ways.at[0]);
    ways.at[ways.count++] = *way;
    put(key, &ways, records);
    remember(table, key, &ways);
}
