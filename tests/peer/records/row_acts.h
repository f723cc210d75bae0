/* SPDX-License-Identifier: Apache-2.0 */
/* What users do to their records, at random. */
#ifndef CF_TESTS_ROW_ACTS_H
#define CF_TESTS_ROW_ACTS_H
#include "tests/peer/records/row_world.h"
#include "tests/support/chance.h"

typedef struct {
    row_world *world;
    chance chance;
    uint64_t serial; /* values given */
    bool tracing;
} row_acting;

/* One act on one of the device's sources; what can't be done there is left. */
void row_act(row_acting *acting, row_device *device);

#endif
