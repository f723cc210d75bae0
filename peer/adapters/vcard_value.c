/* SPDX-License-Identifier: Apache-2.0 */
/* From one line to one value. */
#include "peer/adapters/vcard_inside.h"

#include <string.h>

#include "codec/pack.h"
#include "peer/adapters/text/content_text.h"

static void add_said(cf_value_builder *build, const char *name, cf_bytes spelled)
{
    cf_buffer text = {0};

    cf_content_text_read(spelled, &text);
    cf_build_member_text(build, name, cf_buffer_view(&text));
    cf_buffer_release(&text);
}

/* {"kind": …, "value": …} for each that isn't empty of a list. */
static void add_components(cf_value_builder *build, const char *kind, cf_bytes list)
{
    cf_bytes part;

    for (size_t at = 0; cf_content_part(list, ',', &at, &part);) {
        if (part.size == 0)
            continue;
        cf_build_map(build);
        cf_build_member_text(build, "kind", cf_bytes_of_text(kind));
        add_said(build, "value", part);
        cf_build_end(build);
    }
}

/* The components of a structured value, into an array that is open; returns where those beyond the
 * `count` kinds begin, or 0. */
static size_t add_structure(cf_value_builder *build, const char *const *kinds, size_t count,
                            cf_bytes value)
{
    size_t at = 0;
    cf_bytes part;

    for (size_t i = 0; i < count && cf_content_part(value, ';', &at, &part); i++)
        add_components(build, kinds[i], part);
    return at < value.size ? at : 0;
}

/* The parts beyond the seven of an address, which only RFC 9554 has a word for, stay as spelled. */
static void add_address(cf_value_builder *build, cf_bytes value)
{
    cf_build_name(build, "components");
    cf_build_array(build);
    size_t beyond = add_structure(build, cf_vcard_address_kinds, 7, value);
    cf_build_end(build);
    if (beyond)
        cf_build_member_text(build, "vCardBeyond",
                             cf_bytes_of(value.data + beyond, value.size - beyond));
}

static void add_organization(cf_value_builder *build, cf_bytes value)
{
    size_t at = 0, units = 0;
    cf_bytes part;

    cf_content_part(value, ';', &at, &part);
    add_said(build, "name", part);
    while (cf_content_part(value, ';', &at, &part)) {
        if (part.size == 0)
            continue;
        if (units++ == 0) {
            cf_build_name(build, "units");
            cf_build_array(build);
        }
        cf_build_map(build);
        add_said(build, "name", part);
        cf_build_end(build);
    }
    if (units)
        cf_build_end(build);
}

/* Digits at `*at`, as many as `count`; false: others. */
static bool take_digits(cf_bytes text, size_t *at, size_t count, unsigned *out)
{
    *out = 0;
    if (text.size - *at < count)
        return false;
    for (size_t i = 0; i < count; i++, ++*at) {
        if (text.data[*at] < '0' || text.data[*at] > '9')
            return false;
        *out = *out * 10 + (unsigned)(text.data[*at] - '0');
    }
    return true;
}

static bool skip(cf_bytes text, size_t *at, const char *word)
{
    size_t size = strlen(word);

    if (text.size - *at < size || memcmp(text.data + *at, word, size) != 0)
        return false;
    *at += size;
    return true;
}

/* YYYY, YYYY-MM, YYYYMMDD, YYYY-MM-DD, --MM, --MMDD, --MM-DD, ---DD: RFC 6350, 4.3.1. */
static bool add_date(cf_value_builder *build, cf_bytes text)
{
    unsigned year = 0, month = 0, day = 0;
    size_t at = 0;
    bool fine = true;

    if (text.size == 0)
        return false;
    if (skip(text, &at, "---")) {
        fine = take_digits(text, &at, 2, &day) && day > 0;
    } else {
        bool partial = skip(text, &at, "--");

        fine = partial || take_digits(text, &at, 4, &year);
        bool dash = !partial && skip(text, &at, "-");
        if (fine && (at < text.size || partial))
            fine = take_digits(text, &at, 2, &month) && month > 0 &&
                   (at == text.size || partial || skip(text, &at, "-") == dash);
        partial = partial && skip(text, &at, "-");
        if (fine && (at < text.size || partial || (!dash && year && month)))
            fine = take_digits(text, &at, 2, &day) && day > 0;
    }
    if (!fine || at < text.size || month > 12 || day > 31 || text.data[at - 1] == '-')
        return false;
    cf_build_name(build, "date");
    cf_build_map(build);
    const struct {
        const char *name;
        unsigned number;
    } parts[] = {{"year", year}, {"month", month}, {"day", day}};
    for (size_t i = 0; i < 3; i++)
        if (parts[i].number) {
            cf_build_name(build, parts[i].name);
            cf_build_uint(build, parts[i].number);
        }
    cf_build_end(build);
    return year || month || day;
}

