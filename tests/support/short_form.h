/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CF_TESTS_SHORT_FORM_H
#define CF_TESTS_SHORT_FORM_H

#include <stdlib.h>

/* Of many alike cases a suite tries one in this many: `longest` where CF_ALL_CASES asks for the
 * long form, as tests/seeded-faults does, else `shorter`. */
static inline unsigned one_in_few(unsigned longest, unsigned shorter)
{
    return getenv("CF_ALL_CASES") ? longest : shorter;
}

/* With sanitizers, which ask about memory alone, the fewest. */
static inline unsigned one_in(unsigned longest, unsigned shorter, unsigned sanitized)
{
    return CF_SANITIZED ? sanitized : one_in_few(longest, shorter);
}

#endif
