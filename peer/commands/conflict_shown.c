/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/conflict_shown.h"

#include "broker/platform/names.h"
#include "broker/platform/times.h"
#include "codec/content.h"
#include "codec/pack.h"
#include "peer/adapters/json_value.h"
#include "peer/log/catalog.h"
#include "peer/sources/records/record_conflicts.h"

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

static void add_long(json_t *object, const char *name, cf_bytes identity)
{
    cf_hash hash;
    uint64_t size;
    cf_error ignored;

    if (cf_content_identity_read(identity, &hash, &size, &ignored))
        return;
    json_object_set_new(object, name,
                        json_pack("{s:I, s:o}", "size", (json_int_t)size_inside(size), "hash",
                                  cf_json_hex(hash.bytes, sizeof hash.bytes)));
}

static void add_value(json_t *object, const char *name, const char *long_name,
                      const cf_told_value *value)
{
    if (value->is_long)
        add_long(object, long_name, value->value);
    else
        json_object_set_new(object, name,
                            value->value.size ? value_json(value->value) : json_null());
}

json_t *cf_conflict_json(const cf_conflict *conflict, cf_peer *peer)
{
    cf_arena arena = {0};
    char time[CF_TIME_TEXT];

    json_t *object = json_pack("{s:o, s:s}", "path", cf_json_name(conflict->path), "device",
                               cf_catalog_device_name(peer, &conflict->device, &arena));
    if (conflict->field) {
        cf_time_show(conflict->field->time_ms, time);
        json_object_set_new(object, "time", json_string(time));
        add_value(object, "value", "long_value", &conflict->field->value);
        add_value(object, "shown", "long_shown", &conflict->field->shown);
    }
    cf_arena_release(&arena);
    return object;
}

/* ---- Text ---- */

static bool is_text(cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_type type = CF_TYPE_NIL;
    cf_error ignored;

    return cf_read_type(&reader, &type, &ignored) == CF_OK && type == CF_TYPE_TEXT;
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

/* `"Anna"`, `5`, `"Once upon a ti…" (2000 bytes)`, `100000 bytes` */
static void append_value(const cf_told_value *value, cf_buffer *out)
{
    const char *quote = is_text(value->value) ? "\"" : "";
    cf_buffer text = {0};
    cf_hash hash;
    uint64_t size;
    cf_error ignored;

    if (!value->value.size) {
        cf_buffer_append_text(out, "a row that is gone");
    } else if (value->is_long) {
        if (cf_content_identity_read(value->value, &hash, &size, &ignored) == CF_OK)
            cf_buffer_append_text(out, "%llu bytes", (unsigned long long)size_inside(size));
    } else {
        cf_value_text(value->value, &text);
        cf_buffer_append_text(out, "%s", quote);
        append_short(&text, out);
        cf_buffer_append_text(out, "%s", quote);
        if (text.size > VALUE_SHOWN)
            cf_buffer_append_text(out, " (%zu bytes)", size_of(value->value, &text));
    }
    cf_buffer_release(&text);
}

static void print_field(const char *collection, const cf_conflict *conflict, const char *device,
                        const cf_output *output)
{
    char path[CF_NAME_SHOWN], time[CF_TIME_TEXT];
    cf_buffer value = {0};

    append_value(&conflict->field->value, &value);
    cf_buffer_append(&value, "", 1);
    cf_name_show(conflict->path, path);
    cf_time_show(conflict->field->time_ms, time);
    cf_print(output, "  conflict  %s//%s: not shown is %s, written on %s, %s\n", collection, path,
             (const char *)value.data, device, time);
    cf_buffer_release(&value);
}

static void print_copy(const cf_conflict *conflict, const char *device, const cf_output *output)
{
    char path[CF_NAME_SHOWN];

    cf_name_show(conflict->path, path);
    cf_print(output, "  conflict  %s: written on %s\n", path, device);
}

void cf_conflicts_print(const char *collection, const cf_binding_status *status, cf_peer *peer,
                        const cf_output *output)
{
    bool fields = false;
    cf_arena arena = {0};

    for (size_t i = 0; i < status->conflict_count; i++) {
        const cf_conflict *conflict = &status->conflicts[i];
        const char *device = cf_catalog_device_name(peer, &conflict->device, &arena);

        fields |= conflict->field != NULL;
        if (conflict->field)
            print_field(collection, conflict, device, output);
        else
            print_copy(conflict, device, output);
    }
    if (fields)
        cf_print(output, "  to settle it, give the field the value that is not shown, or none, and "
                         "sync; then it may be set to any\n");
    cf_arena_release(&arena);
}
