/* SPDX-License-Identifier: Apache-2.0 */
/* What a small world must come to, and what must lie in its folders. */
#ifndef CF_TESTS_SMALL_CHECKS_H
#define CF_TESTS_SMALL_CHECKS_H
#include "tests/peer/small/small_folder.h"

/* It comes to rest; and then the folders hold the same. */
void settle(small_world *self);
void settles_equal(small_world *self);
/* The same of what the comparison says, at this point of a test. */
typedef bool small_world_comparison(small_world *self, cf_buffer *difference);
void settles_equal_by(small_world_comparison *are_equal, small_world *self, const char *when,
                      unsigned long at);

/* 0: nothing is there. */
unsigned mode_of(const small_device *self, const char *path);
bool is_there(const small_device *self, const char *path);
bool has_path(const small_device *self, const char *path); /* something that can be read */
bool holds_bytes(const small_device *self, const char *path, cf_bytes bytes);
bool holds(const small_device *self, const char *path, const char *text);
void expect_text(const small_device *self, const char *path, const char *text);
/* How often the text is in what lies there, or in its names. */
size_t count_texts(const small_device *self, const char *text);
/* All is in sync, as `status` would say. */
void expect_nothing_pending(small_device *self);

/* It has the lock of the folder's collection, for an hour. */
cf_id small_device_lock(small_device *self, bool shared);

#endif
