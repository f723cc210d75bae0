/* SPDX-License-Identifier: Apache-2.0 */
/* Where change logs are kept: entries of each user in arrival order, found by position and by
 * chain, and private records beside them. One interface for the embedded engine (store_rocksdb),
 * the one that forgets what was not synced (store_memory, for worlds) and, later, a distributed
 * engine; one conformance suite runs against all.
 *
 * Each call touches one user and is one transaction. Reads may come from any thread; acquire,
 * append, commit, write, forget and reopen from one thread at a time. A commit that failed is never
 * retried: from then on whatever writes answers its status (CF_FULL, CF_IO or CF_BROKEN) until
 * `reopen`; reads go on. A write or an acquire for which there is no room does nothing, and the
 * next one may find some. A store that holds what the disk gave back damaged answers CF_BROKEN to
 * that read alone. */
#ifndef CF_BROKER_STORE_STORE_H
#define CF_BROKER_STORE_STORE_H
#include "broker/platform/env.h"
#include "codec/bytes.h"
#include "codec/entry.h"
#include "codec/error.h"

typedef enum {
    CF_APPEND_STORED,  /* new, durable */
    CF_APPEND_HAVE,    /* held already, and durable; its records were not written */
    CF_APPEND_GAP,     /* its predecessor in the chain is not here; nothing was written */
    CF_APPEND_FENCED,  /* not acquired, or acquired again since; nothing was written */
    CF_APPEND_CHANGED, /* a record is not what was expected; nothing was written */
    CF_APPEND_FAILED,  /* see the error. Not acknowledged: whether it is there shows after reopen,
                          and appending it again is harmless */
} cf_append_answer;

/* A private record of a user: key and value are the caller's business; the first byte of the key is
 * its table. */
typedef struct {
    cf_bytes key;
    cf_bytes value; /* data NULL: delete */
} cf_kv;

typedef struct {
    cf_hash user;
    uint64_t epoch;        /* from acquire */
    const cf_entry *entry; /* parsed; NULL: the records alone. Borrowed for the call, as the records
                              are: the store copies what it keeps */
    const cf_kv *records;  /* committed together with the entry, or not at all */
    size_t record_count;
    /* Compare-and-set: these records must be so (data NULL: not there), with all that is in the
     * queue before, or nothing is written. Not looked at where the entry is held already. */
    const cf_kv *expected;
    size_t expected_count;
    /* Called once, in the order of the appends, from commit (or where a shell delivers); it may
     * append. `position` counts from 1, and is 0 for records alone and when nothing is held.
     * `error` has a text when the answer is CF_APPEND_FAILED. NULL when nobody asks. */
    void (*done)(void *context, cf_append_answer answer, uint64_t position, const cf_error *error);
    void *context;
} cf_append;

/* Return false to stop. What they get is borrowed for the call. They may read and write; whether
 * they meet what is written meanwhile is not said. */
typedef bool cf_entry_visit(void *context, uint64_t position, cf_bytes wire);
typedef bool cf_head_visit(void *context, const cf_head *head);
typedef bool cf_chain_visit(void *context, const cf_head *entry, uint64_t position);
typedef bool cf_record_visit(void *context, cf_bytes key, cf_bytes value);
typedef bool cf_user_visit(void *context, const cf_hash *user);
/* CF_CHANGED: it was there, and is mended. What can't be read since the process lacks something
 * (cf_error_is_lack) may be whole. */
typedef void cf_damage_visit(void *context, const cf_hash *user, const cf_error *what);

typedef struct cf_store cf_store;

