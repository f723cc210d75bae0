/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/included.h"

#include "tests/support/expect.h"

small_world *two(uint64_t seed, const char *pattern)
{
    small_world *w = small_world_new(seed, 2);

    if (pattern)
        include(&w->devices[1], pattern);
    return w;
}

cf_binding *small_device_will_ask_for(small_device *self, const char *const *patterns, size_t count)
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

void small_device_asks_for(small_device *self, const char *const *patterns, size_t count)
{
    cf_engine_touch_binding(self->engine, small_device_will_ask_for(self, patterns, count));
}

void include(small_device *self, const char *pattern)
{
    small_device_asks_for(self, &pattern, pattern ? 1 : 0);
}
