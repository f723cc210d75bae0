/* SPDX-License-Identifier: Apache-2.0 */
/* Conflicts of fields, and of whole rows, that end by their user's word, many at once. */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_SETTLING_H
#define CF_PEER_SOURCES_RECORDS_RECORD_SETTLING_H
#include "peer/bindings/binding.h"
#include "peer/locks/locks.h"
#include "peer/records/record_resolve.h"

typedef struct {
    cf_peer *peer;
    cf_locks *locks;
    const cf_binding *binding; /* a source of records that may publish */
    const char *pattern;       /* of paths as `status` has them, KEY/FIELD; as in fnmatch(3) */
    cf_keep keep;              /* its writer is found here */
    uint64_t now_ms;
    bool tries; /* only says what it would do */
} cf_record_settling;

/* A row that has nothing in a column any more, so that it and another one can both be shown. */
typedef struct {
    cf_id hidden, rival, yields; /* the last is one of these */
    cf_bytes column;
} cf_record_yield;

/* How the conflicts of one field, or one seat, end: by which changes, and at the first of them. */
typedef struct {
    cf_id item;
    cf_bytes field, value;
    cf_change *changes;
    size_t count;
} cf_record_end;

/* What is to be replaced, of what was listed when it was chosen. */
typedef struct {
    cf_record_end *ends; /* ascending by item and field, as the conflicts are */
    size_t count;
    size_t lacking; /* so many fields: there is no such version, or it is the key; or no other
                       row has the value; of rows: no column may be empty, or they can't be one */
    size_t parted;  /* so many values get entries of their own: which, is found when it is done */
    cf_record_yield *yields;
    size_t yield_count;
    cf_arena arena;
} cf_record_choice; /* {0} is empty */
void cf_record_choice_release(cf_record_choice *choice);
/* Leaves to an earlier choice what both have. */
void cf_record_choice_leave(cf_record_choice *choice, const cf_record_choice *earlier);

/* So many fields. */
typedef struct {
    size_t settled;
    size_t ended;  /* by another device, since it was chosen */
    size_t locked; /* another device has the record */
} cf_record_settled;

/* Chooses by what the user sees: to be called before anybody is asked what is new. */
cf_status cf_record_choose(const cf_record_settling *settling, cf_record_choice *out,
                           cf_error *error);
/* Publishes it, as one changeset; the sources are to be looked at then. What was written since it
 * was chosen stays beside what is kept. CF_DENIED: nothing may be published. */
cf_status cf_record_settle(const cf_record_settling *settling, const cf_record_choice *choice,
                           cf_record_settled *out, cf_error *error);

#endif
