/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a CSV file. The first record names the columns; those of the key are the row's key, each
 * other column NAME is its field /columns/NAME. Values are texts; an empty column says what a
 * missing field says. */
#ifndef CF_PEER_ADAPTERS_CSV_H
#define CF_PEER_ADAPTERS_CSV_H
#include "peer/adapters/csv_layout.h"
#include "peer/adapters/record_format.h"
#include "peer/adapters/text/csv_document.h"
#include "peer/records/schema.h"

typedef struct {
    cf_bytes table; /* of all rows */
    const cf_bytes
        *keys; /* columns, at least one; of several the key is the array of their texts */
    size_t key_count;
    bool serial;    /* the key, one column, is an integer that somebody counts up */
    char separator; /* '\0': found out */
    const cf_renamed_columns *renamed; /* NULL: none is */
    const cf_csv_layout *layout; /* of a file that is made; NULL: commas, columns by their names */
    const cf_forgotten *forgotten; /* columns that a file which is made has not; NULL: none */
} cf_csv_source;

/* CF_MALFORMED or CF_TOO_LARGE: nothing of the file can be taken. */
cf_status cf_csv_rows_read(cf_bytes bytes, const cf_csv_source *source, cf_record_file *out,
                           cf_error *error);
/* Appends the file. One that is empty gets a header: the columns of the source's layout, then
 * those of the key and of what the rows have that aren't among them. */
cf_status cf_csv_rows_write(cf_bytes before, const cf_csv_source *source, const cf_row *wanted,
                            size_t count, cf_buffer *out, cf_error *error);

/* A file for several of these: it is split once, its rows are read once. Borrows the bytes and the
 * source. */
typedef struct {
    const cf_csv_source *source;
    cf_csv csv;
    bool is_headed;    /* its header was read; */
    cf_error header;   /* what is wrong with it */
    cf_bytes *fields;  /* of each column its field; of a key's column nothing */
    size_t *keys;      /* the column of each part of the key */
    size_t count;      /* of columns */
    cf_bytes *spelled; /* room for one record */
    cf_arena arena;
    bool has_rows;
    cf_record_file rows; /* each in the place of its record */
} cf_csv_document;
cf_status cf_csv_document_read(cf_bytes bytes, const cf_csv_source *source, cf_csv_document **out,
                               cf_error *error);
void cf_csv_document_destroy(cf_csv_document **document);
/* As cf_csv_rows_read and _write. The rows are the document's. */
cf_status cf_csv_document_rows(cf_csv_document *document, const cf_record_file **out,
                               cf_error *error);
cf_status cf_csv_document_write(cf_csv_document *document, const cf_row *wanted, size_t count,
                                cf_buffer *out, cf_error *error);
/* What the file has columns for, in the arena. An empty one can hold every field. */
cf_status cf_csv_document_format(cf_csv_document *document, cf_arena *arena, cf_format_table *out,
                                 cf_error *error);

/* How the file is laid out; the columns are in the document's memory. False: it has no header. */
bool cf_csv_document_layout(cf_csv_document *document, cf_csv_layout *out);

/* Appends the file in which no row ends before a column that is none of `had`, what the source had
 * columns for before: whoever writes a column's name into the first line need not end all others
 * anew. Nothing: there is no such row. The last one counts only if its line ends: else it may have
 * been cut off. */
cf_status cf_csv_document_widen(cf_csv_document *document, const cf_row_format *had, cf_buffer *out,
                                cf_error *error);
/* Appends the file with these columns behind its own, empty in each row. Nothing: there is none
 * that it could have besides those it has, or something is wrong with a row, or with its end. */
cf_status cf_csv_document_add_columns(cf_csv_document *document, const cf_new_columns *columns,
                                      cf_buffer *out, cf_error *error);
/* Appends the file in which every row that says anything has a key, in a new column if there was
 * none; nothing: each has one already. The key is one column. */
cf_status cf_csv_document_fill(const cf_csv_document *document, cf_buffer *out, cf_error *error);

/* What it says of the columns; of an empty file nothing. */
cf_status cf_csv_document_header(cf_csv_document *self, cf_error *error);
/* Appends the file behind what the document has, which is no record: with a header for these rows.
 * Takes over what the layout says. */
cf_status cf_csv_document_begin(cf_csv_document *self, const cf_row *rows, size_t count,
                                cf_buffer *out, cf_error *error);

#endif
