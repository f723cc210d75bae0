/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/heap.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Blocks are of sizes 2^n and 3 * 2^n / 2; those that were freed are in a list for each size. */
enum { SIZES = 48, HEAP_SIZE = 64 * 1024 * 1024 };

typedef struct block {
    struct block *next; /* when it is free */
    size_t size;        /* which */
    alignas(max_align_t) uint8_t bytes[];
} block;

typedef struct {
    size_t used;
    block *free[SIZES];
    alignas(max_align_t) uint8_t bytes[];
} heap;

static alignas(4096) uint8_t memory[HEAP_SIZE];
static heap *const all = (heap *)memory;
static bool is_on;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
void __wrap_free(void *old);

static size_t bytes_of(size_t size)
{
    return (size_t)(size & 1 ? 48 : 32) << (size / 2);
}

static size_t size_for(size_t bytes)
{
    if (bytes <= bytes_of(0))
        return 0;
    size_t twos = (size_t)(63 - __builtin_clzll((bytes - 1) >> 5)); /* 32 << twos < bytes */
    return 2 * twos + (bytes <= bytes_of(2 * twos + 1) ? 1 : 2);
}

static block *block_of(void *bytes)
{
    return (block *)(void *)((uint8_t *)bytes - offsetof(block, bytes));
}

static bool is_here(const void *bytes)
{
    return (const uint8_t *)bytes >= memory && (const uint8_t *)bytes < memory + sizeof memory;
}

void *__wrap_malloc(size_t bytes)
{
    if (!is_on)
        return __real_malloc(bytes);
    size_t size = size_for(bytes);
    block *found = all->free[size];
    if (found) {
        all->free[size] = found->next;
        return found->bytes;
    }
    size_t whole = sizeof(block) + bytes_of(size);
    if (sizeof memory - all->used < whole)
        abort();
    found = (block *)(void *)(memory + all->used);
    found->size = size;
    all->used += whole;
    return found->bytes;
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (!is_on)
        return __real_calloc(count, size);
    return memset(__wrap_malloc(count * size), 0, count * size);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    if (old ? !is_here(old) : !is_on)
        return __real_realloc(old, bytes);
    size_t had = old ? bytes_of(block_of(old)->size) : 0;
    if (had >= bytes && old)
        return old;
    void *fresh = __wrap_malloc(bytes);
    if (old)
        memcpy(fresh, old, had);
    __wrap_free(old);
    return fresh;
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(count, size, &bytes) ? NULL : __wrap_realloc(old, bytes);
}

void __wrap_free(void *old)
{
    if (!is_here(old)) {
        __real_free(old);
        return;
    }
    block *freed = block_of(old);
    freed->next = all->free[freed->size];
    all->free[freed->size] = freed;
}

void heap_begin(void)
{
    *all = (heap){.used = sizeof(heap)};
    is_on = true;
}

void heap_end(void)
{
    is_on = false;
}

void heap_keep(heap_image *out)
{
    if (out->capacity < all->used) {
        out->bytes = __real_realloc(out->bytes, all->used);
        out->capacity = all->used;
    }
    if (!out->bytes)
        abort();
    memcpy(out->bytes, memory, all->used);
    out->size = all->used;
}

void heap_put_back(const heap_image *image)
{
    memcpy(memory, image->bytes, image->size);
    is_on = true;
}

void heap_image_release(heap_image *image)
{
    __real_free(image->bytes);
    *image = (heap_image){0};
}
