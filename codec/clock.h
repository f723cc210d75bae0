/* SPDX-License-Identifier: Apache-2.0 */
/* A hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014): wall time that never
 * goes back and that is later than everything its owner has seen, unless that is far off. */
#ifndef CF_CODEC_CLOCK_H
#define CF_CODEC_CLOCK_H
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t ms; /* since 1970-01-01, at most CF_TIME_MS_MAX */
    uint64_t counter;
} cf_time;

int cf_time_compare(cf_time a, cf_time b);
/* Whether a time is one to go on from: it is at most a day ahead of a clock that says `now_ms`.
 * Else one clock that is wrong would set all others. */
bool cf_time_counts(cf_time time, uint64_t now_ms);
/* The time of a new entry: later than `seen` as far as that counts, at `now_ms` if that is later.
 * The counter stays at its highest: equal times go by dot. */
cf_time cf_time_after(cf_time seen, uint64_t now_ms);
/* What another's clock says minus what ours does. */
int64_t cf_clock_difference_ms(uint64_t theirs_ms, uint64_t ours_ms);
/* More than a day: one of the two is wrong. */
bool cf_clock_is_off(int64_t difference_ms);
/* "2 days", "26 hours": how much that is, to the nearest one. */
enum { CF_CLOCK_TEXT = 32 };
void cf_clock_write_distance(int64_t difference_ms, char text[CF_CLOCK_TEXT]);
/* As files have it; a later one than files can have is the latest of those. */
int64_t cf_ns_of_ms(uint64_t ms);

#endif
