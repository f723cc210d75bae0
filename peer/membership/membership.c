/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/membership/membership.h"

#include "broker/platform/times.h"
#include "codec/pack.h"
#include "peer/log/catalog.h"
#include "peer/membership/limit_heads.h"

#include <inttypes.h>

static cf_member operation_of(const cf_peer *peer, cf_member_kind kind)
{
    return (cf_member){.kind = kind, .time_ms = peer->env->now_ms(peer->env->context)};
}

cf_status cf_membership_check_owner(const cf_peer *peer, cf_error *error)
{
    const cf_device *self = cf_peer_self(peer);

    return self && self->is_valid && self->role == CF_ROLE_OWNER
               ? CF_OK
               : cf_fail(error, CF_DENIED,
                         "this device is no owner, as far as it has heard, and `counterfoil sync` "
                         "hears more: only owners let other devices in and out");
}

size_t cf_membership_owners(const cf_peer *peer)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    size_t owners = 0;

    for (size_t i = 0; i < cf_registry_device_count(registry); i++) {
        const cf_device *device = cf_registry_device_at(registry, i);

        owners += device->is_valid && device->role == CF_ROLE_OWNER &&
                  !cf_hash_equal(&device->id, cf_peer_user(peer));
    }
    return owners;
}

cf_status cf_membership_add(const cf_signatory *by, const cf_admission *admission, cf_head *head,
                            cf_error *error)
{
    cf_member add = operation_of(by->peer, CF_MEMBER_ADD);
    cf_status status = CF_OK;

    add.keys = admission->keys;
    add.role = admission->role;
    memcpy(add.proof, admission->proof, sizeof add.proof);
    if (add.role != CF_ROLE_RELAY)
        status = cf_epochs_access(by->peer, add.keys.sealing, &add.access, error);
    return status ? status : cf_peer_sign(by->peer, &add, by->as_account, head, error);
}

/* ---- Limits ---- */

/* Of what is held here the own log says itself which are heads, and whose. */
static void add_told(const cf_peer *peer, const cf_heads *told, cf_heads *heads)
{
    cf_store *store = cf_log_store(peer->log);
    cf_error ignored;
    uint64_t position;

    for (size_t i = 0; i < told->count; i++)
        if (store->find(store, cf_peer_user(peer), &told->heads[i], &position, &ignored))
            cf_heads_insert(heads, &told->heads[i]);
}

/* What is not named is void. A head here of which the broker has more stays named: a broker may say
 * what there is not. */
static cf_status name_heads(cf_peer *peer, const cf_limited *whom, cf_heads *heads, size_t *all,
                            uint64_t *voided, cf_error *error)
{
    cf_status status = cf_log_device_heads(peer->log, whom->device, heads, error);

    cf_withheld_leave_out(&peer->withheld, heads);
    if (!status && whom->told)
        add_told(peer, whom->told, heads);
    *all = heads->count;
    return status ? status : cf_limit_heads(peer, heads, CF_MEMBER_HEADS_NAMED_MAX, voided, error);
}

cf_status cf_membership_voided(cf_peer *peer, const cf_hash *device, uint64_t *voided,
                               cf_error *error)
{
    cf_heads heads = {0};
    size_t all;
    cf_status status =
        name_heads(peer, &(cf_limited){.device = device}, &heads, &all, voided, error);

    cf_heads_release(&heads);
    return status;
}

static cf_status put_limits(cf_peer *peer, const cf_limited *whom, cf_heads *heads,
                            cf_member *operation, cf_error *error)
{
    size_t all;
    uint64_t voided;
    cf_status status = name_heads(peer, whom, heads, &all, &voided, error);

    if (!status && voided)
        cf_report(peer->env, CF_REPORT_WARNING,
                  "the device has %zu ends of chains, and %zu can be named: about %" PRIu64
                  " of its entries count for nothing any more",
                  all, heads->count, voided);
    operation->heads = heads->heads;
    operation->head_count = heads->count;
    return status;
}

