/* SPDX-License-Identifier: Apache-2.0 */
/* Databases as real programs have them, to measure with. */
#ifndef CF_BENCH_DATABASE_H
#define CF_BENCH_DATABASE_H
#include "codec/error.h"

#include <stdbool.h>

enum { CF_BENCH_SCHEMAS = 3, CF_BENCH_TABLES = 2, CF_BENCH_CHANGED = 100 };

typedef struct {
    const char *name;
    const char *tables[CF_BENCH_TABLES]; /* those with rows; NULL: no more */
    const char *make;                    /* with :rows rows in all */
    const char *change;                  /* CF_BENCH_CHANGED of them, others for another :run */
} cf_bench_schema;
extern const cf_bench_schema cf_bench_schemas[CF_BENCH_SCHEMAS];

cf_status cf_bench_database_make(const cf_bench_schema *schema, const char *path, int rows,
                                 cf_error *error);
cf_status cf_bench_database_change(const cf_bench_schema *schema, const char *path, int rows,
                                   int run, cf_error *error);

#endif
