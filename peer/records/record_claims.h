/* SPDX-License-Identifier: Apache-2.0 */
/* Claims of records: unique values, who has them, and which columns give way. */
#ifndef CF_PEER_RECORDS_RECORD_CLAIMS_H
#define CF_PEER_RECORDS_RECORD_CLAIMS_H
#include "peer/records/record_view_inside.h"

/* A unique value, and the rows that claim it. */
typedef struct {
    cf_hash_link link;
    const cf_schema_table *table;
    size_t unique;              /* which of the table's; behind them the natural key */
    const cf_row_field *fields; /* of the row that claimed it first, as they were then */
    size_t field_count;
    cf_bytes key;
    size_t count;      /* of the rows that wish for the value */
    uint64_t taken;    /* the last round in which it was taken, */
    cf_viewed *holder; /* by this row */
    uint64_t searched; /* the last round in which who looked for a free value of this column */
    cf_bytes column;   /* came by, */
    int64_t next;      /* and found none before this number */
} cf_claim;

/* A row that shares one or more claims with others. */
typedef struct {
    cf_viewed *viewed;
    cf_claim **claims;
    size_t count;
} cf_contender;

typedef struct {
    cf_row_view *view;
    cf_arena arena;
    cf_hash_table claims;
    cf_contender *contenders; /* in the order in which they claim */
    size_t contender_count, contender_capacity;
    cf_viewed_list looked_at, news;
    cf_row_facts facts; /* of one of them */
    uint64_t round;
} cf_holding;

/* How many tuples rows of the table claim by; the last is the natural key: only a mistaken device
 * gives it to two items. */
size_t cf_claims_of(const cf_schema_table *table);
/* What the row claims by this tuple. NULL: nothing, or nobody ever claimed that. */
cf_claim *cf_claim_of(const cf_holding *self, const cf_schema_table *table, const cf_row *row,
                      size_t unique);
/* The claim is made where there is none; NULL: the row claims nothing by this tuple. */
cf_claim *cf_claim_with(cf_holding *self, const cf_schema_table *table, const cf_row *row,
                        size_t unique);

static inline bool cf_claim_is_taken(const cf_holding *self, const cf_claim *claim)
{
    return claim->taken == self->round;
}
static inline void cf_claim_take(const cf_holding *self, cf_claim *claim, cf_viewed *viewed)
{
    claim->taken = self->round;
    claim->holder = viewed;
}

/* Gives the row the fields back that it wishes for. */
void cf_viewed_wish(cf_viewed *viewed);
/* The row claims what others have in this round: the row, or one of those, is shown with another
 * value in a column. False: there is no value that the row could have. */
bool cf_give_way(cf_holding *self, const cf_contender *one);

#endif
