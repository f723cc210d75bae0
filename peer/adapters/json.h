/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a JSON document: the elements of one array, each an object with a member that is its
 * key, or the members of one object, whose names are the keys; or the document is one record. Each
 * member NAME is the field /columns/NAME; members of an object within are fields of their own,
 * /columns/NAME/INNER, so that they merge one by one. Other values are as json_value.h has them.
 *
 * What stands beside the records is one more record, of a table of its own and with the empty text
 * as its key:
 *
 *   {"version": 3, "data": {"unit": "g", "items": [{"id": 1}]}}, records at /data/items:
 *   record 1, and the document (/columns/version: 3, /columns/data/unit: "g")
 *
 * Members beside that are none make no such record, and neither does what is led to through an
 * array. */
#ifndef CF_PEER_ADAPTERS_JSON_H
#define CF_PEER_ADAPTERS_JSON_H
#include "peer/adapters/record_file.h"
#include "peer/adapters/text/json_document.h"

typedef struct {
    cf_bytes table;   /* of all records */
    bool whole;       /* the document is one record; its key is the empty text */
    cf_bytes pointer; /* JSON Pointer to the array or object of records */
    cf_bytes key;     /* the member of a record that is its key; empty: its name is */
    cf_bytes beside;  /* table of what stands beside the records; empty: nobody asks for that */
    bool serial;      /* the key is an integer that somebody counts up */
} cf_json_source;

/* CF_MALFORMED or CF_TOO_LARGE: nothing of the file can be taken. One that is blank shows nothing.
 */
cf_status cf_json_rows_read(cf_bytes bytes, const cf_json_source *source, cf_record_file *out,
                            cf_error *error);
/* Appends the file. One that is blank is begun with what the pointer leads through, if any row is
 * wanted. Where one field's name is another's path, the inner ones are written. */
cf_status cf_json_rows_write(cf_bytes before, const cf_json_source *source, const cf_row *wanted,
                             size_t count, cf_buffer *out, cf_error *error);

/* A file for both: it is split once, its records are read once. Borrows the bytes and the source.
 */
typedef struct {
    const cf_json_source *source;
    cf_bytes bytes;
    bool is_blank; /* then there is no more */
    cf_json json;
    size_t container;    /* the array or object of records */
    bool has_beside;     /* objects lead to it, and what else they have is a record */
    cf_record_file rows; /* each in the place of its node */
} cf_json_records;
cf_status cf_json_records_read(cf_bytes bytes, const cf_json_source *source, cf_json_records **out,
                               cf_error *error);
void cf_json_records_destroy(cf_json_records **records);
const cf_record_file *cf_json_records_rows(const cf_json_records *records);
cf_status cf_json_records_write(const cf_json_records *records, const cf_row *wanted, size_t count,
                                cf_buffer *out, cf_error *error);

/* The node is the one at `container`, or one that leads to it. */
static inline bool cf_json_leads_to(const cf_json *json, size_t node, size_t container)
{
    return container != CF_JSON_NONE && node <= container && container < json->nodes[node].end;
}

#endif
