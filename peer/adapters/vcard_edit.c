/* SPDX-License-Identifier: Apache-2.0 */
/* One card, line by line, made to say what a row says. */
#include "peer/adapters/vcard_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/adapters/text/content_text.h"
#include "peer/adapters/value_map.h"

/* One card that is to say what a row says. What no line can say is left out. */
typedef struct {
    const cf_vcard_card *card;
    const cf_row *row;
    cf_line_edits *edits;
    bool *kept; /* of each entry: it says something that the row says, or is made to */
    cf_arena arena;
    cf_buffer text;
    cf_buffer words; /* that are new in a list, with commas between them */
} writing;

static void replace(writing *self, size_t line)
{
    cf_error error;

    (void)cf_line_edits_replace(self->edits, line, cf_buffer_view(&self->text), &error);
}

static void insert(writing *self, size_t after)
{
    cf_error error;

    (void)cf_line_edits_insert(self->edits, after, cf_buffer_view(&self->text), &error);
}

/* Behind the last line of this field, else before the card's end. */
static size_t place_of(const writing *self, cf_bytes field)
{
    const cf_vcard_card *card = self->card;
    size_t place = card->lines->components[card->component].last - 1;

    for (size_t i = 0; i < card->count; i++) {
        const cf_vcard_entry *entry = &card->entries[i];

        if (cf_bytes_equal(entry->field, field))
            place = entry->label != CF_LINES_NONE && entry->label > entry->line ? entry->label
                                                                                : entry->line;
    }
    return place;
}

/* ---- Plain values ---- */

static void write_single(writing *self, const cf_vcard_entry *entry)
{
    const cf_vcard_property *property = entry->property;
    cf_bytes value = cf_vcard_plain(self->row, entry->field);
    cf_bytes params = cf_vcard_plain(self->row, cf_vcard_params_field(property, &self->arena));

    if (!value.data && strcmp(property->name, "FN") == 0) {
        if (cf_vcard_name_line(self->card, entry, self->row, &self->text))
            replace(self, entry->line); /* no card is without it */
        return;
    }
    if (cf_value_same(value, entry->value) && cf_value_same(params, entry->params))
        return;
    if (!value.data)
        cf_line_edits_delete(self->edits, entry->line);
    else if (cf_vcard_line_text(property, value, params, self->card->version, &self->text))
        replace(self, entry->line);
}

static bool has_entry(const cf_vcard_card *card, const cf_vcard_property *property)
{
    for (size_t i = 0; i < card->count; i++)
        if (card->entries[i].property == property)
            return true;
    return false;
}

static void add_single(writing *self, const cf_vcard_property *property, cf_bytes value)
{
    cf_bytes params = cf_vcard_plain(self->row, cf_vcard_params_field(property, &self->arena));

    if (!has_entry(self->card, property) &&
        cf_vcard_line_text(property, value, params, self->card->version, &self->text))
        insert(self, place_of(self, cf_bytes_of_text(property->field)));
}

/* ---- Labels ---- */

static bool uses_group(const cf_vcard_card *card, const char *group)
{
    const cf_component *component = &card->lines->components[card->component];

    for (size_t i = component->first; i <= component->last; i++)
        if (cf_line_word_is(card->lines->lines[i].group, group))
            return true;
    return false;
}

static cf_bytes group_of(cf_bytes value)
{
    cf_bytes params, group = {0};

    if (cf_value_member(value, "vCardParams", &params))
        cf_value_member_text(params, "group", &group);
    return group;
}

/* The line that is being written gets a group, if it has none, so that it can have a label. True:
 * it had none. */
