/* SPDX-License-Identifier: Apache-2.0 */
/* msgpack, written and read. The writer goes through msgpack-c; the reader is our own: bounded,
 * without allocation, and strict, so that a value has exactly one encoding (codec/PROTOCOL.md,
 * "Canonical msgpack"): shortest form of every number and length, float64 only and never NaN, map
 * keys strictly ascending by their encoded bytes (hence no key twice), depth at most
 * CF_VALUE_DEPTH_MAX, no extension types. */
#ifndef CF_CODEC_PACK_H
#define CF_CODEC_PACK_H
#include "codec/bytes.h"
#include "codec/error.h"

void cf_pack_nil(cf_buffer *out);
void cf_pack_bool(cf_buffer *out, bool value);
void cf_pack_uint(cf_buffer *out, uint64_t value);
void cf_pack_int(cf_buffer *out, int64_t value);
void cf_pack_float(cf_buffer *out, double value);
void cf_pack_bin(cf_buffer *out, cf_bytes value);
void cf_pack_text(cf_buffer *out, cf_bytes value); /* UTF-8 is the caller's to ensure */
void cf_pack_array(cf_buffer *out, size_t count);  /* count elements follow */
void cf_pack_map(cf_buffer *out, size_t count);    /* count pairs follow, keys ascending */
void cf_pack_raw(cf_buffer *out, cf_bytes encoded);

typedef enum {
    CF_TYPE_NIL,
    CF_TYPE_BOOL,
    CF_TYPE_UINT,
    CF_TYPE_INT, /* negative */
    CF_TYPE_FLOAT,
    CF_TYPE_TEXT,
    CF_TYPE_BIN,
    CF_TYPE_ARRAY,
    CF_TYPE_MAP,
} cf_type;

/* Reads forwards from `at` to `end`; what it returns borrows from there. A failed read leaves the
 * place undefined. */
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} cf_reader;

static inline cf_reader cf_reader_of(cf_bytes bytes)
{
    return (cf_reader){bytes.data, bytes.data ? bytes.data + bytes.size : NULL};
}
/* The type of what comes next; CF_MALFORMED at the end or before an unknown byte. */
cf_status cf_read_type(const cf_reader *reader, cf_type *out, cf_error *error);
/* Each fails with CF_MALFORMED when something else comes, and names it. */
cf_status cf_read_nil(cf_reader *reader, cf_error *error);
cf_status cf_read_bool(cf_reader *reader, bool *out, cf_error *error);
cf_status cf_read_uint(cf_reader *reader, uint64_t *out, cf_error *error);
cf_status cf_read_int(cf_reader *reader, int64_t *out, cf_error *error);
cf_status cf_read_float(cf_reader *reader, double *out, cf_error *error);
cf_status cf_read_bin(cf_reader *reader, cf_bytes *out, cf_error *error);
cf_status cf_read_text(cf_reader *reader, cf_bytes *out,
                       cf_error *error); /* valid UTF-8, checked */
/* A bin of exactly `size` bytes, copied to `out`. */
cf_status cf_read_bin_exact(cf_reader *reader, void *out, size_t size, cf_error *error);
/* The count is never more than the bytes that remain, so it may be allocated for after a check
 * against a limit. */
cf_status cf_read_array(cf_reader *reader, size_t *count, cf_error *error);
cf_status cf_read_map(cf_reader *reader, size_t *count, cf_error *error);
/* One whole value of any type, checked to be canonical; `out` is its encoding. */
cf_status cf_read_value(cf_reader *reader, cf_bytes *out, cf_error *error);
/* CF_MALFORMED unless everything was read. */
cf_status cf_read_end(const cf_reader *reader, cf_error *error);

/* CF_OK when `encoded` is exactly one canonical value. */
cf_status cf_value_check(cf_bytes encoded, cf_error *error);

#endif
