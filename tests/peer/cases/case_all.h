/* SPDX-License-Identifier: Apache-2.0 */
/* All whole cases (case_whole.h), or a part of them, row by row. */
#ifndef CF_TESTS_CASE_ALL_H
#define CF_TESTS_CASE_ALL_H
#include "tests/peer/cases/cases.h"

typedef struct {
    uint64_t part, parts; /* from 0 on */
    const char *kept;     /* a file that says how far it is, to go on there; NULL: none */
} all_options;

/* In memory that survives it. */
typedef struct {
    test_case now;
    uint64_t rows; /* behind it; those of other parts too */
    uint64_t asked, lived, steps;
    double seconds;
} all_progress;

/* Aborts at the first that goes wrong, which is progress->now. */
void cases_live_all(const all_options *options, all_progress *progress);

#endif
