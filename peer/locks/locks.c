/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/deadlines.h"
#include "peer/locks/locks_inside.h"

#include "codec/hash_table.h"
#include "codec/limits.h"

#include <stdlib.h>

/* ---- Names ---- */

/* What items are called where a broker keeps their locks: a keyed hash that tells it nothing,
 * computed once for each. codec/PROTOCOL.md, "Keys and sealing". */

struct cf_lock_names {
    const cf_ring *ring;
    cf_hash_table names;
};

typedef struct {
    cf_hash_link link;
    cf_id collection, item, name;
} known_name;

/* The ring is borrowed. */
static cf_lock_names *names_new(const cf_ring *ring)
{
    cf_lock_names *names = cf_allocate(1, sizeof *names);

    names->ring = ring;
    return names;
}

static void names_destroy(cf_lock_names **names)
{
    if (!*names)
        return;
    for (cf_hash_link *link = cf_hash_table_walk(&(*names)->names, NULL), *next; link;
         link = next) {
        next = cf_hash_table_walk(&(*names)->names, link);
        free(cf_container_of(link, known_name, link));
    }
    cf_hash_table_release(&(*names)->names);
    free(*names);
    *names = NULL;
}

static uint64_t hash_of(const cf_id *collection, const cf_id *item)
{
    return cf_hash_id(cf_hash_id(0, collection), item);
}

static const known_name *find(const cf_lock_names *names, const cf_id *collection,
                              const cf_id *item)
{
    for (cf_hash_link *link = cf_hash_table_first(&names->names, hash_of(collection, item)); link;
         link = cf_hash_table_next(link)) {
        const known_name *name = cf_container_of(link, known_name, link);

        if (cf_id_equal(&name->collection, collection) && cf_id_equal(&name->item, item))
            return name;
    }
    return NULL;
}

static cf_status derive(const cf_ring *ring, const cf_id *collection, const cf_id *item, cf_id *out,
                        cf_error *error)
{
    uint8_t key[CF_KEY_SIZE], whole[CF_KEY_SIZE];

    if (!cf_ring_count(ring))
        return cf_fail(error, CF_MISSING, "there is no content key yet");
    cf_status status =
        cf_ring_derive(ring, cf_ring_epoch(ring, 0), collection, CF_PURPOSE_LOCK, key, error);
    if (status)
        return status;
    cf_key_derive(key, "lock name", cf_bytes_of(item->bytes, CF_ID_SIZE), whole);
    memcpy(out->bytes, whole, CF_ID_SIZE);
    cf_wipe(key, sizeof key);
    return CF_OK;
}

/* CF_MISSING while the key of the first epoch isn't known. */
static cf_status names_find(cf_lock_names *names, const cf_id *collection, const cf_id *item,
                            cf_id *out, cf_error *error)
{
    const known_name *known = find(names, collection, item);

    if (!known) {
        known_name *name = cf_allocate(1, sizeof *name);

        name->collection = *collection;
        name->item = *item;
        cf_status status = derive(names->ring, collection, item, &name->name, error);
        if (status) {
            free(name);
            return status;
        }
        cf_hash_table_add(&names->names, &name->link, hash_of(collection, item));
        known = name;
    }
    *out = known->name;
    return CF_OK;
}

/* ---- Locks ---- */

static const cf_id whole;

/* ---- Finding ---- */

cf_lock *cf_locks_at(const cf_locks *locks, const cf_id *request)
{
    for (size_t i = 0; i < locks->own_count; i++)
        if (cf_id_equal(&locks->own[i].request, request))
            return &locks->own[i];
    return NULL;
}

const cf_lock *cf_locks_find(const cf_locks *locks, const cf_id *request)
{
    return cf_locks_at(locks, request);
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
    bool are_known = locks->is_known;

    for (size_t i = 0; i < locks->own_count; i++)
        are_known &= !locks->own[i].was_forgotten || locks->own[i].state != CF_LOCK_ASKED;
    return are_known;
}

uint64_t cf_locks_changes(const cf_locks *locks)
{
    return locks->changes;
}

cf_status cf_locks_name(cf_locks *locks, const cf_id *collection, const cf_id *item, cf_id *out,
                        cf_error *error)
{
    if (!cf_id_equal(item, &whole))
        return names_find(locks->names, collection, item, out, error);
    *out = whole;
    return CF_OK;
}

static bool is_this(const cf_locks *locks, const cf_lease *lease)
{
    return cf_hash_equal(&lease->holder, cf_peer_device(locks->peer));
}

bool cf_locks_any_inside(const cf_locks *locks, const cf_id *collection)
{
    for (size_t i = 0; i < locks->known_count; i++)
        if (cf_id_equal(&locks->known[i].collection, collection) &&
            !is_this(locks, &locks->known[i]) && !cf_id_equal(&locks->known[i].name, &whole))
            return true;
    return false;
}

