/* SPDX-License-Identifier: Apache-2.0 */
/* What a broker has, opened: data directory, store, blobs, users, management. Verbs that talk to
 * no running broker work on this alone; the running one (service.h) puts a door in front of it. */
#ifndef CF_BROKER_PREMISES_H
#define CF_BROKER_PREMISES_H
#include "broker/audit.h"
#include "broker/blob_actor.h"
#include "broker/datadir.h"
#include "broker/management.h"
#include "broker/quotas.h"
#include "broker/store_actor.h"
#include "broker/zap.h"

typedef struct {
    const cf_env *env;
    cf_datadir *datadir;
    cf_store_actor *store_actor; /* NULL unless it serves, as the next */
    cf_blob_actor *blob_actor;
    cf_zap *zap;
    cf_store *store;
    cf_blobs *blobs;
    cf_users *users;
    cf_quotas *quotas;
    cf_audit *audit;
    cf_management *management;
} cf_premises;

#define CF_BROKER_ZAP_DOMAIN "counterfoild"

typedef struct {
    const cf_env *env;
    const char *path;
    bool create;                 /* when there is nothing yet */
    bool serves;                 /* with the threads that write, and the ZAP handler */
    bool closed;                 /* no invitation is honoured */
    uint64_t entries_per_minute; /* of one user; 0: any number */
} cf_premises_options;

/* `*out` must not move until it is closed. CF_LOCKED while another process has the directory,
 * CF_BROKEN when it is damaged or of a newer format. */
cf_status cf_premises_open(const cf_premises_options *options, cf_premises *out, cf_error *error);
/* Waits for appends and puts that are under way, and delivers their answers: before whoever asked
 * for them goes. */
void cf_premises_finish(cf_premises *premises);
void cf_premises_close(cf_premises *premises);

#endif
