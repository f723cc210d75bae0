/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a value has a seat: a line by `cf_property_rules`, which say how often its property may
 * stand; none has one that may stand often, or has an ALTID. A property that no RFC here names is
 * bound within its entry alone. Names and addresses compare without case. */
#include "peer/records/seats.h"

#include <inttypes.h>
#include <string.h>

#include "codec/pack.h"
#include "peer/records/record.h"

#define FIELD(card, name, times, section, field, task, part)                                       \
    {                                                                                              \
        name, card, CF_TIMES_##times, section, field, task, part                                   \
    }
#define CALENDAR(name, times, section) FIELD(false, name, times, section, NULL, NULL, NULL)
#define CARD(name, times, section) FIELD(true, name, times, section, NULL, NULL, NULL)

/* Of what stands around an event or a task, or within it, the rows are here for fullness. */
const cf_property_rule cf_property_rules[] = {
    CALENDAR("CALSCALE", ONCE, "RFC 5545, 3.6"),
    CALENDAR("METHOD", ONCE, "RFC 5545, 3.6"),
    CALENDAR("PRODID", ONCE, "RFC 5545, 3.6"),
    CALENDAR("VERSION", ONCE, "RFC 5545, 3.6"),
    CALENDAR("UID", ONCE, "RFC 5545, 3.6.1"),
    CALENDAR("DTSTAMP", GREATEST, "RFC 5545, 3.6.1"),
    FIELD(false, "DTSTART", ONCE, "RFC 5545, 3.6.1", "/start", NULL, NULL),
    FIELD(false, "DTEND", ONCE, "RFC 5545, 3.6.1", "/duration", NULL, NULL),
    FIELD(false, "DURATION", ONCE, "RFC 5545, 3.6.1", "/duration", "/estimatedDuration", NULL),
    FIELD(false, "CLASS", ONCE, "RFC 5545, 3.6.1", "/privacy", NULL, NULL),
    FIELD(false, "CREATED", ONCE, "RFC 5545, 3.6.1", "/created", NULL, NULL),
    FIELD(false, "DESCRIPTION", ONCE, "RFC 5545, 3.6.1", "/description", NULL, NULL),
    CALENDAR("GEO", ONCE, "RFC 5545, 3.6.1"),
    FIELD(false, "LAST-MODIFIED", GREATEST, "RFC 5545, 3.6.1", "/updated", NULL, NULL),
    FIELD(false, "LOCATION", ONCE, "RFC 5545, 3.6.1", "/locations", NULL, NULL),
    CALENDAR("ORGANIZER", ONCE, "RFC 5545, 3.6.1"),
    FIELD(false, "PRIORITY", ONCE, "RFC 5545, 3.6.1", "/priority", NULL, NULL),
    FIELD(false, "SEQUENCE", GREATEST, "RFC 5545, 3.6.1", "/sequence", NULL, NULL),
    FIELD(false, "STATUS", ONCE, "RFC 5545, 3.6.1", "/status", "/progress", NULL),
    FIELD(false, "SUMMARY", ONCE, "RFC 5545, 3.6.1", "/title", NULL, NULL),
    FIELD(false, "TRANSP", ONCE, "RFC 5545, 3.6.1", "/freeBusyStatus", NULL, NULL),
    CALENDAR("URL", ONCE, "RFC 5545, 3.6.1"),
    CALENDAR("RECURRENCE-ID", ONCE, "RFC 5545, 3.6.1"),
    FIELD(false, "RRULE", ONCE, "RFC 5545, 3.6.1", "/recurrenceRules", NULL, NULL),
    CALENDAR("ATTACH", MANY, "RFC 5545, 3.6.1"),
    CALENDAR("ATTENDEE", ADDRESS, "RFC 5545, 3.6.1"),
    CALENDAR("CATEGORIES", MANY, "RFC 5545, 3.6.1"),
    CALENDAR("COMMENT", MANY, "RFC 5545, 3.6.1"),
    CALENDAR("CONTACT", MANY, "RFC 5545, 3.6.1"),
    CALENDAR("EXDATE", MANY, "RFC 5545, 3.6.1"),
    CALENDAR("EXRULE", MANY, "RFC 2445, 4.6.1"),
    CALENDAR("RDATE", MANY, "RFC 5545, 3.6.1"),
    CALENDAR("RELATED-TO", MANY, "RFC 5545, 3.6.1"),
    CALENDAR("REQUEST-STATUS", MANY, "RFC 5545, 3.6.1"),
    CALENDAR("RESOURCES", MANY, "RFC 5545, 3.6.1"),
    CALENDAR("COMPLETED", ONCE, "RFC 5545, 3.6.2"),
    FIELD(false, "DUE", ONCE, "RFC 5545, 3.6.2", "/due", NULL, NULL),
    FIELD(false, "PERCENT-COMPLETE", ONCE, "RFC 5545, 3.6.2", "/percentComplete", NULL, NULL),
    CALENDAR("FREEBUSY", MANY, "RFC 5545, 3.6.4"),
    CALENDAR("TZID", ONCE, "RFC 5545, 3.6.5"),
    CALENDAR("TZNAME", MANY, "RFC 5545, 3.6.5"),
    CALENDAR("TZOFFSETFROM", ONCE, "RFC 5545, 3.6.5"),
    CALENDAR("TZOFFSETTO", ONCE, "RFC 5545, 3.6.5"),
    CALENDAR("TZURL", ONCE, "RFC 5545, 3.6.5"),
    CALENDAR("ACTION", ONCE, "RFC 5545, 3.6.6"),
    CALENDAR("REPEAT", ONCE, "RFC 5545, 3.6.6"),
    CALENDAR("TRIGGER", ONCE, "RFC 5545, 3.6.6"),
    CALENDAR("NAME", MANY, "RFC 7986, 5.1"),
    CALENDAR("REFRESH-INTERVAL", ONCE, "RFC 7986, 5.7"),
    CALENDAR("SOURCE", ONCE, "RFC 7986, 5.8"),
    FIELD(false, "COLOR", ONCE, "RFC 7986, 5.9", "/color", NULL, NULL),
    CALENDAR("IMAGE", MANY, "RFC 7986, 5.10"),
    CALENDAR("CONFERENCE", MANY, "RFC 7986, 5.11"),
    CARD("SOURCE", MANY, "RFC 6350, 6.1.3"),
    FIELD(true, "KIND", ONCE, "RFC 6350, 6.1.4", "/kind", NULL, NULL),
    CARD("XML", MANY, "RFC 6350, 6.1.5"),
    CARD("FN", MANY, "RFC 6350, 6.2.1"),
    FIELD(true, "N", ONCE, "RFC 6350, 6.2.2", "/name/components", NULL, NULL),
    CARD("NICKNAME", MANY, "RFC 6350, 6.2.3"),
    CARD("PHOTO", MANY, "RFC 6350, 6.2.4"),
    FIELD(true, "BDAY", ONCE, "RFC 6350, 6.2.5", "/anniversaries", NULL, "birth"),
    FIELD(true, "ANNIVERSARY", ONCE, "RFC 6350, 6.2.6", "/anniversaries", NULL, "wedding"),
    CARD("GENDER", ONCE, "RFC 6350, 6.2.7"),
    CARD("ADR", MANY, "RFC 6350, 6.3.1"),
    CARD("TEL", MANY, "RFC 6350, 6.4.1"),
    CARD("EMAIL", MANY, "RFC 6350, 6.4.2"),
    CARD("IMPP", MANY, "RFC 6350, 6.4.3"),
    CARD("LANG", MANY, "RFC 6350, 6.4.4"),
    CARD("TZ", ALONE, "RFC 6350, 6.5.1"),
    CARD("GEO", ALONE, "RFC 6350, 6.5.2"),
    CARD("TITLE", MANY, "RFC 6350, 6.6.1"),
    CARD("ROLE", MANY, "RFC 6350, 6.6.2"),
    CARD("LOGO", MANY, "RFC 6350, 6.6.3"),
    CARD("ORG", MANY, "RFC 6350, 6.6.4"),
    CARD("MEMBER", MANY, "RFC 6350, 6.6.5"),
    CARD("RELATED", MANY, "RFC 6350, 6.6.6"),
    CARD("CATEGORIES", MANY, "RFC 6350, 6.7.1"),
    CARD("NOTE", MANY, "RFC 6350, 6.7.2"),
    FIELD(true, "PRODID", ONCE, "RFC 6350, 6.7.3", "/prodId", NULL, NULL),
    FIELD(true, "REV", GREATEST, "RFC 6350, 6.7.4", "/updated", NULL, NULL),
    CARD("SOUND", MANY, "RFC 6350, 6.7.5"),
    CARD("UID", ONCE, "RFC 6350, 6.7.6"),
    CARD("CLIENTPIDMAP", MANY, "RFC 6350, 6.7.7"),
    CARD("URL", MANY, "RFC 6350, 6.7.8"),
    CARD("VERSION", ONCE, "RFC 6350, 6.7.9"),
    CARD("KEY", MANY, "RFC 6350, 6.8.1"),
    CARD("FBURL", MANY, "RFC 6350, 6.9.1"),
    CARD("CALADRURI", MANY, "RFC 6350, 6.9.2"),
    CARD("CALURI", MANY, "RFC 6350, 6.9.3"),
    CARD("BIRTHPLACE", ONCE, "RFC 6474, 2.1"),
    CARD("DEATHPLACE", ONCE, "RFC 6474, 2.2"),
    FIELD(true, "DEATHDATE", ONCE, "RFC 6474, 2.3", "/anniversaries", NULL, "death"),
    CARD("EXPERTISE", MANY, "RFC 6715, 2.1"),
    CARD("HOBBY", MANY, "RFC 6715, 2.2"),
    CARD("INTEREST", MANY, "RFC 6715, 2.3"),
    CARD("ORG-DIRECTORY", MANY, "RFC 6715, 2.4"),
    CARD("CONTACT-URI", MANY, "RFC 8605, 2.1"),
    FIELD(true, "CREATED", ONCE, "RFC 9554, 3.1", "/created", NULL, NULL),
    CARD("GRAMGENDER", MANY, "RFC 9554, 3.2"),
    FIELD(true, "LANGUAGE", ONCE, "RFC 9554, 3.3", "/language", NULL, NULL),
    CARD("PRONOUNS", MANY, "RFC 9554, 3.4"),
    CARD("SOCIALPROFILE", MANY, "RFC 9554, 3.5"),
    CARD("LABEL", MANY, "RFC 2426, 3.2.2"),
    CARD("AGENT", MANY, "RFC 2426, 3.5.4"),
    CARD("X-SOCIALPROFILE", MANY, "RFC 6350, 6.10"),
    CARD("X-JABBER", MANY, "RFC 6350, 6.10"),
    CARD("X-AIM", MANY, "RFC 6350, 6.10"),
    CARD("X-ICQ", MANY, "RFC 6350, 6.10"),
    CARD("X-MSN", MANY, "RFC 6350, 6.10"),
    CARD("X-YAHOO", MANY, "RFC 6350, 6.10"),
    CARD("X-SKYPE", MANY, "RFC 6350, 6.10"),
    CARD("X-ABDATE", MANY, "RFC 6350, 6.10"),
    CARD("X-ABRELATEDNAMES", MANY, "RFC 6350, 6.10"),
};
const size_t cf_property_rule_count = sizeof cf_property_rules / sizeof *cf_property_rules;

