/* SPDX-License-Identifier: Apache-2.0 */
/* Tries what case_whole.h says: lives cases as they are, and what they are said to come to; follows
 * others to what is lived for them. */
#ifndef CF_TESTS_CASE_DOUBT_H
#define CF_TESTS_CASE_DOUBT_H
#include "tests/peer/cases/case_whole.h"

typedef struct {
    test_case now;
    uint64_t parts, publishing, works, contents, followed; /* how many of each were compared */
} doubt_progress;

/* Prints and aborts if `exhaustive --all` does not live what it comes to. */
void case_doubt_covered(const whole_set *sets, size_t count, const test_case *one,
                        doubt_progress *progress);
/* Prints and aborts where what comes out differs. */
void case_doubt(const case_set *set, uint64_t random, doubt_progress *progress);

#endif
