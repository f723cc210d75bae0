/* SPDX-License-Identifier: Apache-2.0 */
/* One event or task read as fields: times in one zone, lines and components below it, occurrences
 * that don't take place. Of a property with one value the first line counts; any further line, and
 * what has no word, is an entry of /iCalProps. And the zones that a file describes. */
#include "peer/adapters/icalendar_inside.h"

#include "codec/pack.h"
#include "peer/adapters/text/content_text.h"
#include "peer/adapters/time_zones.h"
#include "peer/adapters/value_map.h"

#include <stdlib.h>
#include <string.h>

const char *const cf_calendar_time_fields[CF_CALENDAR_TIMES] = {
    "/start", "/timeZone", "/showWithoutTime", "/duration", "/due"};
enum { START, ZONE, DATE, DURATION, DUE };

static bool is_own(const cf_calendar_component *self, size_t line)
{
    const cf_content_line *at = &self->lines->lines[line];

    return at->kind == CF_LINE_PROPERTY && at->component == self->component;
}

static size_t first_line(const cf_calendar_component *self)
{
    return self->lines->components[self->component].first;
}

static size_t last_line(const cf_calendar_component *self)
{
    return self->lines->components[self->component].last;
}

/* ---- Times ---- */

static cf_bytes text_value(const cf_buffer *text, cf_arena *arena)
{
    cf_buffer value = {0};

    cf_pack_text(&value, cf_buffer_view(text));
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

static cf_bytes local_value(int64_t seconds, cf_arena *arena)
{
    cf_buffer text = {0};

    cf_calendar_local_write(seconds, &text);
    cf_bytes value = text_value(&text, arena);
    cf_buffer_release(&text);
    return value;
}

static void set_zone(cf_calendar_component *self, const cf_calendar_time *time, cf_arena *arena)
{
    static const uint8_t yes = 0xc3; /* true */
    cf_buffer text = {0};

    cf_buffer_append(&text, time->zone.data, time->zone.size);
    self->start = *time;
    if (time->zone.size)
        self->times[ZONE] = text_value(&text, arena);
    if (time->date)
        self->times[DATE] = cf_arena_copy(arena, cf_bytes_of(&yes, 1));
    cf_buffer_release(&text);
}

/* The first that can be read, so that it is the same one in whatever order lines are written. */
static void read_start(cf_calendar_component *self, cf_arena *arena)
{
    cf_calendar_time time;

    for (size_t i = first_line(self); i <= last_line(self) && !self->started; i++) {
        if (!is_own(self, i) || !cf_line_named(&self->lines->lines[i], "DTSTART") ||
            !cf_calendar_time_read(&self->lines->lines[i], &time))
            continue;
        self->started = true;
        self->start_line = i;
        self->times[START] = local_value(time.seconds, arena);
        set_zone(self, &time, arena);
    }
}

/* The same length is spelled the same, whether a line says how long it is or when it ends. */
static bool read_duration(cf_calendar_component *self, size_t line,
                          const cf_calendar_duration *duration, size_t *place, cf_arena *arena)
{
    cf_buffer text = {0};
    cf_calendar_time end;
    cf_calendar_duration again;

    if (self->times[DURATION].data)
        return false;
    if (cf_calendar_duration_end(&self->start, duration, &end) &&
        cf_calendar_duration_between(&self->start, &end, &again))
        duration = &again;
    cf_calendar_duration_write(duration, &text);
    self->times[DURATION] = text_value(&text, arena);
    *place = line;
    cf_buffer_release(&text);
    return true;
}

static bool read_due(cf_calendar_component *self, size_t line, const cf_calendar_time *time,
                     cf_arena *arena)
{
    if (self->times[DUE].data || (self->started && !cf_calendar_same_zone(time, &self->start)))
        return false;
    if (!self->started)
        set_zone(self, time, arena);
    self->times[DUE] = local_value(time->seconds, arena);
    self->due_line = line;
    return true;
}

/* Whether the line is one of the times that JSCalendar has in one zone. */
static bool take_time(cf_calendar_component *self, size_t index, cf_arena *arena)
{
    const cf_content_line *line = &self->lines->lines[index];
    cf_calendar_time time;
    cf_calendar_duration duration;

    if (index == self->start_line)
        return true;
    if (cf_line_named(line, "DTEND") && !self->task)
        return self->started && cf_calendar_time_read(line, &time) &&
               cf_calendar_same_zone(&time, &self->start) &&
               cf_calendar_duration_between(&self->start, &time, &duration) &&
               read_duration(self, index, &duration, &self->end_line, arena);
    if (cf_line_named(line, "DURATION") && !self->task)
        return self->started && !line->parameter_count && !line->group.size &&
               cf_calendar_duration_read(line->value, &duration) &&
               read_duration(self, index, &duration, &self->duration_line, arena);
    return cf_line_named(line, "DUE") && self->task && cf_calendar_time_read(line, &time) &&
           read_due(self, index, &time, arena);
}

/* ---- Entries ---- */

static void add_entry(cf_calendar_component *self, const cf_calendar_entry *entry)
{
    *cf_one_more(self->entries, self->count, self->capacity) = *entry;
}

static bool has_property(const cf_calendar_component *self, const cf_calendar_property *property)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->entries[i].property == property)
            return true;
    return false;
}

