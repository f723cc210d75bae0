/* SPDX-License-Identifier: Apache-2.0 */
/* Seats: which values of a set are one thing said twice (model, rule y). RFC 5545 and RFC 6350 say
 * how often each property may stand in an event, a task or a card; what may stand there once has
 * one seat, and of two values that devices put there at once one is shown, the other listed. */
#ifndef CF_PEER_RECORDS_SEATS_H
#define CF_PEER_RECORDS_SEATS_H
#include "codec/bytes.h"

typedef enum {
    CF_TIMES_MANY,
    CF_TIMES_ONCE,
    CF_TIMES_GREATEST, /* once, and the greatest value is it */
    CF_TIMES_ADDRESS,  /* once for each value: an ATTENDEE */
    CF_TIMES_ALONE, /* many; but what was put there alone is one: also whatever has no row here */
} cf_times;

typedef struct {
    const char *name;
    bool card; /* of a card; else of an event or a task, or around them */
    cf_times times;
    const char *section; /* that says so */
    const char *field;   /* that has the word for it; NULL: none. Of a task, where another */
    const char *task;    /* has, that */
    const char *part;    /* of a set: the seat's part */
} cf_property_rule;

extern const cf_property_rule cf_property_rules[];
extern const size_t cf_property_rule_count;
/* Whatever the case of the letters. */
cf_times cf_property_times(bool card, cf_bytes name);

typedef enum {
    CF_SEAT_NONE,  /* all values stand side by side */
    CF_SEAT_ENTRY, /* one value of each entry of the set */
    CF_SEAT_NAMED, /* one value of all entries: of this name, and with this part */
} cf_seat_kind;

/* The seat of one value. GEO:1;2 and GEO:3;4 have the seat "geo"; two ATTENDEE:mailto:a@b.c that of
 * "attendee" and this address; COMMENTs have none, but the same name. */
typedef struct {
    cf_seat_kind kind;
    bool greatest;
    bool spelled; /* the value is a line that no field has a word for: */
    bool bare;    /* without parameters, */
    cf_bytes
        name; /* its name; of another set that of the set; nothing: values of the set have none */
    cf_bytes part;                /* which of that name */
    cf_bytes text;                /* of a line: the value as spelled */
    const cf_property_rule *rule; /* of a line; NULL: there is none of its name */
} cf_seat;

/* `kind` of the item; borrows from the set's name and the value. */
cf_seat cf_seat_of(uint8_t kind, cf_bytes set, cf_bytes value);
bool cf_kind_has_seats(uint8_t kind);
/* Whether values of the set have seats at all. */
bool cf_set_has_seats(uint8_t kind, cf_bytes set);
/* The set of the lines that no field has a word for; nothing: items of the kind have none. */
cf_bytes cf_set_of_lines(uint8_t kind);
/* Both have the same name and part. */
bool cf_seat_alike(const cf_seat *a, const cf_seat *b);
int cf_seat_compare(const cf_seat *a, const cf_seat *b);
/* Whether the line, which no field had a word for, is the same property as this value of a field.
 */
bool cf_seat_is_field(const cf_seat *line, cf_bytes field, const cf_seat *value);
/* Whether a field has a word for such a line; whether lines may say what the field does. */
bool cf_seat_has_field(const cf_seat *line);
bool cf_field_has_lines(uint8_t kind, cf_bytes field);
/* Less than zero: `a` is before `b`, as times and numbers go that are spelled out. */
int cf_spelled_compare(cf_bytes a, cf_bytes b);
/* As that, of a line's text and the value of a field that says the same property: 12 is behind 5,
 * 20240103T000000Z behind "2024-01-02T00:00:00Z". What begins with no digit, or is no number where
 * the field's value is one, is before all. */
int cf_spelled_compare_value(cf_bytes text, cf_bytes value);
/* Of the fields /updated and /sequence the greatest value is shown. */
bool cf_field_is_greatest(uint8_t kind, cf_bytes field);
int cf_greatest_compare(cf_bytes a, cf_bytes b);

#endif