/* ---- Properties ---- */

static uint8_t upper(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - ('a' - 'A')) : byte;
}

/* The text is this word, in whatever case. */
static bool is_word(cf_bytes text, const char *word)
{
    size_t i = 0;

    while (i < text.size && word[i] && upper(text.data[i]) == upper((uint8_t)word[i]))
        i++;
    return i == text.size && !word[i];
}

/* A property that no RFC of the table names may stand there often; but of two values of one entry,
 * each put there alone, one is shown. */
static const cf_property_rule *rule_of(bool card, cf_bytes name)
{
    static const cf_property_rule unknown = {.times = CF_TIMES_ALONE};

    for (size_t i = 0; i < cf_property_rule_count; i++)
        if (cf_property_rules[i].card == card && is_word(name, cf_property_rules[i].name))
            return &cf_property_rules[i];
    return &unknown;
}

cf_times cf_property_times(bool card, cf_bytes name)
{
    return rule_of(card, name)->times;
}

/* ---- Values ---- */

static const struct {
    const char *set;
    bool card;
    bool lines; /* its values are lines that no field has a word for */
} seated[] = {
    {"/iCalProps", false, true},        {"/locations", false, false},
    {"/recurrenceRules", false, false}, {"/vCardProps", true, true},
    {"/anniversaries", true, false},
};
enum { SEATED = sizeof seated / sizeof *seated };

