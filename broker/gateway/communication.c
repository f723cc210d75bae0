/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway/communication.h"

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
    cf_communication *communication;
    busy_user *busy;
    uint64_t since_ms;
    void (*ready)(void *context);
    void *context;
    bool is_ready;
    cf_exclusion *next;
};

struct cf_communication {
    cf_hash_table users;
    cf_deadlines overdue;
};

cf_communication *cf_communication_new(void)
{
    return cf_allocate(1, sizeof(cf_communication));
}

static void forget(cf_communication *communication, busy_user *busy)
{
    cf_deadlines_set(&communication->overdue, &busy->overdue, UINT64_MAX);
    cf_hash_table_remove(&communication->users, &busy->link);
    free(busy);
}

void cf_communication_destroy(cf_communication **communication)
{
    cf_hash_link *link;

    if (!*communication)
        return;
    while ((link = cf_hash_table_walk(&(*communication)->users, NULL))) {
        busy_user *busy = cf_container_of(link, busy_user, link);

        for (cf_exclusion *at = busy->first, *next; at; at = next) {
            next = at->next;
            free(at);
        }
        forget(*communication, busy);
    }
    cf_hash_table_release(&(*communication)->users);
    cf_deadlines_release(&(*communication)->overdue);
    free(*communication);
    *communication = NULL;
}

static busy_user *find(const cf_communication *communication, const cf_hash *user)
{
    cf_hash_link *link = cf_hash_table_first(&communication->users, cf_hash_hash(user));

    while (link && !cf_hash_equal(&cf_container_of(link, busy_user, link)->user, user))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, busy_user, link) : NULL;
}

static busy_user *find_or_add(cf_communication *communication, const cf_hash *user)
{
    busy_user *busy = find(communication, user);

    if (busy)
        return busy;
    busy = cf_allocate(1, sizeof *busy);
    busy->user = *user;
    busy->end = &busy->first;
    cf_hash_table_add(&communication->users, &busy->link, cf_hash_hash(user));
    return busy;
}

bool cf_communication_enter(cf_communication *communication, const cf_hash *user)
{
    busy_user *busy = find_or_add(communication, user);

    if (busy->first)
        return false;
    busy->replays++;
    return true;
}

static uint64_t overdue_at(const busy_user *busy)
{
    return busy->first && !busy->first->is_ready
               ? busy->first->since_ms + CF_COMMUNICATION_PATIENCE_MS
               : UINT64_MAX;
}

/* The first in the queue, once nobody replays; `ready` may end it, and the user with it. */
static void let_in(cf_communication *communication, busy_user *busy)
{
    cf_exclusion *first = busy->first;
    const bool becomes_ready = first && !first->is_ready && !busy->replays;

    if (becomes_ready)
        first->is_ready = true;
    cf_deadlines_set(&communication->overdue, &busy->overdue, overdue_at(busy));
    if (becomes_ready)
        first->ready(first->context);
    else if (!first && !busy->replays)
        forget(communication, busy);
}

void cf_communication_leave(cf_communication *communication, const cf_hash *user)
{
    busy_user *busy = find(communication, user);

    if (!busy || !busy->replays)
        return;
    busy->replays--;
    let_in(communication, busy);
}

cf_exclusion *cf_exclusion_begin(cf_communication *communication, const cf_hash *user,
                                 uint64_t now_ms, void (*ready)(void *context), void *context)
{
    cf_exclusion *exclusion = cf_allocate(1, sizeof *exclusion);
    busy_user *busy = find_or_add(communication, user);

    *exclusion = (cf_exclusion){.communication = communication,
                                .busy = busy,
                                .since_ms = now_ms,
                                .ready = ready,
                                .context = context};
    *busy->end = exclusion;
    busy->end = &exclusion->next;
    let_in(communication, busy);
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
    cf_communication *communication = it->communication;
    busy_user *busy = it->busy;
    at = &busy->first;
    while (*at != it)
        at = &(*at)->next;
    *at = it->next;
    if (!it->next)
        busy->end = at;
    free(it);
    *exclusion = NULL;
    let_in(communication, busy);
}

bool cf_communication_is_overdue(const cf_communication *communication, const cf_hash *user,
                                 uint64_t now_ms)
{
    const busy_user *busy = find(communication, user);

    return busy && now_ms >= overdue_at(busy);
}

uint64_t cf_communication_deadline(const cf_communication *communication)
{
    return cf_deadlines_next(&communication->overdue);
}
