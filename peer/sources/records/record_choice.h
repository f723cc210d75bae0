/* SPDX-License-Identifier: Apache-2.0 */
/* A choice: how the conflicts that a user's word is about end, field by field and row by row. It is
 * made by what the user sees, and carried out later (record_settling.h). */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_CHOICE_H
#define CF_PEER_SOURCES_RECORDS_RECORD_CHOICE_H
#include "codec/arena.h"
#include "codec/change.h"
#include "peer/records/record.h"

/* A row that has nothing in a column any more, so that it and another one can both be shown. */
typedef struct {
    cf_id hidden, rival, yields; /* the last is one of these */
    cf_bytes column;
} cf_record_yield;

/* How the conflicts of one field, or one seat, end: by which changes, and at the first of them. */
typedef struct {
    cf_id item;
    cf_bytes field, value;
    cf_change *changes;
    size_t count;
} cf_record_end;

/* What is to be replaced, of what was listed when it was chosen. */
typedef struct {
    cf_record_end *ends; /* ascending by item and field, as the conflicts are */
    size_t count;
    size_t lacking; /* so many fields: there is no such version, or it is the key; or no other
                       row has the value; of rows: they can't be one */
    size_t bound;   /* so many rows: no column may be empty */
    size_t shown;   /* so many values are shown beside others, and get no entries of their own */
    size_t parted;  /* so many values get entries of their own: which, is found when it is done */
    cf_record_yield *yields;
    size_t yield_count;
    cf_arena arena;
} cf_record_choice; /* {0} is empty */
void cf_record_choice_release(cf_record_choice *choice);
/* In the order of the conflicts, after ends were added in another one. */
void cf_record_choice_sort(cf_record_choice *choice);
/* The choice has such an end already: a row that gives way in two columns to one rival is made one
 * with that once. */
bool cf_record_choice_has(const cf_record_choice *choice, const cf_record_end *end);
/* Takes out of the choice what an earlier one has, too. */
void cf_record_choice_leave(cf_record_choice *choice, const cf_record_choice *earlier);

/* The end by which `row` is one with `rival`; in the arena. */
cf_record_end cf_record_end_as_one(const cf_row *row, const cf_row *rival, cf_arena *arena);

#endif
