/* SPDX-License-Identifier: Apache-2.0 */
/* What a broker has, opened: data directory, store, blobs, users, management. Verbs that talk to
 * no running broker work on this alone; the running one (serve.h) puts a door in front of it. */
#ifndef CF_BROKER_PROGRAM_BROKER_DATA_H
#define CF_BROKER_PROGRAM_BROKER_DATA_H
#include "broker/blobs/blob_actor.h"
#include "broker/door/zap.h"
#include "broker/management/audit.h"
#include "broker/management/management.h"
#include "broker/management/quotas.h"
#include "broker/program/audit_kept.h"
#include "broker/program/datadir.h"
#include "broker/store/store_actor.h"

typedef struct {
    const cf_env *env;
    cf_datadir *datadir;
    cf_store_actor *store_actor; /* NULL unless it serves, as the next */
    cf_blob_actor *blob_actor;
    cf_zap *zap;
    cf_store *store;
    cf_error lost; /* what of its files was found lost when it was closed */
    cf_blobs *blobs;
    cf_users *users;
    cf_quotas *quotas;
    cf_audit *audit;
    cf_audit_kept *kept; /* what that says, unless it serves, or only reads */
    cf_management *management;
    uint64_t quota; /* in bytes, of who is invited without one; 0: none */
} cf_broker_data;

#define CF_BROKER_ZAP_DOMAIN "counterfoild"
/* What is told of it while it runs. */
#define CF_STORE_FAILED_FORMAT                                                                     \
    "nothing is written until the broker is started again, with a disk that takes it: %s"
#define CF_STORE_FAILING_FORMAT                                                                    \
    "the disk fails under the store, what devices send waits, and it is tried again: look at the " \
    "disk: %s"
#define CF_BLOBS_LOST_FORMAT                                                                       \
    "%s/blobs was removed, or replaced, under the broker: what was in it is gone; `counterfoild "  \
    "verify` asks the devices for it"
#define CF_BROKER_REMEDY "the store is damaged: `counterfoild verify --repair` mends it"

typedef struct {
    const cf_env *env;
    const char *path;
    cf_datadir_way way;
    bool writes;                 /* its audit lines are kept, and it needs room */
    bool serves;                 /* with the threads that write, and the ZAP handler */
    bool closed;                 /* no invitation is honoured */
    uint64_t entries_per_minute; /* of one user; 0: any number */
    uint64_t quota;              /* of each new user, unless another is given; 0: none */
    const char *doing;           /* what is told to who finds the directory in use */
    uint64_t patience_ms;        /* how long another process that has the directory is waited for */
} cf_broker_data_options;

/* `*out` must not move until it is closed. CF_LOCKED while another process has the directory,
 * others of
 * cf_datadir_open, CF_BROKEN also when what it has is damaged or of a newer format. */
cf_status cf_broker_data_open(const cf_broker_data_options *options, cf_broker_data *out,
                              cf_error *error);
/* Waits for appends and puts that are under way, and delivers their answers: before whoever asked
 * for them goes. */
void cf_broker_data_finish(cf_broker_data *broker_data);
void cf_broker_data_close(cf_broker_data *broker_data);

#endif