bool cf_kind_has_seats(uint8_t kind)
{
    return kind == CF_KIND_CONTACT || kind == CF_KIND_EVENT || kind == CF_KIND_TASK;
}

/* SEATED: values of the set have no seats. */
static size_t seated_set(uint8_t kind, cf_bytes set)
{
    size_t i = 0;
    bool card = kind == CF_KIND_CONTACT;

    if (!cf_kind_has_seats(kind))
        return SEATED;
    while (i < SEATED &&
           (seated[i].card != card || !cf_bytes_equal(set, cf_bytes_of_text(seated[i].set))))
        i++;
    return i;
}

bool cf_set_has_seats(uint8_t kind, cf_bytes set)
{
    return seated_set(kind, set) < SEATED;
}

cf_bytes cf_set_of_lines(uint8_t kind)
{
    for (size_t i = 0; cf_kind_has_seats(kind) && i < SEATED; i++)
        if (seated[i].lines && seated[i].card == (kind == CF_KIND_CONTACT))
            return cf_bytes_of_text(seated[i].set);
    return (cf_bytes){0};
}

/* The text of the map's member of this name; nothing. Leaves the reader behind the map. */
static cf_bytes member_text(cf_reader *reader, const char *name, size_t *members)
{
    cf_bytes found = {0}, key, value;
    cf_error ignored;

    *members = 0;
    if (cf_read_map(reader, members, &ignored))
        return found;
    for (size_t i = 0; i < *members; i++) {
        if (cf_read_text(reader, &key, &ignored) || cf_read_value(reader, &value, &ignored))
            return found;
        cf_reader text = cf_reader_of(value);
        if (cf_bytes_equal(key, cf_bytes_of_text(name)))
            (void)cf_read_text(&text, &found, &ignored);
    }
    return found;
}

