/* SPDX-License-Identifier: Apache-2.0 */
/* A card's lines, those of vCard 2.1 as vCard 3 spells them, and its entries as a row. */
#include "peer/adapters/vcard_inside.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* ---- Labels ---- */

/* Apple's labels: X-ABLabel names what stands in the same group. */

static bool same_word(cf_bytes a, cf_bytes b)
{
    return a.size == b.size && strncasecmp((const char *)a.data, (const char *)b.data, a.size) == 0;
}

static bool is_label(const cf_content_line *line)
{
    return line->group.size && cf_line_named(line, "X-ABLabel") && line->parameter_count == 0;
}

/* The first label of this group, or none. */
static size_t find_label(const cf_vcard_card *card, cf_bytes group)
{
    for (size_t i = cf_vcard_first_line(card); i <= cf_vcard_last_line(card); i++)
        if (cf_vcard_is_own(card, i) && same_word(card->lines->lines[i].group, group) &&
            is_label(&card->lines->lines[i]))
            return i;
    return CF_LINES_NONE;
}

/* Whether an entry of this form, which every line can be, has a place for a label. */
static bool takes_label(cf_vcard_form form)
{
    return form == CF_VCARD_TEXT || form == CF_VCARD_URI || form == CF_VCARD_RELATED ||
           form == CF_VCARD_ORGANIZATION || form == CF_VCARD_ADDRESS;
}

/* Lines that a set would have once. */
static bool say_the_same(const cf_vcard_card *card, size_t a, size_t b)
{
    const cf_vcard_property *property = cf_vcard_property_named(card->lines->lines[a].name);
    cf_arena arena = {0};
    cf_buffer values[2] = {{0}, {0}};
    const cf_vcard_line left = cf_vcard_card_line(card, a, &arena),
                        right = cf_vcard_card_line(card, b, &arena);

    bool same = property == cf_vcard_property_named(right.line->name) &&
                cf_vcard_value(&left, property, &values[0]) &&
                cf_vcard_value(&right, property, &values[1]) &&
                cf_bytes_equal(cf_buffer_view(&values[0]), cf_buffer_view(&values[1]));
    cf_buffer_release(&values[0]);
    cf_buffer_release(&values[1]);
    cf_arena_release(&arena);
    return same;
}

/* The only line of this group that has a place for a label, whatever the order of the lines, or
 * none. */
static size_t find_labelled(const cf_vcard_card *card, cf_bytes group)
{
    size_t found = CF_LINES_NONE;

    for (size_t i = cf_vcard_first_line(card); i <= cf_vcard_last_line(card); i++) {
        const cf_content_line *line = &card->lines->lines[i];

        if (!cf_vcard_is_own(card, i) || !same_word(line->group, group) ||
            !takes_label(cf_vcard_property_named(line->name)->form))
            continue;
        if (found != CF_LINES_NONE && !say_the_same(card, found, i))
            return CF_LINES_NONE;
        found = found == CF_LINES_NONE ? i : found;
    }
    return found;
}

size_t cf_vcard_label_of(const cf_vcard_card *card, size_t line)
{
    cf_bytes group = card->lines->lines[line].group;

    if (group.size == 0 || find_labelled(card, group) != line)
        return CF_LINES_NONE;
    return find_label(card, group);
}

/* Two devices that call a group item1 each don't mean one group: so its name is nothing that the
 * line says, as long as it names nothing else.
 *
 *     item1.TEL:1, item1.X-ABLabel:Boat    a telephone on the boat
 *     and item1.X-ABADR:de                 one in item1, which tells whose that is */
bool cf_vcard_is_tied(const cf_vcard_card *card, size_t line)
{
    const size_t label = cf_vcard_label_of(card, line);
    bool is_alone = label != CF_LINES_NONE;

    for (size_t i = cf_vcard_first_line(card); is_alone && i <= cf_vcard_last_line(card); i++)
        is_alone = i == line || i == label || !cf_vcard_is_own(card, i) ||
                   !same_word(card->lines->lines[i].group, card->lines->lines[line].group);
    return is_alone;
}

bool cf_vcard_is_taken_label(const cf_vcard_card *card, size_t index)
{
    const cf_content_line *line = &card->lines->lines[index];

    if (!is_label(line))
        return false;
    return find_labelled(card, line->group) != CF_LINES_NONE &&
           find_label(card, line->group) == index;
}
