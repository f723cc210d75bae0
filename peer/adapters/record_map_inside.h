/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of record_map share: the map as it was read, one cell (record_map_cell.c), the
 * columns (record_map_columns.c) and the objects (record_map_objects.c). */
#ifndef CF_PEER_ADAPTERS_RECORD_MAP_INSIDE_H
#define CF_PEER_ADAPTERS_RECORD_MAP_INSIDE_H
#include "peer/adapters/record_map.h"

/* What the leaf of a column is. */
typedef enum {
    CF_CELL_TEXT,
    CF_CELL_NUMBER,
    CF_CELL_TRUTH,
    CF_CELL_DATE, /* {"year": …, "month": …, "day": …} as YYYY-MM-DD, --MM-DD, YYYY-MM, YYYY */
    CF_CELL_TIME, /* a local time */
    CF_CELL_DURATION,
    CF_CELL_LABEL,       /* what an entry is for: its label, or contexts and features */
    CF_CELL_PHONE_LABEL, /* the same of a telephone */
    CF_CELL_COMPONENT,   /* the values of one kind of an array of components */
} cf_cell_form;

typedef struct {
    cf_bytes name;
    cf_bytes field; /* of the adapter's row: "/columns/NAME" */
    size_t slot;    /* CF_MAP_KEY: it is the UID */
    cf_cell_form form;
    const cf_bytes *path; /* within the value; of an array's element its number, from 1 */
    size_t depth;
    cf_bytes component; /* the kind */
} cf_map_column;
#define CF_MAP_KEY SIZE_MAX

typedef enum {
    CF_SLOT_SINGLE, /* the one value of a field */
    CF_SLOT_WORDS,
    CF_SLOT_PLACE,
    CF_SLOT_REST,
} cf_slot_which;

/* The columns that say something of the same entries of a field. */
typedef struct {
    cf_bytes field; /* of the collection's row */
    cf_slot_which which;
    size_t place;
    size_t order; /* in which the slots were named */
    const cf_bytes *words;
    size_t word_count;
    bool is_bare;        /* the entries are texts */
    const char *members; /* without all of which an entry is none; with spaces around */
    const char *kind;    /* of a new entry, unless a word says it; NULL: none */
    size_t *columns;     /* those that the file has */
    size_t count;
} cf_map_slot;

struct cf_record_map {
    cf_bytes table;
    cf_map_column *columns; /* as in the text */
    size_t column_count, column_capacity;
    cf_map_slot *slots; /* those of one field are neighbours: words before places before the rest */
    size_t slot_count, slot_capacity;
    cf_named_reference *references;
    size_t reference_count, reference_capacity;
    cf_rows *left; /* what couldn't be given: keys of no table */
    cf_rows
        *aside; /* the cells that couldn't be given, of rows that could: under keys of no table */
    cf_arena arena;
};

/* What is between several entries in one cell. */
#define CF_MAP_BETWEEN " ::: "
enum { CF_MAP_ENTRIES_MAX = 1000 }; /* of one field, in cells */

/* Whether members of the field are fields of their own: /name/full. */
bool cf_map_is_nested(cf_bytes name);

/* ---- Reading a map (record_map.c, record_map_pointer.c) ---- */

typedef struct {
    cf_record_map *map;
    cf_bytes line;
    size_t number;
    cf_error *error;
} cf_map_reading;
/* Names the line before what was said of it. */
cf_status cf_map_line_fail(const cf_map_reading *self, cf_status status);
#define CF_MAP_FAIL(self, ...) cf_map_line_fail(self, cf_fail((self)->error, CF_USAGE, __VA_ARGS__))
/* What the pointer of a column says. */
cf_status cf_map_take_pointer(const cf_map_reading *self, cf_bytes pointer, cf_map_column *column);
/* The number that a step is, from 1; 0: it is none. */
size_t cf_map_place(cf_bytes step);
bool cf_map_same_slot(const cf_map_slot *a, const cf_map_slot *b);
/* That of its items. */
uint8_t cf_map_kind(cf_bytes table);
/* Else events and tasks. */
bool cf_map_is_contacts(const cf_record_map *map);

/* ---- One cell ---- */

/* Appends what the column says of the value; `.data` NULL: of none. */
void cf_cell_read(const cf_map_column *column, cf_bytes value, cf_buffer *out);
/* The same of a label (record_map_label.c). */
void cf_label_read(cf_bytes entry, cf_buffer *out);
cf_status cf_label_write(const cf_map_column *column, cf_bytes entry, cf_bytes text, cf_buffer *out,
                         cf_error *error);
static inline bool cf_cell_is_label(const cf_map_column *column)
{
    return column->form == CF_CELL_LABEL || column->form == CF_CELL_PHONE_LABEL;
}
/* It may be any text. */
static inline bool cf_cell_is_text(const cf_map_column *column)
{
    return column->form == CF_CELL_TEXT || column->form == CF_CELL_COMPONENT ||
           cf_cell_is_label(column);
}
/* The text without blanks around a date, time, duration, number or truth; where it may be any text
 * they are part of it. Borrows. */