static bool ensure_group(writing *self, cf_bytes value, cf_bytes old, size_t number,
                         cf_buffer *group)
{
    cf_bytes own = group_of(value);
    cf_buffer line = {0};

    cf_buffer_clear(group);
    if (own.size) {
        cf_buffer_append(group, own.data, own.size);
        return false;
    }
    if (old.size)
        cf_buffer_append(group, old.data, old.size);
    for (size_t i = number + 1; !old.size; i++) {
        char name[32];

        snprintf(name, sizeof name, "item%zu", i);
        cf_buffer_clear(group);
        cf_buffer_append_text(group, "%s", name);
        if (!uses_group(self->card, name))
            break;
    }
    cf_buffer_append(&line, group->data, group->size);
    cf_buffer_append_text(&line, ".");
    cf_buffer_append(&line, self->text.data, self->text.size);
    cf_buffer_release(&self->text);
    self->text = line;
    return true;
}

static void label_text(writing *self, const cf_buffer *group, cf_bytes label)
{
    cf_buffer_clear(&self->text);
    cf_buffer_append(&self->text, group->data, group->size);
    cf_buffer_append_text(&self->text, ".X-ABLabel:");
    cf_content_text_write(label, &self->text);
}

/* ---- Entries of sets ---- */

/* Whether the entry's line says what is about to be written: all but the label is the same. */
static bool says_so_already(const writing *self, const cf_vcard_entry *entry)
{
    cf_buffer text = {0};
    bool already = cf_vcard_line_text(entry->property, entry->value, (cf_bytes){0},
                                      self->card->version, &text) &&
                   cf_bytes_equal(cf_buffer_view(&text), cf_buffer_view(&self->text));

    cf_buffer_release(&text);
    return already;
}

/* What makes the card this one is no property that anyone can add. */
static bool is_frame(const cf_vcard_property *property, cf_bytes value)
{
    cf_bytes name;

    return property->form == CF_VCARD_OTHER && cf_value_is_text(cf_value_first(value), &name) &&
           (cf_line_word_is(name, "version") || cf_line_word_is(name, "uid"));
}

/* In place of the line `entry`, or as a new one. `number` keeps the groups of new labels apart. */
static void write_entry(writing *self, const cf_vcard_entry *entry, cf_bytes field,
                        const cf_vcard_property *property, cf_bytes value, size_t number)
{
    size_t place = entry ? entry->line : place_of(self, field);
    cf_buffer group = {0};
    cf_bytes label;

    if (is_frame(property, value) ||
        !cf_vcard_line_text(property, value, (cf_bytes){0}, self->card->version, &self->text))
        return;
    bool other = !entry || !says_so_already(self, entry);
    bool labelled = cf_value_member_text(value, "label", &label);
    if (labelled)
        other |= ensure_group(self, value,
                              entry ? self->card->lines->lines[entry->line].group : (cf_bytes){0},
                              number, &group);
    if (!entry)
        insert(self, place);
    else if (other)
        replace(self, place);
    if (entry && entry->label != CF_LINES_NONE)
        cf_line_edits_delete(self->edits, entry->label);
    if (labelled) {
        label_text(self, &group, label);
        if (entry && entry->label != CF_LINES_NONE)
            replace(self, entry->label);
        else
            insert(self, place);
    }
    cf_buffer_release(&group);
}

static bool says(const cf_vcard_entry *entry, cf_bytes field, cf_bytes value)
{
    return cf_bytes_equal(entry->field, field) && cf_bytes_equal(entry->value, value);
}

static bool keep_equal(writing *self, cf_bytes field, cf_bytes value)
{
    bool found = false;

    for (size_t i = 0; i < self->card->count; i++)
        if (says(&self->card->entries[i], field, value)) {
            self->kept[i] = true;
            found = true;
        }
    return found;
}

/* The row still says this entry of the card, which stays then as it is spelled. */
static bool is_wanted(const writing *self, const cf_vcard_entry *entry)
{
    const cf_row_field *field = cf_row_field_named(self->row, entry->field);

    for (size_t i = 0; field && i < field->count; i++)
        if (cf_bytes_equal(field->values[i], entry->value))
            return true;
    return false;
}

