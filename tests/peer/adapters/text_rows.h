/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a text format in tests: those that were read last, and what files are made to show them.
 */
#ifndef CF_TESTS_PEER_ADAPTERS_TEXT_ROWS_H
#define CF_TESTS_PEER_ADAPTERS_TEXT_ROWS_H
#include "tests/peer/adapters/rows.h"

extern cf_record_file rows;

typedef struct {
    cf_status (*read)(cf_bytes bytes, cf_record_file *out, cf_error *error);
    cf_status (*write)(cf_bytes before, const cf_row *wanted, size_t count, cf_buffer *out,
                       cf_error *error);
    bool in_any_order; /* new records come into a file in another order */
} text_format;

/* Which format a suite is of. */
void text_rows_enter(const text_format *of);
void text_rows_leave(void);

void read_bytes(cf_bytes bytes);
void read_text(const char *text);
/* The rows that were read last; where the order says nothing, in that of their keys. */
cf_buffer printed(void);
/* What `before` becomes when it is to show what was read last. */
cf_buffer rewritten(cf_bytes before);
/* As that, to show one row of the key "1" with one value, a JSON text, in one field. */
cf_buffer rewritten_with(const char *before, const char *table, const char *field,
                         const char *json);

/* `before`, made to show what `wanted` shows. */
void expect_change(const char *before, const char *wanted, const char *after);
/* The export with one text in it replaced: nothing else changes. */
void expect_edit(const char *name, const char *old, const char *new);
/* The rows that were read last, written into another file and read again. */
void expect_same_in(const char *file, const char *name);
/* Both show the same, and what shows the one needs no change to show the other. */
void expect_alike(const char *one, const char *other);
/* If it can be read at all. */
void expect_unchanged(cf_bytes bytes);
void expect_export_unchanged(const char *name, size_t count);

#endif
