/* SPDX-License-Identifier: Apache-2.0 */
/* What is in conflict, as people are told: the values that others gave a field, beside the one that
 * is shown; values of a set that are both shown, where there was one before; and rows that are
 * hidden, as others have what only one row can have (record_clash.h).
 *
 *     row 1 of t: n = 1 by laptop, n = 2 by desktop, later    t/1/n: value 1, shown 2
 *     tag 2 wishes to be called home, as tag 1 is, and is
 *     shown as "home (2)" (`gives_way`)                       tags/2/name: value home, rival 1 */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_CONFLICTS_H
#define CF_PEER_SOURCES_RECORDS_RECORD_CONFLICTS_H
#include "peer/bindings/binding.h"
#include "peer/records/record_view.h"

/* A value as the state has it; of a reference the key of the row, nothing when that is gone. */
typedef struct {
    cf_bytes value;
    bool is_long; /* it is the identity [hash, size] of what stands elsewhere (codec/content.h) */
} cf_told_value;

/* Of a row that is hidden (record_clash.h): what it says, as people read it, and what waits for it.
 */
typedef struct {
    cf_bytes name;
    cf_told_value value;
} cf_told_field;
typedef struct {
    const cf_told_field *fields;
    size_t field_count;
    const cf_bytes *columns; /* by name: in which the other row agrees */
    size_t column_count;
    const cf_bytes *waiting; /* paths of rows */
    size_t waiting_count;
    cf_bytes empties; /* which column may be empty; nothing: none */
    bool lies_here;   /* as it was: the source can't show it otherwise */
    cf_bytes refusal; /* why; nothing: no source can show it */
} cf_told_clash;

typedef struct cf_record_conflict {
    cf_told_value value, shown; /* what is not shown, and what is instead */
    uint64_t time_ms;           /* when it was written */
    cf_bytes record;            /* what is called so: the path without the field; of a clash by the
                                   key that it has here, or wishes for */
    cf_bytes table;             /* of a database; nothing: it is of none */
    bool both;                  /* of a set: `value` is shown, too, beside `shown` */
    bool gives_way;             /* only one row can have the value: */
    cf_bytes rival;             /* that one's path; nothing: none has it any more, */
    cf_dot rival_written;       /* and what gave it to that; */
    bool can_be_one;            /* both rows can be made one */
    const cf_told_clash *clash; /* NULL: of values; else of rows, and no value is told */
} cf_record_conflict;

/* What was found the last time, of one source: as long as nothing has changed it is found again
 * without the view of all rows. NULL at first. */
typedef struct cf_known_conflicts cf_known_conflicts;
void cf_known_conflicts_destroy(cf_known_conflicts **known);

/* Calls `found` with each value that another user of a field gave it, of the records that the
 * source asks for: the path is KEY/FIELD; and with each row that is hidden: the path is its name.
 * The conflict lies in the arena. */
typedef void cf_record_conflict_found(void *context, const cf_dot *dot, cf_bytes path,
                                      const cf_record_conflict *conflict);
void cf_record_conflicts(cf_peer *peer, const cf_binding *binding, const cf_collection *collection,
                         cf_known_conflicts **known, cf_arena *arena,
                         cf_record_conflict_found *found, void *context);

/* KEY/FIELD, of a database TABLE/KEY/FIELD; appended. */
void cf_record_conflict_path(const cf_row_conflict *conflict, cf_buffer *path);
/* The path of two values of a set that are both kept: the field is the set. */
void cf_record_both_path(const cf_row_conflict *both, cf_buffer *path);

#endif