/* Occurrences that don't take place, as many as the line names, told as the start is. A line that
 * names one in another way, "EXDATE:20260112T090000,20260119", is told as it is spelled. */
static bool take_exclusions(cf_calendar_component *self, size_t index, cf_arena *arena)
{
    static const uint8_t excluded[] = "\x81\xa8"
                                      "excluded\xc3";
    const cf_content_line *line = &self->lines->lines[index];
    const size_t before = self->count;
    cf_content_line part = *line;
    cf_calendar_entry entry = {.line = index, .component = CF_LINES_NONE};
    cf_calendar_time time;
    cf_buffer field = {0};
    bool fine = cf_line_named(line, "EXDATE") && self->started && self->occurrence == CF_LINES_NONE;

    for (size_t at = 0; fine && cf_content_part(line->value, ',', &at, &part.value);) {
        fine = self->count < CF_CALENDAR_SAID_MAX && cf_calendar_time_read(&part, &time) &&
               cf_calendar_same_zone(&time, &self->start);
        if (!fine)
            break;
        cf_buffer_clear(&field);
        cf_buffer_append_text(&field, CF_CALENDAR_OVERRIDES);
        cf_calendar_local_write(time.seconds, &field);
        entry.field = cf_arena_copy(arena, cf_buffer_view(&field));
        entry.value = cf_arena_copy(arena, cf_bytes_of(excluded, sizeof excluded - 1));
        add_entry(self, &entry);
    }
    if (!fine)
        self->count = before;
    cf_buffer_release(&field);
    return fine && self->count > before;
}

static bool add_value(cf_calendar_component *self, const cf_content_line *line,
                      cf_calendar_entry *entry, cf_arena *arena)
{
    const cf_vcard_line made = {.line = line, .version = CF_VCARD_4_0, .value = line->value};
    cf_buffer value = {0};
    bool fine = cf_calendar_value(line, entry->property, &value);

    if (fine) {
        entry->field = cf_bytes_of_text(entry->property->line.field);
        entry->value = cf_arena_copy(arena, cf_buffer_view(&value));
        if (entry->property->form == CF_CALENDAR_TEXT && cf_vcard_params_value(&made, &value))
            entry->params = cf_arena_copy(arena, cf_buffer_view(&value));
        add_entry(self, entry);
    }
    cf_buffer_release(&value);
    return fine;
}

/* A list: an entry for each part, or none at all. */
static bool add_parts(cf_calendar_component *self, const cf_content_line *line,
                      cf_calendar_entry *entry, cf_arena *arena)
{
    const size_t before = self->count;
    cf_content_line part = *line;
    bool fine = true;

    for (size_t at = 0; fine && cf_content_part(line->value, ',', &at, &part.value);)
        fine = add_value(self, &part, entry, arena);
    if (!fine)
        self->count = before;
    return fine;
}

