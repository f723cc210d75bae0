/* SPDX-License-Identifier: Apache-2.0 */
/* A record as the user names it: COLLECTION//KEY[/FIELD], of a database TABLE/KEY[/FIELD]. */
#ifndef CF_PEER_COMMANDS_NAMED_RECORD_H
#define CF_PEER_COMMANDS_NAMED_RECORD_H
#include "peer/program/verb.h"

typedef struct {
    cf_id collection;
    const char *name; /* of the collection */
    cf_bytes path;    /* all behind the slashes */
    cf_bytes row;  /* of it what names a record, as it is shown here, or was made; none: nothing */
    cf_id item;    /* that record */
    bool is_table; /* the path is the name of one */
} cf_named_record;

/* In the arena. CF_MISSING: it doesn't begin with the name of a collection. */
cf_status cf_named_record_read(const cf_run *run, const char *named, cf_arena *arena,
                               cf_named_record *out, cf_error *error);

#endif