static const cf_lease *find_known(cf_locks *locks, const cf_id *collection, const cf_id *item,
                                  bool of_this)
{
    cf_error ignored;
    cf_id name;

    if (cf_locks_name(locks, collection, item, &name, &ignored))
        return NULL;
    for (size_t i = 0; i < locks->known_count; i++)
        if (cf_id_equal(&locks->known[i].collection, collection) &&
            cf_id_equal(&locks->known[i].name, &name) &&
            is_this(locks, &locks->known[i]) == of_this)
            return &locks->known[i];
    return NULL;
}

const cf_lease *cf_locks_of_other(cf_locks *locks, const cf_id *collection, const cf_id *item)
{
    return find_known(locks, collection, item, false);
}

const cf_lease *cf_locks_of_this(cf_locks *locks, const cf_id *collection, const cf_id *item)
{
    return find_known(locks, collection, item, true);
}

/* ---- Asking ---- */

void cf_locks_say(cf_locks *locks, const cf_lock *lock)
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

static bool has_in_hand(const cf_locks *locks, const cf_lock *lock)
{
    for (size_t i = 0; i < locks->own_count; i++)
        if ((locks->own[i].state == CF_LOCK_HELD || locks->own[i].state == CF_LOCK_ENDING) &&
            cf_id_equal(&locks->own[i].collection, &lock->collection) &&
            cf_id_equal(&locks->own[i].item, &lock->item))
            return true;
    return false;
}

/* Who waits for what this device has itself, and has forgotten, need not wait. */
static void regain(cf_locks *locks, const cf_lock *lock)
{
    const cf_lease *mine = cf_locks_of_this(locks, &lock->collection, &lock->item);
    cf_lock impatient = *lock;

    if (lock->state != CF_LOCK_ASKED || !lock->wait || !mine || mine->shared != lock->shared ||
        has_in_hand(locks, lock))
        return;
    impatient.wait = false;
    cf_locks_say(locks, &impatient);
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
    *cf_one_more(locks->own, locks->own_count, locks->own_capacity) = *lock;
    *request = lock->request;
    cf_locks_say(locks, lock);
    if (locks->is_known)
        regain(locks, lock);
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
                    .passes = wish->passes,
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
    cf_lock *lock = cf_locks_at(locks, request);

    if (!lock || (lock->state != CF_LOCK_HELD && lock->state != CF_LOCK_ASKED))
        return;
    if (lock->passes && lock->state == CF_LOCK_HELD)
        /* the home forgets it once the broker knows: this process may end before */
        cf_locks_withdraw(locks, lock);
    else
        cf_locks_drop(locks, lock);
    lock->state = CF_LOCK_ENDING;
    cf_locks_say(locks, lock);
}

static void say_renew(cf_locks *locks, cf_lock *lock)
{
    cf_message message = {
        .command = CF_COMMAND_RENEW,
        .renew = {.request = lock->request, .token = lock->token, .for_ms = lock->for_ms}};

    cf_link_ask_lease(locks->peer->link, &message);
}

void cf_locks_renew(cf_locks *locks, const cf_id *request, uint64_t for_ms)
{
    cf_lock *lock = cf_locks_at(locks, request);

    if (!lock || lock->state != CF_LOCK_HELD)
        return;
    lock->for_ms = for_ms;
    lock->renewed_ms = 0; /* it is due at once */
    lock->renews = true;
}

void cf_locks_say_alone(cf_locks *locks, const cf_id *collection, bool begins)
{
    cf_message message = {.command = CF_COMMAND_ALONE,
                          .alone = {.collection = *collection, .begins = begins}};

    if (locks->is_connected)
        cf_link_ask_lease(locks->peer->link, &message);
}

void cf_locks_tell_alone(cf_locks *locks, const cf_id *collection, bool begins)
{
    for (size_t i = 0; i < locks->own_count; i++) {
        cf_lock *lock = &locks->own[i];

        if (!cf_id_equal(&lock->collection, collection) || !cf_id_equal(&lock->item, &whole))
            continue;
        lock->is_alone = begins;
        if (lock->state == CF_LOCK_HELD)
            cf_locks_say_alone(locks, collection, begins);
    }
}

