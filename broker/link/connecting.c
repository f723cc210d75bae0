/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/connecting.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/link/lookup.h"
#include "broker/wire/connect_guard.h"
#include "codec/deadlines.h"

enum {
    LOOKUP_MS = 10000,     /* of one try; the lookup goes on, for the next */
    LOOKUP_OLD_MS = 30000, /* what one found that began before is not taken any more */
};
static_assert(LOOKUP_MS < LOOKUP_OLD_MS, "what one try began is there for the next");

typedef struct {
    cf_connecting *race;
    size_t number;
    zsock_t *socket, *monitor;
    bool has_failed;
} runner;

struct cf_connecting {
    cf_connecting_options options;
    char endpoint[CF_ADDRESS_TEXT];
    struct {
        cf_lookup *lookup; /* of this endpoint or one before; NULL: none */
        uint64_t begun_ms;
    } lookups[CF_LOOKUPS_MAX];
    bool is_looked_up; /* its addresses are in `found` */
    uint64_t lookup_until_ms;
    cf_found found;
    cf_race race;
    runner runners[CF_RACE_MAX];
    bool has_winner;
    cf_connected winner;
    cf_reach reach;
    const char *why; /* NULL: none failed */
};

cf_connecting *cf_connecting_new(const cf_connecting_options *options)
{
    cf_connecting *connecting = cf_allocate(1, sizeof *connecting);

    connecting->options = *options;
    return connecting;
}

static void close_runner(runner *it)
{
    if (!it->socket)
        return;
    zloop_reader_end(it->race->options.loop, it->monitor);
    zmq_socket_monitor(zsock_resolve(it->socket), NULL, 0);
    zsock_destroy(&it->socket);
    zsock_destroy(&it->monitor);
}

void cf_connecting_stop(cf_connecting *connecting)
{
    for (size_t i = 0; i < connecting->race.count; i++)
        close_runner(&connecting->runners[i]);
    if (connecting->has_winner)
        zmq_socket_monitor(zsock_resolve(connecting->winner.socket), NULL, 0);
    zsock_destroy(&connecting->winner.socket);
    zsock_destroy(&connecting->winner.monitor);
    connecting->has_winner = false;
}

void cf_connecting_destroy(cf_connecting **connecting)
{
    if (!*connecting)
        return;
    cf_connecting_stop(*connecting);
    for (size_t i = 0; i < CF_LOOKUPS_MAX; i++)
        cf_lookup_destroy(&(*connecting)->lookups[i].lookup);
    free(*connecting);
    *connecting = NULL;
}

static bool is_of_endpoint(const cf_connecting *connecting, const cf_lookup *lookup)
{
    return strcmp(cf_lookup_endpoint(lookup), connecting->endpoint) == 0;
}

/* Anew at each try: the network may have changed, and its name servers. What an earlier lookup
 * finds in the end is taken all the same, or a slow server would never be heard. */
static void look_up(cf_connecting *connecting, uint64_t now_ms)
{
    size_t at = CF_LOOKUPS_MAX;

    for (size_t i = 0; i < CF_LOOKUPS_MAX; i++) {
        cf_lookup **lookup = &connecting->lookups[i].lookup;
        const cf_found *found = *lookup ? cf_lookup_found(*lookup) : NULL;

        if (found && (!found->count || !is_of_endpoint(connecting, *lookup) ||
                      now_ms >= connecting->lookups[i].begun_ms + LOOKUP_OLD_MS))
            cf_lookup_destroy(lookup);
        if (!*lookup)
            at = i;
    }
    if (at == CF_LOOKUPS_MAX)
        return;
    connecting->lookups[at].begun_ms = now_ms;
    connecting->lookups[at].lookup =
        cf_lookup_begin(connecting->options.env->jobs, connecting->endpoint);
}

