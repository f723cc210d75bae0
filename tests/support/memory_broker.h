/* SPDX-License-Identifier: Apache-2.0 */
/* A broker in one piece, in memory and in one thread: store, blobs, users, management, gateway. Who
 * has such a broker is its shell: hands in messages, commits, ticks, and sends what is in the
 * outbox. What can't fail ends the program. */
#ifndef CF_TESTS_MEMORY_BROKER_H
#define CF_TESTS_MEMORY_BROKER_H
#include "broker/management/authority.h"

/* With zeros nothing is bounded, and nobody is told of anything. */
typedef struct {
    const cf_env *env;           /* outlives the broker */
    bool has_quotas;             /* of bytes, and with that: */
    uint64_t entries_per_minute; /* of a user; 0: any number */
    uint64_t waste_per_second;   /* of a user; 0: any */
    size_t sessions_of_user;     /* 0: any number */
    bool closed;                 /* takes no new users */
    cf_audit *audit;             /* outlives the broker */
    cf_users_access *access;
    cf_users_doubt *doubt;
    cf_room_left *room_left;
    cf_blob_absent *absent;
    void *context; /* of these four */
} memory_broker_options;

typedef struct {
    cf_store_memory_disk *disk; /* what is durable on these two outlives a stop */
    cf_blob_memory_disk *blob_disk;
    cf_store *store;
    cf_blobs *blobs;
    cf_users *users;
    cf_quotas *quotas; /* NULL: without */
    cf_management *management;
    cf_outbox *outbox;
    cf_gateway *gateway;
    cf_authority *authority;
} memory_broker;

/* Empty ones; the instance of the store is `id`. */
void memory_broker_make_disks(memory_broker *self, const uint8_t id[16]);
void memory_broker_drop_disks(memory_broker *self);

/* Its process begins, on the disks that there are. */
void memory_broker_start(memory_broker *self, const memory_broker_options *options,
                         uint64_t now_ms);
/* Its process is killed: what was not committed is answered to nobody who could still hear, and is
 * lost. */
void memory_broker_stop(memory_broker *self);

#endif
