/* SPDX-License-Identifier: Apache-2.0 */
/* Components and alarms as values. They are put together as JSON, since that knows the canonical
 * order of members. */
#include "peer/adapters/icalendar_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/adapters/json_value.h"
#include "peer/adapters/value_map.h"

/* The elements of an array, which get an order of their own: that of lines says nothing, and
 * programs differ in it. */
typedef struct {
    cf_bytes *items; /* JSON, in the arena */
    size_t count, capacity;
    cf_arena arena;
} elements;

static void add_element(elements *self, const cf_buffer *json)
{
    *cf_one_more(self->items, self->count, self->capacity) =
        cf_arena_copy(&self->arena, cf_buffer_view(json));
}

static int by_text(const void *left, const void *right)
{
    return cf_bytes_compare(*(const cf_bytes *)left, *(const cf_bytes *)right);
}

/* Appends the array, and releases them. */
static void write_elements(elements *self, cf_buffer *json)
{
    if (self->count)
        qsort(self->items, self->count, sizeof *self->items, by_text);
    cf_buffer_append_text(json, "[");
    for (size_t i = 0; i < self->count; i++) {
        cf_buffer_append_text(json, i ? "," : "");
        cf_buffer_append(json, self->items[i].data, self->items[i].size);
    }
    cf_buffer_append_text(json, "]");
    free(self->items);
    cf_arena_release(&self->arena);
    *self = (elements){0};
}

static bool add_line(const cf_content_line *line, elements *properties)
{
    const cf_vcard_line made = {.line = line, .version = CF_VCARD_4_0, .value = line->value};
    cf_buffer value = {0}, json = {0};
    bool fine = cf_vcard_value(&made, &cf_vcard_other, &value);

    cf_value_json(cf_buffer_view(&value), &json);
    add_element(properties, &json);
    cf_buffer_release(&value);
    cf_buffer_release(&json);
    return fine;
}

/* The properties of a component that `takes` doesn't take, and its components, as two arrays. */
typedef bool takes(void *context, const cf_content_line *line);

static bool add_contents(const cf_content_lines *lines, size_t component, takes *take,
                         void *context, cf_buffer *properties, cf_buffer *components);

static bool add_component(const cf_content_lines *lines, size_t component, cf_buffer *json)
{
    cf_buffer properties = {0}, components = {0}, name = {0};
    bool fine = add_contents(lines, component, NULL, NULL, &properties, &components);

    cf_calendar_append_case(lines->components[component].name, false, &name);
    cf_buffer_append_text(json, "[");
    cf_json_write_text(cf_buffer_view(&name), json);
    cf_buffer_append_text(json, ",");
    cf_buffer_append(json, properties.data, properties.size);
    cf_buffer_append_text(json, ",");
    cf_buffer_append(json, components.data, components.size);
    cf_buffer_append_text(json, "]");
    cf_buffer_release(&properties);
    cf_buffer_release(&components);
    cf_buffer_release(&name);
    return fine;
}

static bool add_contents(const cf_content_lines *lines, size_t component, takes *take,
                         void *context, cf_buffer *properties, cf_buffer *components)
{
    const cf_component *own = &lines->components[component];
    elements of_lines = {0}, within = {0};
    cf_buffer json = {0};
    bool fine = true;

    for (size_t i = own->first; i <= own->last && fine; i++)
        if (lines->lines[i].component == component && lines->lines[i].kind == CF_LINE_PROPERTY &&
            !(take && take(context, &lines->lines[i])))
            fine = add_line(&lines->lines[i], &of_lines);
    for (size_t i = component + 1;
         i < lines->component_count && fine && lines->components[i].first <= own->last; i++) {
        if (lines->components[i].parent != component)
            continue;
        cf_buffer_clear(&json);
        fine = add_component(lines, i, &json);
        add_element(&within, &json);
    }
    write_elements(&of_lines, properties);
    write_elements(&within, components);
    cf_buffer_release(&json);
    return fine;
}

bool cf_calendar_component_value(const cf_content_lines *lines, size_t component, cf_buffer *out)
{
    cf_buffer json = {0};
    bool fine =
        add_component(lines, component, &json) && cf_value_of_json(cf_buffer_view(&json), out);

    cf_buffer_release(&json);
    return fine;
}

