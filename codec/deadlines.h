/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines: the earlier of two; and many in a heap, of which the next one is known at once, and
 * setting one costs a few steps, however many there are. What has a deadline in a heap embeds a
 * cf_deadline (cf_container_of of bytes.h leads back). UINT64_MAX is never, in all of this. */
#ifndef CF_CODEC_DEADLINES_H
#define CF_CODEC_DEADLINES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint64_t cf_deadline_earlier(uint64_t a_ms, uint64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

/* Moves it to `at_ms`, where that is earlier. */
static inline void cf_deadline_lower(uint64_t *deadline_ms, uint64_t at_ms)
{
    *deadline_ms = cf_deadline_earlier(*deadline_ms, at_ms);
}

/* Who comes so late to a deadline slept or was stopped, and has not seen what came meanwhile: */
enum { CF_DEADLINE_LATE_MS = 1000, CF_DEADLINE_GRACE_MS = 1000 };

/* What was awaited until then did not come. Who looks that late has it moved: what is awaited gets
 * a second more. */
static inline bool cf_deadline_is_over(uint64_t *deadline_ms, uint64_t now_ms)
{
    if (now_ms < *deadline_ms || now_ms - *deadline_ms < CF_DEADLINE_LATE_MS)
        return now_ms >= *deadline_ms;
    *deadline_ms = now_ms + CF_DEADLINE_GRACE_MS;
    return false;
}

typedef struct {
    uint64_t at_ms;
    size_t place; /* in the heap, from 1; 0: it is not set */
} cf_deadline;    /* {0} is not set */

typedef struct {
    cf_deadline **all; /* none is before the one at half its place */
    size_t count, capacity;
} cf_deadlines; /* {0} is empty */

/* Sets it, also anew; UINT64_MAX takes it out. It stays where it lies in memory while it is set. */
void cf_deadlines_set(cf_deadlines *deadlines, cf_deadline *deadline, uint64_t at_ms);
/* When the first one is; UINT64_MAX: none is set. */
uint64_t cf_deadlines_next(const cf_deadlines *deadlines);
/* The first one, if its time has come; it stays set. Else NULL. */
cf_deadline *cf_deadlines_due(const cf_deadlines *deadlines, uint64_t now_ms);
/* Frees the heap, not what is in it. */
void cf_deadlines_release(cf_deadlines *deadlines);

#endif
