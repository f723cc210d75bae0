/* SPDX-License-Identifier: Apache-2.0 */
/* Rows into the text of a calendar: components that are there are edited (icalendar_edit.c), new
 * ones are built and come with their zones, which RFC 5545 asks for. Nothing of that depends on the
 * device or its clock: DTSTAMP is the row's time, or the log's, of an edited one not before that.
 */
#include "peer/adapters/icalendar_inside.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer/adapters/rewrite.h"
#include "peer/adapters/roundtrip.h"
#include "peer/adapters/text/content_text.h"
#include "peer/adapters/time_zones.h"
#include "peer/adapters/value_map.h"

typedef struct {
    const cf_content_lines *lines;
    cf_line_edits *edits;
    size_t calendar;         /* that new components go into, or CF_LINES_NONE */
    cf_calendar_zones zones; /* that the file has */
    cf_field_list added;     /* and that were added, */
    cf_field_list left;      /* or are not, though something new names them */
    cf_arena arena;
} writing;

static size_t last_line(const writing *self, size_t component)
{
    return self->lines->components[component].last;
}

/* ---- New components ---- */

static bool append_time(const cf_row *row, const char *field, cf_buffer *out)
{
    cf_bytes text;
    bool told = cf_value_is_text(cf_vcard_plain(row, cf_bytes_of_text(field)), &text) &&
                text.size == 20 && text.data[19] == 'Z';

    if (told)
        cf_calendar_compact(text, out);
    return told;
}

/* By the log, which is the same on all devices: a file that is written anew must not come out
 * otherwise because of when, or by whom, it is. */
static void append_log_time(uint64_t ms, cf_buffer *out)
{
    const time_t seconds = (time_t)(ms / 1000);
    char text[32] = "";
    struct tm parts;

    if (gmtime_r(&seconds, &parts) && parts.tm_year <= 9999 - 1900)
        strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
    cf_buffer_append_text(out, "%s", *text ? text : "19700101T000000Z");
}

/* DTSTAMP, which there must be, is the time of the last change that the row tells; of an occurrence
 * that tells none, that of all of it; else when the log has the change. */
static void append_stamp(const cf_row *row, const cf_row *whole, cf_buffer *out)
{
    cf_buffer_append_text(out, "DTSTAMP:");
    if (!append_time(row, "/updated", out) && !append_time(row, "/created", out) &&
        !append_time(whole, "/updated", out) && !append_time(whole, "/created", out))
        append_log_time(whole->changed_ms, out);
    cf_buffer_append_text(out, "\n");
}

/* A component that says what the row says, lines with LF. `name` is that of an occurrence of the
 * whole, or nothing. */
static void build(const cf_row *row, const cf_row *whole, bool task, cf_bytes uid, cf_bytes name,
                  const cf_calendar_time *start, cf_buffer *out)
{
    const char *kind = task ? "VTODO" : "VEVENT";
    cf_calendar_component component;
    cf_content_lines lines;
    cf_arena arena = {0};
    cf_buffer text = {0};
    cf_error error;

    cf_buffer_append_text(&text, "BEGIN:%s\nUID:", kind);
    cf_content_text_write(uid, &text);
    cf_buffer_append_text(&text, "\n");
    if (name.size) {
        cf_calendar_occurrence_line(name, start, &text);
        cf_buffer_append_text(&text, "\n");
    }
    append_stamp(row, whole, &text);
    cf_buffer_append_text(&text, "END:%s\n", kind);
    if (!cf_content_lines_read(cf_buffer_view(&text), &lines, &error)) {
        cf_line_edits edits = {.lines = &lines};

        cf_calendar_component_read(&lines, 0, &arena, &component);
        if (!component.trouble)
            cf_calendar_component_write(&component, row, &edits);
        cf_line_edits_write(&edits, out);
        cf_line_edits_release(&edits);
        cf_calendar_component_release(&component);
        cf_content_lines_release(&lines);
    }
    cf_arena_release(&arena);
    cf_buffer_release(&text);
}