/* The seat of a line [name, parameters, "unknown", text]. A line that has an ALTID is one of
 * several forms of one thing (RFC 6350, 5.4): all of them are meant, so it has no seat. */
static cf_seat seat_of_line(bool card, cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_seat seat = {0}, none = {0};
    size_t count, members;
    cf_bytes ignored_text;
    cf_error ignored;

    if (cf_read_array(&reader, &count, &ignored) || count != 4 ||
        cf_read_text(&reader, &seat.name, &ignored))
        return none;
    cf_bytes other = member_text(&reader, "altid", &members);
    if (cf_read_text(&reader, &ignored_text, &ignored) ||
        cf_read_text(&reader, &seat.text, &ignored))
        return none;
    seat.spelled = true;
    seat.bare = members == 0;
    const cf_property_rule *rule = rule_of(card, seat.name);
    cf_times times = other.size ? CF_TIMES_MANY : rule->times;
    seat.rule = rule->name ? rule : NULL;
    seat.greatest = times == CF_TIMES_GREATEST;
    if (times == CF_TIMES_ADDRESS)
        seat.part = seat.text;
    seat.kind = times == CF_TIMES_MANY    ? CF_SEAT_NONE
                : times == CF_TIMES_ALONE ? CF_SEAT_ENTRY
                                          : CF_SEAT_NAMED;
    return seat;
}

cf_seat cf_seat_of(uint8_t kind, cf_bytes set, cf_bytes value)
{
    size_t which = seated_set(kind, set), members;
    cf_reader reader = cf_reader_of(value);

    if (which == SEATED)
        return (cf_seat){0};
    if (seated[which].lines)
        return seat_of_line(seated[which].card, value);
    cf_seat seat = {.kind = CF_SEAT_ENTRY, .name = set};
    if (seated[which].card)
        seat.part = member_text(&reader, "kind", &members);
    if (is_word(seat.part, "birth") || is_word(seat.part, "death"))
        seat.kind = CF_SEAT_NAMED;
    return seat;
}

bool cf_seat_has_field(const cf_seat *line)
{
    return line->spelled && line->kind == CF_SEAT_NAMED && line->rule &&
           (line->rule->field || line->rule->task);
}

/* Whether the property says this field, of an event or of a task. */
static bool has_word(const cf_property_rule *rule, cf_bytes field)
{
    return (rule->field && cf_bytes_equal(field, cf_bytes_of_text(rule->field))) ||
           (rule->task && cf_bytes_equal(field, cf_bytes_of_text(rule->task)));
}

