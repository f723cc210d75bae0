/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/value_shown.h"

#include "broker/platform/names.h"
#include "codec/content.h"
#include "codec/pack.h"
#include "peer/adapters/json_value.h"

enum { VALUE_SHOWN = 36 }; /* bytes of a value in a line */

/* ---- JSON ---- */

/* What no JSON of jansson's is (a number of more than 64 bits) is its text. */
static json_t *value_json(cf_bytes value)
{
    cf_buffer text = {0};

    cf_value_json(value, &text);
    json_t *found =
        json_loadb((const char *)text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!found)
        found = cf_json_name(cf_buffer_view(&text));
    cf_buffer_release(&text);
    return found;
}

/* Of an encoded text or BLOB, as long values mostly are: without what is before it. */
static uint64_t size_inside(uint64_t size)
{
    return size > UINT16_MAX + 3 ? size - 5 : size - 3;
}

static json_t *long_json(cf_bytes identity)
{
    cf_hash hash;
    uint64_t size;
    cf_error ignored;

    if (cf_content_identity_read(identity, &hash, &size, &ignored))
        return json_null();
    return json_pack("{s:I, s:o}", "size", (json_int_t)size_inside(size), "hash",
                     cf_json_hex(hash.bytes, sizeof hash.bytes));
}

json_t *cf_value_shown_json(const cf_told_value *value)
{
    if (value->is_long)
        return long_json(value->value);
    return value->value.size ? value_json(value->value) : json_null();
}

/* ---- Text ---- */

static bool is_of(cf_bytes value, cf_type wanted)
{
    cf_reader reader = cf_reader_of(value);
    cf_type type;
    cf_error ignored;

    return cf_read_type(&reader, &type, &ignored) == CF_OK && type == wanted;
}

static void append_short(const cf_buffer *text, cf_buffer *out)
{
    size_t end = text->size;
    char shown[CF_NAME_SHOWN];

    if (end > VALUE_SHOWN)
        for (end = VALUE_SHOWN; (text->data[end] & 0xc0) == 0x80;)
            end--;
    cf_name_show(cf_bytes_of(text->data, end), shown);
    cf_buffer_append_text(out, "%s%s", shown, end < text->size ? "…" : "");
}

/* Of the value, as its user counts: of a BLOB not the letters that are shown for it. */
static size_t size_of(cf_bytes value, const cf_buffer *text)
{
    cf_reader reader = cf_reader_of(value);
    cf_bytes bytes;
    cf_error ignored;

    return text->size && text->data[0] == '"' && cf_read_bin(&reader, &bytes, &ignored) == CF_OK
               ? bytes.size
               : text->size;
}

static void append_value(const cf_told_value *value, const char *nothing, bool whole,
                         cf_buffer *out)
{
    const char *quote = is_of(value->value, CF_TYPE_TEXT) ? "\"" : "";
    cf_buffer text = {0};
    cf_hash hash;
    uint64_t size;
    cf_error ignored;

    if (!value->value.size) {
        cf_buffer_append_text(out, "%s", nothing);
    } else if (value->is_long) {
        if (cf_content_identity_read(value->value, &hash, &size, &ignored) == CF_OK)
            cf_buffer_append_text(out, "%llu bytes", (unsigned long long)size_inside(size));
    } else if (is_of(value->value, CF_TYPE_NIL)) { /* of JSON; of a row nothing is no value */
        cf_buffer_append_text(out, "null");
    } else {
        cf_value_text(value->value, &text);
        cf_buffer_append_text(out, "%s", quote);
        if (whole)
            cf_name_append_shown(out, cf_buffer_view(&text));
        else
            append_short(&text, out);
        cf_buffer_append_text(out, "%s", quote);
        if (text.size > VALUE_SHOWN && !whole)
            cf_buffer_append_text(out, " (%zu bytes)", size_of(value->value, &text));
    }
    cf_buffer_release(&text);
}

void cf_value_shown_append(const cf_told_value *value, const char *nothing, cf_buffer *out)
{
    append_value(value, nothing, false, out);
}

void cf_value_shown_append_whole(const cf_told_value *value, const char *nothing, cf_buffer *out)
{
    append_value(value, nothing, true, out);
}
