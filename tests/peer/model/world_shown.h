/* SPDX-License-Identifier: Apache-2.0 */
/* What a device's view shows, as it was listed once since the device's state changed. */
#ifndef CF_TESTS_WORLD_SHOWN_H
#define CF_TESTS_WORLD_SHOWN_H
#include "tests/peer/model/tree.h"
#include "tests/peer/model/world.h"

const test_tree *world_shown_tree(world_device *device);
/* The same for the machine: equal trees give equal bytes. */
cf_bytes world_shown_packed(world_device *device);

/* Each group that is not as it was when this was last asked was named by the view. */
void world_check_changed(const test_world *world, world_device *device);

#endif
