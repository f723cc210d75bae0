/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_SHORT_FORM_H
#define TESTS_SUPPORT_SHORT_FORM_H

#include <stdlib.h>

/* Of many alike cases a suite tries one in this many: all where CF_ALL_CASES asks for the long
 * form, as tests/seeded-faults does; with sanitizers, which ask about memory alone, the fewest. */
static inline unsigned one_in(unsigned all, unsigned shorter, unsigned sanitized)
{
    if (CF_SANITIZED)
        return sanitized;
    return getenv("CF_ALL_CASES") ? all : shorter;
}

#endif
