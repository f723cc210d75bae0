/* SPDX-License-Identifier: Apache-2.0 */
/* The properties of iCalendar for which JSCalendar has a word, and their values, read and written.
 * A line is taken for such a word only if no parameter says more than the word can. */
#include "peer/adapters/icalendar_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/pack.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/text/content_text.h"
#include "peer/adapters/value_map.h"

enum { DAY = 86400 };

static const struct {
    cf_calendar_property property;
    bool event, task;
} properties[] = {
    {{{"SUMMARY", "/title", NULL, NULL, CF_VCARD_PLAIN}, CF_CALENDAR_TEXT, false}, true, true},
    {{{"DESCRIPTION", "/description", NULL, NULL, CF_VCARD_PLAIN}, CF_CALENDAR_TEXT, false},
     true,
     true},
    {{{"COLOR", "/color", NULL, NULL, CF_VCARD_PLAIN}, CF_CALENDAR_TEXT, false}, true, true},
    {{{"STATUS", "/status", NULL, NULL, CF_VCARD_PLAIN}, CF_CALENDAR_WORD, false}, true, false},
    {{{"STATUS", "/progress", NULL, NULL, CF_VCARD_PLAIN}, CF_CALENDAR_WORD, false}, false, true},
    {{{"CLASS", "/privacy", NULL, NULL, CF_VCARD_PLAIN}, CF_CALENDAR_WORD, false}, true, true},
    {{{"TRANSP", "/freeBusyStatus", NULL, NULL, CF_VCARD_PLAIN}, CF_CALENDAR_WORD, false},
     true,
     false},
    {{{"PRIORITY", "/priority", NULL, NULL, CF_VCARD_PLAIN}, CF_CALENDAR_NUMBER, false},
     true,
     true},
    {{{"PERCENT-COMPLETE", "/percentComplete", NULL, NULL, CF_VCARD_PLAIN},
      CF_CALENDAR_NUMBER,
      false},
     false,
     true},
    {{{"SEQUENCE", "/sequence", NULL, NULL, CF_VCARD_PLAIN}, CF_CALENDAR_NUMBER, false},
     true,
     true},
    {{{"CREATED", "/created", NULL, NULL, CF_VCARD_STAMP}, CF_CALENDAR_STAMP, false}, true, true},
    {{{"LAST-MODIFIED", "/updated", NULL, NULL, CF_VCARD_STAMP}, CF_CALENDAR_STAMP, false},
     true,
     true},
    {{{"DURATION", "/estimatedDuration", NULL, NULL, CF_VCARD_PLAIN}, CF_CALENDAR_LENGTH, false},
     false,
     true},
    {{{"CATEGORIES", "/keywords", NULL, NULL, CF_VCARD_WORDS}, CF_CALENDAR_KEYWORDS, true},
     true,
     true},
    {{{"LOCATION", "/locations", "name", NULL, CF_VCARD_TEXT}, CF_CALENDAR_PLACE, true},
     true,
     true},
    {{{"RRULE", "/recurrenceRules", NULL, NULL, CF_VCARD_BARE}, CF_CALENDAR_RULE, true},
     true,
     true},
    {{{"EXRULE", "/excludedRecurrenceRules", NULL, NULL, CF_VCARD_BARE}, CF_CALENDAR_RULE, true},
     true,
     true},
};
enum { PROPERTIES = sizeof properties / sizeof *properties };

const cf_calendar_property cf_calendar_other = {
    {NULL, "/iCalProps", NULL, NULL, CF_VCARD_OTHER}, CF_CALENDAR_OTHER, true};

/* What the two call the same thing, where it isn't only the case. */
static const struct {
    const char *name, *calendar, *word;
} words[] = {{"CLASS", "CONFIDENTIAL", "secret"},
             {"TRANSP", "OPAQUE", "busy"},
             {"TRANSP", "TRANSPARENT", "free"}};
enum { WORDS = sizeof words / sizeof *words };

const cf_calendar_property *cf_calendar_property_named(bool task, cf_bytes name)
{
    for (size_t i = 0; i < PROPERTIES; i++)
        if ((task ? properties[i].task : properties[i].event) &&
            cf_line_word_is(name, properties[i].property.line.name))
            return &properties[i].property;
    return &cf_calendar_other;
}

const cf_calendar_property *cf_calendar_property_of(bool task, cf_bytes field)
{
    if (cf_bytes_equal(field, cf_bytes_of_text(cf_calendar_other.line.field)))
        return &cf_calendar_other;
    for (size_t i = 0; i < PROPERTIES; i++)
        if ((task ? properties[i].task : properties[i].event) &&
            cf_bytes_equal(field, cf_bytes_of_text(properties[i].property.line.field)))
            return &properties[i].property;
    return NULL;
}

/* ---- Reading ---- */

static bool read_word(const cf_content_line *line, cf_buffer *out)
{
    cf_buffer word = {0};

    for (size_t i = 0; i < line->value.size; i++) {
        uint8_t byte = line->value.data[i];

        if ((byte < 'A' || byte > 'Z') && byte != '-')
            goto broken;
        byte = byte == '-' ? byte : (uint8_t)(byte + ('a' - 'A'));
        cf_buffer_append(&word, &byte, 1);
    }
    for (size_t i = 0; i < WORDS; i++)
        if (cf_line_named(line, words[i].name) && cf_line_word_is(line->value, words[i].calendar)) {
            cf_buffer_clear(&word);
            cf_buffer_append_text(&word, "%s", words[i].word);
        }
    cf_pack_text(out, cf_buffer_view(&word));
    cf_buffer_release(&word);
    return line->value.size > 0;
broken:
    cf_buffer_release(&word);
    return false;
}

