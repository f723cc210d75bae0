/* SPDX-License-Identifier: Apache-2.0 */
/* How the items of records get their ids and the entries of sets their names (model, rules a, b,
 * s). The product's answers are in record_ids.c, the tests bring those of the model's vectors. All
 * of them are pure: every device must come to the same answer. */
#ifndef CF_PEER_RECORDS_RECORD_IDS_H
#define CF_PEER_RECORDS_RECORD_IDS_H
#include "peer/records/schema.h"

enum { CF_ENTRY_NAME_MAX = 16 }; /* with the NUL */

typedef struct {
    void *context; /* of the calls below */
    /* The row of a natural key: contact u, made here and there, is one item. */
    cf_id (*natural)(void *context, const cf_schema_table *table, cf_bytes key);
    /* A row with a counted key, by all that it says: `content` are its fields, a reference being
     * that to an item where the row came with it. `number` counts rows that were the same.
     *
     *     person 1 Ann here, person 1 Eve there     two items, the later is shown under 2
     *     person 1 Ann here and there               one item */
    cf_id (*serial)(void *context, const cf_schema_table *table, cf_bytes key,
                    const cf_row_field *content, size_t count, uint64_t number);
    /* What stands for a row, within the content of another, that refers to itself through it. */
    cf_id (*cycle)(void *context, const cf_schema_table *table, cf_bytes key);
    /* The entry of a set: by its first value, so that the same value added twice is one. */
    void (*entry)(void *context, cf_bytes value, uint64_t number, char name[CF_ENTRY_NAME_MAX]);
} cf_record_ids;

extern const cf_record_ids cf_record_ids_product;

#endif
