/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/reader_at.h"

#include <inttypes.h>
#include <string.h>

cf_status cf_reader_at_read(const cf_reader_at *reader, uint64_t offset, void *buffer, size_t size,
                            cf_error *error)
{
    if (offset > reader->size || size > reader->size - offset)
        return cf_fail(error, CF_MALFORMED,
                       "%zu bytes at %" PRIu64 " are beyond the %" PRIu64 " that are there", size,
                       offset, reader->size);
    return size ? reader->read(reader->context, offset, buffer, size, error) : CF_OK;
}

cf_status cf_sink_write(const cf_sink *sink, const void *data, size_t size, cf_error *error)
{
    return size ? sink->write(sink->context, data, size, error) : CF_OK;
}

static cf_status read_bytes(void *context, uint64_t offset, void *buffer, size_t size,
                            cf_error *error)
{
    const cf_bytes *bytes = context;

    if (offset > bytes->size || size > bytes->size - offset)
        return cf_fail(error, CF_CHANGED, "the bytes have become fewer");
    memcpy(buffer, bytes->data + offset, size);
    return CF_OK;
}

cf_reader_at cf_reader_of_bytes(const cf_bytes *bytes)
{
    return (cf_reader_at){read_bytes, (void *)(uintptr_t)bytes, bytes->size};
}

static cf_status write_buffer(void *context, const void *data, size_t size, cf_error *error)
{
    (void)error;
    cf_buffer_append(context, data, size);
    return CF_OK;
}

cf_sink cf_sink_of_buffer(cf_buffer *buffer)
{
    return (cf_sink){write_buffer, buffer};
}
