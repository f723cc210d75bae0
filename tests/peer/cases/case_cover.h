/* SPDX-License-Identifier: Apache-2.0 */
/* Follows a case to the whole cases that are lived for it. */
#ifndef CF_TESTS_CASE_COVER_H
#define CF_TESTS_CASE_COVER_H
#include "tests/peer/cases/case_whole.h"

/* Each of them is among those that `exhaustive --all` lives; false: not, and `lost` is it. */
bool case_is_covered(const whole_set *sets, size_t count, const test_case *one, test_case *lost);

#endif
