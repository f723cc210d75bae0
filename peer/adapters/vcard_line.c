/* SPDX-License-Identifier: Apache-2.0 */
/* From one value to one line. */
#include "peer/adapters/vcard_inside.h"

#include <string.h>

#include "peer/adapters/text/content_text.h"
#include "peer/adapters/value_map.h"

void cf_vcard_write_uri(cf_bytes uri, cf_buffer *out)
{
    for (size_t i = 0; i < uri.size; i++) {
        uint8_t byte = uri.data[i];

        if (byte == '\n' || byte == '\r') {
            cf_buffer_append(out, "\\n", 2);
            continue;
        }
        if (byte == '\\')
            cf_buffer_append(out, &byte, 1);
        cf_buffer_append(out, &byte, 1);
    }
}

/* The components of one kind, with commas between them. */
static void write_components(cf_bytes components, const char *kind, cf_buffer *out)
{
    cf_value_walk walk = cf_value_walk_of(components);
    cf_bytes none, component, is, text;
    bool any = false;

    while (cf_value_next(&walk, &none, &component)) {
        if (!cf_value_member_text(component, "kind", &is) ||
            !cf_bytes_equal(is, cf_bytes_of_text(kind)) ||
            !cf_value_member_text(component, "value", &text))
            continue;
        cf_buffer_append_text(out, any ? "," : "");
        cf_content_text_write(text, out);
        any = true;
    }
}

/* At least `least` parts, more up to `count` where there are components. */
static void write_structure(cf_bytes components, const char *const *kinds, size_t least,
                            size_t count, cf_buffer *out)
{
    size_t kept = out->size;

    for (size_t i = 0; i < count; i++) {
        size_t before;

        cf_buffer_append_text(out, i ? ";" : "");
        before = out->size;
        write_components(components, kinds[i], out);
        if (i < least || out->size > before)
            kept = out->size;
    }
    out->size = kept;
}

static void write_address(cf_bytes entry, cf_buffer *out)
{
    cf_bytes components = {0}, beyond;

    cf_value_member(entry, "components", &components);
    write_structure(components, cf_vcard_address_kinds, 7, 7, out);
    if (cf_value_member_text(entry, "vCardBeyond", &beyond)) {
        cf_buffer_append_text(out, ";");
        cf_buffer_append(out, beyond.data, beyond.size);
    }
}

static void write_organization(cf_bytes entry, cf_buffer *out)
{
    cf_bytes units, none, unit, text;

    if (cf_value_member_text(entry, "name", &text))
        cf_content_text_write(text, out);
    if (!cf_value_member(entry, "units", &units))
        return;
    for (cf_value_walk walk = cf_value_walk_of(units); cf_value_next(&walk, &none, &unit);) {
        cf_buffer_append_text(out, ";");
        if (cf_value_member_text(unit, "name", &text))
            cf_content_text_write(text, out);
    }
}

/* vCard 4: YYYYMMDD, YYYY-MM, YYYY, --MMDD, --MM, ---DD; vCard 3 knows the first, with dashes. */
static bool write_date(cf_bytes entry, cf_vcard_version version, cf_buffer *out)
{
    uint64_t year = 0, month = 0, day = 0;
    cf_bytes date, part;

    if (!cf_value_member(entry, "date", &date))
        return false;
    if (cf_value_member(date, "year", &part))
        cf_value_is_uint(part, &year);
    if (cf_value_member(date, "month", &part))
        cf_value_is_uint(part, &month);
    if (cf_value_member(date, "day", &part))
        cf_value_is_uint(part, &day);
    if (year > 9999 || month > 12 || day > 31 || (year && day && !month) || !(year || month || day))
        return false;
    const char *dash = version == CF_VCARD_3_0 && year ? "-" : "";
    if (year)
        cf_buffer_append_text(out, "%04u", (unsigned)year);
    else
        cf_buffer_append_text(out, "--");
    if (month)
        cf_buffer_append_text(out, "%s%02u", year && !day ? "-" : dash, (unsigned)month);
    else if (!year)
        cf_buffer_append_text(out, "-");
    if (day)
        cf_buffer_append_text(out, "%s%02u", dash, (unsigned)day);
    return true;
}

/* ---- Media ---- */

/* data:TYPE;base64,BYTES: its type and bytes. */
static bool is_data(cf_bytes uri, cf_bytes *type, cf_bytes *bytes)
{
    static const char begin[] = "data:", middle[] = ";base64,";
    const uint8_t *found;

    if (uri.size < sizeof begin || memcmp(uri.data, begin, sizeof begin - 1) != 0)
        return false;
    *type = cf_bytes_of(uri.data + sizeof begin - 1, uri.size - (sizeof begin - 1));
    found = memmem(type->data, type->size < 200 ? type->size : 200, middle, sizeof middle - 1);
    if (!found)
        return false;
    *bytes = cf_bytes_of(found + sizeof middle - 1,
                         (size_t)(uri.data + uri.size - found) - (sizeof middle - 1));
    type->size = (size_t)(found - type->data);
    return cf_vcard_is_base64(*bytes);
}

/* TYPE=JPEG where the property's family says the rest. */
static void write_media_type(const char *name, cf_bytes type, cf_buffer *out)
{
    const char *family = strcmp(name, "SOUND") == 0 ? "audio/"
                         : strcmp(name, "KEY") == 0 ? "application/"
                                                    : "image/";
    size_t size = strlen(family);

    if (type.size == 0)
        return;
    cf_buffer_append_text(out, ";TYPE=");
    if (type.size > size && memcmp(type.data, family, size) == 0)
        type = cf_bytes_of(type.data + size, type.size - size);
    cf_parameter_write(type, out);
}

