/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of which too many values are gone, as they are kept until their user's word; and what a
 * source that is filled from the log gets back of them.
 *
 *     base: Ann, mail a@x, tel 1; here: Ann, no mail, tel 2; mail is held, and the source refilled
 *     the base becomes Ann, no mail, tel 1: a@x is written here, and tel 2 goes out as an edit */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_CLEARED_H
#define CF_PEER_SOURCES_RECORDS_RECORD_CLEARED_H
#include "peer/sources/records/record_source_inside.h"

typedef struct {
    cf_bytes table, field;
    size_t gone, count; /* rows here that have nothing in it any more, and that had something */
    size_t went;        /* lost it just before, by what was published: they count with these */
    size_t empty;       /* rows that have nothing in it, here and in the base */
    bool was_held;
} cf_cleared_column;

typedef struct {
    cf_cleared_column
        *at; /* ascending by name, each once, once they are found; who has it frees it */
    size_t count, capacity;
} cf_cleared_columns; /* {0} is empty */

int cf_cleared_column_compare(const cf_cleared_column *a, const cf_cleared_column *b);
void cf_cleared_columns_sort(cf_cleared_columns *self);
/* NULL: there is none. */
cf_cleared_column *cf_cleared_columns_find(const cf_cleared_columns *self, cf_bytes table,
                                           cf_bytes field);
/* As they are kept, without what is gone by now; the names are in what was read. None: nothing. */
void cf_cleared_columns_pack(const cf_cleared_columns *self, cf_buffer *out);
void cf_cleared_columns_read(cf_bytes kept, cf_cleared_columns *out);

/* What is held of a source, and the base of its rows, for who fills it. */
typedef struct cf_record_cleared cf_record_cleared;
cf_record_cleared *cf_record_cleared_take(cf_peer *peer, const cf_binding *binding);
void cf_record_cleared_destroy(cf_record_cleared **self);
/* The base that the file's row gets: the one that it had, without what is gone from these columns.
 * False: it lacks nothing there. */
bool cf_record_cleared_base(cf_record_cleared *self, cf_record_run *run, const cf_row *row,
                            cf_row *out);
/* Of each column, in how many rows that was. */
void cf_record_cleared_tell(const cf_record_cleared *self, const cf_refill_visitor *visitor);

#endif
