/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of repeated runs: what lies in the middle, and how far they are apart. */
#ifndef CF_BENCH_MEASURE_H
#define CF_BENCH_MEASURE_H
#include <stddef.h>

typedef struct {
    double *values;
    size_t count, capacity;
} cf_samples; /* {0} is empty */

void cf_samples_add(cf_samples *samples, double value);
void cf_samples_release(cf_samples *samples);
/* Of at least one sample. `share` is 0 (the least) to 1 (the most); between two samples it is the
 * higher one. */
double cf_samples_quantile(const cf_samples *samples, double share);
double cf_samples_median(const cf_samples *samples);

/* Seconds of a clock that only goes forward. */
double cf_measure_now(void);
void cf_measure_wait(double seconds);

#endif
