/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack.h"

#include <math.h>
#include <string.h>

#include <msgpack/pack.h>

#include "codec/limits.h"
#include "codec/utf8.h"

static int append_packed(void *buffer, const char *data, size_t size)
{
    cf_buffer_append(buffer, data, size);
    return 0;
}

static msgpack_packer packer_into(cf_buffer *out)
{
    return (msgpack_packer){out, append_packed};
}

void cf_pack_nil(cf_buffer *out)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_nil(&packer);
}

void cf_pack_bool(cf_buffer *out, bool value)
{
    msgpack_packer packer = packer_into(out);

    if (value)
        msgpack_pack_true(&packer);
    else
        msgpack_pack_false(&packer);
}

void cf_pack_uint(cf_buffer *out, uint64_t value)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_uint64(&packer, value);
}

void cf_pack_int(cf_buffer *out, int64_t value)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_int64(&packer, value);
}

void cf_pack_float(cf_buffer *out, double value)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_double(&packer, value);
}

void cf_pack_bin(cf_buffer *out, cf_bytes value)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_bin(&packer, value.size);
    cf_buffer_append(out, value.data, value.size);
}

void cf_pack_text(cf_buffer *out, cf_bytes value)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_str(&packer, value.size);
    cf_buffer_append(out, value.data, value.size);
}

void cf_pack_array(cf_buffer *out, size_t count)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_array(&packer, count);
}

void cf_pack_map(cf_buffer *out, size_t count)
{
    msgpack_packer packer = packer_into(out);

    msgpack_pack_map(&packer, count);
}

void cf_pack_raw(cf_buffer *out, cf_bytes encoded)
{
    cf_buffer_append(out, encoded.data, encoded.size);
}

/* ---- Reading ---- */

/* What the first byte says: a type, and either a number in the byte itself or how many bytes of
 * number follow (the number itself, or a length or count). */
typedef struct {
    cf_type type;
    unsigned width;  /* bytes of `number` behind the first byte */
    uint64_t number; /* when width is 0 */
} prefix;

static bool read_prefix(uint8_t byte, prefix *out)
{
    static const struct {
        bool known;
        cf_type type;
        uint8_t width;
        uint8_t number;
    } wide[32] = {
        [0x00] = {true, CF_TYPE_NIL, 0, 0},   [0x02] = {true, CF_TYPE_BOOL, 0, 0},
        [0x03] = {true, CF_TYPE_BOOL, 0, 1},  [0x04] = {true, CF_TYPE_BIN, 1, 0},
        [0x05] = {true, CF_TYPE_BIN, 2, 0},   [0x06] = {true, CF_TYPE_BIN, 4, 0},
        [0x0b] = {true, CF_TYPE_FLOAT, 8, 0}, [0x0c] = {true, CF_TYPE_UINT, 1, 0},
        [0x0d] = {true, CF_TYPE_UINT, 2, 0},  [0x0e] = {true, CF_TYPE_UINT, 4, 0},
        [0x0f] = {true, CF_TYPE_UINT, 8, 0},  [0x10] = {true, CF_TYPE_INT, 1, 0},
        [0x11] = {true, CF_TYPE_INT, 2, 0},   [0x12] = {true, CF_TYPE_INT, 4, 0},
        [0x13] = {true, CF_TYPE_INT, 8, 0},   [0x19] = {true, CF_TYPE_TEXT, 1, 0},
        [0x1a] = {true, CF_TYPE_TEXT, 2, 0},  [0x1b] = {true, CF_TYPE_TEXT, 4, 0},
        [0x1c] = {true, CF_TYPE_ARRAY, 2, 0}, [0x1d] = {true, CF_TYPE_ARRAY, 4, 0},
        [0x1e] = {true, CF_TYPE_MAP, 2, 0},   [0x1f] = {true, CF_TYPE_MAP, 4, 0},
    };

    if (byte < 0x80)
        *out = (prefix){CF_TYPE_UINT, 0, byte};
    else if (byte < 0x90)
        *out = (prefix){CF_TYPE_MAP, 0, byte & 0x0f};
    else if (byte < 0xa0)
        *out = (prefix){CF_TYPE_ARRAY, 0, byte & 0x0f};
    else if (byte < 0xc0)
        *out = (prefix){CF_TYPE_TEXT, 0, byte & 0x1f};
    else if (byte >= 0xe0)
        *out = (prefix){CF_TYPE_INT, 0, (uint64_t)(int8_t)byte};
    else if (wide[byte - 0xc0].known)
        *out = (prefix){wide[byte - 0xc0].type, wide[byte - 0xc0].width, wide[byte - 0xc0].number};
    else
        return false; /* never used, extension types, float32 */
    return true;
}

