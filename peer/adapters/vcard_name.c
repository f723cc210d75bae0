/* SPDX-License-Identifier: Apache-2.0 */
/* FN, which a card must have, of contacts without a full name: made of other fields and marked as
 * derived, so that, read again, the line is nobody's word. */
#include "peer/adapters/vcard_inside.h"

#include <string.h>

#include "peer/adapters/text/content_text.h"
#include "peer/adapters/value_map.h"

/* The order of a set says nothing. */
static void append_least(const cf_row *row, const char *name, const char *member, cf_buffer *out)
{
    const cf_row_field *field = cf_row_field_named(row, cf_bytes_of_text(name));
    cf_bytes least = {0}, text;

    for (size_t i = 0; field && i < field->count; i++)
        if (cf_value_member_text(field->values[i], member, &text) && text.size &&
            (!least.size || cf_bytes_compare(text, least) < 0))
            least = text;
    cf_buffer_append(out, least.data, least.size);
}

static void derive(const cf_row *row, cf_buffer *out)
{
    static const char *const kinds[] = {"given", "surname"};
    cf_bytes components = cf_vcard_plain(row, cf_bytes_of_text("/name/components"));
    cf_bytes none, component, kind, text;

    for (size_t i = 0; i < 2; i++)
        for (cf_value_walk walk = cf_value_walk_of(components);
             cf_value_next(&walk, &none, &component);)
            if (cf_value_member_text(component, "kind", &kind) &&
                cf_bytes_equal(kind, cf_bytes_of_text(kinds[i])) &&
                cf_value_member_text(component, "value", &text)) {
                cf_buffer_append_text(out, out->size ? " " : "");
                cf_buffer_append(out, text.data, text.size);
            }
    if (out->size == 0)
        append_least(row, "/organizations", "name", out);
    if (out->size == 0)
        append_least(row, "/emails", "address", out);
    if (out->size == 0)
        append_least(row, "/phones", "number", out);
}

/* ---- Reading ---- */

static bool is_marked(const cf_content_line *line)
{
    return line->group.size == 0 && line->parameter_count == 1 &&
           cf_line_word_is(line->parameters[0].name, "DERIVED") &&
           cf_line_word_is(line->parameters[0].value, "TRUE");
}

/* Whether the line says just what the others of the card do. */
static bool says_derived(const cf_vcard_card *card, const cf_vcard_entry *entry)
{
    cf_field_list list = {0};
    cf_arena arena = {0};
    cf_buffer is = {0}, name = {0};
    cf_row row = cf_vcard_card_row(card, &list, &arena);

    cf_content_text_read(card->lines->lines[entry->line].value, &is);
    derive(&row, &name);
    bool same = !is.size || cf_bytes_equal(cf_buffer_view(&is), cf_buffer_view(&name));
    cf_field_list_release(&list);
    cf_arena_release(&arena);
    cf_buffer_release(&is);
    cf_buffer_release(&name);
    return same;
}

void cf_vcard_name_settle(cf_vcard_card *card)
{
    for (size_t i = 0; i < card->count; i++) {
        cf_vcard_entry *entry = &card->entries[i];

        if (cf_vcard_is_single(entry->property) && strcmp(entry->property->name, "FN") == 0 &&
            is_marked(&card->lines->lines[entry->line]) && says_derived(card, entry)) {
            entry->value = entry->params = (cf_bytes){0};
            entry->derived = true;
        }
    }
}

/* ---- Writing ---- */

bool cf_vcard_name_line(const cf_vcard_card *card, const cf_vcard_entry *entry, const cf_row *row,
                        cf_buffer *out)
{
    cf_buffer name = {0}, is = {0};

    derive(row, &name);
    cf_content_text_read(card->lines->lines[entry->line].value, &is);
    bool stays = !entry->value.data &&
                 (!entry->derived || cf_bytes_equal(cf_buffer_view(&is), cf_buffer_view(&name)));
    cf_buffer_clear(out);
    cf_buffer_append_text(out, name.size ? "FN;DERIVED=TRUE:" : "FN:");
    cf_content_text_write(cf_buffer_view(&name), out);
    cf_buffer_release(&name);
    cf_buffer_release(&is);
    return !stays;
}
