/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/removal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/program/kept_stores.h"
#include "broker/store/store_room.h"

static const cf_hash nobody; /* has the invitations, and the marks of removals under way */

enum { MARK = 'x', MARK_SIZE = 1 + CF_HASH_SIZE, PATH_SIZE = 4096 };

/* The value of a mark, or why the removal failed. */
static const char begun_value[] = "removing";

/* `value` "": there is none any more. */
static cf_status mark(cf_store *store, const cf_hash *user, const char *value, cf_error *error)
{
    uint8_t key[MARK_SIZE] = {MARK};
    cf_kv record = {cf_bytes_of(key, sizeof key), cf_bytes_of_text(value)};

    if (!*value)
        record.value = (cf_bytes){0}; /* there is none any more */
    memcpy(key + 1, user->bytes, CF_HASH_SIZE);
    return store->write(store, &nobody, &record, 1, true, error);
}

/* A removal makes room: on a full disk it has what the broker holds for that. Damage that was met
 * when files were written anew keeps the store from being written until it is opened again. */
static cf_status mark_begun(cf_broker_data *broker_data, const cf_hash *user, cf_error *error)
{
    cf_store *store = broker_data->store;
    cf_error damage;
    cf_status status = mark(store, user, begun_value, error);

    if (status == CF_IO && store->damage(store, &damage)) {
        status = store->reopen(store, error);
        if (!status)
            status = mark(store, user, begun_value, error);
    }
    if (status != CF_FULL)
        return status;
    const int folder = cf_datadir_descriptor(broker_data->datadir);
    const uint64_t given = cf_ballast_use_to_write(folder);
    status = store->reopen(store, error);
    if (!status)
        status = mark(store, user, begun_value, error);
    if (status)
        cf_ballast_take_back(folder, given);
    return status;
}

static cf_status fail_of_room(const cf_broker_data *broker_data, cf_error *error)
{
    char path[PATH_SIZE], needed[CF_SIZE_TEXT], left[CF_SIZE_TEXT];

    snprintf(path, sizeof path, "%s/store", cf_datadir_path(broker_data->datadir));
    cf_size_write(cf_store_room_to_go_on(path), needed);
    cf_size_write(cf_store_room(path), left);
    return cf_fail(error, CF_FULL,
                   "nothing was removed: make room on the disk of %s, which has %s left and needs "
                   "%s, and type `counterfoild users remove` again",
                   cf_datadir_path(broker_data->datadir), left, needed);
}

cf_status cf_removal_begin(cf_broker_data *broker_data, cf_gateway *gateway, const cf_hash *user,
                           bool *begun, cf_error *error)
{
    cf_store *store = broker_data->store;

    /* What fails from here on is finished at the next start; without the mark nobody knew of it. */
    cf_status status = mark_begun(broker_data, user, error);
    if (status == CF_FULL)
        return fail_of_room(broker_data, error);
    if (status) {
        cf_error_while(error,
                       "nothing was removed; mend the disk, start the broker again, and type "
                       "it again");
        return status;
    }
    *begun = true;
    if (gateway)
        cf_gateway_expel(gateway, user, "the operator removes this user");
    cf_broker_data_finish(broker_data); /* what was under way is answered to nobody */
    cf_users_remove(broker_data->users, user);
    cf_quotas_forget(broker_data->quotas, user);
    status = cf_management_forget(broker_data->management, user, error);
    return status ? status : store->forget(store, user, error);
}

cf_status cf_removal_work(cf_broker_data *broker_data, const cf_hash *user, bool *finished,
                          cf_error *error)
{
    cf_store *store = broker_data->store;
    const char *data = cf_datadir_path(broker_data->datadir);
    cf_error kept;

    *finished = false;
    cf_status status = broker_data->blobs->forget(broker_data->blobs, user, error);
    if (!status)
        status = store->purge(store, user, error);
    const cf_status looked =
        status ? CF_OK : cf_kept_stores_forget(broker_data->env->files, data, user, &kept);
    if (!status && looked && looked != CF_CHANGED) {
        *error = kept;
        status = looked;
    }
    if (!status)
        status = mark(store, user, "", error);
    if (!status)
        status = store->purge(store, &nobody, error);
    if (!status && !broker_data->store_actor) /* whose thread commits by itself */
        status = store->commit(store, error);
    if (status == CF_BROKEN)
        cf_error_while(error,
                       "the user is out, but files have what it had, which can't be written anew: "
                       "stop the broker, `counterfoild verify --repair` mends that, and the next "
                       "start finishes it");
    else if (status)
        cf_error_while(error, "the user is out, but files have what it had, and a broker that "
                              "runs, or starts, tries again");
    *finished = !status;
    if (!status && looked)
        *error = kept;
    return status ? status : looked;
}

typedef struct {
    cf_removal_visit *visit;
    void *context;
} mark_visitor;