static void read_line(cf_calendar_component *self, size_t index, cf_arena *arena)
{
    const cf_content_line *line = &self->lines->lines[index];
    cf_calendar_entry entry = {.property = cf_calendar_property_named(self->task, line->name),
                               .line = index,
                               .component = CF_LINES_NONE};
    bool again = !entry.property->set && has_property(self, entry.property);

    if (take_time(self, index, arena) || take_exclusions(self, index, arena))
        return;
    if (!again &&
        (entry.property->form == CF_CALENDAR_KEYWORDS ? add_parts(self, line, &entry, arena)
                                                      : add_value(self, line, &entry, arena)))
        return;
    entry.property = &cf_calendar_other;
    add_value(self, line, &entry, arena);
}

static void set_trouble(cf_calendar_component *self, const char *trouble, size_t number)
{
    if (!self->trouble) {
        self->trouble = trouble;
        self->trouble_number = number;
    }
}

static void read_component(cf_calendar_component *self, size_t index, cf_arena *arena)
{
    const cf_component *component = &self->lines->components[index];
    bool alarm = cf_component_named(component, "VALARM");
    cf_calendar_entry entry = {.line = component->first,
                               .component = index,
                               .field = cf_bytes_of_text(alarm ? "/alerts" : "/iCalComponents")};
    cf_buffer value = {0};
    bool fine = alarm ? cf_calendar_alert_value(self->lines, index, &value)
                      : cf_calendar_component_value(self->lines, index, &value);

    if (!fine)
        set_trouble(self, "holds a component that nests too deeply: delete that",
                    self->lines->lines[component->first].number);
    entry.value = cf_arena_copy(arena, cf_buffer_view(&value));
    add_entry(self, &entry);
    cf_buffer_release(&value);
}

/* ---- Components ---- */

/* The lines that make it this component: its UID, RECURRENCE-ID and DTSTAMP, the first of each. */
typedef struct {
    size_t uid, occurrence, stamp;
} frame;

static frame read_frame(cf_calendar_component *self, cf_arena *arena)
{
    const cf_component *component = &self->lines->components[self->component];
    const size_t number = self->lines->lines[component->first].number;
    frame found = {CF_LINES_NONE, CF_LINES_NONE, CF_LINES_NONE};
    cf_buffer text = {0};

    for (size_t i = component->first; i <= component->last; i++) {
        const cf_content_line *line = &self->lines->lines[i];

        if (!is_own(self, i))
            continue;
        if (found.uid == CF_LINES_NONE && cf_line_named(line, "UID")) {
            found.uid = i;
            cf_content_text_read(line->value, &text);
            self->uid = cf_arena_copy(arena, cf_buffer_view(&text));
        } else if (found.occurrence == CF_LINES_NONE && cf_line_named(line, "RECURRENCE-ID")) {
            found.occurrence = i;
        } else if (found.stamp == CF_LINES_NONE && cf_line_named(line, "DTSTAMP")) {
            found.stamp = i;
        }
    }
    self->occurrence = found.occurrence;
    self->stamp = found.stamp;
    if (component->trouble)
        set_trouble(self, component->trouble, component->trouble_number);
    if (self->uid.size == 0)
        set_trouble(self, "has no UID: give it one of its own, as `vdirsyncer repair` does",
                    number);
    if (component->last - component->first > CF_CALENDAR_LINES_MAX)
        set_trouble(self, "has too many lines: delete some", number);
    cf_buffer_release(&text);
    return found;
}

void cf_calendar_component_read(const cf_content_lines *lines, size_t component, cf_arena *arena,
                                cf_calendar_component *out)
{
    cf_calendar_component self = {.lines = lines,
                                  .component = component,
                                  .task =
                                      cf_component_named(&lines->components[component], "VTODO"),
                                  .start_line = CF_LINES_NONE,
                                  .end_line = CF_LINES_NONE,
                                  .duration_line = CF_LINES_NONE,
                                  .due_line = CF_LINES_NONE};
    const frame own = read_frame(&self, arena);

    if (!self.trouble)
        read_start(&self, arena);
    for (size_t i = first_line(&self); i <= last_line(&self) && !self.trouble; i++)
        if (is_own(&self, i) && i != own.uid && i != own.occurrence && i != own.stamp)
            read_line(&self, i, arena);
    for (size_t i = component + 1; i < lines->component_count && !self.trouble &&
                                   lines->components[i].first <= last_line(&self);
         i++)
        if (lines->components[i].parent == component)
            read_component(&self, i, arena);
    *out = self;
}

