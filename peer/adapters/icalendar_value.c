/* SPDX-License-Identifier: Apache-2.0 */
/* Components and alarms as values. */
#include "peer/adapters/icalendar_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer/adapters/json_value.h"
#include "peer/adapters/value_map.h"

/* The elements of an array, which get an order of their own: that of lines says nothing, and
 * programs differ in it. */
typedef struct {
    cf_bytes json, value; /* in the arena */
} element;

typedef struct {
    element *items;
    size_t count, capacity;
    cf_arena arena;
} elements;

static void add_element(elements *self, cf_bytes value)
{
    cf_buffer json = {0};

    cf_value_json(value, &json);
    element *made = cf_one_more(self->items, self->count, self->capacity);
    made->json = cf_arena_copy(&self->arena, cf_buffer_view(&json));
    made->value = cf_arena_copy(&self->arena, value);
    cf_buffer_release(&json);
}

static int by_json(const void *left, const void *right)
{
    const element *a = left, *b = right;

    return cf_bytes_compare(a->json, b->json);
}

/* Adds the array, and releases them. */
static void build_elements(cf_value_builder *build, elements *self)
{
    if (self->count)
        qsort(self->items, self->count, sizeof *self->items, by_json);
    cf_build_array(build);
    for (size_t i = 0; i < self->count; i++)
        cf_build_value(build, self->items[i].value);
    cf_build_end(build);
    free(self->items);
    cf_arena_release(&self->arena);
    *self = (elements){0};
}

static bool add_line(const cf_content_line *line, elements *properties)
{
    const cf_vcard_line made = {.line = line, .version = CF_VCARD_4_0, .value = line->value};
    cf_buffer value = {0};
    bool fine = cf_vcard_value(&made, &cf_vcard_other, &value);

    add_element(properties, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return fine;
}

/* The properties of a component that `takes` doesn't take, and its components. */
typedef bool takes(void *context, const cf_content_line *line);

static bool add_contents(const cf_content_lines *lines, size_t component, takes *take,
                         void *context, elements *properties, elements *components);

/* [name, properties, components]. */
static bool component_value(const cf_content_lines *lines, size_t component, cf_buffer *out)
{
    elements properties = {0}, components = {0};
    cf_value_builder build = {0};
    cf_error ignored;
    bool fine = add_contents(lines, component, NULL, NULL, &properties, &components);

    cf_build_array(&build);
    cf_calendar_build_word(&build, lines->components[component].name);
    build_elements(&build, &properties);
    build_elements(&build, &components);
    cf_build_end(&build);
    return !cf_build_finish(&build, out, &ignored) && fine;
}

static bool add_contents(const cf_content_lines *lines, size_t component, takes *take,
                         void *context, elements *properties, elements *components)
{
    const cf_component *own = &lines->components[component];
    cf_buffer value = {0};
    bool fine = true;

    for (size_t i = own->first; i <= own->last && fine; i++)
        if (lines->lines[i].component == component && lines->lines[i].kind == CF_LINE_PROPERTY &&
            !(take && take(context, &lines->lines[i])))
            fine = add_line(&lines->lines[i], properties);
    for (size_t i = component + 1;
         i < lines->component_count && fine && lines->components[i].first <= own->last; i++) {
        if (lines->components[i].parent != component)
            continue;
        fine = component_value(lines, i, &value);
        add_element(components, cf_buffer_view(&value));
    }
    cf_buffer_release(&value);
    return fine;
}

bool cf_calendar_component_value(const cf_content_lines *lines, size_t component, cf_buffer *out)
{
    return component_value(lines, component, out);
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
    cf_value_builder build;
    bool action, trigger;
} alert;

static bool take_action(alert *self, const cf_content_line *line)
{
    if (self->action || line->parameter_count || line->group.size ||
        !cf_calendar_is_word(line->value))
        return false;
    cf_build_name(&self->build, "action");
    cf_calendar_build_word(&self->build, line->value);
    return self->action = true;
}

/* -PT15M, PT0S: a sign, and a duration that is read. */
static bool is_offset(cf_bytes text)
{
    size_t sign = text.size && (text.data[0] == '-' || text.data[0] == '+');
    cf_calendar_duration ignored;

    return cf_calendar_duration_read(cf_bytes_of(text.data + sign, text.size - sign), &ignored);
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

static void add_offset(const cf_content_line *line, const offset_words *words,
                       cf_value_builder *build)
{
    cf_build_member_text(build, "offset", line->value);
    if (words->start || words->end)
        cf_build_member_text(build, "relativeTo", cf_bytes_of_text(words->end ? "end" : "start"));
    if (!words->typed)
        return;
    cf_build_name(build, "iCalParams");
    cf_build_map(build);
    cf_build_member_text(build, "value", cf_bytes_of_text("duration"));
    cf_build_end(build);
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
    cf_build_name(&self->build, "trigger");
    cf_build_map(&self->build);
    if (absolute) {
        cf_calendar_local_write(time.seconds, &when);
        cf_buffer_append_text(&when, "Z");
        cf_build_member_text(&self->build, "when", cf_buffer_view(&when));
    } else {
        add_offset(line, &words, &self->build);
    }
    cf_build_end(&self->build);
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
    elements properties = {0}, components = {0};
    alert self = {0};
    cf_error ignored;

    cf_build_map(&self.build);
    bool fine = add_contents(lines, component, take_of_alert, &self, &properties, &components);
    if (properties.count)
        cf_build_name(&self.build, "iCalProps");
    if (properties.count)
        build_elements(&self.build, &properties);
    if (components.count)
        cf_build_name(&self.build, "iCalComponents");
    if (components.count)
        build_elements(&self.build, &components);
    cf_build_end(&self.build);
    return !cf_build_finish(&self.build, out, &ignored) && fine;
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
