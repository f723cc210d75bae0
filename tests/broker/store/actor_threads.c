/* SPDX-License-Identifier: Apache-2.0 */
/* Appends and puts through the actors while other threads read: tests/threads looks for races. */
#include "broker/blobs/blob_actor.h"
#include "broker/store/store_actor.h"
#include "codec/bulk.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { ENTRIES = 5000, BLOBS = 200, READERS = 2 };

static const cf_hash user = {"a user"};

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "actor_threads: %s\n", what);
    exit(1);
}

typedef struct {
    cf_store *store;
    atomic_bool *stop;
} reading;

typedef struct {
    uint64_t next;
} positions;

static bool next_position(void *context, uint64_t position, cf_bytes wire)
{
    positions *seen = context;

    must(position == seen->next++ && wire.size == 8, "entries out of order");
    must(cf_get_u64(wire.data) == position, "an entry at another's place");
    return true;
}

static bool one_head(void *context, const cf_head *head)
{
    *(uint64_t *)context = head->sequence;
    return true;
}

static bool count_record(void *context, cf_bytes key, cf_bytes value)
{
    (void)key, (void)value;
    ++*(size_t *)context;
    return true;
}

static void *read_on(void *context)
{
    const reading *it = context;
    cf_store *store = it->store;
    cf_error error;
    uint64_t sequence = 0, last = 0;

    while (!atomic_load(it->stop)) {
        positions seen = {1};
        size_t records = 0;

        must(store->last(store, &user, &last, &error) == CF_OK, error.text);
        must(store->heads(store, &user, one_head, &sequence, &error) == CF_OK, error.text);
        must(sequence >= last, "a head behind its entries");
        must(store->read(store, &user, 1, next_position, &seen, &error) == CF_OK, error.text);
        must(seen.next > last, "entries that came and went");
        must(store->scan(store, &user, (cf_bytes){0}, count_record, &records, &error) == CF_OK,
             error.text);
        must(records >= last, "entries without their records");
    }
    return NULL;
}

static size_t stored;

static void note_append(void *context, cf_append_answer answer, uint64_t position,
                        const cf_error *error)
{
    (void)context;
    must(answer == CF_APPEND_STORED, error->text);
    must(position == ++stored, "answers out of order");
}

/* A store looks at nothing of an entry but its chain, so these need no signature. */
static void append_number(cf_store *store, uint64_t epoch, uint64_t number)
{
    uint8_t bytes[8];
    cf_entry entry = {.header = {.sequence = number}};

    cf_put_u64(bytes, number);
    entry.wire = cf_bytes_of(bytes, sizeof bytes);
    cf_put_u64(entry.hash.bytes, number);
    if (number > 1)
        cf_put_u64(entry.header.previous.bytes, number - 1);
    cf_kv record = {entry.wire, entry.wire};
    store->append(store, &(cf_append){.user = user,
                                      .epoch = epoch,
                                      .entry = &entry,
                                      .records = &record,
                                      .record_count = 1,
                                      .done = note_append});
}

static void share_a_store(void)
{
    static const uint8_t instance[16];
    cf_store_memory_disk *disk = cf_store_memory_disk_new(instance);
    cf_store *inner = cf_store_memory_new(disk);
    cf_store_actor *actor;
    cf_error error;
    uint64_t epoch;
    atomic_bool stop = false;
    pthread_t readers[READERS];

    must(cf_store_actor_new(&inner, &actor, &error) == CF_OK, error.text);
    cf_store *store = cf_store_actor_store(actor);
    must(store->acquire(store, &user, &epoch, &error) == CF_OK, error.text);
    reading context = {store, &stop};
    for (int i = 0; i < READERS; i++)
        must(pthread_create(&readers[i], NULL, read_on, &context) == 0, "pthread_create");
    struct pollfd readable = {.fd = cf_store_actor_descriptor(actor), .events = POLLIN};
    for (uint64_t sent = 0; stored < ENTRIES;) {
        for (int i = 0; i < 100 && sent < ENTRIES; i++)
            append_number(store, epoch, ++sent);
        must(poll(&readable, 1, 10000) == 1, "no answer");
        cf_store_actor_deliver(actor);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    cf_store_actor_destroy(&actor);
    cf_store_memory_disk_destroy(&disk);
}

static size_t complete;

static void note_put(void *context, cf_status status, cf_blob_held held, const cf_error *error)
{
    (void)context;
    must(status == CF_OK && held.complete, error->text);
    complete++;
}

static void share_blobs(void)
{
    cf_blob_memory_disk *disk = cf_blob_memory_disk_new();
    cf_blobs *inner = cf_blob_memory_new(disk);
    cf_blob_actor *actor;
    cf_error error;
    uint8_t bytes[1000] = {0};

    must(cf_blob_actor_new(&inner, 3, &actor, &error) == CF_OK, error.text);
    cf_blobs *blobs = cf_blob_actor_blobs(actor);
    for (uint64_t i = 0; i < BLOBS; i++) {
        cf_blob_held held;

        cf_put_u64(bytes, i);
        cf_blob_put put = {.user = user, .total = sizeof bytes, .done = note_put};
        put.bytes = cf_bytes_of(bytes, sizeof bytes);
        put.id = cf_sha256_of(put.bytes);
        blobs->put(blobs, &put);
        must(blobs->held(blobs, &user, &put.id, &held, &error) == CF_OK, error.text);
        cf_blob_actor_deliver(actor);
    }
    cf_blob_actor_finish(actor);
    must(complete == BLOBS, "a put without an answer");
    cf_blob_actor_destroy(&actor);
    cf_blob_memory_disk_destroy(&disk);
}

int main(void)
{
    share_a_store();
    share_blobs();
    return 0;
}
