/* SPDX-License-Identifier: Apache-2.0 */
/* How the schemas that several devices know of one collection become one. Pure. A rule that harms
 * nobody (how a field merges, another table) is everybody's as soon as one has it; a constraint
 * (unique, required) counts only where all have it: else the rows of one whose database allows them
 * would be taken from him. What is in contradiction is listed, and stays as it was. */
#ifndef CF_PEER_RECORDS_SCHEMA_JOIN_H
#define CF_PEER_RECORDS_SCHEMA_JOIN_H
#include "peer/records/schema.h"

/* What several writes of one table say together: of contradictions the first counts. In the arena,
 * borrows from the tables; there is one at least.
 *
 *     A: UNIQUE(name), no rule of feed        B: feed refers to feeds, owned
 *     joined: nothing is unique, feed refers to feeds, owned */
cf_schema_table cf_schema_join(const cf_schema_table *tables, size_t count, cf_arena *arena);

/* What a collection's schema becomes where a source of it has `own`, and had `before` when this was
 * last asked; NULL: never. A change that a program made to its tables since is made in the schema
 * as well. Tables stay, also those that the source doesn't have. */
cf_schema cf_schema_grow(const cf_schema *known, const cf_schema *before, const cf_schema *own,
                         cf_arena *arena);

/* Where a source's own schema is not that of the collection. */
typedef struct {
    cf_bytes table;
    cf_unique fields; /* none: the table itself; several: they are unique together */
    bool contradicts; /* else a constraint that only one has, which harms nobody */
    const char *text; /* for people, a literal */
} cf_schema_difference;
/* In the order of the source's tables, in the arena. Tables that only the collection has are none.
 */
const cf_schema_difference *cf_schema_differences(const cf_schema *known, const cf_schema *own,
                                                  cf_arena *arena, size_t *count);

#endif
