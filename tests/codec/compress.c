/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/compress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <sodium.h>
#include <zstd.h>

#include "codec/limits.h"
#include "tests/support/expect.h"

static const size_t plenty = 16 * CF_MIB;

static void expect_round_trip(cf_bytes plain, cf_buffer *frame)
{
    cf_error error;
    cf_buffer back = {0};

    cf_buffer_clear(frame);
    cf_frame_pack(plain, frame);
    cr_assert_leq(frame->size, plain.size + CF_FRAME_OVERHEAD);
    expect_ok(cf_frame_read(cf_buffer_view(frame), plain.size, &back, &error), error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&back), plain));
    cf_buffer_release(&back);
}

static void append_prose(cf_buffer *out, size_t size)
{
    static const char *const words[] = {
        "the",    "counterfoil", "is",    "a",    "half", "of",      "record", "that",
        "you",    "keep",        "every", "peer", "has",  "copy",    "last",   "state",
        "agreed", "on",          "and",   "only", "what", "differs", "is",     "sent"};
    uint32_t state = 1;

    while (out->size < size) {
        state = state * 1664525 + 1013904223;
        cf_buffer_append_text(out, "%s%s", words[(state >> 24) % 24],
                              state >> 8 & 15 ? " " : ".\n");
    }
}

Test(compress, goes_round_at_all_sizes)
{
    cf_buffer prose = {0}, frame = {0};
    const size_t sizes[] = {0, 1, 2, 3, 100, 4095, 65535, 65536, 65537, 300000, 1 << 20};

    append_prose(&prose, 1 << 20);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        expect_round_trip(cf_bytes_of(prose.data, sizes[i]), &frame);
    cr_assert_lt(frame.size, prose.size * 35 / 100);
    cf_buffer_release(&prose);
    cf_buffer_release(&frame);
}

Test(compress, stores_what_does_not_shrink)
{
    cf_buffer frame = {0};
    uint8_t *random = malloc(1 << 20);

    randombytes_buf(random, 1 << 20);
    for (size_t size = 1; size <= 1 << 20; size *= 4) {
        expect_round_trip(cf_bytes_of(random, size), &frame);
        cr_assert_eq(frame.size, size + CF_FRAME_OVERHEAD);
    }
    free(random);
    cf_buffer_release(&frame);
}

Test(compress, finds_what_shrinks_among_what_does_not)
{
    cf_buffer mixed = {0}, frame = {0};
    uint8_t random[32768];

    randombytes_buf(random, sizeof random);
    append_prose(&mixed, 200000);
    cf_buffer_append(&mixed, random, sizeof random);
    expect_round_trip(cf_buffer_view(&mixed), &frame);
    cr_assert_lt(frame.size, 110000);
    cf_buffer_release(&mixed);
    cf_buffer_release(&frame);
}

Test(compress, refuses_a_frame_cut_anywhere_and_any_changed_head)
{
    cf_error error;
    cf_buffer prose = {0}, frame = {0}, back = {0};

    append_prose(&prose, 3000);
    cf_frame_pack(cf_buffer_view(&prose), &frame);
    for (size_t size = 0; size < frame.size; size++)
        expect_fails(cf_frame_read(cf_bytes_of(frame.data, size), plenty, &back, &error),
                     CF_MALFORMED);
    for (size_t i = 0; i < CF_FRAME_OVERHEAD; i++)
        for (int bit = 0; bit < 8; bit++) {
            frame.data[i] ^= (uint8_t)(1 << bit);
            cr_assert(cf_frame_read(cf_buffer_view(&frame), plenty, &back, &error));
            frame.data[i] ^= (uint8_t)(1 << bit);
        }
    cr_assert_eq(back.size, 0);
    cf_buffer_release(&prose);
    cf_buffer_release(&frame);
    cf_buffer_release(&back);
}

Test(compress, survives_any_changed_byte)
{
    cf_error error;
    cf_buffer prose = {0}, frame = {0}, back = {0};

    append_prose(&prose, 2000);
    cf_frame_pack(cf_buffer_view(&prose), &frame);
    for (size_t i = 0; i < frame.size; i++)
        for (unsigned change = 1; change < 256; change += 51) {
            frame.data[i] ^= (uint8_t)change;
            cf_buffer_clear(&back);
            if (cf_frame_read(cf_buffer_view(&frame), plenty, &back, &error) == CF_OK)
                cr_assert_eq(back.size, prose.size);
            frame.data[i] ^= (uint8_t)change;
        }
    cf_buffer_release(&prose);
    cf_buffer_release(&frame);
    cf_buffer_release(&back);
}

