/* SPDX-License-Identifier: Apache-2.0 */
/* What a file of records shows, whatever its format: rows, each with its place in the file, and
 * what couldn't be taken as one. The adapters of text formats are pairs of pure functions over
 * bytes:
 *
 *   read   the file's bytes -> rows and troubles
 *   write  the bytes before, and all rows that the file should show -> the bytes after
 *
 * and for who does both a document: bytes that were split and read once.
 *
 * What is as wanted keeps its bytes, so to write what was read gives the bytes back. A row that
 * isn't wanted goes; one that is in trouble stays as it is, nobody knows what it says. What a
 * format can't hold of a row is left out: to learn what a file shows now, read it again. */
#ifndef CF_PEER_ADAPTERS_RECORD_FILE_H
#define CF_PEER_ADAPTERS_RECORD_FILE_H
#include "peer/records/record.h"

typedef struct {
    size_t line;   /* from 1 */
    bool known;    /* which record it is, so that others can be missed */
    bool passes;   /* by itself, soon */
    bool harmless; /* nothing is missing because of it */
    bool cut;      /* the file ends in it: what came behind is missing, and was not deleted */
    cf_bytes table, key;
    cf_bytes where;   /* of several files: which one, instead of the line */
    const char *text; /* "has no key" */
} cf_record_trouble;

/* A row of the file to which something refers that isn't read as a row: by its key, and by what it
 * has in these fields. */
typedef struct {
    cf_bytes table, key;
    const cf_bytes *fields;
    size_t count;
} cf_row_pin;

typedef struct {
    cf_row *rows; /* in the order of the file, no two of one table and key */
    size_t *places;
    size_t count, row_capacity, place_capacity;
    cf_record_trouble *troubles;
    size_t trouble_count, trouble_capacity;
    bool cut;               /* it ends in the midst of what it says: one of the troubles tells */
    bool unended;           /* of lines: the last one has no end, ... */
    bool half_end;          /* ... or the first half of one, ... */
    size_t last_place;      /* ... and this is its place, if it is a row */
    bool others;            /* it holds what is never synced, as a calendar a journal */
    const cf_row_pin *pins; /* one row may be in more than one */
    size_t pin_count;
    uint64_t pins_hash; /* another one: the pins may be others */
    cf_arena arena;     /* of all that they hold */
} cf_record_file;       /* {0} is empty */

void cf_record_file_release(cf_record_file *file);
/* The same rows and troubles, and room for others beside them; they borrow from `from`. */
cf_record_file cf_record_file_borrow(const cf_record_file *from);
/* Whether what the file doesn't show isn't there: false when any trouble is of an unknown record,
 * and of a file that is cut short. */
bool cf_record_file_certain(const cf_record_file *file);

/* For the adapters. `text` is copied; NULL `row`: nobody knows which. */
void cf_record_file_trouble(cf_record_file *file, size_t line, const cf_row *row, const char *text);
/* The same where the file is cut short. NULL `row`: nobody knows which was cut. */
void cf_record_file_cut(cf_record_file *file, size_t line, const cf_row *row, const char *text);
/* The user says that it is whole as it is: what it doesn't show isn't there. */
void cf_record_file_take_cut(cf_record_file *file);
/* The row has not all fields, or not as many values, as it had. */
bool cf_row_lacks(const cf_row *row, const cf_row *before);
/* The row's parts are in the file's arena. `place` means something to the adapter only. */
void cf_record_file_add(cf_record_file *file, const cf_row *row, size_t place);
/* After the last one: of rows of one table and key the first counts. `line_of` tells a place's
 * line. */
void cf_record_file_settle(cf_record_file *file, size_t (*line_of)(void *context, size_t place),
                           void *context);

/* The fields of one row while they are found, in any order. */
typedef struct {
    struct cf_field_item *items;
    size_t count, capacity;
} cf_field_list; /* {0} is empty */

/* Both are copied into the arena; a value that the field has already counts once. */
void cf_field_list_add(cf_field_list *list, cf_arena *arena, cf_bytes name, cf_bytes value);
bool cf_field_list_has(const cf_field_list *list, cf_bytes name);
/* Gives the row its fields, and empties the list, keeping its memory. */
void cf_field_list_take(cf_field_list *list, cf_arena *arena, cf_row *row);
void cf_field_list_release(cf_field_list *list);

/* The rows that a file should show, found by table and key. */
typedef struct {
    const cf_row **rows; /* ascending by table and key */
    bool *taken;
    size_t count;
} cf_wanted_rows;

cf_wanted_rows cf_wanted_rows_of(const cf_row *rows, size_t count);
void cf_wanted_rows_release(cf_wanted_rows *wanted);
/* NULL when it isn't wanted. Whatever was found so is taken. */
const cf_row *cf_wanted_rows_take(cf_wanted_rows *wanted, cf_bytes table, cf_bytes key);
/* NULL also when it was taken before. */
const cf_row *cf_wanted_rows_take_left(cf_wanted_rows *wanted, cf_bytes table, cf_bytes key);

/* Appends "/columns/NAME", the name escaped as in a JSON Pointer. */
void cf_column_field(cf_bytes name, cf_buffer *out);
/* The other way round, in the arena. False: the field is none of a column, or within an object. */
bool cf_column_name(cf_bytes field, cf_arena *arena, cf_bytes *out);
#define CF_COLUMNS "/columns"

/* ---- How files begin ---- */

/* The bytes behind a mark of the byte order and blanks; and whether they begin with these letters,
 * in any case. */
cf_bytes cf_format_beginning(cf_bytes bytes);
bool cf_format_begins(cf_bytes bytes, const char *with);

#endif
