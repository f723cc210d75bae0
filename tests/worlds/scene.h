/* SPDX-License-Identifier: Apache-2.0 */
/* Named scenarios in a world: a few devices, and what a user expects of them. */
#ifndef CF_TESTS_WORLDS_SCENE_H
#define CF_TESTS_WORLDS_SCENE_H
#include "tests/support/expect.h"
#include "tests/worlds/disk_users.h"
#include "tests/worlds/world.h"

/* So many devices, all well, over a network that loses nothing. */
world *a_world(uint64_t seed, int devices);
/* The same with records beside the folders: a bit for each kind (records.h). */
world *a_world_with(uint64_t seed, int devices, unsigned records);
/* Syncs this device alone; whether it says that everything is in sync. */
bool syncs(device *who);
/* The owner shuts it out, who hears nothing any more. */
void shuts_out(device *owner, device *who);
/* Ends with the disk as a power cut leaves it, and is well again. */
void loses_power(device *who);
/* All come to rest and hold the same: this, as disk_dump has it but for its sums. */
void expect_tree(world *w, const char *tree);
/* The same, of records: "KIND KEY FIELD VALUE" each, or "KIND KEY" for a row. */
void expect_records(world *w, const char *expected);
/* The same as this device has now. */
void expect_tree_of(world *w, const device *who);

#endif
