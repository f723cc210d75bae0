/* SPDX-License-Identifier: Apache-2.0 */
/* The table of properties for which JSContact has a word (RFC 9555), see vcard_inside.h: which
 * field a line is, and which property an entry of a field is written as. */
#include "peer/adapters/vcard_inside.h"

#include <string.h>

#include "peer/adapters/value_map.h"

/* Of properties with one field and form, the first is what an entry without a kind is written as.
 */
static const cf_vcard_property properties[] = {
    {"FN", "/name/full", NULL, NULL, CF_VCARD_PLAIN},
    {"N", "/name/components", NULL, NULL, CF_VCARD_NAME},
    {"KIND", "/kind", NULL, NULL, CF_VCARD_PLAIN},
    {"LANGUAGE", "/language", NULL, NULL, CF_VCARD_PLAIN},
    {"PRODID", "/prodId", NULL, NULL, CF_VCARD_PLAIN},
    {"REV", "/updated", NULL, NULL, CF_VCARD_STAMP},
    {"CREATED", "/created", NULL, NULL, CF_VCARD_STAMP},
    {"NICKNAME", "/nicknames", "name", NULL, CF_VCARD_NAMES},
    {"CATEGORIES", "/keywords", NULL, NULL, CF_VCARD_WORDS},
    {"EMAIL", "/emails", "address", NULL, CF_VCARD_TEXT},
    {"TEL", "/phones", "number", NULL, CF_VCARD_TEXT},
    {"ADR", "/addresses", NULL, NULL, CF_VCARD_ADDRESS},
    {"ORG", "/organizations", NULL, NULL, CF_VCARD_ORGANIZATION},
    {"TITLE", "/titles", "name", "title", CF_VCARD_TEXT},
    {"ROLE", "/titles", "name", "role", CF_VCARD_TEXT},
    {"NOTE", "/notes", "note", NULL, CF_VCARD_TEXT},
    {"URL", "/links", "uri", NULL, CF_VCARD_URI},
    {"CONTACT-URI", "/links", "uri", "contact", CF_VCARD_URI},
    {"IMPP", "/onlineServices", "uri", NULL, CF_VCARD_URI},
    {"BDAY", "/anniversaries", NULL, "birth", CF_VCARD_DATE},
    {"DEATHDATE", "/anniversaries", NULL, "death", CF_VCARD_DATE},
    {"ANNIVERSARY", "/anniversaries", NULL, "wedding", CF_VCARD_DATE},
    {"PHOTO", "/media", "uri", "photo", CF_VCARD_MEDIA},
    {"LOGO", "/media", "uri", "logo", CF_VCARD_MEDIA},
    {"SOUND", "/media", "uri", "sound", CF_VCARD_MEDIA},
    {"KEY", "/cryptoKeys", "uri", NULL, CF_VCARD_MEDIA},
    {"SOURCE", "/directories", "uri", "entry", CF_VCARD_URI},
    {"ORG-DIRECTORY", "/directories", "uri", "directory", CF_VCARD_URI},
    {"CALURI", "/calendars", "uri", "calendar", CF_VCARD_URI},
    {"FBURL", "/calendars", "uri", "freeBusy", CF_VCARD_URI},
    {"CALADRURI", "/schedulingAddresses", "uri", NULL, CF_VCARD_URI},
    {"LANG", "/preferredLanguages", "language", NULL, CF_VCARD_TEXT},
    {"EXPERTISE", "/personalInfo", "value", "expertise", CF_VCARD_TEXT},
    {"HOBBY", "/personalInfo", "value", "hobby", CF_VCARD_TEXT},
    {"INTEREST", "/personalInfo", "value", "interest", CF_VCARD_TEXT},
    {"MEMBER", "/members", NULL, NULL, CF_VCARD_BARE},
    {"RELATED", "/relatedTo", "uid", NULL, CF_VCARD_RELATED},
};
enum { PROPERTIES = sizeof properties / sizeof *properties };

const cf_vcard_property cf_vcard_other = {NULL, "/vCardProps", NULL, NULL, CF_VCARD_OTHER};

