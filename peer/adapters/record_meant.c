/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/record_meant.h"

#include <string.h>

#include "codec/limits.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/value_map.h"

typedef struct {
    cf_format_speak *speak;
    cf_arena *arena; /* of the file */
    cf_arena scratch;
    cf_field_list list;
} meaning;

/* ---- Members without words ---- */

static bool has_member(cf_bytes map, cf_bytes wanted)
{
    cf_value_walk walk = cf_value_walk_of(map);
    cf_bytes name, value;

    while (walk.map && cf_value_next(&walk, &name, &value))
        if (cf_bytes_equal(name, wanted))
            return true;
    return false;
}

/* Adds the members of a map that neither of two others has; returns how many. */
static size_t add_members(cf_bytes map, cf_bytes but, cf_bytes and_but, cf_buffer *json)
{
    cf_value_walk walk = cf_value_walk_of(map);
    cf_bytes name, value;
    size_t added = 0;

    while (walk.map && cf_value_next(&walk, &name, &value)) {
        if (has_member(but, name) || has_member(and_but, name))
            continue;
        cf_buffer_append_text(json, json->size > 1 ? "," : "");
        cf_json_write_text(name, json);
        cf_buffer_append_text(json, ":");
        cf_value_json(value, json);
        added++;
    }
    return added;
}

/* `said`, with the members of the known value that its words lack; nothing: there are none. */
static cf_bytes with_unsaid(meaning *self, cf_bytes said, cf_bytes known, cf_bytes words)
{
    const cf_bytes none = {0};
    cf_buffer json = {0}, value = {0};
    cf_bytes made = {0};

    if (!cf_value_walk_of(said).map || said.size > CF_INLINE_MAX)
        return made;
    cf_buffer_append_text(&json, "{");
    add_members(said, none, none, &json);
    size_t added = add_members(known, words, said, &json);
    cf_buffer_append_text(&json, "}");
    if (added && cf_value_of_json(cf_buffer_view(&json), &value))
        made = cf_arena_copy(&self->scratch, cf_buffer_view(&value));
    cf_buffer_release(&json);
    cf_buffer_release(&value);
    return made;
}

/* ---- One field ---- */

/* The values of a known field that the file doesn't show, with their words. */
typedef struct {
    const cf_row_field *field;
    const cf_bytes *words;
} known_field;

/* Adds what the said value stands for; false: for itself. */
static bool add_meant(meaning *self, const cf_row_field *is, known_field known, cf_bytes said)
{
    bool meant = false;

    for (size_t i = 0; i < known.field->count; i++) {
        cf_bytes value = known.field->values[i];

        if (cf_bytes_equal(known.words[i], said) && !cf_bytes_equal(value, said) &&
            !cf_row_field_has(is, value)) {
            cf_field_list_add(&self->list, self->arena, is->name, value);
            meant = true;
        }
    }
    return meant && !cf_row_field_has(known.field, said);
}

/* Whether the known value is shown: as it is, or in its words. */
static bool is_shown(const cf_row_field *is, known_field known, size_t index)
{
    return cf_row_field_has(is, known.field->values[index]) ||
           cf_row_field_has(is, known.words[index]);
}

static bool is_known(known_field known, cf_bytes said)
{
    for (size_t i = 0; i < known.field->count; i++)
        if (cf_bytes_equal(known.words[i], said) || cf_bytes_equal(known.field->values[i], said))
            return true;
    return false;
}

/* The one value that is new, in the place of the one that is gone. */
static cf_bytes edited(meaning *self, const cf_row_field *is, known_field known, cf_bytes said)
{
    size_t gone = known.field->count, news = 0;

    for (size_t i = 0; i < is->count; i++)
        news += !is_known(known, is->values[i]);
    for (size_t i = 0; i < known.field->count; i++)
        if (!is_shown(is, known, i)) {
            if (gone < known.field->count)
                return (cf_bytes){0};
            gone = i;
        }
    if (news != 1 || gone == known.field->count || is_known(known, said) ||
        !known.words[gone].size || cf_bytes_equal(known.words[gone], known.field->values[gone]))
        return (cf_bytes){0};
    return with_unsaid(self, said, known.field->values[gone], known.words[gone]);
}

static void give_field(meaning *self, const cf_row_field *is, known_field known)
{
    for (size_t i = 0; i < is->count; i++) {
        cf_bytes said = is->values[i], value = {0};

        if (known.field && add_meant(self, is, known, said))
            continue;
        if (known.field)
            value = edited(self, is, known, said);
        cf_field_list_add(&self->list, self->arena, is->name, value.size ? value : said);
    }
}

/* ---- Rows ---- */

static void give_row(meaning *self, cf_row *row, const cf_row *known)
{
    size_t count = 0, at = 0;

    if (!known || cf_row_has_all(row, known, NULL))
        return;
    for (size_t i = 0; i < known->field_count; i++)
        count += known->fields[i].count;
    cf_bytes *words = cf_arena_allocate(&self->scratch, count, sizeof *words);
    if (!self->speak(known, &self->scratch, words))
        return;
    for (size_t i = 0, k = 0; i < row->field_count; i++) {
        const cf_row_field *is = &row->fields[i];
        known_field field = {0};

        for (; k < known->field_count && cf_bytes_compare(known->fields[k].name, is->name) < 0; k++)
            at += known->fields[k].count;
        if (k < known->field_count && cf_bytes_equal(known->fields[k].name, is->name))
            field = (known_field){&known->fields[k], words + at};
        give_field(self, is, field);
    }
    cf_field_list_take(&self->list, self->arena, row);
}

const cf_row *cf_record_meant_give(cf_record_file *file, const cf_row_format *format,
                                   const cf_rows *base, const cf_row_view *view)
{
    meaning self = {.arena = &file->arena};
    cf_row *raw = NULL;

    for (size_t i = 0; i < file->count; i++) {
        cf_row *row = &file->rows[i];

        self.speak = cf_format_speaks(format, row->table);
        if (!self.speak)
            continue;
        if (!raw) {
            raw = cf_arena_allocate(&file->arena, file->count, sizeof *raw);
            memcpy(raw, file->rows, file->count * sizeof *raw);
        }
        const cf_row *agreed = cf_rows_find(base, row->table, row->key);
        give_row(&self, row, agreed);
        if (!agreed)
            give_row(&self, row, cf_row_view_find(view, row->table, row->key));
        cf_arena_release(&self.scratch);
    }
    cf_field_list_release(&self.list);
    return raw;
}
