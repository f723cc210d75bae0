/* SPDX-License-Identifier: Apache-2.0 */
/* What a device's view shows, as it was listed once since the device's state changed. */
#ifndef CF_TESTS_MODEL_SHOWN_H
#define CF_TESTS_MODEL_SHOWN_H
#include "tests/peer/model/tree.h"
#include "tests/peer/model/model_world.h"

const test_tree *model_shown_tree(model_device *device);
/* The same for the machine: equal trees give equal bytes. */
cf_bytes model_shown_packed(model_device *device);

/* Each group that is not as it was when this was last asked was named by the view. */
void model_check_changed(const model_world *world, model_device *device);

#endif
