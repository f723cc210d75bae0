/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a collection that are hidden, by the names that `status` calls them: what the view
 * holds back (peer/log/hidden_rows.h), and what a source here can't show
 * (peer/sources/records/record_clash.h). */
#ifndef CF_PEER_COMMANDS_HIDDEN_NAMED_H
#define CF_PEER_COMMANDS_HIDDEN_NAMED_H
#include "peer/program/verb.h"
#include "peer/sources/records/record_clash.h"

typedef struct {
    cf_id collection; /* zero: of none */
    cf_schema schema;
    cf_row_view *view; /* NULL: nothing is known of it */
    cf_clash_search search;
    const cf_record_clash *clashes;
    size_t clash_count;
    cf_arena arena;
} cf_hidden_names; /* {0} has none */

/* In the place of what it had. */
cf_status cf_hidden_names_know(const cf_run *run, const cf_id *collection, cf_hidden_names *names,
                               cf_error *error);
void cf_hidden_names_release(cf_hidden_names *names);

/* False: none is called so. */
bool cf_hidden_names_find(const cf_hidden_names *names, cf_bytes path, cf_id *item);
/* What the row is called; nothing: it is not hidden. */
cf_bytes cf_hidden_names_path(const cf_hidden_names *names, const cf_id *item);
/* Why it is hidden. In the arena. */
const char *cf_hidden_names_why(const cf_hidden_names *names, const cf_id *item, cf_arena *arena);

#endif