/* ---- Zones that nobody described ---- */

static size_t zone_place(const writing *self)
{
    const cf_component *calendar = &self->lines->components[self->calendar];
    size_t place = calendar->first;

    for (size_t i = calendar->first; i <= calendar->last; i++)
        if (self->lines->lines[i].component == self->calendar &&
            self->lines->lines[i].kind == CF_LINE_PROPERTY)
            place = i;
        else if (self->lines->lines[i].component != self->calendar)
            break;
    return place;
}

/* In a calendar that is written anew, behind what that has so far. */
static size_t zone_place_of_new(const writing *self, size_t after)
{
    return self->calendar == CF_LINES_NONE ? after : zone_place(self);
}

static bool names_zone(const cf_content_line *line, cf_bytes name, cf_buffer *room)
{
    const cf_line_parameter *zone =
        line->kind == CF_LINE_PROPERTY ? cf_line_parameter_named(line, "TZID") : NULL;
    size_t at = 0;
    cf_bytes part;

    if (!zone || !cf_parameter_part(zone->value, &at, &part))
        return false;
    cf_buffer_clear(room);
    cf_parameter_read(part, room);
    return cf_bytes_equal(cf_buffer_view(room), name);
}

/* The file does without a description of the zone, though it has times in it. */
static bool does_without(const writing *self, cf_bytes name)
{
    cf_buffer room = {0};
    bool found = false;

    for (size_t i = 0; !found && i < self->lines->count; i++)
        found = names_zone(&self->lines->lines[i], name, &room);
    cf_buffer_release(&room);
    return found;
}

/* An event that was made where zones have names only, as in JSON, comes with a description of its
 * zone, which RFC 5545 asks for. */
static void make_zone(writing *self, cf_bytes name, size_t after)
{
    cf_buffer field = {0}, zone = {0};

    cf_calendar_pointer(CF_CALENDAR_ZONES, name, &field);
    if (!cf_calendar_zone_is_there(&self->zones, name) &&
        !cf_field_list_has(&self->added, cf_buffer_view(&field)) &&
        !cf_field_list_has(&self->left, cf_buffer_view(&field))) {
        const bool makes = !does_without(self, name) && cf_time_zone_component(name, &zone);

        if (makes)
            cf_calendar_insert(self->edits, after, cf_buffer_view(&zone));
        cf_field_list_add(makes ? &self->added : &self->left, &self->arena, cf_buffer_view(&field),
                          cf_buffer_view(&zone));
    }
    cf_buffer_release(&field);
    cf_buffer_release(&zone);
}

/* Of all that a new component names. */
static void make_zones(writing *self, cf_bytes component, size_t after)
{
    static const char mark[] = ";TZID=";
    const uint8_t *at = component.data, *end = at + component.size;

    while (component.size && (at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1))) {
        const uint8_t *from = at += sizeof mark - 1;

        while (at < end && !memchr(":;\"\r\n", *at, 5))
            at++;
        make_zone(self, cf_bytes_of(from, (size_t)(at - from)), after);
    }
}

/* ---- Changed components ---- */

/* What is changed in the midst of a file names zones as what is new does. */
static void describe_zones(writing *self, const cf_row *row, const cf_row *whole,
                           const cf_calendar_component *component, const cf_calendar_time *start)
{
    cf_buffer text = {0};

    if (self->calendar == CF_LINES_NONE)
        return;
    build(row, whole, component->task, component->uid, (cf_bytes){0}, start, &text);
    make_zones(self, cf_buffer_view(&text), zone_place(self));
    cf_buffer_release(&text);
}

/* DTSTAMP, of a time in UTC, is that of the change, unless it is later already. */
static void stamp_again(writing *self, const cf_row *whole, const cf_calendar_component *component)
{
    const cf_content_line *line =
        component->stamp == CF_LINES_NONE ? NULL : &self->lines->lines[component->stamp];
    cf_buffer now = {0};
    cf_error error;

    append_log_time(whole->changed_ms, &now);
    if (line && line->value.size == now.size && line->value.data[now.size - 1] == 'Z' &&
        cf_bytes_compare(line->value, cf_buffer_view(&now)) < 0)
        (void)cf_line_edits_value(self->edits, component->stamp, cf_buffer_view(&now), &error);
    cf_buffer_release(&now);
}

