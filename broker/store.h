/* SPDX-License-Identifier: Apache-2.0 */
/* Where change logs are kept: entries of each user in arrival order, found by position and by
 * chain, and private records beside them. One interface for the embedded engine (store_rocksdb),
 * the one that forgets what was not synced (store_memory, for worlds) and, later, a distributed
 * engine; one conformance suite runs against all.
 *
 * Each call touches one user and is one transaction. Reads may come from any thread; append, commit
 * and write from one thread at a time. A failed commit is never retried: the store answers
 * CF_BROKEN until it is opened again. */
#ifndef CF_BROKER_STORE_H
#define CF_BROKER_STORE_H
#include "codec/bytes.h"
#include "codec/entry.h"
#include "codec/error.h"

typedef enum {
    CF_APPEND_STORED, /* new, durable */
    CF_APPEND_HAVE,   /* held already, and durable */
    CF_APPEND_GAP,    /* its predecessor in the chain is not here */
    CF_APPEND_FENCED, /* another broker has acquired the user since */
    CF_APPEND_FAILED, /* see the error; nothing was written */
} cf_append_answer;

/* A private record of a user: key and value are the caller's business; the first byte of the key is
 * its table. */
typedef struct {
    cf_bytes key;
    cf_bytes value; /* data NULL: delete */
} cf_record;

typedef struct {
    cf_hash user;
    uint64_t epoch;           /* from acquire */
    const cf_entry *entry;    /* borrowed for the call: the store copies what it keeps */
    const cf_record *records; /* committed together with the entry, or not at all; borrowed */
    size_t record_count;
    /* Called from commit (or where a shell delivers), once. `position` counts from 1. */
    void (*done)(void *context, cf_append_answer answer, uint64_t position, const cf_error *error);
    void *context;
} cf_append;

/* Return false to stop. What they get is borrowed for the call. */
typedef bool cf_entry_visit(void *context, uint64_t position, cf_bytes wire);
typedef bool cf_head_visit(void *context, const cf_head *head);
typedef bool cf_record_visit(void *context, cf_bytes key, cf_bytes value);
typedef bool cf_user_visit(void *context, const cf_hash *user);

typedef struct cf_store cf_store;

struct cf_store {
    void (*destroy)(cf_store *store);
    /* The log's random instance id: a position means something only together with it. */
    void (*instance)(cf_store *store, uint8_t out[16]);
    /* Makes this process the one that appends for the user, creating it when unknown. */
    cf_status (*acquire)(cf_store *store, const cf_hash *user, uint64_t *epoch, cf_error *error);
    /* Queues. What one commit takes is written and synced once: group commit. */
    void (*append)(cf_store *store, const cf_append *append);
    cf_status (*commit)(cf_store *store, cf_error *error);
    /* Records alone: atomic, and durable when `synced`, at return. Not mixed with queued appends:
     * those commit first. */
    cf_status (*write)(cf_store *store, const cf_hash *user, const cf_record *records, size_t count,
                       bool synced, cf_error *error);
    /* Entries from `position` on in arrival order, until the visitor stops. Sees committed entries
     * only. */
    cf_status (*read)(cf_store *store, const cf_hash *user, uint64_t position,
                      cf_entry_visit *visit, void *context, cf_error *error);
    /* The position of one entry; CF_MISSING when not held. */
    cf_status (*find)(cf_store *store, const cf_hash *user, const cf_head *entry,
                      uint64_t *position, cf_error *error);
    /* The ends of all branches, ascending by writer, sequence, hash. */
    cf_status (*heads)(cf_store *store, const cf_hash *user, cf_head_visit *visit, void *context,
                       cf_error *error);
    /* CF_MISSING when there is none. */
    cf_status (*get)(cf_store *store, const cf_hash *user, cf_bytes key, cf_buffer *value,
                     cf_error *error);
    /* All records whose key begins with `prefix`, ascending. */
    cf_status (*scan)(cf_store *store, const cf_hash *user, cf_bytes prefix, cf_record_visit *visit,
                      void *context, cf_error *error);
    cf_status (*users)(cf_store *store, cf_user_visit *visit, void *context, cf_error *error);
    /* Reads everything there is and checks it: checksums, chains, indexes. Reports each damage by
     * name. */
    cf_status (*verify)(cf_store *store,
                        void (*damaged)(void *context, const cf_hash *user, const char *what),
                        void *context, cf_error *error);
};

typedef struct {
    const char *path;
    const uint8_t *random; /* 16 bytes: the instance id of a new store */
    size_t write_buffer;   /* bytes; 0: 16 MiB */
    size_t cache;          /* bytes; 0: 32 MiB */
} cf_store_options;

/* CF_LOCKED when another process has it, CF_BROKEN when it is damaged or of a newer format
 * (untouched then). */
cf_status cf_store_rocksdb_open(const cf_store_options *options, cf_store **out, cf_error *error);
/* Keeps what was committed in `*durable`, so that a test can drop the store (a crash) and make it
 * again from there. */
typedef struct cf_store_memory_disk cf_store_memory_disk;
cf_store_memory_disk *cf_store_memory_disk_new(const uint8_t instance[16]);
void cf_store_memory_disk_destroy(cf_store_memory_disk **disk);
cf_store *cf_store_memory_new(cf_store_memory_disk *disk);
void cf_store_destroy(cf_store **store);

#endif
