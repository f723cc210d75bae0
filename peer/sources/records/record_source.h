/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's part for a source of records, whatever they lie in (medium.h): when to look, what to
 * make of it, when to write it. A look reads everything, so all that it does it does in one go. */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_SOURCE_H
#define CF_PEER_SOURCES_RECORDS_RECORD_SOURCE_H
#include "peer/bindings/binding_report.h"
#include "peer/sources/context/source_context.h"

cf_source cf_record_source_open(cf_source_context *context, cf_binding *binding);

/* ---- Without a source at work ---- */

/* Fails where `add` should: what is there can't be read as this format. `*there`: something is;
 * `*senseless`: and none of it can be taken as a record. */
cf_status cf_record_source_check(cf_files *files, cf_binding *binding, bool *there, bool *senseless,
                                 cf_error *error);
/* CF_USAGE: a column that `--last` or `--natural-key` names can't be one, with the reason, and
 * which columns its table has. Where nothing can be read now nobody knows. */
cf_status cf_record_source_check_columns(cf_files *files, cf_binding *binding, cf_error *error);
/* Whether the keys of what is there are numbers that somebody counts up, as far as it tells;
 * `*rows`: there are any. */
cf_status cf_record_source_counts_up(cf_files *files, cf_binding *binding, bool *counts_up,
                                     bool *rows, cf_error *error);
/* Makes a database where there is none, as the collection's first one is laid out, with no row;
 * the source says where, of which collection and of which format. `rehearses`: only finds out
 * whether it could. CF_MISSING: nobody told how. CF_MALFORMED: none can be made as they told.
 * CF_CHANGED, CF_LOCKED: something is there, or lies beside it. */
cf_status cf_record_source_make(cf_peer *peer, const cf_binding_options *source, bool rehearses,
                                cf_error *error);
/* How what is there compares with the collection, row by row; of a database that isn't there, as if
 * it had no row. */
cf_status cf_record_source_compare(cf_peer *peer, const cf_binding *binding, cf_comparison *out,
                                   cf_error *error);
/* Makes what is there the base, so that the next look brings what the collection has and publishes
 * nothing; what is written to it meanwhile is an edit. `own` is told of each row that is no version
 * in the log, and will go; `keep` gets each file that is cut short, before that is taken away.
 * CF_OK also when nothing is there. Of rows that were held since a column has nothing in it any
 * more only that comes back: what else was done to them is an edit, and `refilled` is told of the
 * column and of how many rows that is. */
typedef struct {
    void (*own)(void *context, const cf_row *row);
    void (*refilled)(void *context, cf_bytes field, size_t count);
    cf_status (*keep)(void *context, cf_bytes name, cf_bytes bytes, cf_error *error);
    void *context;
} cf_refill_visitor;
cf_status cf_record_source_refill(cf_peer *peer, cf_binding *binding,
                                  const cf_refill_visitor *visitor, cf_kv_list *records,
                                  cf_error *error);

#endif
