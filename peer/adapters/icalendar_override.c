/* SPDX-License-Identifier: Apache-2.0 */
/* Occurrences that are other than their series: as a component of their own, which says all of it,
 * and as a map of what is other, which JSCalendar calls a patch. */
#include "peer/adapters/icalendar_inside.h"

#include "codec/limits.h"
#include "codec/pack.h"
#include "codec/pointer.h"
#include "codec/value_build.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/text/content_text.h"
#include "peer/adapters/value_map.h"

#include <stdlib.h>
#include <string.h>

/* ---- The map of a component ---- */

static bool is_set(bool task, cf_bytes field)
{
    cf_merge merge;

    return cf_kind_field(task ? CF_KIND_TASK : CF_KIND_EVENT, field, &merge) &&
           merge == CF_MERGE_SET;
}

static int by_value(const void *left, const void *right)
{
    return cf_bytes_compare(*(const cf_bytes *)left, *(const cf_bytes *)right);
}

/* The values of a set in an order of their own: that of the lines says nothing. */
static void add_field(bool task, const cf_row_field *field, cf_arena *arena,
                      cf_value_builder *build)
{
    bool set = is_set(task, field->name);
    cf_bytes *values = cf_arena_allocate(arena, field->count, sizeof *values);

    memcpy(values, field->values, field->count * sizeof *values);
    qsort(values, field->count, sizeof *values, by_value);

    cf_build_key(build, cf_bytes_of(field->name.data + 1, field->name.size - 1));
    if (set)
        cf_build_array(build);
    for (size_t i = 0; i < field->count; i++)
        cf_build_json(build, values[i]);
    if (set)
        cf_build_end(build);
}

bool cf_calendar_override_value(const cf_calendar_component *component, cf_buffer *out)
{
    cf_field_list list = {0};
    cf_arena arena = {0};
    cf_value_builder build = {0};
    cf_error ignored;
    cf_row row = {0};

    cf_calendar_component_fields(component, &list, &arena);
    cf_field_list_take(&list, &arena, &row);
    cf_build_map(&build);
    for (size_t i = 0; i < row.field_count; i++)
        add_field(component->task, &row.fields[i], &arena, &build);
    cf_build_end(&build);
    bool fine = !cf_build_finish(&build, out, &ignored);
    cf_field_list_release(&list);
    cf_arena_release(&arena);
    return fine;
}

/* An element of an array, as iCalendar brings it, or of a map, as JSCalendar has sets: of keywords
 * the names are what is in it. */
static void add_element(cf_field_list *list, cf_bytes field, cf_bytes id, cf_bytes element,
                        cf_arena *arena)
{
    cf_buffer word = {0};

    if (id.data && cf_bytes_equal(field, cf_bytes_of_text("/keywords"))) {
        cf_pack_text(&word, id);
        element = cf_buffer_view(&word);
    }
    cf_field_list_add(list, arena, field, element);
    cf_buffer_release(&word);
}

cf_row cf_calendar_override_row(cf_bytes value, bool task, cf_arena *arena)
{
    cf_value_walk walk = cf_value_walk_of(value);
    cf_field_list list = {0};
    cf_buffer field = {0};
    cf_bytes name, member;
    cf_row row = {0};

    while (walk.map && cf_value_next(&walk, &name, &member)) {
        cf_value_walk elements = cf_value_walk_of(member);
        cf_bytes id, element;

        cf_buffer_clear(&field);
        cf_buffer_append_text(&field, "/");
        cf_buffer_append(&field, name.data, name.size);
        if (!is_set(task, cf_buffer_view(&field)))
            cf_field_list_add(&list, arena, cf_buffer_view(&field), member);
        else
            while (cf_value_next(&elements, &id, &element))
                add_element(&list, cf_buffer_view(&field), id, element, arena);
    }
    cf_field_list_take(&list, arena, &row);
    cf_field_list_release(&list);
    cf_buffer_release(&field);
    return row;
}

/* ---- A component of a patch ---- */

typedef struct {
    const cf_row *series;
    cf_bytes name, patch;
    bool task;
    cf_arena *arena;
    cf_field_list list;
} making;