static int64_t sign_extended(uint64_t number, unsigned width)
{
    unsigned shift = 64 - 8 * width;

    return (int64_t)(number << shift) >> shift;
}

/* Would a shorter encoding have held the number? Then this one is not canonical. */
static bool is_shortest(cf_type type, unsigned width, uint64_t number)
{
    uint64_t below; /* what the next shorter form can't hold begins here */

    switch (type) {
    case CF_TYPE_UINT:
        below = width == 1 ? 0x80 : UINT64_C(1) << (4 * width);
        return number >= below;
    case CF_TYPE_INT: {
        int64_t least = width == 1 ? -32 : -(INT64_C(1) << (4 * width - 1));

        return sign_extended(number, width) < least;
    }
    case CF_TYPE_BIN:
        return width == 1 || number >> (4 * width);
    case CF_TYPE_TEXT:
        return width == 1 ? number >= 32 : number >> (4 * width) != 0;
    case CF_TYPE_ARRAY:
    case CF_TYPE_MAP:
        return width == 2 ? number >= 16 : number >= 65536;
    default:
        return true;
    }
}

static bool is_nan(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return isnan(value);
}

typedef struct {
    cf_type type;
    uint64_t number; /* the value, its two's complement, its bits, or a count */
    cf_bytes bytes;  /* of a text or bin */
} token;

