/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/link_zmq.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/link/line.h"
#include "broker/wire/frames_zmq.h"
#include "broker/wire/inflow_guard.h"

enum {
    CONNECT_MS = 10000, /* for TCP: a SYN that is lost is sent again after 1, 3 and 7 s */
    FAMILY_MS = 2000,   /* for the first of a name's families: the other may answer */
    FIRST_MS = 10000,   /* then for the first byte, which a server sends without being asked */
    GREET_MS = CF_ZMQ_HANDSHAKE_MS + 2000, /* for the rest: libzmq gives up before */
    BATCH = 64,
    BEAT_MS = 15 * 60 * 1000, /* heartbeats of days must not fill what may wait to be taken */
};

#define SAYS_NOTHING "it took the connection and says nothing: it hangs, or is busy"

/* How a host is tried. Of a name libzmq takes one address, of IPv6 if there is any and else of
 * IPv4 (as one of IPv6), or of IPv4 alone: where nobody answers at the first, soon, the second is
 * tried. Where the name has none of IPv4, the first was given too little time. An address in digits
 * has one way, the first. */
typedef enum { WAY_EITHER, WAY_OLD, WAY_NEW } way;

struct cf_link_zmq {
    cf_link_zmq_options options;
    char endpoints[1 + CF_LINK_ELSEWHERE_MAX][CF_ADDRESS_TEXT]; /* that of the options first */
    size_t endpoint_count, endpoint;                            /* the one in use */
    way way;                                                    /* of a name that is in use */
    bool is_resolved;                                           /* its address was found */
    size_t tried;                                               /* in a row, that had nobody */
    bool tries_next; /* as soon as nothing of this one is in hand */
    uint8_t server_key[32];
    cf_outbox *outbox;
    uint64_t session; /* that the socket is for; 0: there is none */
    zsock_t *socket;
    zsock_t *monitor;
    bool polls_output;
    bool connected, secured; /* TCP is there; the handshake is done */
    uint64_t connected_ms;
    uint64_t connect_until_ms;
    uint64_t beat_ms; /* when to say something again */
    int descriptor;   /* of the connection; -1: there is none yet */
    cf_line line;
};

cf_link_zmq *cf_link_zmq_new(const cf_link_zmq_options *options)
{
    cf_link_zmq *zmq = cf_allocate(1, sizeof *zmq);

    zmq->options = *options;
    zmq->options.address = NULL;
    cf_address_endpoint(options->address, zmq->endpoints[0]);
    zmq->endpoint_count = 1;
    memcpy(zmq->server_key, options->address->key, sizeof zmq->server_key);
    zmq->outbox = cf_outbox_new();
    return zmq;
}

static zmq_pollitem_t poll_item(const cf_link_zmq *zmq)
{
    return (zmq_pollitem_t){.socket = zsock_resolve(zmq->socket),
                            .events =
                                (short)(zmq->polls_output ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN)};
}

static void disconnect(cf_link_zmq *zmq)
{
    if (!zmq->socket)
        return;
    zmq_pollitem_t item = poll_item(zmq);
    zloop_poller_end(zmq->options.loop, &item);
    zloop_reader_end(zmq->options.loop, zmq->monitor);
    zmq_socket_monitor(zsock_resolve(zmq->socket), NULL, 0);
    zsock_destroy(&zmq->socket);
    zsock_destroy(&zmq->monitor);
    zmq->session = 0;
}

void cf_link_zmq_destroy(cf_link_zmq **zmq)
{
    if (!*zmq)
        return;
    disconnect(*zmq);
    cf_outbox_destroy(&(*zmq)->outbox);
    free(*zmq);
    *zmq = NULL;
}

/* Recursive: sending may have to wait for the socket. */
static int on_socket(zloop_t *loop, zmq_pollitem_t *item, void *context);

static void poll_socket(cf_link_zmq *zmq, bool output)
{
    zmq_pollitem_t item = poll_item(zmq);

    zloop_poller_end(zmq->options.loop, &item);
    zmq->polls_output = output;
    item = poll_item(zmq);
    zloop_poller(zmq->options.loop, &item, on_socket, zmq);
    zloop_poller_set_tolerant(zmq->options.loop, &item);
}

static cf_send_answer send_frames(void *context, cf_bytes destination, cf_frames *frames)
{
    cf_link_zmq *zmq = context;

    return cf_zmq_send(zsock_resolve(zmq->socket), destination, frames);
}

/* Told before anything is asked for, and after it came. */
static void grant(const cf_link_zmq *zmq)
{
    cf_inflow_guard_grant(zmq->descriptor, cf_link_expects(zmq->options.link));
}