bool cf_field_has_lines(uint8_t kind, cf_bytes field)
{
    for (size_t i = 0; i < cf_property_rule_count; i++)
        if (cf_property_rules[i].card == (kind == CF_KIND_CONTACT) &&
            has_word(&cf_property_rules[i], field))
            return cf_kind_has_seats(kind);
    return false;
}

bool cf_seat_is_field(const cf_seat *line, cf_bytes field, const cf_seat *value)
{
    const cf_property_rule *rule = line->rule;

    return cf_seat_has_field(line) && has_word(rule, field) &&
           (!rule->part || cf_bytes_equal(value->part, cf_bytes_of_text(rule->part)));
}

/* Names and addresses are the same whatever the case of their letters. */
static int folded_compare(cf_bytes a, cf_bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;

    for (size_t i = 0; i < size; i++)
        if (upper(a.data[i]) != upper(b.data[i]))
            return upper(a.data[i]) < upper(b.data[i]) ? -1 : 1;
    return (a.size > b.size) - (a.size < b.size);
}

int cf_seat_compare(const cf_seat *a, const cf_seat *b)
{
    int order = folded_compare(a->name, b->name);

    return order ? order : folded_compare(a->part, b->part);
}

bool cf_seat_alike(const cf_seat *a, const cf_seat *b)
{
    return a->name.size && cf_seat_compare(a, b) == 0;
}

/* ---- The greatest ---- */

static bool is_number(cf_bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.size > 0;
}

static cf_bytes without_zeros(cf_bytes number)
{
    size_t zeros = 0;

    while (zeros + 1 < number.size && number.data[zeros] == '0')
        zeros++;
    return cf_bytes_of(number.data + zeros, number.size - zeros);
}

int cf_spelled_compare(cf_bytes a, cf_bytes b)
{
    if (is_number(a) && is_number(b)) {
        a = without_zeros(a);
        b = without_zeros(b);
        if (a.size != b.size)
            return a.size < b.size ? -1 : 1;
    }
    return cf_bytes_compare(a, b);
}

static void append_compact(cf_bytes time, cf_buffer *out)
{
    for (size_t i = 0; i < time.size; i++)
        if (time.data[i] != '-' && time.data[i] != ':')
            cf_buffer_append(out, &time.data[i], 1);
}

int cf_spelled_compare_value(cf_bytes text, cf_bytes value)
{
    cf_reader number_reader = cf_reader_of(value), time_reader = cf_reader_of(value);
    cf_buffer line = {0}, field = {0};
    cf_bytes time;
    uint64_t number;
    cf_error ignored;
    int order = -1;

    if (!cf_read_uint(&number_reader, &number, &ignored)) {
        cf_buffer_append_text(&field, "%" PRIu64, number);
        if (is_number(text))
            order = cf_spelled_compare(text, cf_buffer_view(&field));
    } else if (!cf_read_text(&time_reader, &time, &ignored) && text.size &&
               is_number(cf_bytes_of(text.data, 1))) {
        append_compact(text, &line);
        append_compact(time, &field);
        order = cf_bytes_compare(cf_buffer_view(&line), cf_buffer_view(&field));
    }
    cf_buffer_release(&line);
    cf_buffer_release(&field);
    return order;
}

bool cf_field_is_greatest(uint8_t kind, cf_bytes field)
{
    if (kind == CF_KIND_CONTACT)
        return cf_bytes_equal(field, cf_bytes_of_text("/updated"));
    return (kind == CF_KIND_EVENT || kind == CF_KIND_TASK) &&
           (cf_bytes_equal(field, cf_bytes_of_text("/updated")) ||
            cf_bytes_equal(field, cf_bytes_of_text("/sequence")));
}

/* Numbers by their size, which tells them apart in the shortest form, then by their bytes. */
int cf_greatest_compare(cf_bytes a, cf_bytes b)
{
    cf_reader left = cf_reader_of(a), right = cf_reader_of(b);
    cf_bytes first, second;
    cf_error ignored;

    if (!cf_read_text(&left, &first, &ignored) && !cf_read_text(&right, &second, &ignored))
        return cf_bytes_compare(first, second);
    if (a.size != b.size)
        return a.size < b.size ? -1 : 1;
    return cf_bytes_compare(a, b);
}
