/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a simulated file, in blocks that copies share until one of them is written to. */
#ifndef CF_TESTS_DISK_CONTENT_H
#define CF_TESTS_DISK_CONTENT_H
#include "codec/bytes.h"

enum { DISK_BLOCK = 4096 };

typedef struct {
    uint32_t shares;
    uint8_t bytes[DISK_BLOCK];
} disk_block;

typedef struct {
    disk_block **blocks; /* NULL: a hole; beyond the last is one, too */
    size_t count, capacity;
    size_t held; /* that are no holes */
    uint64_t size;
} disk_content; /* {0} is empty */

void disk_content_release(disk_content *content);
/* `to` is replaced. */
void disk_content_copy(const disk_content *from, disk_content *to);
/* How many blocks writing there would add. */
size_t disk_content_missing(const disk_content *content, uint64_t offset, size_t size);
void disk_content_write(disk_content *content, uint64_t offset, cf_bytes bytes);
size_t disk_content_read(const disk_content *content, uint64_t offset, void *out, size_t size);
void disk_content_resize(disk_content *content, uint64_t size);
void disk_content_next(const disk_content *content, uint64_t offset, uint64_t *from, uint64_t *to);
/* The block, or NULL. */
disk_block *disk_content_block(const disk_content *content, size_t index);
/* Shares the block; NULL: a hole. */
void disk_content_put(disk_content *content, size_t index, disk_block *block);
/* The same blocks and size, not only equal bytes. */
bool disk_content_same(const disk_content *a, const disk_content *b);

#endif