/* ---- Media ---- */

bool cf_vcard_is_base64(cf_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (!((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
              (byte >= 'A' && byte <= 'Z') || strchr("+/= \t", byte)) ||
            !byte)
            return false;
    }
    return true;
}

static void append_lower(cf_bytes text, cf_buffer *out)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        byte = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
        cf_buffer_append(out, &byte, 1);
    }
}

/* The media type that vCard 3 names as TYPE=JPEG; nothing when it names none. */
static void append_media_type(const cf_vcard_line *line, const cf_vcard_property *property,
                              cf_buffer *out)
{
    const char *family = strcmp(property->name, "SOUND") == 0 ? "audio/"
                         : strcmp(property->name, "KEY") == 0 ? "application/"
                                                              : "image/";
    for (size_t i = 0; i < line->line->parameter_count; i++) {
        const cf_line_parameter *parameter = &line->line->parameters[i];
        size_t at = 0;
        cf_bytes part;

        if (parameter->name.size && !cf_line_word_is(parameter->name, "TYPE"))
            continue;
        while (cf_parameter_part(parameter->value, &at, &part)) {
            if (part.size == 0 || cf_line_word_is(part, "home") || cf_line_word_is(part, "work") ||
                cf_line_word_is(part, "pref") || cf_line_word_is(part, "base64"))
                continue;
            if (!memchr(part.data, '/', part.size))
                cf_buffer_append_text(out, "%s", family);
            append_lower(part, out);
            return;
        }
    }
}

static bool add_media(cf_value_builder *build, const cf_vcard_line *line,
                      const cf_vcard_property *property)
{
    const cf_line_parameter *type = cf_line_parameter_named(line->line, "MEDIATYPE");
    cf_buffer uri = {0}, text = {0};
    bool fine = true;

    if (cf_vcard_is_inline(line)) {
        fine = cf_vcard_is_base64(line->value);
        cf_buffer_append_text(&uri, "data:");
        append_media_type(line, property, &uri);
        cf_buffer_append_text(&uri, ";base64,");
        for (size_t i = 0; i < line->value.size; i++)
            if (line->value.data[i] != ' ' && line->value.data[i] != '\t')
                cf_buffer_append(&uri, &line->value.data[i], 1);
    } else {
        cf_content_text_read(line->value, &uri);
        if (line->version != CF_VCARD_4_0)
            append_media_type(line, property, &text);
    }
    if (type && type->value.size) {
        cf_bytes part;

        cf_buffer_clear(&text);
        for (size_t at = 0; cf_parameter_part(type->value, &at, &part) && !text.size;)
            cf_parameter_read(part, &text);
    }
    cf_build_member_text(build, "uri", cf_buffer_view(&uri));
    if (text.size)
        cf_build_member_text(build, "mediaType", cf_buffer_view(&text));
    cf_buffer_release(&uri);
    cf_buffer_release(&text);
    return fine;
}

/* ---- Plain values ---- */

/* 2024-01-02T03:04:05Z of any of its spellings; what is none stays as it is. */
static void append_stamp(cf_bytes text, cf_buffer *out)
{
    unsigned parts[6] = {0};
    size_t at = 0;
    bool fine = take_digits(text, &at, 4, &parts[0]);

    for (size_t i = 1; i < 6 && fine; i++) {
        const char *separator = i < 3 ? "-" : i == 3 ? "T" : ":";

        fine = (skip(text, &at, separator) || i != 3) && take_digits(text, &at, 2, &parts[i]);
    }
    if (fine && skip(text, &at, "Z") && at == text.size)
        cf_buffer_append_text(out, "%04u-%02u-%02uT%02u:%02u:%02uZ", parts[0], parts[1], parts[2],
                              parts[3], parts[4], parts[5]);
    else
        cf_buffer_append(out, text.data, text.size);
}

