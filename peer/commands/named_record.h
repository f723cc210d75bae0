/* SPDX-License-Identifier: Apache-2.0 */
/* A record as the user names it: COLLECTION//KEY[/FIELD], of a database TABLE/KEY[/FIELD]. Of a
 * folder of files COLLECTION//PATH is a file in it, wherever it lies here. */
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
    bool is_field; /* it is a field of a document that is one record, without a key: "/theme" */
    const cf_binding *bound; /* a folder of its files here; NULL: none */
    const cf_node *node;     /* that is known there under this path; NULL: none */
} cf_named_record;

/* What stands behind the slashes is taken as it was typed; where nothing is called so, as it is
 * shown: with backslashes doubled. In the arena. CF_MISSING: it doesn't begin with the name of a
 * collection. */
cf_status cf_named_record_read(const cf_run *run, const char *named, cf_arena *arena,
                               cf_named_record *out, cf_error *error);
/* Whether it is the bare name of one collection: then the same as COLLECTION//. */
bool cf_names_collection(const cf_run *run, const char *named, cf_arena *arena,
                         cf_named_record *out);

#endif