static bool has_member(cf_bytes map, const char *name)
{
    cf_bytes value;

    return cf_value_member(map, name, &value);
}

static bool says(const cf_row *row, const char *field)
{
    return cf_vcard_plain(row, cf_bytes_of_text(field)).data != NULL;
}

static bool is_none(cf_bytes value)
{
    return value.size == 1 && value.data[0] == 0xc0;
}

static bool is_true(cf_bytes value)
{
    return value.size == 1 && value.data[0] == 0xc3;
}

static bool has_none_member(cf_bytes map)
{
    cf_value_walk walk = cf_value_walk_of(map);
    cf_bytes name, value;

    while (walk.map && cf_value_next(&walk, &name, &value))
        if (is_none(value))
            return true;
    return false;
}

/* Whether the map says only what is other. That of a component tells when it is, how long, and what
 * it is called, as far as its series does:
 *
 *   {"start": …}                               of a series with a title: a patch
 *   {"start": …, "duration": …, "title": …}    a component, in no zone as its series
 */
static bool is_patch(const making *self)
{
    const cf_row *series = self->series;
    const cf_bytes map = self->patch;
    int64_t seconds;

    if (!cf_calendar_local_read(self->name, &seconds) ||
        !(says(series, "/start") || (self->task && says(series, "/due"))))
        return false;
    return has_none_member(map) || (says(series, "/start") && !has_member(map, "start")) ||
           (says(series, "/title") && !has_member(map, "title")) ||
           (says(series, "/duration") && !has_member(map, "duration")) ||
           (says(series, "/timeZone") && !has_member(map, "timeZone") &&
            !has_member(map, "showWithoutTime"));
}

static bool begins_with(cf_bytes text, const char *prefix)
{
    size_t size = strlen(prefix);

    return text.size >= size && memcmp(text.data, prefix, size) == 0;
}

/* What only a series has, and what tells of its own changes. */
static bool stays_with_series(cf_bytes field)
{
    static const char *const names[] = {
        "/created", "/updated", "/sequence",  "/recurrenceId",        "/recurrenceRules",
        "/start",   "/due",     "/timeZones", "/recurrenceOverrides", "/excludedRecurrenceRules"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cf_bytes_equal(field, cf_bytes_of_text(names[i])))
            return true;
    return begins_with(field, CF_CALENDAR_OVERRIDES) || begins_with(field, CF_CALENDAR_ZONES);
}

/* A property of the series that an occurrence would have, too: an ATTENDEE, no RDATE. */
static bool is_shared_property(cf_bytes value)
{
    static const char *const names[] = {
        "rdate", "exdate",  "rrule",   "exrule",        "dtstart",  "dtend", "duration",
        "due",   "created", "dtstamp", "last-modified", "sequence", "uid",   "recurrence-id"};
    cf_bytes name;

    if (!cf_value_is_text(cf_value_first(value), &name))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cf_line_word_is(name, names[i]))
            return false;
    return true;
}

/* Its parameters are those of the value that the patch has. */
static bool is_of_patched(const making *self, cf_bytes field)
{
    cf_value_walk walk = cf_value_walk_of(self->patch);
    cf_bytes name, value;

    while (walk.map && cf_value_next(&walk, &name, &value)) {
        cf_buffer of = {0};

        cf_buffer_append_text(&of, "/");
        cf_buffer_append(&of, name.data, name.size);
        const cf_calendar_property *property =
            cf_calendar_property_of(self->task, cf_buffer_view(&of));
        bool same = cf_bytes_equal(field, cf_buffer_view(&of)) ||
                    (property && property->form == CF_CALENDAR_TEXT &&
                     cf_bytes_equal(field, cf_calendar_params_field(property, self->arena)));
        cf_buffer_release(&of);
        if (same)
            return true;
    }
    return false;
}

/* A long value is named by its content in one place and stands there itself in another: no
 * occurrence has it from its series. */
