/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/included.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <sys/stat.h>

world *two(uint64_t seed, const char *pattern)
{
    world *w = world_new(seed, 2);

    if (pattern)
        include(&w->devices[1], pattern);
    return w;
}

/* ---- What is asked for ---- */

cf_binding *device_will_ask_for(device *self, const char *const *patterns, size_t count)
{
    cf_binding *binding = cf_engine_binding_at(self->engine, 0), *trial;
    cf_binding_options options = {.number = 1,
                                  .collection = self->in->collection,
                                  .path = self->folder,
                                  .include = patterns,
                                  .include_count = count};
    cf_error error;

    expect_ok(cf_binding_new(&options, &trial, &error), error);
    expect_ok(cf_binding_change(cf_engine_peer(self->engine), binding, trial, &error), error);
    cf_binding_destroy(&trial, self->in->env.files);
    return binding;
}

void device_asks_for(device *self, const char *const *patterns, size_t count)
{
    cf_engine_touch_binding(self->engine, device_will_ask_for(self, patterns, count));
}

void include(device *self, const char *pattern)
{
    device_asks_for(self, &pattern, pattern ? 1 : 0);
}

/* ---- What is there ---- */

void settle(world *w)
{
    cr_assert(world_settle(w), "the world does not come to rest");
}

unsigned mode_of(const device *self, const char *path)
{
    struct stat stat;
    char whole[400];

    snprintf(whole, sizeof whole, "%s/%s", self->folder, path);
    return lstat(whole, &stat) ? 0 : stat.st_mode & 0777;
}

bool is_there(const device *self, const char *path)
{
    return mode_of(self, path) != 0;
}

void expect_text(const device *self, const char *path, const char *text)
{
    cf_buffer bytes = {0};

    cr_assert(user_reads(self, path, &bytes), "%s is not there", path);
    cr_expect(cf_bytes_equal(cf_buffer_view(&bytes), cf_bytes_of_text(text)), "%s: %.*s", path,
              (int)bytes.size, (const char *)bytes.data);
    cf_buffer_release(&bytes);
}

size_t count_texts(const device *self, const char *text)
{
    cf_buffer tree = {0};
    size_t count = 0;

    device_tree(self, &tree);
    cf_buffer_append(&tree, "", 1);
    for (const char *at = (const char *)tree.data; (at = strstr(at, text)); at++)
        count++;
    cf_buffer_release(&tree);
    return count;
}

void expect_nothing_pending(device *self)
{
    cf_arena arena = {0};
    cf_binding_status status;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, 0), &arena, &status);
    for (size_t i = 0; i < status.pending_count; i++)
        cr_expect(false, "%.*s: %s", (int)status.pending[i].path.size,
                  (const char *)status.pending[i].path.data, status.pending[i].reason);
    cf_arena_release(&arena);
}
