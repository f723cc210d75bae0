/* SPDX-License-Identifier: Apache-2.0 */
/* What each user may take of a broker, and takes: bytes of entries and blobs, entries a minute.
 * Entries are counted by the store. What blobs take is counted with each answer, and kept with the
 * user:
 *   before the first piece, or the first blob that goes   a record says, durably, that it changes
 *   at the end, or ten minutes after the last change      it says how many bytes it is
 * So who stops in between (a crash) leaves no number, and that user's blobs are listed once, as
 * those of a store of before: the number is always that of all pieces that were answered, and no
 * crash gives anybody room. What others did to the files while the broker was not running (copies
 * put back) is found by the daily sweep, which adds up what it lists. A handler, owned by the
 * gateway's thread. */
#ifndef CF_BROKER_MANAGEMENT_QUOTAS_H
#define CF_BROKER_MANAGEMENT_QUOTAS_H
#include "broker/blobs/blobs.h"
#include "broker/gateway/users.h"
#include "broker/log/log.h"
#include "broker/store/store.h"
#include "codec/limits.h"

/* Beyond a user's quota: the member log; and entries without blobs, by a part of it, or of what the
 * user had when it was set (deletions and small edits pass). */
#define CF_QUOTA_MEMBER_SLACK (16 * CF_MIB)
#define CF_QUOTA_MARGIN_PART 100
#define CF_QUOTA_MARGIN_MAX CF_MIB
#define CF_QUOTA_MARGIN_OF_HAD (16 * CF_KIB) /* at least, of who had more */

typedef struct cf_quotas cf_quotas;

/* "1.5 GiB" */
enum { CF_SIZE_TEXT = 32 };
void cf_size_write(uint64_t size, char text[CF_SIZE_TEXT]);

typedef struct {
    cf_store *store; /* borrowed, as the next */
    cf_blobs *blobs;
    uint64_t entries_per_minute; /* of one user; 0: as many as they like */
} cf_quotas_options;

cf_quotas *cf_quotas_new(const cf_quotas_options *options);
void cf_quotas_destroy(cf_quotas **quotas);
/* Another bound of all users, 0: none, from now on. */
void cf_quotas_set_limit(cf_quotas *quotas, uint64_t entries_per_minute);

/* Keeps what has not changed for ten minutes, once a minute. */
void cf_quotas_tick(cf_quotas *quotas, uint64_t steady_ms);
/* Keeps what doesn't change any more, before the store ends; nothing is put after it. */
void cf_quotas_finish(cf_quotas *quotas);

/* In bytes; 0: none. Durable at return. */
cf_status cf_quotas_set(cf_quotas *quotas, const cf_hash *user, uint64_t bytes, cf_error *error);
/* The record with which a new user's first entry is committed; `value` has 8 bytes. */
cf_kv cf_quotas_record(uint64_t bytes, uint8_t value[8]);
/* The user is gone: nothing of it is under way. */
void cf_quotas_forget(cf_quotas *quotas, const cf_hash *user);

typedef struct {
    uint64_t quota; /* 0: none */
    uint64_t entry_bytes;
    uint64_t blob_bytes; /* uploads counted */
    uint64_t blobs;      /* with uploads */
    uint64_t seen_ms;    /* when a session of the user last began (of those before the start
                            of this broker, to a minute); 0: never */
} cf_quota_figures;
cf_status cf_quotas_figures(cf_quotas *quotas, const cf_hash *user, cf_quota_figures *out,
                            cf_error *error);

/* A session of the user begins. */
void cf_quotas_seen(cf_quotas *quotas, cf_log *log, uint64_t now_ms);

/* CF_OK: it may be taken, and is under way until the other call says what became of it. CF_FULL:
 * over the quota; CF_LOCKED: over the number in a minute; both with a text for the user. Entries of
 * the member log may go 16 MiB beyond: who has no room can still shut a device out. Others that
 * name no blob may go a hundredth of the quota beyond, 1 MiB at most: who has no room can still
 * delete; and where the quota was set below what was taken, as much beyond that, 16 KiB at least:
 * both of the least that was taken since, so that what is freed is not taken again.
 */
cf_status cf_quotas_publish(cf_quotas *quotas, const cf_entry *entry, uint64_t steady_ms,
                            cf_error *error);
void cf_quotas_published(cf_quotas *quotas, const cf_hash *user, uint64_t size,
                         cf_append_answer answer);
/* `rest` bytes of a blob are still to come, of which `size` come now. */
cf_status cf_quotas_put(cf_quotas *quotas, const cf_hash *user, uint64_t size, uint64_t rest,
                        cf_error *error);
void cf_quotas_was_put(cf_quotas *quotas, const cf_hash *user, uint64_t size,
                       const cf_blob_held *held);
/* Blobs of the user are about to be collected; were they. */
cf_status cf_quotas_dropping(cf_quotas *quotas, const cf_hash *user, cf_error *error);
void cf_quotas_dropped(cf_quotas *quotas, const cf_hash *user, cf_blob_usage dropped);

/* Some of the user's blobs aren't where they were: what they take is listed when it is asked for
 * next; by the sweep, where pieces are under way. */
void cf_quotas_doubt(cf_quotas *quotas, const cf_hash *user);

/* Doubts the blobs of all users, with one sync: the files may be another's copies. */
void cf_quotas_doubt_all(cf_quotas *quotas, cf_users *users);

/* Rises with whatever changes the user's blobs; 0: something is under way, or the user is none. */
uint64_t cf_quotas_changes(cf_quotas *quotas, const cf_hash *user);
/* What all of them take, listed while that was `changes`: if it is so still. */
void cf_quotas_recounted(cf_quotas *quotas, const cf_hash *user, uint64_t changes,
                         cf_blob_usage usage);

#endif
