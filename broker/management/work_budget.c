/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a user is heard: no more is owed than CF_WORK_BUDGET_S seconds pay back; a new session
 * may begin where it is no more than CF_WORK_BUDGET_BEGIN_S seconds do. A debt is paid back by the
 * time that passed when somebody asks for it, and who owes nothing is forgotten. */
#include "broker/management/work_budget.h"

#include <stdlib.h>
#include <string.h>

#include "codec/bytes.h"

enum { SECOND_MS = 1000, KEPT_MIN = 1024 };

typedef struct {
    cf_hash user;
    uint64_t debt; /* thousandths of a point; at `since_ms` */
    uint64_t since_ms;
} debtor;

struct cf_work_budget {
    uint64_t points_per_second;
    debtor *debtors; /* ascending by user */
    size_t count, capacity;
    size_t forget_at; /* so many: those that owe nothing any more are forgotten */
};

cf_work_budget *cf_work_budget_new(uint64_t points_per_second)
{
    cf_work_budget *made = cf_allocate(1, sizeof *made);

    made->points_per_second = points_per_second;
    made->forget_at = KEPT_MIN;
    return made;
}

void cf_work_budget_set(cf_work_budget *budget, uint64_t points_per_second)
{
    budget->points_per_second = points_per_second;
}

void cf_work_budget_destroy(cf_work_budget **budget)
{
    if (!*budget)
        return;
    free((*budget)->debtors);
    free(*budget);
    *budget = NULL;
}

static uint64_t most(const cf_work_budget *budget, uint64_t seconds)
{
    return budget->points_per_second * seconds * SECOND_MS;
}

static void pay_back(const cf_work_budget *budget, debtor *it, uint64_t now_ms)
{
    uint64_t passed = now_ms > it->since_ms ? now_ms - it->since_ms : 0;
    /* thousandths in a thousandth of a second */
    bool all = budget->points_per_second && passed > it->debt / budget->points_per_second;

    it->debt -= all ? it->debt : passed * budget->points_per_second;
    it->since_ms = now_ms;
}

static size_t place_of(const cf_work_budget *budget, const cf_hash *user)
{
    size_t low = 0, high = budget->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_hash_compare(&budget->debtors[middle].user, user) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static debtor *find(cf_work_budget *budget, const cf_hash *user, uint64_t now_ms)
{
    size_t at = place_of(budget, user);

    if (at == budget->count || !cf_hash_equal(&budget->debtors[at].user, user))
        return NULL;
    pay_back(budget, &budget->debtors[at], now_ms);
    return &budget->debtors[at];
}

static void forget_paid(cf_work_budget *budget, uint64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < budget->count; i++) {
        pay_back(budget, &budget->debtors[i], now_ms);
        if (budget->debtors[i].debt)
            budget->debtors[kept++] = budget->debtors[i];
    }
    budget->count = kept;
    budget->forget_at = kept < KEPT_MIN / 2 ? KEPT_MIN : 2 * kept;
}

static debtor *add(cf_work_budget *budget, const cf_hash *user, uint64_t now_ms)
{
    if (budget->count >= budget->forget_at)
        forget_paid(budget, now_ms);
    size_t at = place_of(budget, user);
    debtor *made = cf_one_more_at(budget->debtors, budget->count, budget->capacity, at);

    *made = (debtor){.user = *user, .since_ms = now_ms};
    return made;
}

void cf_work_budget_charge(cf_work_budget *budget, const cf_hash *user, int64_t points,
                           uint64_t now_ms)
{
    uint64_t amount = (uint64_t)(points < 0 ? -points : points) * SECOND_MS;

    if (!budget->points_per_second)
        return;
    debtor *it = find(budget, user, now_ms);
    if (points < 0 && it)
        it->debt -= it->debt < amount ? it->debt : amount;
    else if (points > 0)
        (it ? it : add(budget, user, now_ms))->debt += amount;
}

bool cf_work_budget_is_over(cf_work_budget *budget, const cf_hash *user, uint64_t now_ms)
{
    const debtor *it = budget->points_per_second ? find(budget, user, now_ms) : NULL;

    return it && it->debt > most(budget, CF_WORK_BUDGET_S);
}

uint64_t cf_work_budget_wait_ms(cf_work_budget *budget, const cf_hash *user, uint64_t now_ms)
{
    uint64_t rate = budget->points_per_second, may_owe = most(budget, CF_WORK_BUDGET_BEGIN_S);
    const debtor *it = rate ? find(budget, user, now_ms) : NULL;

    return it && it->debt > may_owe ? (it->debt - may_owe + rate - 1) / rate : 0;
}

uint64_t cf_work_budget_owed(cf_work_budget *budget, const cf_hash *user, uint64_t now_ms)
{
    const debtor *it = find(budget, user, now_ms);

    return it ? it->debt / SECOND_MS : 0;
}
