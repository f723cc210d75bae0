/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/vcard_inside.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "codec/pack.h"
#include "codec/utf8.h"
#include "peer/adapters/text/content_text.h"

bool cf_vcard_is_own(const cf_vcard_card *card, size_t line)
{
    const cf_content_line *at = &card->lines->lines[line];

    return at->kind == CF_LINE_PROPERTY && at->component == card->component;
}

size_t cf_vcard_first_line(const cf_vcard_card *card)
{
    return card->lines->components[card->component].first;
}

size_t cf_vcard_last_line(const cf_vcard_card *card)
{
    return card->lines->components[card->component].last;
}

/* ---- vCard 2.1 ---- */

enum { CHARSET_SIZE = 40, CONVERTED = 4096 };

static bool is_printable(const cf_content_line *line)
{
    for (size_t i = 0; i < line->parameter_count; i++)
        if (cf_line_word_is(line->parameters[i].value, "QUOTED-PRINTABLE"))
            return true;
    return false;
}

/* Which charsets there are is what the C library knows. */
static bool is_charset(cf_bytes name, char *out, size_t size)
{
    if (name.size == 0 || name.size >= size)
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (!isalnum(name.data[i]) && !strchr("-_.:+", name.data[i]))
            return false;
    memcpy(out, name.data, name.size);
    out[name.size] = 0;
    return true;
}

/* All of it, into `out`; false: it is none of that charset. */
static bool convert(iconv_t from, cf_bytes text, cf_buffer *out)
{
    char part[CONVERTED], *in = (char *)text.data;
    size_t left = text.size, done = 0;

    while (done != (size_t)-1 && left) {
        char *end = part;
        size_t room = sizeof part;

        done = iconv(from, &in, &left, &end, &room);
        cf_buffer_append(out, part, sizeof part - room);
        if (done == (size_t)-1 && errno == E2BIG)
            done = 0;
    }
    return done != (size_t)-1;
}

/* What is there in the charset that the line names, as UTF-8; false: it can't be told. */
static bool to_utf8(const cf_content_line *line, cf_buffer *plain)
{
    const cf_line_parameter *charset = cf_line_parameter_named(line, "CHARSET");
    char name[CHARSET_SIZE];
    cf_buffer out = {0};

    if (!charset || cf_line_word_is(charset->value, "UTF-8"))
        return true;
    if (!is_charset(charset->value, name, sizeof name))
        return false;
    iconv_t from = iconv_open("UTF-8", name);
    if (from == (iconv_t)-1)
        return false;
    bool fine = convert(from, cf_buffer_view(plain), &out);
    iconv_close(from);
    cf_buffer_release(plain);
    *plain = out;
    return fine;
}

/* A value of vCard 2.1 as vCard 3 spells it: a comma means nothing there, a backslash only before
 * ';'. */
static cf_bytes as_in_3_0(const cf_content_line *line, bool *garbled, cf_arena *arena)
{
    cf_buffer plain = {0}, spelled = {0};

    if (is_printable(line))
        cf_quoted_printable_read(line->value, &plain);
    else
        cf_buffer_append(&plain, line->value.data, line->value.size);
    *garbled = !to_utf8(line, &plain);
    for (size_t i = 0; i < plain.size; i++) {
        uint8_t byte = plain.data[i];

        if (byte == '\r' && i + 1 < plain.size && plain.data[i + 1] == '\n')
            continue;
        if (byte == '\n' || byte == '\r') {
            cf_buffer_append(&spelled, "\\n", 2);
            continue;
        }
        if (byte == ',' || (byte == '\\' && (i + 1 == plain.size || plain.data[i + 1] != ';')))
            cf_buffer_append(&spelled, "\\", 1);
        cf_buffer_append(&spelled, &byte, 1);
        if (byte == '\\' && i + 1 < plain.size && plain.data[i + 1] == ';')
            cf_buffer_append(&spelled, &plain.data[++i], 1);
    }
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&spelled));
    cf_buffer_release(&plain);
    cf_buffer_release(&spelled);
    return copy;
}

