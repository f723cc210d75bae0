/* SPDX-License-Identifier: Apache-2.0 */
/* A heap in one piece of memory. All that was made in it can be kept as it is now, and put back at
 * once, as often as one likes: who lives many lives from one moment on need not live what was
 * before. The program's malloc and free come here (the linker's --wrap) while it is on. */
#ifndef CF_TESTS_HEAP_H
#define CF_TESTS_HEAP_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *bytes;
    size_t size, capacity;
} heap_image;

/* From now on, on an empty heap. */
void heap_begin(void);
/* Back to the system's; what is in this one stays readable until it begins again. */
void heap_end(void);

void heap_keep(heap_image *out);
void heap_put_back(const heap_image *image);
void heap_image_release(heap_image *image);

#endif
