/* SPDX-License-Identifier: Apache-2.0 */
/* Leases lie in the order of their things, waiters in that in which they asked. An ask is granted
 * at once, or queued, or refused:
 *
 *     A has x; B asks for x, shared; C asks for x, shared, too:    both wait
 *     A lets it go:                                                both have it, B was first */
#include "broker/leases/leases.h"

#include "codec/deadlines.h"

#include <stdlib.h>
#include <string.h>

enum { NOT_STARTED = 0 }; /* until_ms of a lease that was read back */

typedef struct {
    cf_id collection, name;
} lease_thing;

struct cf_leases {
    cf_lease_token token;
    cf_lease_held *held; /* by thing; of one thing in the order of granting */
    size_t held_count, held_capacity;
    cf_lease_ask *waiters; /* in the order in which they came */
    size_t waiter_count, waiter_capacity;
    lease_thing *changed;
    size_t changed_count, changed_capacity;
    uint64_t deadline_ms;
    bool is_deadline_known;
};

/* ---- Those of one thing ---- */

static int compare_thing(const cf_lease_held *held, const cf_id *collection, const cf_id *name)
{
    int order = cf_id_compare(&held->collection, collection);

    return order ? order : cf_id_compare(&held->name, name);
}

static bool is_of(const cf_lease_held *held, const cf_id *collection, const cf_id *name)
{
    return compare_thing(held, collection, name) == 0;
}

