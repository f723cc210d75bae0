/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/delta_trim.h"

#include "codec/vcdiff.h"

#include <stdlib.h>
#include <string.h>

#define READ_SIZE (CF_DELTA_TRIM_MEMORY / 2)
#define BLOCK_SIZE ((size_t)4096)
/* A shorter equal run between changes costs more as a window of its own than xdelta3 needs to see
 * that it is equal. */
#define EQUAL_MIN ((uint64_t)256 << 10)
#define NOTHING UINT64_MAX

typedef struct {
    const cf_reader_at *source;
    const cf_reader_at *target;
    cf_delta_take_span *take;
    void *context;
    uint8_t *of_source;
    uint8_t *of_target;
    uint64_t suffix;  /* equal bytes at both ends */
    uint64_t changed; /* where a changed span began that is not given yet, or NOTHING */
    uint64_t equal;   /* where the present equal run began; all before it is given or changed */
} trim;

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static cf_status give_equal(const trim *self, uint64_t target_offset, uint64_t source_offset,
                            uint64_t size, cf_error *error)
{
    cf_status status = CF_OK;

    while (size && !status) {
        uint64_t piece = least(size, CF_VCDIFF_WINDOW);
        cf_delta_span span = {true, target_offset, piece, source_offset, piece};

        status = self->take(self->context, &span, error);
        target_offset += piece;
        source_offset += piece;
        size -= piece;
    }
    return status;
}

/* `source_end` is where the source goes on with what follows the span. */
static cf_status give_changed(trim *self, uint64_t end, uint64_t source_end, cf_error *error)
{
    uint64_t begin = self->changed, source_begin = least(begin, source_end);
    cf_delta_span span = {false, begin, end - begin, source_begin, source_end - source_begin};

    self->changed = NOTHING;
    return self->take(self->context, &span, error);
}

/* Moves what is equal up to `end` out of the way: given when it is long, else part of a change. */
static cf_status end_equal_run(trim *self, uint64_t end, cf_error *error)
{
    cf_status status = CF_OK;

    if (self->changed == NOTHING) {
        self->changed = self->equal;
        if (end - self->equal >= EQUAL_MIN) {
            status = give_equal(self, self->equal, self->equal, end - self->equal, error);
            self->changed = end;
        }
    }
    return status;
}

static cf_status extend_equal_run(trim *self, uint64_t end, cf_error *error)
{
    cf_status status = CF_OK;

    if (self->changed != NOTHING && end - self->equal >= EQUAL_MIN)
        status = give_changed(self, self->equal, self->equal, error);
    if (!status && self->changed == NOTHING && end - self->equal >= CF_VCDIFF_WINDOW) {
        status = give_equal(self, self->equal, self->equal, CF_VCDIFF_WINDOW, error);
        self->equal += CF_VCDIFF_WINDOW;
    }
    return status;
}

static cf_status compare_blocks(trim *self, uint64_t offset, size_t size, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t at = 0; at < size && !status;) {
        size_t block = size - at < BLOCK_SIZE ? size - at : BLOCK_SIZE;
        uint64_t end = offset + at + block;

        if (memcmp(self->of_source + at, self->of_target + at, block) == 0) {
            status = extend_equal_run(self, end, error);
        } else {
            status = end_equal_run(self, offset + at, error);
            self->equal = end;
        }
        at += block;
    }
    return status;
}

static cf_status read_both(const trim *self, uint64_t source_offset, uint64_t target_offset,
                           size_t size, cf_error *error)
{
    cf_status status = cf_reader_at_read(self->source, source_offset, self->of_source, size, error);

    if (status)
        return status;
    return cf_reader_at_read(self->target, target_offset, self->of_target, size, error);
}

/* Of two sizes only: at equal sizes the walk from the front finds the same and reads once. */
static cf_status measure_suffix(trim *self, cf_error *error)
{
    uint64_t source_size = self->source->size, target_size = self->target->size;
    uint64_t shared = least(source_size, target_size), equal = 0;

    while (source_size != target_size && equal < shared) {
        size_t size = (size_t)least(shared - equal, READ_SIZE), same = 0;
        cf_status status =
            read_both(self, source_size - equal - size, target_size - equal - size, size, error);
        if (status)
            return status;
        while (same < size && self->of_source[size - 1 - same] == self->of_target[size - 1 - same])
            same++;
        equal += same;
        if (same < size)
            break;
    }
    self->suffix = equal >= EQUAL_MIN ? equal : 0;
    return CF_OK;
}

/* Walks both from the front up to the suffix. */
static cf_status walk(trim *self, cf_error *error)
{
    uint64_t source_end = self->source->size - self->suffix;
    uint64_t target_end = self->target->size - self->suffix;
    uint64_t shared = least(source_end, target_end);
    cf_status status = CF_OK;

    for (uint64_t offset = 0; offset < shared && !status;) {
        size_t size = (size_t)least(shared - offset, READ_SIZE);

        status = read_both(self, offset, offset, size, error);
        if (!status)
            status = compare_blocks(self, offset, size, error);
        offset += size;
    }
    if (!status && target_end > shared)
        status = end_equal_run(self, shared, error);
    if (status)
        return status;
    if (self->changed != NOTHING)
        return give_changed(self, target_end, source_end, error);
    return give_equal(self, self->equal, self->equal, target_end - self->equal, error);
}

cf_status cf_delta_trim(const cf_reader_at *source, const cf_reader_at *target,
                        cf_delta_take_span *take, void *context, cf_error *error)
{
    size_t at_once = (size_t)least(least(source->size, target->size), READ_SIZE);
    trim self = {
        .source = source,
        .target = target,
        .take = take,
        .context = context,
        .of_source = cf_allocate(at_once, 1),
        .of_target = cf_allocate(at_once, 1),
        .changed = NOTHING,
    };

    cf_status status = measure_suffix(&self, error);
    if (!status)
        status = walk(&self, error);
    if (!status)
        status = give_equal(&self, target->size - self.suffix, source->size - self.suffix,
                            self.suffix, error);
    free(self.of_source);
    free(self.of_target);
    return status;
}
