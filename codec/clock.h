/* SPDX-License-Identifier: Apache-2.0 */
/* A hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014): wall time that never
 * goes back and that is later than everything its owner has seen. */
#ifndef CF_CODEC_CLOCK_H
#define CF_CODEC_CLOCK_H
#include <stdint.h>

typedef struct {
    uint64_t ms; /* since 1970-01-01, at most CF_TIME_MS_MAX */
    uint64_t counter;
} cf_time;

int cf_time_compare(cf_time a, cf_time b);
/* The time of a new entry: later than `seen`, at `now_ms` if that is later. Who has seen the latest
 * ms there is writes it again with the counter raised. */
cf_time cf_time_after(cf_time seen, uint64_t now_ms);

#endif
