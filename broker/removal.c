/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/removal.h"

static const cf_hash nobody; /* has the invitations */

cf_status cf_removal_begin(cf_premises *premises, cf_gateway *gateway, const cf_hash *user,
                           cf_error *error)
{
    cf_store *store = premises->store;

    if (gateway)
        cf_gateway_expel(gateway, user, "the operator removes this user");
    cf_premises_finish(premises); /* what was under way is answered to nobody */
    cf_status status = cf_management_forget(premises->management, user, error);
    if (status)
        return status;
    cf_users_remove(premises->users, user);
    cf_quotas_forget(premises->quotas, user);
    return store->forget(store, user, error);
}

cf_status cf_removal_work(cf_premises *premises, const cf_hash *user, cf_error *error)
{
    cf_store *store = premises->store;
    cf_status status = premises->blobs->forget(premises->blobs, user, error);

    if (!status)
        status = store->purge(store, user, error);
    if (!status)
        status = store->purge(store, &nobody, error);
    if (!status && !premises->store_actor) /* whose thread commits by itself */
        status = store->commit(store, error);
    return status;
}

void cf_removal_end(cf_premises *premises, const cf_hash *user, const cf_error *failed)
{
    const cf_env *env = premises->env;
    cf_audit_event event = {
        .what = CF_AUDIT_USER_REMOVED, .user = user, .why = failed ? failed->text : NULL};

    cf_users_gone(premises->users, user);
    cf_audit_note(premises->audit, &event, env->now_ms(env->context));
}