static void flush(cf_link_zmq *zmq)
{
    if (!zmq->socket)
        return;
    grant(zmq);
    bool blocked = !cf_outbox_send(zmq->outbox, send_frames, zmq);
    if (blocked != zmq->polls_output)
        poll_socket(zmq, blocked);
}

static bool is_name(const char *endpoint)
{
    const char *host = endpoint + strlen("tcp://"), *colon = strrchr(endpoint, ':');

    return *host != '[' && strspn(host, "0123456789.") < (size_t)(colon - host);
}

static bool is_of_ipv4(const char *endpoint)
{
    return endpoint[strlen("tcp://")] != '[' && !is_name(endpoint);
}

/* Whether the host is to be tried in another way. Who took the connection was there. */
static bool find_way(cf_link_zmq *zmq)
{
    const way before = zmq->way;

    if (zmq->connected || !is_name(zmq->endpoints[zmq->endpoint]))
        return false;
    if (before == WAY_EITHER && zmq->is_resolved)
        zmq->way = WAY_OLD;
    else if (before == WAY_OLD && !zmq->is_resolved)
        zmq->way = WAY_NEW;
    return zmq->way != before;
}

static void lost(cf_link_zmq *zmq, cf_status status, const char *what)
{
    const cf_env *env = zmq->options.env;
    cf_error why;

    cf_fail(&why, status, "%s: %s", zmq->endpoints[zmq->endpoint], what);
    if (!zmq->secured && status != CF_DENIED) { /* nobody who has the key was there */
        if (find_way(zmq)) {
            zmq->tries_next = true;
            return;
        }
        zmq->way = WAY_EITHER;
        zmq->endpoint = (zmq->endpoint + 1) % zmq->endpoint_count;
        if (++zmq->tried < zmq->endpoint_count) {
            zmq->tries_next = true;
            return;
        }
    }
    zmq->tried = 0;
    cf_link_disconnected(zmq->options.link, &why, cf_env_steady_ms(env));
}

static void receive(cf_link_zmq *zmq)
{
    const cf_env *env = zmq->options.env;
    cf_link *link = zmq->options.link;
    cf_zmq_message message;

    for (int i = 0; i < BATCH && zmq->session == cf_link_session(link); i++) {
        if (!cf_zmq_receive(zsock_resolve(zmq->socket), &message))
            break;
        zmq->descriptor = message.descriptor;
        cf_link_handle(link, message.bytes, message.count, cf_env_steady_ms(env), zmq->outbox);
        cf_zmq_message_release(&message);
    }
    grant(zmq);
}

static int on_socket(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    cf_link_zmq *zmq = context;

    (void)loop;
    (void)item;
    receive(zmq);
    zmq->options.came(zmq->options.context);
    return 0;
}

/* libzmq closes without a word when a server can't open what was sealed for another key, and so
 * does a broker that takes no more connections: which of them it was nobody can tell. */
static void ended_in_handshake(cf_link_zmq *zmq)
{
    const cf_env *env = zmq->options.env;
    const uint64_t waited_ms = cf_env_steady_ms(env) - zmq->connected_ms;
    const bool was_ended_here = waited_ms + CF_ZMQ_HANDSHAKE_MS / 10 >= CF_ZMQ_HANDSHAKE_MS;

    switch (cf_inflow_guard_greeting(zmq->descriptor)) {
    case CF_GREETING_HTTP:
        lost(zmq, CF_UNREACHABLE,
             "this is no Counterfoil broker: it speaks HTTP, as a network does that wants a login");
        break;
    case CF_GREETING_FOREIGN:
        lost(zmq, CF_UNREACHABLE, "this is no Counterfoil broker");
        break;
    case CF_GREETING_CURVE:
        if (was_ended_here)
            lost(zmq, CF_UNREACHABLE,
                 "it did not end the greeting within 30 s: it is busy, or the "
                 "line is");
        else
            lost(zmq, CF_FORGED,
                 "it ended the greeting: it takes no more connections from here for now, or has "
                 "another key than its address says");
        break;
    default:
        lost(zmq, CF_UNREACHABLE,
             was_ended_here ? SAYS_NOTHING
                            : "it closed the connection without a word: it takes no more for now, "
                              "or is no Counterfoil broker");
    }
}

static void closed(cf_link_zmq *zmq)
{
    if (cf_inflow_guard_has_ended(zmq->descriptor))
        lost(zmq, CF_MALFORMED, "the broker sends more than it was asked for");
    else if (zmq->secured)
        lost(zmq, CF_UNREACHABLE, "the connection broke");
    else if (zmq->connected)
        ended_in_handshake(zmq);
    else
        lost(zmq, CF_UNREACHABLE, "can't connect");
}

