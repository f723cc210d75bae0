/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "codec/limits.h"
#include "codec/utf8.h"

/* Bytes of the UTF-8 character at `at`; 0 when there is none. */
static size_t character_at(cf_bytes name, size_t at)
{
    for (size_t size = 1; size <= 4 && at + size <= name.size; size++)
        if (cf_utf8_valid(cf_bytes_of(name.data + at, size)))
            return size;
    return 0;
}

static uint32_t code_point_of(cf_bytes character)
{
    uint32_t point = character.data[0];

    if (character.size > 1)
        point &= 0x7fU >> character.size;
    for (size_t i = 1; i < character.size; i++)
        point = point << 6 | (character.data[i] & 0x3f);
    return point;
}

/* Of Unicode 15: what is a control (Cc), a format (Cf: zero width, bidirectional, tags), a
 * separator of lines or paragraphs, or a filler that shows nothing. Variation selectors are not
 * among them: they belong to the picture before them. Ascending. */
static const struct {
    uint32_t first, last;
} unseen[] = {
    {0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},   {0x034f, 0x034f},
    {0x0600, 0x0605},   {0x061c, 0x061c},   {0x06dd, 0x06dd},   {0x070f, 0x070f},
    {0x0890, 0x0891},   {0x08e2, 0x08e2},   {0x115f, 0x1160},   {0x17b4, 0x17b5},
    {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
    {0x3164, 0x3164},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
    {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0xe00ff}, {0xe01f0, 0xe0fff},
};

static bool is_unseen(cf_bytes character)
{
    uint32_t point = code_point_of(character);
    size_t i = 0;

    while (i < sizeof unseen / sizeof *unseen && unseen[i].last < point)
        i++;
    return i < sizeof unseen / sizeof *unseen && unseen[i].first <= point;
}

static void append_escaped(cf_buffer *out, cf_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        cf_buffer_append_text(out, "\\x%02x", bytes.data[i]);
}

static void append(cf_buffer *out, cf_bytes name, bool escape_unseen)
{
    for (size_t at = 0; at < name.size;) {
        size_t size = character_at(name, at);
        cf_bytes character = cf_bytes_of(name.data + at, size ? size : 1);

        if (size == 0 || (escape_unseen && is_unseen(character)))
            append_escaped(out, character);
        else if (character.data[0] == '\\')
            cf_buffer_append(out, "\\\\", 2);
        else
            cf_buffer_append(out, character.data, character.size);
        at += character.size;
    }
}

void cf_name_append(cf_buffer *out, cf_bytes name)
{
    append(out, name, false);
}

void cf_name_append_shown(cf_buffer *out, cf_bytes name)
{
    append(out, name, true);
}

void cf_text_append(cf_buffer *out, cf_bytes text)
{
    for (size_t at = 0; at < text.size;) {
        size_t size = character_at(text, at);
        cf_bytes character = cf_bytes_of(text.data + at, size ? size : 1);
        bool is_layout = character.data[0] == '\n' || character.data[0] == '\t';

        if (size == 0 || (!is_layout && is_unseen(character)))
            append_escaped(out, character);
        else
            cf_buffer_append(out, character.data, character.size);
        at += character.size;
    }
}

void cf_json_text_append(cf_buffer *out, cf_bytes text)
{
    for (size_t at = 0; at < text.size;) {
        size_t size = character_at(text, at);
        cf_bytes character = cf_bytes_of(text.data + at, size ? size : 1);
        uint32_t point = code_point_of(character);

        if (point < 0x7f || !size || !is_unseen(character))
            cf_buffer_append(out, character.data, character.size);
        else if (point < 0x10000)
            cf_buffer_append_text(out, "\\u%04x", point);
        else
            cf_buffer_append_text(out, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10),
                                  0xdc00 + ((point - 0x10000) & 0x3ff));
        at += character.size;
    }
}

/* What stands behind a backslash; 0: nothing that we print there. */
static size_t read_escaped(cf_bytes shown, uint8_t *out)
{
    char digits[3] = {0};

    if (shown.size && shown.data[0] == '\\') {
        *out = '\\';
        return 1;
    }
    if (shown.size < 3 || shown.data[0] != 'x' || !isxdigit(shown.data[1]) ||
        !isxdigit(shown.data[2]))
        return 0;
    memcpy(digits, shown.data + 1, 2);
    *out = (uint8_t)strtoul(digits, NULL, 16);
    return 3;
}

bool cf_name_read(cf_bytes shown, cf_buffer *out)
{
    for (size_t at = 0; at < shown.size; at++) {
        uint8_t byte = shown.data[at];

        if (byte == '\\') {
            size_t size =
                read_escaped(cf_bytes_of(shown.data + at + 1, shown.size - at - 1), &byte);
            if (!size)
                return false;
            at += size;
        }
        cf_buffer_append(out, &byte, 1);
    }
    return true;
}

/* The place nearest to `at`, not after it, where a character begins. */
static size_t character_start(const cf_buffer *text, size_t at)
{
    while (at > 0 && (text->data[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* No byte is shown as less than one: of a long name only its ends can be seen. */
static void append_ends(cf_buffer *text, cf_bytes name)
{
    enum { END = CF_NAME_SHOWN };
    size_t head = END, tail = name.size - END;

    while (head > END - 4 && (name.data[head] & 0xc0) == 0x80) /* in no character */
        head--;
    while (tail < name.size - END + 4 && (name.data[tail] & 0xc0) == 0x80)
        tail++;
    append(text, cf_bytes_of(name.data, head), true);
    append(text, cf_bytes_of(name.data + tail, name.size - tail), true);
}

void cf_name_show(cf_bytes name, char out[CF_NAME_SHOWN])
{
    static const char gap[] = "…";
    cf_buffer text = {0};

    if (name.size >= 2 * CF_NAME_SHOWN)
        append_ends(&text, name);
    else
        append(&text, name, true);
    if (text.size < CF_NAME_SHOWN) {
        if (text.size)
            memcpy(out, text.data, text.size);
        out[text.size] = '\0';
    } else {
        size_t room = CF_NAME_SHOWN - sizeof gap;
        size_t head = character_start(&text, room / 3);
        size_t tail = text.size - (room - room / 3);

        while ((text.data[tail] & 0xc0) == 0x80)
            tail++;
        memcpy(out, text.data, head);
        memcpy(out + head, gap, sizeof gap - 1);
        memcpy(out + head + sizeof gap - 1, text.data + tail, text.size - tail);
        out[head + sizeof gap - 1 + text.size - tail] = '\0';
    }
    cf_buffer_release(&text);
}

void cf_name_word(const char *text, cf_buffer *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_@%+=:,./-";

    if (*text && text[strspn(text, plain)] == '\0') {
        cf_buffer_append_text(out, "%s", text);
        return;
    }
    cf_buffer_append_text(out, "'");
    for (; *text; text++)
        cf_buffer_append_text(out, *text == '\'' ? "'\\''" : "%c", *text);
    cf_buffer_append_text(out, "'");
}

bool cf_name_on_disk(cf_bytes name)
{
    if (name.size == 0 || name.size > CF_DISK_NAME_MAX)
        return false;
    if (memchr(name.data, '/', name.size) || memchr(name.data, '\0', name.size))
        return false;
    return !(name.data[0] == '.' && (name.size == 1 || (name.size == 2 && name.data[1] == '.')));
}

bool cf_name_valid(cf_bytes name)
{
    return name.size <= CF_NAME_MAX && cf_name_on_disk(name);
}
