/* SPDX-License-Identifier: Apache-2.0 */
/* Small worlds in which a device asks for some of the files only. */
#ifndef CF_TESTS_INCLUDED_H
#define CF_TESTS_INCLUDED_H
#include "tests/peer/small/small_checks.h"

/* Of two devices: the first has everything, the second asks for what the pattern says; NULL: for
 * everything, too. */
world *two(uint64_t seed, const char *pattern);

/* As `counterfoil set --include`. */
void device_asks_for(device *self, const char *const *patterns, size_t count);
/* The same, kept only: the process ends before it does anything about it. */
cf_binding *device_will_ask_for(device *self, const char *const *patterns, size_t count);
/* For one pattern; NULL: for everything. */
void include(device *self, const char *pattern);

#endif
