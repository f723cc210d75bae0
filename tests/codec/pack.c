/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack.h"

#include <float.h>
#include <stdlib.h>

#include "codec/limits.h"
#include "tests/support/expect.h"

static const uint64_t edges[] = {0,          1,
                                 31,         32,
                                 127,        128,
                                 255,        256,
                                 32767,      32768,
                                 65535,      65536,
                                 INT32_MAX,  UINT64_C(1) << 31,
                                 UINT32_MAX, UINT64_C(1) << 32,
                                 INT64_MAX,  UINT64_C(1) << 63,
                                 UINT64_MAX};
enum { EDGE_COUNT = sizeof edges / sizeof *edges };

static void expect_refused(const void *bytes, size_t size)
{
    cf_error error;

    expect_fails(cf_value_check(cf_bytes_of(bytes, size), &error), CF_MALFORMED);
}
#define expect_refused_text(text) expect_refused(text, sizeof(text) - 1)

Test(pack, reads_back_every_number_it_wrote)
{
    for (size_t i = 0; i < EDGE_COUNT; i++) {
        cf_buffer out = {0};
        cf_error error;
        uint64_t natural;
        int64_t negative, wanted = (int64_t)(0 - (edges[i] & INT64_MAX)) - 1;

        cf_pack_uint(&out, edges[i]);
        cf_pack_int(&out, wanted);
        cf_reader reader = cf_reader_of(cf_buffer_view(&out));
        expect_ok(cf_read_uint(&reader, &natural, &error), error);
        expect_ok(cf_read_int(&reader, &negative, &error), error);
        expect_ok(cf_read_end(&reader, &error), error);
        cr_assert_eq(natural, edges[i]);
        cr_assert_eq(negative, wanted);
        cf_buffer_release(&out);
    }
}

Test(pack, reads_as_integers_all_that_have_room_in_64_bits_and_no_more)
{
    static const int64_t numbers[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    static const uint64_t larger[] = {(uint64_t)INT64_MAX + 1, UINT64_MAX};
    cf_buffer out = {0};
    cf_error error;
    int64_t read;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        cf_buffer_clear(&out);
        cf_pack_int(&out, numbers[i]);
        cf_reader reader = cf_reader_of(cf_buffer_view(&out));
        expect_ok(cf_read_int(&reader, &read, &error), error);
        cr_expect_eq(read, numbers[i]);
    }
    for (size_t i = 0; i < sizeof larger / sizeof *larger; i++) {
        cf_buffer_clear(&out);
        cf_pack_uint(&out, larger[i]);
        cf_reader reader = cf_reader_of(cf_buffer_view(&out));
        expect_fails(cf_read_int(&reader, &read, &error), CF_MALFORMED);
    }
    cf_buffer_release(&out);
}

Test(pack, writes_a_natural_number_alike_whatever_its_c_type)
{
    for (size_t i = 0; i < EDGE_COUNT; i++) {
        if (edges[i] > INT64_MAX)
            continue;
        cf_buffer a = {0}, b = {0};

        cf_pack_uint(&a, edges[i]);
        cf_pack_int(&b, (int64_t)edges[i]);
        cr_assert(cf_bytes_equal(cf_buffer_view(&a), cf_buffer_view(&b)));
        cf_buffer_release(&a);
        cf_buffer_release(&b);
    }
}