/* ---- Occurrences ---- */

/* The occurrence takes place, otherwise than its event says; one that is excluded has no component.
 */
static bool takes_place(cf_bytes value)
{
    cf_bytes excluded;

    return cf_value_walk_of(value).map && !cf_value_member(value, "excluded", &excluded);
}

static void change_occurrence(writing *self, const cf_calendar_component *main, size_t component,
                              const cf_row *row, bool moved, const cf_calendar_time *start)
{
    const size_t before = self->edits->splice.count;
    cf_calendar_component occurrence;
    cf_buffer name = {0}, field = {0}, is = {0};
    cf_error error;

    cf_calendar_component_read(self->lines, component, &self->arena, &occurrence);
    cf_calendar_occurrence_name(main, &occurrence, &name);
    cf_calendar_pointer(CF_CALENDAR_OVERRIDES, cf_buffer_view(&name), &field);
    cf_bytes wanted = cf_vcard_plain(row, cf_buffer_view(&field));
    if (!takes_place(wanted)) {
        cf_calendar_delete(self->lines, component, self->edits);
        goto done;
    }
    if (moved) {
        cf_buffer line = {0};

        cf_calendar_occurrence_line(cf_buffer_view(&name), start, &line);
        (void)cf_line_edits_replace(self->edits, occurrence.occurrence, cf_buffer_view(&line),
                                    &error);
        cf_buffer_release(&line);
    }
    if (!cf_calendar_override_value(&occurrence, &is) ||
        !cf_bytes_equal(cf_buffer_view(&is), wanted)) {
        cf_row own = cf_calendar_override_whole(row, cf_buffer_view(&name), wanted, main->task,
                                                &self->arena);

        cf_calendar_component_write(&occurrence, &own, self->edits);
        describe_zones(self, &own, row, &occurrence, start);
    }
    if (self->edits->splice.count > before)
        stamp_again(self, row, &occurrence);
done:
    cf_calendar_component_release(&occurrence);
    cf_buffer_release(&name);
    cf_buffer_release(&field);
    cf_buffer_release(&is);
}

/* Components for the occurrences that `is`, the row before, doesn't have; NULL: none. */
static void add_occurrences(writing *self, const cf_row *row, const cf_row *is, bool task,
                            cf_bytes uid, const cf_calendar_time *start, size_t after)
{
    cf_buffer text = {0};

    for (size_t i = 0; i < row->field_count; i++) {
        const cf_row_field *field = &row->fields[i];
        cf_bytes name = cf_calendar_pointer_name(CF_CALENDAR_OVERRIDES, field->name, &self->arena);
        cf_bytes before = is ? cf_vcard_plain(is, field->name) : (cf_bytes){0};

        if (name.size == 0 || field->count == 0 || !takes_place(field->values[0]) ||
            (before.data && takes_place(before)))
            continue;
        cf_row own = cf_calendar_override_whole(row, name, field->values[0], task, &self->arena);
        cf_buffer_clear(&text);
        build(&own, row, task, uid, name, start, &text);
        if (!is || self->calendar != CF_LINES_NONE)
            make_zones(self, cf_buffer_view(&text), zone_place_of_new(self, after));
        cf_calendar_insert(self->edits, after, cf_buffer_view(&text));
    }
    cf_buffer_release(&text);
}

/* ---- Zones ---- */