/* An entry that is to go, and whose line the new value can take: one of the same property. */
static const cf_vcard_entry *find_gone(writing *self, const cf_vcard_property *property,
                                       cf_bytes value)
{
    for (size_t i = 0; i < self->card->count; i++) {
        const cf_vcard_entry *entry = &self->card->entries[i];

        if (self->kept[i] || entry->property != property || cf_vcard_is_list(property) ||
            is_wanted(self, entry) ||
            (property->form == CF_VCARD_OTHER &&
             !cf_bytes_equal(cf_value_first(entry->value), cf_value_first(value))))
            continue;
        self->kept[i] = true;
        return entry;
    }
    return NULL;
}

/* ---- Lists ---- */

static void add_word(writing *self, cf_bytes value)
{
    cf_bytes text;

    if (!cf_value_is_text(value, &text))
        return;
    cf_buffer_append_text(&self->words, self->words.size ? "," : "");
    cf_content_text_write(text, &self->words);
}

static void write_lists(writing *self)
{
    const cf_vcard_card *card = self->card;
    cf_bytes more = cf_buffer_view(&self->words);
    size_t to;

    for (size_t from = 0; from < card->count; from = to) {
        const cf_vcard_property *property = card->entries[from].property;

        to = from + 1;
        if (!cf_vcard_is_list(property))
            continue;
        while (to < card->count && card->entries[to].line == card->entries[from].line)
            to++;
        cf_line_edits_list(self->edits, card->entries[from].line, self->kept + from, to - from,
                           property->form == CF_VCARD_WORDS ? more : (cf_bytes){0});
        if (property->form == CF_VCARD_WORDS)
            more = (cf_bytes){0};
    }
    if (more.size) {
        cf_buffer_clear(&self->text);
        cf_buffer_append_text(&self->text, "CATEGORIES:");
        cf_buffer_append(&self->text, more.data, more.size);
        insert(self, place_of(self, (cf_bytes){0}));
    }
}

/* ---- Cards ---- */

static void write_set(writing *self, const cf_row_field *field, size_t *number)
{
    bool *there = cf_allocate(field->count, sizeof *there);

    for (size_t i = 0; i < field->count; i++)
        there[i] = keep_equal(self, field->name, field->values[i]);
    for (size_t i = 0; i < field->count; i++) {
        const cf_vcard_property *property = cf_vcard_property_for(field->name, field->values[i]);

        if (there[i] || !property || cf_vcard_is_single(property))
            continue;
        if (property->form == CF_VCARD_WORDS) {
            add_word(self, field->values[i]);
            continue;
        }
        write_entry(self, find_gone(self, property, field->values[i]), field->name, property,
                    field->values[i], (*number)++);
    }
    free(there);
}

static void write_fields(writing *self)
{
    const cf_vcard_card *card = self->card;
    size_t number = 0;

    for (size_t i = 0; i < self->row->field_count; i++) {
        const cf_row_field *field = &self->row->fields[i];
        const cf_vcard_property *property =
            field->count ? cf_vcard_property_for(field->name, field->values[0]) : NULL;

        if (property && cf_vcard_is_single(property))
            add_single(self, property, field->values[0]);
        else
            write_set(self, field, &number);
    }
    for (size_t i = 0; i < card->count; i++) {
        const cf_vcard_entry *entry = &card->entries[i];

        if (cf_vcard_is_single(entry->property)) {
            write_single(self, entry);
        } else if (!self->kept[i] && !cf_vcard_is_list(entry->property)) {
            cf_line_edits_delete(self->edits, entry->line);
            if (entry->label != CF_LINES_NONE)
                cf_line_edits_delete(self->edits, entry->label);
        }
    }
    write_lists(self);
}

void cf_vcard_card_write(const cf_vcard_card *card, const cf_row *row, cf_line_edits *edits)
{
    writing self = {
        .card = card, .row = row, .edits = edits, .kept = cf_allocate(card->count, sizeof(bool))};

    write_fields(&self);
    free(self.kept);
    cf_arena_release(&self.arena);
    cf_buffer_release(&self.text);
    cf_buffer_release(&self.words);
}