static size_t remaining(const cf_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static cf_status read_number(cf_reader *reader, prefix *lead, cf_error *error)
{
    if (remaining(reader) < lead->width)
        return cf_fail(error, CF_MALFORMED, "the bytes end in the middle of a value");
    uint64_t number = 0;
    for (unsigned i = 0; i < lead->width; i++)
        number = number << 8 | *reader->at++;
    if (!is_shortest(lead->type, lead->width, number))
        return cf_fail(error, CF_MALFORMED, "a number or length is not in its shortest form");
    if (lead->type == CF_TYPE_FLOAT && is_nan(number))
        return cf_fail(error, CF_MALFORMED, "a floating-point value is not a number");
    if (lead->type == CF_TYPE_INT)
        number = (uint64_t)sign_extended(number, lead->width);
    lead->number = number;
    return CF_OK;
}

/* The scalar value or, of a container, the count of its elements; what the bytes that remain can't
 * hold is refused. */
static cf_status read_token(cf_reader *reader, token *out, cf_error *error)
{
    prefix lead;

    if (remaining(reader) == 0)
        return cf_fail(error, CF_MALFORMED, "the bytes end where a value should begin");
    if (!read_prefix(*reader->at, &lead))
        return cf_fail(error, CF_MALFORMED, "0x%02x begins no value", *reader->at);
    reader->at++;
    if (lead.width) {
        cf_status status = read_number(reader, &lead, error);
        if (status)
            return status;
    }
    *out = (token){lead.type, lead.number, {0}};
    size_t least = 0;
    if (lead.type == CF_TYPE_TEXT || lead.type == CF_TYPE_BIN || lead.type == CF_TYPE_ARRAY)
        least = lead.number;
    else if (lead.type == CF_TYPE_MAP)
        least = 2 * lead.number;
    if (least > remaining(reader))
        return cf_fail(error, CF_MALFORMED, "a length or count goes beyond the bytes there are");
    if (lead.type == CF_TYPE_TEXT || lead.type == CF_TYPE_BIN) {
        out->bytes = cf_bytes_of(reader->at, least);
        reader->at += least;
    }
    return CF_OK;
}

cf_status cf_read_type(const cf_reader *reader, cf_type *out, cf_error *error)
{
    prefix lead;

    if (remaining(reader) == 0)
        return cf_fail(error, CF_MALFORMED, "the bytes end where a value should begin");
    if (!read_prefix(*reader->at, &lead))
        return cf_fail(error, CF_MALFORMED, "0x%02x begins no value", *reader->at);
    *out = lead.type;
    return CF_OK;
}

static const char *name_of(cf_type type)
{
    static const char *const names[] = {
        [CF_TYPE_NIL] = "nil",
        [CF_TYPE_BOOL] = "a boolean",
        [CF_TYPE_UINT] = "a number",
        [CF_TYPE_INT] = "a negative number",
        [CF_TYPE_FLOAT] = "a floating-point number",
        [CF_TYPE_TEXT] = "a text",
        [CF_TYPE_BIN] = "bytes",
        [CF_TYPE_ARRAY] = "an array",
        [CF_TYPE_MAP] = "a map",
    };

    return names[type];
}

static cf_status read_typed(cf_reader *reader, cf_type wanted, token *out, cf_error *error)
{
    token found = {0};
    cf_status status = read_token(reader, &found, error);

    if (status)
        return status;
    if (found.type != wanted)
        return cf_fail(error, CF_MALFORMED, "%s where %s should be", name_of(found.type),
                       name_of(wanted));
    *out = found;
    return CF_OK;
}

cf_status cf_read_nil(cf_reader *reader, cf_error *error)
{
    token nil = {0};

    return read_typed(reader, CF_TYPE_NIL, &nil, error);
}

cf_status cf_read_bool(cf_reader *reader, bool *out, cf_error *error)
{
    token found = {0};
    cf_status status = read_typed(reader, CF_TYPE_BOOL, &found, error);

    if (!status)
        *out = found.number;
    return status;
}

cf_status cf_read_uint(cf_reader *reader, uint64_t *out, cf_error *error)
{
    token found = {0};
    cf_status status = read_typed(reader, CF_TYPE_UINT, &found, error);

    if (!status)
        *out = found.number;
    return status;
}

cf_status cf_read_int(cf_reader *reader, int64_t *out, cf_error *error)
{
    token found = {0};
    cf_status status = read_token(reader, &found, error);

    if (status)
        return status;
    if (found.type == CF_TYPE_UINT && found.number > INT64_MAX)
        return cf_fail(error, CF_MALFORMED, "a number is over 2^63 - 1");
    if (found.type != CF_TYPE_UINT && found.type != CF_TYPE_INT)
        return cf_fail(error, CF_MALFORMED, "%s where a number should be", name_of(found.type));
    *out = (int64_t)found.number;
    return CF_OK;
}

cf_status cf_read_float(cf_reader *reader, double *out, cf_error *error)
{
    token found = {0};
    cf_status status = read_typed(reader, CF_TYPE_FLOAT, &found, error);

    if (!status)
        memcpy(out, &found.number, sizeof *out);
    return status;
}

cf_status cf_read_bin(cf_reader *reader, cf_bytes *out, cf_error *error)
{
    token found = {0};
    cf_status status = read_typed(reader, CF_TYPE_BIN, &found, error);

    if (!status)
        *out = found.bytes;
    return status;
}

static cf_status check_utf8(cf_bytes text, cf_error *error)
{
    return cf_utf8_valid(text) ? CF_OK : cf_fail(error, CF_MALFORMED, "a text is not UTF-8");
}

cf_status cf_read_text(cf_reader *reader, cf_bytes *out, cf_error *error)
{
    token found = {0};
    cf_status status = read_typed(reader, CF_TYPE_TEXT, &found, error);

    if (!status)
        status = check_utf8(found.bytes, error);
    if (!status)
        *out = found.bytes;
    return status;
}

cf_status cf_read_bin_exact(cf_reader *reader, void *out, size_t size, cf_error *error)
{
    cf_bytes bytes = {0};
    cf_status status = cf_read_bin(reader, &bytes, error);

    if (status)
        return status;
    if (bytes.size != size)
        return cf_fail(error, CF_MALFORMED, "%zu bytes where %zu should be", bytes.size, size);
    memcpy(out, bytes.data, size);
    return CF_OK;
}

cf_status cf_read_array(cf_reader *reader, size_t *count, cf_error *error)
{
    token found = {0};
    cf_status status = read_typed(reader, CF_TYPE_ARRAY, &found, error);

    if (!status)
        *count = found.number;
    return status;
}

cf_status cf_read_map(cf_reader *reader, size_t *count, cf_error *error)
{
    token found = {0};
    cf_status status = read_typed(reader, CF_TYPE_MAP, &found, error);

    if (!status)
        *count = found.number;
    return status;
}

static cf_status skip_value(cf_reader *reader, int depth, cf_error *error);

static cf_status skip_elements(cf_reader *reader, uint64_t count, int depth, cf_error *error)
{
    cf_status status = CF_OK;

    for (uint64_t i = 0; i < count && !status; i++)
        status = skip_value(reader, depth, error);
    return status;
}

static cf_status skip_pairs(cf_reader *reader, uint64_t count, int depth, cf_error *error)
{
    cf_bytes previous = {0};

    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *start = reader->at;
        cf_status status = skip_value(reader, depth, error);

        if (status)
            return status;
        cf_bytes key = cf_bytes_of(start, (size_t)(reader->at - start));
        if (i > 0 && cf_bytes_compare(previous, key) >= 0)
            return cf_fail(error, CF_MALFORMED, "the keys of a map are not in ascending order");
        previous = key;
        status = skip_value(reader, depth, error);
        if (status)
            return status;
    }
    return CF_OK;
}