/* One that found addresses, or, when none is under way any more, one that didn't. */
static cf_lookup **find_ended(cf_connecting *connecting)
{
    cf_lookup **failed = NULL;
    bool goes_on = false;

    for (size_t i = 0; i < CF_LOOKUPS_MAX; i++) {
        cf_lookup **lookup = &connecting->lookups[i].lookup;

        if (!*lookup || !is_of_endpoint(connecting, *lookup))
            continue;
        const cf_found *found = cf_lookup_found(*lookup);
        if (found && found->count)
            return lookup;
        if (found)
            failed = lookup;
        goes_on |= !found;
    }
    return goes_on ? NULL : failed;
}

void cf_connecting_begin(cf_connecting *connecting, const char *endpoint, uint64_t now_ms)
{
    cf_connecting_stop(connecting);
    snprintf(connecting->endpoint, sizeof connecting->endpoint, "%s", endpoint);
    look_up(connecting, now_ms);
    connecting->is_looked_up = false;
    connecting->lookup_until_ms = now_ms + LOOKUP_MS;
    cf_race_begin(&connecting->race, 0);
    connecting->reach = CF_REACH_NO_ROUTE;
    connecting->why = NULL;
}

void cf_connecting_resume(cf_connecting *connecting)
{
    cf_race_resume(&connecting->race);
}

bool cf_connecting_has_more(const cf_connecting *connecting)
{
    return connecting->is_looked_up && !cf_race_is_lost(&connecting->race);
}

static void fail(cf_connecting *connecting, cf_reach reach, const char *why)
{
    if (connecting->why && reach <= connecting->reach)
        return;
    connecting->reach = reach;
    connecting->why = why;
}

static void drop(runner *it, cf_reach reach, const char *why)
{
    close_runner(it);
    cf_race_drop(&it->race->race, it->number);
    fail(it->race, reach, why);
}

static void drop_failed(runner *it)
{
    const cf_found_address *at = &it->race->found.addresses[it->number];
    const int why = cf_connect_guard_why((const struct sockaddr *)&at->address);

    switch (why) {
    case ECONNREFUSED:
        drop(it, CF_REACH_REFUSED, "it refuses the connection: no broker runs there");
        break;
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
        drop(it, CF_REACH_NO_ROUTE, "there is no way to it: this machine has no network for it");
        break;
    case EHOSTUNREACH:
    case EHOSTDOWN:
        drop(it, CF_REACH_NO_ROUTE, "there is no way to it: the network says that it is not there");
        break;
    case EACCES:
    case EPERM:
        drop(it, CF_REACH_NO_ROUTE, "there is no way to it: a firewall forbids the connection");
        break;
    case 0: /* it was there, and is gone before libzmq saw it */
    case ECONNRESET:
        drop(it, CF_REACH_CONNECTED, CF_BROKEN_OFF);
        break;
    case ETIMEDOUT:
        drop(it, CF_REACH_SILENT, "nobody answers");
        break;
    default:
        drop(it, CF_REACH_SILENT, strerrordesc_np(why));
    }
}

/* The winner's monitor says what comes after the connection to who takes it. */
static void win(runner *it, int descriptor)
{
    cf_connecting *connecting = it->race;

    zloop_reader_end(connecting->options.loop, it->monitor);
    connecting->winner = (cf_connected){it->socket, it->monitor, descriptor};
    connecting->has_winner = true;
    it->socket = it->monitor = NULL;
    cf_race_stop(&connecting->race, it->number);
    for (size_t i = 0; i < connecting->race.count; i++)
        close_runner(&connecting->runners[i]);
}

static int on_monitor(zloop_t *loop, zsock_t *monitor, void *context)
{
    runner *it = context;
    cf_connecting *connecting = it->race;
    cf_zmq_event event;

    (void)loop;
    while (!connecting->has_winner && it->monitor && cf_zmq_next_event(monitor, &event)) {
        if (event.number == ZMQ_EVENT_CONNECTED)
            win(it, event.value);
        else if (event.number == ZMQ_EVENT_CLOSED)
            it->has_failed = true;
    }
    connecting->options.came(connecting->options.context);
    return 0;
}

