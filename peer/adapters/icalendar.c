/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/icalendar_inside.h"

#include <stdlib.h>
#include <string.h>

#include "codec/pack.h"
#include "codec/pointer.h"
#include "peer/adapters/text/content_text.h"

void cf_calendar_items_release(cf_calendar_items *items)
{
    free(items->items);
    free(items->occurrences);
    *items = (cf_calendar_items){0};
}

void cf_calendar_pointer(const char *prefix, cf_bytes name, cf_buffer *out)
{
    cf_buffer_append_text(out, "%s", prefix);
    cf_pointer_write(name, out);
}

cf_bytes cf_calendar_pointer_name(const char *prefix, cf_bytes field, cf_arena *arena)
{
    const size_t size = strlen(prefix);
    cf_buffer name = {0}, again = {0};

    if (field.size <= size || memcmp(field.data, prefix, size) != 0)
        return (cf_bytes){0};
    cf_pointer_read(cf_bytes_of(field.data + size, field.size - size), &name);
    cf_calendar_pointer(prefix, cf_buffer_view(&name), &again);
    cf_bytes found = cf_bytes_equal(cf_buffer_view(&again), field)
                         ? cf_arena_copy(arena, cf_buffer_view(&name))
                         : (cf_bytes){0};
    cf_buffer_release(&name);
    cf_buffer_release(&again);
    return found;
}

/* ---- Which components are one record ---- */

typedef struct {
    const cf_content_lines *lines;
    cf_record_file *out;
    cf_calendar_items *items;
    cf_calendar_zones zones;
    cf_field_list list;
    cf_calendar_component *all; /* of every event and task */
    size_t count;
} reading;

static int by_uid(const void *left, const void *right)
{
    const cf_calendar_component *a = left, *b = right;
    int order = a->task - b->task;

    if (!order)
        order = cf_bytes_compare(a->uid, b->uid);
    if (!order)
        order = (a->occurrence != CF_LINES_NONE) - (b->occurrence != CF_LINES_NONE);
    return order ? order : a->component < b->component ? -1 : 1;
}

/* The zones that the lines of a component are told in. */
static void add_zones(reading *self, const cf_calendar_component *of)
{
    const cf_component *component = &self->lines->components[of->component];
    cf_buffer name = {0}, field = {0};

    for (size_t i = component->first; i <= component->last; i++) {
        const cf_content_line *line = &self->lines->lines[i];
        const cf_line_parameter *zone =
            line->kind == CF_LINE_PROPERTY ? cf_line_parameter_named(line, "TZID") : NULL;
        size_t at = 0;
        cf_bytes part, value;

        if (!zone || !cf_parameter_part(zone->value, &at, &part))
            continue;
        cf_buffer_clear(&name);
        cf_parameter_read(part, &name);
        value = cf_calendar_zone_value(&self->zones, cf_buffer_view(&name));
        cf_buffer_clear(&field);
        cf_calendar_pointer(CF_CALENDAR_ZONES, cf_buffer_view(&name), &field);
        if (value.data && !cf_field_list_has(&self->list, cf_buffer_view(&field)))
            cf_field_list_add(&self->list, &self->out->arena, cf_buffer_view(&field), value);
    }
    cf_buffer_release(&name);
    cf_buffer_release(&field);
}

/* NULL, or what is wrong with it. */
static const char *add_occurrence(reading *self, const cf_calendar_component *main,
                                  const cf_calendar_component *occurrence)
{
    cf_buffer name = {0}, field = {0}, value = {0};
    const char *trouble = NULL;

    cf_calendar_occurrence_name(main, occurrence, &name);
    cf_calendar_pointer(CF_CALENDAR_OVERRIDES, cf_buffer_view(&name), &field);
    if (cf_field_list_has(&self->list, cf_buffer_view(&field)))
        trouble = "has an occurrence twice: delete one of them";
    else if (!cf_calendar_override_value(occurrence, &value))
        trouble = "holds a component that nests too deeply: delete that";
    else
        cf_field_list_add(&self->list, &self->out->arena, cf_buffer_view(&field),
                          cf_buffer_view(&value));
    cf_buffer_release(&name);
    cf_buffer_release(&field);
    cf_buffer_release(&value);
    return trouble;
}