cf_status cf_membership_revoke(const cf_signatory *by, const cf_limited *whom,
                               const cf_outgoers *outgoers, cf_head *head, cf_error *error)
{
    cf_member revoke = operation_of(by->peer, CF_MEMBER_REVOKE);
    cf_arena arena = {0};
    cf_heads heads = {0};

    revoke.device = *whom->device;
    revoke.opens = true;
    cf_status status = put_limits(by->peer, whom, &heads, &revoke, error);
    if (!status)
        status = cf_epochs_make(by->peer, outgoers, &arena, &revoke.opening, error);
    if (!status)
        status = cf_peer_sign(by->peer, &revoke, by->as_account, head, error);
    cf_heads_release(&heads);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_membership_change_role(const cf_signatory *by, const cf_limited *whom, cf_role role,
                                    cf_head *head, cf_error *error)
{
    cf_member change = operation_of(by->peer, CF_MEMBER_ROLE);
    const cf_outgoers outgoer = {whom->device, 1};
    cf_arena arena = {0};
    cf_heads heads = {0};

    change.device = *whom->device;
    change.role = role;
    change.opens = role == CF_ROLE_RELAY;
    cf_status status = put_limits(by->peer, whom, &heads, &change, error);
    if (!status && change.opens)
        status = cf_epochs_make(by->peer, &outgoer, &arena, &change.opening, error);
    if (!status)
        status = cf_peer_sign(by->peer, &change, by->as_account, head, error);
    cf_heads_release(&heads);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_membership_annul(const cf_signatory *by, const cf_hash *revocation, cf_head *head,
                              cf_error *error)
{
    cf_member annul = operation_of(by->peer, CF_MEMBER_ANNUL);

    annul.revocation = *revocation;
    return cf_peer_sign(by->peer, &annul, by->as_account, head, error);
}

cf_status cf_membership_leave(cf_peer *peer, const cf_heads *told, cf_head *head, cf_error *error)
{
    const cf_limited self = {cf_peer_device(peer), told};
    cf_member leave = operation_of(peer, CF_MEMBER_LEAVE);
    cf_heads heads = {0};

    cf_status status = put_limits(peer, &self, &heads, &leave, error);
    if (!status)
        status = cf_peer_sign(peer, &leave, false, head, error);
    cf_heads_release(&heads);
    return status;
}

/* ---- The own part ---- */

#define CF_WAY_BACK "the way back is `counterfoil leave`, then `counterfoil join` with a new code"

cf_status cf_membership_standing(cf_peer *peer, cf_error *error)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    const cf_device *self = cf_registry_device(registry, cf_peer_device(peer));
    const cf_operation *end =
        self && self->ended_by ? cf_registry_find(registry, &self->ended) : NULL;
    cf_arena arena = {0};
    char time[CF_TIME_TEXT];

    if (!self || self->is_valid)
        return CF_OK;
    if (!end) {
        return cf_fail(
            error, CF_DENIED,
            "this device is none of the user's any more: who let it in was shut out; " CF_WAY_BACK);
    }
    cf_time_show(end->time_ms, time);
    if (end->kind == CF_MEMBER_LEAVE)
        cf_fail(error, CF_DENIED, "this device left at %s: `counterfoil leave` wipes its keys",
                time);
    else
        cf_fail(error, CF_DENIED,
                "this device was shut out by %s at %s: its files stay, and nothing of it is "
                "published; " CF_WAY_BACK,
                cf_hash_equal(&end->author, cf_peer_user(peer))
                    ? "the account"
                    : cf_catalog_device_name(peer, &end->author, &arena),
                time);
    cf_arena_release(&arena);
    return CF_DENIED;
}

bool cf_membership_left(const cf_peer *peer)
{
    const cf_device *self = cf_peer_self(peer);

    return self && self->ended_by == CF_MEMBER_LEAVE;
}

/* ---- Admitted ---- */

#define ADMITTED "admitted" /* in the home: heads; gone or empty once they were seen */

cf_status cf_admitted_keep(cf_home *home, const cf_heads *members, cf_error *error)
{
    cf_buffer value = {0};

    cf_heads_pack(&value, members->heads, members->count);
    cf_status status = cf_home_set(home, ADMITTED, cf_buffer_view(&value), error);
    cf_buffer_release(&value);
    return status;
}

static cf_status count_lacking(const cf_peer *peer, const cf_heads *heads, size_t *out,
                               cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    uint64_t position;

    *out = 0;
    for (size_t i = 0; i < heads->count; i++) {
        cf_status status =
            store->find(store, cf_peer_user(peer), &heads->heads[i], &position, error);

        if (status && status != CF_MISSING)
            return status;
        *out += status == CF_MISSING;
    }
    return CF_OK;
}

cf_status cf_admitted_check(const cf_peer *peer, cf_error *error)
{
    cf_buffer value = {0};
    cf_heads heads = {0};
    size_t lacking = 0;

    cf_status status = cf_home_get(peer->home, ADMITTED, &value, error);
    if (status || !value.size) {
        cf_buffer_release(&value);
        return status == CF_MISSING ? CF_OK : status;
    }
    cf_reader reader = cf_reader_of(cf_buffer_view(&value));
    status = cf_heads_read(&reader, SIZE_MAX, &heads, error);
    if (!status)
        status = count_lacking(peer, &heads, &lacking, error);
    if (!status && lacking)
        status = cf_fail(error, CF_MALFORMED,
                         "the broker holds back the member log that the device which let this one "
                         "in has (%zu of %zu heads)",
                         lacking, heads.count);
    else if (!status)
        status = cf_home_set(peer->home, ADMITTED, (cf_bytes){0}, error);
    cf_heads_release(&heads);
    cf_buffer_release(&value);
    return status;
}