const cf_vcard_type cf_vcard_contexts[2] = {{"home", "private"}, {"work", "work"}};
const cf_vcard_type cf_vcard_features[8] = {{"cell", "mobile"},
                                            {"voice", "voice"},
                                            {"fax", "fax"},
                                            {"pager", "pager"},
                                            {"video", "video"},
                                            {"text", "text"},
                                            {"textphone", "textphone"},
                                            {"main-number", "main-number"}};
const char *const cf_vcard_address_kinds[7] = {"postOfficeBox", "apartment", "name",   "locality",
                                               "region",        "postcode",  "country"};
/* The last two are of RFC 9554. */
const char *const cf_vcard_name_kinds[7] = {"surname",    "given",    "given2",    "title",
                                            "credential", "surname2", "generation"};

const cf_vcard_property *cf_vcard_property_named(cf_bytes name)
{
    for (size_t i = 0; i < PROPERTIES; i++)
        if (cf_line_word_is(name, properties[i].name))
            return &properties[i];
    return &cf_vcard_other;
}

/* How well an entry fits a property of its field: by its kind, or where neither needs one. */
static unsigned fit_of(const cf_vcard_property *property, bool has_kind, cf_bytes kind)
{
    if (property->kind)
        return has_kind ? (cf_bytes_equal(kind, cf_bytes_of_text(property->kind)) ? 3 : 0) : 1;
    return has_kind ? 2 : 3;
}

const cf_vcard_property *cf_vcard_property_for(cf_bytes field, cf_bytes value)
{
    const cf_vcard_property *best = NULL;
    unsigned best_fit = 0;
    cf_bytes kind = {0};
    bool has_kind = cf_value_member_text(value, "kind", &kind);

    if (cf_bytes_equal(field, cf_bytes_of_text(cf_vcard_other.field)))
        return &cf_vcard_other;
    for (size_t i = 0; i < PROPERTIES; i++) {
        const cf_vcard_property *property = &properties[i];
        unsigned fit = fit_of(property, has_kind, kind);

        if (fit > best_fit && cf_bytes_equal(field, cf_bytes_of_text(property->field))) {
            best = property;
            best_fit = fit;
        }
    }
    return best;
}

bool cf_vcard_is_single(const cf_vcard_property *property)
{
    return property->form <= CF_VCARD_NAME;
}

bool cf_vcard_is_list(const cf_vcard_property *property)
{
    return property->form == CF_VCARD_NAMES || property->form == CF_VCARD_WORDS;
}

/* Each property's field once, then their parameters', and what there is no word for. */
cf_format_table cf_vcard_format(cf_arena *arena)
{
    cf_format_field *fields = cf_arena_allocate(arena, 2 * PROPERTIES + 1, sizeof *fields);
    cf_format_table format = {.name = cf_bytes_of_text(CF_TABLE_CONTACTS), .fields = fields};

    for (size_t i = 0; i < PROPERTIES; i++) {
        const cf_vcard_property *property = &properties[i];

        if (i == 0 || strcmp(properties[i - 1].field, property->field) != 0)
            fields[format.field_count++].name = cf_bytes_of_text(property->field);
        if (cf_vcard_is_single(property))
            fields[format.field_count++].name = cf_vcard_params_field(property, arena);
    }
    fields[format.field_count++].name = cf_bytes_of_text(cf_vcard_other.field);
    return format;
}

cf_bytes cf_vcard_params_field(const cf_vcard_property *property, cf_arena *arena)
{
    cf_buffer name = {0};

    cf_buffer_append_text(&name, "/vCardParams/");
    for (const char *at = property->name; *at; at++) {
        char letter = (char)(*at >= 'A' && *at <= 'Z' ? *at + ('a' - 'A') : *at);

        cf_buffer_append(&name, &letter, 1);
    }
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&name));
    cf_buffer_release(&name);
    return copy;
}

cf_bytes cf_vcard_plain(const cf_row *row, cf_bytes name)
{
    const cf_row_field *field = cf_row_field_named(row, name);

    return field ? field->values[0] : (cf_bytes){0};
}
