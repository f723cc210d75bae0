/* SPDX-License-Identifier: Apache-2.0 */
/* What a patch makes of a source, see delta.h. The patch is foreign: its header, and the start of
 * each window, are checked before xdelta3 allocates what they ask for. */
#include "codec/delta.h"
#include "codec/delta_run.h"
#include "codec/limits.h"
#include "codec/vcdiff.h"

#include <errno.h>
#include <string.h>

#define STEP ((size_t)64 << 10) /* of the patch */
/* Small, so that a patch of many short copies from all over costs little for each. */
#define SOURCE_BLOCK ((size_t)4 << 10)
#define SOURCE_BLOCKS 1024
#define FILE_WINDOW_MAX ((uint64_t)16 << 20)
/* xdelta3's own note: names of files. */
#define APPLICATION_MAX ((uint64_t)64 << 10)

typedef struct {
    const cf_delta_decoding *decoding;
    cf_delta_run run;
    uint8_t *buffer;
    uint64_t offset; /* in the patch, of what comes next */
    uint64_t written;
} decoder;

static bool from_log(const decoder *self)
{
    return self->decoding->form == CF_DELTA_LOG;
}

/* Looks at the header before xdelta3 does: it would allocate what the header asks for. */
static cf_status check_header(const decoder *self, cf_error *error)
{
    const cf_reader_at *patch = &self->decoding->patch;
    uint8_t start[CF_VCDIFF_HEADER_SIZE + 12];
    size_t size = patch->size < sizeof start ? (size_t)patch->size : sizeof start;
    uint64_t application = 0;

    cf_status status = cf_reader_at_read(patch, 0, start, size, error);
    if (status)
        return status;
    if (size < CF_VCDIFF_HEADER_SIZE || memcmp(start, cf_vcdiff_header, CF_VCDIFF_MAGIC_SIZE) != 0)
        return cf_fail(error, CF_MALFORMED, "it is no VCDIFF patch");
    unsigned indicator = start[CF_VCDIFF_MAGIC_SIZE];
    if (from_log(self) && indicator != 0)
        return cf_fail(error, CF_MALFORMED, "the patch has more than a plain header");
    if (indicator & CF_VCDIFF_CODE_TABLE)
        return cf_fail(error, CF_MALFORMED, "the patch brings a code table, which nobody reads");
    size_t at = CF_VCDIFF_HEADER_SIZE + (indicator & CF_VCDIFF_SECONDARY ? 1 : 0);
    if ((indicator & CF_VCDIFF_APPLICATION) &&
        (!cf_vcdiff_number(cf_bytes_of(start, size), &at, &application) ||
         application > APPLICATION_MAX || application > patch->size))
        return cf_fail(error, CF_MALFORMED, "the patch's note is cut short or too long");
    return CF_OK;
}

/* Looks at a window's start before xdelta3 allocates anything for it. */
static cf_status check_window(const decoder *self, cf_error *error)
{
    const cf_delta_decoding *decoding = self->decoding;
    const xd3_stream *window = &self->run.stream;
    uint64_t size = window->dec_tgtlen, patch_size = decoding->patch.size;

    if (window->dec_win_ind & CF_VCDIFF_FROM_TARGET)
        return cf_fail(error, CF_MALFORMED, "the patch copies from its target, which is refused");
    if ((window->dec_win_ind & CF_VCDIFF_FROM_SOURCE) &&
        (window->dec_cpyoff > decoding->source.size ||
         window->dec_cpylen > decoding->source.size - window->dec_cpyoff))
        return cf_fail(error, CF_MALFORMED, "the patch reaches beyond its source");
    if (window->data_sect.size > patch_size || window->inst_sect.size > patch_size ||
        window->addr_sect.size > patch_size ||
        window->data_sect.size + window->inst_sect.size + window->addr_sect.size > patch_size)
        return cf_fail(error, CF_MALFORMED, "a window of the patch is larger than the patch");
    if (size > (from_log(self) ? CF_DELTA_WINDOW_MAX : FILE_WINDOW_MAX))
        return cf_fail(error, CF_TOO_LARGE, "a window of the patch is too large");
    if (size > decoding->target_max - self->written)
        return cf_fail(error, CF_TOO_LARGE, "the patch makes more than it should");
    return CF_OK;
}

static cf_status feed(decoder *self, cf_error *error)
{
    const cf_reader_at *patch = &self->decoding->patch;
    xd3_stream *stream = &self->run.stream;
    uint64_t left = patch->size - self->offset;
    size_t size = left < STEP ? (size_t)left : STEP;

    cf_status status = cf_reader_at_read(patch, self->offset, self->buffer, size, error);
    if (status)
        return status;
    self->offset += size;
    if (self->offset == patch->size)
        xd3_set_flags(stream, stream->flags | XD3_FLUSH);
    xd3_avail_input(stream, self->buffer, size);
    return CF_OK;
}

static cf_status pass_on(decoder *self, cf_error *error)
{
    xd3_stream *stream = &self->run.stream;

    cf_status status =
        cf_sink_write(&self->decoding->target, stream->next_out, stream->avail_out, error);
    self->written += stream->avail_out;
    xd3_consume_output(stream);
    return status;
}

static cf_status finish(decoder *self, cf_error *error)
{
    int code = xd3_close_stream(&self->run.stream);

    return code ? cf_delta_run_fail(&self->run, code, CF_MALFORMED, error) : CF_OK;
}

static cf_status pump(decoder *self, cf_error *error)
{
    cf_status status = CF_OK;

    while (!status) {
        int code = cf_delta_run_decode(&self->run);

        switch (code) {
        case XD3_INPUT:
            if (self->offset == self->decoding->patch.size)
                return finish(self, error);
            status = feed(self, error);
            break;
        case XD3_GOTHEADER:
        case XD3_WINSTART:
            status = check_window(self, error);
            break;
        case XD3_OUTPUT:
            status = pass_on(self, error);
            break;
        case XD3_WINFINISH:
            break;
        default:
            status = cf_delta_run_fail(&self->run, code, CF_MALFORMED, error);
        }
    }
    return status;
}

cf_status cf_delta_decode(const cf_delta_decoding *decoding, cf_error *error)
{
    size_t usual =
        decoding->form == CF_DELTA_LOG ? CF_DELTA_LOG_DECODING_MEMORY : CF_DELTA_FILE_MEMORY;
    cf_delta_memory memory = {.max = decoding->memory_max ? decoding->memory_max : usual};
    decoder self = {
        .decoding = decoding,
        .run = {.memory = &memory,
                .source = &decoding->source,
                .size = decoding->source.size,
                .error = error},
    };
    const cf_delta_run_config config = {
        .xdelta3 = {.winsize = STEP},
        .source_window = SOURCE_BLOCK,
        .block_size = SOURCE_BLOCK,
        .block_count = SOURCE_BLOCKS,
    };

    cf_status status = check_header(&self, error);
    if (status)
        goto done;
    status = cf_delta_run_open(&self.run, &config, error);
    if (status)
        goto done;
    self.buffer = cf_delta_memory_take(&memory, STEP, 1);
    if (!self.buffer)
        status = cf_delta_run_fail(&self.run, ENOMEM, CF_TOO_LARGE, error);
    else
        status = pump(&self, error);
done:
    cf_delta_memory_give(&memory, self.buffer);
    cf_delta_run_release(&self.run);
    if (decoding->figures)
        *decoding->figures = (cf_delta_figures){self.written, memory.peak};
    return status;
}
