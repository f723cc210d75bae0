/* SPDX-License-Identifier: Apache-2.0 */
/* No change in the log that nobody made. Whatever a device publishes between two moments at which
 * it says that everything is in sync has a cause: its user did something, or something happened to
 * its disk, or others' changes of that collection came before. That its disk was mounted anew, that
 * its process ended, that the time went by is none. */
#ifndef CF_TESTS_WORLDS_CAUSES_H
#define CF_TESTS_WORLDS_CAUSES_H
#include "tests/worlds/world.h"

/* Whatever it published before is no question any more. */
void causes_excuse(device *self);
/* All may tell again what a broker lacks. */
void causes_excuse_all(world *self);
/* It says that everything is in sync: what it published since it said so last is looked through. */
void causes_look(device *self);

#endif
