/* SPDX-License-Identifier: Apache-2.0 */
/* Table and key are compared by their bytes: a key that is a number and one that is its text are
 * two. */
#include "peer/records/row_index.h"

#include <stdlib.h>

struct cf_row_indexed {
    cf_hash_link link;
    const cf_row *row;
};

static uint64_t hash_of(cf_bytes table, cf_bytes key)
{
    return cf_hash_bytes(cf_hash_bytes(0, table), key);
}

cf_row_index cf_row_index_of(const cf_row *rows, size_t count)
{
    cf_row_index index = {.entries = cf_allocate(count, sizeof *index.entries)};

    cf_hash_table_reserve(&index.table, count);
    for (size_t i = 0; i < count; i++) {
        index.entries[i].row = &rows[i];
        cf_hash_table_add(&index.table, &index.entries[i].link,
                          hash_of(rows[i].table, rows[i].key));
    }
    return index;
}

void cf_row_index_release(cf_row_index *index)
{
    cf_hash_table_release(&index->table);
    free(index->entries);
    *index = (cf_row_index){0};
}

const cf_row *cf_row_index_find(const cf_row_index *index, cf_bytes table, cf_bytes key)
{
    for (cf_hash_link *link = cf_hash_table_first(&index->table, hash_of(table, key)); link;
         link = cf_hash_table_next(link)) {
        const cf_row *row = cf_container_of(link, struct cf_row_indexed, link)->row;

        if (cf_bytes_equal(row->key, key) && cf_bytes_equal(row->table, table))
            return row;
    }
    return NULL;
}
