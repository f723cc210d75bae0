/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the RocksDB store, for its parts: store_rocksdb.c makes and ends it,
 * store_rocksdb_open.c opens and closes the database, store_rocksdb_failure.c knows what failed,
 * store_rocksdb_write.c writes, store_rocksdb_heads.c keeps the heads, store_rocksdb_read.c reads,
 * store_rocksdb_forget.c removes users. What mends a store that lies there reads it by this, too
 * (store_salvage.c, repair_look.c). */
#ifndef CF_BROKER_STORE_STORE_ROCKSDB_H
#define CF_BROKER_STORE_STORE_ROCKSDB_H
#include "broker/store/rocks.h"

#include <pthread.h>
#include <stdatomic.h>

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
    int folder; /* of path, held while the store is open; -1: unknown */
    uint8_t instance[16];
    pthread_rwlock_t reopening; /* readers hold it shared while they use `rocks` */
    cf_rocks *rocks;            /* NULL after a reopen that failed */
    cf_error failure;           /* of the write that failed, else CF_OK */
    atomic_bool is_hindered;    /* writing files anew met damage: until it is opened again, without
                                   that, nothing is written */
    bool has_met_damage;        /* so: under `reopening` */
    atomic_bool is_spoilt;      /* RocksDB failed to write its log: it is never closed */
    cf_error damage;            /* what was first read damaged, else CF_OK */
    pthread_mutex_t telling;    /* held for `damage`, to change `failure`, and by other threads to
                                   read it */
    /* What is appended goes here at once, so that chains are looked up in it and the database
     * together. */
    rocksdb_writebatch_wi_t *batch;
    cf_rocks_queue queue;
    bool unsynced; /* something was written that is not durable yet */
    cf_rocks_accounts accounts;
    atomic_bool renews; /* the next commit closes and opens it, for files without old keys */
} cf_rocks_store;

static inline cf_rocks_store *cf_rocks_store_of(cf_store *base)
{
    return (cf_rocks_store *)base; /* base is its first member */
}

/* Puts what helps before an error that says that the store is damaged. */
static inline void cf_rocks_store_advise(const cf_rocks_store *self, cf_error *error)
{
    if (error->status == CF_BROKEN && self->options.remedy)
        cf_error_while(error, "%s", self->options.remedy);
}

/* The calls that read, and those that write, for base's table. */
void cf_rocks_store_set_reads(cf_store *base);
void cf_rocks_store_set_writes(cf_store *base);

/* What the disk says of the user; epoch 0 when it is unknown. */
cf_status cf_rocks_store_load(const cf_rocks_store *self, const cf_hash *user,
                              cf_rocks_account *out, cf_error *error);
/* Notes that nothing may be written any more; takes RocksDB's text. */
cf_status cf_rocks_store_give_up(cf_rocks_store *self, char *text, cf_error *error);
/* Notes what was first found damaged; NULL: nothing is, from now on. From any thread. */
void cf_rocks_store_set_damage(cf_rocks_store *self, const cf_error *found);
/* Its folder was, under who has it open: what is written there nobody finds again. */
bool cf_rocks_store_is_removed(const cf_rocks_store *self);
#define CF_ROCKS_REMOVED_FORMAT                                                                    \
    "%s was removed while it was in use: end the program that has it, and restore a backup, or "   \
    "begin anew"
/* What failed, or CF_OK; from any thread. */
cf_status cf_rocks_store_fail_again(cf_rocks_store *self, cf_error *error);
/* CF_OK in it: nothing has failed. Returns its status. */
cf_status cf_rocks_store_set_failure(cf_rocks_store *self, const cf_error *failure);
/* Writes what stands there already; `*text` gets RocksDB's, of whatever keeps it from writing. From
 * any thread. */
void cf_rocks_store_touch(const cf_rocks_store *self, char **text);
/* `size` bytes more than the batch. Nothing has been written when it is refused. */
cf_status cf_rocks_store_require_room(cf_rocks_store *self, size_t size, cf_error *error);
/* One synced write into the default table. */
cf_status cf_rocks_store_put(cf_rocks_store *self, cf_bytes key, cf_bytes value, cf_error *error);
/* Whether what is written to was lost (store_open_files.h). CF_CHANGED: the log was, and what stood
 * there alone is written anew from memory; what comes next goes into a new log. CF_BROKEN: that
 * failed, or the manifest was. */
cf_status cf_rocks_store_save_log(cf_rocks_store *self, cf_error *error);
/* Answers the whole queue; `failed` (or NULL) is why nothing of it was written. */
void cf_rocks_store_answer(cf_rocks_store *self, const cf_error *failed);
/* Commits what is in the queue: what comes next must come after it. */
cf_status cf_rocks_store_settle(cf_rocks_store *self, cf_error *error);
/* RocksDB goes by paths: of another store that was made where this one was, it would remove the
 * files that it doesn't know, also when it is closed. */
bool cf_rocks_store_is_in_place(const cf_rocks_store *self);
cf_status cf_rocks_store_open(cf_rocks_store *self, cf_error *error);
void cf_rocks_store_close(cf_rocks_store *self);
/* Closes and opens. */
cf_status cf_rocks_store_renew(cf_rocks_store *self, cf_error *error);

/* Batches what the entry makes of its writer's heads; nothing when it fails. */
cf_status cf_rocks_heads_batch(cf_rocks_store *self, const cf_hash *user, const cf_entry *entry,
                               cf_error *error);
/* Visits the heads of one key of that table. */
bool cf_rocks_heads_visit(cf_bytes key, cf_bytes value, cf_head_visit *visit, void *context,
                          bool *damaged);

/* In store_rocksdb_forget.c, for base's table. */
cf_status cf_rocks_store_forget(cf_store *base, const cf_hash *user, cf_error *error);
cf_status cf_rocks_store_purge(cf_store *base, const cf_hash *user, cf_error *error);

#endif