static bool is_long(cf_bytes field, cf_bytes value)
{
    static const cf_id record = {{CF_KIND_RECORD}};

    return value.size > CF_INLINE_MAX || cf_item_has_content(&record, field, value);
}

/* ---- Parts of what the series says ---- */

/* A patch may name a part of a value, by a JSON Pointer without its first slash. The ids in a set
 * are those of its document, and rows have none: so the pointer means the value of a set that has
 * one. Of keywords the word is the id.
 *
 *   "locations/a/name": "Hall"   of a series in one room: this one is in the hall
 *                                in two rooms: as its series, since nobody knows which is a
 *   "locations/a": null          of a series in one room: this one is in none
 *   "keywords/late": true        one keyword more
 */
typedef struct {
    cf_bytes id, pointer, value; /* of the last: "a", "/name" (or nothing), "Hall" */
} part;

/* Whether the member names a part of a value of this field. */
static bool is_part(cf_bytes name, cf_bytes value, cf_bytes field, part *out)
{
    const cf_bytes within = cf_bytes_of(field.data + 1, field.size - 1);
    size_t at = within.size;

    if (name.size <= within.size || memcmp(name.data, within.data, within.size) != 0 ||
        name.data[within.size] != '/')
        return false;
    *out = (part){.value = value};
    cf_pointer_next(name, &at, &out->id);
    out->pointer = cf_bytes_of(name.data + at, name.size - at);
    return true;
}

static bool is_keyword(cf_bytes field, const part *of, cf_buffer *word)
{
    if (!cf_bytes_equal(field, cf_bytes_of_text("/keywords")) || of->pointer.size)
        return false;
    cf_buffer_clear(word);
    cf_pointer_read(of->id, word);
    return true;
}

/* Adds the other members of a map, and returns the value of this one; nothing: it has none. */
static cf_bytes add_others(cf_bytes map, cf_bytes but, cf_value_builder *build)
{
    cf_value_walk walk = cf_value_walk_of(map);
    cf_bytes name, value, found = {0};

    while (walk.map && cf_value_next(&walk, &name, &value))
        if (cf_bytes_equal(name, but)) {
            found = value;
        } else {
            cf_build_key(build, name);
            cf_build_value(build, value);
        }
    return found;
}

/* The value with this in the place that the pointer names; the value: there is no such place. */
static cf_bytes with_part(making *self, cf_bytes whole, const part *of)
{
    cf_value_builder build = {0};
    cf_buffer name = {0}, made = {0};
    cf_bytes value = whole, step;
    size_t depth = 0;
    cf_error ignored;

    for (size_t at = 0; cf_value_walk_of(value).map && cf_pointer_next(of->pointer, &at, &step);) {
        cf_buffer_clear(&name);
        cf_pointer_read(step, &name);
        cf_build_map(&build);
        depth++;
        value = add_others(value, cf_buffer_view(&name), &build);
        if (at == of->pointer.size && is_none(of->value))
            break;
        cf_build_key(&build, cf_buffer_view(&name));
        if (at == of->pointer.size)
            cf_build_value(&build, of->value);
    }
    while (depth-- > 0)
        cf_build_end(&build);
    const bool is_made = cf_build_finish(&build, &made, &ignored) == CF_OK;
    value = is_made ? cf_arena_copy(self->arena, cf_buffer_view(&made)) : whole;
    cf_buffer_release(&name);
    cf_buffer_release(&made);
    return value;
}

/* A value of the series as the patch has it here; nothing: it is taken away. */
static cf_bytes patched(making *self, const cf_row_field *field, cf_bytes value)
{
    cf_value_walk walk = cf_value_walk_of(self->patch);
    const bool is_only = is_set(self->task, field->name) && field->count == 1;
    cf_bytes name, member, text;
    cf_buffer word = {0};
    part of;

    while (walk.map && value.size && cf_value_next(&walk, &name, &member)) {
        if (!is_part(name, member, field->name, &of))
            continue;
        if (is_keyword(field->name, &of, &word)) {
            if (is_none(member) && cf_value_is_text(value, &text) &&
                cf_bytes_equal(text, cf_buffer_view(&word)))
                value = (cf_bytes){0};
        } else if (is_only && of.pointer.size) {
            value = with_part(self, value, &of);
        } else if (is_only && is_none(member)) {
            value = (cf_bytes){0};
        }
    }
    cf_buffer_release(&word);
    return value;
}