Test(pack, reads_back_bytes_texts_and_counts_at_every_edge)
{
    static const size_t sizes[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536};
    uint8_t *bytes = calloc(1, 65536);

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        cf_buffer out = {0};
        cf_error error;
        cf_bytes bin, text, value;

        cf_pack_bin(&out, cf_bytes_of(bytes, sizes[i]));
        cf_pack_text(&out, cf_bytes_of(bytes, sizes[i]));
        cf_pack_array(&out, sizes[i]);
        for (size_t n = 0; n < sizes[i]; n++)
            cf_pack_nil(&out);
        cf_pack_map(&out, sizes[i]);
        for (size_t n = 0; n < sizes[i]; n++) {
            cf_pack_uint(&out, n);
            cf_pack_bool(&out, n & 1);
        }
        cf_reader reader = cf_reader_of(cf_buffer_view(&out));
        expect_ok(cf_read_bin(&reader, &bin, &error), error);
        expect_ok(cf_read_text(&reader, &text, &error), error);
        expect_ok(cf_read_value(&reader, &value, &error), error);
        expect_ok(cf_read_value(&reader, &value, &error), error);
        expect_ok(cf_read_end(&reader, &error), error);
        cr_assert_eq(bin.size, sizes[i]);
        cr_assert_eq(text.size, sizes[i]);
        cf_buffer_release(&out);
    }
    free(bytes);
}

Test(pack, reads_back_floats_nil_and_booleans)
{
    cf_buffer out = {0};
    cf_error error;
    double number;
    bool flag;

    cf_pack_float(&out, -DBL_MAX);
    cf_pack_nil(&out);
    cf_pack_bool(&out, true);
    cf_reader reader = cf_reader_of(cf_buffer_view(&out));
    expect_ok(cf_read_float(&reader, &number, &error), error);
    expect_ok(cf_read_nil(&reader, &error), error);
    expect_ok(cf_read_bool(&reader, &flag, &error), error);
    cr_assert_float_eq(number, -DBL_MAX, 0);
    cr_assert(flag);
    cf_buffer_release(&out);
}

Test(pack, refuses_numbers_and_lengths_in_longer_forms_than_needed)
{
    expect_refused_text("\xcc\x7f");                       /* uint8 */
    expect_refused_text("\xcd\x00\xff");                   /* uint16 */
    expect_refused_text("\xce\x00\x00\xff\xff");           /* uint32 */
    expect_refused_text("\xcf\0\0\0\0\xff\xff\xff\xff");   /* uint64 */
    expect_refused_text("\xd0\xe0");                       /* int8 -32 */
    expect_refused_text("\xd0\x05");                       /* int8, positive */
    expect_refused_text("\xd1\xff\x80");                   /* int16 -128 */
    expect_refused_text("\xd1\x7f\xff");                   /* int16, positive */
    expect_refused_text("\xd2\xff\xff\x80\x00");           /* int32 */
    expect_refused_text("\xd3\xff\xff\xff\xff\x80\0\0\0"); /* int64 */
    expect_refused_text("\xd9\x01x");                      /* str8 */
    expect_refused_text("\xda\0\x01x");                    /* str16 */
    expect_refused_text("\xdb\0\0\0\x01x");                /* str32 */
    expect_refused_text("\xc5\0\x01x");                    /* bin16 */
    expect_refused_text("\xc6\0\0\0\x01x");                /* bin32 */
    expect_refused_text("\xdc\0\x01\xc0");                 /* array16 */
    expect_refused_text("\xdd\0\0\0\x01\xc0");             /* array32 */
    expect_refused_text("\xde\0\x01\xc0\xc0");             /* map16 */
    expect_refused_text("\xdf\0\0\0\x01\xc0\xc0");         /* map32 */
}

Test(pack, refuses_types_that_have_no_place_here)
{
    expect_refused_text("\xc1");                     /* never used */
    expect_refused_text("\xca\x3f\x80\0\0");         /* float32 */
    expect_refused_text("\xd4\x01x");                /* fixext1 */
    expect_refused_text("\xd6\xff\0\0\0\0");         /* a timestamp */
    expect_refused_text("\xc7\x01\x01x");            /* ext8 */
    expect_refused_text("\xcb\x7f\xf8\0\0\0\0\0\0"); /* NaN */
    expect_refused_text("\xcb\xff\xf0\0\0\0\0\0\x01");
}

