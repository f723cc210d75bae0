/* SPDX-License-Identifier: Apache-2.0 */
/* One component, line by line, made to say what a row says. */
#include "peer/adapters/icalendar_inside.h"

#include "peer/adapters/entry_places.h"
#include "peer/adapters/text/content_text.h"
#include "peer/adapters/value_map.h"

#include <stdlib.h>
#include <string.h>

/* ---- Whole components ---- */

void cf_calendar_delete(const cf_content_lines *lines, size_t component, cf_line_edits *edits)
{
    for (size_t i = lines->components[component].first; i <= lines->components[component].last; i++)
        cf_line_edits_delete(edits, i);
}

static bool is_whole(const cf_content_lines *lines)
{
    return lines->component_count && !lines->components[0].trouble &&
           lines->components[0].first == 0 && lines->components[0].last + 1 == lines->count;
}

void cf_calendar_insert(cf_line_edits *edits, size_t after, cf_bytes text)
{
    cf_content_lines lines;
    cf_error error;

    if (cf_content_lines_read(text, &lines, &error))
        return;
    for (size_t i = 0; i < lines.count && is_whole(&lines); i++)
        (void)cf_line_edits_insert(edits, after, lines.lines[i].text, &error);
    cf_content_lines_release(&lines);
}

/* A line of the component that nobody claimed, with the same text or only the same name. */
static size_t find_line(const cf_content_lines *lines, size_t component, const bool *claimed,
                        const cf_content_line *line, bool by_name)
{
    const cf_component *own = &lines->components[component];

    for (size_t i = own->first + 1; i < own->last; i++) {
        const cf_content_line *at = &lines->lines[i];

        if (!claimed[i - own->first] && at->kind == CF_LINE_PROPERTY &&
            (by_name ? cf_bytes_equal(at->name, line->name) : cf_bytes_equal(at->text, line->text)))
            return i;
    }
    return CF_LINES_NONE;
}

static void change(const cf_content_lines *lines, size_t component, const cf_content_lines *wanted,
                   cf_line_edits *edits)
{
    const cf_component *own = &lines->components[component];
    bool *claimed = cf_allocate(own->last - own->first + 1, sizeof *claimed);
    cf_error error;

    for (int by_name = 0; by_name < 2; by_name++)
        for (size_t i = 1; i + 1 < wanted->count; i++) {
            cf_content_line *line = &wanted->lines[i];
            size_t at = line->kind == CF_LINE_PROPERTY
                            ? find_line(lines, component, claimed, line, by_name)
                            : CF_LINES_NONE;

            if (at != CF_LINES_NONE) {
                claimed[at - own->first] = true;
                line->kind = CF_LINE_BLANK; /* it has its place */
            }
            if (at != CF_LINES_NONE && by_name)
                (void)cf_line_edits_replace(edits, at, line->text, &error);
            else if (at == CF_LINES_NONE && by_name && line->kind == CF_LINE_PROPERTY)
                (void)cf_line_edits_insert(edits, own->last - 1, line->text, &error);
        }
    for (size_t i = own->first + 1; i < own->last; i++)
        if (!claimed[i - own->first] && lines->lines[i].kind == CF_LINE_PROPERTY)
            cf_line_edits_delete(edits, i);
    free(claimed);
}

static bool is_flat(const cf_content_lines *lines, size_t component)
{
    return component + 1 == lines->component_count ||
           lines->components[component + 1].first > lines->components[component].last;
}

/* ---- Lines of a component ---- */

