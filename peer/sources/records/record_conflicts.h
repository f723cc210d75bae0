/* SPDX-License-Identifier: Apache-2.0 */
/* The values that others gave a field, beside the one that is shown. */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_CONFLICTS_H
#define CF_PEER_SOURCES_RECORDS_RECORD_CONFLICTS_H
#include "peer/bindings/binding.h"
#include "peer/records/record_view.h"

/* A value as the state has it; of a reference the key of the row, nothing when that is gone. */
typedef struct {
    cf_bytes value;
    bool is_long; /* it is the identity [hash, size] of what stands elsewhere (codec/content.h) */
} cf_told_value;

typedef struct cf_record_conflict {
    cf_told_value value, shown; /* what is not shown, and what is instead */
    uint64_t time_ms;           /* when it was written */
    cf_bytes record;            /* what is called so: the path without the field */
    bool both;                  /* of a set: `value` is shown, too, beside `shown` */
    bool gives_way;             /* only one row can have the value: */
    cf_bytes rival;             /* that one's path; nothing: none has it any more, */
    cf_dot rival_written;       /* and what gave it to that */
} cf_record_conflict;

/* What was found the last time, of one source: as long as nothing has changed it is found again
 * without the view of all rows. NULL at first. */
typedef struct cf_known_conflicts cf_known_conflicts;
void cf_known_conflicts_destroy(cf_known_conflicts **known);

/* Calls `found` with each value that another user of a field gave it, of the records that the
 * source asks for: the path is KEY/FIELD. The conflict lies in the arena. */
typedef void cf_record_conflict_found(void *context, const cf_dot *dot, cf_bytes path,
                                      const cf_record_conflict *conflict);
void cf_record_conflicts(cf_peer *peer, const cf_binding *binding, const cf_collection *collection,
                         cf_known_conflicts **known, cf_arena *arena,
                         cf_record_conflict_found *found, void *context);

/* KEY/FIELD, of a database TABLE/KEY/FIELD; appended. */
void cf_record_conflict_path(const cf_row_conflict *conflict, cf_buffer *path);
/* The same of two values of a set that are both kept: the field is the set. */
void cf_record_both_path(const cf_row_conflict *both, cf_buffer *path);

#endif
