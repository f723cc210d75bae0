/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_broken(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: this must hold: %s\n", file, line, what);
    abort();
}

__attribute__((weak)) bool fuzz_bomb(size_t number, cf_buffer *out)
{
    (void)number;
    (void)out;
    return false;
}

cf_hash fuzz_hash(uint8_t byte)
{
    cf_hash hash;

    memset(hash.bytes, byte, sizeof hash.bytes);
    return hash;
}

cf_id fuzz_id(uint8_t byte)
{
    cf_id id;

    memset(id.bytes, byte, sizeof id.bytes);
    return id;
}

uint8_t fuzz_byte(fuzz_input *input)
{
    cf_bytes taken = fuzz_take(input, 1);

    return taken.size ? taken.data[0] : 0;
}

uint8_t fuzz_below(fuzz_input *input, uint8_t bound)
{
    return (uint8_t)(fuzz_byte(input) % bound);
}

cf_bytes fuzz_take(fuzz_input *input, size_t size)
{
    if (size > input->rest.size)
        size = input->rest.size;
    if (!size)
        return (cf_bytes){0};
    cf_bytes taken = cf_bytes_of(input->rest.data, size);

    input->rest = cf_bytes_of(input->rest.data + size, input->rest.size - size);
    return taken;
}

cf_bytes fuzz_chunk(fuzz_input *input)
{
    size_t high = fuzz_byte(input), low = fuzz_byte(input);

    return fuzz_take(input, high << 8 | low);
}

void fuzz_add_chunk(cf_buffer *out, cf_bytes chunk)
{
    const uint8_t size[2] = {(uint8_t)(chunk.size >> 8), (uint8_t)chunk.size};

    fuzz_must(chunk.size <= UINT16_MAX);
    cf_buffer_append(out, size, sizeof size);
    cf_buffer_append(out, chunk.data, chunk.size);
}

/* AddressSanitizer's own (sanitizer/allocator_interface.h): absent without it. */
__attribute__((weak)) int
__sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                          void (*on_free)(const volatile void *));
__attribute__((weak)) size_t __sanitizer_get_allocated_size(const volatile void *at);

static struct {
    bool installed, counting;
    size_t held;
} heap;

static void on_malloc(const volatile void *at, size_t size)
{
    (void)at;
    if (!heap.counting)
        return;
    heap.held += size;
    if (heap.held > FUZZ_HEAP_MAX) {
        heap.counting = false;
        fuzz_must(heap.held <= FUZZ_HEAP_MAX);
    }
}

static void on_free(const volatile void *at)
{
    size_t size = heap.counting && at ? __sanitizer_get_allocated_size(at) : 0;

    heap.held -= size < heap.held ? size : heap.held;
}

bool fuzz_bounded_run(cf_bytes input)
{
    if (!heap.installed && __sanitizer_install_malloc_and_free_hooks &&
        __sanitizer_get_allocated_size)
        __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    heap.installed = true;
    heap.held = 0;
    heap.counting = true;
    bool taken = fuzz_run(input);
    heap.counting = false;
    return taken;
}
