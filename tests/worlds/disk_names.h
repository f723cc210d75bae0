/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a simulated folder, in an order that depends on a seed. */
#ifndef CF_TESTS_DISK_NAMES_H
#define CF_TESTS_DISK_NAMES_H
#include "codec/bytes.h"

typedef struct disk_node disk_node;

/* Shared, and never changed. */
typedef struct {
    uint32_t shares;
    uint32_t size;
    uint64_t key;
    uint8_t bytes[];
} disk_name;

typedef struct {
    disk_name *name;
    disk_node *to;
} disk_entry;

typedef struct {
    disk_entry *entries; /* by key, then by name */
    size_t count, capacity;
} disk_names;

uint64_t disk_name_key(uint64_t seed, cf_bytes name);
disk_name *disk_name_new(uint64_t seed, cf_bytes name);
disk_name *disk_name_share(disk_name *name);
void disk_name_release(disk_name **name);
static inline cf_bytes disk_name_bytes(const disk_name *name)
{
    return (cf_bytes){name->bytes, name->size};
}

/* Of the first entry that is not before `name`. */
size_t disk_names_from(const disk_names *names, uint64_t key, cf_bytes name);
/* NULL: there is none. */
disk_node *disk_names_find(const disk_names *names, uint64_t key, cf_bytes name);
/* `to` NULL takes the name away. */
void disk_names_set(disk_names *names, disk_name *name, disk_node *to);
void disk_names_copy(const disk_names *from, disk_names *to);
void disk_names_release(disk_names *names);

#endif
