/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/delta_run.h"

#include "codec/xdelta3_lzma.h"

#include <errno.h>
#include <stdlib.h>

#define NO_BLOCK UINT64_MAX

/* Stands before what is given out. */
typedef union {
    size_t size;
    max_align_t alignment;
} tag;

void *cf_delta_memory_take(cf_delta_memory *memory, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total) || total > memory->max - memory->used) {
        memory->is_spent = true;
        return NULL;
    }
    tag *taken = malloc(sizeof *taken + total);
    if (!taken)
        return NULL;
    taken->size = total;
    memory->used += total;
    if (memory->used > memory->peak)
        memory->peak = memory->used;
    return taken + 1;
}

void cf_delta_memory_give(cf_delta_memory *memory, void *taken)
{
    if (!taken)
        return;
    tag *before = (tag *)taken - 1;
    memory->used -= before->size;
    free(before);
}

static void *take(void *opaque, size_t count, usize_t size)
{
    return cf_delta_memory_take(((cf_delta_run *)opaque)->memory, count, size);
}

static void give(void *opaque, void *taken)
{
    cf_delta_memory_give(((cf_delta_run *)opaque)->memory, taken);
}

static void *take_for_lzma(void *opaque, size_t count, size_t size)
{
    return cf_delta_memory_take(opaque, count, size);
}

static void give_for_lzma(void *opaque, void *taken)
{
    cf_delta_memory_give(opaque, taken);
}

/* xdelta3 asks for block `number` of what it sees. Each has one place in the cache; blocks of one
 * contiguous window as large as the cache never share one. */
static int get_block(xd3_stream *stream, xd3_source *view, xoff_t number)
{
    cf_delta_run *run = stream->opaque;
    cf_delta_block *block = &run->blocks[number % run->block_count];
    uint8_t *bytes = run->cache + (number % run->block_count) * run->block_size;

    if (block->number != number) {
        uint64_t begin = number * run->block_size;
        uint64_t left = begin < run->size ? run->size - begin : 0;

        block->number = NO_BLOCK;
        block->size = left < run->block_size ? (size_t)left : run->block_size;
        run->failed =
            cf_reader_at_read(run->source, run->offset + begin, bytes, block->size, run->error);
        if (run->failed)
            return EIO;
        block->number = number;
    }
    view->curblkno = number;
    view->onblk = block->size;
    view->curblk = bytes;
    return 0;
}

static cf_status open_source(cf_delta_run *run, const cf_delta_run_config *config, cf_error *error)
{
    uint64_t needed = (run->size + config->block_size - 1) / config->block_size;

    run->block_size = config->block_size;
    run->block_count = needed < config->block_count ? (size_t)needed : config->block_count;
    run->blocks = cf_delta_memory_take(run->memory, run->block_count, sizeof *run->blocks);
    run->cache = cf_delta_memory_take(run->memory, run->block_count, run->block_size);
    if (!run->blocks || !run->cache)
        return cf_delta_run_fail(run, ENOMEM, CF_TOO_LARGE, error);
    for (size_t i = 0; i < run->block_count; i++)
        run->blocks[i].number = NO_BLOCK;
    run->view = (xd3_source){
        .blksize = run->block_size, .name = "source", .max_winsize = config->source_window};
    int code = xd3_set_source_and_size(&run->stream, &run->view, run->size);
    return code ? cf_delta_run_fail(run, code, CF_BROKEN, error) : CF_OK;
}

cf_status cf_delta_run_open(cf_delta_run *run, const cf_delta_run_config *config, cf_error *error)
{
    xd3_config xdelta3 = config->xdelta3;

    xdelta3.getblk = get_block;
    xdelta3.alloc = take;
    xdelta3.freef = give;
    xdelta3.opaque = run;
    run->lzma = (lzma_allocator){take_for_lzma, give_for_lzma, run->memory};
    int code = xd3_config_stream(&run->stream, &xdelta3);
    if (code)
        return cf_delta_run_fail(run, code, CF_BROKEN, error);
    run->open = true;
    return run->size ? open_source(run, config, error) : CF_OK;
}

void cf_delta_run_release(cf_delta_run *run)
{
    if (run->open) {
        xd3_abort_stream(&run->stream);
        xd3_free_stream(&run->stream);
    }
    cf_delta_memory_give(run->memory, run->cache);
    cf_delta_memory_give(run->memory, run->blocks);
    run->cache = NULL;
    run->blocks = NULL;
    run->open = false;
}

int cf_delta_run_decode(cf_delta_run *run)
{
    const lzma_allocator *before = cf_xdelta3_lzma_allocator;

    cf_xdelta3_lzma_allocator = &run->lzma;
    int code = xd3_decode_input(&run->stream);
    cf_xdelta3_lzma_allocator = before;
    return code;
}

cf_status cf_delta_run_fail(const cf_delta_run *run, int code, cf_status otherwise, cf_error *error)
{
    if (run->failed)
        return run->failed;
    if (code == ENOMEM || run->memory->is_spent)
        return cf_fail(error, CF_TOO_LARGE, "more than %zu bytes of memory would be needed",
                       run->memory->max);
    return cf_fail(error, otherwise, "%s", run->stream.msg ? run->stream.msg : xd3_strerror(code));
}
