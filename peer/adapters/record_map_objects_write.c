/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a contact, event or task taken apart to the leaves of a JSON object;
 * record_map_objects.c puts them together. Entries that are as they were keep their ids, those that
 * changed take the ids that are left, in order. */
#include "peer/adapters/record_map_inside.h"

#include "codec/pack.h"
#include "peer/adapters/value_map.h"

/* ---- Apart ---- */

static void append_token(cf_bytes name, cf_buffer *path)
{
    cf_buffer field = {0};

    cf_column_field(name, &field);
    cf_buffer_append(path, field.data + CF_OBJECT_PREFIX, field.size - CF_OBJECT_PREFIX);
    cf_buffer_release(&field);
}

/* Adds the leaves of a value. */
static void flatten(cf_buffer *path, cf_bytes value, cf_field_list *list, cf_arena *arena)
{
    cf_value_walk walk = cf_value_walk_of(value);
    const size_t size = path->size;
    cf_bytes name, member;

    if (!walk.map || !walk.left) {
        cf_field_list_add(list, arena, cf_buffer_view(path), value);
        return;
    }
    while (cf_value_next(&walk, &name, &member)) {
        append_token(name, path);
        flatten(path, member, list, arena);
        path->size = size;
    }
}

static bool is_listed(cf_bytes field, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (cf_bytes_equal(field, cf_bytes_of_text(names[i])))
            return true;
    return false;
}

/* What the RFCs have as an array; all else is an object. */
static bool is_array(cf_bytes field)
{
    static const char *const names[] = {"/recurrenceRules", "/excludedRecurrenceRules",
                                        "/vCardProps", "/iCalProps", "/iCalComponents"};

    return is_listed(field, names, sizeof names / sizeof *names);
}

/* Whose entries are the names of members. */
static bool is_words(cf_bytes field)
{
    static const char *const names[] = {"/keywords", "/categories", "/members"};

    return is_listed(field, names, sizeof names / sizeof *names);
}

static void take_array(cf_buffer *path, const cf_row_field *field, cf_field_list *list,
                       cf_arena *arena)
{
    cf_buffer value = {0};

    cf_pack_array(&value, field->count);
    for (size_t i = 0; i < field->count; i++)
        cf_pack_raw(&value, field->values[i]);
    cf_field_list_add(list, arena, cf_buffer_view(path), cf_buffer_view(&value));
    cf_buffer_release(&value);
}

static void take_words(cf_buffer *path, const cf_row_field *field, cf_field_list *list,
                       cf_arena *arena)
{
    static const uint8_t truth = 0xc3;
    const size_t size = path->size;
    cf_bytes word;

    for (size_t i = 0; i < field->count; i++) {
        if (!cf_value_is_text(field->values[i], &word))
            continue;
        append_token(word, path);
        cf_field_list_add(list, arena, cf_buffer_view(path), cf_bytes_of(&truth, 1));
        path->size = size;
    }
}

/* The ids that entries have, by the order of the entries. */
typedef struct {
    const cf_row_field *field;
    cf_bytes *ids; /* .data NULL: none yet */
    cf_arena *arena;
} naming;

static bool has_id(const naming *self, cf_bytes id)
{
    for (size_t i = 0; i < self->field->count; i++)
        if (self->ids[i].data && cf_bytes_equal(self->ids[i], id))
            return true;
    return false;
}

/* Each that is as it was keeps its id; those that changed take those that are left, in order. */
static void keep_ids(naming *self, cf_bytes before)
{
    cf_bytes id, entry;

    for (int pass = 0; pass < 2; pass++)
        for (cf_value_walk walk = cf_value_walk_of(before); cf_value_next(&walk, &id, &entry);) {
            if (!walk.map || has_id(self, id))
                continue;
            for (size_t i = 0; i < self->field->count; i++)
                if (!self->ids[i].data && (pass || cf_bytes_equal(self->field->values[i], entry))) {
                    self->ids[i] = cf_arena_copy(self->arena, id);
                    break;
                }
        }
}

static void make_ids(naming *self)
{
    unsigned number = 1;

    for (size_t i = 0; i < self->field->count; i++)
        while (!self->ids[i].data) {
            cf_buffer id = {0};

            cf_buffer_append_text(&id, "%u", number++);
            if (!has_id(self, cf_buffer_view(&id)))
                self->ids[i] = cf_arena_copy(self->arena, cf_buffer_view(&id));
            cf_buffer_release(&id);
        }
}

