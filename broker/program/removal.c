/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/removal.h"

#include <stdlib.h>
#include <string.h>

#include "broker/store/ballast.h"

static const cf_hash nobody; /* has the invitations, and the marks of removals under way */

enum { MARK = 'x', MARK_SIZE = 1 + CF_HASH_SIZE };

static cf_status mark(cf_store *store, const cf_hash *user, const char *value, cf_error *error)
{
    uint8_t key[MARK_SIZE] = {MARK};
    cf_record record = {cf_bytes_of(key, sizeof key), cf_bytes_of_text(value)};

    if (!*value)
        record.value = (cf_bytes){0}; /* there is none any more */
    memcpy(key + 1, user->bytes, CF_HASH_SIZE);
    return store->write(store, &nobody, &record, 1, true, error);
}

/* A removal makes room: on a full disk it has what the broker holds for that. */
static cf_status mark_begun(cf_premises *premises, const cf_hash *user, cf_error *error)
{
    cf_store *store = premises->store;
    cf_status status = mark(store, user, "removing", error);

    if (status != CF_FULL)
        return status;
    cf_ballast_drop(cf_datadir_path(premises->datadir));
    status = store->reopen(store, error);
    return status ? status : mark(store, user, "removing", error);
}

cf_status cf_removal_begin(cf_premises *premises, cf_gateway *gateway, const cf_hash *user,
                           bool *begun, cf_error *error)
{
    cf_store *store = premises->store;

    /* What fails from here on is finished at the next start; without the mark nobody knew of it. */
    cf_status status = mark_begun(premises, user, error);
    if (status) {
        cf_error_while(error,
                       "nothing was removed; mend the disk, start the broker again, and type "
                       "it again");
        return status;
    }
    *begun = true;
    if (gateway)
        cf_gateway_expel(gateway, user, "the operator removes this user");
    cf_premises_finish(premises); /* what was under way is answered to nobody */
    cf_users_remove(premises->users, user);
    cf_quotas_forget(premises->quotas, user);
    status = cf_management_forget(premises->management, user, error);
    return status ? status : store->forget(store, user, error);
}

cf_status cf_removal_work(cf_premises *premises, const cf_hash *user, cf_error *error)
{
    cf_store *store = premises->store;
    cf_status status = premises->blobs->forget(premises->blobs, user, error);

    if (!status)
        status = store->purge(store, user, error);
    if (!status)
        status = mark(store, user, "", error);
    if (!status)
        status = store->purge(store, &nobody, error);
    if (!status && !premises->store_actor) /* whose thread commits by itself */
        status = store->commit(store, error);
    return status;
}

typedef struct {
    cf_hash *users;
    size_t count, capacity;
} user_list;

static bool list_marked(void *context, cf_bytes key, cf_bytes value)
{
    user_list *list = context;

    (void)value;
    if (key.size != MARK_SIZE)
        return true;
    list->users = cf_grow(list->users, &list->capacity, list->count + 1, sizeof *list->users);
    memcpy(list->users[list->count++].bytes, key.data + 1, CF_HASH_SIZE);
    return true;
}

/* One that fails is tried again at the next start, and holds up nobody else. */
static void resume(cf_premises *premises, const cf_hash *user)
{
    cf_error error;

    cf_users_remove(premises->users, user); /* it may not have been forgotten yet */
    cf_status status = cf_management_forget(premises->management, user, &error);
    if (!status)
        status = premises->store->forget(premises->store, user, &error);
    if (!status)
        status = cf_removal_work(premises, user, &error);
    cf_removal_end(premises, user, status ? &error : NULL);
}

cf_status cf_removal_resume(cf_premises *premises, cf_error *error)
{
    static const uint8_t table = MARK;
    cf_store *store = premises->store;
    user_list list = {0};

    cf_status status =
        store->scan(store, &nobody, cf_bytes_of(&table, 1), list_marked, &list, error);
    for (size_t i = 0; !status && i < list.count; i++)
        resume(premises, &list.users[i]);
    free(list.users);
    return status;
}

void cf_removal_end(cf_premises *premises, const cf_hash *user, const cf_error *failed)
{
    const cf_env *env = premises->env;
    char name[2 * CF_HASH_SIZE + 1];

    if (failed) {
        cf_hex(cf_bytes_of(user->bytes, CF_HASH_SIZE), name);
        cf_report(env, CF_REPORT_ERROR, "the removal of user %.12s is not finished: %s", name,
                  failed->text);
        return;
    }
    cf_users_gone(premises->users, user);
    cf_audit_note(premises->audit, &(cf_audit_event){.what = CF_AUDIT_USER_REMOVED, .user = user},
                  env->now_ms(env->context));
}
