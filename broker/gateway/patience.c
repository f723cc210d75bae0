/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway/patience.h"

#include <stdlib.h>
#include <string.h>

#include "codec/bytes.h"

enum { SECOND_MS = 1000, KEPT_MIN = 1024 };

typedef struct {
    cf_hash user;
    uint64_t debt; /* thousandths of a point; at `since_ms` */
    uint64_t since_ms;
} debtor;

struct cf_patience {
    uint64_t points_per_second;
    debtor *debtors; /* ascending by user */
    size_t count, capacity;
    size_t forget_at; /* so many: those that owe nothing any more are forgotten */
};

cf_patience *cf_patience_new(uint64_t points_per_second)
{
    cf_patience *made = cf_allocate(1, sizeof *made);

    made->points_per_second = points_per_second;
    made->forget_at = KEPT_MIN;
    return made;
}

void cf_patience_set(cf_patience *patience, uint64_t points_per_second)
{
    patience->points_per_second = points_per_second;
}

void cf_patience_destroy(cf_patience **patience)
{
    if (!*patience)
        return;
    free((*patience)->debtors);
    free(*patience);
    *patience = NULL;
}

static uint64_t most(const cf_patience *patience, uint64_t seconds)
{
    return patience->points_per_second * seconds * SECOND_MS;
}

static void pay_back(const cf_patience *patience, debtor *it, uint64_t now_ms)
{
    uint64_t passed = now_ms > it->since_ms ? now_ms - it->since_ms : 0;
    /* thousandths in a thousandth of a second */
    bool all = patience->points_per_second && passed > it->debt / patience->points_per_second;

    it->debt -= all ? it->debt : passed * patience->points_per_second;
    it->since_ms = now_ms;
}

static size_t place_of(const cf_patience *patience, const cf_hash *user)
{
    size_t low = 0, high = patience->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_hash_compare(&patience->debtors[middle].user, user) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static debtor *find(cf_patience *patience, const cf_hash *user, uint64_t now_ms)
{
    size_t at = place_of(patience, user);

    if (at == patience->count || !cf_hash_equal(&patience->debtors[at].user, user))
        return NULL;
    pay_back(patience, &patience->debtors[at], now_ms);
    return &patience->debtors[at];
}

static void forget_paid(cf_patience *patience, uint64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < patience->count; i++) {
        pay_back(patience, &patience->debtors[i], now_ms);
        if (patience->debtors[i].debt)
            patience->debtors[kept++] = patience->debtors[i];
    }
    patience->count = kept;
    patience->forget_at = kept < KEPT_MIN / 2 ? KEPT_MIN : 2 * kept;
}

static debtor *add(cf_patience *patience, const cf_hash *user, uint64_t now_ms)
{
    if (patience->count >= patience->forget_at)
        forget_paid(patience, now_ms);
    size_t at = place_of(patience, user);

    patience->debtors = cf_grow(patience->debtors, &patience->capacity, patience->count + 1,
                                sizeof *patience->debtors);
    memmove(patience->debtors + at + 1, patience->debtors + at,
            (patience->count - at) * sizeof *patience->debtors);
    patience->debtors[at] = (debtor){.user = *user, .since_ms = now_ms};
    patience->count++;
    return &patience->debtors[at];
}

void cf_patience_charge(cf_patience *patience, const cf_hash *user, int64_t points, uint64_t now_ms)
{
    uint64_t amount = (uint64_t)(points < 0 ? -points : points) * SECOND_MS;

    if (!patience->points_per_second)
        return;
    debtor *it = find(patience, user, now_ms);
    if (points < 0 && it)
        it->debt -= it->debt < amount ? it->debt : amount;
    else if (points > 0)
        (it ? it : add(patience, user, now_ms))->debt += amount;
}

bool cf_patience_is_over(cf_patience *patience, const cf_hash *user, uint64_t now_ms)
{
    const debtor *it = patience->points_per_second ? find(patience, user, now_ms) : NULL;

    return it && it->debt > most(patience, CF_PATIENCE_S);
}

uint64_t cf_patience_wait_ms(cf_patience *patience, const cf_hash *user, uint64_t now_ms)
{
    uint64_t rate = patience->points_per_second, may_owe = most(patience, CF_PATIENCE_BEGIN_S);
    const debtor *it = rate ? find(patience, user, now_ms) : NULL;

    return it && it->debt > may_owe ? (it->debt - may_owe + rate - 1) / rate : 0;
}

uint64_t cf_patience_owed(cf_patience *patience, const cf_hash *user, uint64_t now_ms)
{
    const debtor *it = find(patience, user, now_ms);

    return it ? it->debt / SECOND_MS : 0;
}