void cf_calendar_component_release(cf_calendar_component *self)
{
    free(self->entries);
    *self = (cf_calendar_component){0};
}

void cf_calendar_component_fields(const cf_calendar_component *self, cf_field_list *list,
                                  cf_arena *arena)
{
    for (size_t i = 0; i < CF_CALENDAR_TIMES; i++)
        if (self->times[i].data)
            cf_field_list_add(list, arena, cf_bytes_of_text(cf_calendar_time_fields[i]),
                              self->times[i]);
    for (size_t i = 0; i < self->count; i++) {
        const cf_calendar_entry *entry = &self->entries[i];

        cf_field_list_add(list, arena, entry->field, entry->value);
        if (entry->params.data)
            cf_field_list_add(list, arena, cf_calendar_params_field(entry->property, arena),
                              entry->params);
    }
}

cf_bytes cf_calendar_params_field(const cf_calendar_property *property, cf_arena *arena)
{
    cf_bytes name = cf_vcard_params_field(&property->line, arena);
    uint8_t *copy = cf_arena_allocate(arena, name.size - 1, 1);

    /* /vCardParams/summary as /iCalParams/summary */
    memcpy(copy, "/iCal", 5);
    memcpy(copy + 5, name.data + 6, name.size - 6);
    return cf_bytes_of(copy, name.size - 1);
}

/* ---- Time zones of a file ---- */

struct cf_calendar_zone {
    cf_bytes name, value;
    bool made; /* here */
};

static bool is_made(const cf_content_lines *lines, size_t component)
{
    const cf_component *at = &lines->components[component];

    for (size_t i = at->first; i <= at->last; i++)
        if (lines->lines[i].component == component &&
            cf_line_named(&lines->lines[i], CF_TIME_ZONE_MADE))
            return true;
    return false;
}

static void add_zone(cf_calendar_zones *self, const cf_content_lines *lines, size_t component,
                     cf_bytes name)
{
    cf_buffer value = {0};

    if (!cf_calendar_zone_is_there(self, name) &&
        cf_calendar_component_value(lines, component, &value)) {
        *cf_one_more(self->items, self->count, self->capacity) = (struct cf_calendar_zone){
            name, cf_arena_copy(&self->arena, cf_buffer_view(&value)), is_made(lines, component)};
    }
    cf_buffer_release(&value);
}

cf_calendar_zones cf_calendar_zones_of(const cf_content_lines *lines)
{
    cf_calendar_zones self = {0};

    for (size_t i = 0; i < lines->component_count; i++) {
        const cf_component *component = &lines->components[i];

        if (!cf_component_named(component, "VTIMEZONE") || component->trouble)
            continue;
        for (size_t line = component->first; line <= component->last; line++)
            if (lines->lines[line].component == i && cf_line_named(&lines->lines[line], "TZID")) {
                cf_buffer name = {0};

                cf_content_text_read(lines->lines[line].value, &name);
                add_zone(&self, lines, i, cf_arena_copy(&self.arena, cf_buffer_view(&name)));
                cf_buffer_release(&name);
                break;
            }
    }
    return self;
}

void cf_calendar_zones_release(cf_calendar_zones *self)
{
    free(self->items);
    cf_arena_release(&self->arena);
    *self = (cf_calendar_zones){0};
}

static const struct cf_calendar_zone *find_zone(const cf_calendar_zones *self, cf_bytes name)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_bytes_equal(self->items[i].name, name))
            return &self->items[i];
    return NULL;
}

cf_bytes cf_calendar_zone_value(const cf_calendar_zones *self, cf_bytes name)
{
    const struct cf_calendar_zone *found = find_zone(self, name);

    return found && !found->made ? found->value : (cf_bytes){0};
}

bool cf_calendar_zone_is_there(const cf_calendar_zones *self, cf_bytes name)
{
    return find_zone(self, name) != NULL;
}