static bool name_value(cf_bytes spelled, cf_buffer *out)
{
    cf_value_builder build = {0};
    cf_error ignored;

    cf_build_array(&build);
    const size_t beyond = add_structure(&build, cf_vcard_name_kinds, 7, spelled);
    const bool any = cf_build_count(&build) > 0;
    cf_build_end(&build);
    return !cf_build_finish(&build, out, &ignored) && any && !beyond;
}

static bool plain_value(const cf_vcard_line *line, const cf_vcard_property *property,
                        cf_buffer *out)
{
    cf_buffer text = {0}, stamp = {0};

    if (property->form == CF_VCARD_NAME)
        return name_value(line->value, out);
    cf_content_text_read(line->value, &text);
    if (property->form == CF_VCARD_STAMP)
        append_stamp(cf_buffer_view(&text), &stamp);
    cf_buffer_clear(out);
    cf_pack_text(out, cf_buffer_view(property->form == CF_VCARD_STAMP ? &stamp : &text));
    cf_buffer_release(&text);
    cf_buffer_release(&stamp);
    return true;
}

bool cf_vcard_params_value(const cf_vcard_line *line, cf_buffer *out)
{
    const cf_vcard_property *property = cf_vcard_property_named(line->line->name);
    cf_value_builder build = {0};
    cf_error ignored;

    cf_build_map(&build);
    cf_vcard_read_params(line, property, &build);
    const bool any = cf_build_count(&build) > 0;
    cf_build_end(&build);
    return !cf_build_finish(&build, out, &ignored) && any;
}

/* [name, parameters, "unknown", value as spelled]. */
static void add_other(const cf_vcard_line *line, cf_value_builder *build)
{
    cf_buffer name = {0};

    append_lower(line->line->name, &name);
    cf_build_array(build);
    cf_build_text(build, cf_buffer_view(&name));
    cf_build_map(build);
    cf_vcard_read_params(line, &cf_vcard_other, build);
    cf_build_end(build);
    cf_build_text(build, cf_bytes_of_text("unknown"));
    cf_build_text(build, line->value);
    cf_build_end(build);
    cf_buffer_release(&name);
}

static bool add_entry(const cf_vcard_line *line, const cf_vcard_property *property,
                      cf_value_builder *build)
{
    bool fine = true;

    cf_build_map(build);
    if (property->kind)
        cf_build_member_text(build, "kind", cf_bytes_of_text(property->kind));
    switch (property->form) {
    case CF_VCARD_ADDRESS:
        add_address(build, line->value);
        break;
    case CF_VCARD_ORGANIZATION:
        add_organization(build, line->value);
        break;
    case CF_VCARD_DATE:
        fine = add_date(build, line->value);
        break;
    case CF_VCARD_MEDIA:
        fine = add_media(build, line, property);
        break;
    default:
        add_said(build, property->member, line->value);
    }
    cf_vcard_read_params(line, property, build);
    cf_build_end(build);
    return fine;
}

static void bare_value(cf_bytes spelled, cf_buffer *out)
{
    cf_buffer text = {0};

    cf_content_text_read(spelled, &text);
    cf_buffer_clear(out);
    cf_pack_text(out, cf_buffer_view(&text));
    cf_buffer_release(&text);
}

bool cf_vcard_value(const cf_vcard_line *line, const cf_vcard_property *property, cf_buffer *out)
{
    const bool bare = property->form == CF_VCARD_WORDS || property->form == CF_VCARD_BARE;
    cf_value_builder build = {0};
    bool fine = true;
    cf_error ignored;

    if (cf_vcard_is_single(property))
        return plain_value(line, property, out);
    if (bare && (line->line->parameter_count || line->line->group.size))
        return false; /* a text has no place for them */
    if (bare) {
        bare_value(line->value, out);
        return true;
    }
    if (property->form == CF_VCARD_OTHER)
        add_other(line, &build);
    else
        fine = add_entry(line, property, &build);
    return !cf_build_finish(&build, out, &ignored) && fine;
}
