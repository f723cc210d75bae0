/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/base32.h"

#include <string.h>

static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

void cf_base32_write(cf_bytes bytes, char *text)
{
    uint32_t bits = 0;
    unsigned held = 0;

    for (size_t i = 0; i < bytes.size; i++) {
        bits = bits << 8 | bytes.data[i];
        held += 8;
        while (held >= 5) {
            held -= 5;
            *text++ = letters[bits >> held & 31];
        }
    }
    if (held)
        *text++ = letters[bits << (5 - held) & 31];
    *text = '\0';
}

static bool is_ignored(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '-';
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    const char *found = c ? strchr(letters, c) : NULL;
    return found ? (int)(found - letters) : -1;
}

bool cf_base32_read(const char *text, cf_buffer *out)
{
    uint32_t bits = 0;
    unsigned held = 0;

    for (; *text; text++) {
        if (is_ignored(*text))
            continue;
        int value = value_of(*text);
        if (value < 0)
            return false;
        bits = bits << 5 | (uint32_t)value;
        held += 5;
        if (held >= 8) {
            held -= 8;
            cf_buffer_append(out, &(uint8_t){(uint8_t)(bits >> held)}, 1);
        }
    }
    if ((bits & ((1u << held) - 1)) != 0)
        return false;
    return held < 5; /* five bits left over are a letter too many */
}

bool cf_base32_count(const char *text, size_t *count)
{
    *count = 0;
    for (; *text; text++) {
        if (is_ignored(*text))
            continue;
        if (value_of(*text) < 0)
            return false;
        ++*count;
    }
    return true;
}
