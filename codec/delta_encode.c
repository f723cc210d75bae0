/* SPDX-License-Identifier: Apache-2.0 */
/* A patch between a source and a target, see delta.h: spans that are equal become COPY windows at
 * once, each changed span goes through xdelta3 by itself, with windows as large as the memory
 * allows. */
#include "codec/delta.h"
#include "codec/delta_run.h"
#include "codec/delta_trim.h"
#include "codec/vcdiff.h"

#include <assert.h>
#include <errno.h>

#define MEMORY_MIN ((size_t)8 << 20)
#define SOURCE_WINDOW_MAX ((size_t)64 << 20)
#define SOURCE_WINDOW_MIN ((size_t)16 << 10) /* xdelta3's own least */
#define TARGET_WINDOW_MAX ((size_t)4 << 20)
#define TARGET_WINDOW_MIN ((size_t)16 << 10)
#define SOURCE_BLOCK ((size_t)64 << 10)
#define SPARE_BLOCKS 8 /* xdelta3 reads up to two blocks ahead of its window */
#define CHECKSUM_STEP ((size_t)256 << 10)
/* Source on either side of a change that its bytes may have come from. */
#define AROUND_MIN ((uint64_t)128 << 10)
#define AROUND_MAX ((uint64_t)8 << 20)

typedef struct {
    const cf_delta_encoding *encoding;
    cf_delta_memory memory;
    uint64_t written;
    cf_sink patch; /* counts, and passes on to encoding->patch */
} encoder;

static cf_status count_and_write(void *context, const void *data, size_t size, cf_error *error)
{
    encoder *self = context;

    self->written += size;
    return cf_sink_write(&self->encoding->patch, data, size, error);
}

static bool for_file(const encoder *self)
{
    return self->encoding->form == CF_DELTA_FILE;
}

static cf_status checksum_target(encoder *self, uint64_t offset, uint64_t size, uint32_t *checksum,
                                 cf_error *error)
{
    cf_status status = CF_OK;
    uint8_t *bytes = cf_delta_memory_take(&self->memory, CHECKSUM_STEP, 1);

    if (!bytes)
        return cf_fail(error, CF_TOO_LARGE, "no memory is left for checksums");
    *checksum = 1;
    while (size && !status) {
        size_t step = size < CHECKSUM_STEP ? (size_t)size : CHECKSUM_STEP;

        status = cf_reader_at_read(&self->encoding->target, offset, bytes, step, error);
        if (!status)
            *checksum = cf_vcdiff_checksum(*checksum, cf_bytes_of(bytes, step));
        offset += step;
        size -= step;
    }
    cf_delta_memory_give(&self->memory, bytes);
    return status;
}

static cf_status copy_span(encoder *self, const cf_delta_span *span, cf_error *error)
{
    uint32_t checksum;

    if (for_file(self)) {
        cf_status status =
            checksum_target(self, span->target_offset, span->target_size, &checksum, error);
        if (status)
            return status;
    }
    return cf_vcdiff_write_copy(&self->patch, span->source_offset, span->target_size,
                                for_file(self) ? &checksum : NULL, error);
}

static size_t power_above(uint64_t size, size_t min, size_t max)
{
    size_t power = min;

    while (power < size && power < max)
        power *= 2;
    return power;
}

/* What a run takes with these windows, from above: the cache, xdelta3's tables of the source (8
 * bytes each 26 or, for a file, each 8 bytes, rounded up) and of the target (for a file), and the
 * target window as it comes and as it goes out. */
static size_t estimate_memory(size_t source_window, size_t target_window, bool file)
{
    size_t source = source_window * (file ? 3 : 2) + SPARE_BLOCKS * SOURCE_BLOCK;
    size_t target = target_window * (file ? 14 : 4);

    return source + target + ((file ? 4u : 1u) << 20);
}

static cf_delta_run_config configure(const encoder *self, uint64_t seen, uint64_t target_size)
{
    bool file = for_file(self);
    size_t source_window = power_above(seen, SOURCE_WINDOW_MIN, SOURCE_WINDOW_MAX);
    size_t target_window = power_above(target_size, TARGET_WINDOW_MIN, TARGET_WINDOW_MAX);
    size_t left = self->memory.max - self->memory.used;

    while (estimate_memory(source_window, target_window, file) > left &&
           (source_window > SOURCE_WINDOW_MIN || target_window > TARGET_WINDOW_MIN)) {
        if (target_window > TARGET_WINDOW_MIN && target_window * 8 > source_window)
            target_window /= 2;
        else
            source_window /= 2;
    }
    return (cf_delta_run_config){
        .xdelta3 = {.winsize = target_window,
                    .flags =
                        file ? XD3_ADLER32 | XD3_COMPLEVEL_3 : XD3_NOCOMPRESS | XD3_COMPLEVEL_1},
        .source_window = source_window,
        .block_size = SOURCE_BLOCK,
        .block_count = source_window / SOURCE_BLOCK + SPARE_BLOCKS,
    };
}

