/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <sys/stat.h>

void settle(small_world *self)
{
    cr_assert(small_world_settle(self), "the world does not come to rest");
}

void settles_equal(small_world *self)
{
    settles_equal_by(small_world_equal, self, "in the end", 0);
}

void settles_equal_by(small_world_comparison *are_equal, small_world *self, const char *when,
                      unsigned long at)
{
    cf_buffer difference = {0};

    cr_assert(small_world_settle(self), "%s %lu: the world does not come to rest", when, at);
    cr_assert(are_equal(self, &difference), "%s %lu: %.*s", when, at, (int)difference.size,
              (const char *)difference.data);
    cf_buffer_release(&difference);
}

unsigned mode_of(const small_device *self, const char *path)
{
    struct stat stat;
    char whole[400];

    snprintf(whole, sizeof whole, "%s/%s", self->folder, path);
    return lstat(whole, &stat) ? 0 : stat.st_mode & 0777;
}

bool has_path(const small_device *self, const char *path)
{
    char token[64];

    return small_device_token(self, path, token);
}

bool is_there(const small_device *self, const char *path)
{
    return mode_of(self, path) != 0;
}

bool holds_bytes(const small_device *self, const char *path, cf_bytes bytes)
{
    cf_buffer found = {0};
    bool equal = user_reads(self, path, &found) && cf_bytes_equal(cf_buffer_view(&found), bytes);

    cf_buffer_release(&found);
    return equal;
}

bool holds(const small_device *self, const char *path, const char *text)
{
    return holds_bytes(self, path, cf_bytes_of_text(text));
}

void expect_text(const small_device *self, const char *path, const char *text)
{
    cf_buffer bytes = {0};

    cr_assert(user_reads(self, path, &bytes), "%s is not there", path);
    cr_expect(cf_bytes_equal(cf_buffer_view(&bytes), cf_bytes_of_text(text)), "%s: %.*s", path,
              (int)bytes.size, (const char *)bytes.data);
    cf_buffer_release(&bytes);
}

size_t count_texts(const small_device *self, const char *text)
{
    cf_buffer tree = {0};
    size_t count = 0;

    small_device_tree(self, &tree);
    cf_buffer_append(&tree, "", 1);
    for (const char *at = (const char *)tree.data; (at = strstr(at, text)); at++)
        count++;
    cf_buffer_release(&tree);
    return count;
}

void expect_nothing_pending(small_device *self)
{
    cf_arena arena = {0};
    cf_binding_status status;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, 0), &arena, &status);
    for (size_t i = 0; i < status.pending_count; i++)
        cr_expect(false, "%.*s: %s", (int)status.pending[i].path.size,
                  (const char *)status.pending[i].path.data, status.pending[i].reason);
    cf_arena_release(&arena);
}

cf_id small_device_lock(small_device *self, bool shared)
{
    cf_lock_wish wish = {.collection = self->in->collection, .for_ms = 3600000, .shared = shared};
    cf_locks *locks = cf_engine_locks(self->engine);
    cf_error error;
    cf_id request;

    expect_ok(cf_locks_ask(locks, &wish, &request, &error), error);
    cr_assert(small_device_sync(self));
    cr_assert_eq(cf_locks_find(locks, &request)->state, CF_LOCK_HELD);
    return request;
}