/* `depth` is how many containers may still open. */
static cf_status skip_value(cf_reader *reader, int depth, cf_error *error)
{
    token found = {0};
    cf_status status = read_token(reader, &found, error);

    if (status)
        return status;
    if (found.type == CF_TYPE_TEXT)
        return check_utf8(found.bytes, error);
    if (found.type != CF_TYPE_ARRAY && found.type != CF_TYPE_MAP)
        return CF_OK;
    if (depth == 0)
        return cf_fail(error, CF_MALFORMED, "a value is nested over %d deep", CF_VALUE_DEPTH_MAX);
    return found.type == CF_TYPE_ARRAY ? skip_elements(reader, found.number, depth - 1, error)
                                       : skip_pairs(reader, found.number, depth - 1, error);
}

cf_status cf_read_value(cf_reader *reader, cf_bytes *out, cf_error *error)
{
    const uint8_t *start = reader->at;
    cf_status status = skip_value(reader, CF_VALUE_DEPTH_MAX, error);

    if (!status)
        *out = cf_bytes_of(start, (size_t)(reader->at - start));
    return status;
}

cf_status cf_read_end(const cf_reader *reader, cf_error *error)
{
    if (reader->at != reader->end)
        return cf_fail(error, CF_MALFORMED, "%zu bytes too many", remaining(reader));
    return CF_OK;
}

cf_status cf_value_check(cf_bytes encoded, cf_error *error)
{
    cf_reader reader = cf_reader_of(encoded);
    cf_bytes value;
    cf_status status = cf_read_value(&reader, &value, error);

    return status ? status : cf_read_end(&reader, error);
}
