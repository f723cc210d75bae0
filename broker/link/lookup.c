/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/lookup.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/bytes.h"
#include "codec/deadlines.h"

struct cf_lookup {
    cf_job job;
    char endpoint[CF_ADDRESS_TEXT];
    char host[CF_ADDRESS_TEXT], port[8];
    bool is_ended, is_wanted;
    cf_found found;
};

/* Without brackets. */
static void take_apart(cf_lookup *lookup)
{
    const char *given = lookup->endpoint + strlen("tcp://"), *colon = strrchr(given, ':');
    const char *begin = given + (*given == '['), *end = colon - (colon[-1] == ']');

    snprintf(lookup->host, sizeof lookup->host, "%.*s", (int)(end - begin), begin);
    snprintf(lookup->port, sizeof lookup->port, "%.7s", colon + 1);
}

static const char *reason(int failed)
{
    switch (failed) {
    case EAI_NONAME:
        return "no such name is known here";
    case EAI_NODATA:
        return "this name has no address";
    case EAI_AGAIN:
        return "its name can't be looked up: no name server answers";
    default:
        return NULL;
    }
}

static void write_reason(char why[128], int failed)
{
    if (reason(failed))
        snprintf(why, 128, "%s", reason(failed));
    else
        snprintf(why, 128, "its name can't be looked up: %s", gai_strerror(failed));
}

