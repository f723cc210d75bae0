/* SPDX-License-Identifier: Apache-2.0 */
/* What users do to their records, at random. */
#ifndef CF_TESTS_ROW_ACTS_H
#define CF_TESTS_ROW_ACTS_H
#include "tests/peer/records/row_world.h"

typedef struct {
    row_world *world;
    uint64_t random, serial; /* numbers drawn; values given */
    bool tracing;
} row_acting;

uint64_t row_random(row_acting *acting, uint64_t below);
/* One act on one of the device's sources; what can't be done there is left. */
void row_act(row_acting *acting, row_device *device);

#endif
