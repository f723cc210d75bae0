/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a small world share: the world with its broker, its devices, the network. */
#ifndef CF_TESTS_SMALL_INSIDE_H
#define CF_TESTS_SMALL_INSIDE_H
#include "tests/peer/small/small_world.h"

/* What can't fail in a world ends it. */
void world_must(cf_status status, const cf_error *error, const char *what);
/* Random bytes, of the seed. */
void world_fill(void *world, void *out, size_t size);

/* The first device is born with its user, and its broker hears; an owner lets others in. */
void device_bear_user(device *self);
void device_admit(device *owner, device *self);
void device_bind_folder(device *self);
/* Makes the directory at `path` a source of its own. */
void device_take_folder(device *self, const cf_binding_options *options);
void device_stop(device *self);
void device_disconnect(device *self);

#endif
