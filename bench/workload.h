/* SPDX-License-Identifier: Apache-2.0 */
/* Files to measure with, the same ones for the same seed: bytes that don't shrink, prose, trees,
 * and edits of a file. */
#ifndef CF_BENCH_WORKLOAD_H
#define CF_BENCH_WORKLOAD_H
#include "codec/bytes.h"
#include "codec/error.h"

/* Random bytes that do for a benchmark, not for a key. */
void cf_workload_fill(uint64_t *seed, void *out, size_t size);
/* Sentences of some thousand made-up words, frequent ones and rare ones. */
void cf_workload_prose(uint64_t seed, size_t size, cf_buffer *out);

cf_status cf_workload_file(const char *path, uint64_t size, uint64_t seed, cf_error *error);
/* `count` files of `size` bytes, a hundred to a folder, in a new folder `path`. */
cf_status cf_workload_tree(const char *path, size_t count, size_t size, uint64_t seed,
                           cf_error *error);

/* A part of an edited file: a stretch of the file before, or new bytes. */
typedef struct {
    bool is_new;
    uint64_t offset; /* in the file before */
    uint64_t size;
} cf_stretch;
/* Writes `to`, made of stretches of `from`. */
cf_status cf_workload_edit(const char *from, const char *to, const cf_stretch *stretches,
                           size_t count, uint64_t seed, cf_error *error);

/* Writes the whole file as careful editors do: beside it, then renamed over it. */
cf_status cf_workload_save(const char *path, cf_bytes bytes, cf_error *error);

/* Forces everything that was written, by anyone, to the disk: so that what comes next is not
 * charged with it. */
void cf_workload_settle(void);
/* A tree and all that is in it; what is not there is gone already. */
void cf_workload_remove(const char *path);
bool cf_workload_equal(const char *a, const char *b);

#endif
