/* SPDX-License-Identifier: Apache-2.0 */
/* How much work for nothing a gateway bears of each user: looking for blobs that are not brought
 * then, bytes that mean nothing, signatures that are wrong, sessions begun over and over. A point
 * is about a microsecond of the gateway. So many are paid back in a second, and as many as in about
 * a minute may be owed; beyond that the user isn't listened to, and is told for how long. What
 * succeeds costs nothing, and to come and find nothing to do costs less than a tenth of what a
 * second pays back, so that no honest use comes near. Decides; the gateway refuses. */
#ifndef CF_BROKER_GATEWAY_WORK_BUDGET_H
#define CF_BROKER_GATEWAY_WORK_BUDGET_H
#include "codec/ids.h"
#include "codec/limits.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CF_WORK_BUDGET_S = 68, /* so many seconds' points may be owed */
    CF_WORK_BUDGET_BEGIN_S =
        51,                  /* and so many where a session begins, so that it comes to an end */
    CF_PRICE_BLOB = 3,       /* in HAVE, missing; given back when it is brought or named */
    CF_PRICE_HELD_BLOBS = 2, /* in HAVE, so many for a point: those of the largest file fit */
    CF_PRICE_HEADS = 32,     /* in HELLO, SUBSCRIBE, REPORT and what answers QUERY, so many for a
                                point; a rung likewise: as many as a user may have cost a twentieth
                                of what may be owed */
    CF_PRICE_GREETING = 5,   /* HELLO, SUBSCRIBE: how often somebody comes is bounded, too */
    CF_PRICE_ANEW = 100,     /* HELLO on a connection that has a session */
    CF_PRICE_QUESTION = 25,  /* QUERY */
    CF_PRICE_REPORT = 5,     /* REPORT, LOCATE */
    CF_PRICE_ABSENT = 1,     /* GET of a blob that isn't here */
    CF_PRICE_HELD = 1,       /* an entry that is here, */
    CF_PRICE_HELD_SIZE = 16 * CF_KIB, /* and for so many bytes of it; given back for a new one */
    CF_PRICE_CHECKED_MIB = 2,         /* of a blob that is read whole before its end goes out */
    CF_PRICE_UNTAKEN = 3,             /* a sound entry that is refused: a backlog of 10,000 fits */
    CF_PRICE_FORGED = 1000,           /* an entry or a blob that nobody honest sends */
    CF_PRICE_GARBAGE = 3000,          /* what can't be read */
    CF_PRICE_ENTRY = -50,             /* an entry that was new */
};

typedef struct cf_work_budget cf_work_budget;

/* Points paid back in a second; 0: there is no end to it. */
cf_work_budget *cf_work_budget_new(uint64_t points_per_second);
void cf_work_budget_set(cf_work_budget *budget, uint64_t points_per_second);
void cf_work_budget_destroy(cf_work_budget **budget);

/* Negative points are given back, as far as any are owed. */
void cf_work_budget_charge(cf_work_budget *budget, const cf_hash *user, int64_t points,
                           uint64_t now_ms);
/* Whether the user owes too much to be heard. */
bool cf_work_budget_is_over(cf_work_budget *budget, const cf_hash *user, uint64_t now_ms);
/* Until a session of the user may begin; 0: one may now. */
uint64_t cf_work_budget_wait_ms(cf_work_budget *budget, const cf_hash *user, uint64_t now_ms);
/* What the user owes, in points. */
uint64_t cf_work_budget_owed(cf_work_budget *budget, const cf_hash *user, uint64_t now_ms);

#endif
