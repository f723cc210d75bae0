/* SPDX-License-Identifier: Apache-2.0 */
/* What a user has in the way of what he asks for. */
#ifndef CF_TESTS_WORLDS_HELD_UP_H
#define CF_TESTS_WORLDS_HELD_UP_H
#include "tests/worlds/world.h"

/* After a round, before its process ends: something here that it doesn't ask for stands in the way
 * of all that it waits for, and nothing else keeps it from being in sync. */
bool is_held_up_by_its_user(device *self);

#endif
