/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a log, for its parts: log.c takes entries, log_validity.c says what counts,
 * log_wanted.c which blobs are missing. */
#ifndef CF_BROKER_LOG_LOG_INSIDE_H
#define CF_BROKER_LOG_LOG_INSIDE_H
#include "broker/leases/lease_records.h"
#include "broker/log/acceptance.h"
#include "broker/log/cutoffs.h"
#include "broker/log/head_counts.h"
#include "broker/log/log.h"
#include "broker/log/log_tables.h"
#include "broker/log/member_ancestry.h"
#include "broker/log/unsettled_heads.h"
#include "broker/members/registry.h"
#include "broker/members/verified.h"
#include "broker/platform/hash_set.h"

typedef struct cf_flight cf_flight;

/* Blobs that are wanted, as long as they are few: their keys come and go, and whoever asks for
 * those that there are would pass each that is gone. */
typedef struct {
    cf_hash_set blobs; /* CF_LOG_WANTED_KNOWN at most */
    bool is_known;     /* no others are wanted */
} cf_wanted_blobs;

struct cf_log {
    cf_store *store;
    cf_hash user;
    const cf_keys *keys; /* or NULL */
    uint64_t epoch;      /* of the store's acquire */
    cf_registry *registry;
    cf_hash members_digest;                /* of all that the registry holds, see verified.h */
    bool has_verified;                     /* the store has, or gets, the record that says so */
    cf_log_members_change *members_change; /* or NULL */
    void *members_context;
    cf_unsettled_heads *heads_under_way;
    cf_member_ancestry *ancestry;
    cf_cutoffs *cutoffs;
    cf_head_counts *heads; /* committed, and on their way */
    cf_head_bounds head_bounds;
    cf_lease_records leases;
    cf_flight *flights;
    cf_wanted_blobs wanted;
    bool is_off; /* an append failed: what registry and leases took ahead of it may not be there */
};

/* See cf_log_record. */
static inline void cf_log_put_record(cf_log *log, const cf_kv *record)
{
    const cf_append append = {
        .user = log->user, .epoch = log->epoch, .records = record, .record_count = 1};

    log->store->append(log->store, &append);
}

static inline cf_acceptance cf_log_judge(const cf_log *log)
{
    return (cf_acceptance){log->store,    &log->user,   log->registry, log->heads_under_way,
                           log->ancestry, log->cutoffs, log->heads,    &log->head_bounds};
}

/* What is written with an entry; the records' bytes are the arena's. */
typedef struct {
    cf_kv *at;
    size_t count, capacity;
} cf_record_list;

/* Adds the marks that an entry leaves, which the registry has taken already if it is a member's. */
void cf_log_mark(const cf_log *log, const cf_entry *entry, bool is_new_member, cf_arena *arena,
                 cf_record_list *out);
/* Adds those of the blobs that it names and that are not here. */
void cf_log_mark_wanted(const cf_log *log, const cf_entry *entry, const cf_offer *offer,
                        cf_arena *arena, cf_record_list *out);
/* The blobs that such records are of; to be freed. */
cf_hash *cf_log_wanted_of(const cf_kv *records, size_t count);
void cf_log_note_wanted(cf_log *log, const cf_hash *blobs, size_t count);

#endif
