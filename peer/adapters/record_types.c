/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/record_types.h"

#include "codec/content.h"
#include "codec/pack.h"
#include "codec/terse.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/key_text.h"
#include "peer/records/row_index.h"

typedef struct {
    cf_record_file *file;
    const cf_row_format *format;
    const cf_rows *base;
    const cf_row_view *view;
    cf_field_list list;
} typing;

typedef enum { TEXT, NUMBER, TRUTH, OTHER } class;

static class class_of(cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;
    cf_type type;

    if (cf_read_type(&reader, &type, &ignored))
        return OTHER;
    switch (type) {
    case CF_TYPE_TEXT:
        return TEXT;
    case CF_TYPE_UINT:
    case CF_TYPE_INT:
    case CF_TYPE_FLOAT:
    case CF_TYPE_BIN:
        return NUMBER;
    case CF_TYPE_BOOL:
        return TRUTH;
    default:
        return OTHER;
    }
}

/* What a column says of the value, as a value. */
static void say(cf_bytes value, cf_buffer *out)
{
    cf_buffer text = {0};

    cf_value_text(value, &text);
    cf_buffer_clear(out);
    cf_pack_text(out, cf_buffer_view(&text));
    cf_buffer_release(&text);
}

/* ---- Keys ---- */

typedef struct {
    cf_record_file *file;
    const cf_rows *base;
    const cf_row_view *view;
    cf_row_index here; /* the rows as they stand in the file, once one is looked for */
    bool indexed;
} keying;

/* The base or the view has a row of this key. */
static bool is_known(const keying *self, cf_bytes table, cf_bytes key)
{
    return cf_rows_find(self->base, table, key) || cf_row_view_find(self->view, table, key);
}

static bool is_here(keying *self, cf_bytes table, cf_bytes key)
{
    if (!self->indexed)
        self->here = cf_row_index_of(self->file->rows, self->file->count);
    self->indexed = true;
    return cf_row_index_find(&self->here, table, key) != NULL;
}

static cf_bytes known_key(keying *self, cf_bytes table, cf_bytes key)
{
    cf_buffer other = {0};

    if (!is_known(self, table, key) && cf_key_otherwise(key, &other) &&
        is_known(self, table, cf_buffer_view(&other)) &&
        !is_here(self, table, cf_buffer_view(&other)))
        key = cf_arena_copy(&self->file->arena, cf_buffer_view(&other));
    cf_buffer_release(&other);
    return key;
}

void cf_record_keys_give(cf_record_file *file, const cf_rows *base, const cf_row_view *view)
{
    keying self = {.file = file, .base = base, .view = view};

    for (size_t i = 0; i < file->trouble_count; i++) {
        cf_record_trouble *trouble = &file->troubles[i];

        if (trouble->known)
            trouble->key = known_key(&self, trouble->table, trouble->key);
    }
    for (size_t i = 0; i < file->count; i++)
        file->rows[i].key = known_key(&self, file->rows[i].table, file->rows[i].key);
    cf_row_index_release(&self.here);
}

/* ---- Values ---- */

/* A text says all of a row's fields. */
static bool is_plain(const cf_row *row)
{
    for (size_t i = 0; row && i < row->field_count; i++)
        if (row->fields[i].count != 1 || class_of(row->fields[i].values[0]) != TEXT ||
            row->fields[i].values[0].data[0] == 0xa0) /* an empty one */
            return false;
    return true;
}

static const cf_row_field *single(const cf_row *row, cf_bytes name)
{
    const cf_row_field *field = row ? cf_row_field_named(row, name) : NULL;

    return field && field->count == 1 ? field : NULL;
}

static bool is_content(cf_bytes value)
{
    static const cf_id record = {{CF_KIND_RECORD}};

    return cf_item_has_content(&record, cf_bytes_of_text(CF_COLUMNS), value);
}

static bool names(cf_bytes identity, cf_bytes content)
{
    cf_error ignored;
    cf_hash known;
    uint64_t size;

    if (cf_content_identity_read(identity, &known, &size, &ignored) || size != content.size)
        return false;
    cf_hash hash = cf_content_hash(content);
    return cf_hash_equal(&hash, &known);
}

/* By its terse form or, as an older program has it, by its encoding. */
static bool is_identity_of(cf_bytes identity, cf_bytes value)
{
    cf_buffer terse = {0};
    bool same = names(identity, value) ||
                (cf_terse_write(value, &terse) && names(identity, cf_buffer_view(&terse)));

    cf_buffer_release(&terse);
    return same;
}

