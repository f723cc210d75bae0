/* SPDX-License-Identifier: Apache-2.0 */
/* An ordered table of byte strings in memory. Not thread-safe. */
#ifndef CF_BROKER_STORE_MEMORY_TABLE_H
#define CF_BROKER_STORE_MEMORY_TABLE_H
#include "codec/bytes.h"

typedef struct {
    cf_buffer key;
    cf_buffer value;
} cf_memory_row;

typedef struct {
    cf_memory_row *rows; /* ascending by key; owned */
    size_t count, capacity;
} cf_memory_table; /* {0} is empty */

/* The first row whose key is not before `key`; NULL when there is none. Valid until a change. */
const cf_memory_row *cf_memory_table_from(const cf_memory_table *table, cf_bytes key);
/* NULL when there is none. */
const cf_memory_row *cf_memory_table_get(const cf_memory_table *table, cf_bytes key);
/* Copies. */
void cf_memory_table_put(cf_memory_table *table, cf_bytes key, cf_bytes value);
void cf_memory_table_remove(cf_memory_table *table, cf_bytes key);
/* Adds copies of all rows of `from` to an empty table. */
void cf_memory_table_copy(cf_memory_table *table, const cf_memory_table *from);
void cf_memory_table_release(cf_memory_table *table);

#endif