/* The zones that the row's times are told in come with it, but for those that the file has. */
static void add_zones(writing *self, const cf_row *row, size_t after)
{
    cf_buffer text = {0};

    for (size_t i = 0; i < row->field_count; i++) {
        const cf_row_field *field = &row->fields[i];
        cf_bytes name = cf_calendar_pointer_name(CF_CALENDAR_ZONES, field->name, &self->arena);

        cf_buffer_clear(&text);
        if (name.size == 0 || field->count == 0 || cf_calendar_zone_is_there(&self->zones, name) ||
            cf_field_list_has(&self->added, field->name) ||
            !cf_calendar_component_text(field->values[0], &text))
            continue;
        cf_calendar_insert(self->edits, after, cf_buffer_view(&text));
        cf_field_list_add(&self->added, &self->arena, field->name, field->values[0]);
    }
    cf_buffer_release(&text);
}

/* ---- Records ---- */

static void delete_item(writing *self, const cf_calendar_items *items, const cf_calendar_item *item)
{
    cf_calendar_delete(self->lines, item->main, self->edits);
    for (size_t i = 0; i < item->count; i++)
        cf_calendar_delete(self->lines, items->occurrences[item->first + i], self->edits);
}

/* One that is an occurrence of what is elsewhere, as another one, or no more. */
static void change_name(writing *self, const cf_calendar_component *main, const cf_row *is,
                        const cf_row *row, bool moved, const cf_calendar_time *start)
{
    cf_bytes field = cf_bytes_of_text("/recurrenceId"), name = {0};
    cf_bytes wanted = cf_vcard_plain(row, field);
    cf_buffer line = {0};
    cf_error error;

    if (cf_bytes_equal(wanted, cf_vcard_plain(is, field)) && !(moved && wanted.data))
        return;
    cf_value_is_text(wanted, &name);
    if (name.size)
        cf_calendar_occurrence_line(name, start, &line);
    if (main->occurrence == CF_LINES_NONE && name.size)
        (void)cf_line_edits_insert(self->edits, self->lines->components[main->component].first,
                                   cf_buffer_view(&line), &error);
    else if (main->occurrence != CF_LINES_NONE && name.size)
        (void)cf_line_edits_replace(self->edits, main->occurrence, cf_buffer_view(&line), &error);
    else if (main->occurrence != CF_LINES_NONE)
        cf_line_edits_delete(self->edits, main->occurrence);
    cf_buffer_release(&line);
}

static void change_item(writing *self, const cf_calendar_items *items, const cf_calendar_item *item,
                        const cf_row *is, const cf_row *row)
{
    cf_calendar_component main;
    cf_calendar_time start;

    cf_calendar_component_read(self->lines, item->main, &self->arena, &main);
    bool moved = cf_calendar_wanted_start(row, &main, &start) && main.started &&
                 !cf_calendar_same_zone(&start, &main.start);
    if (self->calendar != CF_LINES_NONE)
        add_zones(self, row, zone_place(self));
    const size_t before = self->edits->splice.count;
    cf_calendar_component_write(&main, row, self->edits);
    change_name(self, &main, is, row, moved, &start);
    if (self->edits->splice.count > before) {
        describe_zones(self, row, row, &main, &start);
        stamp_again(self, row, &main);
    }
    for (size_t i = 0; i < item->count; i++)
        change_occurrence(self, &main, items->occurrences[item->first + i], row, moved, &start);
    add_occurrences(self, row, is, main.task, main.uid, &start, last_line(self, item->main));
    cf_calendar_component_release(&main);
}

static void add_item(writing *self, const cf_row *row, cf_bytes uid, size_t after)
{
    bool task = cf_bytes_equal(row->table, cf_bytes_of_text(CF_TABLE_TASKS));
    cf_bytes name = {0};
    cf_calendar_time start;
    cf_buffer text = {0};

    cf_calendar_wanted_start(row, NULL, &start);
    cf_value_is_text(cf_vcard_plain(row, cf_bytes_of_text("/recurrenceId")), &name);
    build(row, row, task, uid, name, &start, &text);
    make_zones(self, cf_buffer_view(&text), zone_place_of_new(self, after));
    cf_calendar_insert(self->edits, after, cf_buffer_view(&text));
    add_occurrences(self, row, NULL, task, uid, &start, after);
    cf_buffer_release(&text);
}

