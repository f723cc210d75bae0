/* SPDX-License-Identifier: Apache-2.0 */
/* What a source of records shows: contacts, events, tasks, rows of a database, objects of a CSV or
 * JSON document. To the merge all of them are rows: a table, a key, and fields. The same form
 * serves what an adapter reads (the disk), what was last agreed with it (the base) and what it
 * should show (the view); adapters know nothing else of items.
 *
 * A field's name is a JSON Pointer, as in the state: of rows and of objects `/columns/NAME`, of
 * contacts, events and tasks the property of JSContact or JSCalendar. A field has one value, or as
 * many as the schema says is a set: in the state each of these is a field NAME/ENTRY of its own.
 * A value is canonical msgpack; one whose encoding is over CF_INLINE_MAX bytes is the identity
 * [hash, size] of the content that this encoding is (codec/content.h). A reference has as its value
 * the key of the row that it refers to; in the state that is the row's item, so that it follows
 * when the row gets another key. */
#ifndef CF_PEER_RECORDS_RECORD_H
#define CF_PEER_RECORDS_RECORD_H
#include "codec/change.h"
#include "codec/item.h"

/* The kinds of items that are records (cf_item_is_record): first byte of their ids. */
enum {
    CF_KIND_CONTACT = 'c',
    CF_KIND_EVENT = 'e',
    CF_KIND_TASK = 't',
    CF_KIND_ROW = 'r',
    CF_KIND_RECORD = 'j'
};
static inline bool cf_kind_is_record(uint8_t kind)
{
    return cf_item_is_record(&(cf_id){{kind}});
}

typedef struct {
    cf_bytes name;
    const cf_bytes *values; /* of a set in the order of the source, none twice */
    size_t count;           /* 0 says what a missing field says */
} cf_row_field;

typedef struct {
    cf_bytes table;             /* its name in the schema */
    cf_bytes key;               /* a value; of a serial table an int */
    const cf_row_field *fields; /* ascending by name (cf_bytes_compare) */
    size_t field_count;
    cf_id item;          /* of the base and the view; nothing for what was read from a disk */
    bool displaced;      /* shown under another key than it wishes for */
    uint64_t changed_ms; /* of the view: when the latest of what it shows was written, by the log;
                            0: nobody knows. Nothing of the row */
    cf_bytes refs;       /* of the base: which writes it shows, packed (peer/records/row_refs.h) */
} cf_row;

/* /table, /key, /level, ties, bonds and the deletion: no name of data. */
bool cf_row_field_is_reserved(cf_bytes name);
/* A tie or a bond; a bond. */
bool cf_row_field_is_tie(cf_bytes name);
bool cf_row_field_is_bond(cf_bytes name);
/* NULL when the row has no such field, or no value in it. */
const cf_row_field *cf_row_field_named(const cf_row *row, cf_bytes name);
/* Both have the same values in the same order. */
bool cf_row_field_equal(const cf_row_field *a, const cf_row_field *b);
/* The value is one of the field's; NULL has none. */
bool cf_row_field_has(const cf_row_field *field, cf_bytes value);
/* The field has a value that is more than none, an empty text, list or object, or a mark such as
 * yes, no or one character. */
bool cf_row_field_says(const cf_row_field *field);
/* The row has nothing in the field, or only empty values; a mark is something. */
bool cf_row_says_nothing(const cf_row *row, cf_bytes field);
/* The row has all values of the other one, but for those of its field `but`; NULL: all. */
bool cf_row_has_all(const cf_row *row, const cf_row *of, const cf_row_field *but);
/* Both rows have the same fields with the same values, whatever the rest. */
bool cf_row_fields_equal(const cf_row *a, const cf_row *b);
/* Of a key of so many parts the one at this place; nothing: the key has not so many parts. */
cf_bytes cf_row_key_part(cf_bytes key, size_t part, size_t parts);
/* The digits of an int, as they are written, as the key of a serial table; false, and nothing is
 * appended: they are no such digits. */
bool cf_serial_key_pack(cf_bytes digits, cf_buffer *out);
/* The copy lies in the arena, with all its bytes. */
cf_row cf_row_copy(const cf_row *row, cf_arena *arena);

/* The record of a base row, as it is kept: [table, key, item, displaced, [[name, value…]…], refs].
 * What is read borrows from the record and the arena. CF_MALFORMED: the record is damaged. */
void cf_row_pack(const cf_row *row, cf_buffer *out);
cf_status cf_row_read(cf_bytes record, cf_arena *arena, cf_row *out, cf_error *error);

/* The base of one source: rows found by table and key, and by item. Not thread-safe. */
typedef struct cf_rows cf_rows;
cf_rows *cf_rows_new(void);
void cf_rows_destroy(cf_rows **rows);
size_t cf_rows_count(const cf_rows *rows);
/* Copies the row in, in place of that of this table and key; what was borrowed of the latter ends.
 */
void cf_rows_put(cf_rows *rows, const cf_row *row);
void cf_rows_drop(cf_rows *rows, cf_bytes table, cf_bytes key);
const cf_row *cf_rows_find(const cf_rows *rows, cf_bytes table, cf_bytes key);
const cf_row *cf_rows_of_item(const cf_rows *rows, const cf_id *item);
/* All rows, in no order: `previous` NULL gives the first, the last is followed by NULL. */
const cf_row *cf_rows_next(const cf_rows *rows, const cf_row *previous);

#endif