/* Of a collection: without its token nothing gets in. */
static void regain_whole(cf_locks *locks, const cf_lease *lease, uint64_t now_ms)
{
    uint64_t left_ms = lease->until_ms > now_ms ? lease->until_ms - now_ms : 0;
    cf_lock lock = {.collection = lease->collection,
                    .for_ms = left_ms < CF_LEASE_FOR_MS_MIN   ? CF_LEASE_FOR_MS_MIN
                              : left_ms > CF_LEASE_FOR_MS_MAX ? CF_LEASE_FOR_MS_MAX
                                                              : left_ms,
                    .shared = lease->shared,
                    .was_forgotten = true,
                    .state = CF_LOCK_ASKED};
    cf_error ignored;
    cf_id request;

    for (size_t i = 0; i < locks->own_count; i++)
        if (cf_id_equal(&locks->own[i].collection, &lock.collection) &&
            cf_id_equal(&locks->own[i].item, &whole) &&
            (locks->own[i].state <= CF_LOCK_HELD || locks->own[i].state == CF_LOCK_ENDING))
            return;
    add(locks, &lock, &request, &ignored);
}

void cf_locks_regain_awaited(cf_locks *locks)
{
    for (size_t i = 0; i < locks->own_count; i++)
        regain(locks, &locks->own[i]);
}

void cf_locks_regain_all(cf_locks *locks, uint64_t now_ms)
{
    cf_locks_regain_awaited(locks);
    for (size_t i = 0; i < locks->known_count; i++)
        if (is_this(locks, &locks->known[i]) && cf_id_equal(&locks->known[i].name, &whole))
            regain_whole(locks, &locks->known[i], now_ms);
}

void cf_locks_forget(cf_locks *locks, const cf_id *request)
{
    cf_lock *lock = cf_locks_at(locks, request);

    if (lock && lock->state != CF_LOCK_HELD)
        *lock = locks->own[--locks->own_count];
}

/* ---- Time ---- */

static void renew_in_time(cf_locks *locks, cf_lock *lock, uint64_t now_ms, uint64_t *deadline)
{
    uint64_t due = lock->renewed_ms + lock->for_ms / CF_LOCK_RENEWALS;

    if (!locks->is_connected)
        return;
    if (now_ms >= due) {
        lock->renewed_ms = now_ms;
        say_renew(locks, lock);
        due = now_ms + lock->for_ms / CF_LOCK_RENEWALS;
    }
    cf_deadline_lower(deadline, due);
}

/* Of those that others have, what is over is so also when nobody says it. */
static void end_known(cf_locks *locks, uint64_t now_ms, uint64_t *deadline)
{
    size_t left = 0, count = locks->known_count;

    for (size_t i = 0; i < count && !locks->is_connected; i++) {
        if (locks->known[i].until_ms <= now_ms)
            continue;
        cf_deadline_lower(deadline, locks->known[i].until_ms);
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
            cf_deadline_lower(deadline, lock->until_ms);
            if (locks->serves || lock->renews)
                renew_in_time(locks, lock, now_ms, deadline);
        }
    }
    end_known(locks, now_ms, deadline);
}

static uint64_t shift(uint64_t time_ms, int64_t by_ms)
{
    if (time_ms == 0 || time_ms == UINT64_MAX)
        return time_ms;
    if (by_ms < 0)
        return time_ms > (uint64_t)-by_ms ? time_ms - (uint64_t)-by_ms : 1;
    return time_ms < CF_TIME_MS_MAX - (uint64_t)by_ms ? time_ms + (uint64_t)by_ms : CF_TIME_MS_MAX;
}

/* What says when leases began says so by the clock that there was. */
void cf_locks_clock_set(cf_locks *locks, int64_t by_ms)
{
    for (size_t i = 0; i < locks->own_count; i++) {
        locks->own[i].until_ms = shift(locks->own[i].until_ms, by_ms);
        locks->own[i].renewed_ms = shift(locks->own[i].renewed_ms, by_ms);
    }
    for (size_t i = 0; i < locks->known_count; i++)
        locks->known[i].until_ms = shift(locks->known[i].until_ms, by_ms);
    locks->clock_difference_ms -= by_ms;
}

/* ---- Opening ---- */

/* Whoever had them has ended. */
static void give_back_passing(cf_locks *locks)
{
    for (size_t i = 0; i < locks->own_count; i++)
        if (locks->own[i].passes)
            cf_locks_give_back(locks, &locks->own[i].request);
}

cf_status cf_locks_open(cf_peer *peer, bool serves, uint64_t now_ms, cf_locks **out,
                        cf_error *error)
{
    cf_locks *locks = cf_allocate(1, sizeof *locks);
    uint64_t unused = UINT64_MAX;

    locks->peer = peer;
    locks->serves = serves;
    locks->names = names_new(peer->ring);
    cf_status status = cf_locks_load(locks, error);
    if (status) {
        cf_locks_close(&locks);
        return status;
    }
    cf_locks_step(locks, now_ms, &unused);
    give_back_passing(locks);
    *out = locks;
    return CF_OK;
}

void cf_locks_close(cf_locks **locks)
{
    if (!*locks)
        return;
    names_destroy(&(*locks)->names);
    free((*locks)->own);
    free((*locks)->known);
    free(*locks);
    *locks = NULL;
}
