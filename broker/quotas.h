/* SPDX-License-Identifier: Apache-2.0 */
/* What each user may take of a broker, and takes: bytes of entries and blobs, entries a minute. The
 * bytes are counted when a user first brings something after a start (entries were counted by the
 * store, blobs are listed) and from then on with each answer, so they are exact. A handler, owned
 * by the gateway's thread. */
#ifndef CF_BROKER_QUOTAS_H
#define CF_BROKER_QUOTAS_H
#include "broker/blobs.h"
#include "broker/log.h"
#include "broker/store.h"

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

/* In bytes; 0: none. Durable at return. */
cf_status cf_quotas_set(cf_quotas *quotas, const cf_hash *user, uint64_t bytes, cf_error *error);
/* The record with which a new user's first entry is committed; `value` has 8 bytes. */
cf_record cf_quotas_record(uint64_t bytes, uint8_t value[8]);
/* The user is gone: nothing of it is under way. */
void cf_quotas_forget(cf_quotas *quotas, const cf_hash *user);

typedef struct {
    uint64_t quota; /* 0: none */
    uint64_t entry_bytes;
    uint64_t blob_bytes; /* uploads counted */
    uint64_t seen_ms;    /* when a session of the user last began, to a minute; 0: never */
} cf_quota_figures;
cf_status cf_quotas_figures(cf_quotas *quotas, const cf_hash *user, cf_quota_figures *out,
                            cf_error *error);

/* A session of the user begins. */
void cf_quotas_seen(cf_quotas *quotas, cf_log *log, uint64_t now_ms);

/* CF_OK: it may be taken, and is under way until the other call says what became of it. CF_FULL:
 * over the quota; CF_LOCKED: over the number in a minute; both with a text for the user. Entries of
 * the member log may go 16 MiB beyond: who has no room can still shut a device out. */
cf_status cf_quotas_publish(cf_quotas *quotas, const cf_entry *entry, uint64_t now_ms,
                            cf_error *error);
void cf_quotas_published(cf_quotas *quotas, const cf_hash *user, uint64_t size,
                         cf_append_answer answer);
/* `rest` bytes of a blob are still to come, of which `size` come now. */
cf_status cf_quotas_put(cf_quotas *quotas, const cf_hash *user, uint64_t size, uint64_t rest,
                        cf_error *error);
void cf_quotas_was_put(cf_quotas *quotas, const cf_hash *user, uint64_t size, int64_t change);
/* Blobs of the user were collected. */
void cf_quotas_dropped(cf_quotas *quotas, const cf_hash *user, uint64_t bytes);

#endif