static bool write_properties(cf_bytes properties, cf_buffer *out)
{
    cf_value_walk walk = cf_value_walk_of(properties);
    cf_buffer text = {0};
    cf_bytes none, value;
    bool fine = true;

    while (fine && cf_value_next(&walk, &none, &value)) {
        fine = cf_vcard_line_text(&cf_vcard_other, value, (cf_bytes){0}, CF_VCARD_4_0, &text);
        cf_buffer_append(out, text.data, text.size);
        cf_buffer_append_text(out, "\n");
    }
    cf_buffer_release(&text);
    return fine;
}

static bool write_component(cf_bytes value, size_t depth, cf_buffer *out);

static bool write_components(cf_bytes components, size_t depth, cf_buffer *out)
{
    cf_value_walk walk = cf_value_walk_of(components);
    cf_bytes none, value;
    bool fine = true;

    while (fine && cf_value_next(&walk, &none, &value))
        fine = write_component(value, depth, out);
    return fine;
}

static bool write_component(cf_bytes value, size_t depth, cf_buffer *out)
{
    cf_value_walk walk = cf_value_walk_of(value);
    cf_bytes none, first, name, properties, components;
    cf_buffer upper = {0};

    if (depth > CF_COMPONENT_DEPTH_MAX / 2 || walk.map || !cf_value_next(&walk, &none, &first) ||
        !cf_value_is_text(first, &name) || !cf_value_next(&walk, &none, &properties) ||
        !cf_value_next(&walk, &none, &components))
        return false;
    cf_calendar_append_case(name, true, &upper);
    bool fine = cf_calendar_is_word(cf_buffer_view(&upper));
    if (fine) {
        cf_buffer_append_text(out, "BEGIN:%.*s\n", (int)upper.size, (const char *)upper.data);
        fine = write_properties(properties, out) && write_components(components, depth + 1, out);
        cf_buffer_append_text(out, "END:%.*s\n", (int)upper.size, (const char *)upper.data);
    }
    cf_buffer_release(&upper);
    return fine;
}

bool cf_calendar_component_text(cf_bytes value, cf_buffer *out)
{
    cf_buffer_clear(out);
    return write_component(value, 0, out);
}

/* ---- Alarms ---- */

typedef struct {
    cf_buffer json;
    bool action, trigger;
} alert;

static bool take_action(alert *self, const cf_content_line *line)
{
    if (self->action || line->parameter_count || line->group.size ||
        !cf_calendar_is_word(line->value))
        return false;
    cf_json_begin_member(&self->json, "action");
    cf_calendar_json_word(line->value, &self->json);
    return self->action = true;
}

/* -PT15M, PT0S: a sign, and a duration that is read. */
static bool is_offset(cf_bytes text)
{
    size_t sign = text.size && (text.data[0] == '-' || text.data[0] == '+');
    int64_t seconds;

    return cf_calendar_duration_read(cf_bytes_of(text.data + sign, text.size - sign), &seconds);
}

/* What is said of an offset: which end of the event it is from, and what it is anyway. */
typedef struct {
    bool start, end, typed;
} offset_words;

static bool read_offset_words(const cf_content_line *line, offset_words *out)
{
    *out = (offset_words){0};
    for (size_t i = 0; i < line->parameter_count; i++) {
        const cf_line_parameter *at = &line->parameters[i];
        const bool related = cf_line_word_is(at->name, "RELATED");
        const bool value = cf_line_word_is(at->name, "VALUE");

        if (related && !out->start && !out->end && cf_line_word_is(at->value, "START"))
            out->start = true;
        else if (related && !out->start && !out->end && cf_line_word_is(at->value, "END"))
            out->end = true;
        else if (value && !out->typed && cf_line_word_is(at->value, "DURATION"))
            out->typed = true;
        else
            return false;
    }
    return true;
}

static void add_offset(const cf_content_line *line, const offset_words *words, cf_buffer *json)
{
    cf_json_add_text(json, "offset", line->value);
    if (words->start || words->end)
        cf_json_add_text(json, "relativeTo", cf_bytes_of_text(words->end ? "end" : "start"));
    if (words->typed) {
        cf_json_begin_member(json, "iCalParams");
        cf_buffer_append_text(json, "{\"value\":\"duration\"}");
    }
}

