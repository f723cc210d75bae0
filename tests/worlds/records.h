/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a world: what devices have beside their folders, the same on all. Each value that
 * users write is another one, so it has a token as a file's content has, with the record and the
 * field that it is of: what holds of contents holds of values. */
#ifndef CF_TESTS_WORLDS_RECORDS_H
#define CF_TESTS_WORLDS_RECORDS_H
#include "tests/worlds/cells.h"
#include "tests/worlds/world.h"

typedef enum {
    RECORDS_TABLE,    /* a CSV file; its key is a text */
    RECORDS_NUMBERS,  /* a CSV file; its key is a number that is counted up */
    RECORDS_CARDS,    /* a folder of vCards, one each */
    RECORDS_SETTINGS, /* a JSON document: one record, whose fields are its members */
    RECORDS_EVENTS,   /* a folder of iCalendar files, one event each */
    RECORDS_KINDS,
} record_kind;

/* The worlds' plan has one bit for each kind. */
bool records_are_in(const world *self, record_kind kind);
/* Makes and binds them all, on a device that is in. */
void records_bind(device *self);
/* NULL: it has none. */
cf_binding *records_binding(const device *of, record_kind kind);
/* Of a place (see record_visit). False: of no record. */
bool records_place_read(const char *place, record_kind *kind, char key[96]);

/* ---- What is there ---- */

void records_read(const device *of, record_kind kind, cells *out); /* sorted */
/* Calls with each value that is shown: PLACE is KIND/KEY/FIELD; RECORD names what it is a part of,
 * whatever key that has now, and is empty of what isn't shown. */
typedef void record_visit(void *context, const char *place, const mark *token, const mark *record);
void records_shown(const device *of, record_visit *visit, void *context);
/* The others of a field that the device keeps for the user. */
void records_listed(const device *of, record_visit *visit, void *context);
/* What a user saved just when it was written, and lies beside. */
void records_saved_beside(const device *of, record_visit *visit, void *context);
/* The path of the file; of cards and events, the folder. */
const char *records_path(record_kind kind);
/* Whether the record's key is a number that is counted up. */
bool records_count_up(const mark *record);

/* A line for each, sorted, whatever the file looks like; and the files as they are. */
void records_list(const device *of, cf_buffer *out);
/* Of some records. */
typedef bool record_choice(void *context, record_kind kind, const char *key);
void records_list_some(const device *of, record_choice *takes, void *context, cf_buffer *out);
void records_dump(const device *of, cf_buffer *out);
/* Whether its cards and events pass the rules of their formats; else `why` gets what doesn't. */
bool records_keep_rules(const device *of, cf_buffer *why);

/* ---- clerks.c: what users do ---- */

/* All values of a row that is counted up begin with the same letters. */
enum { CLERKS_TAG = 5 };

/* Another value of a field; TAG begins it. */
void clerks_set(chance *from, cells *all, const char *key, const char *field, const char *tag);
/* As programs save it, durably. */
void records_save_table(device *of, record_kind kind, const cells *what, bool in_place);
/* More members of the document, until it has so many. */
void records_fill_settings(device *who, size_t least, uint64_t seed);
void records_act(device *who, record_kind kind, const char *key, uint64_t seed);
/* In a table: another value for each row that has one in this field only or none at all, and more
 * rows with one in each, until so many have one in it. */
void records_fill(device *who, record_kind kind, const char *field, size_t least, uint64_t seed);
/* What goes into a new event beside its title, and what is done to one that is there: it is moved,
 * an occurrence is cancelled, somebody answers. NOW_S is in seconds, by the device's clock.
 * (record_events.c) */
void records_plan_event(chance *from, cells *all, const char *key, int64_t now_s);
void records_change_event(chance *from, cells *all, const char *key, int64_t now_s);
/* Another row. */
void records_add(device *who, record_kind kind, uint64_t seed);
/* Another row, or another value of one that is there: nothing goes. */
void records_go_on(device *who, record_kind kind, uint64_t seed);
/* The same record, which all make by themselves: of one of the kinds there are, with this key, or
 * with the next number that none of them has given. */
typedef struct {
    record_kind kind;
    char key[24];
    uint64_t seed;
} record_twins;
void records_plan_twins(const world *self, const char *key, uint64_t seed, record_twins *out);
/* Nothing where such a record is already. */
void records_make_twin(device *who, const record_twins *twins);
/* The card or the event is gone from its folder. */
void records_drop_file(device *who, record_kind kind, const char *key);

#endif
