/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway/communication.h"

#include "codec/bytes.h"

#include <stdlib.h>

/* A user whose log is being replayed. */
typedef struct {
    cf_hash user;
    size_t replays;
} busy_user;

struct cf_exclusion {
    cf_communication *communication;
    cf_hash user;
    uint64_t since_ms;
    void (*ready)(void *context);
    void *context;
    bool is_ready;
    cf_exclusion *next; /* in the order in which they came */
};

struct cf_communication {
    busy_user *busy;
    size_t count, capacity;
    cf_exclusion *exclusions;
};

cf_communication *cf_communication_new(void)
{
    return cf_allocate(1, sizeof(cf_communication));
}

void cf_communication_destroy(cf_communication **communication)
{
    if (!*communication)
        return;
    while ((*communication)->exclusions) {
        cf_exclusion *first = (*communication)->exclusions;

        (*communication)->exclusions = first->next;
        free(first);
    }
    free((*communication)->busy);
    free(*communication);
    *communication = NULL;
}

static busy_user *find(const cf_communication *communication, const cf_hash *user)
{
    for (size_t i = 0; i < communication->count; i++)
        if (cf_hash_equal(&communication->busy[i].user, user))
            return &communication->busy[i];
    return NULL;
}

static cf_exclusion *first_of(const cf_communication *communication, const cf_hash *user)
{
    cf_exclusion *at = communication->exclusions;

    while (at && !cf_hash_equal(&at->user, user))
        at = at->next;
    return at;
}

bool cf_communication_enter(cf_communication *communication, const cf_hash *user)
{
    busy_user *busy = find(communication, user);

    if (first_of(communication, user))
        return false;
    if (!busy) {
        busy = cf_one_more(communication->busy, communication->count, communication->capacity);
        *busy = (busy_user){.user = *user};
    }
    busy->replays++;
    return true;
}

/* The first in the queue, once nobody replays. */
static void let_in(cf_communication *communication, const cf_hash *user)
{
    cf_exclusion *first = first_of(communication, user);

    if (!first || first->is_ready || find(communication, user))
        return;
    first->is_ready = true;
    first->ready(first->context);
}

void cf_communication_leave(cf_communication *communication, const cf_hash *user)
{
    const cf_hash who = *user; /* it may end with what is let in */
    busy_user *busy = find(communication, user);

    if (!busy || --busy->replays > 0)
        return;
    *busy = communication->busy[--communication->count];
    let_in(communication, &who);
}

cf_exclusion *cf_exclusion_begin(cf_communication *communication, const cf_hash *user,
                                 uint64_t now_ms, void (*ready)(void *context), void *context)
{
    cf_exclusion *exclusion = cf_allocate(1, sizeof *exclusion);
    cf_exclusion **end = &communication->exclusions;

    *exclusion = (cf_exclusion){.communication = communication,
                                .user = *user,
                                .since_ms = now_ms,
                                .ready = ready,
                                .context = context};
    while (*end)
        end = &(*end)->next;
    *end = exclusion;
    let_in(communication, user);
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
    const cf_hash user = it->user;
    at = &communication->exclusions;
    while (*at != it)
        at = &(*at)->next;
    *at = it->next;
    free(it);
    *exclusion = NULL;
    let_in(communication, &user);
}

static uint64_t overdue_at(const cf_exclusion *exclusion)
{
    return exclusion->since_ms + CF_COMMUNICATION_PATIENCE_MS;
}

bool cf_communication_is_overdue(const cf_communication *communication, const cf_hash *user,
                                 uint64_t now_ms)
{
    const cf_exclusion *first = first_of(communication, user);

    return first && !first->is_ready && now_ms >= overdue_at(first);
}

uint64_t cf_communication_deadline(const cf_communication *communication)
{
    uint64_t next = UINT64_MAX;

    for (const cf_exclusion *at = communication->exclusions; at; at = at->next)
        if (!at->is_ready && first_of(communication, &at->user) == at && overdue_at(at) < next)
            next = overdue_at(at);
    return next;
}
