/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/premises.h"

#include "broker/platform/owner.h"
#include "broker/store/store_room.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PATH_SIZE = 4096, BLOB_THREADS = 4, PAUSE_MS = 50 };

/* What only reads needs no room: the logs of before are read into memory. */
static cf_status open_rocksdb(cf_store_options *store, const cf_premises_options *options,
                              cf_store **out, cf_error *error)
{
    cf_error ignored;
    const cf_status status = cf_store_rocksdb_open(store, out, error);

    if (status != CF_FULL || options->serves || options->writes)
        return status;
    store->reads_only = true;
    store->unwritable = error;
    return cf_store_rocksdb_open(store, out, &ignored) ? status : CF_OK;
}

/* On a disk that others filled with what was held back for that; where that doesn't help, it stays.
 */
static cf_status open_with_ballast(const cf_premises *premises, cf_store_options *store,
                                   const cf_premises_options *options, cf_store **out,
                                   cf_error *error)
{
    const int folder = cf_datadir_descriptor(premises->datadir);
    const uint64_t given = store->reads_only ? 0 : cf_ballast_use_to_open(folder);

    const cf_status status = open_rocksdb(store, options, out, error);
    if (status == CF_FULL || store->reads_only)
        cf_ballast_take_back(folder, given);
    return status;
}

static cf_status open_store(cf_premises *premises, const cf_premises_options *given,
                            cf_error *error)
{
    uint8_t random[16];
    char path[PATH_SIZE];
    size_t cut = 0;
    cf_store_options options = {.path = path,
                                .existing = !cf_datadir_is_new(premises->datadir),
                                .random = random,
                                .reads_only = cf_datadir_is_read_only(premises->datadir),
                                .rests = true,
                                .has_inventory = true,
                                .remedy = CF_BROKER_REMEDY,
                                .cut = &cut,
                                .lost = &premises->lost};
    cf_store *store = NULL;
    cf_error unwritable;

    if (cf_datadir_need_writes(premises->datadir, &unwritable))
        options.unwritable = &unwritable;
    premises->env->random(premises->env->context, random, sizeof random);
    snprintf(path, sizeof path, "%s/store", cf_datadir_path(premises->datadir));
    cf_status status = open_with_ballast(premises, &options, given, &store, error);
    cf_store_report_cut(premises->env, path, cut);
    if (!status && given->serves) {
        status = cf_store_actor_new(&store, &premises->store_actor, error);
        if (!status)
            store = cf_store_actor_store(premises->store_actor);
    }
    if (!status)
        premises->store = store;
    return status;
}

static cf_status open_blobs(cf_premises *premises, bool serves, cf_error *error)
{
    char path[PATH_SIZE];
    cf_blobs *blobs = NULL;

    snprintf(path, sizeof path, "%s/blobs", cf_datadir_path(premises->datadir));
    cf_status status = cf_blob_files_open(path, &blobs, error);
    if (!status && serves) {
        status = cf_blob_actor_new(&blobs, BLOB_THREADS, &premises->blob_actor, error);
        if (!status)
            blobs = cf_blob_actor_blobs(premises->blob_actor);
    }
    if (!status)
        premises->blobs = blobs;
    return status;
}

static void on_access(void *context, const uint8_t key[32], bool allowed)
{
    cf_premises *premises = context;

    if (!premises->zap)
        return;
    if (allowed)
        cf_zap_allow(premises->zap, CF_BROKER_ZAP_DOMAIN, key);
    else
        cf_zap_deny(premises->zap, CF_BROKER_ZAP_DOMAIN, key);
}

static void on_doubt(void *context, bool doubted)
{
    cf_premises *premises = context;

    if (premises->zap)
        cf_zap_doubt(premises->zap, doubted);
}