typedef struct {
    const cf_calendar_component *component;
    const cf_row *row;
    cf_line_edits *edits;
    bool *kept;             /* of each entry: it says something that the row says, or is made to */
    cf_entry_place *places; /* of all entries, sorted */
    cf_calendar_time start;
    bool moved; /* to another zone */
    cf_arena arena;
    cf_buffer text;
    cf_buffer words; /* new keywords, with commas between them */
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

/* Behind the last line of this field, else the last property. */
static size_t place_of(const writing *self, cf_bytes field)
{
    const cf_calendar_component *component = self->component;
    const cf_component *own = &component->lines->components[component->component];
    size_t place = own->first;

    for (size_t i = 0; i < component->count; i++)
        if (component->entries[i].component == CF_LINES_NONE &&
            cf_bytes_equal(component->entries[i].field, field))
            place = component->entries[i].line;
    for (size_t i = own->last; place == own->first && i > own->first; i--)
        if (component->lines->lines[i].component == component->component &&
            component->lines->lines[i].kind == CF_LINE_PROPERTY)
            place = i;
    return place;
}

/* ---- Plain values ---- */

/* A line that says which event it is of, and nothing of that. */
static bool is_frame(const cf_calendar_property *property, cf_bytes value)
{
    cf_value_walk walk = cf_value_walk_of(value);
    cf_bytes none, first, name;

    return property->form == CF_CALENDAR_OTHER && cf_value_next(&walk, &none, &first) &&
           cf_value_is_text(first, &name) &&
           (cf_line_word_is(name, "uid") || cf_line_word_is(name, "recurrence-id"));
}

static void write_single(writing *self, const cf_calendar_entry *entry)
{
    const cf_calendar_property *property = entry->property;
    cf_bytes value = cf_vcard_plain(self->row, entry->field), params = {0};

    if (property->form == CF_CALENDAR_TEXT)
        params = cf_vcard_plain(self->row, cf_calendar_params_field(property, &self->arena));
    if (cf_value_same(value, entry->value) && cf_value_same(params, entry->params))
        return;
    if (!value.data)
        cf_line_edits_delete(self->edits, entry->line);
    else if (cf_calendar_line(property, value, params, &self->text))
        replace(self, entry->line);
}

static void add_single(writing *self, const cf_calendar_property *property, cf_bytes value)
{
    cf_bytes params = {0};

    for (size_t i = 0; i < self->component->count; i++)
        if (self->component->entries[i].property == property)
            return;
    if (property->form == CF_CALENDAR_TEXT)
        params = cf_vcard_plain(self->row, cf_calendar_params_field(property, &self->arena));
    if (cf_calendar_line(property, value, params, &self->text))
        insert(self, place_of(self, cf_bytes_of_text(property->line.field)));
}

/* ---- Sets ---- */

static bool keep_equal(writing *self, cf_bytes field, cf_bytes value)
{
    const size_t count = self->component->count;
    const size_t first = cf_entry_places_find(self->places, count, field, value);

    for (size_t i = first; i < count && cf_entry_place_is(&self->places[i], field, value); i++)
        self->kept[self->places[i].index] = true;
    return first < count;
}

static bool is_wanted(const cf_row_field *field, cf_bytes value)
{
    for (size_t i = 0; i < field->count; i++)
        if (cf_bytes_equal(field->values[i], value))
            return true;
    return false;
}

/* An entry that is to go, and whose line the new value can take. */
static size_t find_gone(writing *self, const cf_calendar_property *property,
                        const cf_row_field *field, cf_bytes value)
{
    for (size_t i = 0; i < self->component->count; i++) {
        const cf_calendar_entry *entry = &self->component->entries[i];

        if (self->kept[i] || entry->property != property ||
            property->form == CF_CALENDAR_KEYWORDS || is_wanted(field, entry->value) ||
            (property->form == CF_CALENDAR_OTHER &&
             !cf_bytes_equal(cf_value_first(entry->value), cf_value_first(value))))
            continue;
        self->kept[i] = true;
        return entry->line;
    }
    return CF_LINES_NONE;
}

static void add_word(writing *self, cf_bytes value)
{
    cf_bytes text;

    if (!cf_value_is_text(value, &text))
        return;
    cf_buffer_append_text(&self->words, self->words.size ? "," : "");
    cf_content_text_write(text, &self->words);
}

static void add_value(writing *self, const cf_calendar_property *property,
                      const cf_row_field *field, cf_bytes value)
{
    if (property->form == CF_CALENDAR_KEYWORDS) {
        add_word(self, value);
        return;
    }
    if (is_frame(property, value) || !cf_calendar_line(property, value, (cf_bytes){0}, &self->text))
        return;
    size_t line = find_gone(self, property, field, value);
    if (line != CF_LINES_NONE)
        replace(self, line);
    else
        insert(self, place_of(self, field->name));
}

/* A component that is to go, and whose lines the new one can take. */
static size_t find_gone_component(writing *self, const cf_row_field *field)
{
    for (size_t i = 0; i < self->component->count; i++) {
        const cf_calendar_entry *entry = &self->component->entries[i];

        if (self->kept[i] || entry->component == CF_LINES_NONE ||
            !cf_bytes_equal(entry->field, field->name) || is_wanted(field, entry->value) ||
            !is_flat(self->component->lines, entry->component))
            continue;
        self->kept[i] = true;
        return entry->component;
    }
    return CF_LINES_NONE;
}

static void add_component(writing *self, const cf_row_field *field, cf_bytes value)
{
    const cf_content_lines *lines = self->component->lines;
    bool alarm = cf_bytes_equal(field->name, cf_bytes_of_text("/alerts"));
    cf_content_lines wanted;
    cf_error error;

    if (!(alarm ? cf_calendar_alert_text(value, &self->text)
                : cf_calendar_component_text(value, &self->text)) ||
        cf_content_lines_read(cf_buffer_view(&self->text), &wanted, &error))
        return;
    size_t gone =
        is_whole(&wanted) && is_flat(&wanted, 0) ? find_gone_component(self, field) : CF_LINES_NONE;
    if (gone != CF_LINES_NONE &&
        !cf_bytes_equal(lines->components[gone].name, wanted.components[0].name)) {
        cf_calendar_delete(lines, gone, self->edits);
        gone = CF_LINES_NONE;
    }
    if (gone != CF_LINES_NONE)
        change(lines, gone, &wanted, self->edits);
    else
        cf_calendar_insert(self->edits, lines->components[self->component->component].last - 1,
                           cf_buffer_view(&self->text));
    cf_content_lines_release(&wanted);
}

static bool holds_components(cf_bytes field)
{
    return cf_bytes_equal(field, cf_bytes_of_text("/alerts")) ||
           cf_bytes_equal(field, cf_bytes_of_text("/iCalComponents"));
}

static void write_set(writing *self, const cf_row_field *field)
{
    const cf_calendar_property *property =
        cf_calendar_property_of(self->component->task, field->name);
    bool *there = cf_allocate(field->count, sizeof *there);

    for (size_t i = 0; i < field->count; i++)
        there[i] = keep_equal(self, field->name, field->values[i]);
    for (size_t i = 0; i < field->count; i++) {
        if (there[i])
            continue;
        if (property)
            add_value(self, property, field, field->values[i]);
        else if (holds_components(field->name))
            add_component(self, field, field->values[i]);
    }
    free(there);
}

/* ---- Occurrences that don't take place ---- */

/* The occurrence is said not to take place. */
static bool is_excluded(cf_bytes value)
{
    cf_bytes excluded;

    return cf_value_member(value, "excluded", &excluded) && excluded.size == 1 &&
           excluded.data[0] == 0xc3;
}

/* When the occurrence would take place; the zone that is told in `time` stays. */
static bool read_exclusion(cf_bytes field, cf_calendar_time *time)
{
    const size_t prefix = sizeof CF_CALENDAR_OVERRIDES - 1;

    return field.size > prefix && memcmp(field.data, CF_CALENDAR_OVERRIDES, prefix) == 0 &&
           cf_calendar_local_read(cf_bytes_of(field.data + prefix, field.size - prefix),
                                  &time->seconds);
}

static bool exclusion_line(writing *self, cf_bytes field)
{
    cf_calendar_time time = self->start;

    cf_buffer_clear(&self->text);
    if (!read_exclusion(field, &time))
        return false;
    cf_calendar_time_line("EXDATE", &time, &self->text);
    return true;
}

static void write_exclusion(writing *self, const cf_row_field *field)
{
    bool found = keep_equal(self, field->name, field->values[0]);

    if (is_excluded(field->values[0]) && !found && exclusion_line(self, field->name))
        insert(self, place_of(self, (cf_bytes){0}));
}

/* ---- Lists ---- */

static bool is_keyword(const cf_calendar_entry *entry)
{
    return entry->property && entry->property->form == CF_CALENDAR_KEYWORDS;
}

static bool is_exclusion(const cf_calendar_entry *entry)
{
    return !entry->property && entry->component == CF_LINES_NONE;
}

/* Behind the last entry of the line of this one. */
static size_t end_of_line(const cf_calendar_component *component, size_t from)
{
    size_t to = from + 1;

    while (to < component->count && component->entries[to].line == component->entries[from].line)
        to++;
    return to;
}

/* Of a line of exclusions, those that are left, in the zone of the series. */
static void move_exclusions(writing *self, size_t from, size_t to)
{
    cf_calendar_time time = self->start;
    bool begun = false;

    for (size_t i = from; i < to; i++) {
        const cf_calendar_entry *entry = &self->component->entries[i];

        if (!self->kept[i])
            continue;
        if (!begun)
            (void)exclusion_line(self, entry->field);
        else if (read_exclusion(entry->field, &time)) {
            cf_buffer_append_text(&self->text, ",");
            cf_calendar_time_write(&time, &self->text);
        }
        begun = true;
    }
    if (begun)
        replace(self, self->component->entries[from].line);
    else
        cf_line_edits_delete(self->edits, self->component->entries[from].line);
}

static void write_lists(writing *self)
{
    const cf_calendar_component *component = self->component;
    cf_bytes more = cf_buffer_view(&self->words);
    size_t to;

    for (size_t from = 0; from < component->count; from = to) {
        const cf_calendar_entry *entry = &component->entries[from];

        to = end_of_line(component, from);
        if (is_exclusion(entry) && self->moved) {
            move_exclusions(self, from, to);
        } else if (is_exclusion(entry) || is_keyword(entry)) {
            cf_line_edits_list(self->edits, entry->line, self->kept + from, to - from,
                               is_keyword(entry) ? more : (cf_bytes){0});
            more = is_keyword(entry) ? (cf_bytes){0} : more;
        }
    }
    if (more.size == 0)
        return;
    cf_buffer_clear(&self->text);
    cf_buffer_append_text(&self->text, "CATEGORIES:");
    cf_buffer_append(&self->text, more.data, more.size);
    insert(self, place_of(self, (cf_bytes){0}));
}

/* ---- Components ---- */

/* What there is no word for comes last: of two lines of one name, the first is the one that has
 * one. */
static void write_fields(writing *self, bool others)
{
    for (size_t i = 0; i < self->row->field_count; i++) {
        const cf_row_field *field = &self->row->fields[i];
        const cf_calendar_property *property =
            cf_calendar_property_of(self->component->task, field->name);

        if (field->count == 0 || others != (property == &cf_calendar_other))
            continue;
        if (property && !property->set)
            add_single(self, property, field->values[0]);
        else if (property || holds_components(field->name))
            write_set(self, field);
        else
            write_exclusion(self, field);
    }
}

static void write_entries(writing *self)
{
    const cf_calendar_component *component = self->component;

    for (size_t i = 0; i < component->count; i++) {
        const cf_calendar_entry *entry = &component->entries[i];

        if (entry->property && !entry->property->set)
            write_single(self, entry);
        else if (self->kept[i] || is_keyword(entry) || is_exclusion(entry))
            continue; /* or the list that names the entry is written (write_lists) */
        else if (entry->component != CF_LINES_NONE)
            cf_calendar_delete(component->lines, entry->component, self->edits);
        else
            cf_line_edits_delete(self->edits, entry->line);
    }
}

void cf_calendar_component_write(const cf_calendar_component *component, const cf_row *row,
                                 cf_line_edits *edits)
{
    writing self = {.component = component,
                    .row = row,
                    .edits = edits,
                    .kept = cf_allocate(component->count, sizeof(bool)),
                    .places = cf_allocate(component->count, sizeof(cf_entry_place))};

    for (size_t i = 0; i < component->count; i++)
        self.places[i] =
            (cf_entry_place){component->entries[i].field, component->entries[i].value, i};
    cf_entry_places_sort(self.places, component->count);
    self.moved =
        cf_calendar_times_write(component, row, place_of(&self, (cf_bytes){0}), edits, &self.start);
    write_fields(&self, false);
    write_fields(&self, true);
    write_entries(&self);
    write_lists(&self);
    free(self.kept);
    free(self.places);
    cf_arena_release(&self.arena);
    cf_buffer_release(&self.text);
    cf_buffer_release(&self.words);
}
