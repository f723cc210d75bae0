/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/repair_look.h"

#include "broker/gateway/users.h"
#include "broker/store/store_rocksdb.h"

#include <errno.h>

typedef struct {
    const cf_env *env;
    const cf_keys *keys;
    const char *store;
} looker;

typedef struct {
    size_t count;
    cf_error lacked; /* what the process did, so that not all was read */
} damages;

static void count(void *context, const cf_hash *user, const cf_error *what)
{
    damages *found = context;

    (void)user;
    if (cf_error_is_lack(what))
        found->lacked = *what;
    else
        found->count += what->status != CF_CHANGED;
}

/* As a start would find it: what is whole for RocksDB is not, yet, for us. */
static cf_status open_users(const looker *self, cf_store *store, size_t *damaged, cf_error *error)
{
    const cf_users_options options = {.env = self->env, .store = store, .keys = self->keys};
    cf_users *users = NULL;
    size_t count = 0;

    cf_status status = cf_users_open(&options, &users, error);
    if (!status)
        cf_users_damaged(users, &count);
    *damaged = count;
    cf_users_destroy(&users);
    return status;
}

static cf_status look(const looker *self, bool *is_damaged, cf_error *error)
{
    const cf_store_options options = {.path = self->store, .existing = true, .has_inventory = true};
    cf_store *store = NULL;
    damages found = {0};

    cf_status status = cf_store_rocksdb_open(&options, &store, error);
    if (!status)
        status = store->verify(store, count, &found, error);
    if (!status && !found.count && found.lacked.status) {
        *error = found.lacked;
        status = error->status;
    }
    if (!status && !found.count)
        status = open_users(self, store, &found.count, error);
    cf_store_destroy(&store);
    *is_damaged =
        found.count || status == CF_BROKEN || (status == CF_IO && !cf_error_is_lack(error));
    return status;
}

cf_status cf_repair_is_needed(const cf_env *env, const cf_datadir *datadir, const char *store,
                              bool *is_damaged, cf_error *error)
{
    const looker looking = {env, cf_datadir_keys(datadir), store}, *self = &looking;
    cf_error again;

    const cf_status first = look(self, is_damaged, error);
    if (!*is_damaged)
        return first;
    const cf_status second = look(self, is_damaged, &again);
    if (*is_damaged)
        return CF_OK;
    if (second)
        *error = again;
    else if (first != CF_IO)
        cf_fail(error, CF_IO,
                "%s was read damaged once, and whole the second time: look at the disk, and try "
                "again",
                self->store);
    return error->status;
}
