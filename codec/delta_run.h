/* SPDX-License-Identifier: Apache-2.0 */
/* One run of xdelta3: its memory, which is counted and limited, and its view of the source, which
 * it sees in blocks. For delta_encode.c and delta_decode.c only. */
#ifndef CF_CODEC_DELTA_RUN_H
#define CF_CODEC_DELTA_RUN_H
#include "codec/reader_at.h"

#include <lzma.h>
#include <stdbool.h>
#include <xdelta3.h>

/* What is allocated, over all runs of an encoding or decoding. */
typedef struct {
    size_t used;
    size_t peak;
    size_t max;
    bool is_spent; /* more was asked for */
} cf_delta_memory;

typedef struct {
    uint64_t number; /* of the block held, or UINT64_MAX */
    size_t size;
} cf_delta_block;

typedef struct {
    cf_delta_memory *memory;
    const cf_reader_at *source;
    uint64_t offset; /* what xdelta3 sees begins here in the source, */
    uint64_t size;   /* and has this many bytes */
    cf_error *error;
    cf_status failed; /* a read failed, error says why */
    uint8_t *cache;
    cf_delta_block *blocks;
    size_t block_size;
    size_t block_count;
    xd3_source view;
    xd3_stream stream;
    lzma_allocator lzma; /* from the same memory */
    bool open;
} cf_delta_run;

/* NULL when it would be more than memory->max. */
void *cf_delta_memory_take(cf_delta_memory *memory, size_t count, size_t size);
void cf_delta_memory_give(cf_delta_memory *memory, void *taken);

typedef struct {
    xd3_config xdelta3;   /* memory and reading are filled in here */
    size_t source_window; /* how far xdelta3 looks around in what it sees */
    size_t block_size;    /* a power of two */
    size_t block_count;   /* blocks held at most: encoding is slow with less than the window */
} cf_delta_run_config;

/* `run` has memory, source, offset, size and error set, and nothing else. Release it whatever
 * comes back. */
cf_status cf_delta_run_open(cf_delta_run *run, const cf_delta_run_config *config, cf_error *error);
void cf_delta_run_release(cf_delta_run *run);
/* xdelta3's answer to what it was given last. */
int cf_delta_run_decode(cf_delta_run *run);

/* What xdelta3's answer `code` means: `otherwise` unless a read failed or the memory is spent. */
cf_status cf_delta_run_fail(const cf_delta_run *run, int code, cf_status otherwise,
                            cf_error *error);

#endif
