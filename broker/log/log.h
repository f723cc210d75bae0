/* SPDX-License-Identifier: Apache-2.0 */
/* A user's log over a store: what it holds, and whether it takes an entry. Every log of a user, on
 * a broker or in a peer, takes by these rules, so all become equal. Owned by one thread, the one
 * that appends to the store. */
#ifndef CF_BROKER_LOG_LOG_H
#define CF_BROKER_LOG_LOG_H
#include "broker/log/head_counts.h"
#include "broker/leases/leases.h"
#include "broker/store/store.h"
#include "codec/entry.h"
#include "codec/error.h"
#include "codec/heads.h"
#include "codec/keys.h"

typedef struct cf_log cf_log;
typedef struct cf_registry cf_registry; /* broker/members/registry.h */

/* Who brings an entry. Of its author's own, role and blobs must be in order. What another device of
 * the user brings of it needs neither: all else that acceptance.h names, and what its author may no
 * longer write is taken as void. */
typedef enum {
    CF_BRINGER_AUTHOR,
    CF_BRINGER_ANOTHER,
    CF_BRINGER_SELF, /* this process made it, for its own log: as the author, but blobs may be
                        missing */
} cf_bringer;

typedef enum {
    CF_OFFER_NEW,   /* may be appended */
    CF_OFFER_HAVE,  /* held already, durably */
    CF_OFFER_LATER, /* the same bytes again, later */
    CF_OFFER_NEVER,
} cf_offer_answer;

typedef struct {
    cf_offer_answer answer;
    const char *code;         /* CF_REFUSED_…, a literal; NULL unless refused */
    char text[CF_ERROR_TEXT]; /* for the person */
    bool is_void; /* NEW, but the state ignores it (of what is held, ask cf_log_is_void) */
} cf_verdict;

/* Says whether a blob is stored. */
typedef bool cf_blob_stored(void *context, const cf_hash *user, const cf_hash *blob);

typedef struct {
    cf_bringer bringer;
    cf_blob_stored *stored; /* NULL: blobs aren't kept here, and none counts as missing */
    void *context;
    const cf_hash *without; /* blobs that the author says it can't make again */
    size_t without_count;
    const cf_hash *session;      /* the device that brings it; NULL: leases aren't looked at */
    const cf_lease_token *token; /* that it names; NULL: none */
} cf_offer;

/* Acquires the user, creating it when unknown, and reads its members. With `keys` of whoever keeps
 * the log, which outlive it, members that were verified once aren't verified at each opening; NULL:
 * they are. CF_BROKEN, with the store's remedy: an entry of the member log can't be read. */
cf_status cf_log_open(cf_store *store, const cf_hash *user, const cf_keys *keys, cf_log **out,
                      cf_error *error);
/* The user's members as far as they can be read, without opening the log: of one that is damaged.
 * `*damaged`: entries of the member log that can't be. */
cf_status cf_log_members(cf_store *store, const cf_hash *user, cf_registry **out, size_t *damaged,
                         cf_error *error);
/* Other numbers of heads than those of a broker's log. */
void cf_log_bound_heads(cf_log *log, const cf_head_bounds *bounds);
/* Appends under way are forgotten; their `done` is still called. */
void cf_log_destroy(cf_log **log);

const cf_hash *cf_log_user(const cf_log *log);
cf_store *cf_log_store(const cf_log *log);
const cf_registry *cf_log_registry(const cf_log *log);
/* Told from now on whenever the registry may say something else than before, or the log is to be
 * read anew, with its leases: an append to it failed. */
typedef void cf_log_members_change(void *context);
void cf_log_watch_members(cf_log *log, cf_log_members_change *change, void *context);

/* The ends of all branches. */
cf_status cf_log_heads(cf_log *log, cf_head_visit *visit, void *context, cf_error *error);
/* Whose an entry is, and in which collection. Of one of the heads that costs no reading, unless an
 * entry that is being appended takes its place. */
