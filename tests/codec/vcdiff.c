/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/vcdiff.h"

#include "tests/support/expect.h"

#include <string.h>

Test(vcdiff, reads_numbers_and_their_ends)
{
    /* RFC 3284, section 2: 123456789. */
    const uint8_t bytes[] = {0xba, 0xef, 0x9a, 0x15, 0x7f};
    uint64_t number;
    size_t at = 0;

    cr_assert(cf_vcdiff_number(cf_bytes_of(bytes, 5), &at, &number));
    cr_assert_eq(number, 123456789);
    cr_assert_eq(at, 4);
    cr_assert(cf_vcdiff_number(cf_bytes_of(bytes, 5), &at, &number));
    cr_assert_eq(number, 127);
    cr_assert(!cf_vcdiff_number(cf_bytes_of(bytes, 5), &at, &number));
    for (size_t size = 0; size < 4; size++) {
        at = 0;
        cr_assert(!cf_vcdiff_number(cf_bytes_of(bytes, size), &at, &number));
        cr_assert_eq(at, 0);
    }
}

Test(vcdiff, refuses_numbers_of_over_63_bits)
{
    uint8_t bytes[10];
    uint64_t number;
    size_t at = 0;

    memset(bytes, 0xff, sizeof bytes);
    bytes[8] = 0x7f;
    cr_assert(cf_vcdiff_number(cf_bytes_of(bytes, 9), &at, &number));
    cr_assert_eq(number, UINT64_MAX >> 1);
    bytes[8] = 0x81;
    bytes[9] = 0;
    at = 0;
    cr_assert(!cf_vcdiff_number(cf_bytes_of(bytes, 10), &at, &number));
}

Test(vcdiff, checksums_as_adler_32)
{
    uint8_t bytes[20000];

    memset(bytes, 0xff, sizeof bytes);
    cr_assert_eq(cf_vcdiff_checksum(1, cf_bytes_of_text("Wikipedia")), 0x11e60398);
    cr_assert_eq(cf_vcdiff_checksum(1, cf_bytes_of(bytes, 0)), 1);
    uint32_t whole = cf_vcdiff_checksum(1, cf_bytes_of(bytes, sizeof bytes));
    uint32_t parts = cf_vcdiff_checksum(1, cf_bytes_of(bytes, 7001));
    cr_assert_eq(cf_vcdiff_checksum(parts, cf_bytes_of(bytes, sizeof bytes - 7001)), whole);
}

Test(vcdiff, writes_a_copy_as_one_window)
{
    const uint8_t expected[] = {
        1,    0x87, 0x68, 0x20, 10,    /* from the source: 1000 bytes at 32; 10 of body */
        0x87, 0x68, 0,    0,    3,  1, /* 1000 bytes, nothing compressed, sizes of the sections */
        19,   0x87, 0x68, 0,           /* COPY 1000, address 0 */
    };
    cf_error error;
    cf_buffer patch = {0};
    cf_sink sink = cf_sink_of_buffer(&patch);

    expect_ok(cf_vcdiff_write_copy(&sink, 32, 1000, NULL, &error), error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&patch), cf_bytes_of(expected, sizeof expected)));
    cf_buffer_release(&patch);
}

/* A stream of a copy from `offset`, an addition and another copy. */
static void write_stream(cf_buffer *stream, uint64_t offset, const uint8_t *header)
{
    cf_error error;
    uint32_t checksum = 5;
    cf_sink sink = cf_sink_of_buffer(stream);

    if (header)
        cf_buffer_append(stream, header, CF_VCDIFF_HEADER_SIZE);
    expect_ok(cf_vcdiff_write_copy(&sink, offset, 1000, &checksum, &error), error);
    expect_ok(cf_vcdiff_write_add(&sink, cf_bytes_of_text("added"), &checksum, &error), error);
    expect_ok(cf_vcdiff_write_copy(&sink, offset + 77, 1, NULL, &error), error);
}

Test(vcdiff, moves_windows_in_pieces_of_any_size)
{
    const uint64_t far = UINT64_C(200) << 30;
    cf_error error;
    cf_buffer near = {0}, moved = {0}, expected = {0};

    write_stream(&near, 100, cf_vcdiff_header);
    write_stream(&expected, 100 + far, NULL);
    for (size_t piece = 1; piece <= near.size; piece++) {
        cf_buffer_clear(&moved);
        cf_sink sink = cf_sink_of_buffer(&moved);
        cf_vcdiff_mover mover = {.sink = &sink, .distance = far};
        for (size_t at = 0; at < near.size; at += piece) {
            size_t size = near.size - at < piece ? near.size - at : piece;
            expect_ok(cf_vcdiff_move(&mover, cf_bytes_of(near.data + at, size), &error), error);
        }
        cr_assert(cf_bytes_equal(cf_buffer_view(&moved), cf_buffer_view(&expected)));
    }
    cf_buffer_release(&near);
    cf_buffer_release(&moved);
    cf_buffer_release(&expected);
}

Test(vcdiff, moves_nothing_with_another_header)
{
    const uint8_t header[CF_VCDIFF_HEADER_SIZE] = {0xd6, 0xc3, 0xc4, 0, 1};
    cf_error error;
    cf_buffer moved = {0};
    cf_sink sink = cf_sink_of_buffer(&moved);
    cf_vcdiff_mover mover = {.sink = &sink};

    expect_fails(cf_vcdiff_move(&mover, cf_bytes_of(header, sizeof header), &error), CF_BROKEN);
    cr_assert_eq(moved.size, 0);
    cf_buffer_release(&moved);
}
