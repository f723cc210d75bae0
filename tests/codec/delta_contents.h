/* SPDX-License-Identifier: Apache-2.0 */
/* Contents for the delta tests: random ones, edits of them, and large ones that nobody stores. */
#ifndef CF_TESTS_DELTA_CONTENTS_H
#define CF_TESTS_DELTA_CONTENTS_H
#include "codec/delta.h"
#include "tests/support/chance.h"

/* Bytes that nothing makes smaller. */
void append_random(cf_buffer *buffer, size_t size, chance *dice);

/* `source` after so many random edits: bytes inserted, removed, overwritten, moved, repeated. */
void append_edited(cf_buffer *target, cf_bytes source, int edits, chance *dice);

/* Content of any size, no two blocks of 4 KiB alike, of which `changed_size` bytes at
 * `changed_offset` are other ones. Counts what is read. */
typedef struct {
    uint64_t changed_offset;
    uint64_t changed_size;
    uint64_t read;
} vast_content;

cf_reader_at vast_source(vast_content *content, uint64_t size);

/* A sink that compares what it is given with a source. */
typedef struct {
    cf_reader_at expected;
    uint64_t offset;
} comparison;

cf_sink comparing_sink(comparison *with);

cf_status decode_bytes(cf_bytes source, cf_bytes patch, cf_delta_form form, uint64_t target_max,
                       cf_buffer *target, cf_error *error);

#endif
