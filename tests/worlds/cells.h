/* SPDX-License-Identifier: Apache-2.0 */
/* What the text files of records in a world say: rows of a CSV file, properties of vCards. They are
 * read and written here without anything of the product, as the programs of its neighbours do. */
#ifndef CF_TESTS_WORLDS_CELLS_H
#define CF_TESTS_WORLDS_CELLS_H
#include "codec/bytes.h"

typedef struct {
    char *key, *field; /* of a row itself the field is empty, and so is the value */
    char *value;
} cell;

typedef struct {
    cell *all;
    size_t count, capacity;
} cells; /* {0} is empty */

void cells_release(cells *self);
void cells_add(cells *self, const char *key, const char *field, const char *value);
/* NULL: there is none. Of a set it is the first one. */
cell *cells_find(const cells *self, const char *key, const char *field);
/* Takes it away, and lets it be borrowed no more. */
void cells_drop(cells *self, const cell *one);
void cells_drop_row(cells *self, const char *key);
/* In place of what the field has. */
void cells_set(cells *self, const char *key, const char *field, const char *value);
/* By key, field and value. */
void cells_sort(cells *self);

/* The columns, behind the first one, "id". */
enum { CELL_COLUMNS = 3 };
extern const char *const cell_columns[CELL_COLUMNS];
void cells_read_table(cf_bytes text, cells *out);
void cells_write_table(const cells *self, cf_buffer *out);

/* The one row of a JSON document has this key, if it has any member; what those say are texts. */
extern const char cells_settings[];
void cells_read_settings(cf_bytes text, cells *out);
void cells_write_settings(const cells *self, cf_buffer *out);

/* The properties: a name, a note, telephones, a photo, a birthday, and one that no standard knows.
 * The name and the last two are single ones. */
typedef enum {
    CELL_NAME,
    CELL_NOTE,
    CELL_TELEPHONE,
    CELL_PHOTO,
    CELL_BIRTHDAY,
    CELL_SPOUSE,
    CELL_PROPERTIES
} cell_property;
extern const char *const cell_properties[CELL_PROPERTIES];
/* Of a birthday, a spouse and a location: a line that is never long. */
bool cells_is_short(const char *field);
void cells_read_cards(cf_bytes text, cells *out);
void cells_write_card(const cells *self, const char *key, cf_buffer *out);
/* What in a file of one card is against RFC 6350, or more than its users put there; NULL: nothing.
 */
const char *cells_card_is_wrong(cf_bytes text);

/* ---- cells_events.c ---- */

/* What a calendar says of an event. A start, and the day of a cancelled occurrence, is spelled
 * 2026-01-05T09:00:00; each event is an hour long. An attendee is "ADDRESS ANSWER NAME". */
typedef enum {
    CELL_TITLE,
    CELL_DESCRIPTION,
    CELL_LOCATION,
    CELL_START,
    CELL_RULE,
    CELL_CANCELLED, /* any number of them */
    CELL_ATTENDEE,  /* one for each address */
    CELL_UPDATED,   /* of this and the next the greatest counts, whoever wrote it */
    CELL_SEQUENCE,
    CELL_EVENT_FIELDS
} cell_event_field;
extern const char *const cell_event_fields[CELL_EVENT_FIELDS];
/* A calendar sets it with each save: nobody misses an earlier value, and where nothing else of the
 * event differs, no file is written for that. */
bool cells_is_stamp(const char *field);
/* 2026-01-05T09:00:00, so many seconds after 1970 began; and back. */
enum { CELL_TIME = 24 };
void cells_spell_time(int64_t seconds, char out[CELL_TIME]);
int64_t cells_time(const char *spelled);
void cells_read_events(cf_bytes text, cells *out);
/* One line of an event; spoils it. */
void cells_read_event_line(char *line, const char *key, cells *out);
void cells_write_event(const cells *self, const char *key, cf_buffer *out);
/* What in a file of one event is against RFC 5545, or isn't as calendars wrote it; NULL: nothing.
 */
const char *cells_event_is_wrong(cf_bytes text);

/* ---- Lines of cards and calendars ---- */

/* What is before the next separator, and the rest; NULL: that was the last piece. */
char *cells_take(char **rest, const char *separators);
/* Lines that were folded are whole again. The caller's. */
char *cells_unfold(cf_bytes text);
void cells_write_line(cf_buffer *out, const char *name, const char *value);
/* How often a property may stand in a card or an event. */
typedef struct {
    const char *name;
    int least, most;
    const char *wrong;
} cell_rule;
enum { CELL_RULES_MAX = 32 };
/* The first rule that the lines break; NULL: none. */
const char *cells_broken_rule(char *lines, const cell_rule *rules, size_t count);

#endif
