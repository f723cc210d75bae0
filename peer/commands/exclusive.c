/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/exclusive.h"

#include "peer/log/catalog.h"
#include "peer/commands/lockable.h"
#include "peer/sources/context/lock_guard.h"

#include <stdlib.h>

enum { FOR_MS = 60000, RELEASE_MS = 5000 };
static_assert(FOR_MS >= (int)CF_LEASE_FOR_MS_MIN && FOR_MS <= (int)CF_LEASE_FOR_MS_MAX,
              "a broker takes it");
static_assert(FOR_MS - FOR_MS / CF_LOCK_RENEWALS > CF_LINK_PATIENCE_MS,
              "a connection that turns out dead costs no lock: what is left outlasts that");

typedef struct {
    cf_id collection;
    cf_id request;
    bool is_asked;
    bool is_kept; /* this device has it anyhow, and keeps it */
    bool is_free; /* the broker has nothing of the collection, so nobody else writes to it */
    bool is_had;  /* when it is given back */
} one_lock;

struct cf_exclusive {
    cf_run *run;
    one_lock *locks; /* ascending by collection: two who want the same never wait for each other */
    size_t count, capacity;
    bool waits;   /* for others' locks */
    bool is_said; /* that it does */
    uint64_t give_up_ms;
    uint64_t release_ms; /* when giving back is given up; 0: it has not begun */
    bool is_told;        /* the broker, that it has begun */
};

static cf_locks *locks_of(const cf_exclusive *exclusive)
{
    cf_engine *engine = cf_loop_engine(exclusive->run->loop);

    return engine ? cf_engine_locks(engine) : NULL;
}

static void add(cf_exclusive *exclusive, const cf_id *collection)
{
    for (size_t i = 0; i < exclusive->count; i++)
        if (cf_id_equal(&exclusive->locks[i].collection, collection))
            return;
    *cf_one_more(exclusive->locks, exclusive->count, exclusive->capacity) =
        (one_lock){.collection = *collection};
}

static int by_collection(const void *a, const void *b)
{
    return cf_id_compare(&((const one_lock *)a)->collection, &((const one_lock *)b)->collection);
}

cf_exclusive *cf_exclusive_new(cf_run *run, const cf_id *collections, size_t count, bool waits,
                               uint64_t give_up_ms)
{
    cf_exclusive *exclusive = cf_allocate(1, sizeof *exclusive);
    cf_engine *engine = cf_loop_engine(run->loop);

    exclusive->run = run;
    exclusive->waits = waits;
    exclusive->give_up_ms = give_up_ms;
    for (size_t i = 0; i < count; i++)
        add(exclusive, &collections[i]);
    for (size_t i = 0; !count && i < cf_engine_binding_count(engine); i++)
        add(exclusive, &cf_engine_binding_at(engine, i)->collection);
    if (exclusive->count)
        qsort(exclusive->locks, exclusive->count, sizeof *exclusive->locks, by_collection);
    return exclusive;
}

/* What this device has is known once the broker has named it: a lock that its home does not know of
 * (it was restored, or a process was killed at once) is had again by then, and is kept, too. To
 * wait for it would be to wait for oneself. */
static cf_status ask(cf_exclusive *exclusive, one_lock *lock, cf_error *error)
{
    static const cf_id whole;
    cf_locks *locks = locks_of(exclusive);
    cf_lock_wish wish = {.collection = lock->collection,
                         .for_ms = FOR_MS,
                         .wait = true,
                         .renews = true,
                         .passes = true};

    if (!cf_locks_are_known(locks))
        return CF_OK;
    lock->is_kept = cf_locks_own(locks, &lock->collection, &whole) != NULL;
    if (lock->is_kept)
        return CF_OK;
    cf_status status = cf_locks_ask(locks, &wish, &lock->request, error);
    lock->is_asked = !status;
    return status;
}

/* Whose lock it waits for, or why nobody answers. */
static cf_status await(cf_exclusive *exclusive, const one_lock *lock, uint64_t now_ms,
                       cf_error *error)
{
    static const cf_id whole;
    cf_peer *peer = cf_loop_peer(exclusive->run->loop);
    const cf_lease *other = cf_locks_of_other(locks_of(exclusive), &lock->collection, &whole);
    cf_arena arena = {0};
    cf_status status = CF_OK;

    if (!other || !cf_locks_are_known(locks_of(exclusive)))
        return cf_lock_await(exclusive->run, now_ms, exclusive->give_up_ms, error);
    const char *line = cf_lock_guard_line(peer, other, &arena);
    if (!exclusive->waits || now_ms >= exclusive->give_up_ms)
        status = cf_fail(error, CF_LOCKED, "%s", line);
    else if (!exclusive->is_said)
        cf_say(&exclusive->run->output, "%s: waiting for it", line);
    exclusive->is_said = true;
    cf_arena_release(&arena);
    return status;
}

