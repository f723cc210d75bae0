/* SPDX-License-Identifier: Apache-2.0 */
/* Which writes of an item's past are behind what lies on a disk. Pure functions. */
#ifndef CF_PEER_SOURCES_FILES_PAST_VERSION_H
#define CF_PEER_SOURCES_FILES_PAST_VERSION_H
#include "peer/bindings/disk_traits.h"
#include "peer/log/past.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A version of a file: the write that brought its content, and the one that took it away. */
typedef struct {
    const cf_past_write *content, *next; /* NULL: none, or none did */
} cf_past_version;

/* The latest with this size and time, other than the content `but`; its `content` is NULL where
 * there is none. Of several that wrote it alike it is the first's: what is here may be here since
 * then. An entry writes content and time of a file in any order. */
cf_past_version cf_past_version_of(const cf_past_item *item, const cf_disk_traits *traits,
                                   const cf_stat *stat, cf_bytes but);
/* The first write of this content: what is here may be here since then. NULL: there is none. */
const cf_past_write *cf_past_first_of(const cf_past_item *item, cf_bytes content);
/* The later of the writes that brought the item to its place; NULL: nobody told of that. */
const cf_past_write *cf_past_arrival(const cf_past_item *item, const cf_past_place *stay);

/* ---- Files as far as their stats tell ---- */

/* Wherever they lie: who is moved looks as before. */

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
