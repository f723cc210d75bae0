/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/disk_content.h"

#include <stdlib.h>
#include <string.h>

static void let_go(disk_block *block)
{
    if (block && --block->shares == 0)
        free(block);
}

void disk_content_release(disk_content *content)
{
    for (size_t i = 0; i < content->count; i++)
        let_go(content->blocks[i]);
    free(content->blocks);
    *content = (disk_content){0};
}

void disk_content_copy(const disk_content *from, disk_content *to)
{
    disk_content copy = *from;

    copy.capacity = from->count;
    copy.blocks = from->count ? cf_allocate(from->count, sizeof *copy.blocks) : NULL;
    for (size_t i = 0; i < from->count; i++) {
        copy.blocks[i] = from->blocks[i];
        if (copy.blocks[i])
            copy.blocks[i]->shares++;
    }
    disk_content_release(to);
    *to = copy;
}

disk_block *disk_content_block(const disk_content *content, size_t index)
{
    return index < content->count ? content->blocks[index] : NULL;
}

static void reach(disk_content *content, size_t count)
{
    if (count <= content->count)
        return;
    content->blocks = cf_grow(content->blocks, &content->capacity, count, sizeof *content->blocks);
    memset(content->blocks + content->count, 0, (count - content->count) * sizeof *content->blocks);
    content->count = count;
}

void disk_content_put(disk_content *content, size_t index, disk_block *block)
{
    disk_block *before = disk_content_block(content, index);

    if (before == block)
        return;
    if (block) {
        reach(content, index + 1);
        block->shares++;
    }
    content->blocks[index] = block;
    content->held = content->held + (block != NULL) - (before != NULL);
    let_go(before);
}

size_t disk_content_missing(const disk_content *content, uint64_t offset, size_t size)
{
    size_t missing = 0;

    if (size)
        for (size_t i = offset / DISK_BLOCK; i <= (offset + size - 1) / DISK_BLOCK; i++)
            missing += !disk_content_block(content, i);
    return missing;
}

/* A block that is the content's alone. */
static disk_block *own_block(disk_content *content, size_t index)
{
    disk_block *block = disk_content_block(content, index);

    if (block && block->shares == 1)
        return block;
    disk_block *copy = cf_allocate(1, sizeof *copy);
    if (block)
        memcpy(copy->bytes, block->bytes, DISK_BLOCK);
    disk_content_put(content, index, copy);
    return copy;
}

static size_t piece(uint64_t offset, size_t size)
{
    size_t room = DISK_BLOCK - offset % DISK_BLOCK;

    return size < room ? size : room;
}

void disk_content_write(disk_content *content, uint64_t offset, cf_bytes bytes)
{
    size_t length;

    for (size_t done = 0; done < bytes.size; done += length) {
        uint64_t at = offset + done;

        length = piece(at, bytes.size - done);
        memcpy(own_block(content, at / DISK_BLOCK)->bytes + at % DISK_BLOCK, bytes.data + done,
               length);
    }
    if (bytes.size && offset + bytes.size > content->size)
        content->size = offset + bytes.size;
}

size_t disk_content_read(const disk_content *content, uint64_t offset, void *out, size_t size)
{
    size_t length;

    if (offset >= content->size)
        return 0;
    if (size > content->size - offset)
        size = content->size - offset;
    for (size_t done = 0; done < size; done += length) {
        uint64_t at = offset + done;
        const disk_block *block = disk_content_block(content, at / DISK_BLOCK);

        length = piece(at, size - done);
        if (block)
            memcpy((uint8_t *)out + done, block->bytes + at % DISK_BLOCK, length);
        else
            memset((uint8_t *)out + done, 0, length);
    }
    return size;
}

void disk_content_resize(disk_content *content, uint64_t size)
{
    size_t last = size / DISK_BLOCK, tail = size % DISK_BLOCK;

    if (size < content->size) {
        size_t kept = last + (tail != 0);

        for (size_t i = kept; i < content->count; i++)
            disk_content_put(content, i, NULL);
        if (content->count > kept)
            content->count = kept;
        if (tail && disk_content_block(content, last))
            memset(own_block(content, last)->bytes + tail, 0, DISK_BLOCK - tail);
    }
    content->size = size;
}

void disk_content_next(const disk_content *content, uint64_t offset, uint64_t *from, uint64_t *to)
{
    size_t at = offset / DISK_BLOCK;

    while (at < content->count && !content->blocks[at])
        at++;
    *from = *to = content->size;
    if (at >= content->count || offset >= content->size)
        return;
    uint64_t start = (uint64_t)at * DISK_BLOCK;
    *from = start > offset ? start : offset;
    while (at < content->count && content->blocks[at])
        at++;
    uint64_t end = (uint64_t)at * DISK_BLOCK;
    *to = end < content->size ? end : content->size;
}

bool disk_content_same(const disk_content *a, const disk_content *b)
{
    size_t count = a->count > b->count ? a->count : b->count;

    if (a->size != b->size)
        return false;
    for (size_t i = 0; i < count; i++)
        if (disk_content_block(a, i) != disk_content_block(b, i))
            return false;
    return true;
}
