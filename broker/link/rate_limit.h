/* SPDX-License-Identifier: Apache-2.0 */
/* A rate limit: a token bucket of bytes. Bytes may go while the bucket is above empty, and what
 * goes then may leave a debt: the next ones wait until that is paid. So what can't wait is taken
 * off without asking, and the others make up for it. Plain data without a clock: the caller says
 * what time it is, on a clock that nobody sets. */
#ifndef CF_BROKER_LINK_RATE_LIMIT_H
#define CF_BROKER_LINK_RATE_LIMIT_H
#include <stdbool.h>
#include <stdint.h>

#define CF_RATE_MIN UINT64_C(1024) /* bytes in a second */
#define CF_RATE_MAX (UINT64_C(1) << 40)

typedef struct {
    uint64_t rate;   /* bytes in a second; 0: no limit */
    int64_t level;   /* thousandths of bytes; below 0: a debt */
    uint64_t now_ms; /* as last told; 0: never */
} cf_rate_limit;

/* From CF_RATE_MIN to CF_RATE_MAX, or 0. The bucket holds a second's worth, which it
 * begins with; a debt stays, at most
 * a second's worth of the new rate. */
void cf_rate_limit_set(cf_rate_limit *limit, uint64_t rate);
/* Whether bytes may go now. */
bool cf_rate_limit_allows(cf_rate_limit *limit, uint64_t now_ms);
/* They went, or came. */
void cf_rate_limit_take(cf_rate_limit *limit, uint64_t bytes);
/* When to ask again, after it did not allow any. */
uint64_t cf_rate_limit_due(const cf_rate_limit *limit);
/* What half a second allows, from 4 KiB to `most`. */
uint64_t cf_rate_limit_step(const cf_rate_limit *limit, uint64_t most);

#endif
