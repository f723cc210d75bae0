/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/terse.h"

#include <string.h>

#include "codec/base64.h"
#include "codec/limits.h"
#include "codec/pack.h"
#include "tests/support/expect.h"

enum { SIZE = 1000, LIMIT = 100000 };

/* Bytes like those of a picture, spelled behind what there is. */
static void spell(size_t size, bool padded, cf_buffer *out)
{
    uint8_t bytes[LIMIT];
    uint32_t state = 7;

    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(state >> 24);
    }
    cf_base64_write(cf_bytes_of(bytes, size), padded, out);
}

static cf_buffer text_of(const char *prefix, size_t size, bool padded, const char *behind)
{
    cf_buffer text = {0}, value = {0};

    cf_buffer_append_text(&text, "%s", prefix);
    spell(size, padded, &text);
    cf_buffer_append_text(&text, "%s", behind);
    cf_pack_text(&value, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return value;
}

/* A map with a text in an array, and a text. */
static cf_buffer card(size_t size)
{
    cf_buffer value = {0}, photo = text_of("data:image/jpeg;base64,", size, true, ""),
              logo = text_of("", size + 1, false, "");

    cf_pack_map(&value, 2);
    cf_pack_text(&value, cf_bytes_of_text("a"));
    cf_pack_array(&value, 3);
    cf_pack_uint(&value, 7);
    cf_pack_raw(&value, cf_buffer_view(&logo));
    cf_pack_text(&value, cf_bytes_of_text("short"));
    cf_pack_text(&value, cf_bytes_of_text("b"));
    cf_pack_raw(&value, cf_buffer_view(&photo));
    cf_buffer_release(&photo);
    cf_buffer_release(&logo);
    return value;
}

static void expect_back(cf_bytes value, cf_bytes form)
{
    cf_buffer back = {0};
    cf_error error;

    expect_ok(cf_terse_read(form, LIMIT, &back, &error), error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&back), value));
    cf_buffer_release(&back);
}

static void expect_terse(cf_buffer *value, size_t most)
{
    cf_buffer terse = {0};

    cr_assert(cf_terse_write(cf_buffer_view(value), &terse));
    cr_expect_leq(terse.size, most);
    expect_back(cf_buffer_view(value), cf_buffer_view(&terse));
    expect_back(cf_buffer_view(value), cf_buffer_view(value));
    cf_buffer_release(&terse);
    cf_buffer_release(value);
}

Test(terse, says_base64_as_its_bytes)
{
    for (size_t size = SIZE; size < SIZE + 6; size++) {
        cf_buffer padded = text_of("", size, true, ""), unpadded = text_of("", size, false, ""),
                  photo = text_of("data:image/jpeg;base64,", size, true, ""), both = card(size);

        expect_terse(&padded, size + 5);
        expect_terse(&unpadded, size + 5);
        expect_terse(&photo, size + 28);
        expect_terse(&both, 2 * size + 60);
    }
    cf_buffer large = text_of("", 65600, true, "");
    expect_terse(&large, 65607);
}

Test(terse, leaves_all_other_texts_as_they_are)
{
    cf_buffer others[] = {
        text_of("", CF_TERSE_LETTERS_MIN / 4 * 3 - 1, false, ""), /* too short */
        text_of("", SIZE, true, "\n"),
        text_of("", SIZE, true, "="),
        text_of("", SIZE - SIZE % 3, true, "A"),
        text_of("", SIZE - SIZE % 3, true, "AB"), /* bits left over */
        text_of("", SIZE - SIZE % 3, true, "AA="),
        text_of("", SIZE, true, ".."),
    };
    cf_buffer hex = {0}, out = {0};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_expect_not(cf_terse_write(cf_buffer_view(&others[i]), &out), "%zu", i);
        expect_back(cf_buffer_view(&others[i]), cf_buffer_view(&others[i]));
        cf_buffer_release(&others[i]);
    }
    char digits[4096];
    memset(digits, 'a', sizeof digits);
    cf_pack_text(&hex, cf_bytes_of(digits, sizeof digits));
    cr_expect_not(cf_terse_write(cf_buffer_view(&hex), &out));
    cr_expect_eq(out.size, 0);
    cf_buffer_release(&hex);
}

