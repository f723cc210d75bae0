/* SPDX-License-Identifier: Apache-2.0 */
/* Values that are maps, by the names of their members: read without a copy, and made out of JSON
 * (piece by piece: codec/value_build.h). */
#ifndef CF_PEER_ADAPTERS_VALUE_MAP_H
#define CF_PEER_ADAPTERS_VALUE_MAP_H
#include "codec/arena.h"
#include "codec/bytes.h"
#include "codec/error.h"
#include "codec/value_build.h"

/* False: it is no text. */
bool cf_value_is_text(cf_bytes value, cf_bytes *text);
/* False: it is no integer from 0 on. */
bool cf_value_is_uint(cf_bytes value, uint64_t *number);
/* The value of the member; false: no map, or no such member. */
bool cf_value_member_named(cf_bytes map, cf_bytes name, cf_bytes *value);
bool cf_value_member(cf_bytes map, const char *name, cf_bytes *value);
bool cf_value_member_text(cf_bytes map, const char *name, cf_bytes *text);

/* Both are the same value, or there is neither: .data NULL. */
static inline bool cf_value_same(cf_bytes a, cf_bytes b)
{
    return !a.data == !b.data && cf_bytes_equal(a, b);
}

/* Members of a map or elements of an array, one after the other. */
typedef struct {
    const uint8_t *at, *end;
    size_t left;
    bool map;
} cf_value_walk;
/* Of something else there are none. */
cf_value_walk cf_value_walk_of(cf_bytes value);
/* `name` is that of the member, or nothing; false: there are no more. */
bool cf_value_next(cf_value_walk *walk, cf_bytes *name, cf_bytes *value);
/* The first element of an array; .data NULL: there is none. */
cf_bytes cf_value_first(cf_bytes array);

/* Appends `"name":"text"`, behind a comma where something stands there already. */
void cf_json_add_text(cf_buffer *json, const char *name, cf_bytes text);
/* What was built, in the arena; .size 0: it is no value. */
cf_bytes cf_value_built(cf_value_builder *build, cf_arena *arena);
/* Replaces what is in `out` by the value of this JSON; false: it is none. */
bool cf_value_of_json(cf_bytes json, cf_buffer *out);

#endif