cf_vcard_line cf_vcard_card_line(const cf_vcard_card *card, size_t line, cf_arena *arena)
{
    const cf_content_line *at = &card->lines->lines[line];

    cf_vcard_line made = {.line = at, .version = card->version, .value = at->value};

    if (card->version == CF_VCARD_2_1)
        made.value = as_in_3_0(at, &made.garbled, arena);
    return made;
}

/* ---- Entries ---- */

static void add_entry(cf_vcard_card *card, const cf_vcard_entry *entry)
{
    card->entries = cf_grow(card->entries, &card->capacity, card->count + 1, sizeof *card->entries);
    card->entries[card->count++] = *entry;
}

static bool has_single(const cf_vcard_card *card, const cf_vcard_property *property)
{
    for (size_t i = 0; i < card->count; i++)
        if (card->entries[i].property == property)
            return true;
    return false;
}

/* A list: an entry for each part, or none at all. */
static bool add_parts(cf_vcard_card *card, cf_vcard_line *line, cf_vcard_entry *entry,
                      cf_arena *arena)
{
    const cf_bytes list = line->value;
    const size_t before = card->count;
    cf_buffer value = {0};
    bool fine = true;
    cf_bytes part;

    for (size_t at = 0; fine && cf_content_part(list, ',', &at, &part);) {
        line->value = part;
        fine = cf_vcard_value(line, entry->property, &value);
        entry->value = cf_arena_copy(arena, cf_buffer_view(&value));
        if (fine)
            add_entry(card, entry);
    }
    if (!fine)
        card->count = before;
    line->value = list;
    cf_buffer_release(&value);
    return fine;
}

/* An empty FN or N says nothing, and is where a name would be written. */
static bool says_nothing(const cf_vcard_line *line, const cf_vcard_property *property)
{
    if (property->form != CF_VCARD_NAME && strcmp(property->field, "/name/full") != 0)
        return false;
    for (size_t i = 0; i < line->value.size; i++)
        if (!strchr(";, ", line->value.data[i]) || !line->value.data[i])
            return false;
    return true;
}

static bool add_value(cf_vcard_card *card, cf_vcard_line *line, cf_vcard_entry *entry,
                      cf_arena *arena)
{
    const cf_vcard_property *property = entry->property;
    cf_buffer value = {0};
    bool fine = true;

    entry->field = cf_bytes_of_text(property->field);
    if (cf_vcard_is_list(property))
        return add_parts(card, line, entry, arena);
    if (!says_nothing(line, property)) {
        fine = cf_vcard_value(line, property, &value);
        entry->value = cf_arena_copy(arena, cf_buffer_view(&value));
    }
    if (fine && cf_vcard_is_single(property) && cf_vcard_params_value(line, &value))
        entry->params = cf_arena_copy(arena, cf_buffer_view(&value));
    if (fine)
        add_entry(card, entry);
    cf_buffer_release(&value);
    return fine;
}

static void read_line(cf_vcard_card *card, size_t index, cf_arena *arena)
{
    const cf_content_line *line = &card->lines->lines[index];
    cf_vcard_entry entry = {.property = cf_vcard_property_named(line->name),
                            .line = index,
                            .label = cf_vcard_label_of(card, index)};
    cf_vcard_line made = cf_vcard_card_line(card, index, arena);
    cf_buffer label = {0};

    if (made.garbled || !cf_utf8_valid(made.value)) {
        card->trouble = made.garbled
                            ? "is in a charset that isn't known, or says what that has not: export "
                              "it again, as vCard 3.0 or 4.0"
                        : cf_utf8_valid(line->value)
                            ? "stands for characters that aren't UTF-8: export it again, as vCard "
                              "3.0 or 4.0"
                            : "isn't UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`";
        card->trouble_number = line->number;
        return;
    }
    if (entry.label != CF_LINES_NONE) {
        cf_content_text_read(card->lines->lines[entry.label].value, &label);
        made.label = cf_arena_copy(arena, cf_buffer_view(&label));
    }
    if ((cf_vcard_is_single(entry.property) && has_single(card, entry.property)) ||
        !add_value(card, &made, &entry, arena)) {
        entry =
            (cf_vcard_entry){.property = &cf_vcard_other, .line = index, .label = CF_LINES_NONE};
        made.label = (cf_bytes){0};
        add_value(card, &made, &entry, arena);
    }
    cf_buffer_release(&label);
}

