/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the model world share about disks. */
#ifndef CF_TESTS_MODEL_WORLD_INSIDE_H
#define CF_TESTS_MODEL_WORLD_INSIDE_H
#include "tests/peer/model/model_world.h"

model_file *model_add_file(model_device *device, const model_file *file);
/* As a scan would tell it; borrows the file's name. */
cf_finding model_finding(cf_arena *arena, const model_file *file);
bool model_is_as_in_base(const cf_nodes *base, const cf_finding *found);
/* Name, kind, content, and mode and time as far as they are shown. */
void model_fill_file(const model_world *world, const cf_shown *shown, model_file *file);

#endif
