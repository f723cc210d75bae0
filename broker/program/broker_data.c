/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/broker_data.h"

#include "broker/platform/owner.h"
#include "broker/store/store_room.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PATH_SIZE = 4096, BLOB_THREADS = 4, PAUSE_MS = 50 };

/* What only reads needs no room: the logs of before are read into memory. */
static cf_status open_rocksdb(cf_store_options *store, const cf_broker_data_options *options,
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
static cf_status open_with_ballast(const cf_broker_data *broker_data, cf_store_options *store,
                                   const cf_broker_data_options *options, cf_store **out,
                                   cf_error *error)
{
    const int folder = cf_datadir_descriptor(broker_data->datadir);
    const uint64_t given = store->reads_only ? 0 : cf_ballast_use_to_open(folder);

    const cf_status status = open_rocksdb(store, options, out, error);
    if (status == CF_FULL || store->reads_only)
        cf_ballast_take_back(folder, given);
    return status;
}

static cf_status open_store(cf_broker_data *broker_data, const cf_broker_data_options *given,
                            cf_error *error)
{
    uint8_t random[16];
    char path[PATH_SIZE];
    size_t cut = 0;
    cf_store_options options = {.path = path,
                                .existing = !cf_datadir_is_new(broker_data->datadir),
                                .random = random,
                                .reads_only = cf_datadir_is_read_only(broker_data->datadir),
                                .rests = true,
                                .has_inventory = true,
                                .remedy = CF_BROKER_REMEDY,
                                .cut = &cut,
                                .lost = &broker_data->lost};
    cf_store *store = NULL;
    cf_error unwritable;

    if (cf_datadir_need_writes(broker_data->datadir, &unwritable))
        options.unwritable = &unwritable;
    broker_data->env->random(broker_data->env->context, random, sizeof random);
    snprintf(path, sizeof path, "%s/store", cf_datadir_path(broker_data->datadir));
    cf_status status = open_with_ballast(broker_data, &options, given, &store, error);
    cf_store_report_cut(broker_data->env, path, cut);
    if (!status && given->serves) {
        status = cf_store_actor_new(&store, &broker_data->store_actor, error);
        if (!status)
            store = cf_store_actor_store(broker_data->store_actor);
    }
    if (!status)
        broker_data->store = store;
    return status;
}

static cf_status open_blobs(cf_broker_data *broker_data, bool serves, cf_error *error)
{
    char path[PATH_SIZE];
    cf_blobs *blobs = NULL;

    snprintf(path, sizeof path, "%s/blobs", cf_datadir_path(broker_data->datadir));
    cf_status status = cf_blob_files_open(path, &blobs, error);
    if (!status && serves) {
        status = cf_blob_actor_new(&blobs, BLOB_THREADS, &broker_data->blob_actor, error);
        if (!status)
            blobs = cf_blob_actor_blobs(broker_data->blob_actor);
    }
    if (!status)
        broker_data->blobs = blobs;
    return status;
}

static void on_access(void *context, const uint8_t key[32], bool allowed)
{
    cf_broker_data *broker_data = context;

    if (!broker_data->zap)
        return;
    if (allowed)
        cf_zap_allow(broker_data->zap, CF_BROKER_ZAP_DOMAIN, key);
    else
        cf_zap_deny(broker_data->zap, CF_BROKER_ZAP_DOMAIN, key);
}

static void on_doubt(void *context, bool doubted)
{
    cf_broker_data *broker_data = context;

    if (broker_data->zap)
        cf_zap_doubt(broker_data->zap, doubted);
}

static cf_status open_users(cf_broker_data *broker_data, const cf_broker_data_options *options,
                            cf_error *error)
{
    const cf_env *env = broker_data->env;
    cf_quotas_options quotas = {.store = broker_data->store,
                                .blobs = broker_data->blobs,
                                .entries_per_minute = options->entries_per_minute};
    cf_users_options users = {.env = env,
                              .store = broker_data->store,
                              .keys = cf_datadir_keys(broker_data->datadir),
                              .access = on_access,
                              .doubt = on_doubt,
                              .context = broker_data};

    cf_status status = cf_users_open(&users, &broker_data->users, error);
    if (status)
        return status;
    broker_data->quotas = cf_quotas_new(&quotas);
    cf_management_options management = {.env = env,
                                        .store = broker_data->store,
                                        .blobs = broker_data->blobs,
                                        .users = broker_data->users,
                                        .quotas = broker_data->quotas,
                                        .audit = broker_data->audit,
                                        .closed = options->closed};
    return cf_management_open(&management, env->now_ms(env->context), &broker_data->management,
                              error);
}

static cf_status finish_making(const cf_broker_data *broker_data, cf_error *error)
{
    cf_status status = cf_datadir_finish(broker_data->datadir, error);

    if (!status)
        cf_report(broker_data->env, CF_REPORT_NOTICE, "made a new broker in %s%s",
                  cf_datadir_path(broker_data->datadir),
                  cf_datadir_has_made_key(broker_data->datadir) ? ""
                                                                : ", with the key that lay there");
    return status;
}

/* A verb that works on the directory ends soon. */
static cf_status open_datadir(const cf_broker_data_options *options, cf_datadir **out,
                              cf_error *error)
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

cf_status cf_broker_data_open(const cf_broker_data_options *options, cf_broker_data *out,
                              cf_error *error)
{
    cf_status status = CF_OK;

    *out = (cf_broker_data){.env = options->env, .quota = options->quota};
    if (options->serves)
        out->audit = cf_audit_new(options->env);
    else if (options->writes)
        out->kept = cf_audit_kept_new(options->env, &out->audit);
    status = open_datadir(options, &out->datadir, error);
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
        out->store->compact(out->store);
    if (status) {
        cf_owner_explain(options->path, error);
        cf_broker_data_close(out);
    }
    return status;
}

void cf_broker_data_finish(cf_broker_data *broker_data)
{
    const cf_env *env = broker_data->env;
    cf_error error;

    if (broker_data->blob_actor)
        cf_blob_actor_finish(broker_data->blob_actor);
    if (broker_data->quotas)
        cf_quotas_finish(broker_data->quotas);
    if (broker_data->store_actor && broker_data->store->commit(broker_data->store, &error))
        cf_report(env, CF_REPORT_ERROR, "%s", error.text);
}

void cf_broker_data_close(cf_broker_data *broker_data)
{
    cf_error error;

    cf_broker_data_finish(broker_data);
    cf_management_destroy(&broker_data->management);
    cf_quotas_destroy(&broker_data->quotas);
    cf_users_destroy(&broker_data->users);
    cf_zap_destroy(&broker_data->zap);
    cf_audit_destroy(&broker_data->audit);
    if (broker_data->store && cf_audit_kept_write(broker_data->kept, broker_data->store, &error))
        cf_report(broker_data->env, CF_REPORT_WARNING, "the audit log will lack this: %s",
                  error.text);
    cf_audit_kept_destroy(&broker_data->kept);
    if (broker_data->blob_actor)
        cf_blob_actor_destroy(&broker_data->blob_actor);
    else
        cf_blobs_destroy(&broker_data->blobs);
    if (broker_data->store_actor)
        cf_store_actor_destroy(&broker_data->store_actor);
    else
        cf_store_destroy(&broker_data->store);
    if (broker_data->lost.status)
        cf_report(broker_data->env, CF_REPORT_WARNING, "%s", broker_data->lost.text);
    cf_datadir_destroy(&broker_data->datadir);
    *broker_data = (cf_broker_data){0};
}