static void add_value(making *self, cf_bytes field, cf_bytes value)
{
    if (value.size)
        cf_field_list_add(&self->list, self->arena, field, value);
}

/* The keywords that a patch adds. */
static void add_keywords(making *self)
{
    cf_value_walk walk = cf_value_walk_of(self->patch);
    const cf_bytes field = cf_bytes_of_text("/keywords");
    cf_buffer word = {0}, value = {0};
    cf_bytes name, member;
    part of;

    while (walk.map && cf_value_next(&walk, &name, &member)) {
        if (!is_true(member) || !is_part(name, member, field, &of) ||
            !is_keyword(field, &of, &word))
            continue;
        cf_buffer_clear(&value);
        cf_pack_text(&value, cf_buffer_view(&word));
        cf_field_list_add(&self->list, self->arena, field, cf_buffer_view(&value));
    }
    cf_buffer_release(&word);
    cf_buffer_release(&value);
}

/* ---- All of an occurrence ---- */

static void add_inherited(making *self)
{
    for (size_t i = 0; i < self->series->field_count; i++) {
        const cf_row_field *field = &self->series->fields[i];
        const bool mixed =
            cf_bytes_equal(field->name, cf_bytes_of_text(cf_calendar_other.line.field));

        if (stays_with_series(field->name) || is_of_patched(self, field->name))
            continue;
        for (size_t k = 0; k < field->count; k++)
            if (!is_long(field->name, field->values[k]) &&
                (!mixed || is_shared_property(field->values[k])))
                add_value(self, field->name, patched(self, field, field->values[k]));
    }
}

static void add_patched(making *self)
{
    const cf_row own = cf_calendar_override_row(self->patch, self->task, self->arena);

    for (size_t i = 0; i < own.field_count; i++)
        for (size_t k = 0; k < own.fields[i].count; k++)
            if (!is_none(own.fields[i].values[k]))
                cf_field_list_add(&self->list, self->arena, own.fields[i].name,
                                  own.fields[i].values[k]);
    add_keywords(self);
}

static void add_text(making *self, const char *field, cf_bytes text)
{
    cf_buffer value = {0};

    cf_pack_text(&value, text);
    cf_field_list_add(&self->list, self->arena, cf_bytes_of_text(field), cf_buffer_view(&value));
    cf_buffer_release(&value);
}

static bool read_time(const cf_row *row, const char *field, int64_t *seconds)
{
    cf_bytes text;

    return cf_value_is_text(cf_vcard_plain(row, cf_bytes_of_text(field)), &text) &&
           cf_calendar_local_read(text, seconds);
}

/* What is due some time after the start of its series is due as long after its own. */
static void add_due(making *self)
{
    cf_bytes moved = {0};
    cf_buffer text = {0};
    int64_t start, due, own;

    if (!self->task || has_member(self->patch, "due") || !says(self->series, "/due"))
        return;
    if (!says(self->series, "/start")) {
        add_text(self, "/due", self->name);
    } else if (read_time(self->series, "/start", &start) && read_time(self->series, "/due", &due)) {
        if (!cf_value_member_text(self->patch, "start", &moved))
            moved = self->name;
        if (cf_calendar_local_read(moved, &own)) {
            cf_calendar_local_write(own + due - start, &text);
            add_text(self, "/due", cf_buffer_view(&text));
        }
    }
    cf_buffer_release(&text);
}

/* Where the patch takes away what the component must tell, that is told as nothing. */
static void add_emptied(making *self)
{
    cf_bytes value;

    if (cf_value_member(self->patch, "title", &value) && is_none(value))
        add_text(self, "/title", (cf_bytes){0});
    if (cf_value_member(self->patch, "duration", &value) && is_none(value))
        add_text(self, "/duration", cf_bytes_of_text("PT0S"));
}

