/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cf_bytes cf_bytes_of_text(const char *text)
{
    return (cf_bytes){(const uint8_t *)text, strlen(text)};
}

bool cf_bytes_equal(cf_bytes a, cf_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool cf_bytes_are_zero(cf_bytes bytes)
{
    return bytes.size == 0 ||
           (bytes.data[0] == 0 && memcmp(bytes.data, bytes.data + 1, bytes.size - 1) == 0);
}

int cf_bytes_compare(cf_bytes a, cf_bytes b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared ? memcmp(a.data, b.data, shared) : 0;

    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static void *or_abort(void *memory)
{
    if (!memory) {
        fputs("counterfoil: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *cf_allocate(size_t count, size_t size)
{
    return or_abort(calloc(count ? count : 1, size ? size : 1));
}

char *cf_text_copy(const char *text)
{
    return text ? cf_text_copy_of(cf_bytes_of_text(text)) : NULL;
}

char *cf_text_copy_of(cf_bytes bytes)
{
    char *copy = cf_allocate(bytes.size + 1, 1);

    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    return copy;
}

void *cf_grow(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count <= *capacity)
        return array;
    size_t grown = *capacity ? *capacity : 8;
    while (grown < count)
        grown *= 2;
    array = or_abort(reallocarray(array, grown, size));
    *capacity = grown;
    return array;
}

void *cf_grow_at(void *array, size_t *capacity, size_t count, size_t size, size_t place)
{
    array = cf_grow(array, capacity, count + 1, size);
    uint8_t *at = (uint8_t *)array + place * size;

    memmove(at + size, at, (count - place) * size);
    return array;
}

uint8_t *cf_buffer_reserve(cf_buffer *buffer, size_t size)
{
    if (buffer->capacity - buffer->size < size)
        buffer->data = cf_grow(buffer->data, &buffer->capacity, buffer->size + size, 1);
    /* Of nothing in nothing there is no place: NULL, to which nothing may be added. */
    return buffer->data ? buffer->data + buffer->size : NULL;
}

void cf_buffer_append(cf_buffer *buffer, const void *data, size_t size)
{
    if (size == 0)
        return;
    memcpy(cf_buffer_reserve(buffer, size), data, size);
    buffer->size += size;
}

void cf_buffer_append_text(cf_buffer *buffer, const char *format, ...)
{
    va_list arguments, again;

    va_start(arguments, format);
    va_copy(again, arguments);
    int needed = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (needed > 0) {
        vsnprintf((char *)cf_buffer_reserve(buffer, (size_t)needed + 1), (size_t)needed + 1, format,
                  again);
        buffer->size += (size_t)needed;
    }
    va_end(again);
}

void cf_buffer_clear(cf_buffer *buffer)
{
    buffer->size = 0;
}

void cf_buffer_release(cf_buffer *buffer)
{
    free(buffer->data);
    *buffer = (cf_buffer){0};
}

void cf_hex(cf_bytes bytes, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.size; i++) {
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    text[2 * bytes.size] = '\0';
}

static int digit_of(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

bool cf_unhex(const char *text, uint8_t *bytes, size_t size)
{
    if (strlen(text) != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void cf_put_u64(uint8_t *at, uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        at[i] = (uint8_t)number;
}

uint64_t cf_get_u64(const uint8_t *at)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++)
        number = number << 8 | at[i];
    return number;
}

void cf_put_u32(uint8_t *at, uint32_t number)
{
    for (int i = 3; i >= 0; i--, number >>= 8)
        at[i] = (uint8_t)number;
}

uint32_t cf_get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}
