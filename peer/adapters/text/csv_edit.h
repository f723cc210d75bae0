/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of a CSV document. They are collected, in any order, and written at once: records and
 * fields that no edit names are written byte for byte. A record's number always means the record
 * that was read. */
#ifndef CF_PEER_ADAPTERS_TEXT_CSV_EDIT_H
#define CF_PEER_ADAPTERS_TEXT_CSV_EDIT_H
#include "peer/adapters/text/csv_document.h"
#include "peer/adapters/text/splice.h"

typedef struct {
    const cf_csv *csv;
    cf_splice splice;
} cf_csv_edits; /* {.csv = …} has none */

void cf_csv_edits_release(cf_csv_edits *edits);

/* Instead of a text: the field stays as it is spelled. */
#define CF_CSV_KEPT ((cf_bytes){NULL, SIZE_MAX})

typedef struct {
    size_t record, column; /* of the first field */
    const cf_bytes *texts;
    size_t count;
} cf_csv_new_fields;

/* A field is quoted if it was, or if it must be. In a record that is too short, empty fields come
 * before those that are new. The last of several edits of a record counts, so fields of one record
 * are changed together. CF_MALFORMED for a text that isn't UTF-8, CF_TOO_LARGE for one that is too
 * long, or a record that was. */
cf_status cf_csv_edits_change(cf_csv_edits *edits, cf_csv_new_fields fields, cf_error *error);
/* As cf_csv_edits_change, of one field. */
cf_status cf_csv_edits_set(cf_csv_edits *edits, size_t record, size_t column, cf_bytes text,
                           cf_error *error);
void cf_csv_edits_delete(cf_csv_edits *edits, size_t record);
/* A new record at the end, each field quoted if the last record's is, or if it must be. `count` is
 * at least 1. */
cf_status cf_csv_edits_append(cf_csv_edits *edits, const cf_bytes *texts, size_t count,
                              cf_error *error);

/* Appends the whole document. */
void cf_csv_edits_write(cf_csv_edits *edits, cf_buffer *out);

#endif
