/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmarks, one question a file. Each measures its reference in the same run, run by run in
 * turn, so that a busy machine is busy for both; what counts is the ratio. */
#ifndef CF_BENCH_BENCH_H
#define CF_BENCH_BENCH_H
#include "bench/results.h"
#include "codec/error.h"

#include <limits.h>
#include <stdbool.h>

enum { CF_BENCH_PATH = PATH_MAX - 256 }; /* leaves room for names below it */

typedef struct {
    bool quick;
    char folder[CF_BENCH_PATH]; /* empty at the start of each benchmark, removed after it */
    char peer[PATH_MAX];        /* counterfoil; "" when not found */
    char broker[PATH_MAX];      /* counterfoild */
    cf_results *results;
} cf_bench;

/* A path below the bench's folder. */
typedef struct {
    char text[PATH_MAX];
} cf_bench_path;
cf_bench_path cf_bench_path_of(const cf_bench *bench, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

cf_status cf_bench_delta(const cf_bench *bench, cf_error *error);
cf_status cf_bench_first_sync(const cf_bench *bench, cf_error *error);
cf_status cf_bench_growth(const cf_bench *bench, cf_error *error);
cf_status cf_bench_joiner(const cf_bench *bench, cf_error *error);
cf_status cf_bench_latency(const cf_bench *bench, cf_error *error);
cf_status cf_bench_log(const cf_bench *bench, cf_error *error);
cf_status cf_bench_saves(const cf_bench *bench, cf_error *error);
cf_status cf_bench_silence(const cf_bench *bench, cf_error *error);
cf_status cf_bench_sqlite(const cf_bench *bench, cf_error *error);
cf_status cf_bench_strangers(const cf_bench *bench, cf_error *error);
cf_status cf_bench_text(const cf_bench *bench, cf_error *error);

#endif