static void expect_refused(cf_bytes form, cf_status expected)
{
    cf_buffer out = {0};
    cf_error error;

    cr_expect_eq(cf_terse_read(form, LIMIT, &out, &error), expected);
    cr_expect_eq(out.size, 0);
    cf_buffer_release(&out);
}

Test(terse, is_refused_when_cut_or_flipped_or_said_otherwise)
{
    cf_buffer value = card(SIZE), terse = {0}, out = {0};
    cf_error ignored;

    cr_assert(cf_terse_write(cf_buffer_view(&value), &terse));
    for (size_t size = 0; size < terse.size; size++)
        expect_refused(cf_bytes_of(terse.data, size), CF_MALFORMED);
    for (size_t i = 0; i < terse.size; i++) {
        terse.data[i] ^= 0x41;
        if (cf_terse_read(cf_buffer_view(&terse), LIMIT, &out, &ignored) == CF_OK) {
            cf_buffer again = {0};

            cr_assert(cf_terse_write(cf_buffer_view(&out), &again));
            cr_assert(cf_bytes_equal(cf_buffer_view(&again), cf_buffer_view(&terse)));
            cf_buffer_release(&again);
        }
        cf_buffer_clear(&out);
        terse.data[i] ^= 0x41;
    }
    cf_buffer_append(&terse, "\0", 1);
    expect_refused(cf_buffer_view(&terse), CF_MALFORMED);
    cf_buffer_release(&terse);
    cf_buffer_release(&value);
    cf_buffer_release(&out);
}

/* c8 SIZE TYPE a0 BYTES */
static cf_buffer said(uint8_t type, uint8_t prefix, const uint8_t *bytes, uint16_t size)
{
    cf_buffer out = {0};
    uint16_t whole = (uint16_t)(size + 1);

    cf_buffer_append(&out, (uint8_t[]){0xc8, (uint8_t)(whole >> 8), (uint8_t)whole, type, prefix},
                     5);
    cf_buffer_append(&out, bytes, size);
    return out;
}

Test(terse, goes_nowhere_beyond_its_bytes)
{
    static const uint8_t beyond[] = {0xc9, 0xff, 0xff, 0xff, 0xff, 0, 0xa0};

    for (size_t size = 0; size <= sizeof beyond; size++)
        expect_refused(cf_bytes_of(beyond, size), CF_MALFORMED);
}

Test(terse, has_one_form_of_each_value)
{
    uint8_t bytes[SIZE] = {0};
    cf_buffer value = text_of("", SIZE - 1, false, ""), terse = {0};

    cr_assert(cf_terse_write(cf_buffer_view(&value), &terse));
    memcpy(bytes, terse.data + 5, SIZE - 1);
    cf_buffer others[] = {
        said(1, 0xa0, bytes, SIZE - 1), /* nothing is to be padded */
        said(2, 0xa0, bytes, SIZE - 1), said(0, 0x00, bytes, SIZE - 1), /* the prefix is no text */
        said(0, 0xa0, bytes, 30),                                       /* too short */
        said(0, 0xa1, bytes, SIZE - 1),                                 /* the prefix is a letter */
    };
    others[4].data[5] = 'Q';
    cf_buffer right = said(0, 0xa0, bytes, SIZE - 1);
    expect_back(cf_buffer_view(&value), cf_buffer_view(&right));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        expect_refused(cf_buffer_view(&others[i]), CF_MALFORMED);
        cf_buffer_release(&others[i]);
    }
    cf_buffer_release(&right);
    cf_buffer_release(&terse);
    cf_buffer_release(&value);
}

Test(terse, is_of_a_bounded_size)
{
    cf_buffer value = card(SIZE), terse = {0}, out = {0};
    cf_error error;

    cr_assert(cf_terse_write(cf_buffer_view(&value), &terse));
    expect_ok(cf_terse_read(cf_buffer_view(&terse), value.size, &out, &error), error);
    cf_buffer_clear(&out);
    for (size_t limit = 0; limit < value.size; limit++)
        expect_fails(cf_terse_read(cf_buffer_view(&terse), limit, &out, &error), CF_TOO_LARGE);
    cf_buffer_release(&terse);
    cf_buffer_release(&value);
    cf_buffer_release(&out);
}