/* A changed span on its way through xdelta3. */
typedef struct {
    encoder *owner;
    cf_delta_run run;
    cf_vcdiff_mover mover;
    uint8_t *buffer; /* of the stream's winsize */
    uint64_t offset; /* in the target, of what comes next */
    uint64_t end;
} search;

static cf_status feed(search *self, cf_error *error)
{
    xd3_stream *stream = &self->run.stream;
    uint64_t left = self->end - self->offset;
    size_t size = left < stream->winsize ? (size_t)left : stream->winsize;

    cf_status status =
        cf_reader_at_read(&self->owner->encoding->target, self->offset, self->buffer, size, error);
    if (status)
        return status;
    self->offset += size;
    if (self->offset == self->end)
        xd3_set_flags(stream, stream->flags | XD3_FLUSH);
    xd3_avail_input(stream, self->buffer, size);
    return CF_OK;
}

static cf_status pump(search *self, cf_error *error)
{
    xd3_stream *stream = &self->run.stream;
    cf_status status = CF_OK;

    while (!status) {
        int code = xd3_encode_input(stream);

        switch (code) {
        case XD3_INPUT:
            if (self->offset == self->end)
                return CF_OK;
            status = feed(self, error);
            break;
        case XD3_OUTPUT:
            status = cf_vcdiff_move(&self->mover, cf_bytes_of(stream->next_out, stream->avail_out),
                                    error);
            xd3_consume_output(stream);
            break;
        case XD3_GOTHEADER:
        case XD3_WINSTART:
        case XD3_WINFINISH:
            break;
        default:
            status = cf_delta_run_fail(&self->run, code, CF_BROKEN, error);
        }
    }
    return status;
}

static cf_status search_span(encoder *owner, const cf_delta_span *span, cf_error *error)
{
    const cf_reader_at *source = &owner->encoding->source;
    uint64_t around = span->target_size < AROUND_MIN   ? AROUND_MIN
                      : span->target_size > AROUND_MAX ? AROUND_MAX
                                                       : span->target_size;
    uint64_t source_end = span->source_offset + span->source_size;
    uint64_t before = around < span->source_offset ? around : span->source_offset;
    uint64_t after = around < source->size - source_end ? around : source->size - source_end;
    search self = {
        .owner = owner,
        .run = {.memory = &owner->memory,
                .source = source,
                .offset = span->source_offset - before,
                .size = before + span->source_size + after,
                .error = error},
        .mover = {.sink = &owner->patch, .distance = span->source_offset - before},
        .offset = span->target_offset,
        .end = span->target_offset + span->target_size,
    };
    cf_delta_run_config config = configure(owner, self.run.size, span->target_size);

    cf_status status = cf_delta_run_open(&self.run, &config, error);
    if (status)
        goto done;
    self.buffer = cf_delta_memory_take(&owner->memory, self.run.stream.winsize, 1);
    if (!self.buffer)
        status = cf_delta_run_fail(&self.run, ENOMEM, CF_TOO_LARGE, error);
    else
        status = pump(&self, error);
done:
    cf_delta_memory_give(&owner->memory, self.buffer);
    cf_delta_run_release(&self.run);
    return status;
}

static cf_status encode_span(void *context, const cf_delta_span *span, cf_error *error)
{
    return span->equal ? copy_span(context, span, error) : search_span(context, span, error);
}

/* A patch without windows is refused by the xdelta3 command. */
static cf_status write_empty(encoder *self, cf_error *error)
{
    uint32_t checksum = 1;

    return cf_vcdiff_write_add(&self->patch, cf_bytes_of(NULL, 0),
                               for_file(self) ? &checksum : NULL, error);
}

cf_status cf_delta_encode(const cf_delta_encoding *encoding, cf_error *error)
{
    size_t usual =
        encoding->form == CF_DELTA_LOG ? CF_DELTA_LOG_ENCODING_MEMORY : CF_DELTA_FILE_MEMORY;
    encoder self = {
        .encoding = encoding,
        .memory = {.used = CF_DELTA_TRIM_MEMORY,
                   .peak = CF_DELTA_TRIM_MEMORY,
                   .max = encoding->memory_max ? encoding->memory_max : usual},
    };

    assert(self.memory.max >= MEMORY_MIN);
    self.patch = (cf_sink){count_and_write, &self};
    cf_status status = cf_sink_write(&self.patch, cf_vcdiff_header, CF_VCDIFF_HEADER_SIZE, error);
    if (!status && encoding->target.size == 0)
        status = write_empty(&self, error);
    else if (!status)
        status = cf_delta_trim(&encoding->source, &encoding->target, encode_span, &self, error);
    if (encoding->figures)
        *encoding->figures = (cf_delta_figures){self.written, self.memory.peak};
    return status;
}
