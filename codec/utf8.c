/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/utf8.h"

/* How many bytes the sequence at `at` has; 0 when it is not well-formed. */
static size_t sequence_length(const uint8_t *at, size_t size)
{
    uint8_t first = at[0], lowest = 0x80, highest = 0xbf;
    size_t length;

    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length > size)
        return 0;
    if (first == 0xe0)
        lowest = 0xa0;
    else if (first == 0xed)
        highest = 0x9f;
    else if (first == 0xf0)
        lowest = 0x90;
    else if (first == 0xf4)
        highest = 0x8f;
    if (at[1] < lowest || at[1] > highest)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    return length;
}

bool cf_utf8_valid(cf_bytes text)
{
    for (size_t i = 0; i < text.size;) {
        size_t length = sequence_length(text.data + i, text.size - i);

        if (length == 0)
            return false;
        i += length;
    }
    return true;
}