/* The leases of one thing stand together; where they begin, or would. */
static size_t place_of(const cf_leases *leases, const cf_id *collection, const cf_id *name)
{
    size_t low = 0, high = leases->held_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_thing(&leases->held[middle], collection, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many there are of the thing, from `*first` on. */
static size_t count_of(const cf_leases *leases, const cf_id *collection, const cf_id *name,
                       size_t *first)
{
    size_t end = *first = place_of(leases, collection, name);

    while (end < leases->held_count && is_of(&leases->held[end], collection, name))
        end++;
    return end - *first;
}

/* For cf_leases_changed. */
static void note_change(cf_leases *leases, const cf_id *collection, const cf_id *name)
{
    leases->is_deadline_known = false;
    for (size_t i = 0; i < leases->changed_count; i++)
        if (cf_id_equal(&leases->changed[i].collection, collection) &&
            cf_id_equal(&leases->changed[i].name, name))
            return;
    *cf_one_more(leases->changed, leases->changed_count, leases->changed_capacity) =
        (lease_thing){*collection, *name};
}

/* Ends the one at this place. Each end makes all tokens before it old. */
static void end_lease(cf_leases *leases, size_t at)
{
    leases->token.counter++;
    note_change(leases, &leases->held[at].collection, &leases->held[at].name);
    leases->held_count--;
    memmove(&leases->held[at], &leases->held[at + 1],
            (leases->held_count - at) * sizeof *leases->held);
}

static void drop_waiter(cf_leases *leases, size_t at)
{
    leases->waiter_count--;
    memmove(&leases->waiters[at], &leases->waiters[at + 1],
            (leases->waiter_count - at) * sizeof *leases->waiters);
}

/* ---- From the beginning to the end ---- */

cf_leases *cf_leases_new(void)
{
    return cf_allocate(1, sizeof(cf_leases));
}

void cf_leases_destroy(cf_leases **leases)
{
    if (!*leases)
        return;
    free((*leases)->held);
    free((*leases)->waiters);
    free((*leases)->changed);
    free(*leases);
    *leases = NULL;
}

size_t cf_leases_raise(cf_leases *leases, uint64_t generation)
{
    size_t ended = leases->held_count;

    if (generation <= leases->token.generation)
        return 0;
    while (leases->held_count)
        end_lease(leases, leases->held_count - 1);
    leases->token = (cf_lease_token){generation, 0};
    return ended;
}

cf_lease_token cf_leases_token(const cf_leases *leases)
{
    return leases->token;
}

/* ---- Time ---- */

static uint64_t end_of(uint64_t for_ms, uint64_t now_ms)
{
    return for_ms < UINT64_MAX - now_ms ? now_ms + for_ms : UINT64_MAX;
}

size_t cf_leases_expire(cf_leases *leases, uint64_t now_ms)
{
    size_t ended = 0;

    if (cf_leases_deadline(leases) > now_ms)
        return 0;
    for (size_t i = leases->held_count; i-- > 0;) {
        cf_lease_held *held = &leases->held[i];

        if (held->until_ms == NOT_STARTED) {
            held->until_ms = end_of(held->for_ms, now_ms);
        } else if (held->until_ms <= now_ms) {
            end_lease(leases, i);
            ended++;
        }
    }
    leases->is_deadline_known = false;
    return ended;
}

static uint64_t moved(uint64_t at_ms, int64_t later_ms)
{
    const uint64_t ms = later_ms < 0 ? 0 - (uint64_t)later_ms : (uint64_t)later_ms;

    if (later_ms < 0) /* 0 is a lease that has not begun to run */
        return at_ms > ms ? at_ms - ms : 1;
    return at_ms < UINT64_MAX - ms ? at_ms + ms : UINT64_MAX;
}

void cf_leases_clock_set(cf_leases *leases, int64_t later_ms)
{
    for (size_t i = 0; i < leases->held_count; i++)
        if (leases->held[i].until_ms)
            leases->held[i].until_ms = moved(leases->held[i].until_ms, later_ms);
    leases->is_deadline_known = false;
}

uint64_t cf_leases_deadline(const cf_leases *leases)
{
    cf_leases *cache = (cf_leases *)leases;

    if (leases->is_deadline_known)
        return leases->deadline_ms;
    cache->deadline_ms = UINT64_MAX;
    cache->is_deadline_known = true;
    for (size_t i = 0; i < leases->held_count; i++)
        cf_deadline_lower(&cache->deadline_ms, leases->held[i].until_ms);
    return cache->deadline_ms;
}

/* ---- Asking ---- */

static bool wants(const cf_lease_ask *ask, const cf_id *collection, const cf_id *name)
{
    return cf_id_equal(&ask->collection, collection) && cf_id_equal(&ask->name, name);
}

static bool is_same_request(const cf_lease_held *held, const cf_lease_ask *ask)
{
    return cf_hash_equal(&held->holder, &ask->device) && cf_id_equal(&held->request, &ask->request);
}

/* The first lease that keeps this one from being granted; NULL: none does. One device has one lease
 * of a thing. */
static const cf_lease_held *obstacle(const cf_leases *leases, const cf_lease_ask *ask)
{
    size_t first, count = count_of(leases, &ask->collection, &ask->name, &first);

    for (size_t i = first; i < first + count; i++)
        if (!ask->shared || !leases->held[i].shared ||
            cf_hash_equal(&leases->held[i].holder, &ask->device))
            return &leases->held[i];
    return NULL;
}

/* Of those that wait for the thing, the first before `end`; NULL: nobody does. */
static const cf_lease_ask *first_waiter(const cf_leases *leases, const cf_lease_ask *ask,
                                        size_t end)
{
    for (size_t i = 0; i < end; i++)
        if (wants(&leases->waiters[i], &ask->collection, &ask->name))
            return &leases->waiters[i];
    return NULL;
}

static bool is_full(const cf_leases *leases, const cf_hash *device)
{
    size_t own = 0;

    if (leases->held_count >= CF_LEASES_MAX)
        return true;
    for (size_t i = 0; i < leases->held_count; i++)
        own += cf_hash_equal(&leases->held[i].holder, device);
    return own >= CF_LEASES_OF_DEVICE_MAX;
}

static void grant(cf_leases *leases, const cf_lease_ask *ask, uint64_t now_ms, cf_lease_held *held)
{
    leases->token.counter++;
    *held = (cf_lease_held){
        .request = ask->request,
        .collection = ask->collection,
        .name = ask->name,
        .holder = ask->device,
        .token = leases->token,
        .for_ms = ask->for_ms,
        .since_ms = now_ms,
        .until_ms = end_of(ask->for_ms, now_ms),
        .shared = ask->shared,
    };
    cf_leases_put(leases, held);
    note_change(leases, &ask->collection, &ask->name);
}

static bool is_granted(const cf_leases *leases, const cf_lease_ask *ask, cf_lease_held *held)
{
    size_t first, count = count_of(leases, &ask->collection, &ask->name, &first);

    for (size_t i = first; i < first + count; i++)
        if (is_same_request(&leases->held[i], ask)) {
            *held = leases->held[i];
            return true;
        }
    return false;
}

/* The same request again, perhaps in another session. */
static bool waits_already(cf_leases *leases, const cf_lease_ask *ask)
{
    for (size_t i = 0; i < leases->waiter_count; i++) {
        cf_lease_ask *waiter = &leases->waiters[i];

        if (!cf_hash_equal(&waiter->device, &ask->device) ||
            !cf_id_equal(&waiter->request, &ask->request) ||
            !wants(waiter, &ask->collection, &ask->name))
            continue;
        waiter->session = ask->session;
        return true;
    }
    return false;
}

static void drop_request(cf_leases *leases, const cf_lease_ask *ask)
{
    for (size_t i = leases->waiter_count; i-- > 0;)
        if (cf_id_equal(&leases->waiters[i].request, &ask->request) &&
            cf_hash_equal(&leases->waiters[i].device, &ask->device))
            drop_waiter(leases, i);
}

/* A device that has forgotten what it has gets it again, under a token of its own. */
static bool take_over(cf_leases *leases, const cf_lease_ask *ask, uint64_t now_ms,
                      cf_lease_held *held)
{
    size_t first, count = count_of(leases, &ask->collection, &ask->name, &first);

    for (size_t i = first; i < first + count; i++) {
        cf_lease_held *own = &leases->held[i];

        if (!cf_hash_equal(&own->holder, &ask->device) || own->shared != ask->shared)
            continue;
        leases->token.counter++;
        own->token = leases->token;
        own->request = ask->request;
        own->for_ms = ask->for_ms;
        own->until_ms = end_of(ask->for_ms, now_ms);
        leases->is_deadline_known = false;
        drop_request(leases, ask);
        note_change(leases, &ask->collection, &ask->name);
        *held = *own;
        return true;
    }
    return false;
}

static cf_lease_answer queue(cf_leases *leases, const cf_lease_ask *ask)
{
    size_t own = 0;

    for (size_t i = 0; i < leases->waiter_count; i++)
        own += leases->waiters[i].session == ask->session;
    if (leases->waiter_count >= CF_LEASE_WAITERS_MAX || own >= CF_LEASE_WAITERS_OF_SESSION_MAX)
        return CF_LEASE_FULL;
    *cf_one_more(leases->waiters, leases->waiter_count, leases->waiter_capacity) = *ask;
    return CF_LEASE_WAITS;
}

cf_lease_answer cf_leases_lock(cf_leases *leases, const cf_lease_ask *ask, uint64_t now_ms,
                               cf_lease_held *held)
{
    const cf_lease_held *in_the_way;
    const cf_lease_ask *before;

    cf_leases_expire(leases, now_ms);
    if (is_granted(leases, ask, held) || (!ask->wait && take_over(leases, ask, now_ms, held)))
        return CF_LEASE_GRANTED;
    if (ask->wait && waits_already(leases, ask))
        return CF_LEASE_WAITS;
    in_the_way = obstacle(leases, ask);
    before = first_waiter(leases, ask, leases->waiter_count);
    if (!in_the_way && !before) {
        if (is_full(leases, &ask->device))
            return CF_LEASE_FULL;
        grant(leases, ask, now_ms, held);
        return CF_LEASE_GRANTED;
    }
    if (ask->wait)
        return queue(leases, ask);
    if (in_the_way)
        *held = *in_the_way;
    else /* it is about to be granted */
        *held = (cf_lease_held){.collection = ask->collection,
                                .name = ask->name,
                                .holder = before->device,
                                .until_ms = end_of(before->for_ms, now_ms)};
    return CF_LEASE_BUSY;
}

bool cf_leases_next(cf_leases *leases, uint64_t now_ms, cf_lease_ask *ask, cf_lease_held *held)
{
    for (size_t i = 0; i < leases->waiter_count; i++) {
        const cf_lease_ask *waiter = &leases->waiters[i];

        if (first_waiter(leases, waiter, i) || obstacle(leases, waiter) ||
            is_full(leases, &waiter->device))
            continue;
        *ask = *waiter;
        drop_waiter(leases, i);
        grant(leases, ask, now_ms, held);
        return true;
    }
    return false;
}

/* ---- Renewing and ending ---- */

bool cf_lease_token_is(const cf_lease_token *one, const cf_lease_token *other)
{
    return one->generation == other->generation && one->counter == other->counter;
}

static cf_lease_held *find_token(const cf_leases *leases, const cf_hash *device,
                                 const cf_lease_token *token)
{
    for (size_t i = 0; i < leases->held_count; i++) {
        cf_lease_held *held = &leases->held[i];

        if (cf_lease_token_is(&held->token, token) && cf_hash_equal(&held->holder, device))
            return held;
    }
    return NULL;
}

bool cf_leases_renew(cf_leases *leases, const cf_hash *device, const cf_lease_token *token,
                     uint64_t for_ms, uint64_t now_ms, cf_lease_held *held)
{
    cf_leases_expire(leases, now_ms);
    cf_lease_held *found = find_token(leases, device, token);
    if (!found)
        return false;
    if (found->for_ms != for_ms)
        note_change(leases, &found->collection, &found->name);
    found->for_ms = for_ms;
    found->until_ms = end_of(for_ms, now_ms);
    leases->is_deadline_known = false;
    *held = *found;
    return true;
}

bool cf_leases_unlock(cf_leases *leases, const cf_lease_ask *ask, const cf_lease_token *token)
{
    const cf_lease_held *found = find_token(leases, &ask->device, token);
    bool ended = false;

    if (found && is_of(found, &ask->collection, &ask->name)) {
        end_lease(leases, (size_t)(found - leases->held));
        ended = true;
    }
    for (size_t i = leases->waiter_count; i-- > 0;) {
        const cf_lease_ask *waiter = &leases->waiters[i];

        if (!cf_id_equal(&waiter->request, &ask->request) ||
            !cf_hash_equal(&waiter->device, &ask->device))
            continue;
        drop_waiter(leases, i);
        ended = true;
    }
    return ended;
}

size_t cf_leases_break(cf_leases *leases, const cf_id *collection, const cf_id *name)
{
    size_t first, count = count_of(leases, collection, name, &first);

    for (size_t i = first + count; i-- > first;)
        end_lease(leases, i);
    return count;
}

void cf_leases_forget_session(cf_leases *leases, uint64_t session)
{
    for (size_t i = leases->waiter_count; i-- > 0;)
        if (leases->waiters[i].session == session)
            drop_waiter(leases, i);
}

void cf_leases_move_waiters(cf_leases *leases, cf_leases *from)
{
    free(leases->waiters);
    leases->waiters = from->waiters;
    leases->waiter_count = from->waiter_count;
    leases->waiter_capacity = from->waiter_capacity;
    from->waiters = NULL;
    from->waiter_count = from->waiter_capacity = 0;
}

size_t cf_leases_forget_device(cf_leases *leases, const cf_hash *device)
{
    size_t ended = 0;

    for (size_t i = leases->waiter_count; i-- > 0;)
        if (cf_hash_equal(&leases->waiters[i].device, device))
            drop_waiter(leases, i);
    for (size_t i = leases->held_count; i-- > 0;)
        if (cf_hash_equal(&leases->held[i].holder, device)) {
            end_lease(leases, i);
            ended++;
        }
    return ended;
}

bool cf_leases_is_idle(const cf_leases *leases)
{
    return !leases->held_count && !leases->waiter_count;
}

const cf_lease_held *cf_leases_all(const cf_leases *leases, size_t *count)
{
    *count = leases->held_count;
    return leases->held;
}

/* ---- Fencing ---- */

cf_fence cf_leases_fence(const cf_leases *leases, const cf_id *collection, const cf_hash *device,
                         const cf_lease_token *token, cf_lease_held *by)
{
    static const cf_id whole;
    size_t first, count = count_of(leases, collection, &whole, &first);

    if (!count)
        return token ? CF_FENCE_STALE : CF_FENCE_OPEN;
    for (size_t i = first; i < first + count && token; i++) {
        const cf_lease_held *held = &leases->held[i];

        if (cf_lease_token_is(&held->token, token) && cf_hash_equal(&held->holder, device))
            return CF_FENCE_OPEN;
    }
    *by = leases->held[first];
    return token ? CF_FENCE_STALE : CF_FENCE_LOCKED;
}

/* ---- For who keeps them ---- */

bool cf_leases_changed(cf_leases *leases, cf_id *collection, cf_id *name)
{
    if (!leases->changed_count)
        return false;
    *collection = leases->changed[--leases->changed_count].collection;
    *name = leases->changed[leases->changed_count].name;
    return true;
}

const cf_lease_held *cf_leases_of(const cf_leases *leases, const cf_id *collection,
                                  const cf_id *name, size_t *count)
{
    size_t first;

    *count = count_of(leases, collection, name, &first);
    return *count ? &leases->held[first] : NULL;
}

void cf_leases_put(cf_leases *leases, const cf_lease_held *lease)
{
    size_t at, count = count_of(leases, &lease->collection, &lease->name, &at);

    at += count;
    *cf_one_more_at(leases->held, leases->held_count, leases->held_capacity, at) = *lease;
    leases->is_deadline_known = false;
}

void cf_leases_put_token(cf_leases *leases, const cf_lease_token *token)
{
    leases->token = *token;
}
