/* SPDX-License-Identifier: Apache-2.0 */
/* What reading and writing of CSV rows share. */
#ifndef CF_PEER_ADAPTERS_CSV_INSIDE_H
#define CF_PEER_ADAPTERS_CSV_INSIDE_H
#include "peer/adapters/csv.h"
#include "peer/adapters/text/csv_document.h"

/* A file, and what its header says. */
typedef struct {
    const cf_csv_source *source;
    cf_csv csv;
    cf_bytes *fields;  /* of each column its field; of a key's column nothing */
    size_t *keys;      /* the column of each part of the key */
    size_t count;      /* of columns */
    cf_bytes *spelled; /* room for one record */
    cf_arena arena;
} cf_csv_table;

cf_status cf_csv_table_read(cf_bytes bytes, const cf_csv_source *source, cf_csv_table *self,
                            cf_error *error);
void cf_csv_table_release(cf_csv_table *self);
/* Its rows, each in the place of its record. */
void cf_csv_table_rows(cf_csv_table *self, cf_record_file *out);

#endif