cf_bytes cf_cell_trim(const cf_map_column *column, cf_bytes text);
/* Replaces what is in `out` by the value of which the column says this; empty: none is left.
 * CF_MALFORMED: nothing can. */
cf_status cf_cell_write(const cf_map_column *column, cf_bytes value, cf_bytes text, cf_buffer *out,
                        cf_error *error);

/* ---- The entries of a set ---- */

/* Whether one of the words is said of the entry: its kind, a context, a feature, the label. */
bool cf_entry_is(cf_bytes entry, cf_bytes word);
/* Replaces what is in `out` by a new entry for the slot, nothing but its words. */
void cf_entry_begin(const cf_map_slot *slot, cf_buffer *out);

/* ---- The cells of one field (record_map_places.c, record_map_set.c) ---- */

/* What a row's cells say of one field. */
typedef struct {
    const cf_record_map *map;
    const cf_row *cells;
    size_t first, end; /* slots of the field */
    const cf_bytes *values;
    size_t count;
    size_t *order;   /* of the values, as they are shown */
    size_t *slot_of; /* of each value; NONE: no cell shows it */
    cf_arena *arena;
    cf_error *error;
} cf_map_cells;

/* One entry as a slot's cells have it. */
typedef struct {
    size_t slot;
    cf_bytes *texts; /* by column of the slot */
    size_t entry;    /* that it is, or NONE */
    bool is_same;
} cf_map_entry;

typedef struct {
    cf_map_entry *list; /* to be freed */
    size_t count, capacity;
} cf_map_entries;

/* The text of a column; nothing: it is empty. */
cf_bytes cf_map_cell(const cf_row *cells, const cf_map_column *column);
/* The column `index` of a slot. */
const cf_map_column *cf_map_column_of(const cf_record_map *map, const cf_map_slot *slot,
                                      size_t index);
/* Such a value, or the identity that stands for one, is in no cell. */
bool cf_map_is_long(cf_bytes field, cf_bytes value);
/* Finds the places of the values. */
void cf_map_assign(cf_map_cells *self);
/* The same, but who is in the cells stays where it is. */
void cf_map_assign_as_shown(cf_map_cells *self);
/* Whether a slot is a place, which says nothing of the entry that is in it. */
bool cf_map_is_placed(const cf_map_cells *self, size_t slot);
/* Adds the entries that are said in the slot's cells. CF_MALFORMED: too many. */
cf_status cf_map_cells_read(const cf_map_cells *self, size_t slot, cf_map_entries *out);
/* Whether the slot's cells would say just this of the value. */
bool cf_map_says(const cf_map_cells *self, const cf_map_entry *one, cf_bytes value);
/* Appends what the column `index` of the slot shows of them. */
void cf_map_show(const cf_map_cells *self, size_t slot, size_t index, cf_buffer *out);
/* The value with what the cells say; of none, a new entry. CF_MALFORMED names the column. */
cf_status cf_map_change(const cf_map_cells *self, const cf_map_entry *one, cf_bytes value,
                        cf_bytes *out);
cf_status cf_map_give_set(cf_map_cells *self, cf_field_list *list);

/* ---- Columns and objects ---- */

/* CF_MALFORMED: a cell says what can't be; it names the column. */
cf_status cf_map_columns_give(const cf_record_map *map, const cf_row *cells, const cf_row *known,
                              cf_field_list *list, cf_arena *arena, cf_error *error);
void cf_map_columns_take(const cf_record_map *map, const cf_row *cells, const cf_row *row,
                         cf_field_list *list, cf_arena *arena);
cf_status cf_map_objects_give(const cf_record_map *map, const cf_row *object, cf_field_list *list,
                              cf_arena *arena, cf_error *error);
void cf_map_objects_take(const cf_record_map *map, const cf_row *object, const cf_row *row,
                         cf_field_list *list, cf_arena *arena);
/* The table of an object, as its @type says. */
cf_bytes cf_map_object_table(const cf_record_map *map, const cf_row *object);

/* ---- Objects (record_map_objects.c, record_map_objects_write.c) ---- */

#define CF_OBJECT_PREFIX (sizeof CF_COLUMNS - 1)

/* The value of the adapter's field; nothing: it has none. */
cf_bytes cf_object_leaf(const cf_row *row, cf_bytes name);
/* What says what an object is, and is no field. */
bool cf_object_is_frame(const cf_record_map *map, cf_bytes token);
bool cf_object_is_set(cf_bytes table, cf_bytes field);
/* The token behind `size` bytes of the name: up to the next slash. */
cf_bytes cf_object_token(cf_bytes name, size_t size);
/* Replaces what is in `out` by all that is at the path. */
cf_status cf_object_value(const cf_row *row, cf_bytes path, cf_buffer *out, cf_error *error);

#endif