static cf_row row_of(reading *self, const cf_calendar_component *main)
{
    cf_row row = {.table = cf_bytes_of_text(main->task ? CF_TABLE_TASKS : CF_TABLE_EVENTS)};
    cf_buffer key = {0};

    cf_pack_text(&key, main->uid);
    row.key = cf_arena_copy(&self->out->arena, cf_buffer_view(&key));
    cf_buffer_release(&key);
    return row;
}

static void trouble_in(reading *self, const cf_calendar_component *component, const char *text,
                       const cf_row *row)
{
    const cf_content_lines *lines = self->lines;
    size_t number = component->trouble
                        ? component->trouble_number
                        : lines->lines[lines->components[component->component].first].number;

    (lines->components[component->component].unended ? cf_record_file_cut : cf_record_file_trouble)(
        self->out, number, component->uid.size ? row : NULL, text);
}

static void remember(cf_calendar_items *items, const cf_calendar_component *all, size_t count)
{
    cf_calendar_item item = {.main = all[0].component, .first = items->occurrence_count};

    for (size_t i = 1; i < count; i++) {
        *cf_one_more(items->occurrences, items->occurrence_count, items->occurrence_capacity) =
            all[i].component;
        item.count++;
    }
    *cf_one_more(items->items, items->count, items->capacity) = item;
}

/* The components of one UID, the main one first. */
static void read_item(reading *self, const cf_calendar_component *all, size_t count)
{
    cf_row row = row_of(self, &all[0]);
    const char *trouble = NULL;
    size_t at = 0;

    self->list.count = 0;
    for (; at < count && !trouble; at++) {
        trouble = all[at].trouble;
        if (!trouble && at > 0)
            trouble =
                all[at].occurrence == CF_LINES_NONE
                    ? "has the key of a record before it: give it another, or delete one of them"
                    : add_occurrence(self, &all[0], &all[at]);
        else if (!trouble)
            cf_calendar_component_fields(&all[0], &self->list, &self->out->arena);
    }
    if (trouble) {
        trouble_in(self, &all[at - 1], trouble, &row);
        self->list.count = 0;
        return;
    }
    for (size_t i = 0; i < count; i++)
        add_zones(self, &all[i]);
    if (all[0].occurrence != CF_LINES_NONE) { /* one occurrence of what is elsewhere */
        cf_buffer name = {0}, value = {0};

        cf_calendar_occurrence_name(&all[0], &all[0], &name);
        cf_pack_text(&value, cf_buffer_view(&name));
        cf_field_list_add(&self->list, &self->out->arena, cf_bytes_of_text("/recurrenceId"),
                          cf_buffer_view(&value));
        cf_buffer_release(&name);
        cf_buffer_release(&value);
    }
    cf_field_list_take(&self->list, &self->out->arena, &row);
    cf_record_file_add(self->out, &row, self->items->count);
    remember(self->items, all, count);
}

/* An event or a task right in its calendar: within another component they are part of that. */
static bool is_record(const cf_content_lines *lines, size_t component)
{
    const cf_component *at = &lines->components[component];

    return (cf_component_named(at, "VEVENT") || cf_component_named(at, "VTODO")) &&
           (at->parent == CF_LINES_NONE ||
            cf_component_named(&lines->components[at->parent], "VCALENDAR"));
}

/* A component that is none, nor in one, and no zone of theirs: a journal, whatever has no name
 * here. */
static bool is_other(const cf_content_lines *lines, size_t component)
{
    const cf_component *at = &lines->components[component];

    return !is_record(lines, component) && !cf_component_named(at, "VCALENDAR") &&
           !cf_component_named(at, "VTIMEZONE") &&
           (at->parent == CF_LINES_NONE ||
            cf_component_named(&lines->components[at->parent], "VCALENDAR"));
}

