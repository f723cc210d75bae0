/* SPDX-License-Identifier: Apache-2.0 */
/* Rows found by table and key. They are borrowed, and lie side by side. */
#ifndef CF_PEER_RECORDS_ROW_INDEX_H
#define CF_PEER_RECORDS_ROW_INDEX_H
#include "codec/hash_table.h"
#include "peer/records/record.h"

typedef struct {
    cf_hash_table table;
    struct cf_row_indexed *entries;
} cf_row_index; /* {0} is empty */

/* No two rows are of one table and key. */
cf_row_index cf_row_index_of(const cf_row *rows, size_t count);
void cf_row_index_release(cf_row_index *index);
/* NULL: there is none. */
const cf_row *cf_row_index_find(const cf_row_index *index, cf_bytes table, cf_bytes key);

#endif