static void connected(cf_link_zmq *zmq, int descriptor)
{
    const cf_env *env = zmq->options.env;

    zmq->connected = true;
    zmq->connected_ms = cf_env_steady_ms(env);
    zmq->connect_until_ms = zmq->connected_ms + GREET_MS;
    zmq->descriptor = descriptor;
    cf_line_begin(&zmq->line, zmq->connected_ms);
}

/* Its name, if it is one, was found. */
static void resolved(cf_link_zmq *zmq)
{
    const uint64_t now_ms = cf_env_steady_ms(zmq->options.env);
    const bool is_first = zmq->way == WAY_EITHER && is_name(zmq->endpoints[zmq->endpoint]);

    zmq->is_resolved = true;
    zmq->connect_until_ms = now_ms + (is_first ? FAMILY_MS : CONNECT_MS);
}

static void handle_event(cf_link_zmq *zmq, uint16_t event, int value)
{
    switch (event) {
    case ZMQ_EVENT_CONNECT_DELAYED:
        resolved(zmq);
        break;
    case ZMQ_EVENT_CONNECTED:
        connected(zmq, value);
        break;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        zmq->secured = true;
        zmq->tried = 0;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        lost(zmq, CF_DENIED, "the broker does not know this device");
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_DISCONNECTED:
    case ZMQ_EVENT_CLOSED:
        zmq->is_resolved = true; /* there was a socket for it */
        closed(zmq);
        break;
    default:
        break;
    }
}

/* A monitor's message: event (2 bytes) and value (4 bytes) in the machine's order, then the
 * endpoint. */
static int on_monitor(zloop_t *loop, zsock_t *monitor, void *context)
{
    cf_link_zmq *zmq = context;
    cf_zmq_message message;
    uint16_t event = 0;
    int32_t value = 0;

    (void)loop;
    while (!zmq->tries_next && zmq->session == cf_link_session(zmq->options.link) &&
           cf_zmq_receive(zsock_resolve(monitor), &message)) {
        if (message.bytes[0].size == sizeof event + sizeof value) {
            memcpy(&event, message.bytes[0].data, sizeof event);
            memcpy(&value, message.bytes[0].data + sizeof event, sizeof value);
        }
        cf_zmq_message_release(&message);
        receive(zmq); /* what came before the connection broke */
        handle_event(zmq, event, value);
    }
    zmq->options.came(zmq->options.context);
    return 0;
}

static void connect_session(cf_link_zmq *zmq, uint64_t session)
{
    const cf_env *env = zmq->options.env;
    cf_zmq_keys keys = {zmq->options.curve_public, zmq->options.curve_secret, zmq->server_key};
    char monitor[64];

    zmq->session = session;
    zmq->connected = zmq->secured = zmq->is_resolved = false;
    /* That the name is known was found a moment ago. */
    zmq->connect_until_ms = cf_env_steady_ms(env) + (zmq->way == WAY_OLD ? FAMILY_MS : CONNECT_MS);
    zmq->beat_ms = cf_env_steady_ms(env) + BEAT_MS;
    zmq->descriptor = -1;
    zmq->socket = cf_zmq_socket(ZMQ_DEALER);
    assert(zmq->socket);
    cf_zmq_configure(zsock_resolve(zmq->socket), &keys);
    zsock_set_reconnect_ivl(zmq->socket, -1);
    zsock_set_ipv6(zmq->socket, zmq->way != WAY_OLD && !is_of_ipv4(zmq->endpoints[zmq->endpoint]));
    snprintf(monitor, sizeof monitor, "inproc://link-%p-%" PRIu64, (void *)zmq, session);
    zmq_socket_monitor(zsock_resolve(zmq->socket), monitor, ZMQ_EVENT_ALL);
    zmq->monitor = zsock_new(ZMQ_PAIR);
    zsock_connect(zmq->monitor, "%s", monitor);
    zloop_reader(zmq->options.loop, zmq->monitor, on_monitor, zmq);
    zloop_reader_set_tolerant(zmq->options.loop, zmq->monitor);
    poll_socket(zmq, false);
    if (zsock_connect(zmq->socket, "%s", zmq->endpoints[zmq->endpoint]))
        lost(zmq, CF_UNREACHABLE, zmq_strerror(errno));
}

/* A name that can't be resolved, or a server that says nothing, makes no event. Over two and a half
 * seconds of a round trip the greeting takes ten. */
