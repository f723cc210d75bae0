/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/shrink.h"

#include <stdlib.h>
#include <string.h>

/* All but [from, from + size). */
static story without(const story *self, size_t from, size_t size)
{
    story part = *self;

    part.count = self->count - size;
    part.acts = cf_allocate(part.count, sizeof *part.acts);
    if (from)
        memcpy(part.acts, self->acts, from * sizeof *part.acts);
    if (part.count > from)
        memcpy(part.acts + from, self->acts + from + size, (part.count - from) * sizeof *part.acts);
    return part;
}

static bool take_if_it_fails(story *self, story *part, still_fails *fails, void *context)
{
    if (!fails(context, part)) {
        script_release(part);
        return false;
    }
    script_release(self);
    *self = *part;
    return true;
}

static bool leave_out(story *self, size_t size, still_fails *fails, void *context, size_t *tried)
{
    bool shorter = false;

    for (size_t from = 0; from < self->count;) {
        size_t length = size < self->count - from ? size : self->count - from;
        story part = without(self, from, length);

        ++*tried;
        if (take_if_it_fails(self, &part, fails, context))
            shorter = true;
        else
            from += length;
    }
    return shorter;
}

/* A world with less in it. */
static void simplify(story *self, still_fails *fails, void *context, size_t *tried)
{
    story part = without(self, self->count, 0);

    part.plan.loss = part.plan.lag_ms = 0;
    ++*tried;
    take_if_it_fails(self, &part, fails, context);
    for (unsigned bit = 1; bit <= self->plan.records; bit <<= 1) {
        part = without(self, self->count, 0);
        part.plan.records &= ~bit;
        ++*tried;
        take_if_it_fails(self, &part, fails, context);
    }
    while (self->plan.devices > 2) {
        part = without(self, self->count, 0);
        part.plan.devices--;
        ++*tried;
        if (!take_if_it_fails(self, &part, fails, context))
            break;
    }
}

size_t shrink(story *self, still_fails *fails, void *context)
{
    size_t tried = 0;

    simplify(self, fails, context, &tried);
    for (size_t size = (self->count + 1) / 2; size;) {
        bool shorter = leave_out(self, size, fails, context, &tried);

        if (size > 1)
            size = (size + 1) / 2;
        else if (!shorter)
            break;
    }
    return tried;
}
