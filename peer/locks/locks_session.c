/* SPDX-License-Identifier: Apache-2.0 */
/* What a session says and hears of leases. The broker's list decides: a lease of this device that
 * the list doesn't name is over. Times come by the broker's clock, and are kept by ours
 * (own_time()). */
#include "peer/locks/locks_inside.h"

static const cf_id whole;

void cf_locks_connected(cf_locks *locks, int64_t clock_difference_ms)
{
    const cf_env *env = locks->peer->env;
    cf_message list = {.command = CF_COMMAND_LOCKS};

    locks->is_connected = true;
    locks->is_known = false;
    locks->clock_difference_ms = clock_difference_ms;
    env->random(env->context, list.locks.request.bytes, CF_ID_SIZE);
    cf_link_ask_lease(locks->peer->link, &list);
    for (size_t i = 0; i < locks->own_count; i++) {
        const cf_lock *lock = &locks->own[i];

        if (lock->state == CF_LOCK_HELD && cf_id_equal(&lock->item, &whole))
            cf_link_token(locks->peer->link, &lock->collection, &lock->token);
        cf_locks_say(locks, lock);
        if (lock->state == CF_LOCK_HELD && lock->is_alone) /* which a new broker process forgot */
            cf_locks_say_alone(locks, &lock->collection, true);
    }
}

void cf_locks_lost(cf_locks *locks)
{
    locks->is_connected = locks->is_known = false;
}

static uint64_t own_time(const cf_locks *locks, uint64_t time_ms)
{
    int64_t own = (int64_t)time_ms - locks->clock_difference_ms;

    return own > 0 ? (uint64_t)own : 0;
}

static void granted(cf_locks *locks, cf_lock *lock, const cf_message *answer, uint64_t now_ms)
{
    if (lock->is_alone && lock->state == CF_LOCK_ASKED)
        cf_locks_say_alone(locks, &lock->collection, true);
    lock->state = CF_LOCK_HELD;
    lock->token = answer->lease.token;
    lock->until_ms = own_time(locks, answer->lease.until_ms);
    lock->renewed_ms = now_ms;
    if (cf_id_equal(&lock->item, &whole))
        cf_link_token(locks->peer->link, &lock->collection, &lock->token);
    cf_locks_keep(locks, lock);
}

static void take_lease(cf_locks *locks, const cf_message *answer, uint64_t now_ms)
{
    cf_lock *lock = cf_locks_at(locks, &answer->lease.request);

    if (!lock)
        return;
    if (answer->lease.until_ms == 0 && lock->state == CF_LOCK_ENDING) {
        if (lock->passes)
            cf_locks_unkeep(locks, lock);
        lock->state = CF_LOCK_OVER;
        if (locks
                ->is_known) /* under a token that this one was not, it may be this device's still */
            cf_locks_regain_awaited(locks);
    } else if (answer->lease.until_ms &&
               (lock->state == CF_LOCK_ASKED || lock->state == CF_LOCK_HELD))
        granted(locks, lock, answer, now_ms);
    else if (answer->lease.until_ms && lock->state == CF_LOCK_ENDING && !lock->breaks) {
        lock->token = answer->lease.token; /* it was taken back too late */
        cf_locks_say(locks, lock);
    }
}

/* Of what the broker holds nothing of there is no lock, for anybody. */
static cf_status status_of(const cf_message *refusal)
{
    if (refusal->refused.later)
        return CF_UNREACHABLE;
    return cf_bytes_equal(refusal->refused.code, cf_bytes_of_text(CF_REFUSED_UNKNOWN)) ? CF_MISSING
                                                                                       : CF_DENIED;
}

static void take_refusal(cf_locks *locks, const cf_message *answer)
{
    cf_id request;
    cf_lock *lock = NULL;

    if (answer->refused.name.size == sizeof request.bytes) {
        memcpy(request.bytes, answer->refused.name.data, sizeof request.bytes);
        lock = cf_locks_at(locks, &request);
    }
    if (!lock || lock->state == CF_LOCK_OVER) /* of LOCKS: a broker that has no leases */
        return;
    if (lock->state == CF_LOCK_HELD)
        cf_locks_drop(locks, lock);
    else if (lock->state == CF_LOCK_ENDING && lock->passes)
        cf_locks_unkeep(locks, lock);
    bool held = lock->state == CF_LOCK_HELD;
    lock->state = held ? CF_LOCK_OVER : CF_LOCK_DENIED;
    cf_fail(&lock->why, status_of(answer), "the broker: %.*s", (int)answer->refused.text.size,
            (const char *)answer->refused.text.data);
    if (held)
        cf_report(locks->peer->env, CF_REPORT_WARNING, "a lock is over: %.*s",
                  (int)answer->refused.text.size, (const char *)answer->refused.text.data);
}

/* What the broker doesn't name any more is over, whoever ended it. */
static void end_unnamed(cf_locks *locks)
{
    for (size_t i = 0; i < locks->own_count; i++) {
        cf_lock *lock = &locks->own[i];
        bool is_named = lock->state != CF_LOCK_HELD;

        for (size_t k = 0; !is_named && k < locks->known_count; k++)
            is_named = cf_id_equal(&locks->known[k].collection, &lock->collection) &&
                       cf_id_equal(&locks->known[k].name, &lock->name) &&
                       cf_hash_equal(&locks->known[k].holder, cf_peer_device(locks->peer));
        if (is_named)
            continue;
        cf_report(locks->peer->env, CF_REPORT_WARNING, "a lock of this device is over");
        cf_locks_drop(locks, lock);
        lock->state = CF_LOCK_OVER;
    }
}

static void take_list(cf_locks *locks, const cf_message *answer, uint64_t now_ms)
{
    size_t count = answer->leases.lease_count;

    locks->known = cf_grow(locks->known, &locks->known_capacity, count, sizeof *locks->known);
    if (count)
        memcpy(locks->known, answer->leases.leases, count * sizeof *locks->known);
    locks->known_count = count;
    for (size_t i = 0; i < count; i++) {
        locks->known[i].until_ms = own_time(locks, locks->known[i].until_ms);
        locks->known[i].since_ms = own_time(locks, locks->known[i].since_ms);
    }
    if (!locks->is_known) /* none of those is of a request of this session yet */
        cf_locks_regain_all(locks, now_ms);
    locks->is_known = true;
    locks->changes++;
    end_unnamed(locks);
    cf_locks_keep_known(locks);
    cf_link_locks_changed(locks->peer->link);
}

void cf_locks_answered(cf_locks *locks, const cf_message *answer, uint64_t now_ms)
{
    cf_lock *lock;

    switch (answer->command) {
    case CF_COMMAND_LEASE:
        take_lease(locks, answer, now_ms);
        break;
    case CF_COMMAND_LEASES:
        take_list(locks, answer, now_ms);
        break;
    case CF_COMMAND_REFUSED:
        take_refusal(locks, answer);
        if (cf_bytes_equal(answer->refused.request, cf_bytes_of_text("LOCKS")))
            locks->is_known = true;
        break;
    default:
        lock = cf_locks_at(locks, &answer->busy.request);
        if (!lock || lock->state != CF_LOCK_ASKED || lock->wait)
            break;
        lock->state = CF_LOCK_BUSY;
        lock->holder = answer->busy.holder;
        lock->until_ms = own_time(locks, answer->busy.until_ms);
        break;
    }
}