static void take_set(cf_buffer *path, const cf_row_field *field, const cf_row *object,
                     cf_field_list *list, cf_arena *arena)
{
    naming self = {field, cf_arena_allocate(arena, field->count, sizeof(cf_bytes)), arena};
    const size_t size = path->size;
    cf_buffer before = {0};
    cf_error ignored;

    if (object)
        cf_object_value(object, cf_buffer_view(path), &before, &ignored);
    cf_value_walk walk = cf_value_walk_of(cf_buffer_view(&before));
    bool has_any = walk.left > 0;
    if (has_any ? !walk.map : is_array(field->name)) {
        take_array(path, field, list, arena);
    } else if (is_words(field->name)) {
        take_words(path, field, list, arena);
    } else {
        keep_ids(&self, cf_buffer_view(&before));
        make_ids(&self);
        for (size_t i = 0; i < field->count; i++) {
            append_token(self.ids[i], path);
            flatten(path, field->values[i], list, arena);
            path->size = size;
        }
    }
    cf_buffer_release(&before);
}

static void take_frame(const cf_record_map *map, const cf_row *object, const cf_row *row,
                       cf_field_list *list, cf_arena *arena)
{
    const bool contact = cf_map_is_contacts(map);
    const bool task = cf_bytes_equal(row->table, cf_bytes_of_text(CF_TABLE_TASKS));
    const char *type = contact ? "Card" : task ? "Task" : "Event";
    cf_buffer value = {0};

    for (size_t i = 0; object && i < object->field_count; i++) {
        cf_bytes name = object->fields[i].name;

        if (name.size > CF_OBJECT_PREFIX &&
            cf_object_is_frame(map, cf_object_token(name, CF_OBJECT_PREFIX)))
            cf_field_list_add(list, arena, name, cf_object_leaf(object, name));
    }
    if (object)
        return;
    cf_pack_text(&value, cf_bytes_of_text(type));
    cf_field_list_add(list, arena, cf_bytes_of_text(CF_COLUMNS "/@type"), cf_buffer_view(&value));
    cf_buffer_clear(&value);
    cf_pack_text(&value, cf_bytes_of_text("1.0"));
    if (contact)
        cf_field_list_add(list, arena, cf_bytes_of_text(CF_COLUMNS "/version"),
                          cf_buffer_view(&value));
    cf_buffer_release(&value);
}

/* An empty object or array says what nothing does, and stays. */
static void keep_empty(const cf_row *object, const cf_row *row, cf_field_list *list,
                       cf_arena *arena)
{
    for (size_t i = 0; i < object->field_count; i++) {
        cf_bytes name = object->fields[i].name, value = cf_object_leaf(object, name);

        if (name.size > CF_OBJECT_PREFIX && value.size == 1 &&
            (value.data[0] == 0x80 || value.data[0] == 0x90) &&
            cf_object_is_set(row->table, cf_bytes_of(name.data + CF_OBJECT_PREFIX,
                                                     name.size - CF_OBJECT_PREFIX)) &&
            !cf_object_leaf(row,
                            cf_bytes_of(name.data + CF_OBJECT_PREFIX, name.size - CF_OBJECT_PREFIX))
                 .size)
            cf_field_list_add(list, arena, name, value);
    }
}

void cf_map_objects_take(const cf_record_map *map, const cf_row *object, const cf_row *row,
                         cf_field_list *list, cf_arena *arena)
{
    cf_buffer path = {0};

    take_frame(map, object, row, list, arena);
    for (size_t i = 0; i < row->field_count; i++) {
        const cf_row_field *field = &row->fields[i];

        cf_buffer_clear(&path);
        cf_buffer_append_text(&path, CF_COLUMNS);
        cf_buffer_append(&path, field->name.data, field->name.size);
        if (field->count && cf_object_is_set(row->table, field->name))
            take_set(&path, field, object, list, arena);
        else if (field->count)
            flatten(&path, field->values[0], list, arena);
    }
    if (object)
        keep_empty(object, row, list, arena);
    cf_buffer_release(&path);
}