static uint64_t check_handshake(cf_link_zmq *zmq, uint64_t now_ms)
{
    if (!zmq->socket || zmq->secured)
        return UINT64_MAX;
    const bool says_nothing =
        zmq->connected && cf_inflow_guard_greeting(zmq->descriptor) == CF_GREETING_NONE;
    const uint64_t until_ms = says_nothing ? zmq->connected_ms + FIRST_MS : zmq->connect_until_ms;

    if (now_ms >= until_ms)
        lost(zmq, CF_UNREACHABLE, zmq->connected ? SAYS_NOTHING : "nobody answers");
    return until_ms;
}

static uint64_t beat(cf_link_zmq *zmq, uint64_t now_ms)
{
    if (!zmq->socket)
        return UINT64_MAX;
    if (now_ms >= zmq->beat_ms) {
        cf_link_beat(zmq->options.link, zmq->outbox);
        zmq->beat_ms = now_ms + BEAT_MS;
    }
    return zmq->beat_ms;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Whether there is still somebody. */
static void look(cf_link_zmq *zmq, uint64_t now_ms)
{
    const uint64_t received = zmq->line.counts.received;
    cf_line_counts counts;

    if (!zmq->socket || !zmq->secured || !cf_line_count(zmq->descriptor, &counts))
        return;
    zmq->line.fetches = cf_link_fetches(zmq->options.link);
    if (cf_line_look(&zmq->line, &counts, now_ms))
        cf_link_moved(zmq->options.link, now_ms);
    if (counts.received != received)
        cf_link_heard(zmq->options.link);
    cf_link_carries(zmq->options.link, cf_line_step(&zmq->line), cf_line_window(&zmq->line));
    cf_link_brings(zmq->options.link, cf_line_fetch_window(&zmq->line));
    if (cf_line_is_dead(&zmq->line, now_ms))
        lost(zmq, CF_UNREACHABLE, "nothing comes any more: the connection is dead");
}

/* With a session of its own: what was said of the one before is gone with its socket. */
static void try_next(cf_link_zmq *zmq)
{
    zmq->tries_next = false;
    if (!cf_link_session(zmq->options.link))
        return;
    cf_link_begin_anew(zmq->options.link);
}

void cf_link_zmq_try_also(cf_link_zmq *zmq, const cf_address *addresses, size_t count)
{
    char used[CF_ADDRESS_TEXT];

    assert(count <= CF_LINK_ELSEWHERE_MAX);
    memcpy(used, zmq->endpoints[zmq->endpoint], sizeof used);
    zmq->endpoint = 0;
    for (size_t i = 0; i < count; i++)
        cf_address_endpoint(&addresses[i], zmq->endpoints[1 + i]);
    zmq->endpoint_count = 1 + count;
    for (size_t i = 0; i < zmq->endpoint_count; i++)
        if (strcmp(zmq->endpoints[i], used) == 0)
            zmq->endpoint = i;
}

void cf_link_zmq_address(const cf_link_zmq *zmq, cf_address *out)
{
    cf_error error;

    cf_status status = cf_host_port_read(zmq->endpoints[zmq->endpoint], out, &error);
    assert(!status);
    (void)status;
    memcpy(out->key, zmq->server_key, sizeof out->key);
}

static uint64_t look_due(const cf_link_zmq *zmq, uint64_t now_ms)
{
    if (!zmq->secured || !zmq->socket)
        return UINT64_MAX;
    return now_ms + (cf_link_fetches(zmq->options.link) ? CF_LINE_FETCH_MS : CF_LINE_LOOK_MS);
}

uint64_t cf_link_zmq_wake(cf_link_zmq *zmq)
{
    const cf_env *env = zmq->options.env;
    cf_link *link = zmq->options.link;
    uint64_t now_ms = cf_env_steady_ms(env), handshake_ms = UINT64_MAX, next_ms = 0;

    look(zmq, now_ms);
    do {
        if (zmq->tries_next)
            try_next(zmq);
        next_ms = cf_link_tick(link, now_ms, zmq->outbox);
        if (zmq->session != cf_link_session(link))
            disconnect(zmq);
        if (cf_link_session(link) && !zmq->socket)
            connect_session(zmq, cf_link_session(link));
        handshake_ms = check_handshake(zmq, now_ms);
    } while (zmq->tries_next || zmq->session != cf_link_session(link)); /* lost at once */
    next_ms = earlier(next_ms, beat(zmq, now_ms));
    flush(zmq);
    return earlier(earlier(next_ms, handshake_ms), look_due(zmq, now_ms));
}