static bool take_trigger(alert *self, const cf_content_line *line)
{
    cf_calendar_time time;
    offset_words words;
    cf_buffer when = {0};

    if (self->trigger || line->group.size)
        return false;
    const bool absolute = cf_calendar_time_read(line, &time) && !time.date && time.zone.size &&
                          line->value.data[line->value.size - 1] == 'Z';
    if (!absolute && (!read_offset_words(line, &words) || !is_offset(line->value)))
        return false;
    cf_json_begin_member(&self->json, "trigger");
    cf_buffer_append_text(&self->json, "{");
    if (absolute) {
        cf_calendar_local_write(time.seconds, &when);
        cf_buffer_append_text(&when, "Z");
        cf_json_add_text(&self->json, "when", cf_buffer_view(&when));
    } else {
        add_offset(line, &words, &self->json);
    }
    cf_buffer_append_text(&self->json, "}");
    cf_buffer_release(&when);
    return self->trigger = true;
}

static bool take_of_alert(void *context, const cf_content_line *line)
{
    if (cf_line_named(line, "ACTION"))
        return take_action(context, line);
    return cf_line_named(line, "TRIGGER") && take_trigger(context, line);
}

bool cf_calendar_alert_value(const cf_content_lines *lines, size_t component, cf_buffer *out)
{
    cf_buffer properties = {0}, components = {0};
    alert self = {0};

    cf_buffer_append_text(&self.json, "{");
    bool fine = add_contents(lines, component, take_of_alert, &self, &properties, &components);
    if (properties.size > 2) {
        cf_json_begin_member(&self.json, "iCalProps");
        cf_buffer_append(&self.json, properties.data, properties.size);
    }
    if (components.size > 2) {
        cf_json_begin_member(&self.json, "iCalComponents");
        cf_buffer_append(&self.json, components.data, components.size);
    }
    cf_buffer_append_text(&self.json, "}");
    fine = fine && cf_value_of_json(cf_buffer_view(&self.json), out);
    cf_buffer_release(&self.json);
    cf_buffer_release(&properties);
    cf_buffer_release(&components);
    return fine;
}

static void write_offset_words(cf_bytes trigger, cf_buffer *out)
{
    cf_bytes word, parameters;

    if (cf_value_member(trigger, "iCalParams", &parameters) &&
        cf_value_member_text(parameters, "value", &word) && cf_line_word_is(word, "DURATION"))
        cf_buffer_append_text(out, ";VALUE=DURATION");
    if (!cf_value_member_text(trigger, "relativeTo", &word))
        return;
    if (cf_bytes_equal(word, cf_bytes_of_text("start")))
        cf_buffer_append_text(out, ";RELATED=START");
    else if (cf_bytes_equal(word, cf_bytes_of_text("end")))
        cf_buffer_append_text(out, ";RELATED=END");
}

static void write_trigger(cf_bytes trigger, cf_buffer *out)
{
    cf_bytes text;

    if (cf_value_member_text(trigger, "when", &text)) {
        cf_buffer_append_text(out, "TRIGGER;VALUE=DATE-TIME:");
        cf_calendar_compact(text, out);
        cf_buffer_append_text(out, "\n");
    } else if (cf_value_member_text(trigger, "offset", &text) && is_offset(text)) {
        cf_buffer_append_text(out, "TRIGGER");
        write_offset_words(trigger, out);
        cf_buffer_append_text(out, ":%.*s\n", (int)text.size, (const char *)text.data);
    }
}

bool cf_calendar_alert_text(cf_bytes value, cf_buffer *out)
{
    cf_bytes text, part;
    bool fine = true;

    cf_buffer_clear(out);
    cf_buffer_append_text(out, "BEGIN:VALARM\n");
    if (cf_value_member_text(value, "action", &text)) {
        cf_buffer_append_text(out, "ACTION:");
        cf_calendar_append_case(text, true, out);
        cf_buffer_append_text(out, "\n");
    }
    if (cf_value_member(value, "trigger", &part))
        write_trigger(part, out);
    if (cf_value_member(value, "iCalProps", &part))
        fine = write_properties(part, out);
    if (fine && cf_value_member(value, "iCalComponents", &part))
        fine = write_components(part, 1, out);
    cf_buffer_append_text(out, "END:VALARM\n");
    return fine;
}
