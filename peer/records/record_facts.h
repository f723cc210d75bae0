/* SPDX-License-Identifier: Apache-2.0 */
/* What the state says of one record by itself: which writes count, which of them are shown, whether
 * it lives (model, rules W, D, c). */
#ifndef CF_PEER_RECORDS_RECORD_FACTS_H
#define CF_PEER_RECORDS_RECORD_FACTS_H
#include "peer/records/row_refs.h"
#include "peer/merge/state.h"

typedef struct {
    cf_write write;
    bool live; /* no deletion covers it */
    cf_write_standing standing;
    bool untold; /* listed, but told of another field of its act (peer/records/record_when.c) */
    cf_bytes as; /* the row's field that shows it, where that is another than the state's
                    (peer/records/occurrence.h) */
} cf_row_fact;

/* Deletions are not among them. {0} is empty; one list serves many items, one after the other. */
typedef struct {
    cf_row_fact *at;
    size_t count, capacity;
    bool lives; /* a write by a user is not covered */
    cf_arena covers;
} cf_row_facts;

/* In the order of the state: by field number, then dot. Values borrow from the item. */
void cf_row_facts_load(const cf_state *state, const cf_item *item, cf_row_facts *out);
void cf_row_facts_release(cf_row_facts *facts);

/* Where the facts of the field that begins at `first` end. */
size_t cf_row_facts_end(const cf_row_facts *facts, size_t first);
/* The best of some facts of one field: not covered, then a user's, then the latest. */
const cf_row_fact *cf_row_facts_best(const cf_row_facts *facts, size_t first, size_t end);
int cf_row_fact_compare(const cf_row_fact *a, const cf_row_fact *b);
typedef enum {
    CF_STAND_LATEST,   /* those with the best one's value; others are listed */
    CF_STAND_LAST,     /* the same; others are hidden */
    CF_STAND_GREATEST, /* those with the greatest value; others are hidden */
    CF_STAND_ALL,      /* of an entry of a set */
} cf_row_facts_standing;
/* Says of the facts of one field which are shown, of those that count: those that aren't covered;
 * where all are, as of a record that comes back, the best one, or all of a set's entry.
 *
 *     7 by A, then 5 by B     LATEST: 5, 7 is listed     LAST: 5     GREATEST: 7     ALL: both
 *     both are covered        LATEST, LAST: 5            GREATEST: 7                 ALL: both */
void cf_row_facts_stand(cf_row_facts *facts, size_t first, size_t end, cf_row_facts_standing how);
/* The first that is shown. */
const cf_row_fact *cf_row_facts_shown(const cf_row_facts *facts, size_t first, size_t end);

#endif
