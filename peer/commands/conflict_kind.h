/* SPDX-License-Identifier: Apache-2.0 */
/* What kinds of conflicts are told. */
#ifndef CF_PEER_COMMANDS_CONFLICT_KIND_H
#define CF_PEER_COMMANDS_CONFLICT_KIND_H
#include "peer/bindings/binding_report.h"
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

#endif