Test(pack, refuses_counts_and_lengths_beyond_what_is_there)
{
    cf_error error;
    size_t count;
    cf_reader reader = cf_reader_of(cf_bytes_of("\xdd\xff\xff\xff\xff", 5));

    expect_fails(cf_read_array(&reader, &count, &error), CF_MALFORMED);
    expect_refused_text("\xdd\xff\xff\xff\xff");
    expect_refused_text("\xdf\xff\xff\xff\xff");
    expect_refused_text("\xdf\x80\x00\x00\x00");
    expect_refused_text("\xc6\xff\xff\xff\xff");
    expect_refused_text("\xdb\xff\xff\xff\xff");
    expect_refused_text("\x82\xc0\xc0\xc0");
    expect_refused_text("");
}

Test(pack, refuses_keys_that_are_not_strictly_ascending)
{
    cf_error error;

    expect_refused_text("\x82\xa1"
                        "a\x01\xa1"
                        "a\x02");
    expect_refused_text("\x82\xa1"
                        "b\x01\xa1"
                        "a\x02");
    expect_refused_text("\x82\x05\xc0\x05\xc0");
    expect_refused_text("\x91\x82\x01\xc0\x00\xc0"); /* also further in */
    expect_ok(cf_value_check(cf_bytes_of_text("\x82\xa1"
                                              "a\x01\xa1"
                                              "b\x02"),
                             &error),
              error);
    /* By encoded bytes, so a shorter text comes first. */
    expect_ok(cf_value_check(cf_bytes_of_text("\x82\xa1"
                                              "b\x01\xa2"
                                              "aa\x02"),
                             &error),
              error);
}

static void nest(cf_buffer *out, int depth)
{
    cf_buffer_clear(out);
    for (int i = 0; i < depth; i++) {
        if (i & 1) {
            cf_pack_map(out, 1);
            cf_pack_uint(out, 1);
        } else {
            cf_pack_array(out, 1);
        }
    }
    cf_pack_nil(out);
}

Test(pack, takes_values_eight_deep_and_no_deeper)
{
    cf_buffer out = {0};
    cf_error error;

    nest(&out, CF_VALUE_DEPTH_MAX);
    expect_ok(cf_value_check(cf_buffer_view(&out), &error), error);
    nest(&out, CF_VALUE_DEPTH_MAX + 1);
    expect_refused(out.data, out.size);
    nest(&out, 100000);
    expect_refused(out.data, out.size);
    cf_buffer_release(&out);
}

Test(pack, takes_texts_in_utf8_only)
{
    cf_error error;

    expect_ok(cf_value_check(cf_bytes_of_text("\xaa\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!"), &error),
              error);
    expect_refused_text("\xa1\x80");
    expect_refused_text("\xa2\xc0\x80");         /* overlong */
    expect_refused_text("\xa3\xe0\x9f\xbf");     /* overlong */
    expect_refused_text("\xa3\xed\xa0\x80");     /* a surrogate */
    expect_refused_text("\xa4\xf4\x90\x80\x80"); /* over U+10FFFF */
    expect_refused_text("\xa4\xf0\x8f\xbf\xbf"); /* overlong */
    expect_refused_text("\xa2\xe2\x82");         /* cut */
    expect_refused_text("\xa2\xc3(");
}

Test(pack, names_what_it_found_and_what_it_wanted)
{
    cf_error error;
    uint64_t number;
    cf_reader reader = cf_reader_of(cf_bytes_of_text("\xa1x"));

    expect_fails(cf_read_uint(&reader, &number, &error), CF_MALFORMED);
    cr_assert_str_eq(error.text, "a text where a number should be");
}

Test(pack, refuses_bytes_of_another_size_and_bytes_behind_the_end)
{
    cf_error error;
    uint8_t exact[3];
    cf_reader reader = cf_reader_of(cf_bytes_of_text("\xc4\x02xy"));

    expect_fails(cf_read_bin_exact(&reader, exact, 3, &error), CF_MALFORMED);
    expect_refused_text("\xc0\xc0");
}

