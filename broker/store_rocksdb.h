/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the RocksDB store, for its two halves: store_rocksdb.c opens and writes,
 * store_rocksdb_read.c reads. */
#ifndef CF_BROKER_STORE_ROCKSDB_H
#define CF_BROKER_STORE_ROCKSDB_H
#include "broker/rocks.h"
#include "broker/rocks_accounts.h"

#include <pthread.h>

/* An append that waits for the commit. */
typedef struct {
    cf_append_answer answer;
    uint64_t position;
    cf_error *error; /* of CF_APPEND_FAILED, owned */
    void (*done)(void *context, cf_append_answer answer, uint64_t position, const cf_error *error);
    void *context;
} cf_rocks_pending;

typedef struct {
    cf_rocks_pending *list;
    size_t count, capacity;
} cf_rocks_queue;

typedef struct {
    cf_store base;
    cf_store_options options;
    char *path;
    uint8_t instance[16];
    pthread_rwlock_t reopening; /* readers hold it shared while they use `rocks` */
    cf_rocks *rocks;            /* NULL after a reopen that failed */
    cf_error failure;           /* of the write that failed, else CF_OK */
    /* What is appended goes here at once, so that chains are looked up in it and the database
     * together. */
    rocksdb_writebatch_wi_t *batch;
    cf_rocks_queue queue;
    bool unsynced; /* something was written that is not durable yet */
    cf_rocks_accounts accounts;
} cf_rocks_store;

static inline cf_rocks_store *cf_rocks_store_of(cf_store *base)
{
    return (cf_rocks_store *)base; /* base is its first member */
}

/* The calls that read, for base's table. */
void cf_rocks_store_set_reads(cf_store *base);

#endif