struct cf_store {
    /* What mends it where it is damaged, for errors that say so; NULL: nothing is said of that. */
    const char *remedy;
    void (*destroy)(cf_store *store);
    /* After a failed commit: closes, opens and reads again what is durable. Appends in the queue
     * are answered CF_APPEND_FAILED. When it fails, reads may fail too until it works, but not
     * where `failure` says that it fails for good. CF_OK at once when nothing has failed. Not from
     * inside a visitor. */
    cf_status (*reopen)(cf_store *store, cf_error *error);
    /* What the write said that failed; `*for_good`: nothing is written until the process is started
     * again, else `reopen` may help. CF_OK: all is well, or there only is no room. From any thread.
     */
    cf_status (*failure)(cf_store *store, bool *for_good, cf_error *error);
    /* RocksDB's compaction: files are written anew in the background from now on, unless that has
     * met damage. Where `rests` was not given, they are anyway. NULL: there is nothing to be done.
     */
    void (*compact)(cf_store *store);
    /* What was first read damaged since it was opened, or since a `verify` found nothing. CF_OK:
     * nothing was. From any thread. */
    cf_status (*damage)(cf_store *store, cf_error *error);
    /* The log's random instance id: a position means something only together with it. */
    void (*instance)(cf_store *store, uint8_t out[16]);
    /* Makes the caller the one that appends for the user, creating it when unknown. Epochs only
     * rise: an append under an earlier one is CF_APPEND_FENCED. Appends in the queue are committed
     * before it. */
    cf_status (*acquire)(cf_store *store, const cf_hash *user, uint64_t *epoch, cf_error *error);
    /* Queues. What one commit takes is written and synced once: group commit. */
    void (*append)(cf_store *store, const cf_append *append);
    /* Writes and syncs the queue; of one user all of it or nothing. Makes unsynced writes durable,
     * too. */
    cf_status (*commit)(cf_store *store, cf_error *error);
    /* Records alone: atomic, visible at return, and durable then when `synced`, else with the next
     * commit or synced write. Appends in the queue are committed before it. */
    cf_status (*write)(cf_store *store, const cf_hash *user, const cf_kv *records, size_t count,
                       bool synced, cf_error *error);
    /* Removes all that the store has of the user, durably at return; who appends for it is fenced.
     * Appends in the queue are committed before it. */
    cf_status (*forget)(cf_store *store, const cf_hash *user, cf_error *error);
    /* Writes the files anew in which a user was that is forgotten: when the next commit is over, no
     * byte of it is left on the disk. Takes long; may come from any thread. */
    cf_status (*purge)(cf_store *store, const cf_hash *user, cf_error *error);
    /* Entries from `position` on in arrival order, until the visitor stops. Sees committed entries
     * only, as all that follow. */
    cf_status (*read)(cf_store *store, const cf_hash *user, uint64_t position,
                      cf_entry_visit *visit, void *context, cf_error *error);
    /* The position of the newest entry; 0 when there is none. */
    cf_status (*last)(cf_store *store, const cf_hash *user, uint64_t *position, cf_error *error);
    /* The bytes of the user's entries. */
    cf_status (*size)(cf_store *store, const cf_hash *user, uint64_t *size, cf_error *error);
    /* The position of one entry; CF_MISSING when not held. */
    cf_status (*find)(cf_store *store, const cf_hash *user, const cf_head *entry,
                      uint64_t *position, cf_error *error);
    /* A writer's entries from `sequence` on, all branches, ascending by sequence, hash: what replay
     * finds its start by, without reading them. */
    cf_status (*chain)(cf_store *store, const cf_hash *user, const cf_id *writer, uint64_t sequence,
                       cf_chain_visit *visit, void *context, cf_error *error);
    /* The ends of all branches (entries without a successor), ascending by writer, sequence, hash.
     */
    cf_status (*heads)(cf_store *store, const cf_hash *user, cf_head_visit *visit, void *context,
                       cf_error *error);
    /* Appends the value to `*value`; CF_MISSING when there is none. */
    cf_status (*get)(cf_store *store, const cf_hash *user, cf_bytes key, cf_buffer *value,
                     cf_error *error);
    /* All records whose key begins with `prefix`, ascending. */
    cf_status (*scan)(cf_store *store, const cf_hash *user, cf_bytes prefix, cf_record_visit *visit,
                      void *context, cf_error *error);
    /* All users ever acquired, ascending. */
    cf_status (*users)(cf_store *store, cf_user_visit *visit, void *context, cf_error *error);
    /* Reads everything there is and checks it: checksums, entries, chains, indexes. Tells each
     * damage by name; `user` is NULL when it belongs to none. CF_OK also when there was some. */
    cf_status (*verify)(cf_store *store, cf_damage_visit *damaged, void *context, cf_error *error);
};

