/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes: cf_bytes borrows, cf_buffer owns; no type does both. Out of memory aborts, so sizes that
 * come from outside are checked against codec/limits.h before they reach a buffer. */
#ifndef CF_CODEC_BYTES_H
#define CF_CODEC_BYTES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The structure of type `type` whose member `member` is `at`. */
#define cf_container_of(at, type, member) ((type *)((char *)(at)-offsetof(type, member)))

typedef struct {
    const uint8_t *data; /* may be NULL when size is 0 */
    size_t size;
} cf_bytes;

typedef struct {
    uint8_t *data;
    size_t size;
    size_t capacity;
} cf_buffer; /* {0} is empty */

cf_bytes cf_bytes_of_text(const char *text);
static inline cf_bytes cf_bytes_of(const void *data, size_t size)
{
    return (cf_bytes){data, size};
}
bool cf_bytes_equal(cf_bytes a, cf_bytes b);
bool cf_bytes_are_zero(cf_bytes bytes);
/* Less than, equal to or greater than zero; a prefix sorts first. */
int cf_bytes_compare(cf_bytes a, cf_bytes b);

void cf_buffer_append(cf_buffer *buffer, const void *data, size_t size);
void cf_buffer_append_text(cf_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Makes room for `size` more bytes and returns where they go; the size grows when the caller adds
 * to buffer->size. */
uint8_t *cf_buffer_reserve(cf_buffer *buffer, size_t size);
/* Empties, keeping the memory. */
void cf_buffer_clear(cf_buffer *buffer);
/* Frees; {0} afterwards. */
void cf_buffer_release(cf_buffer *buffer);
static inline cf_bytes cf_buffer_view(const cf_buffer *buffer)
{
    return (cf_bytes){buffer->data, buffer->size};
}

/* Allocation that aborts when there is no memory. */
void *cf_allocate(size_t count, size_t size); /* zeroed; free() frees it */
char *cf_text_copy(const char *text);         /* NULL of NULL; free() frees it */
char *cf_text_copy_of(cf_bytes bytes);        /* with a '\0' behind them */
/* Grows an array in powers of two: room for at least `count` elements of `size` bytes. */
void *cf_grow(void *array, size_t *capacity, size_t count, size_t size);
/* The place of one more at the end of such an array, which is counted from then on. Each of the
 * three is a variable, or a member; what is put there must not read them, nor any of the array.
 *     *cf_one_more(list->at, list->count, list->capacity) = item; */
#define cf_one_more(array, count, capacity)                                                        \
    ((array) = cf_grow((array), &(capacity), (count) + 1, sizeof *(array)), &(array)[(count)++])
/* One more at `place`, from 0 to the count: what stood there and behind moves on by one. The place
 * is a variable, too; what lies there is as it was, until something is put there.
 *     *cf_one_more_at(list->at, list->count, list->capacity, place) = item; */
#define cf_one_more_at(array, count, capacity, place)                                              \
    ((array) = cf_grow_at((array), &(capacity), (count)++, sizeof *(array), (place)),              \
     &(array)[place])
void *cf_grow_at(void *array, size_t *capacity, size_t count, size_t size, size_t place);

/* Lower case hexadecimal; `text` has room for 2 * size + 1. */
void cf_hex(cf_bytes bytes, char *text);
/* Exactly 2 * size digits, nothing else. */
bool cf_unhex(const char *text, uint8_t *bytes, size_t size);

/* Big-endian numbers, as in keys of the store. */
void cf_put_u64(uint8_t *at, uint64_t number);
uint64_t cf_get_u64(const uint8_t *at);
void cf_put_u32(uint8_t *at, uint32_t number);
uint32_t cf_get_u32(const uint8_t *at);

#endif
