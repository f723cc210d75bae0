/* SPDX-License-Identifier: Apache-2.0 */
/* A conflict as `status` and `sync` show it: a copy of a file, a value of a field, or a row. */
#ifndef CF_PEER_COMMANDS_CONFLICT_SHOWN_H
#define CF_PEER_COMMANDS_CONFLICT_SHOWN_H
#include "codec/hash_table.h"
#include "peer/engine/engine.h"
#include "peer/program/output.h"
#include "peer/sources/records/record_conflicts.h"

typedef enum {
    CF_CONFLICT_COPY,  /* of a file */
    CF_CONFLICT_ROW,   /* it is hidden */
    CF_CONFLICT_BOTH,  /* two values, both of which are kept */
    CF_CONFLICT_WISH,  /* a value that another row has */
    CF_CONFLICT_FIELD, /* any other value */
    CF_CONFLICT_KINDS,
} cf_conflict_kind;

static inline cf_conflict_kind cf_conflict_kind_of(const cf_conflict *conflict)
{
    const cf_record_conflict *field = conflict->field;

    return !field             ? CF_CONFLICT_COPY
           : field->clash     ? CF_CONFLICT_ROW
           : field->both      ? CF_CONFLICT_BOTH
           : field->gives_way ? CF_CONFLICT_WISH
                              : CF_CONFLICT_FIELD;
}

json_t *cf_conflict_json(const cf_binding *binding, const cf_conflict *conflict, cf_peer *peer);
/* What a program may call it, today and tomorrow and on each device: digits in hexadecimal. */
enum { CF_CONFLICT_ID_TEXT = 13 };
void cf_conflict_id(const cf_binding *binding, const cf_conflict *conflict,
                    char text[CF_CONFLICT_ID_TEXT]);
/* Two sources of one collection show the same conflicts: each is listed once. */
typedef struct {
    cf_hash_table ids;
    cf_arena arena;
} cf_listed_conflicts; /* {0} is empty */

void cf_listed_conflicts_release(cf_listed_conflicts *listed);
/* Leaves those in the status that were in none before. */
void cf_listed_conflicts_take(cf_listed_conflicts *listed, cf_binding_status *status);

/* A line for each, and what says how they are settled. */
void cf_conflicts_print(const char *collection, const cf_binding_status *status, cf_peer *peer,
                        const cf_output *output);

#endif
