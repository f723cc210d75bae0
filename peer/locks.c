/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/locks_inside.h"

#include <stdlib.h>

static const cf_id whole;

/* ---- Opening ---- */

cf_status cf_locks_open(cf_peer *peer, bool serves, uint64_t now_ms, cf_locks **out,
                        cf_error *error)
{
    cf_locks *locks = cf_allocate(1, sizeof *locks);

    locks->peer = peer;
    locks->serves = serves;
    locks->names = cf_lock_names_new(peer->ring);
    cf_status status = cf_locks_load(locks, now_ms, error);
    if (status)
        cf_locks_close(&locks);
    else
        *out = locks;
    return status;
}

void cf_locks_close(cf_locks **locks)
{
    if (!*locks)
        return;
    cf_lock_names_destroy(&(*locks)->names);
    free((*locks)->own);
    free((*locks)->known);
    free(*locks);
    *locks = NULL;
}

/* ---- Finding ---- */

static cf_lock *find(const cf_locks *locks, const cf_id *request)
{
    for (size_t i = 0; i < locks->own_count; i++)
        if (cf_id_equal(&locks->own[i].request, request))
            return &locks->own[i];
    return NULL;
}

const cf_lock *cf_locks_find(const cf_locks *locks, const cf_id *request)
{
    return find(locks, request);
}

const cf_lock *cf_locks_own(const cf_locks *locks, const cf_id *collection, const cf_id *item)
{
    for (size_t i = 0; i < locks->own_count; i++)
        if (locks->own[i].state == CF_LOCK_HELD &&
            cf_id_equal(&locks->own[i].collection, collection) &&
            cf_id_equal(&locks->own[i].item, item))
            return &locks->own[i];
    return NULL;
}

const cf_lease *cf_locks_all(const cf_locks *locks, size_t *count)
{
    *count = locks->known_count;
    return locks->known;
}

bool cf_locks_are_known(const cf_locks *locks)
{
    return locks->is_known;
}

uint64_t cf_locks_changes(const cf_locks *locks)
{
    return locks->changes;
}

cf_status cf_locks_name(cf_locks *locks, const cf_id *collection, const cf_id *item, cf_id *out,
                        cf_error *error)
{
    if (!cf_id_equal(item, &whole))
        return cf_lock_names_find(locks->names, collection, item, out, error);
    *out = whole;
    return CF_OK;
}

static bool is_anothers(const cf_locks *locks, const cf_lease *lease, const cf_id *collection)
{
    return cf_id_equal(&lease->collection, collection) &&
           !cf_hash_equal(&lease->holder, cf_peer_device(locks->peer));
}

bool cf_locks_any_inside(const cf_locks *locks, const cf_id *collection)
{
    for (size_t i = 0; i < locks->known_count; i++)
        if (is_anothers(locks, &locks->known[i], collection) &&
            !cf_id_equal(&locks->known[i].name, &whole))
            return true;
    return false;
}

const cf_lease *cf_locks_of_other(cf_locks *locks, const cf_id *collection, const cf_id *item)
{
    cf_error ignored;
    cf_id name;

    if (cf_locks_name(locks, collection, item, &name, &ignored))
        return NULL;
    for (size_t i = 0; i < locks->known_count; i++)
        if (is_anothers(locks, &locks->known[i], collection) &&
            cf_id_equal(&locks->known[i].name, &name))
            return &locks->known[i];
    return NULL;
}

/* ---- Asking ---- */

/* Says to the broker what is to be said of it in a session that knows nothing of it yet. */
static void say(cf_locks *locks, const cf_lock *lock)
{
    cf_message message = {0};
    bool unlocks = lock->state == CF_LOCK_ENDING;

    if (!locks->is_connected || (lock->state != CF_LOCK_ASKED && !unlocks))
        return;
    if (unlocks) {
        message.command = CF_COMMAND_UNLOCK;
        message.unlock.request = lock->request;
        message.unlock.collection = lock->collection;
        message.unlock.name = lock->name;
        message.unlock.token = lock->breaks ? NULL : &lock->token;
    } else {
        message.command = CF_COMMAND_LOCK;
        message.lock.request = lock->request;
        message.lock.collection = lock->collection;
        message.lock.name = lock->name;
        message.lock.for_ms = lock->for_ms;
        message.lock.shared = lock->shared;
        message.lock.wait = lock->wait;
    }
    cf_link_ask_lease(locks->peer->link, &message);
}

static cf_status add(cf_locks *locks, cf_lock *lock, cf_id *request, cf_error *error)
{
    const cf_env *env = locks->peer->env;

    if (!locks->peer->link)
        return cf_fail(error, CF_UNREACHABLE, "there is no broker that could keep a lock");
    cf_status status = cf_locks_name(locks, &lock->collection, &lock->item, &lock->name, error);
    if (status)
        return status;
    env->random(env->context, lock->request.bytes, CF_ID_SIZE);
    locks->own = cf_grow(locks->own, &locks->own_capacity, locks->own_count + 1, sizeof *lock);
    locks->own[locks->own_count++] = *lock;
    *request = lock->request;
    say(locks, lock);
    return CF_OK;
}

cf_status cf_locks_ask(cf_locks *locks, const cf_lock_wish *wish, cf_id *request, cf_error *error)
{
    cf_lock lock = {.collection = wish->collection,
                    .item = wish->item,
                    .for_ms = wish->for_ms,
                    .shared = wish->shared,
                    .wait = wish->wait,
                    .renews = wish->renews,
                    .state = CF_LOCK_ASKED};

    return add(locks, &lock, request, error);
}

