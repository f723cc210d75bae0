/* SPDX-License-Identifier: Apache-2.0 */
/* The record model's vectors (tests/peer/vectors/README.md), as JSON and as the rules take it. */
#ifndef CF_TESTS_ROW_VECTORS_H
#define CF_TESTS_ROW_VECTORS_H
#include <jansson.h>

#include "peer/records/record_diff.h"

typedef struct {
    cf_dot dot;
    cf_time time;
    cf_change *changes;
    size_t count;
    uint64_t first, parts; /* sequence of the changeset's first part, how many there are */
} row_vector_entry;

cf_schema *row_vector_schema(const json_t *schema, cf_arena *arena);
cf_row_format row_vector_format(const json_t *format, cf_arena *arena);
row_vector_entry *row_vector_entries(const json_t *vector, cf_arena *arena, size_t *count);
cf_change *row_vector_changes(const json_t *list, cf_arena *arena, size_t *count);
/* Rows of the base have items and refs. */
cf_row row_vector_row(const json_t *row, cf_arena *arena);

/* The state of the entries that are among `held` (NULL: all) and whose changesets are whole (rule
 * q), in this order or, with `shuffled`, in any. */
cf_state *row_vector_state(const row_vector_entry *entries, size_t count, const json_t *held,
                           bool shuffled);

#endif
