/* SPDX-License-Identifier: Apache-2.0 */
/* Where bytes come from and go to, as callbacks: codec/ itself opens no files. A reader is read at
 * any offset, as often as one likes; a sink is written front to back. */
#ifndef CF_CODEC_READER_AT_H
#define CF_CODEC_READER_AT_H
#include "codec/bytes.h"
#include "codec/error.h"

typedef struct {
    /* Reads exactly `size` bytes at `offset`, or fails: what has become shorter is
     * CF_CHANGED. Use cf_reader_at_read, which also refuses what lies beyond `size`. */
    cf_status (*read)(void *context, uint64_t offset, void *buffer, size_t size, cf_error *error);
    void *context;
    uint64_t size;
} cf_reader_at;

typedef struct {
    cf_status (*write)(void *context, const void *data, size_t size, cf_error *error);
    void *context;
} cf_sink;

cf_status cf_reader_at_read(const cf_reader_at *reader, uint64_t offset, void *buffer, size_t size,
                            cf_error *error);
/* Writes nothing, and succeeds, when `size` is 0. */
cf_status cf_sink_write(const cf_sink *sink, const void *data, size_t size, cf_error *error);

/* `bytes` and what it borrows outlive the reader; `buffer` outlives the sink and grows without a
 * limit of its own. */
cf_reader_at cf_reader_of_bytes(const cf_bytes *bytes);
cf_sink cf_sink_of_buffer(cf_buffer *buffer);

#endif