static void add(cf_found *found, const struct addrinfo *at)
{
    cf_found_address *out = &found->addresses[found->count];
    char host[CF_HOST_MAX + 1], port[8];

    if (getnameinfo(at->ai_addr, at->ai_addrlen, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return;
    memcpy(&out->address, at->ai_addr, at->ai_addrlen);
    snprintf(out->endpoint, sizeof out->endpoint,
             at->ai_family == AF_INET6 ? "tcp://[%s]:%s" : "tcp://%s:%s", host, port);
    found->count++;
}

static void take(cf_found *found, const struct addrinfo *first)
{
    const struct addrinfo *all[CF_RACE_CONSIDERED];
    bool are_ipv6[CF_RACE_CONSIDERED];
    size_t order[CF_RACE_MAX], count = 0;

    for (const struct addrinfo *at = first; at && count < CF_RACE_CONSIDERED; at = at->ai_next)
        if (at->ai_family == AF_INET || at->ai_family == AF_INET6) {
            are_ipv6[count] = at->ai_family == AF_INET6;
            all[count++] = at;
        }
    count = cf_race_order(are_ipv6, count, order);
    for (size_t i = 0; i < count; i++)
        add(found, all[order[i]]);
    if (!found->count)
        write_reason(found->why, EAI_NODATA);
}

static int resolve(cf_lookup *lookup, int flags)
{
    const struct addrinfo wanted = {.ai_flags = AI_NUMERICSERV | flags, .ai_socktype = SOCK_STREAM};
    struct addrinfo *first = NULL;

    int failed = getaddrinfo(lookup->host, lookup->port, &wanted, &first);
    if (!failed)
        take(&lookup->found, first);
    if (first)
        freeaddrinfo(first);
    return failed;
}

static void work(cf_job *job)
{
    cf_lookup *lookup = (cf_lookup *)job;

    int failed = resolve(lookup, 0);
    if (failed)
        write_reason(lookup->found.why, failed);
}

static void done(cf_job *job)
{
    cf_lookup *lookup = (cf_lookup *)job;

    lookup->is_ended = true;
    if (!lookup->is_wanted)
        free(lookup);
}

cf_lookup *cf_lookup_begin(cf_jobs *jobs, const char *endpoint)
{
    cf_lookup *lookup = cf_allocate(1, sizeof *lookup);

    lookup->is_wanted = true;
    snprintf(lookup->endpoint, sizeof lookup->endpoint, "%s", endpoint);
    take_apart(lookup);
    lookup->job = (cf_job){.work = work, .done = done, .alone = true};
    lookup->is_ended = resolve(lookup, AI_NUMERICHOST) == 0 || !jobs;
    if (!lookup->is_ended)
        jobs->submit(jobs, &lookup->job);
    else if (!lookup->found.count)
        write_reason(lookup->found.why, EAI_NONAME);
    return lookup;
}

void cf_lookup_destroy(cf_lookup **lookup)
{
    if (*lookup && (*lookup)->is_ended)
        free(*lookup);
    else if (*lookup)
        (*lookup)->is_wanted = false;
    *lookup = NULL;
}

const char *cf_lookup_endpoint(const cf_lookup *lookup)
{
    return lookup->endpoint;
}

const cf_found *cf_lookup_found(const cf_lookup *lookup)
{
    return lookup->is_ended ? &lookup->found : NULL;
}

/* ---- The race ---- */

/* The first one from `from` on of that family; `count` for none. */
static size_t find(const bool *are_ipv6, size_t count, size_t from, bool is_ipv6)
{
    while (from < count && are_ipv6[from] != is_ipv6)
        from++;
    return from;
}

size_t cf_race_order(const bool *are_ipv6, size_t count, size_t order[CF_RACE_MAX])
{
    size_t next[2] = {find(are_ipv6, count, 0, false), find(are_ipv6, count, 0, true)}, taken = 0;

    for (bool turn = count && are_ipv6[0]; taken < CF_RACE_MAX && taken < count; turn = !turn) {
        if (next[turn] == count)
            turn = !turn;
        order[taken++] = next[turn];
        next[turn] = find(are_ipv6, count, next[turn] + 1, turn);
    }
    return taken;
}

void cf_race_begin(cf_race *race, size_t count)
{
    *race = (cf_race){.count = count};
}

void cf_race_resume(cf_race *race)
{
    race->next_ms = 0;
}

bool cf_race_start(cf_race *race, uint64_t now_ms, size_t *racer)
{
    size_t i = 0;

    while (i < race->count && race->racers[i] != CF_RACER_WAITS)
        i++;
    if (i == race->count || now_ms < race->next_ms)
        return false;
    race->racers[i] = CF_RACER_RUNS;
    race->until_ms[i] = now_ms + CF_RACE_TRY_MS;
    race->next_ms = now_ms + CF_RACE_DELAY_MS;
    *racer = i;
    return true;
}

void cf_race_drop(cf_race *race, size_t racer)
{
    race->racers[racer] = CF_RACER_IS_OUT;
    race->next_ms = 0;
}

void cf_race_stop(cf_race *race, size_t winner)
{
    for (size_t i = 0; i < race->count; i++)
        if (race->racers[i] == CF_RACER_RUNS)
            race->racers[i] = CF_RACER_WAITS;
    race->racers[winner] = CF_RACER_IS_OUT;
}

bool cf_race_overdue(cf_race *race, uint64_t now_ms, size_t *racer)
{
    for (size_t i = 0; i < race->count; i++)
        if (race->racers[i] == CF_RACER_RUNS && cf_deadline_is_over(&race->until_ms[i], now_ms)) {
            *racer = i;
            return true;
        }
    return false;
}

bool cf_race_is_lost(const cf_race *race)
{
    for (size_t i = 0; i < race->count; i++)
        if (race->racers[i] != CF_RACER_IS_OUT)
            return false;
    return true;
}

uint64_t cf_race_due(const cf_race *race)
{
    uint64_t due_ms = UINT64_MAX;

    for (size_t i = 0; i < race->count; i++) {
        const uint64_t at_ms = race->racers[i] == CF_RACER_RUNS    ? race->until_ms[i]
                               : race->racers[i] == CF_RACER_WAITS ? race->next_ms
                                                                   : UINT64_MAX;

        cf_deadline_lower(&due_ms, at_ms);
    }
    return due_ms;
}
