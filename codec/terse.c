/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/terse.h"

#include <string.h>

#include "codec/base64.h"
#include "codec/pack.h"

/* msgpack's ext 16 and ext 32: the size follows in 2 or 4 bytes, then the type. */
enum { EXT_16 = 0xc8, EXT_32 = 0xc9, PADDED = 0, UNPADDED = 1 };

/* Over one value or text, or the beginning of a container; a text is in `text`, else that is empty.
 */
static cf_status pass(cf_reader *reader, cf_bytes *text, cf_error *error)
{
    cf_bytes scalar;
    size_t count;
    cf_type type;

    *text = (cf_bytes){0};
    cf_status status = cf_read_type(reader, &type, error);
    if (status)
        return status;
    switch (type) {
    case CF_TYPE_TEXT:
        return cf_read_text(reader, text, error);
    case CF_TYPE_ARRAY:
        return cf_read_array(reader, &count, error);
    case CF_TYPE_MAP:
        return cf_read_map(reader, &count, error);
    default:
        return cf_read_value(reader, &scalar, error);
    }
}

/* ---- Writing ---- */

static void write_text(cf_bytes prefix, const cf_base64 *end, cf_buffer *out)
{
    cf_buffer said = {0};

    cf_pack_text(&said, prefix);
    cf_base64_read(end, &said);
    bool is_short = said.size <= UINT16_MAX;
    uint8_t head[6] = {is_short ? EXT_16 : EXT_32};
    cf_put_u32(head + 1, (uint32_t)said.size << (is_short ? 16 : 0));
    size_t type = is_short ? 3 : 5;
    head[type] = end->padded ? PADDED : UNPADDED;
    cf_buffer_append(out, head, type + 1);
    cf_buffer_append(out, said.data, said.size);
    cf_buffer_release(&said);
}

static bool is_said(cf_bytes text, cf_base64 *end)
{
    return text.size >= CF_TERSE_LETTERS_MIN && text.size <= UINT32_MAX &&
           cf_base64_end(text, end) && end->letters.size >= CF_TERSE_LETTERS_MIN &&
           cf_base64_is_mixed(end);
}

bool cf_terse_write(cf_bytes value, cf_buffer *out)
{
    cf_reader reader = cf_reader_of(value);
    const uint8_t *written = reader.at;
    bool any = false;
    cf_error ignored;

    while (reader.at < reader.end) {
        const uint8_t *begin = reader.at;
        cf_bytes text;
        cf_base64 end;

        if (pass(&reader, &text, &ignored))
            break; /* it is canonical */
        if (!is_said(text, &end))
            continue;
        any = true;
        cf_buffer_append(out, written, (size_t)(begin - written));
        write_text(cf_bytes_of(text.data, (size_t)(end.letters.data - text.data)), &end, out);
        written = reader.at;
    }
    if (any)
        cf_buffer_append(out, written, (size_t)(reader.end - written));
    return any;
}

/* ---- Reading ---- */

/* The extension's type and bytes. */
static cf_status read_extension(cf_reader *reader, uint8_t *type, cf_bytes *out, cf_error *error)
{
    size_t width = *reader->at == EXT_16 ? 2 : 4, left = (size_t)(reader->end - reader->at);
    uint64_t size = 0;

    if (left < width + 2)
        return cf_fail(error, CF_MALFORMED, "the bytes end in the middle of a text");
    for (size_t i = 1; i <= width; i++)
        size = size << 8 | reader->at[i];
    *type = reader->at[width + 1];
    reader->at += width + 2;
    if (size > left - (width + 2))
        return cf_fail(error, CF_MALFORMED, "a text goes beyond the bytes there are");
    *out = cf_bytes_of(reader->at, (size_t)size);
    reader->at += size;
    return CF_OK;
}

static cf_status read_text(cf_reader *reader, cf_buffer *out, cf_error *error)
{
    cf_bytes said = {0}, prefix = {0};
    uint8_t type = PADDED;

    cf_status status = read_extension(reader, &type, &said, error);
    cf_reader inside = cf_reader_of(said);
    if (!status)
        status = cf_read_text(&inside, &prefix, error);
    if (status)
        return status;
    cf_bytes bytes = cf_bytes_of(inside.at, (size_t)(inside.end - inside.at));
    cf_buffer text = {0};
    cf_buffer_append(&text, prefix.data, prefix.size);
    cf_base64_write(bytes, type != UNPADDED, &text);
    cf_pack_text(out, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return CF_OK;
}

static cf_status expand(cf_bytes bytes, size_t limit, cf_buffer *out, bool *any, cf_error *error)
{
    cf_reader reader = cf_reader_of(bytes);
    cf_status status = CF_OK;

    while (!status && reader.at < reader.end) {
        const uint8_t *begin = reader.at;
        cf_bytes text;

        if (*begin == EXT_16 || *begin == EXT_32) {
            *any = true;
            status = read_text(&reader, out, error);
        } else {
            status = pass(&reader, &text, error);
            if (!status)
                cf_buffer_append(out, begin, (size_t)(reader.at - begin));
        }
        if (!status && out->size > limit)
            status = cf_fail(error, CF_TOO_LARGE, "a value of more than %zu bytes", limit);
    }
    return status;
}

/* Each value has one terse form. */
static cf_status check(cf_bytes bytes, cf_bytes value, cf_error *error)
{
    cf_buffer again = {0};

    cf_terse_write(value, &again);
    bool same = cf_bytes_equal(cf_buffer_view(&again), bytes);
    cf_buffer_release(&again);
    return same ? CF_OK : cf_fail(error, CF_MALFORMED, "a text is not said as it must be");
}

cf_status cf_terse_read(cf_bytes bytes, size_t limit, cf_buffer *out, cf_error *error)
{
    cf_buffer value = {0};
    bool any = false;

    cf_status status = expand(bytes, limit, &value, &any, error);
    if (!status)
        status = cf_value_check(cf_buffer_view(&value), error);
    if (!status && any)
        status = check(bytes, cf_buffer_view(&value), error);
    if (!status)
        cf_buffer_append(out, value.data, value.size);
    cf_buffer_release(&value);
    return status;
}