/* The text is how the value would be spelled. */
static bool says(cf_bytes text, cf_bytes value)
{
    cf_buffer said = {0};

    say(value, &said);
    bool same = cf_bytes_equal(text, cf_buffer_view(&said));
    cf_buffer_release(&said);
    return same;
}

/* The text as a value of the same class as `like`, which a column says just so; else nothing. */
static bool read_like(cf_bytes text, cf_bytes like, cf_buffer *out)
{
    cf_reader reader = cf_reader_of(text);
    cf_json json = {0};
    cf_error ignored;
    cf_bytes spelled;

    cf_buffer_clear(out);
    if (class_of(like) == TEXT || cf_read_text(&reader, &spelled, &ignored) ||
        cf_json_read(spelled, &json, &ignored))
        return false;
    bool read = json.count && cf_json_value(&json, 0, out, &ignored) == CF_OK;
    cf_json_release(&json);
    return read && class_of(cf_buffer_view(out)) == class_of(like) &&
           says(text, cf_buffer_view(out));
}

/* The text, or what it says in JSON, if that is the content which stands for a known value. What
 * else it says is a text. */
static bool read_content(cf_bytes text, cf_bytes identity, cf_buffer *out)
{
    cf_reader reader = cf_reader_of(text);
    cf_json json = {0};
    cf_error ignored;
    cf_bytes spelled;

    cf_buffer_clear(out);
    if (is_identity_of(identity, text)) {
        cf_buffer_append(out, text.data, text.size);
        return true;
    }
    if (cf_read_text(&reader, &spelled, &ignored) || cf_json_read(spelled, &json, &ignored))
        return false;
    bool read = json.count && cf_json_value(&json, 0, out, &ignored) == CF_OK;
    cf_json_release(&json);
    return read && is_identity_of(identity, cf_buffer_view(out)) && says(text, cf_buffer_view(out));
}

static void give_value(typing *self, cf_bytes name, cf_bytes text, const cf_row *base,
                       const cf_row *view)
{
    const cf_row_field *fields[] = {single(base, name), single(view, name)};
    cf_arena *arena = &self->file->arena;
    cf_buffer value = {0};
    cf_bytes given = text;
    bool found = false;

    for (int i = 0; i < 2 && !found; i++)
        if (fields[i] && is_content(fields[i]->values[0])) {
            found = read_content(text, fields[i]->values[0], &value);
            given = found ? cf_buffer_view(&value) : text;
        } else if (fields[i] && says(text, fields[i]->values[0])) {
            given = fields[i]->values[0];
            found = true;
        }
    for (int i = 0; i < 2 && !found; i++)
        if (fields[i] && !is_content(fields[i]->values[0]) &&
            read_like(text, fields[i]->values[0], &value)) {
            given = cf_buffer_view(&value);
            found = true;
        }
    cf_field_list_add(&self->list, arena, name, given);
    cf_buffer_release(&value);
}

/* An empty column is not there: it may say something all the same. */
static void give_silent(typing *self, const cf_row *row, const cf_row *known)
{
    static const uint8_t empty = 0xa0;

    for (size_t i = 0; known && i < known->field_count; i++) {
        const cf_row_field *field = &known->fields[i];

        if (field->count == 1 && !cf_row_field_named(row, field->name) &&
            cf_format_holds(self->format, row->table, field->name) &&
            says(cf_bytes_of(&empty, 1), field->values[0]))
            cf_field_list_add(&self->list, &self->file->arena, field->name, field->values[0]);
    }
}

static void give_values(typing *self, cf_row *row)
{
    const cf_row *base = cf_rows_find(self->base, row->table, row->key);
    const cf_row *view = cf_row_view_find(self->view, row->table, row->key);

    if (is_plain(base) && is_plain(view))
        return;
    for (size_t i = 0; i < row->field_count; i++)
        give_value(self, row->fields[i].name, row->fields[i].values[0], base, view);
    give_silent(self, row, base ? base : view);
    cf_field_list_take(&self->list, &self->file->arena, row);
}

void cf_record_types_give(cf_record_file *file, const cf_row_format *format, const cf_rows *base,
                          const cf_row_view *view)
{
    typing self = {.file = file, .format = format, .base = base, .view = view};

    for (size_t i = 0; i < file->count; i++)
        give_values(&self, &file->rows[i]);
    cf_field_list_release(&self.list);
}