bool cf_log_head_place(cf_log *log, const cf_head *head, cf_head_place *out);
/* In which collection it is, where none takes its place. */
bool cf_log_head_collection(const cf_log *log, const cf_head *head, cf_id *out);
/* One entry's bytes, appended to `out`. CF_MISSING when not held. */
cf_status cf_log_get(cf_log *log, const cf_head *entry, cf_buffer *out, cf_error *error);

/* Judges a parsed entry (cf_entry_read). Fails only when the store can't be read. */
cf_status cf_log_check(cf_log *log, const cf_entry *entry, const cf_offer *offer, cf_verdict *out,
                       cf_error *error);

typedef void cf_log_done(void *context, cf_append_answer answer, uint64_t position,
                         const cf_error *error);

/* Queues an entry that was judged NEW, or HAVE, with records of the caller's; `done` is called when
 * it is durable, possibly from inside. What follows may be checked at once. */
void cf_log_append(cf_log *log, const cf_entry *entry, const cf_offer *offer, const cf_kv *records,
                   size_t record_count, cf_log_done *done, void *context);

/* Whether an entry that is held (or was judged NEW) counts for nothing: by its author's role in
 * its own past, or by a revocation. Entries that are being appended may not be seen yet. */
cf_status cf_log_is_void(cf_log *log, const cf_entry *entry, bool *is_void, cf_error *error);
/* Whether a change does so for its author's role alone: then nothing brings it back, as an
 * annulment does what a revocation made void. Of operations: false. */
cf_status cf_log_is_void_by_role(cf_log *log, const cf_entry *entry, bool *is_void,
                                 cf_error *error);

/* Whether a change that counts may do what only an owner may, by the same. */
cf_status cf_log_is_owners(cf_log *log, const cf_entry *entry, bool *is_owners, cf_error *error);

/* A device's ends of branches in every collection, as a revocation of it names them. Committed
 * entries only. */
cf_status cf_log_device_heads(cf_log *log, const cf_hash *device, cf_heads *out, cf_error *error);

/* Entries may change what entries that were there before count for (a revocation, an annulment, a
 * head that a revocation names). These are the collections where that may be so since it was last
 * settled, of committed entries; it is noted with the entries and survives a restart. Each once. */
typedef bool cf_collection_visit(void *context, const cf_id *collection);
cf_status cf_log_to_settle(cf_log *log, cf_collection_visit *visit, void *context, cf_error *error);
/* Appends to `*records` what says, once it is written, that all is settled: to be committed
 * with what was worked out anew. It borrows from the arena. */
cf_status cf_log_settle(cf_log *log, cf_arena *arena, cf_kv **records, size_t *count,
                        cf_error *error);

/* The user's leases, to be expired by the caller before anything is decided by them. NULL while the
 * store is being opened again: later. */
cf_leases *cf_log_leases(cf_log *log);
/* Whether any entry of the collection is held, or on its way. */
bool cf_log_has_collection(const cf_log *log, const cf_id *collection);
/* Queues what has changed of them; `done` is called when that is durable, also when nothing has.
 * Where it fails, they become again what the store has. */
void cf_log_keep_leases(cf_log *log, cf_log_done *done, void *context);

/* Queues a record of the caller's, alone; nobody is told when it is durable. */
void cf_log_record(cf_log *log, const cf_kv *record);

/* Blobs that entries name and that were not here when the entry came, or were lost since. */
typedef bool cf_log_wanted_visit(void *context, const cf_hash *blob);
cf_status cf_log_wanted(cf_log *log, cf_log_wanted_visit *visit, void *context, cf_error *error);
/* From any thread. */
bool cf_log_wants(cf_store *store, const cf_hash *user, const cf_hash *blob);
void cf_log_want(cf_log *log, const cf_hash *blob);
/* A blob is stored now. */
cf_status cf_log_stored(cf_log *log, const cf_hash *blob, cf_error *error);

#endif
