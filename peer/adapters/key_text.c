/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/key_text.h"

#include "codec/bulk.h"
#include "codec/pack.h"
#include "codec/pointer.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/record_file.h"

#include <stdio.h>
#include <string.h>

size_t cf_record_key_parts(cf_bytes key)
{
    cf_reader reader = cf_reader_of(key);
    cf_type type = CF_TYPE_NIL;
    size_t count = 0;
    cf_error ignored;

    if (cf_read_type(&reader, &type, &ignored) || type == CF_TYPE_NIL || type == CF_TYPE_MAP)
        return 0;
    if (type != CF_TYPE_ARRAY)
        return 1;
    return cf_read_array(&reader, &count, &ignored) ? 0 : count;
}

bool cf_record_key_says_any(cf_bytes key, size_t parts)
{
    cf_buffer text = {0};

    for (size_t i = 0; i < parts && !text.size; i++)
        cf_record_key_text(cf_row_key_part(key, i, parts), &text);
    bool any = text.size > 0;
    cf_buffer_release(&text);
    return any;
}

bool cf_record_is_document(const cf_adapter *adapter, size_t key_count, cf_bytes table)
{
    return adapter->keying == CF_KEYING_MEMBER &&
           cf_bytes_equal(table,
                          cf_bytes_of_text(key_count ? CF_TABLE_DOCUMENT : CF_TABLE_RECORDS));
}

/* ---- For people ---- */

void cf_record_key_name(const cf_adapter *adapter, const char *key, cf_buffer *out)
{
    if (adapter->keying == CF_KEYING_MEMBER && *key == '/')
        cf_pointer_read(cf_bytes_of_text(strrchr(key, '/') + 1), out);
    else
        cf_buffer_append_text(out, "%s", key);
}

static bool key_names(const cf_adapter *adapter, const char *key, cf_bytes field)
{
    cf_buffer name = {0}, path = {0};
    cf_bytes rest;

    cf_record_key_name(adapter, key, &name);
    cf_buffer_append_text(&path, CF_COLUMNS);
    cf_pointer_add(cf_buffer_view(&name), &path);
    bool same = cf_bytes_equal(field, cf_buffer_view(&path));
    cf_buffer_append(&path, "", 1);
    same |= cf_pointer_below(field, (const char *)path.data, &rest);
    same &= name.size > 0;
    cf_buffer_release(&name);
    cf_buffer_release(&path);
    return same;
}

bool cf_record_keys_name(const cf_adapter *adapter, const char *const *keys, size_t count,
                         cf_bytes field)
{
    bool any = false;

    for (size_t i = 0; i < count && !any; i++)
        any = key_names(adapter, keys[i], field);
    return any;
}

void cf_record_key_text(cf_bytes key, cf_buffer *out)
{
    cf_value_text(key, out);
}

static cf_bytes field_name(cf_bytes field)
{
    cf_bytes name = field;

    if ((!cf_pointer_below(field, CF_COLUMNS, &name) || !name.size) &&
        !cf_pointer_below(field, "", &name))
        name = field;
    return name;
}

void cf_record_field_text(cf_bytes field, cf_buffer *out)
{
    cf_pointer_read(field_name(field), out);
}

void cf_record_field_path(uint8_t kind, cf_bytes field, cf_buffer *out)
{
    const cf_bytes name = field_name(field);

    if (kind == CF_KIND_RECORD)
        cf_buffer_append(out, name.data, name.size);
    else
        cf_pointer_read(name, out);
}

static void pack_said(cf_bytes key, cf_buffer *out)
{
    cf_buffer text = {0};

    cf_value_text(key, &text);
    cf_pack_text(out, cf_buffer_view(&text));
    cf_buffer_release(&text);
}

/* Whether the key, which is no text, reads like this one. */
static bool reads_like(cf_bytes key, cf_bytes text)
{
    cf_buffer said = {0};

    pack_said(key, &said);
    bool same = cf_bytes_equal(cf_buffer_view(&said), text);
    cf_buffer_release(&said);
    return same;
}

static bool read_number(cf_bytes key, cf_buffer *out)
{
    cf_reader reader = cf_reader_of(key);
    cf_buffer value = {0};
    cf_json json = {0};
    cf_error ignored;
    cf_bytes text;

    if (cf_read_text(&reader, &text, &ignored) || cf_json_read(text, &json, &ignored))
        return false;
    bool read = json.count == 1 && json.nodes[0].type < CF_JSON_ARRAY &&
                json.nodes[0].type != CF_JSON_NULL &&
                cf_json_value(&json, 0, &value, &ignored) == CF_OK &&
                reads_like(cf_buffer_view(&value), key);
    if (read)
        cf_buffer_append(out, value.data, value.size);
    cf_json_release(&json);
    cf_buffer_release(&value);
    return read;
}

bool cf_key_otherwise(cf_bytes key, cf_buffer *out)
{
    cf_reader reader = cf_reader_of(key);
    cf_error ignored;
    cf_type type;

    if (cf_read_type(&reader, &type, &ignored) || type == CF_TYPE_NIL || type >= CF_TYPE_ARRAY)
        return false;
    if (type == CF_TYPE_TEXT)
        return read_number(key, out);
    pack_said(key, out);
    return true;
}

void cf_key_made(cf_bytes said, size_t number, char key[CF_KEY_MADE])
{
    char digits[2 * CF_HASH_SIZE + 1];
    cf_buffer counted = {0};

    cf_buffer_append_text(&counted, "%zu ", number);
    cf_buffer_append(&counted, said.data, said.size);
    cf_bytes part = cf_buffer_view(&counted);
    cf_hash hash = cf_hash_of("key of a row", &part, 1);
    cf_hex(cf_bytes_of(hash.bytes, CF_HASH_SIZE), digits);
    snprintf(key, CF_KEY_MADE, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12,
             digits + 16, digits + 20);
    cf_buffer_release(&counted);
}

/* ---- Keys that count up ---- */

static bool number_of(cf_bytes key, int64_t *number)
{
    cf_reader reader = cf_reader_of(key);
    cf_buffer packed = {0};
    cf_bytes text;
    cf_error ignored;

    if (cf_read_int(&reader, number, &ignored) == CF_OK)
        return true;
    reader = cf_reader_of(key);
    bool read =
        cf_read_text(&reader, &text, &ignored) == CF_OK && cf_serial_key_pack(text, &packed);
    reader = cf_reader_of(cf_buffer_view(&packed));
    read = read && cf_read_int(&reader, number, &ignored) == CF_OK;
    cf_buffer_release(&packed);
    return read;
}

bool cf_record_keys_count_up(const cf_row *rows, size_t count)
{
    int64_t number, before = -1, highest = 0;
    bool ascends = true;

    for (size_t i = 0; i < count; i++) {
        if (!number_of(rows[i].key, &number) || number < 0)
            return false;
        ascends = ascends && number > before;
        before = number;
        highest = number > highest ? number : highest;
    }
    return count && (ascends || (uint64_t)highest <= 2 * count);
}
