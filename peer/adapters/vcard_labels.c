/* SPDX-License-Identifier: Apache-2.0 */
/* Apple's labels: X-ABLabel names what stands in the same group. */
#include "peer/adapters/vcard_inside.h"

#include <strings.h>

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

bool cf_vcard_is_taken_label(const cf_vcard_card *card, size_t index)
{
    const cf_content_line *line = &card->lines->lines[index];

    if (!is_label(line))
        return false;
    return find_labelled(card, line->group) != CF_LINES_NONE &&
           find_label(card, line->group) == index;
}