typedef struct {
    const char *path;      /* a directory */
    bool existing;         /* CF_BROKEN when it is absent or empty; else it is made then */
    const uint8_t *random; /* 16 bytes: the instance id of a new store */
    size_t write_buffer;   /* bytes; 0: 16 MiB */
    size_t cache;          /* bytes; 0: 32 MiB */
    bool salvages;         /* what is damaged in the logs is passed over; see store_salvage.h */
    bool reads_only;       /* nothing is written, and whatever wants to is CF_IO; epochs are taken
                              for this process alone */
    const cf_error *unwritable; /* why, then; NULL: the caller wants it so. For the call alone */
    bool rests;                 /* no file is written anew in the background before `compact` */
    bool has_inventory;         /* its files are compared with those it had when it was closed */
    const char *remedy; /* what mends a damaged store, in errors that say so; outlives the store;
                           NULL: nothing is said of that */
    /* Gets the bytes of a last write that was not whole, as a power cut leaves it, and that opening
     * cut off; it was never acknowledged. NULL: nobody asks. */
    size_t *cut;
    /* Gets, when it is closed, that the log or manifest was lost under it (CF_CHANGED: nothing that
     * stood there was), and outlives the store. NULL: nobody asks. */
    cf_error *lost;
} cf_store_options;

/* What is to be said of that; nothing when there were none. */
void cf_store_report_cut(const cf_env *env, const char *path, size_t cut);

/* CF_LOCKED when another process (or this one) has it, CF_BROKEN when it is damaged, lacks a file,
 * or is of a newer format (untouched then). */
cf_status cf_store_rocksdb_open(const cf_store_options *options, cf_store **out, cf_error *error);

/* What a memory store has made durable. It survives the store, so that a test can drop the store (a
 * crash) and make it again from there; one store at a time. */
typedef struct cf_store_memory_disk cf_store_memory_disk;
cf_store_memory_disk *cf_store_memory_disk_new(const uint8_t instance[16]);
void cf_store_memory_disk_destroy(cf_store_memory_disk **disk);
/* What a backup would hold of it: only what is durable. */
cf_store_memory_disk *cf_store_memory_disk_copy(const cf_store_memory_disk *disk);
/* From now on commits and reopening fail with `status`; CF_OK: the disk is well again. */
void cf_store_memory_disk_fail(cf_store_memory_disk *disk, cf_status status);
cf_store *cf_store_memory_new(cf_store_memory_disk *disk);

/* For stores that keep appends until later: a copy in one piece, which free() frees. Of the entry
 * it has what a store looks at: wire, hash, and the header without its lists. */
cf_append *cf_append_copy(const cf_append *append);

/* Drops the queue: appends in it are never answered. */
void cf_store_destroy(cf_store **store);

/* ---- Reading one entry out of a store ---- */

/* The bytes are appended to `wire`; CF_MISSING when it isn't held. */
cf_status cf_store_wire(cf_store *store, const cf_hash *user, const cf_head *entry, cf_buffer *wire,
                        cf_error *error);
/* The same, read; `out` borrows from `wire`, which was empty, and from the arena. */
cf_status cf_store_entry(cf_store *store, const cf_hash *user, const cf_head *entry,
                         cf_buffer *wire, cf_arena *arena, cf_entry *out, cf_error *error);
/* The entry at a position. */
cf_status cf_store_entry_at(cf_store *store, const cf_hash *user, uint64_t position,
                            cf_buffer *wire, cf_arena *arena, cf_entry *out, cf_error *error);
/* Whether it is committed; what is under way isn't. */
cf_status cf_store_holds(cf_store *store, const cf_hash *user, const cf_head *entry, bool *held,
                         cf_error *error);
/* The predecessor that a header names; its sequence is 0 when it is the first. */
cf_head cf_head_before(const cf_header *header);

#endif
