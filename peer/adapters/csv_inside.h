/* SPDX-License-Identifier: Apache-2.0 */
/* What reading and writing of CSV rows share. */
#ifndef CF_PEER_ADAPTERS_CSV_INSIDE_H
#define CF_PEER_ADAPTERS_CSV_INSIDE_H
#include "peer/adapters/csv.h"
#include "peer/adapters/text/csv_document.h"

/* A file, what its header says, and its rows; each is read when it is first asked for. */
struct cf_csv_document {
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
};

/* What it says of the columns; of an empty file nothing. */
cf_status cf_csv_document_header(cf_csv_document *self, cf_error *error);
/* Appends the file behind what the document has, which is no record: with a header for these rows.
 * Takes over what the layout says. */
cf_status cf_csv_document_begin(cf_csv_document *self, const cf_row *rows, size_t count,
                                cf_buffer *out, cf_error *error);

#endif
