/* SPDX-License-Identifier: Apache-2.0 */
/* Delta debugging (Zeller 1999): the shortest part of a script in which the same property is still
 * violated, as far as leaving out stretches and single acts finds it. */
#ifndef CF_TESTS_WORLDS_SHRINK_H
#define CF_TESTS_WORLDS_SHRINK_H
#include "tests/worlds/script.h"

typedef bool still_fails(void *context, const story *part);

/* `self` fails; it becomes the part. Returns how many were tried. */
size_t shrink(story *self, still_fails *fails, void *context);

#endif
