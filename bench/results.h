/* SPDX-License-Identifier: Apache-2.0 */
/* What came out: plain lines on stdout at once, and a JSON document at the end. */
#ifndef CF_BENCH_RESULTS_H
#define CF_BENCH_RESULTS_H
#include "bench/measure.h"
#include "codec/error.h"

typedef struct cf_results cf_results;

/* `strictness`: by so much of each limit it is judged; 1 as a rule. */
cf_results *cf_results_new(double strictness);
void cf_results_destroy(cf_results **results);

/* What follows belongs to this benchmark. */
void cf_results_begin(cf_results *results, const char *name, const char *question);

typedef enum { CF_UNIT_SECONDS, CF_UNIT_BYTES, CF_UNIT_PER_SECOND, CF_UNIT_COUNT } cf_unit;

/* Ours beside a reference, measured in the same run, or alone (`theirs` NULL). */
typedef struct {
    const char *what;
    cf_unit unit;
    const char *ours_name;
    const cf_samples *ours;
    const char *theirs_name;
    const cf_samples *theirs;
} cf_comparison;
void cf_results_compare(cf_results *results, const cf_comparison *comparison);
/* A share that has a limit: both of 1. Of counts, bytes and memory it is the same on any machine;
 * of times a machine that has other things to do may exceed it. */
typedef struct {
    const char *what;
    double share, limit;
    bool is_time;
} cf_limited;
void cf_results_limit(cf_results *results, const cf_limited *limited);
/* Bytes, of memory or of what is sent: the most that was found as a share of what may be, as
 * "a patch, of 12.0 KiB". Nothing was found: nothing is said. */
void cf_results_most(cf_results *results, const char *what, const cf_samples *found, double most);
/* How many shares were over their limits: of times only where these are judged, too. */
size_t cf_results_exceeded(const cf_results *results, bool judges_times);
/* It can't be measured here, and why. */
void cf_results_skip(cf_results *results, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

cf_status cf_results_write(const cf_results *results, const char *path, cf_error *error);

#endif
