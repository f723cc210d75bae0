/* SPDX-License-Identifier: Apache-2.0 */
/* Files as far as their stats tell, wherever they lie: who is moved looks as before. */
#ifndef CF_PEER_SOURCES_FILES_FILE_LOOKS_H
#define CF_PEER_SOURCES_FILES_FILE_LOOKS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t size;
    int64_t mtime_ns;
} cf_file_look;

typedef struct {
    cf_file_look *at; /* in order, once they are sorted */
    size_t count, capacity;
} cf_file_looks;

void cf_file_looks_add(cf_file_looks *list, uint64_t size, int64_t mtime_ns);
/* After all were added, and before one is asked for. */
void cf_file_looks_sort(cf_file_looks *list);
bool cf_file_looks_have(const cf_file_looks *list, uint64_t size, int64_t mtime_ns);
void cf_file_looks_release(cf_file_looks *list);

#endif
