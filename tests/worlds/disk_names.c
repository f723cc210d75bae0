/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/disk_names.h"

#include <stdlib.h>
#include <string.h>

uint64_t disk_name_key(uint64_t seed, cf_bytes name)
{
    uint64_t key = seed ^ 14695981039346656037u;

    for (size_t i = 0; i < name.size; i++)
        key = (key ^ name.data[i]) * 1099511628211u;
    key ^= key >> 32;
    key *= 0xd6e8feb86659fd93u;
    return key ^ key >> 29;
}

disk_name *disk_name_new(uint64_t seed, cf_bytes name)
{
    disk_name *made = cf_allocate(1, sizeof *made + name.size);

    made->shares = 1;
    made->size = (uint32_t)name.size;
    made->key = disk_name_key(seed, name);
    memcpy(made->bytes, name.data, name.size);
    return made;
}

disk_name *disk_name_share(disk_name *name)
{
    name->shares++;
    return name;
}

void disk_name_release(disk_name **name)
{
    if (*name && --(*name)->shares == 0)
        free(*name);
    *name = NULL;
}

static int compare(const disk_name *a, uint64_t key, cf_bytes name)
{
    if (a->key != key)
        return a->key < key ? -1 : 1;
    return cf_bytes_compare(disk_name_bytes(a), name);
}

size_t disk_names_from(const disk_names *names, uint64_t key, cf_bytes name)
{
    size_t low = 0, high = names->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (compare(names->entries[middle].name, key, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const disk_names *names, size_t at, uint64_t key, cf_bytes name)
{
    return at < names->count && compare(names->entries[at].name, key, name) == 0;
}

disk_node *disk_names_find(const disk_names *names, uint64_t key, cf_bytes name)
{
    size_t at = disk_names_from(names, key, name);

    return is_at(names, at, key, name) ? names->entries[at].to : NULL;
}

static void insert(disk_names *names, size_t at, disk_name *name, disk_node *to)
{
    names->entries =
        cf_grow(names->entries, &names->capacity, names->count + 1, sizeof *names->entries);
    memmove(names->entries + at + 1, names->entries + at,
            (names->count - at) * sizeof *names->entries);
    names->entries[at] = (disk_entry){disk_name_share(name), to};
    names->count++;
}

void disk_names_set(disk_names *names, disk_name *name, disk_node *to)
{
    size_t at = disk_names_from(names, name->key, disk_name_bytes(name));
    bool found = is_at(names, at, name->key, disk_name_bytes(name));

    if (found && to) {
        names->entries[at].to = to;
    } else if (to) {
        insert(names, at, name, to);
    } else if (found) {
        disk_name_release(&names->entries[at].name);
        names->count--;
        memmove(names->entries + at, names->entries + at + 1,
                (names->count - at) * sizeof *names->entries);
    }
}

void disk_names_release(disk_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        disk_name_release(&names->entries[i].name);
    free(names->entries);
    *names = (disk_names){0};
}

void disk_names_copy(const disk_names *from, disk_names *to)
{
    disk_names copy = {.count = from->count, .capacity = from->count};

    if (from->count)
        copy.entries = cf_allocate(from->count, sizeof *copy.entries);
    for (size_t i = 0; i < from->count; i++)
        copy.entries[i] = (disk_entry){disk_name_share(from->entries[i].name), from->entries[i].to};
    disk_names_release(to);
    *to = copy;
}
