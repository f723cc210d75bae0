/* SPDX-License-Identifier: Apache-2.0 */
/* The patterns of `--include` for records: which of a collection this device shows. The others stay
 * in the log, and nothing is deleted elsewhere because it isn't here.
 *
 *   TABLE               every row of it
 *   FIELD=VALUE         each row that has this value in the field, as people read both; of a field
 *                       with several values one of them is enough, and of a value that is an object
 *                       or an array one of the texts in it: emails=ann@example.org,
 *                       organizations=Acme; so of one that is a field for each of its members:
 *                       name=Ann, name/full=Ann. A column of the key is a field, too; that of a
 *                       contact, an event or a task is uid
 *   TABLE//FIELD=VALUE  of this table only
 *   *  ?  []            as in fnmatch(3), in TABLE and VALUE
 *
 * One that matches is enough, unless a pattern of `--exclude` matches the table. A row that refers
 * to one that is left out is left out, unless no pattern speaks of that table at all. Without
 * patterns everything is in. Pure.
 *
 *   people//kind=friend, phones    the phones of friends, as those of others refer to what is out
 *   phones                         all phones */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_INCLUDE_H
#define CF_PEER_SOURCES_RECORDS_RECORD_INCLUDE_H
#include "peer/bindings/binding.h"
#include "peer/records/record_view.h"

/* CF_USAGE for one of a table that a source of this format never has. */
cf_status cf_record_include_check_tables(cf_format format, const char *const *patterns,
                                         size_t count, cf_error *error);
/* Whether this pattern of a table matches it. */
bool cf_record_pattern_names(const char *pattern, cf_bytes table);

/* By itself, whatever it refers to. The format tells what keys are made of, where the binding
 * doesn't. */
bool cf_record_includes(const cf_binding *binding, const cf_row_format *format, const cf_row *row);
/* Rows of the table may be. */
bool cf_record_includes_table(const cf_binding *binding, cf_bytes table);

/* Which rows of a view are in; borrows it. */
typedef struct {
    const cf_row **rows; /* ascending by address; NULL: all are */
    bool *in;
    size_t count;
} cf_record_selection;
void cf_record_select(const cf_binding *binding, const cf_row_format *format,
                      const cf_schema *schema, const cf_row_view *view, cf_arena *arena,
                      cf_record_selection *out);
/* `row` is one of the view's. */
bool cf_record_selected(const cf_record_selection *selection, const cf_row *row);

#endif