/* ---- Files ---- */

static size_t find_calendar(const cf_content_lines *lines)
{
    for (size_t i = 0; i < lines->component_count; i++) {
        const cf_component *component = &lines->components[i];

        if (component->depth == 0 && cf_component_named(component, "VCALENDAR") &&
            lines->lines[component->last].kind == CF_LINE_END &&
            lines->lines[component->last].component == i)
            return i;
    }
    return CF_LINES_NONE;
}

static void insert_line(writing *self, size_t after, const char *text)
{
    cf_error error;

    (void)cf_line_edits_insert(self->edits, after, cf_bytes_of_text(text), &error);
}

static bool is_item(const cf_row *row, cf_bytes *uid)
{
    return cf_value_is_text(row->key, uid) && uid->size &&
           (cf_bytes_equal(row->table, cf_bytes_of_text(CF_TABLE_TASKS)) ||
            cf_bytes_equal(row->table, cf_bytes_of_text(CF_TABLE_EVENTS)));
}

static void write_rows(writing *self, const cf_calendar_items *items, cf_rewrite *rewrite)
{
    static const char *const begin[] = {"BEGIN:VCALENDAR", "VERSION:2.0",
                                        "PRODID:-//Counterfoil//EN"};
    bool own = self->calendar == CF_LINES_NONE, begun = false;
    size_t count = self->lines->count;
    size_t after = !own ? last_line(self, self->calendar) - 1 : count ? count - 1 : CF_LINES_NONE;
    cf_rewrite_step step;
    cf_bytes uid;

    while (cf_rewrite_next(rewrite, &step)) {
        if (step.is && step.wanted) {
            change_item(self, items, &items->items[step.place], step.is, step.wanted);
        } else if (step.is) {
            delete_item(self, items, &items->items[step.place]);
        } else if (is_item(step.wanted, &uid)) {
            for (size_t line = 0; own && !begun && line < sizeof begin / sizeof *begin; line++)
                insert_line(self, after, begin[line]);
            begun = true;
            add_zones(self, step.wanted, zone_place_of_new(self, after));
            add_item(self, step.wanted, uid, after);
        }
    }
    if (own && begun)
        insert_line(self, after, "END:VCALENDAR");
}

void cf_icalendar_document_write(const cf_icalendar_document *document, const cf_row *rows,
                                 size_t count, cf_buffer *out)
{
    const cf_content_lines *lines = &document->lines;
    cf_rewrite rewrite = cf_rewrite_of(&document->rows, rows, count, NULL);
    cf_line_edits edits = {.lines = lines};
    writing self = {.lines = lines,
                    .edits = &edits,
                    .calendar = find_calendar(lines),
                    .zones = cf_calendar_zones_of(lines)};

    write_rows(&self, &document->items, &rewrite);
    cf_line_edits_write(&edits, out);
    cf_field_list_release(&self.added);
    cf_field_list_release(&self.left);
    cf_calendar_zones_release(&self.zones);
    cf_arena_release(&self.arena);
    cf_line_edits_release(&edits);
    cf_rewrite_release(&rewrite);
}

cf_status cf_icalendar_rows_write(cf_bytes before, const cf_row *rows, size_t count, cf_buffer *out,
                                  cf_error *error)
{
    cf_icalendar_document *document;
    cf_status status = cf_icalendar_document_read(before, &document, error);

    if (status)
        return status;
    cf_icalendar_document_write(document, rows, count, out);
    cf_icalendar_document_destroy(&document);
    return CF_OK;
}

/* ---- How values are said ---- */

bool cf_icalendar_speak(const cf_row *row, cf_arena *arena, cf_bytes *spoken)
{
    static const char *const before[] = {""};
    static const cf_roundtrip words = {cf_icalendar_rows_read, cf_icalendar_rows_write, before, 1};

    return cf_roundtrip_row(&words, row, arena, spoken);
}
