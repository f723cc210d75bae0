/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/vcard_inside.h"

#include <stdlib.h>
#include <string.h>

#include "codec/pack.h"
#include "codec/utf8.h"
#include "peer/adapters/text/content_text.h"

/* ---- Entries ---- */

static void add_entry(cf_vcard_card *card, const cf_vcard_entry *entry)
{
    *cf_one_more(card->entries, card->count, card->capacity) = *entry;
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
        made.is_tied = cf_vcard_is_tied(card, index);
    }
    if ((cf_vcard_is_single(entry.property) && has_single(card, entry.property)) ||
        !add_value(card, &made, &entry, arena)) {
        entry =
            (cf_vcard_entry){.property = &cf_vcard_other, .line = index, .label = CF_LINES_NONE};
        made.label = (cf_bytes){0};
        made.is_tied = false;
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
