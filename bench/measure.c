/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/bytes.h"

void cf_samples_add(cf_samples *samples, double value)
{
    *cf_one_more(samples->values, samples->count, samples->capacity) = value;
}

void cf_samples_release(cf_samples *samples)
{
    free(samples->values);
    *samples = (cf_samples){0};
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

double cf_samples_quantile(const cf_samples *samples, double share)
{
    double *sorted = cf_allocate(samples->count, sizeof *sorted);

    memcpy(sorted, samples->values, samples->count * sizeof *sorted);
    qsort(sorted, samples->count, sizeof *sorted, ascending);
    double found = sorted[(size_t)ceil(share * (double)(samples->count - 1))];
    free(sorted);
    return found;
}

double cf_samples_median(const cf_samples *samples)
{
    return cf_samples_quantile(samples, 0.5);
}

double cf_measure_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void cf_measure_wait(double seconds)
{
    struct timespec rest = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - floor(seconds)) * 1e9)};

    while (nanosleep(&rest, &rest)) {
    }
}