static void pack_sample(cf_buffer *out)
{
    cf_pack_array(out, 6);
    cf_pack_uint(out, 70000);
    cf_pack_int(out, -70000);
    cf_pack_bin(out, cf_bytes_of_text("bytes"));
    cf_pack_float(out, 0.5);
    cf_pack_map(out, 2);
    cf_pack_text(out, cf_bytes_of_text("a"));
    cf_pack_bool(out, false);
    cf_pack_text(out, cf_bytes_of_text("b"));
    cf_pack_array(out, 1);
    cf_pack_nil(out);
    cf_pack_text(out, cf_bytes_of_text("a text that is over 31 bytes in length"));
}

Test(pack, refuses_a_value_cut_at_any_length)
{
    cf_buffer out = {0};
    cf_error error;

    pack_sample(&out);
    expect_ok(cf_value_check(cf_buffer_view(&out), &error), error);
    for (size_t size = 0; size < out.size; size++) {
        uint8_t *cut = malloc(size ? size : 1); /* so that the sanitizer sees a byte too far */

        memcpy(cut, out.data, size);
        expect_refused(cut, size);
        free(cut);
    }
    cf_buffer_release(&out);
}

/* Writes the value again, from what the typed readers give. */
static void copy_value(cf_reader *reader, cf_buffer *out)
{
    cf_error error;
    cf_type type;
    union {
        uint64_t natural;
        int64_t integer;
        double number;
        bool flag;
        size_t count;
        cf_bytes bytes;
    } is;

    expect_ok(cf_read_type(reader, &type, &error), error);
    switch (type) {
    case CF_TYPE_NIL:
        expect_ok(cf_read_nil(reader, &error), error);
        cf_pack_nil(out);
        break;
    case CF_TYPE_BOOL:
        expect_ok(cf_read_bool(reader, &is.flag, &error), error);
        cf_pack_bool(out, is.flag);
        break;
    case CF_TYPE_UINT:
        expect_ok(cf_read_uint(reader, &is.natural, &error), error);
        cf_pack_uint(out, is.natural);
        break;
    case CF_TYPE_INT:
        expect_ok(cf_read_int(reader, &is.integer, &error), error);
        cf_pack_int(out, is.integer);
        break;
    case CF_TYPE_FLOAT:
        expect_ok(cf_read_float(reader, &is.number, &error), error);
        cf_pack_float(out, is.number);
        break;
    case CF_TYPE_TEXT:
        expect_ok(cf_read_text(reader, &is.bytes, &error), error);
        cf_pack_text(out, is.bytes);
        break;
    case CF_TYPE_BIN:
        expect_ok(cf_read_bin(reader, &is.bytes, &error), error);
        cf_pack_bin(out, is.bytes);
        break;
    case CF_TYPE_ARRAY:
        expect_ok(cf_read_array(reader, &is.count, &error), error);
        cf_pack_array(out, is.count);
        for (size_t i = is.count; i > 0; i--)
            copy_value(reader, out);
        break;
    case CF_TYPE_MAP:
        expect_ok(cf_read_map(reader, &is.count, &error), error);
        cf_pack_map(out, is.count);
        for (size_t i = 2 * is.count; i > 0; i--)
            copy_value(reader, out);
        break;
    }
}

Test(pack, whatever_it_takes_is_written_again_byte_for_byte)
{
    cf_buffer sample = {0}, again = {0};
    size_t taken = 0;

    pack_sample(&sample);
    for (size_t i = 0; i < sample.size; i++) {
        uint8_t kept = sample.data[i];

        for (int byte = 0; byte < 256; byte++) {
            cf_error error;

            sample.data[i] = (uint8_t)byte;
            if (cf_value_check(cf_buffer_view(&sample), &error))
                continue;
            cf_reader reader = cf_reader_of(cf_buffer_view(&sample));
            cf_buffer_clear(&again);
            copy_value(&reader, &again);
            cr_assert(cf_bytes_equal(cf_buffer_view(&sample), cf_buffer_view(&again)));
            taken++;
        }
        sample.data[i] = kept;
    }
    cr_assert(taken > 256);
    cf_buffer_release(&sample);
    cf_buffer_release(&again);
}