/* ---- Cards ---- */

static void set_trouble(cf_vcard_card *card, const char *trouble, size_t number)
{
    if (!card->trouble) {
        card->trouble = trouble;
        card->trouble_number = number;
    }
}

static void read_version(cf_vcard_card *card, const cf_content_line *line)
{
    static const char *const versions[] = {"2.1", "3.0", "4.0"};

    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (cf_line_word_is(line->value, versions[i])) {
            card->version = (cf_vcard_version)i;
            return;
        }
    set_trouble(card, "has a version that isn't known: 2.1, 3.0 and 4.0 are", line->number);
}

static void read_key(cf_vcard_card *card, const cf_content_line *line, cf_arena *arena)
{
    cf_buffer text = {0}, value = {0};

    cf_content_text_read(line->value, &text);
    cf_pack_text(&value, cf_buffer_view(&text));
    if (text.size)
        card->key = cf_arena_copy(arena, cf_buffer_view(&value));
    cf_buffer_release(&text);
    cf_buffer_release(&value);
}

/* What must be known before the other lines are read. */
static void read_frame(cf_vcard_card *card, cf_arena *arena)
{
    const cf_component *component = &card->lines->components[card->component];
    const size_t number = card->lines->lines[component->first].number;

    if (component->trouble)
        set_trouble(card, component->trouble, component->trouble_number);
    for (size_t i = component->first; i <= component->last; i++) {
        const cf_content_line *line = &card->lines->lines[i];

        if (cf_vcard_is_own(card, i) && cf_line_named(line, "VERSION"))
            read_version(card, line);
        else if (cf_vcard_is_own(card, i) && cf_line_named(line, "UID") && !card->key.data)
            read_key(card, line, arena);
        if (line->component != card->component && card->version == CF_VCARD_2_1)
            set_trouble(
                card,
                "holds another card, as its AGENT, and only cards by themselves are synced: "
                "move that one into a file of its own, or behind the END:VCARD of this one",
                line->number);
    }
    if (!card->key.data)
        set_trouble(card, "has no UID: give it one of its own, as `vdirsyncer repair` does",
                    number);
    if (component->last - component->first > CF_VCARD_LINES_MAX)
        set_trouble(card, "has too many lines: delete some", number);
}

void cf_vcard_card_read(const cf_content_lines *lines, size_t component, cf_arena *arena,
                        cf_vcard_card *out)
{
    cf_vcard_card card = {.lines = lines, .component = component, .version = CF_VCARD_3_0};
    bool has_uid = false;

    read_frame(&card, arena);
    for (size_t i = cf_vcard_first_line(&card); i <= cf_vcard_last_line(&card) && !card.trouble;
         i++) {
        const cf_content_line *line = &lines->lines[i];

        if (!cf_vcard_is_own(&card, i) || cf_line_named(line, "VERSION") ||
            cf_vcard_is_taken_label(&card, i))
            continue;
        if (!cf_line_named(line, "UID") || has_uid)
            read_line(&card, i, arena);
        else
            has_uid = true;
    }
    cf_vcard_name_settle(&card);
    *out = card;
}

void cf_vcard_card_release(cf_vcard_card *card)
{
    free(card->entries);
    *card = (cf_vcard_card){0};
}

cf_row cf_vcard_card_row(const cf_vcard_card *card, cf_field_list *list, cf_arena *arena)
{
    cf_row row = {.table = cf_bytes_of_text(CF_TABLE_CONTACTS), .key = card->key};

    for (size_t i = 0; i < card->count; i++) {
        const cf_vcard_entry *entry = &card->entries[i];

        if (entry->value.data)
            cf_field_list_add(list, arena, entry->field, entry->value);
        if (entry->params.data)
            cf_field_list_add(list, arena, cf_vcard_params_field(entry->property, arena),
                              entry->params);
    }
    cf_field_list_take(list, arena, &row);
    return row;
}
