/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/memory_table.h"

#include <stdlib.h>
#include <string.h>

static size_t index_of(const cf_memory_table *table, cf_bytes key)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_bytes_compare(cf_buffer_view(&table->rows[middle].key), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const cf_memory_table *table, size_t index, cf_bytes key)
{
    return index < table->count && cf_bytes_equal(cf_buffer_view(&table->rows[index].key), key);
}

const cf_memory_row *cf_memory_table_from(const cf_memory_table *table, cf_bytes key)
{
    size_t at = index_of(table, key);

    return at < table->count ? &table->rows[at] : NULL;
}

const cf_memory_row *cf_memory_table_get(const cf_memory_table *table, cf_bytes key)
{
    size_t at = index_of(table, key);

    return is_at(table, at, key) ? &table->rows[at] : NULL;
}

void cf_memory_table_put(cf_memory_table *table, cf_bytes key, cf_bytes value)
{
    size_t at = index_of(table, key);

    if (!is_at(table, at, key)) {
        *cf_one_more_at(table->rows, table->count, table->capacity, at) = (cf_memory_row){0};
        cf_buffer_append(&table->rows[at].key, key.data, key.size);
    }
    cf_buffer_clear(&table->rows[at].value);
    cf_buffer_append(&table->rows[at].value, value.data, value.size);
}

void cf_memory_table_remove(cf_memory_table *table, cf_bytes key)
{
    size_t at = index_of(table, key);

    if (!is_at(table, at, key))
        return;
    cf_buffer_release(&table->rows[at].key);
    cf_buffer_release(&table->rows[at].value);
    table->count--;
    memmove(table->rows + at, table->rows + at + 1, (table->count - at) * sizeof *table->rows);
}

void cf_memory_table_copy(cf_memory_table *table, const cf_memory_table *from)
{
    for (size_t i = 0; i < from->count; i++)
        cf_memory_table_put(table, cf_buffer_view(&from->rows[i].key),
                            cf_buffer_view(&from->rows[i].value));
}

void cf_memory_table_release(cf_memory_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        cf_buffer_release(&table->rows[i].key);
        cf_buffer_release(&table->rows[i].value);
    }
    free(table->rows);
    *table = (cf_memory_table){0};
}
