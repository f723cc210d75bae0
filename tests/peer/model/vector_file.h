/* SPDX-License-Identifier: Apache-2.0 */
/* The merge model's test vectors (tests/peer/vectors/README.md), read from a file of JSON lines,
 * compressed by zstd or not. */
#ifndef CF_TESTS_VECTOR_FILE_H
#define CF_TESTS_VECTOR_FILE_H
#include <jansson.h>

#include "peer/merge/diff.h"

typedef struct {
    cf_dot dot;
    cf_time time;
    const cf_dot *after; /* what it was written after, no hashes */
    size_t after_count;
    const cf_change *changes;
    size_t count;
} vector_entry;

/* Calls `check` for every vector of CF_MERGE_VECTORS, or of the file that lies here. Returns how
 * many there were. */
size_t vectors_each(void (*check)(const json_t *vector));
size_t vectors_each_in(const char *path, void (*check)(const json_t *vector));

vector_entry *vector_entries(const json_t *vector, cf_arena *arena, size_t *count);
/* Whether the entry counts under {writer: last sequence}. */
bool vector_counts(const json_t *limits, const vector_entry *entry);

cf_change *vector_changes(const json_t *list, cf_arena *arena, size_t *count);
cf_bytes vector_text(const json_t *text, cf_arena *arena);
cf_dot vector_dot(const json_t *pair);
/* Packed covers of [[name, dot]…]. */
cf_bytes vector_covers(const json_t *list, cf_arena *arena);
const cf_id *vector_items(const json_t *list, cf_arena *arena, size_t *count);
/* Packed refs of {item: {field: [[holder, dot]…]}}. */
cf_bytes vector_refs(const json_t *refs, cf_arena *arena);
/* Whether [writer, sequence] is among them. */
bool vector_holds(const json_t *held, const cf_dot *dot);

#endif
