/* SPDX-License-Identifier: Apache-2.0 */
/* What a device said last counts; one more than CF_CLOCKS_MAX takes the place of the one not heard
 * for longest. When this machine's clock is set, all differences follow. */
#include "broker/gateway/clocks.h"

#include <stdlib.h>

typedef struct {
    cf_hash key;
    int64_t difference_ms;
} witness;

/* The one that was heard last comes first. */
struct cf_clocks {
    witness witnesses[CF_CLOCKS_MAX];
    size_t count;
};

cf_clocks *cf_clocks_new(void)
{
    return cf_allocate(1, sizeof(cf_clocks));
}

void cf_clocks_destroy(cf_clocks **clocks)
{
    free(*clocks);
    *clocks = NULL;
}

/* Where it stands, or would go: in the place of the one not heard for longest. */
static size_t find(cf_clocks *clocks, const cf_hash *key)
{
    for (size_t i = 0; i < clocks->count; i++)
        if (cf_hash_equal(&clocks->witnesses[i].key, key))
            return i;
    if (clocks->count == CF_CLOCKS_MAX)
        return clocks->count - 1;
    clocks->witnesses[clocks->count] = (witness){.key = *key};
    return clocks->count++;
}

bool cf_clocks_heard(cf_clocks *clocks, const cf_hash *key, int64_t difference_ms)
{
    const size_t at = find(clocks, key);
    witness *first = clocks->witnesses;
    const bool was_known =
        cf_hash_equal(&first[at].key, key) && cf_clock_is_off(first[at].difference_ms);

    for (size_t i = at; i > 0; i--)
        first[i] = first[i - 1];
    *first = (witness){*key, difference_ms};
    return cf_clock_is_off(difference_ms) && !was_known;
}

void cf_clocks_set(cf_clocks *clocks, int64_t later_ms)
{
    for (size_t i = 0; i < clocks->count; i++)
        if (__builtin_sub_overflow(clocks->witnesses[i].difference_ms, later_ms,
                                   &clocks->witnesses[i].difference_ms))
            clocks->witnesses[i].difference_ms = later_ms > 0 ? INT64_MIN : INT64_MAX;
}

static cf_clocks_verdict say_so(const cf_clocks *clocks, bool ahead)
{
    cf_clocks_verdict verdict = {.difference_ms = ahead ? INT64_MAX : INT64_MIN,
                                 .all = clocks->count};

    for (size_t i = 0; i < clocks->count; i++) {
        const int64_t difference = clocks->witnesses[i].difference_ms;

        if (!cf_clock_is_off(difference) || (difference > 0) != ahead)
            continue;
        verdict.count++;
        if (ahead ? difference < verdict.difference_ms : difference > verdict.difference_ms)
            verdict.difference_ms = difference;
    }
    return verdict;
}

cf_clocks_verdict cf_clocks_judge(const cf_clocks *clocks)
{
    for (int ahead = 0; ahead < 2; ahead++) {
        const cf_clocks_verdict verdict = say_so(clocks, ahead);

        if (verdict.count >= 2 && 2 * verdict.count > verdict.all)
            return verdict;
    }
    return (cf_clocks_verdict){.all = clocks->count};
}
