/* SPDX-License-Identifier: Apache-2.0 */
/* Who goes first: replays, as long as nobody waits to remove something; the first who waits, once
 * no replay is left; then the next. Replays are overdue where somebody has waited for
 * CF_REPLAY_LOCK_WAIT_MS. */
#include "broker/gateway/replay_lock.h"

#include "codec/deadlines.h"
#include "codec/hash_table.h"

#include <stdlib.h>

/* A user whose log is being replayed, or waited for. */
typedef struct {
    cf_hash_link link;
    cf_hash user;
    size_t replays;
    cf_exclusion *first, **end; /* in the order in which they came */
    cf_deadline overdue;        /* of the first, while it waits */
} busy_user;

struct cf_exclusion {
    cf_replay_lock *replay_lock;
    busy_user *busy;
    uint64_t since_ms;
    void (*ready)(void *context);
    void *context;
    bool is_ready;
    cf_exclusion *next;
};

struct cf_replay_lock {
    cf_hash_table users;
    cf_deadlines overdue;
};

cf_replay_lock *cf_replay_lock_new(void)
{
    return cf_allocate(1, sizeof(cf_replay_lock));
}

static void forget(cf_replay_lock *replay_lock, busy_user *busy)
{
    cf_deadlines_set(&replay_lock->overdue, &busy->overdue, UINT64_MAX);
    cf_hash_table_remove(&replay_lock->users, &busy->link);
    free(busy);
}

void cf_replay_lock_destroy(cf_replay_lock **replay_lock)
{
    cf_hash_link *link;

    if (!*replay_lock)
        return;
    while ((link = cf_hash_table_walk(&(*replay_lock)->users, NULL))) {
        busy_user *busy = cf_container_of(link, busy_user, link);

        for (cf_exclusion *at = busy->first, *next; at; at = next) {
            next = at->next;
            free(at);
        }
        forget(*replay_lock, busy);
    }
    cf_hash_table_release(&(*replay_lock)->users);
    cf_deadlines_release(&(*replay_lock)->overdue);
    free(*replay_lock);
    *replay_lock = NULL;
}

static busy_user *find(const cf_replay_lock *replay_lock, const cf_hash *user)
{
    cf_hash_link *link = cf_hash_table_first(&replay_lock->users, cf_hash_hash(user));

    while (link && !cf_hash_equal(&cf_container_of(link, busy_user, link)->user, user))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, busy_user, link) : NULL;
}

static busy_user *find_or_add(cf_replay_lock *replay_lock, const cf_hash *user)
{
    busy_user *busy = find(replay_lock, user);

    if (busy)
        return busy;
    busy = cf_allocate(1, sizeof *busy);
    busy->user = *user;
    busy->end = &busy->first;
    cf_hash_table_add(&replay_lock->users, &busy->link, cf_hash_hash(user));
    return busy;
}

bool cf_replay_lock_enter(cf_replay_lock *replay_lock, const cf_hash *user)
{
    busy_user *busy = find_or_add(replay_lock, user);

    if (busy->first)
        return false;
    busy->replays++;
    return true;
}

static uint64_t overdue_at(const busy_user *busy)
{
    return busy->first && !busy->first->is_ready ? busy->first->since_ms + CF_REPLAY_LOCK_WAIT_MS
                                                 : UINT64_MAX;
}

/* The first in the queue, once nobody replays; `ready` may end it, and the user with it. */
static void let_in(cf_replay_lock *replay_lock, busy_user *busy)
{
    cf_exclusion *first = busy->first;
    const bool becomes_ready = first && !first->is_ready && !busy->replays;

    if (becomes_ready)
        first->is_ready = true;
    cf_deadlines_set(&replay_lock->overdue, &busy->overdue, overdue_at(busy));
    if (becomes_ready)
        first->ready(first->context);
    else if (!first && !busy->replays)
        forget(replay_lock, busy);
}

void cf_replay_lock_leave(cf_replay_lock *replay_lock, const cf_hash *user)
{
    busy_user *busy = find(replay_lock, user);

    if (!busy || !busy->replays)
        return;
    busy->replays--;
    let_in(replay_lock, busy);
}

cf_exclusion *cf_exclusion_begin(cf_replay_lock *replay_lock, const cf_hash *user, uint64_t now_ms,
                                 void (*ready)(void *context), void *context)
{
    cf_exclusion *exclusion = cf_allocate(1, sizeof *exclusion);
    busy_user *busy = find_or_add(replay_lock, user);

    *exclusion = (cf_exclusion){.replay_lock = replay_lock,
                                .busy = busy,
                                .since_ms = now_ms,
                                .ready = ready,
                                .context = context};
    *busy->end = exclusion;
    busy->end = &exclusion->next;
    let_in(replay_lock, busy);
    return exclusion;
}

bool cf_exclusion_is_ready(const cf_exclusion *exclusion)
{
    return exclusion->is_ready;
}

void cf_exclusion_end(cf_exclusion **exclusion)
{
    cf_exclusion *it = *exclusion, **at;

    if (!it)
        return;
    cf_replay_lock *replay_lock = it->replay_lock;
    busy_user *busy = it->busy;
    at = &busy->first;
    while (*at != it)
        at = &(*at)->next;
    *at = it->next;
    if (!it->next)
        busy->end = at;
    free(it);
    *exclusion = NULL;
    let_in(replay_lock, busy);
}

bool cf_replay_lock_is_overdue(const cf_replay_lock *replay_lock, const cf_hash *user,
                               uint64_t now_ms)
{
    const busy_user *busy = find(replay_lock, user);

    return busy && now_ms >= overdue_at(busy);
}

uint64_t cf_replay_lock_deadline(const cf_replay_lock *replay_lock)
{
    return cf_deadlines_next(&replay_lock->overdue);
}