static bool visit_mark(void *context, cf_bytes key, cf_bytes value)
{
    const mark_visitor *self = context;
    char why[CF_ERROR_TEXT] = "";
    cf_hash user;

    if (key.size != MARK_SIZE)
        return true;
    memcpy(user.bytes, key.data + 1, CF_HASH_SIZE);
    if (!cf_bytes_equal(value, cf_bytes_of_text(begun_value)))
        snprintf(why, sizeof why, "%.*s", (int)value.size, (const char *)value.data);
    self->visit(self->context, &user, why);
    return true;
}

cf_status cf_removal_each(cf_store *store, cf_removal_visit *visit, void *context, cf_error *error)
{
    static const uint8_t table = MARK;
    mark_visitor self = {visit, context};

    return store->scan(store, &nobody, cf_bytes_of(&table, 1), visit_mark, &self, error);
}

void cf_removal_take_over(cf_kv *record)
{
    if (record->key.size == MARK_SIZE && record->key.data[0] == MARK)
        record->value = cf_bytes_of_text(begun_value);
}

static void append_unfinished(void *context, const cf_hash *user, const char *why)
{
    cf_error *error = context;
    const size_t used = strlen(error->text);

    (void)why;
    snprintf(error->text + used, sizeof error->text - used,
             "; the removal of user %s is not finished, see `status`", cf_user_shorten(user).text);
}

cf_status cf_removal_find(cf_broker_data *broker_data, const char *which, cf_hash *user,
                          cf_user_name *name, cf_error *error)
{
    cf_error unread;

    cf_status status = cf_management_find(broker_data->management, which, user, error);
    if (!status)
        status = cf_user_name_get(broker_data->store, user, name, error);
    if (status == CF_MISSING)
        cf_removal_each(broker_data->store, append_unfinished, error, &unread);
    return status;
}

typedef struct {
    cf_hash *users;
    size_t count, capacity;
} user_list;

static void list_user(void *context, const cf_hash *user, const char *why)
{
    user_list *list = context;

    (void)why;
    *cf_one_more(list->users, list->count, list->capacity) = *user;
}

/* One that fails is tried again at the next start, and holds up nobody else. */
static void resume(cf_broker_data *broker_data, const cf_hash *user)
{
    bool finished = false;
    cf_error error;

    cf_users_remove(broker_data->users, user); /* it may not have been forgotten yet */
    cf_status status = cf_management_forget(broker_data->management, user, &error);
    if (!status)
        status = broker_data->store->forget(broker_data->store, user, &error);
    if (!status)
        status = cf_removal_work(broker_data, user, &finished, &error);
    cf_removal_end(broker_data, user, finished, status ? &error : NULL);
}

cf_status cf_removal_resume(cf_broker_data *broker_data, cf_error *error)
{
    user_list list = {0};

    cf_status status = cf_removal_each(broker_data->store, list_user, &list, error);
    for (size_t i = 0; !status && i < list.count; i++)
        resume(broker_data, &list.users[i]);
    free(list.users);
    return status;
}

/* Where damage keeps the store from being written, as the removal met it, it is opened again first.
 * Once: it is tried again and again. */
static cf_status keep_reason(cf_store *store, const cf_hash *user, const cf_error *failed,
                             cf_error *error)
{
    uint8_t key[MARK_SIZE] = {MARK};
    cf_buffer kept = {0};

    memcpy(key + 1, user->bytes, CF_HASH_SIZE);
    cf_status status = store->get(store, &nobody, cf_bytes_of(key, sizeof key), &kept, error);
    const bool is_kept =
        !status && cf_bytes_equal(cf_buffer_view(&kept), cf_bytes_of_text(failed->text));
    cf_buffer_release(&kept);
    if (status || is_kept)
        return status;
    status = mark(store, user, failed->text, error);
    if (!status || failed->status != CF_BROKEN)
        return status;
    status = store->reopen(store, error);
    return status ? status : mark(store, user, failed->text, error);
}

void cf_removal_end(cf_broker_data *broker_data, const cf_hash *user, bool finished,
                    const cf_error *failed)
{
    const cf_env *env = broker_data->env;
    cf_error unkept;

    if (!finished) {
        cf_report(env, CF_REPORT_ERROR, CF_REMOVAL_UNFINISHED_FORMAT, cf_user_shorten(user).text,
                  failed->text);
        if (keep_reason(broker_data->store, user, failed, &unkept))
            cf_report(env, CF_REPORT_WARNING, "`status` can't say why: %s", unkept.text);
        return;
    }
    if (failed)
        cf_report(env, CF_REPORT_WARNING, "user %s: %s", cf_user_shorten(user).text, failed->text);
    cf_users_gone(broker_data->users, user);
    cf_audit_note(broker_data->audit,
                  &(cf_audit_event){.what = CF_AUDIT_USER_REMOVED,
                                    .user = user,
                                    .why = failed ? CF_KEPT_STORE " still has it" : NULL},
                  env->now_ms(env->context));
}
