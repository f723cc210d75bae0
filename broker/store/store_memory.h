/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the memory store, for its two halves: store_memory.c writes, store_memory_read.c
 * reads. */
#ifndef CF_BROKER_STORE_STORE_MEMORY_H
#define CF_BROKER_STORE_STORE_MEMORY_H
#include "broker/store/memory_table.h"
#include "broker/store/store.h"

#include <pthread.h>

/* The tables of store_rocksdb, with the same keys. */
typedef enum {
    CF_MEMORY_EPOCHS, /* user -> epoch */
    CF_MEMORY_ENTRIES,
    CF_MEMORY_CHAIN,
    CF_MEMORY_HEADS,
    CF_MEMORY_RECORDS,
    CF_MEMORY_TABLES,
} cf_memory_kind;

/* What a record was before an unsynced write. */
typedef struct {
    cf_buffer key;
    cf_buffer value;
    bool existed;
} cf_memory_former;

struct cf_store_memory_disk {
    uint8_t instance[16];
    cf_status failing;
    cf_memory_table tables[CF_MEMORY_TABLES];
    cf_memory_former *unsynced; /* oldest first; owned */
    size_t unsynced_count, unsynced_capacity;
};

typedef struct {
    cf_append *append; /* a copy, owned */
    cf_append_answer answer;
    uint64_t position;
} cf_memory_pending;

typedef struct {
    cf_memory_pending *list;
    size_t count, capacity;
} cf_memory_queue;

typedef struct {
    cf_store base;
    cf_store_memory_disk *disk;
    pthread_mutex_t lock; /* of the disk */
    cf_error failure;     /* of the write that failed, else CF_OK */
    cf_memory_queue queue;
} cf_memory_store;

static inline cf_memory_store *cf_memory_store_of(cf_store *base)
{
    return (cf_memory_store *)base; /* base is its first member */
}

/* These with the lock held; 0 when there is none. */
uint64_t cf_memory_number_at(const cf_store_memory_disk *disk, cf_memory_kind kind, cf_bytes key);
uint64_t cf_memory_position_of(const cf_store_memory_disk *disk, const cf_hash *user,
                               const cf_head *head);
uint64_t cf_memory_last(const cf_store_memory_disk *disk, const cf_hash *user);
/* The calls that read, for base's table. */
void cf_memory_store_set_reads(cf_store *base);

#endif
