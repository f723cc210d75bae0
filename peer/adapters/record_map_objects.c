/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a JSON document as JSContact and JSCalendar have them: what stands in the row of the
 * adapter leaf by leaf is put together to fields, and taken apart again. Where an object has its
 * entries under ids of its own, these stay with what they name. */
#include "peer/adapters/record_map_inside.h"

#include <string.h>

#include "codec/pack.h"
#include "codec/pointer.h"
#include "codec/value_build.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/value_map.h"
#include "peer/records/schema.h"

cf_bytes cf_object_leaf(const cf_row *row, cf_bytes name)
{
    const cf_row_field *field = cf_row_field_named(row, name);

    return field && field->count ? field->values[0] : (cf_bytes){0};
}

cf_bytes cf_map_object_table(const cf_record_map *map, const cf_row *object)
{
    cf_bytes text;

    if (cf_map_is_contacts(map))
        return map->table;
    bool task =
        cf_value_is_text(cf_object_leaf(object, cf_bytes_of_text(CF_COLUMNS "/@type")), &text) &&
        cf_bytes_equal(text, cf_bytes_of_text("Task"));
    return cf_bytes_of_text(task ? CF_TABLE_TASKS : CF_TABLE_EVENTS);
}

/* What says what it is, and is no field. */
bool cf_object_is_frame(const cf_record_map *map, cf_bytes token)
{
    return cf_bytes_equal(token, cf_bytes_of_text("@type")) ||
           cf_bytes_equal(token, cf_bytes_of_text("uid")) ||
           (cf_bytes_equal(token, cf_bytes_of_text("version")) && cf_map_is_contacts(map));
}

/* Says how it merges: as what the schema of the table says of its field. */
bool cf_object_is_set(cf_bytes table, cf_bytes field)
{
    uint8_t kind = cf_bytes_equal(table, cf_bytes_of_text(CF_TABLE_CONTACTS)) ? CF_KIND_CONTACT
                                                                              : CF_KIND_EVENT;
    cf_merge merge;

    return cf_kind_field(kind, field, &merge) && merge == CF_MERGE_SET;
}

/* ---- Together ---- */

/* The token behind `size` bytes of the name: up to the next slash. */
cf_bytes cf_object_token(cf_bytes name, size_t size)
{
    const uint8_t *from = name.data + size + 1;
    const uint8_t *slash = memchr(from, '/', name.size - size - 1);

    return cf_bytes_of(from, slash ? (size_t)(slash - from) : name.size - size - 1);
}

static bool is_within(cf_bytes name, cf_bytes path)
{
    return name.size > path.size && memcmp(name.data, path.data, path.size) == 0 &&
           name.data[path.size] == '/';
}

/* The fields within a path are neighbours, and a path with such fields has no value of its own. */
static bool is_first(const cf_row *row, size_t index, cf_bytes path)
{
    return index == 0 || !is_within(row->fields[index - 1].name, path);
}

/* The first field within the path, if there is any. */
static size_t first_within(const cf_row *row, cf_bytes path)
{
    size_t low = 0, high = row->field_count;
    cf_buffer bound = {0};

    cf_buffer_append(&bound, path.data, path.size);
    cf_buffer_append(&bound, "/", 1);
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_bytes_compare(row->fields[middle].name, cf_buffer_view(&bound)) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    cf_buffer_release(&bound);
    return low;
}

/* Adds what is at the path, whose first field is this one, as JSON has it. Returns the next one
 * behind it. */
static size_t add(const cf_row *row, size_t index, cf_bytes path, cf_value_builder *build)
{
    cf_buffer name = {0};

    if (index < row->field_count && row->fields[index].name.size == path.size) {
        cf_build_json(build, row->fields[index].values[0]);
        return index + 1;
    }
    cf_build_map(build);
    while (index < row->field_count && is_within(row->fields[index].name, path)) {
        const cf_bytes field = row->fields[index].name;
        cf_bytes token = cf_object_token(field, path.size);

        cf_buffer_clear(&name);
        cf_pointer_read(token, &name);
        cf_build_key(build, cf_buffer_view(&name));
        index = add(row, index, cf_bytes_of(field.data, path.size + 1 + token.size), build);
    }
    cf_build_end(build);
    cf_buffer_release(&name);
    return index;
}

cf_status cf_object_value(const cf_row *row, cf_bytes path, cf_buffer *out, cf_error *error)
{
    cf_bytes leaf = cf_object_leaf(row, path);
    cf_value_builder build = {0};
    cf_error why;

    cf_buffer_clear(out);
    if (leaf.size) {
        cf_buffer_append(out, leaf.data, leaf.size);
        return CF_OK;
    }
    add(row, first_within(row, path), path, &build);
    if (cf_build_finish(&build, out, &why))
        return cf_fail(error, CF_MALFORMED, "%.*s nests too deeply",
                       (int)(path.size - CF_OBJECT_PREFIX),
                       (const char *)path.data + CF_OBJECT_PREFIX);
    return CF_OK;
}

static bool is_true(cf_bytes value)
{
    return value.size == 1 && value.data[0] == 0xc3;
}

/* The entries of an array, or of an object under their ids, or which are its names. */
static void add_entries(cf_bytes name, cf_bytes value, cf_field_list *list, cf_arena *arena)
{
    cf_value_walk walk = cf_value_walk_of(value);
    const bool map = walk.map;
    cf_bytes id, entry;
    cf_buffer text = {0};

    while (cf_value_next(&walk, &id, &entry)) {
        cf_buffer_clear(&text);
        if (map && is_true(entry))
            cf_pack_text(&text, id);
        else
            cf_buffer_append(&text, entry.data, entry.size);
        cf_field_list_add(list, arena, name, cf_buffer_view(&text));
    }
    cf_buffer_release(&text);
}

static cf_status give_path(const cf_row *object, cf_bytes path, cf_field_list *list,
                           cf_arena *arena, cf_error *error)
{
    cf_bytes field = cf_bytes_of(path.data + CF_OBJECT_PREFIX, path.size - CF_OBJECT_PREFIX);
    cf_buffer value = {0};

    cf_status status = cf_object_value(object, path, &value, error);
    if (!status && cf_object_is_set(object->table, field))
        add_entries(field, cf_buffer_view(&value), list, arena);
    else if (!status)
        cf_field_list_add(list, arena, field, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return status;
}

cf_status cf_map_objects_give(const cf_record_map *map, const cf_row *object, cf_field_list *list,
                              cf_arena *arena, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; i < object->field_count && !status; i++) {
        cf_bytes name = object->fields[i].name;

        if (name.size <= CF_OBJECT_PREFIX)
            continue;
        cf_bytes token = cf_object_token(name, CF_OBJECT_PREFIX);
        size_t size = CF_OBJECT_PREFIX + 1 + token.size;
        if (cf_object_is_frame(map, token))
            continue;
        if (cf_map_is_nested(token) && size < name.size)
            size += 1 + cf_object_token(name, size).size;
        cf_bytes path = cf_bytes_of(name.data, size);
        if (is_first(object, i, path))
            status = give_path(object, path, list, arena, error);
    }
    return status;
}