Test(compress, ignores_padding_of_zeros_and_no_other)
{
    cf_error error;
    cf_buffer frame = {0}, back = {0};

    cf_frame_pack(cf_bytes_of_text("padded"), &frame);
    for (int i = 0; i < 50; i++) {
        cf_buffer_append(&frame, "", 1);
        cf_buffer_clear(&back);
        expect_ok(cf_frame_read(cf_buffer_view(&frame), plenty, &back, &error), error);
        cr_assert(cf_bytes_equal(cf_buffer_view(&back), cf_bytes_of_text("padded")));
    }
    frame.data[frame.size - 20] = 1;
    expect_fails(cf_frame_read(cf_buffer_view(&frame), plenty, &back, &error), CF_MALFORMED);
    cf_buffer_release(&frame);
    cf_buffer_release(&back);
}

Test(compress, refuses_more_than_the_limit)
{
    cf_error error;
    cf_buffer frame = {0}, back = {0};

    cf_frame_pack(cf_bytes_of_text("seven b"), &frame);
    expect_ok(cf_frame_read(cf_buffer_view(&frame), 7, &back, &error), error);
    expect_fails(cf_frame_read(cf_buffer_view(&frame), 6, &back, &error), CF_TOO_LARGE);
    cf_buffer_release(&frame);
    cf_buffer_release(&back);
}

/* 16 KiB of zstd that make 512 MiB of zeros. */
static void append_bomb(cf_buffer *out, size_t declared)
{
    static const uint8_t zeros[1 << 20];
    const size_t size = 512 * CF_MIB;
    size_t start = out->size;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    uint8_t *head = cf_buffer_reserve(out, 64 * 1024);
    ZSTD_outBuffer output = {head + CF_FRAME_OVERHEAD, 32 * 1024, 0};

    ZSTD_CCtx_setPledgedSrcSize(context, size);
    for (size_t at = 0; at < size; at += sizeof zeros) {
        ZSTD_inBuffer input = {zeros, sizeof zeros, 0};
        bool last = at + sizeof zeros == size;

        cr_assert_eq(
            ZSTD_compressStream2(context, &output, &input, last ? ZSTD_e_end : ZSTD_e_continue), 0);
    }
    ZSTD_freeCCtx(context);
    out->size += CF_FRAME_OVERHEAD + output.pos;
    cf_put_u32(out->data + start, (uint32_t)(output.pos + 5));
    out->data[start + 4] = 1;
    cf_put_u32(out->data + start + 5, (uint32_t)declared);
}

/* What makes the right bytes without saying how many. */
Test(compress, refuses_a_frame_that_does_not_declare_its_size)
{
    cf_error error;
    cf_buffer prose = {0}, frame = {0}, back = {0};

    append_prose(&prose, 3000);
    for (int says = 1; says >= 0; says--) {
        ZSTD_CCtx *context = ZSTD_createCCtx();

        cf_buffer_clear(&frame);
        uint8_t *head = cf_buffer_reserve(&frame, CF_FRAME_OVERHEAD + 4000);
        ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, says);
        size_t size =
            ZSTD_compress2(context, head + CF_FRAME_OVERHEAD, 4000, prose.data, prose.size);
        ZSTD_freeCCtx(context);
        cr_assert_not(ZSTD_isError(size));
        cf_put_u32(head, (uint32_t)size + CF_FRAME_OVERHEAD - 4);
        head[4] = 1;
        cf_put_u32(head + 5, (uint32_t)prose.size);
        frame.size = CF_FRAME_OVERHEAD + size;
        cr_expect_eq(cf_frame_read(cf_buffer_view(&frame), plenty, &back, &error),
                     says ? CF_OK : CF_MALFORMED);
    }
    cf_buffer_release(&prose);
    cf_buffer_release(&frame);
    cf_buffer_release(&back);
}

static long resident_kib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

Test(compress, refuses_a_bomb_in_bounded_memory)
{
    cf_error error;
    cf_buffer honest = {0}, lying = {0}, back = {0};

    append_bomb(&honest, 512 * CF_MIB);
    append_bomb(&lying, 1 * CF_MIB);
    cr_assert_lt(honest.size, 20000);
    long before = resident_kib();
    expect_fails(cf_frame_read(cf_buffer_view(&honest), plenty, &back, &error), CF_TOO_LARGE);
    expect_fails(cf_frame_read(cf_buffer_view(&lying), plenty, &back, &error), CF_MALFORMED);
    cr_assert_lt(resident_kib() - before, 20 * 1024);
    cr_assert_eq(back.size, 0);
    cf_buffer_release(&honest);
    cf_buffer_release(&lying);
    cf_buffer_release(&back);
}
