/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* Many an arena holds one key, some hold thousands of nodes: each block is twice the last one. */
enum { FIRST_BLOCK_SIZE = 256, BLOCK_SIZE = 16 * 1024 };

struct cf_arena_block {
    cf_arena_block *next;
    size_t used, size;
    alignas(max_align_t) uint8_t bytes[];
};

static size_t next_size(const cf_arena_block *last)
{
    if (!last)
        return FIRST_BLOCK_SIZE;
    return last->size < BLOCK_SIZE / 2 ? 2 * last->size : BLOCK_SIZE;
}

static cf_arena_block *block_with_room(cf_arena *arena, size_t size)
{
    cf_arena_block *first = arena->blocks;

    if (first && first->size - first->used >= size)
        return first;
    size_t usual = next_size(first);
    size_t room = size > usual ? size : usual;
    cf_arena_block *block = cf_allocate(1, sizeof *block + room);
    block->size = room;
    if (first && size > BLOCK_SIZE) { /* a large piece does not end the block in use */
        block->next = first->next;
        first->next = block;
    } else {
        block->next = first;
        arena->blocks = block;
    }
    return block;
}

void *cf_arena_allocate(cf_arena *arena, size_t count, size_t size)
{
    size_t wanted, alignment = alignof(max_align_t);

    if (__builtin_mul_overflow(count, size, &wanted) || wanted > SIZE_MAX / 2)
        abort();
    wanted = (wanted + alignment - 1) / alignment * alignment;
    cf_arena_block *block = block_with_room(arena, wanted);
    void *memory = block->bytes + block->used;
    block->used += wanted;
    return memory;
}

cf_bytes cf_arena_copy(cf_arena *arena, cf_bytes bytes)
{
    void *copy = cf_arena_allocate(arena, bytes.size, 1);

    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    return cf_bytes_of(copy, bytes.size);
}

char *cf_arena_text(cf_arena *arena, cf_bytes bytes)
{
    char *copy = cf_arena_allocate(arena, bytes.size + 1, 1);

    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    return copy;
}

void cf_arena_release(cf_arena *arena)
{
    while (arena->blocks) {
        cf_arena_block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
}

void cf_arena_join(cf_arena *to, cf_arena *from)
{
    cf_arena_block *last = from->blocks;

    if (!last)
        return;
    while (last->next)
        last = last->next;
    if (to->blocks) { /* the block in use stays first */
        last->next = to->blocks->next;
        to->blocks->next = from->blocks;
    } else {
        to->blocks = from->blocks;
    }
    from->blocks = NULL;
}
