/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/json_inside.h"

#include <stdlib.h>
#include <string.h>

#include "codec/arena.h"
#include "codec/pointer.h"

int cf_json_hex_digit(int byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return -1;
}

static uint32_t read_unit(const uint8_t *digits)
{
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++)
        unit = unit << 4 | (uint32_t)cf_json_hex_digit(digits[i]);
    return unit;
}

static void append_character(cf_buffer *out, uint32_t code)
{
    uint8_t bytes[4];
    size_t size;

    if (code < 0x80) {
        bytes[0] = (uint8_t)code;
        size = 1;
    } else if (code < 0x800) {
        bytes[0] = (uint8_t)(0xc0 | code >> 6);
        bytes[1] = (uint8_t)(0x80 | (code & 0x3f));
        size = 2;
    } else if (code < 0x10000) {
        bytes[0] = (uint8_t)(0xe0 | code >> 12);
        bytes[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        bytes[2] = (uint8_t)(0x80 | (code & 0x3f));
        size = 3;
    } else {
        bytes[0] = (uint8_t)(0xf0 | code >> 18);
        bytes[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
        bytes[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        bytes[3] = (uint8_t)(0x80 | (code & 0x3f));
        size = 4;
    }
    cf_buffer_append(out, bytes, size);
}

/* \uXXXX, or two of them, from behind the u; `*at` goes behind. False: half of a pair. */
static bool read_unicode(cf_bytes spelled, size_t *at, cf_buffer *out)
{
    uint32_t code = read_unit(spelled.data + *at);

    *at += 4;
    if (code >= 0xd800 && code < 0xdc00 && *at + 6 < spelled.size && spelled.data[*at] == '\\' &&
        spelled.data[*at + 1] == 'u') {
        uint32_t low = read_unit(spelled.data + *at + 2);

        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            *at += 6;
        }
    }
    if (code >= 0xd800 && code < 0xe000)
        return false;
    append_character(out, code);
    return true;
}

cf_status cf_json_text(cf_bytes spelled, cf_buffer *out, cf_error *error)
{
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    size_t at = 1;

    while (at + 1 < spelled.size) {
        uint8_t byte = spelled.data[at++];

        if (byte != '\\') {
            cf_buffer_append(out, &byte, 1);
            continue;
        }
        byte = spelled.data[at++];
        const char *letter = strchr(letters, byte);
        if (byte == 'u') {
            if (!read_unicode(spelled, &at, out))
                return cf_fail(
                    error, CF_MALFORMED,
                    "a string holds half of a surrogate pair: write the other half, too");
        } else {
            cf_buffer_append(out, letter ? &meant[letter - letters] : (const char *)&byte, 1);
        }
    }
    return CF_OK;
}

void cf_json_write_text(cf_bytes text, cf_buffer *out)
{
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";

    cf_buffer_append(out, "\"", 1);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        const char *control = byte ? strchr(meant, byte) : NULL;

        if (control)
            cf_buffer_append_text(out, "\\%c", letters[control - meant]);
        else if (byte < 0x20)
            cf_buffer_append_text(out, "\\u%04x", byte);
        else if (byte == '"' || byte == '\\')
            cf_buffer_append_text(out, "\\%c", byte);
        else
            cf_buffer_append(out, &byte, 1);
    }
    cf_buffer_append(out, "\"", 1);
}

/* What a name says. One that says nothing in UTF-8 stays as it is spelled, with its quotes. */
static cf_bytes meaning(cf_bytes spelled, cf_arena *arena)
{
    cf_buffer text = {0};
    cf_error error;
    cf_bytes said;

    if (!memchr(spelled.data, '\\', spelled.size))
        return cf_bytes_of(spelled.data + 1, spelled.size - 2);
    bool fine = !cf_json_text(spelled, &text, &error);
    said = cf_arena_copy(arena, fine ? cf_buffer_view(&text) : spelled);
    cf_buffer_release(&text);
    return said;
}

typedef struct {
    cf_bytes name;
    uint32_t node;
} named;

static int compare(const void *left, const void *right)
{
    const named *a = left, *b = right;
    int order = cf_bytes_compare(a->name, b->name);

    return order ? order : a->node < b->node ? -1 : 1;
}

cf_bytes cf_json_spelled_name(const cf_json *json, size_t node)
{
    return cf_bytes_of(json->input.data + json->nodes[node].name, json->nodes[node].name_size);
}

void cf_json_find_repeated(cf_json *json, uint32_t object)
{
    const size_t count = json->nodes[object].children;
    const uint32_t end = json->nodes[object].end;
    cf_arena arena = {0};
    size_t filled = 0;

    if (count < 2)
        return;
    named *members = cf_allocate(count, sizeof *members);
    for (uint32_t child = object + 1; child < end; child = json->nodes[child].end)
        members[filled++] = (named){meaning(cf_json_spelled_name(json, child), &arena), child};
    qsort(members, filled, sizeof *members, compare);
    for (size_t i = 1; i < filled; i++)
        if (cf_bytes_equal(members[i - 1].name, members[i].name)) {
            json->nodes[members[i].node].repeated = true;
            json->repeated++;
        }
    free(members);
    cf_arena_release(&arena);
}

size_t cf_json_member(const cf_json *json, size_t object, cf_bytes name)
{
    size_t found = CF_JSON_NONE;
    cf_arena arena = {0};

    if (json->nodes[object].type != CF_JSON_OBJECT)
        return CF_JSON_NONE;
    for (uint32_t child = (uint32_t)object + 1;
         child < json->nodes[object].end && found == CF_JSON_NONE; child = json->nodes[child].end)
        if (cf_bytes_equal(meaning(cf_json_spelled_name(json, child), &arena), name))
            found = child;
    cf_arena_release(&arena);
    return found;
}

static size_t element(const cf_json *json, size_t array, cf_bytes digits)
{
    size_t index = 0;

    if (digits.size == 0 || digits.size > 9 || (digits.size > 1 && digits.data[0] == '0'))
        return CF_JSON_NONE;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return CF_JSON_NONE;
        index = index * 10 + (size_t)(digits.data[i] - '0');
    }
    if (index >= json->nodes[array].children)
        return CF_JSON_NONE;
    uint32_t child = (uint32_t)array + 1;
    while (index--)
        child = json->nodes[child].end;
    return child;
}

size_t cf_json_find(const cf_json *json, cf_bytes pointer)
{
    cf_buffer token = {0};
    size_t node = 0, at = 0;
    cf_bytes step;

    if (pointer.size && pointer.data[0] != '/')
        return CF_JSON_NONE;
    while (node != CF_JSON_NONE && cf_pointer_next(pointer, &at, &step)) {
        cf_buffer_clear(&token);
        cf_pointer_read(step, &token);
        if (json->nodes[node].type == CF_JSON_ARRAY)
            node = element(json, node, cf_buffer_view(&token));
        else
            node = cf_json_member(json, node, cf_buffer_view(&token));
    }
    cf_buffer_release(&token);
    return node;
}
