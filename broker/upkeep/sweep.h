/* SPDX-License-Identifier: Apache-2.0 */
/* Sweeping: blobs that no entry names, also those set aside, and uploads that were given up, go
 * after seven days. Once a
 * day each user's log is read for what it names, beside the loop; what remains is looked at again,
 * and dropped, in the gateway's thread, where entries are judged: one that comes a moment later
 * finds its blob missing and is told so, one that came a moment before is read first. The dropping
 * waits for replays of the user's log, as everything does that removes. */
#ifndef CF_BROKER_UPKEEP_SWEEP_H
#define CF_BROKER_UPKEEP_SWEEP_H
#include "broker/blobs/blobs.h"
#include "broker/gateway/users.h"
#include "broker/management/audit.h"
#include "broker/management/quotas.h"
#include "broker/platform/jobs.h"

typedef struct cf_sweep cf_sweep;

/* All borrowed; the quotas, the audit and `ready` may be NULL. */
typedef struct {
    const cf_env *env;
    cf_store *store;
    cf_blobs *blobs;
    cf_users *users;
    cf_quotas *quotas;
    cf_audit *audit;
    cf_jobs *jobs;
    /* The replays have ended that were waited for: call cf_sweep_tick soon, not from inside, and
     * wake the gateway's sessions after it. */
    void (*ready)(void *context);
    void *context;
} cf_sweep_options;

cf_sweep *cf_sweep_new(const cf_sweep_options *options);
/* The job under way, if any, ends soon and without effect. */
void cf_sweep_stop(cf_sweep *sweep);
/* No job of it may be under way: end the jobs first. */
void cf_sweep_destroy(cf_sweep **sweep);

/* Room is short: the next round is due at once, unless one began within the hour. */
void cf_sweep_hurry(cf_sweep *sweep, uint64_t steady_ms);
/* Begins what is due. Returns when to call again; a job that ends goes on by itself. */
uint64_t cf_sweep_tick(cf_sweep *sweep, uint64_t steady_ms);

#endif
