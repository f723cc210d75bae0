/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/value_map.h"

#include <string.h>

#include "codec/pack.h"
#include "peer/adapters/json_value.h"

bool cf_value_is_text(cf_bytes value, cf_bytes *text)
{
    cf_reader reader = cf_reader_of(value);
    cf_type type;
    cf_error error;

    return !cf_read_type(&reader, &type, &error) && type == CF_TYPE_TEXT &&
           !cf_read_text(&reader, text, &error);
}

bool cf_value_is_uint(cf_bytes value, uint64_t *number)
{
    cf_reader reader = cf_reader_of(value);
    cf_type type;
    cf_error error;

    return !cf_read_type(&reader, &type, &error) && type == CF_TYPE_UINT &&
           !cf_read_uint(&reader, number, &error);
}

cf_value_walk cf_value_walk_of(cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_value_walk walk = {0};
    cf_type type;
    cf_error error;

    if (cf_read_type(&reader, &type, &error) || (type != CF_TYPE_MAP && type != CF_TYPE_ARRAY))
        return walk;
    walk.map = type == CF_TYPE_MAP;
    if (walk.map ? cf_read_map(&reader, &walk.left, &error)
                 : cf_read_array(&reader, &walk.left, &error))
        return (cf_value_walk){0};
    walk.at = reader.at;
    walk.end = reader.end;
    return walk;
}

bool cf_value_next(cf_value_walk *walk, cf_bytes *name, cf_bytes *value)
{
    cf_reader reader = {walk->at, walk->end};
    cf_bytes encoded;
    cf_error error;

    *name = (cf_bytes){0};
    if (walk->left == 0)
        return false;
    if (walk->map && (cf_read_value(&reader, &encoded, &error) || !cf_value_is_text(encoded, name)))
        return false;
    if (cf_read_value(&reader, value, &error))
        return false;
    walk->at = reader.at;
    walk->left--;
    return true;
}

cf_bytes cf_value_first(cf_bytes array)
{
    cf_value_walk walk = cf_value_walk_of(array);
    cf_bytes none, first = {0};

    if (walk.map || !cf_value_next(&walk, &none, &first))
        return (cf_bytes){0};
    return first;
}

bool cf_value_member_named(cf_bytes map, cf_bytes name, cf_bytes *value)
{
    cf_value_walk walk = cf_value_walk_of(map);
    cf_bytes found;

    while (walk.map && cf_value_next(&walk, &found, value))
        if (cf_bytes_equal(found, name))
            return true;
    return false;
}

bool cf_value_member(cf_bytes map, const char *name, cf_bytes *value)
{
    return cf_value_member_named(map, cf_bytes_of_text(name), value);
}

bool cf_value_member_text(cf_bytes map, const char *name, cf_bytes *text)
{
    cf_bytes value;

    return cf_value_member(map, name, &value) && cf_value_is_text(value, text);
}

void cf_json_add_text(cf_buffer *json, const char *name, cf_bytes text)
{
    if (json->size && !strchr("{[", json->data[json->size - 1]))
        cf_buffer_append_text(json, ",");
    cf_json_write_text(cf_bytes_of_text(name), json);
    cf_buffer_append_text(json, ":");
    cf_json_write_text(text, json);
}

cf_bytes cf_value_built(cf_value_builder *build, cf_arena *arena)
{
    cf_buffer value = {0};
    cf_bytes made = {0};
    cf_error ignored;

    if (!cf_build_finish(build, &value, &ignored))
        made = cf_arena_copy(arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return made;
}

bool cf_value_of_json(cf_bytes text, cf_buffer *out)
{
    cf_error error;
    cf_json json;

    cf_buffer_clear(out);
    if (cf_json_read(text, &json, &error))
        return false;
    bool fine = !cf_json_value(&json, 0, out, &error);
    cf_json_release(&json);
    return fine;
}
