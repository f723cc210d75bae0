/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base64.h"

#include <string.h>

enum { NONE = 0xff, CAPITALS = 26, SMALL = 52, DIGITS = 62 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What each byte counts as a letter. */
typedef struct {
    uint8_t of[256];
} numbers;

static numbers count_letters(void)
{
    numbers all;

    memset(all.of, NONE, sizeof all.of);
    for (uint8_t i = 0; i < 64; i++)
        all.of[(uint8_t)alphabet[i]] = i;
    return all;
}

bool cf_base64_end(cf_bytes text, cf_base64 *out)
{
    static const uint8_t spare[] = {0, 0, 0x0f, 0x03}; /* bits of the last letter */
    const numbers number = count_letters();
    size_t end = text.size, begin;

    while (end && text.size - end < 2 && text.data[end - 1] == '=')
        end--;
    for (begin = end; begin && number.of[text.data[begin - 1]] != NONE;)
        begin--;
    size_t over = (end - begin) % 4, padding = text.size - end;
    if (begin == end || over == 1 || (padding && over + padding != 4) ||
        number.of[text.data[end - 1]] & spare[over])
        return false;
    *out = (cf_base64){cf_bytes_of(text.data + begin, end - begin), padding || !over};
    return true;
}

bool cf_base64_is_mixed(const cf_base64 *text)
{
    const numbers number = count_letters();
    bool capital = false, small = false, digit = false, sign = false;

    for (size_t i = 0; i < text->letters.size && !(capital && small && digit && sign); i++) {
        uint8_t one = number.of[text->letters.data[i]];

        capital |= one < CAPITALS;
        small |= one >= CAPITALS && one < SMALL;
        digit |= one >= SMALL && one < DIGITS;
        sign |= one >= DIGITS;
    }
    return capital && small && digit && sign;
}

void cf_base64_read(const cf_base64 *text, cf_buffer *out)
{
    const numbers number = count_letters();
    uint8_t *at = cf_buffer_reserve(out, text->letters.size / 4 * 3 + 2);
    uint32_t bits = 0;
    int count = 0;

    for (size_t i = 0; i < text->letters.size; i++) {
        bits = bits << 6 | number.of[text->letters.data[i]];
        count += 6;
        if (count >= 8) {
            count -= 8;
            *at++ = (uint8_t)(bits >> count);
        }
    }
    out->size = (size_t)(at - out->data);
}

void cf_base64_write(cf_bytes bytes, bool padded, cf_buffer *out)
{
    uint8_t *at = cf_buffer_reserve(out, (bytes.size + 2) / 3 * 4);
    uint32_t bits = 0;
    int count = 0;

    for (size_t i = 0; i < bytes.size; i++) {
        bits = bits << 8 | bytes.data[i];
        for (count += 8; count >= 6; *at++ = (uint8_t)alphabet[bits >> count & 63])
            count -= 6;
    }
    if (count)
        *at++ = (uint8_t)alphabet[bits << (6 - count) & 63];
    for (size_t i = bytes.size; padded && i % 3; i++)
        *at++ = '=';
    out->size = (size_t)(at - out->data);
}
