/* SPDX-License-Identifier: Apache-2.0 */
/* Searching: a device asked for a blob that isn't here and that nobody has noted as wanted. Its
 * file was removed, or no entry names it: which of the two, the user's log says. That is read
 * beside the loop, once in ten minutes at most, and all that is missing by it is asked of the
 * devices. */
#ifndef CF_BROKER_UPKEEP_SEARCH_H
#define CF_BROKER_UPKEEP_SEARCH_H
#include "broker/blobs/blobs.h"
#include "broker/gateway/users.h"
#include "broker/management/quotas.h"
#include "broker/platform/jobs.h"

typedef struct cf_search cf_search;

/* All borrowed; the quotas may be NULL. */
typedef struct {
    const cf_env *env;
    cf_store *store;
    cf_blobs *blobs;
    cf_users *users;
    cf_quotas *quotas;
    cf_jobs *jobs;
    /* Of one user: they are gone, and wanted from now on. */
    void (*ask)(void *context, const cf_hash *user, const cf_hash *blobs, size_t count);
    void *context;
} cf_search_options;

cf_search *cf_search_new(const cf_search_options *options);
/* The job under way, if any, ends soon and without effect. */
void cf_search_stop(cf_search *search);
/* No job of it may be under way: end the jobs first. */
void cf_search_destroy(cf_search **search);

/* For a blob of this user. */
void cf_search_note(cf_search *search, const cf_hash *user, uint64_t steady_ms);
/* Begins what is due; a job that ends goes on by itself. */
void cf_search_tick(cf_search *search, uint64_t steady_ms);

#endif