static cf_status open_users(cf_premises *premises, const cf_premises_options *options,
                            cf_error *error)
{
    const cf_env *env = premises->env;
    cf_quotas_options quotas = {.store = premises->store,
                                .blobs = premises->blobs,
                                .entries_per_minute = options->entries_per_minute};
    cf_users_options users = {.env = env,
                              .store = premises->store,
                              .keys = cf_datadir_keys(premises->datadir),
                              .access = on_access,
                              .doubt = on_doubt,
                              .context = premises};

    cf_status status = cf_users_open(&users, &premises->users, error);
    if (status)
        return status;
    premises->quotas = cf_quotas_new(&quotas);
    cf_management_options management = {.env = env,
                                        .store = premises->store,
                                        .blobs = premises->blobs,
                                        .users = premises->users,
                                        .quotas = premises->quotas,
                                        .audit = premises->audit,
                                        .closed = options->closed};
    return cf_management_open(&management, env->now_ms(env->context), &premises->management, error);
}

static cf_status finish_making(const cf_premises *premises, cf_error *error)
{
    cf_status status = cf_datadir_finish(premises->datadir, error);

    if (!status)
        cf_report(premises->env, CF_REPORT_NOTICE, "made a new broker in %s%s",
                  cf_datadir_path(premises->datadir),
                  cf_datadir_has_made_key(premises->datadir) ? ""
                                                             : ", with the key that lay there");
    return status;
}

/* A verb that works on the directory ends soon. */
static cf_status open_datadir(const cf_premises_options *options, cf_datadir **out, cf_error *error)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
    cf_status status = CF_OK;

    for (uint64_t waited_ms = 0;; waited_ms += PAUSE_MS) {
        status = cf_datadir_open(options->env, options->path, options->way, out, error);
        if (status != CF_LOCKED || waited_ms >= options->patience_ms)
            break;
        nanosleep(&pause, NULL);
    }
    if (!status && options->doing)
        cf_datadir_tell(*out, options->doing);
    return status;
}

cf_status cf_premises_open(const cf_premises_options *options, cf_premises *out, cf_error *error)
{
    cf_status status = CF_OK;

    *out = (cf_premises){.env = options->env, .quota = options->quota};
    if (options->serves)
        out->audit = cf_audit_new(options->env);
    else if (options->writes)
        out->kept = cf_audit_kept_new(options->env, &out->audit);
    status = open_datadir(options, &out->datadir, error);
    if (!status && options->writes)
        status = cf_datadir_need_writes(out->datadir, error);
    if (!status && options->serves)
        status = cf_zap_start(options->env, out->audit, &out->zap, error);
    if (!status)
        status = open_store(out, options, error);
    if (!status)
        status = open_blobs(out, options->serves, error);
    if (!status)
        status = open_users(out, options, error);
    if (!status && cf_datadir_is_new(out->datadir))
        status = finish_making(out, error);
    if (!status && options->serves)
        status = cf_audit_kept_tell(options->env, out->store, error);
    if (!status && options->serves)
        out->store->tend(out->store);
    if (status) {
        cf_owner_explain(options->path, error);
        cf_premises_close(out);
    }
    return status;
}

void cf_premises_finish(cf_premises *premises)
{
    const cf_env *env = premises->env;
    cf_error error;

    if (premises->blob_actor)
        cf_blob_actor_finish(premises->blob_actor);
    if (premises->quotas)
        cf_quotas_finish(premises->quotas);
    if (premises->store_actor && premises->store->commit(premises->store, &error))
        cf_report(env, CF_REPORT_ERROR, "%s", error.text);
}

void cf_premises_close(cf_premises *premises)
{
    cf_error error;

    cf_premises_finish(premises);
    cf_management_destroy(&premises->management);
    cf_quotas_destroy(&premises->quotas);
    cf_users_destroy(&premises->users);
    cf_zap_destroy(&premises->zap);
    cf_audit_destroy(&premises->audit);
    if (premises->store && cf_audit_kept_write(premises->kept, premises->store, &error))
        cf_report(premises->env, CF_REPORT_WARNING, "the audit log will lack this: %s", error.text);
    cf_audit_kept_destroy(&premises->kept);
    if (premises->blob_actor)
        cf_blob_actor_destroy(&premises->blob_actor);
    else
        cf_blobs_destroy(&premises->blobs);
    if (premises->store_actor)
        cf_store_actor_destroy(&premises->store_actor);
    else
        cf_store_destroy(&premises->store);
    if (premises->lost.status)
        cf_report(premises->env, CF_REPORT_WARNING, "%s", premises->lost.text);
    cf_datadir_destroy(&premises->datadir);
    *premises = (cf_premises){0};
}
