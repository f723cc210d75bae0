/* SPDX-License-Identifier: Apache-2.0 */
/* The base of a source in memory: each row in one piece, its names shared by all. */
#include "peer/records/record.h"

#include <assert.h>
#include <stdlib.h>

#include "codec/hash_table.h"

typedef struct {
    cf_hash_link link;
    cf_bytes text;
} shared_name;

typedef struct {
    cf_hash_link place, item;
    cf_row row;
} kept_row;

struct cf_rows {
    cf_hash_table places, items, names;
};

static uint64_t place_hash(cf_bytes table, cf_bytes key)
{
    return cf_hash_bytes(cf_hash_bytes(0, table), key);
}

cf_rows *cf_rows_new(void)
{
    return cf_allocate(1, sizeof(cf_rows));
}

void cf_rows_destroy(cf_rows **rows)
{
    if (!*rows)
        return;
    for (cf_hash_link *link = cf_hash_table_walk(&(*rows)->places, NULL), *next; link;
         link = next) {
        next = cf_hash_table_walk(&(*rows)->places, link);
        free(cf_container_of(link, kept_row, place));
    }
    for (cf_hash_link *link = cf_hash_table_walk(&(*rows)->names, NULL), *next; link; link = next) {
        next = cf_hash_table_walk(&(*rows)->names, link);
        free(cf_container_of(link, shared_name, link));
    }
    cf_hash_table_release(&(*rows)->places);
    cf_hash_table_release(&(*rows)->items);
    cf_hash_table_release(&(*rows)->names);
    free(*rows);
    *rows = NULL;
}

size_t cf_rows_count(const cf_rows *rows)
{
    return rows->places.count;
}

static cf_bytes shared(cf_rows *rows, cf_bytes text)
{
    uint64_t hash = cf_hash_bytes(0, text);

    for (cf_hash_link *link = cf_hash_table_first(&rows->names, hash); link;
         link = cf_hash_table_next(link))
        if (cf_bytes_equal(cf_container_of(link, shared_name, link)->text, text))
            return cf_container_of(link, shared_name, link)->text;
    shared_name *fresh = cf_allocate(1, sizeof *fresh + text.size);
    if (text.size)
        memcpy(fresh + 1, text.data, text.size);
    fresh->text = cf_bytes_of(fresh + 1, text.size);
    cf_hash_table_add(&rows->names, &fresh->link, hash);
    return fresh->text;
}

static size_t value_count(const cf_row *row)
{
    size_t count = 0;

    for (size_t i = 0; i < row->field_count; i++)
        count += row->fields[i].count;
    return count;
}

static size_t byte_count(const cf_row *row)
{
    size_t size = row->key.size + row->refs.size;

    for (size_t i = 0; i < row->field_count; i++)
        for (size_t k = 0; k < row->fields[i].count; k++)
            size += row->fields[i].values[k].size;
    return size;
}

static cf_bytes moved_to(uint8_t **at, cf_bytes bytes)
{
    cf_bytes copy = cf_bytes_of(*at, bytes.size);

    if (bytes.size)
        memcpy(*at, bytes.data, bytes.size);
    *at += bytes.size;
    return copy;
}

static kept_row *keep(cf_rows *rows, const cf_row *row)
{
    size_t fields_size = row->field_count * sizeof(cf_row_field);
    size_t values_size = value_count(row) * sizeof(cf_bytes);
    kept_row *kept = cf_allocate(1, sizeof *kept + fields_size + values_size + byte_count(row));
    cf_row_field *fields = (cf_row_field *)(kept + 1);
    cf_bytes *values = (cf_bytes *)(fields + row->field_count);
    uint8_t *bytes = (uint8_t *)values + values_size;

    kept->row = *row;
    kept->row.table = shared(rows, row->table);
    kept->row.key = moved_to(&bytes, row->key);
    kept->row.refs = moved_to(&bytes, row->refs);
    kept->row.fields = fields;
    for (size_t i = 0; i < row->field_count; i++) {
        const cf_row_field *from = &row->fields[i];

        fields[i] = (cf_row_field){shared(rows, from->name), values, from->count};
        for (size_t k = 0; k < from->count; k++)
            *values++ = moved_to(&bytes, from->values[k]);
    }
    return kept;
}

static kept_row *find(const cf_rows *rows, cf_bytes table, cf_bytes key)
{
    for (cf_hash_link *link = cf_hash_table_first(&rows->places, place_hash(table, key)); link;
         link = cf_hash_table_next(link)) {
        kept_row *kept = cf_container_of(link, kept_row, place);

        if (cf_bytes_equal(kept->row.key, key) && cf_bytes_equal(kept->row.table, table))
            return kept;
    }
    return NULL;
}

static void drop(cf_rows *rows, kept_row *kept)
{
    cf_hash_table_remove(&rows->places, &kept->place);
    cf_hash_table_remove(&rows->items, &kept->item);
    free(kept);
}

void cf_rows_put(cf_rows *rows, const cf_row *row)
{
    kept_row *fresh = keep(rows, row), *old = find(rows, row->table, row->key);

    if (old)
        drop(rows, old); /* from which `row` may borrow */
    row = &fresh->row;
    cf_hash_table_add(&rows->places, &fresh->place, place_hash(row->table, row->key));
    cf_hash_table_add(&rows->items, &fresh->item, cf_hash_id(0, &row->item));
}

void cf_rows_drop(cf_rows *rows, cf_bytes table, cf_bytes key)
{
    kept_row *kept = find(rows, table, key);

    if (kept)
        drop(rows, kept);
}

const cf_row *cf_rows_find(const cf_rows *rows, cf_bytes table, cf_bytes key)
{
    const kept_row *kept = find(rows, table, key);

    return kept ? &kept->row : NULL;
}

const cf_row *cf_rows_of_item(const cf_rows *rows, const cf_id *item)
{
    for (cf_hash_link *link = cf_hash_table_first(&rows->items, cf_hash_id(0, item)); link;
         link = cf_hash_table_next(link)) {
        const kept_row *kept = cf_container_of(link, kept_row, item);

        if (cf_id_equal(&kept->row.item, item))
            return &kept->row;
    }
    return NULL;
}

const cf_row *cf_rows_next(const cf_rows *rows, const cf_row *previous)
{
    const kept_row *before = previous ? cf_container_of(previous, const kept_row, row) : NULL;
    const cf_hash_link *link = cf_hash_table_walk(&rows->places, before ? &before->place : NULL);

    return link ? &cf_container_of(link, const kept_row, place)->row : NULL;
}