/* Whether the lock that was there before does, once it is heard that it still is. */
static cf_status check_kept(const cf_exclusive *exclusive, one_lock *lock, bool *held,
                            cf_error *error)
{
    static const cf_id whole;
    cf_locks *locks = locks_of(exclusive);
    const cf_lock *own = cf_locks_own(locks, &lock->collection, &whole);
    cf_arena arena = {0};
    cf_status status = CF_OK;

    lock->is_kept = own != NULL;
    *held = own && cf_locks_are_known(locks);
    if (own && own->shared)
        status =
            cf_fail(error, CF_LOCKED, "%s is locked by this device, but shared: unlock it first",
                    cf_catalog_name(cf_loop_peer(exclusive->run->loop), &lock->collection, &arena));
    cf_arena_release(&arena);
    return status;
}

static void tell(cf_exclusive *exclusive, bool begins)
{
    for (size_t i = 0; i < exclusive->count && exclusive->is_told != begins; i++)
        if (!exclusive->locks[i].is_free)
            cf_locks_tell_alone(locks_of(exclusive), &exclusive->locks[i].collection, begins);
    exclusive->is_told = begins;
}

cf_status cf_exclusive_step(cf_exclusive *exclusive, uint64_t now_ms, bool *held, cf_error *error)
{
    cf_status status = CF_OK;

    *held = false;
    for (size_t i = 0; i < exclusive->count; i++) {
        one_lock *lock = &exclusive->locks[i];
        bool has = false;

        if (!lock->is_asked && !lock->is_kept)
            status = ask(exclusive, lock, error);
        if (!status && lock->is_kept)
            status = check_kept(exclusive, lock, &has, error);
        if (has && !status)
            continue;
        const cf_lock *now =
            status || lock->is_kept ? NULL : cf_locks_find(locks_of(exclusive), &lock->request);
        lock->is_free = now && now->state == CF_LOCK_DENIED && now->why.status == CF_MISSING;
        if (lock->is_free || (now && now->state == CF_LOCK_HELD))
            continue;
        if (now && now->state == CF_LOCK_DENIED) {
            *error = now->why;
            status = now->why.status;
        } else if (now && now->state == CF_LOCK_OVER) {
            lock->is_asked = false; /* it ended before the others were there */
        }
        return status ? status : await(exclusive, lock, now_ms, error);
    }
    tell(exclusive, true);
    *held = true;
    return CF_OK;
}

bool cf_exclusive_is_released(cf_exclusive *exclusive, uint64_t now_ms)
{
    cf_locks *locks = locks_of(exclusive);
    bool first = !exclusive->release_ms, all = true;

    if (first) {
        exclusive->release_ms = now_ms + RELEASE_MS;
        tell(exclusive, false);
    }
    for (size_t i = 0; i < exclusive->count; i++) {
        one_lock *lock = &exclusive->locks[i];
        const cf_lock *now = cf_locks_find(locks, &lock->request);

        if (first && lock->is_asked) {
            lock->is_had = now && now->state == CF_LOCK_HELD;
            cf_locks_give_back(locks, &lock->request);
        }
        all &= !lock->is_had || !now || now->state != CF_LOCK_ENDING;
    }
    return all || now_ms >= exclusive->release_ms;
}

void cf_exclusive_destroy(cf_exclusive **exclusive)
{
    cf_exclusive *it = *exclusive;

    if (!it)
        return;
    if (locks_of(it))
        tell(it, false);
    for (size_t i = 0; i < it->count && locks_of(it); i++) {
        if (!it->locks[i].is_asked)
            continue;
        cf_locks_give_back(locks_of(it), &it->locks[i].request);
        const cf_lock *now = cf_locks_find(locks_of(it), &it->locks[i].request);
        if (now && now->state != CF_LOCK_ENDING)
            cf_locks_forget(locks_of(it), &it->locks[i].request);
    }
    cf_loop_wake(it->run->loop);
    free(it->locks);
    free(it);
    *exclusive = NULL;
}
