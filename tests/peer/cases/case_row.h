/* SPDX-License-Identifier: Apache-2.0 */
/* Cases that begin alike, the first device's work included: that is lived once, on a heap of its
 * own, and put back for each. The same as case_run, several times as fast; one row at a time. */
#ifndef CF_TESTS_CASE_ROW_H
#define CF_TESTS_CASE_ROW_H
#include "tests/peer/cases/cases.h"

typedef struct case_row case_row;

case_row *case_row_new(void);
void case_row_destroy(case_row **self);

/* The next case begins in another way. */
void case_row_next(case_row *self);
/* The row's first case says how they begin: tree, ids, the first's work and how it is published. No
 * case in which the second is first. The steps taken. */
uint64_t case_row_run(case_row *self, const test_case *one);

#endif