cf_row cf_calendar_override_whole(const cf_row *series, cf_bytes name, cf_bytes value, bool task,
                                  cf_arena *arena)
{
    making self = {series, name, value, task, arena, {0}};
    cf_row row = {0};

    if (!is_patch(&self))
        return cf_calendar_override_row(value, task, arena);
    add_inherited(&self);
    add_patched(&self);
    if (says(series, "/start") && !has_member(value, "start"))
        add_text(&self, "/start", name);
    add_due(&self);
    add_emptied(&self);
    cf_field_list_take(&self.list, arena, &row);
    cf_field_list_release(&self.list);
    return row;
}

/* ---- Which occurrence a component is ---- */

#define LATER ";RANGE=THISANDFUTURE"

/* The time that a RECURRENCE-ID tells, whether this occurrence or all from it on are meant. */
static bool read_occurrence(const cf_content_line *line, cf_calendar_time *time, bool *later)
{
    cf_line_parameter others[CF_LINE_PARAMETERS_MAX];
    cf_content_line plain = *line;

    plain.group = (cf_bytes){0}; /* no name tells it */
    plain.parameters = others;
    plain.parameter_count = 0;
    *later = false;
    for (size_t i = 0; i < line->parameter_count; i++)
        if (!*later && cf_line_word_is(line->parameters[i].name, "RANGE") &&
            cf_line_word_is(line->parameters[i].value, "THISANDFUTURE"))
            *later = true;
        else
            others[plain.parameter_count++] = line->parameters[i];
    return cf_calendar_time_read(&plain, time);
}

/* The time is of a zone of its own; a time of UTC is the same everywhere. */
static bool in_a_zone(const cf_calendar_time *time)
{
    return time->zone.size && !cf_bytes_equal(time->zone, cf_bytes_of_text("Etc/UTC"));
}

void cf_calendar_occurrence_name(const cf_calendar_component *main,
                                 const cf_calendar_component *occurrence, cf_buffer *out)
{
    const cf_content_line *line = &occurrence->lines->lines[occurrence->occurrence];
    const uint8_t *behind = line->name.data + line->name.size;
    cf_calendar_time time;
    bool later;

    if (!read_occurrence(line, &time, &later))
        cf_buffer_append(out, behind, (size_t)(line->value.data + line->value.size - behind));
    else if (!later && (main->started || main->due_line != CF_LINES_NONE) &&
             cf_calendar_same_zone(&time, &main->start))
        cf_calendar_local_write(time.seconds, out);
    else if (later || in_a_zone(&time))
        cf_calendar_time_line(later ? LATER : "", &time, out);
    else
        cf_buffer_append(out, line->value.data, line->value.size);
}

/* Whether it is the rest of one line, from behind the name on. */
static bool is_rest(cf_bytes name)
{
    cf_buffer text = {0};
    cf_arena arena = {0};
    cf_content_line line;

    cf_buffer_append_text(&text, "RECURRENCE-ID");
    cf_buffer_append(&text, name.data, name.size);
    bool fine = name.size && (name.data[0] == ';' || name.data[0] == ':') &&
                !memchr(name.data, '\n', name.size) && !memchr(name.data, '\r', name.size) &&
                cf_content_line_split(cf_buffer_view(&text), &arena, &line) &&
                line.kind == CF_LINE_PROPERTY && cf_line_named(&line, "RECURRENCE-ID");
    cf_arena_release(&arena);
    cf_buffer_release(&text);
    return fine;
}

void cf_calendar_occurrence_line(cf_bytes name, const cf_calendar_time *start, cf_buffer *out)
{
    cf_calendar_time time = *start;

    if (cf_calendar_local_read(name, &time.seconds)) {
        cf_calendar_time_line("RECURRENCE-ID", &time, out);
        return;
    }
    cf_buffer_append_text(out, "RECURRENCE-ID");
    if (is_rest(name)) {
        cf_buffer_append(out, name.data, name.size);
        return;
    }
    cf_buffer_append_text(out, name.size == 8 ? ";VALUE=DATE:" : ":");
    cf_content_text_write(name, out);
}