static bool read_number(cf_bytes text, cf_buffer *out)
{
    uint64_t number = 0;

    if (text.size == 0 || text.size > 9 || (text.size > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    cf_pack_uint(out, number);
    return true;
}

/* In UTC, and nothing else. */
static bool read_stamp(const cf_content_line *line, cf_buffer *out)
{
    cf_calendar_time time;
    cf_buffer text = {0};

    if (!cf_calendar_time_read(line, &time) || time.date || time.zone.size == 0 ||
        line->value.data[line->value.size - 1] != 'Z')
        return false;
    cf_calendar_local_write(time.seconds, &text);
    cf_buffer_append_text(&text, "Z");
    cf_pack_text(out, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return true;
}

static bool read_length(cf_bytes text, cf_buffer *out)
{
    cf_calendar_duration length;
    cf_buffer again = {0};

    if (!cf_calendar_duration_read(text, &length))
        return false;
    length.days += length.seconds / DAY;
    length.seconds %= DAY;
    cf_calendar_duration_write(&length, &again);
    cf_pack_text(out, cf_buffer_view(&again));
    cf_buffer_release(&again);
    return true;
}

/* The type that a value of this form has anyway, as VALUE= says it. */
static const char *type_of(cf_calendar_form form)
{
    switch (form) {
    case CF_CALENDAR_NUMBER:
        return "INTEGER";
    case CF_CALENDAR_STAMP:
        return "DATE-TIME";
    case CF_CALENDAR_LENGTH:
        return "DURATION";
    case CF_CALENDAR_RULE:
        return "RECUR";
    default:
        return "TEXT";
    }
}

/* Whether no parameter says anything: none is there, or one that says the value's type. */
static bool is_bare(const cf_content_line *line, cf_calendar_form form)
{
    return line->group.size == 0 &&
           (line->parameter_count == 0 ||
            (line->parameter_count == 1 && cf_line_word_is(line->parameters[0].name, "VALUE") &&
             cf_line_word_is(line->parameters[0].value, type_of(form))));
}

bool cf_calendar_value(const cf_content_line *line, const cf_calendar_property *property,
                       cf_buffer *out)
{
    cf_content_line plain = *line;
    const bool bare = is_bare(line, property->form);
    const cf_vcard_line made = {.line = &plain, .version = CF_VCARD_4_0, .value = line->value};

    cf_buffer_clear(out);
    switch (property->form) {
    case CF_CALENDAR_TEXT:
    case CF_CALENDAR_OTHER:
        return cf_vcard_value(&made, &property->line, out);
    case CF_CALENDAR_KEYWORDS:
    case CF_CALENDAR_PLACE:
        plain.parameter_count = 0;
        return bare && cf_vcard_value(&made, &property->line, out);
    case CF_CALENDAR_WORD:
        return bare && read_word(line, out);
    case CF_CALENDAR_NUMBER:
        return bare && read_number(line->value, out);
    case CF_CALENDAR_STAMP:
        return bare && read_stamp(line, out);
    case CF_CALENDAR_LENGTH:
        return bare && read_length(line->value, out);
    case CF_CALENDAR_RULE:
        return bare && cf_calendar_rule_value(line->value, out);
    }
    return false;
}

/* ---- Writing ---- */

static void write_word(const char *name, cf_bytes text, cf_buffer *out)
{
    for (size_t i = 0; i < WORDS; i++)
        if (strcmp(words[i].name, name) == 0 &&
            cf_bytes_equal(text, cf_bytes_of_text(words[i].word))) {
            cf_buffer_append_text(out, "%s", words[i].calendar);
            return;
        }
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        byte = byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - ('a' - 'A')) : byte;
        cf_buffer_append(out, &byte, 1);
    }
}

static void write_plain(const cf_calendar_property *property, cf_bytes value, cf_buffer *out)
{
    cf_buffer rule = {0};
    cf_bytes text = {0};

    cf_buffer_append_text(out, "%s:", property->line.name);
    cf_value_is_text(value, &text);
    if (property->form == CF_CALENDAR_RULE) {
        cf_calendar_rule_text(value, &rule);
        cf_buffer_append(out, rule.data, rule.size);
    } else if (property->form == CF_CALENDAR_NUMBER) {
        cf_value_json(value, out);
    } else if (property->form == CF_CALENDAR_WORD) {
        write_word(property->line.name, text, out);
    } else if (property->form == CF_CALENDAR_STAMP) {
        for (size_t i = 0; i < text.size; i++)
            if (text.data[i] != ':' && text.data[i] != '-')
                cf_buffer_append(out, &text.data[i], 1);
    } else {
        cf_buffer_append(out, text.data, text.size);
    }
    cf_buffer_release(&rule);
}

/* What was written is read as the same property, or isn't written. */
static bool is_read_again(const cf_calendar_property *property, cf_bytes text)
{
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_content_line line;
    bool fine = cf_content_line_split(text, &arena, &line) && line.kind == CF_LINE_PROPERTY &&
                cf_calendar_value(&line, property, &value);

    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return fine;
}

bool cf_calendar_line(const cf_calendar_property *property, cf_bytes value, cf_bytes params,
                      cf_buffer *out)
{
    cf_buffer_clear(out);
    if (property->form == CF_CALENDAR_TEXT || property->form == CF_CALENDAR_OTHER ||
        property->form == CF_CALENDAR_KEYWORDS || property->form == CF_CALENDAR_PLACE)
        return cf_vcard_line_text(&property->line, value, params, CF_VCARD_4_0, out) &&
               is_read_again(property, cf_buffer_view(out));
    write_plain(property, value, out);
    return is_read_again(property, cf_buffer_view(out));
}
