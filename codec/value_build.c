/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/value_build.h"

#include "codec/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static cf_built_container *innermost(cf_value_builder *build)
{
    return build->depth ? &build->open[build->depth - 1] : NULL;
}

/* False: it can be no value any more, so nothing is packed. An element is counted here, a member
 * with its key. */
static bool begin_value(cf_value_builder *build)
{
    cf_built_container *in = innermost(build);

    if (build->flaw)
        return false;
    if (in && in->is_map && !in->awaits)
        build->flaw = "a member of a map has several values";
    else if (in && !in->is_map)
        in->count++;
    if (in)
        in->awaits = false;
    return !build->flaw;
}

static void open_container(cf_value_builder *build, bool is_map)
{
    if (!begin_value(build))
        return;
    if (build->depth == CF_VALUE_DEPTH_MAX)
        build->flaw = "a value nests too deeply: make it flatter";
    else
        build->open[build->depth++] =
            (cf_built_container){.is_map = is_map, .at = build->packed.size};
}

void cf_build_array(cf_value_builder *build)
{
    open_container(build, false);
}

void cf_build_map(cf_value_builder *build)
{
    open_container(build, true);
}

void cf_build_key(cf_value_builder *build, cf_bytes key)
{
    cf_built_member *made;

    if (build->flaw)
        return;
    assert(build->depth && innermost(build)->is_map);
    if (innermost(build)->awaits)
        build->flaw = "a member of a map has no value";
    innermost(build)->awaits = true;
    innermost(build)->count++;
    made = cf_one_more(build->members, build->count, build->capacity);
    made->at = build->packed.size;
    cf_pack_text(&build->packed, key);
    made->value = build->packed.size;
}

/* ---- Ends ---- */

typedef struct {
    cf_bytes key, whole;
} member;

static int by_key(const void *left, const void *right)
{
    const member *a = left, *b = right;

    return cf_bytes_compare(a->key, b->key);
}

/* Puts the members of a map in the order of their keys, where they are in another. */
static void sort_members(cf_value_builder *build, const cf_built_container *map)
{
    const cf_built_member *built = build->members + build->count - map->count;
    const uint8_t *packed = build->packed.data;
    member *all = cf_allocate(map->count, sizeof *all);
    cf_buffer sorted = {0};
    bool ascends = true;

    for (size_t i = 0; i < map->count; i++) {
        const size_t end = i + 1 < map->count ? built[i + 1].at : build->packed.size;

        all[i].key = cf_bytes_of(packed + built[i].at, built[i].value - built[i].at);
        all[i].whole = cf_bytes_of(packed + built[i].at, end - built[i].at);
        ascends &= i == 0 || by_key(&all[i - 1], &all[i]) < 0;
    }
    if (!ascends)
        qsort(all, map->count, sizeof *all, by_key);
    for (size_t i = 0; !ascends && i < map->count; i++) {
        if (i > 0 && by_key(&all[i - 1], &all[i]) == 0)
            build->flaw = "a map has a key twice: delete one of them";
        cf_buffer_append(&sorted, all[i].whole.data, all[i].whole.size);
    }
    if (!ascends)
        memcpy(build->packed.data + map->at, sorted.data, sorted.size);
    cf_buffer_release(&sorted);
    free(all);
}

static void insert(cf_buffer *buffer, size_t at, cf_bytes bytes)
{
    cf_buffer_reserve(buffer, bytes.size);
    memmove(buffer->data + at + bytes.size, buffer->data + at, buffer->size - at);
    memcpy(buffer->data + at, bytes.data, bytes.size);
    buffer->size += bytes.size;
}

void cf_build_end(cf_value_builder *build)
{
    cf_buffer header = {0};

    if (build->flaw)
        return;
    assert(build->depth);
    const cf_built_container done = build->open[--build->depth];
    if (done.awaits)
        build->flaw = "a member of a map has no value";
    if (done.count && done.is_map) {
        sort_members(build, &done);
        build->count -= done.count;
    }
    (done.is_map ? cf_pack_map : cf_pack_array)(&header, done.count);
    insert(&build->packed, done.at, cf_buffer_view(&header));
    cf_buffer_release(&header);
}

size_t cf_build_count(const cf_value_builder *build)
{
    return build->depth ? build->open[build->depth - 1].count : 0;
}

/* ---- What nests no further ---- */

void cf_build_nil(cf_value_builder *build)
{
    if (begin_value(build))
        cf_pack_nil(&build->packed);
}

void cf_build_bool(cf_value_builder *build, bool value)
{
    if (begin_value(build))
        cf_pack_bool(&build->packed, value);
}

void cf_build_uint(cf_value_builder *build, uint64_t value)
{
    if (begin_value(build))
        cf_pack_uint(&build->packed, value);
}

void cf_build_int(cf_value_builder *build, int64_t value)
{
    if (begin_value(build))
        cf_pack_int(&build->packed, value);
}

void cf_build_float(cf_value_builder *build, double value)
{
    if (begin_value(build))
        cf_pack_float(&build->packed, value);
}

void cf_build_bin(cf_value_builder *build, cf_bytes value)
{
    if (begin_value(build))
        cf_pack_bin(&build->packed, value);
}

void cf_build_text(cf_value_builder *build, cf_bytes value)
{
    if (begin_value(build))
        cf_pack_text(&build->packed, value);
}

void cf_build_value(cf_value_builder *build, cf_bytes encoded)
{
    if (begin_value(build))
        cf_pack_raw(&build->packed, encoded);
}

/* ---- All of it ---- */

cf_status cf_build_finish(cf_value_builder *build, cf_buffer *out, cf_error *error)
{
    cf_status status = CF_OK;

    assert(build->flaw || !build->depth);
    cf_buffer_clear(out);
    if (build->flaw)
        status = cf_fail(error, CF_MALFORMED, "%s", build->flaw);
    else
        status = cf_value_check(cf_buffer_view(&build->packed), error);
    if (!status)
        cf_buffer_append(out, build->packed.data, build->packed.size);
    cf_build_release(build);
    return status;
}

void cf_build_release(cf_value_builder *build)
{
    cf_buffer_release(&build->packed);
    free(build->members);
    *build = (cf_value_builder){0};
}
