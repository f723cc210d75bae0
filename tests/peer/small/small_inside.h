/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a small world share: the world with its broker, its devices, the network. */
#ifndef CF_TESTS_SMALL_INSIDE_H
#define CF_TESTS_SMALL_INSIDE_H
#include "tests/peer/small/small_world.h"
#include "tests/support/must.h"

/* The first device is born with its user, and its broker hears; an owner lets others in. */
void small_device_bear_user(small_device *self);
void small_device_admit(small_device *owner, small_device *self);
void small_device_bind_folder(small_device *self);
/* Makes the directory at `path` a source of its own. */
void small_device_take_folder(small_device *self, const cf_binding_options *options);
void small_device_stop(small_device *self);
void small_device_disconnect(small_device *self);

/* What each lists is the same. */
bool small_world_alike(small_world *self, void (*list)(const small_device *of, cf_buffer *out),
                       cf_buffer *difference);

#endif
