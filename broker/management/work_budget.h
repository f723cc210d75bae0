/* SPDX-License-Identifier: Apache-2.0 */
/* How much work for nothing a gateway bears of each user: looking for blobs that are not brought
 * then, bytes that mean nothing, signatures that are wrong, sessions begun over and over. A point
 * is about a microsecond of the gateway. So many are paid back in a second, and as many as in about
 * a minute may be owed; beyond that the user isn't listened to, and is told for how long. What
 * succeeds costs nothing, and to come and find nothing to do costs less than a tenth of what a
 * second pays back, so that no honest use comes near. Decides; the gateway refuses. */
#ifndef CF_BROKER_MANAGEMENT_WORK_BUDGET_H
#define CF_BROKER_MANAGEMENT_WORK_BUDGET_H
#include "codec/ids.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CF_WORK_BUDGET_S = 68, /* so many seconds' points may be owed */
    CF_WORK_BUDGET_BEGIN_S =
        51, /* and so many where a session begins, so that it comes to an end */
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