cf_status cf_locks_break(cf_locks *locks, const cf_id *collection, const cf_id *item,
                         cf_id *request, cf_error *error)
{
    cf_lock lock = {
        .collection = *collection, .item = *item, .breaks = true, .state = CF_LOCK_ENDING};

    return add(locks, &lock, request, error);
}

void cf_locks_give_back(cf_locks *locks, const cf_id *request)
{
    cf_lock *lock = find(locks, request);

    if (!lock || (lock->state != CF_LOCK_HELD && lock->state != CF_LOCK_ASKED))
        return;
    cf_locks_drop(locks, lock);
    lock->state = CF_LOCK_ENDING;
    say(locks, lock);
}

static void say_renew(cf_locks *locks, cf_lock *lock)
{
    cf_message message = {.command = CF_COMMAND_RENEW,
                          .renew = {lock->request, lock->token, lock->for_ms}};

    cf_link_ask_lease(locks->peer->link, &message);
}

void cf_locks_renew(cf_locks *locks, const cf_id *request, uint64_t for_ms)
{
    cf_lock *lock = find(locks, request);

    if (!lock || lock->state != CF_LOCK_HELD)
        return;
    lock->for_ms = for_ms;
    lock->renewed_ms = 0; /* it is due at once */
    lock->renews = true;
}

void cf_locks_forget(cf_locks *locks, const cf_id *request)
{
    cf_lock *lock = find(locks, request);

    if (lock && lock->state != CF_LOCK_HELD)
        *lock = locks->own[--locks->own_count];
}

/* ---- The session ---- */

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
        say(locks, lock);
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
    cf_lock *lock = find(locks, &answer->lease.request);

    if (!lock)
        return;
    if (answer->lease.until_ms == 0 && lock->state == CF_LOCK_ENDING)
        lock->state = CF_LOCK_OVER;
    else if (answer->lease.until_ms &&
             (lock->state == CF_LOCK_ASKED || lock->state == CF_LOCK_HELD))
        granted(locks, lock, answer, now_ms);
    else if (answer->lease.until_ms && lock->state == CF_LOCK_ENDING && !lock->breaks) {
        lock->token = answer->lease.token; /* it was taken back too late */
        say(locks, lock);
    }
}

static void take_refusal(cf_locks *locks, const cf_message *answer)
{
    cf_id request;
    cf_lock *lock = NULL;

    if (answer->refused.name.size == sizeof request.bytes) {
        memcpy(request.bytes, answer->refused.name.data, sizeof request.bytes);
        lock = find(locks, &request);
    }
    if (!lock) /* of LOCKS: a broker that has no leases */
        return;
    if (lock->state == CF_LOCK_HELD)
        cf_locks_drop(locks, lock);
    bool held = lock->state == CF_LOCK_HELD;
    lock->state = held ? CF_LOCK_OVER : CF_LOCK_DENIED;
    cf_fail(&lock->why, answer->refused.later ? CF_UNREACHABLE : CF_DENIED, "the broker: %.*s",
            (int)answer->refused.text.size, (const char *)answer->refused.text.data);
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

static void take_list(cf_locks *locks, const cf_message *answer)
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
        take_list(locks, answer);
        break;
    case CF_COMMAND_REFUSED:
        take_refusal(locks, answer);
        if (cf_bytes_equal(answer->refused.request, cf_bytes_of_text("LOCKS")))
            locks->is_known = true;
        break;
    default:
        lock = find(locks, &answer->busy.request);
        if (!lock || lock->state != CF_LOCK_ASKED)
            break;
        lock->state = CF_LOCK_BUSY;
        lock->holder = answer->busy.holder;
        lock->until_ms = own_time(locks, answer->busy.until_ms);
        break;
    }
}

/* ---- Time ---- */

static void renew_in_time(cf_locks *locks, cf_lock *lock, uint64_t now_ms, uint64_t *deadline)
{
    uint64_t due = lock->renewed_ms + lock->for_ms / 3;

    if (!locks->is_connected)
        return;
    if (now_ms >= due) {
        lock->renewed_ms = now_ms;
        say_renew(locks, lock);
        due = now_ms + lock->for_ms / 3;
    }
    *deadline = due < *deadline ? due : *deadline;
}

/* Of those that others have, what is over is so also when nobody says it. */
static void end_known(cf_locks *locks, uint64_t now_ms, uint64_t *deadline)
{
    size_t left = 0, count = locks->known_count;

    for (size_t i = 0; i < count && !locks->is_connected; i++) {
        if (locks->known[i].until_ms <= now_ms)
            continue;
        if (locks->known[i].until_ms < *deadline)
            *deadline = locks->known[i].until_ms;
        locks->known[left++] = locks->known[i];
    }
    if (locks->is_connected || left == count)
        return;
    locks->known_count = left;
    locks->changes++;
    cf_locks_keep_known(locks);
}

void cf_locks_step(cf_locks *locks, uint64_t now_ms, uint64_t *deadline)
{
    for (size_t i = 0; i < locks->own_count; i++) {
        cf_lock *lock = &locks->own[i];

        if (lock->state != CF_LOCK_HELD)
            continue;
        if (lock->until_ms <= now_ms) {
            cf_locks_drop(locks, lock);
            lock->state = CF_LOCK_OVER;
        } else {
            *deadline = lock->until_ms < *deadline ? lock->until_ms : *deadline;
            if (locks->serves || lock->renews)
                renew_in_time(locks, lock, now_ms, deadline);
        }
    }
    end_known(locks, now_ms, deadline);
}