static bool write_media(const cf_vcard_property *property, cf_bytes entry, cf_vcard_version version,
                        cf_buffer *out)
{
    cf_bytes uri, type = {0}, bytes, params, own;

    if (!cf_value_member_text(entry, "uri", &uri))
        return false;
    bool has_type = cf_value_member_text(entry, "mediaType", &type);
    bool valued =
        cf_value_member(entry, "vCardParams", &params) && cf_value_member(params, "value", &own);
    if (version == CF_VCARD_3_0 && is_data(uri, &own, &bytes)) {
        cf_buffer_append_text(out, ";ENCODING=b");
        write_media_type(property->name, own, out);
        uri = bytes;
    } else if (version == CF_VCARD_3_0) {
        cf_buffer_append_text(out, valued ? "" : ";VALUE=uri");
        if (has_type)
            write_media_type(property->name, type, out);
    } else if (has_type) {
        cf_buffer_append_text(out, ";MEDIATYPE=");
        cf_parameter_write(type, out);
    }
    cf_buffer_append_text(out, ":");
    cf_vcard_write_uri(uri, out);
    return true;
}

/* ---- The rest ---- */

static void write_stamp(cf_bytes text, cf_buffer *out)
{
    /* 2024-01-02T03:04:05Z as 20240102T030405Z, which both versions know */
    if (text.size != 20 || text.data[4] != '-' || text.data[10] != 'T' || text.data[19] != 'Z') {
        cf_content_text_write(text, out);
        return;
    }
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] != '-' && text.data[i] != ':')
            cf_buffer_append(out, &text.data[i], 1);
}

/* The entry was written with VALUE=uri, and is written so again. */
static bool is_uri(cf_bytes entry)
{
    cf_bytes params, text;

    return cf_value_member(entry, "vCardParams", &params) &&
           cf_value_member_text(params, "value", &text) && cf_line_word_is(text, "uri");
}

static bool write_text_member(const cf_vcard_property *property, cf_bytes entry, cf_buffer *out)
{
    bool raw = is_uri(entry) || property->form == CF_VCARD_URI;
    cf_bytes text, params;

    if (property->form == CF_VCARD_RELATED)
        raw = !(cf_value_member(entry, "vCardParams", &params) &&
                cf_value_member_text(params, "value", &text) && cf_line_word_is(text, "text"));
    if (!cf_value_member_text(entry, property->member, &text))
        return false;
    if (raw)
        cf_vcard_write_uri(text, out);
    else
        cf_content_text_write(text, out);
    return true;
}

/* As it was spelled: the fourth of the four. */
static bool write_other(cf_bytes value, cf_buffer *out)
{
    cf_value_walk walk = cf_value_walk_of(value);
    cf_bytes none, part = {0}, text;

    for (size_t i = 0; i < 4; i++)
        if (!cf_value_next(&walk, &none, &part))
            return false;
    if (!cf_value_is_text(part, &text))
        return false;
    cf_buffer_append(out, text.data, text.size);
    return true;
}

static bool write_value(const cf_vcard_property *property, cf_bytes value, cf_vcard_version version,
                        cf_buffer *out)
{
    cf_bytes text;

    switch (property->form) {
    case CF_VCARD_NAME:
        write_structure(value, cf_vcard_name_kinds, 5, 7, out);
        return true;
    case CF_VCARD_STAMP:
        if (cf_value_is_text(value, &text))
            write_stamp(text, out);
        return cf_value_is_text(value, &text);
    case CF_VCARD_PLAIN:
    case CF_VCARD_BARE:
    case CF_VCARD_WORDS:
        if (cf_value_is_text(value, &text))
            cf_content_text_write(text, out);
        return cf_value_is_text(value, &text);
    case CF_VCARD_ADDRESS:
        write_address(value, out);
        return true;
    case CF_VCARD_ORGANIZATION:
        write_organization(value, out);
        return true;
    case CF_VCARD_DATE:
        return write_date(value, version, out);
    case CF_VCARD_OTHER:
        return write_other(value, out);
    default:
        return write_text_member(property, value, out);
    }
}

/* Whether what was written is read as a value of the same property. */
static bool is_read_again(const cf_vcard_property *property, cf_vcard_version version,
                          cf_bytes text)
{
    cf_arena arena = {0};
    cf_content_line line;
    cf_buffer value = {0};
    bool fine = cf_content_line_split(text, &arena, &line) && line.kind == CF_LINE_PROPERTY;

    if (fine && property->form != CF_VCARD_NAME) {
        const cf_vcard_line made = {.line = &line, .version = version, .value = line.value};

        fine = cf_vcard_value(&made, property, &value);
    }
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return fine;
}

bool cf_vcard_line_text(const cf_vcard_property *property, cf_bytes value, cf_bytes params,
                        cf_vcard_version version, cf_buffer *out)
{
    bool fine;

    cf_buffer_clear(out);
    if (!cf_vcard_write_head(property, value, params, version, out))
        return false;
    if (property->form == CF_VCARD_MEDIA) {
        fine = write_media(property, value, version, out);
    } else {
        cf_buffer_append_text(out, ":");
        fine = write_value(property, value, version, out);
    }
    return fine && is_read_again(property, version, cf_buffer_view(out));
}