static void read_items(reading *self)
{
    size_t to;

    for (size_t from = 0; from < self->count; from = to) {
        const cf_calendar_component *first = &self->all[from];

        to = from + 1;
        if (first->uid.size == 0) {
            trouble_in(self, first, first->trouble, NULL);
            continue;
        }
        while (to < self->count && self->all[to].task == first->task &&
               cf_bytes_equal(self->all[to].uid, first->uid))
            to++;
        read_item(self, first, to - from);
    }
}

/* What holds records, or may become one, has no end. */
static void find_cut(reading *self)
{
    const cf_content_lines *lines = self->lines;

    for (size_t i = 0; !self->out->cut && i < lines->component_count; i++) {
        const cf_component *at = &lines->components[i];

        if (at->unended && at->depth < 2)
            cf_record_file_cut(self->out, lines->lines[at->first].number, NULL, at->trouble);
    }
}

static void read_rows(const cf_content_lines *lines, cf_record_file *out, cf_calendar_items *items)
{
    reading self = {.lines = lines,
                    .out = out,
                    .items = items,
                    .zones = cf_calendar_zones_of(lines),
                    .all = cf_allocate(lines->component_count, sizeof *self.all)};
    bool any = false, card = false;

    for (size_t i = 0; i < lines->count; i++)
        if (lines->lines[i].trouble &&
            (lines->lines[i].component == CF_LINES_NONE ||
             cf_component_named(&lines->components[lines->lines[i].component], "VCALENDAR")))
            (cf_content_line_is_cut(lines, i) ? cf_record_file_cut : cf_record_file_trouble)(
                out, lines->lines[i].number, NULL, lines->lines[i].trouble);
    for (size_t i = 0; i < lines->component_count; i++) {
        const cf_component *at = &lines->components[i];

        if (is_other(lines, i) && at->trouble) /* what was meant by it, or is in it, is unknown */
            cf_record_file_trouble(out, at->trouble_number, NULL, at->trouble);
        any |= is_record(lines, i) || cf_component_named(at, "VCALENDAR");
        card |= cf_component_named(at, "VCARD");
        out->others |= is_other(lines, i);
        if (is_record(lines, i))
            cf_calendar_component_read(lines, i, &out->arena, &self.all[self.count++]);
    }
    if (self.count)
        qsort(self.all, self.count, sizeof *self.all, by_uid);
    read_items(&self);
    find_cut(&self);
    if (card && !any) { /* it has taken the calendar's place */
        cf_record_file_trouble(out, lines->lines[lines->components[0].first].number, NULL,
                               "begins no calendar, and there is none in the file: save it again, "
                               "or delete it if what it held may go");
        out->others = false;
    }
    for (size_t i = 0; i < self.count; i++)
        cf_calendar_component_release(&self.all[i]);
    free(self.all);
    cf_calendar_zones_release(&self.zones);
    cf_field_list_release(&self.list);
}

cf_status cf_icalendar_document_read(cf_bytes bytes, cf_icalendar_document **out, cf_error *error)
{
    cf_icalendar_document *document = cf_allocate(1, sizeof *document);
    cf_status status = cf_content_lines_read(bytes, &document->lines, error);

    if (status) {
        free(document);
        return status;
    }
    read_rows(&document->lines, &document->rows, &document->items);
    *out = document;
    return CF_OK;
}

void cf_icalendar_document_destroy(cf_icalendar_document **document)
{
    if (!*document)
        return;
    cf_calendar_items_release(&(*document)->items);
    cf_record_file_release(&(*document)->rows);
    cf_content_lines_release(&(*document)->lines);
    free(*document);
    *document = NULL;
}

const cf_record_file *cf_icalendar_document_rows(const cf_icalendar_document *document)
{
    return &document->rows;
}

cf_status cf_icalendar_rows_read(cf_bytes bytes, cf_record_file *out, cf_error *error)
{
    cf_icalendar_document *document;
    cf_status status = cf_icalendar_document_read(bytes, &document, error);

    if (status)
        return status;
    *out = document->rows;
    document->rows = (cf_record_file){0};
    cf_icalendar_document_destroy(&document);
    return CF_OK;
}