static void start(runner *it)
{
    cf_connecting *connecting = it->race;
    const cf_found_address *at = &connecting->found.addresses[it->number];
    const cf_env *env = connecting->options.env;
    uint64_t number = 0;
    char name[64];

    it->has_failed = false;
    it->socket = cf_zmq_socket(ZMQ_DEALER);
    assert(it->socket);
    cf_zmq_configure(zsock_resolve(it->socket), &connecting->options.keys);
    zsock_set_reconnect_ivl(it->socket, -1);
    if (connecting->options.is_silent)
        zsock_set_heartbeat_ivl(it->socket, 0);
    zsock_set_ipv6(it->socket, at->address.ss_family == AF_INET6);
    env->random(env->context, &number, sizeof number); /* libzmq frees a name late */
    snprintf(name, sizeof name, "inproc://connecting-%016" PRIx64, number);
    zmq_socket_monitor(zsock_resolve(it->socket), name, ZMQ_EVENT_ALL);
    it->monitor = zsock_new(ZMQ_PAIR);
    zsock_connect(it->monitor, "%s", name);
    zloop_reader(connecting->options.loop, it->monitor, on_monitor, it);
    zloop_reader_set_tolerant(connecting->options.loop, it->monitor);
    if (zsock_connect(it->socket, "%s", at->endpoint))
        drop_failed(it);
}

static void take_found(cf_connecting *connecting, cf_lookup **lookup)
{
    connecting->found = *cf_lookup_found(*lookup);
    connecting->is_looked_up = true;
    cf_lookup_destroy(lookup);
    cf_race_begin(&connecting->race, connecting->found.count);
    for (size_t i = 0; i < connecting->found.count; i++)
        connecting->runners[i] = (runner){.race = connecting, .number = i};
    if (!connecting->found.count)
        fail(connecting, CF_REACH_NO_ROUTE, connecting->found.why);
}

static cf_connecting_state await_addresses(cf_connecting *connecting, uint64_t now_ms,
                                           uint64_t *next_ms)
{
    const bool is_over = cf_deadline_is_over(&connecting->lookup_until_ms, now_ms);

    *next_ms = connecting->lookup_until_ms;
    if (!is_over)
        return CF_CONNECTING;
    fail(connecting, CF_REACH_NO_ROUTE, "its name can't be looked up: no name server answers");
    return CF_CONNECTING_FAILED;
}

cf_connecting_state cf_connecting_step(cf_connecting *connecting, uint64_t now_ms,
                                       uint64_t *next_ms)
{
    cf_lookup **ended = connecting->is_looked_up ? NULL : find_ended(connecting);
    size_t racer = 0;

    if (connecting->has_winner)
        return CF_CONNECTED;
    if (ended)
        take_found(connecting, ended);
    if (!connecting->is_looked_up)
        return await_addresses(connecting, now_ms, next_ms);
    for (size_t i = 0; i < connecting->race.count; i++)
        if (connecting->runners[i].socket && connecting->runners[i].has_failed)
            drop_failed(&connecting->runners[i]);
    while (cf_race_overdue(&connecting->race, now_ms, &racer))
        drop(&connecting->runners[racer], CF_REACH_SILENT, "nobody answers");
    while (cf_race_start(&connecting->race, now_ms, &racer))
        start(&connecting->runners[racer]);
    *next_ms = cf_race_due(&connecting->race);
    return cf_race_is_lost(&connecting->race) ? CF_CONNECTING_FAILED : CF_CONNECTING;
}

void cf_connecting_take(cf_connecting *connecting, cf_connected *out)
{
    assert(connecting->has_winner);
    *out = connecting->winner;
    connecting->winner = (cf_connected){0};
    connecting->has_winner = false;
}

const char *cf_connecting_why(const cf_connecting *connecting, cf_reach *reach)
{
    *reach = connecting->reach;
    return connecting->why;
}
