/* SPDX-License-Identifier: Apache-2.0 */
/* One card, line by line, made to say what a row says. */
#include "peer/adapters/vcard_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/adapters/entry_places.h"
#include "peer/adapters/text/content_text.h"
#include "peer/adapters/value_map.h"

/* One card that is to say what a row says. What no line can say is left out. */
typedef struct {
    const cf_vcard_card *card;
    const cf_row *row;
    cf_line_edits *edits;
    bool *kept;             /* of each entry: it says something that the row says, or is made to */
    cf_entry_place *places; /* of all entries, sorted */
    cf_rows *groups; /* keys of rows of two tables: groups that are meant, and that labels got */
    size_t numbered; /* so many of item1 and on were tried for a label */
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

static bool is_same_group(cf_bytes a, cf_bytes b)
{
    return a.size == b.size && strncasecmp((const char *)a.data, (const char *)b.data, a.size) == 0;
}

static bool uses_group(const cf_vcard_card *card, cf_bytes group)
{
    const cf_component *component = &card->lines->components[card->component];

    for (size_t i = component->first; i <= component->last; i++)
        if (is_same_group(card->lines->lines[i].group, group))
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

/* Of an entry of /vCardProps, ["x-a", {"group": "item1"}, "unknown", "b"]. */
static cf_bytes group_of_other(cf_bytes value)
{
    cf_value_walk walk = cf_value_walk_of(value);
    cf_bytes none, member, group = {0};

    if (!walk.map && cf_value_next(&walk, &none, &member) && cf_value_next(&walk, &none, &member))
        cf_value_member_text(member, "group", &group);
    return group;
}

static const cf_bytes meant = {(const uint8_t *)"meant", 5}, given = {(const uint8_t *)"given", 5};

/* The groups that values without a label name: no label ties another line by one of them. */
static cf_rows *meant_groups(const cf_row *row)
{
    cf_rows *groups = cf_rows_new();
    cf_bytes label;

    for (size_t i = 0; i < row->field_count; i++)
        for (size_t k = 0; k < row->fields[i].count; k++) {
            const cf_bytes value = row->fields[i].values[k], own = group_of(value);
            const cf_bytes group = own.size ? own : group_of_other(value);

            if (group.size && !cf_value_member_text(value, "label", &label))
                cf_rows_put(groups, &(cf_row){.table = meant, .key = group});
        }
    return groups;
}

static bool is_meant(const writing *self, cf_bytes group)
{
    return cf_rows_find(self->groups, meant, group) != NULL;
}

static bool is_free(const writing *self, cf_bytes group)
{
    return !uses_group(self->card, group) && !is_meant(self, group) &&
           !cf_rows_find(self->groups, given, group);
}

static cf_bytes line_group(const writing *self, const cf_vcard_entry *entry)
{
    return entry ? self->card->lines->lines[entry->line].group : (cf_bytes){0};
}

/* The entry's group only ties it to its label. */
static bool is_tied(const cf_vcard_entry *entry)
{
    return entry->label != CF_LINES_NONE && !group_of(entry->value).size;
}

/* Which group ties the value to its label: its own where others are in it, or nothing is; that of
 * the line whose place it takes; or item1, item2, …, what is free. */
static void choose_group(writing *self, cf_bytes own, cf_bytes old, cf_buffer *group)
{
    cf_bytes chosen = {0};

    cf_buffer_clear(group);
    if (own.size && (is_meant(self, own) || is_same_group(own, old) || is_free(self, own)))
        chosen = own;
    else if (!is_meant(self, old))
        chosen = old;
    cf_buffer_append(group, chosen.data, chosen.size);
    while (!group->size) {
        char name[32];

        snprintf(name, sizeof name, "item%zu", ++self->numbered);
        if (is_free(self, cf_bytes_of_text(name)))
            cf_buffer_append_text(group, "%s", name);
    }
    cf_rows_put(self->groups, &(cf_row){.table = given, .key = cf_buffer_view(group)});
}

/* The line that is being written gets a group, so that it can have a label. */
static void ensure_group(writing *self, cf_bytes value, cf_bytes old, cf_buffer *group)
{
    const size_t own = group_of(value).size;
    cf_buffer line = {0};

    choose_group(self, group_of(value), old, group);
    cf_buffer_append(&line, group->data, group->size);
    cf_buffer_append(&line, ".", 1);
    cf_buffer_append(&line, self->text.data + (own ? own + 1 : 0),
                     self->text.size - (own ? own + 1 : 0));
    cf_buffer_release(&self->text);
    self->text = line;
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
    const cf_bytes group = line_group(self, entry);
    cf_buffer line = {0}, text = {0};

    bool can = cf_vcard_line_text(entry->property, entry->value, (cf_bytes){0}, self->card->version,
                                  &text);
    if (is_tied(entry)) {
        cf_buffer_append(&line, group.data, group.size);
        cf_buffer_append_text(&line, ".");
    }
    cf_buffer_append(&line, text.data, text.size);
    bool already = can && cf_bytes_equal(cf_buffer_view(&line), cf_buffer_view(&self->text));
    cf_buffer_release(&line);
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

/* In place of the line `entry`, or as a new one. */
static void write_entry(writing *self, const cf_vcard_entry *entry, cf_bytes field,
                        const cf_vcard_property *property, cf_bytes value)
{
    size_t place = entry ? entry->line : place_of(self, field);
    cf_buffer group = {0};
    cf_bytes label;

    if (is_frame(property, value) ||
        !cf_vcard_line_text(property, value, (cf_bytes){0}, self->card->version, &self->text))
        return;
    bool labelled = cf_value_member_text(value, "label", &label);
    if (labelled)
        ensure_group(self, value, line_group(self, entry), &group);
    if (!entry)
        insert(self, place);
    else if (!says_so_already(self, entry))
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

/* Where another line came into the group that only tied an entry to its label, the entry gets one
 * anew. */
static bool keep_equal(writing *self, cf_bytes field, cf_bytes value)
{
    const size_t count = self->card->count;
    bool found = false;

    for (size_t i = cf_entry_places_find(self->places, count, field, value);
         i < count && cf_entry_place_is(&self->places[i], field, value); i++) {
        const cf_vcard_entry *entry = &self->card->entries[self->places[i].index];

        if (is_tied(entry) && is_meant(self, line_group(self, entry)))
            continue;
        self->kept[self->places[i].index] = true;
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

static void write_set(writing *self, const cf_row_field *field)
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
                    field->values[i]);
    }
    free(there);
}

static void write_fields(writing *self)
{
    const cf_vcard_card *card = self->card;

    for (size_t i = 0; i < self->row->field_count; i++) {
        const cf_row_field *field = &self->row->fields[i];
        const cf_vcard_property *property =
            field->count ? cf_vcard_property_for(field->name, field->values[0]) : NULL;

        if (property && cf_vcard_is_single(property))
            add_single(self, property, field->values[0]);
        else
            write_set(self, field);
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
    writing self = {.card = card,
                    .row = row,
                    .edits = edits,
                    .kept = cf_allocate(card->count, sizeof(bool)),
                    .places = cf_allocate(card->count, sizeof(cf_entry_place)),
                    .groups = meant_groups(row)};

    for (size_t i = 0; i < card->count; i++)
        self.places[i] = (cf_entry_place){card->entries[i].field, card->entries[i].value, i};
    cf_entry_places_sort(self.places, card->count);
    write_fields(&self);
    free(self.kept);
    free(self.places);
    cf_rows_destroy(&self.groups);
    cf_arena_release(&self.arena);
    cf_buffer_release(&self.text);
    cf_buffer_release(&self.words);
}
