/* SPDX-License-Identifier: Apache-2.0 */
/* Builds one canonical value (pack.h) piece by piece. The members of a map come in any order, and
 * whoever builds asks for nothing in between: what can be no value is told by the end. {"a": [7]}:
 *     cf_value_builder build = {0};
 *
 *     cf_build_map(&build);
 *     cf_build_name(&build, "a");
 *     cf_build_array(&build);
 *     cf_build_uint(&build, 7);
 *     cf_build_end(&build);
 *     cf_build_end(&build);
 *     cf_status status = cf_build_finish(&build, &value, &error); */
#ifndef CF_CODEC_VALUE_BUILD_H
#define CF_CODEC_VALUE_BUILD_H
#include "codec/bytes.h"
#include "codec/error.h"
#include "codec/limits.h"

typedef struct {
    size_t at, value; /* where its key and its value begin */
} cf_built_member;

typedef struct {
    bool is_map, awaits; /* a key was said, and its value was not */
    size_t at;           /* where what is in it begins */
    size_t count;        /* of its elements, or members */
} cf_built_container;

typedef struct {
    cf_buffer packed; /* without the headers of what is open */
    cf_built_container open[CF_VALUE_DEPTH_MAX];
    size_t depth;             /* how many are open */
    cf_built_member *members; /* of the maps that are, so far */
    size_t count, capacity;
    const char *flaw; /* why it can be no value any more; NULL: it can */
} cf_value_builder;   /* {0} is empty */

/* Begin what cf_build_end ends: elements follow, or members, each a key and its value. */
void cf_build_array(cf_value_builder *build);
void cf_build_map(cf_value_builder *build);
void cf_build_end(cf_value_builder *build);
void cf_build_key(cf_value_builder *build, cf_bytes key);
static inline void cf_build_name(cf_value_builder *build, const char *key)
{
    cf_build_key(build, cf_bytes_of_text(key));
}

void cf_build_nil(cf_value_builder *build);
void cf_build_bool(cf_value_builder *build, bool value);
void cf_build_uint(cf_value_builder *build, uint64_t value);
void cf_build_int(cf_value_builder *build, int64_t value);
void cf_build_float(cf_value_builder *build, double value);
void cf_build_bin(cf_value_builder *build, cf_bytes value);
void cf_build_text(cf_value_builder *build, cf_bytes value);
/* One that is a value already. */
void cf_build_value(cf_value_builder *build, cf_bytes encoded);

/* A member of a map that is a text: key and value. */
static inline void cf_build_member_text(cf_value_builder *build, const char *key, cf_bytes text)
{
    cf_build_name(build, key);
    cf_build_text(build, text);
}

/* How many elements or members the innermost container that is open has so far. */
size_t cf_build_count(const cf_value_builder *build);

/* Replaces what is in `*out`, and releases the builder, whatever the outcome. CF_MALFORMED: it
 * nests over CF_VALUE_DEPTH_MAX deep, has a key twice or one that has not one value, a text that is
 * no UTF-8 or a float that is no number; `*out` is empty then. */
cf_status cf_build_finish(cf_value_builder *build, cf_buffer *out, cf_error *error);
/* Of one that is given up. */
void cf_build_release(cf_value_builder *build);

#endif
