/* SPDX-License-Identifier: Apache-2.0 */
/* The form of the patterns of `--include` for records: TABLE, FIELD=VALUE or TABLE//FIELD=VALUE;
 * and of `--exclude`: TABLE. What they mean peer/sources/records/record_include.h says. Pure. */
#ifndef CF_PEER_BINDINGS_RECORD_PATTERN_H
#define CF_PEER_BINDINGS_RECORD_PATTERN_H
#include "codec/error.h"

#include <stddef.h>

/* The parts of a pattern, which they borrow; NULL: it doesn't have it. */
typedef struct {
    const char *table;
    size_t table_size;
    const char *field;
    size_t field_size;
    const char *value;
} cf_record_pattern;

cf_record_pattern cf_record_pattern_of(const char *pattern);
/* CF_USAGE for a pattern that says nothing. */
cf_status cf_record_pattern_check(const char *const *patterns, size_t count, cf_error *error);
/* The same of `--exclude`, which is of whole tables: CF_USAGE for one that names rows. */
cf_status cf_table_pattern_check(const char *const *patterns, size_t count, cf_error *error);
/* The same of an option that names columns: CF_USAGE for a name that isn't TABLE.COLUMN. */
cf_status cf_column_names_check(const char *option, const char *const *names, size_t count,
                                cf_error *error);

#endif
