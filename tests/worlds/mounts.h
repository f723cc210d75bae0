/* SPDX-License-Identifier: Apache-2.0 */
/* A device's folder lies on a disk that goes away and is mounted anew: a card, a stick, a share.
 * Meanwhile nothing is there, or an empty folder, or another card; of that nothing may be taken,
 * and nothing may be put there. */
#ifndef CF_TESTS_WORLDS_MOUNTS_H
#define CF_TESTS_WORLDS_MOUNTS_H
#include "tests/worlds/world.h"

/* False: it lies on no disk of its own, or that is out. Where it is PULLED what was not synced is
 * as after a power cut. */
bool mounts_take_out(device *self, chance *from, bool is_pulled);
/* Nothing is done when it is in. */
void mounts_put_in(device *self);
/* Both at once, as between two looks. */
void mounts_anew(device *self);

#endif
