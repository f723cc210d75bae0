/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the world of lists share about disks. */
#ifndef CF_TESTS_WORLD_INSIDE_H
#define CF_TESTS_WORLD_INSIDE_H
#include "tests/peer/model/world.h"

world_file *world_add_file(world_device *device, const world_file *file);
/* As a scan would tell it; borrows the file's name. */
cf_finding world_finding(cf_arena *arena, const world_file *file);
bool world_is_as_in_base(const cf_nodes *base, const cf_finding *found);
/* Name, kind, content, and mode and time as far as they are shown. */
void world_fill_file(const test_world *world, const cf_shown *shown, world_file *file);

#endif
