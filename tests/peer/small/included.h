/* SPDX-License-Identifier: Apache-2.0 */
/* Small worlds in which a device asks for some of the files only. */
#ifndef CF_TESTS_INCLUDED_H
#define CF_TESTS_INCLUDED_H
#include "tests/peer/small/small_checks.h"

/* Of two devices: the first has everything, the second asks for what the pattern says; NULL: for
 * everything, too. */
small_world *two(uint64_t seed, const char *pattern);

/* As `counterfoil set --include`. */
void small_device_asks_for(small_device *self, const char *const *patterns, size_t count);
/* The same, kept only: the process ends before it does anything about it. */
cf_binding *small_device_will_ask_for(small_device *self, const char *const *patterns,
                                      size_t count);
/* For one pattern; NULL: for everything. */
void include(small_device *self, const char *pattern);

#endif
