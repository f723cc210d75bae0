/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/link_zmq.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/link/connecting.h"
#include "broker/link/line.h"
#include "broker/wire/frames_zmq.h"
#include "broker/wire/inflow_guard.h"
#include "codec/deadlines.h"

enum {
    FIRST_MS = 10000, /* for the first byte, which a server sends without being asked */
    GREET_MS = CF_ZMQ_HANDSHAKE_MS + 2000, /* for the rest: libzmq gives up before */
    BATCH = 64,
    ASKED_MS = 1000, /* between looks, while nothing says that what was said has arrived */
};
static_assert(CF_PULSE_MOST_MS + CF_LINE_LOOK_MS + CF_PULSE_PATIENCE_MS < CF_ZMQ_SESSION_SILENT_MS,
              "after the longest pause something is said, and arrives, before the broker ends it");

#define DROPS_LARGE                                                                                \
    "small messages pass, large ones don't: a network on the way has a smaller MTU than it tells"
#define SAYS_NOTHING "it took the connection and says nothing: it hangs, or is busy"

/* Why a try failed, and what is told of several: who came furthest. */
typedef struct {
    cf_error error; /* of no status: none failed yet */
    cf_reach reach;
} failure;

struct cf_link_zmq {
    cf_link_zmq_options options;
    char endpoints[1 + CF_LINK_ELSEWHERE_MAX][CF_ADDRESS_TEXT]; /* that of the options first */
    size_t endpoint_count, endpoint;                            /* the one in use */
    cf_connecting *connecting;
    bool resumes;    /* of the endpoint in use, with the addresses that are left */
    size_t tried;    /* endpoints in a row, that had nobody */
    failure failure; /* of them */
    bool tries_next; /* as soon as nothing of this one is in hand */
    uint8_t server_key[32];
    cf_outbox *outbox;
    uint64_t session; /* that the socket is for; 0: there is none */
    zsock_t *socket;
    zsock_t *monitor;
    bool polls_output;
    bool secured;   /* the handshake is done; TCP is there with the socket */
    bool has_heard; /* the broker's first message */
    uint64_t connected_ms;
    uint64_t first_until_ms; /* its first byte is there, */
    uint64_t greet_until_ms; /* and the greeting done */
    int descriptor;          /* of the connection; -1: there is none yet */
    cf_line line;
    cf_pulse pulse;
    bool is_beat_out; /* what is awaited is the answer to a sign of life alone */
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
    zmq->connecting = cf_connecting_new(&(cf_connecting_options){
        .env = options->env,
        .loop = options->loop,
        .keys = {options->curve_public, options->curve_secret, zmq->server_key},
        .is_silent = !cf_link_is_of_newcomer(options->link),
        .came = options->came,
        .context = options->context});
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
    zmq->session = 0;
    cf_connecting_stop(zmq->connecting);
    if (!zmq->socket)
        return;
    if (zmq->secured && cf_pulse_is_awaited(&zmq->pulse)) /* the link has given it up */
        cf_pulse_lost(&zmq->pulse, cf_env_steady_ms(zmq->options.env));
    zmq_pollitem_t item = poll_item(zmq);
    zloop_poller_end(zmq->options.loop, &item);
    zloop_reader_end(zmq->options.loop, zmq->monitor);
    zmq_socket_monitor(zsock_resolve(zmq->socket), NULL, 0);
    zsock_destroy(&zmq->socket);
    zsock_destroy(&zmq->monitor);
}

void cf_link_zmq_destroy(cf_link_zmq **zmq)
{
    if (!*zmq)
        return;
    disconnect(*zmq);
    cf_connecting_destroy(&(*zmq)->connecting);
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

static void note_failure(cf_link_zmq *zmq, cf_reach reach, cf_status status, const char *what)
{
    if (zmq->failure.error.status && reach <= zmq->failure.reach)
        return;
    zmq->failure.reach = reach;
    cf_fail(&zmq->failure.error, status, "%s: %s", zmq->endpoints[zmq->endpoint], what);
}

/* Whether there is another address, or endpoint, to try before it is told. */
static bool find_next(cf_link_zmq *zmq)
{
    zmq->resumes = cf_connecting_has_more(zmq->connecting);
    if (zmq->resumes)
        return true;
    zmq->endpoint = (zmq->endpoint + 1) % zmq->endpoint_count;
    return ++zmq->tried < zmq->endpoint_count;
}

static void lost(cf_link_zmq *zmq, cf_reach reach, cf_status status, const char *what)
{
    const cf_env *env = zmq->options.env;

    if (zmq->secured || status == CF_DENIED) /* it is the broker that says so */
        zmq->failure = (failure){0};
    note_failure(zmq, reach, status, what);
    if (zmq->secured)
        cf_pulse_lost(&zmq->pulse, cf_env_steady_ms(env));
    /* Nobody who has the key was there. */
    zmq->tries_next = !zmq->secured && status != CF_DENIED && find_next(zmq);
    if (zmq->tries_next)
        return;
    const cf_error why = zmq->failure.error;
    zmq->failure = (failure){0};
    zmq->tried = 0;
    zmq->resumes = false;
    cf_link_disconnected(zmq->options.link, &why, cf_env_steady_ms(env));
}

/* By who was there, or seemed to be. */
static void lost_by(cf_link_zmq *zmq, cf_status status, const char *what)
{
    lost(zmq, CF_REACH_CONNECTED, status, what);
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
        zmq->has_heard = true;
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

/* libzmq closes without a word when a server can't open what was sealed for another key. A broker
 * that takes no more connections breaks them off; but behind a proxy they end all the same. */
static void ended_in_handshake(cf_link_zmq *zmq)
{
    const cf_env *env = zmq->options.env;
    const uint64_t waited_ms = cf_env_steady_ms(env) - zmq->connected_ms;
    const bool was_ended_here = waited_ms + CF_ZMQ_HANDSHAKE_MS / 10 >= CF_ZMQ_HANDSHAKE_MS;

    switch (cf_inflow_guard_greeting(zmq->descriptor)) {
    case CF_GREETING_HTTP:
        lost_by(
            zmq, CF_UNREACHABLE,
            "this is no Counterfoil broker: it speaks HTTP, as a network does that wants a login");
        break;
    case CF_GREETING_FOREIGN:
        lost_by(zmq, CF_UNREACHABLE, "this is no Counterfoil broker");
        break;
    case CF_GREETING_CURVE:
        if (was_ended_here)
            lost_by(zmq, CF_UNREACHABLE,
                    "it did not end the greeting within 30 s: it is busy, or the "
                    "line is");
        else if (cf_inflow_guard_is_broken_off(zmq->descriptor))
            lost_by(zmq, CF_UNREACHABLE, CF_BROKEN_OFF);
        else
            lost_by(zmq, CF_FORGED,
                    "it closed during the greeting, and does not say why: a proxy before it takes "
                    "no more connections, or it has another key than its address says");
        break;
    default:
        lost_by(zmq, CF_UNREACHABLE,
                was_ended_here ? SAYS_NOTHING
                : cf_inflow_guard_is_broken_off(zmq->descriptor)
                    ? CF_BROKEN_OFF
                    : "it closed the connection without a word: it takes no more for now, "
                      "or is no Counterfoil broker");
    }
}

static void closed(cf_link_zmq *zmq)
{
    if (cf_inflow_guard_has_ended(zmq->descriptor))
        lost_by(zmq, CF_MALFORMED, "the broker sends more than it was asked for");
    else if (zmq->secured)
        lost_by(zmq, CF_UNREACHABLE,
                !zmq->has_heard && cf_inflow_guard_is_broken_off(zmq->descriptor)
                    ? CF_BROKEN_OFF
                    : "the connection broke");
    else
        ended_in_handshake(zmq);
}

/* ZAP's answer (RFC 27): 400 is that the key is nobody's, 500 that the broker can't tell. */
static void refused(cf_link_zmq *zmq, int32_t answer)
{
    if (answer == 500)
        lost_by(zmq, CF_UNREACHABLE,
                "what the broker has of its users is damaged, until whoever runs it types "
                "`counterfoild verify --repair`");
    else
        lost_by(zmq, CF_DENIED, "the broker does not know this device");
}

static void handle_event(cf_link_zmq *zmq, const cf_zmq_event *event)
{
    switch (event->number) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        zmq->secured = true;
        zmq->tried = 0;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        refused(zmq, event->value);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_DISCONNECTED:
    case ZMQ_EVENT_CLOSED:
        closed(zmq);
        break;
    default:
        break;
    }
}

static int on_monitor(zloop_t *loop, zsock_t *monitor, void *context)
{
    cf_link_zmq *zmq = context;
    cf_zmq_event event;

    (void)loop;
    while (!zmq->tries_next && zmq->session == cf_link_session(zmq->options.link) &&
           cf_zmq_next_event(monitor, &event)) {
        receive(zmq); /* what came before the connection broke */
        handle_event(zmq, &event);
    }
    zmq->options.came(zmq->options.context);
    return 0;
}

static void begin(cf_link_zmq *zmq, uint64_t session, uint64_t now_ms)
{
    zmq->session = session;
    zmq->secured = zmq->has_heard = false;
    zmq->descriptor = -1;
    if (!zmq->resumes && !zmq->tried)
        zmq->failure = (failure){0};
    if (zmq->resumes)
        cf_connecting_resume(zmq->connecting);
    else
        cf_connecting_begin(zmq->connecting, zmq->endpoints[zmq->endpoint], now_ms);
    zmq->resumes = false;
}

static void connected(cf_link_zmq *zmq, uint64_t now_ms)
{
    cf_connected won;

    cf_connecting_take(zmq->connecting, &won);
    zmq->socket = won.socket;
    zmq->monitor = won.monitor;
    zmq->descriptor = won.descriptor;
    zmq->connected_ms = now_ms;
    zmq->first_until_ms = now_ms + FIRST_MS;
    zmq->greet_until_ms = now_ms + GREET_MS;
    zloop_reader(zmq->options.loop, zmq->monitor, on_monitor, zmq);
    zloop_reader_set_tolerant(zmq->options.loop, zmq->monitor);
    poll_socket(zmq, false);
    cf_line_begin(&zmq->line, now_ms);
    cf_pulse_begin(&zmq->pulse, now_ms);
}

/* Returns when to call again. */
static uint64_t connect_session(cf_link_zmq *zmq, uint64_t now_ms)
{
    uint64_t next_ms = UINT64_MAX;
    cf_reach reach = CF_REACH_NO_ROUTE;

    if (!zmq->session || zmq->socket)
        return UINT64_MAX;
    switch (cf_connecting_step(zmq->connecting, now_ms, &next_ms)) {
    case CF_CONNECTED:
        connected(zmq, now_ms);
        break;
    case CF_CONNECTING_FAILED: {
        const char *why = cf_connecting_why(zmq->connecting, &reach);
        lost(zmq, reach, CF_UNREACHABLE, why);
        break;
    }
    case CF_CONNECTING:
        break;
    }
    return next_ms;
}

/* A server that says nothing makes no event. Over two and a half seconds of a round trip the
 * greeting takes ten. */
static uint64_t check_handshake(cf_link_zmq *zmq, uint64_t now_ms)
{
    if (!zmq->socket || zmq->secured)
        return UINT64_MAX;
    const bool is_mute = cf_inflow_guard_greeting(zmq->descriptor) == CF_GREETING_NONE;
    uint64_t *until_ms = is_mute ? &zmq->first_until_ms : &zmq->greet_until_ms;

    if (cf_deadline_is_over(until_ms, now_ms))
        lost_by(zmq, CF_UNREACHABLE, SAYS_NOTHING);
    return *until_ms;
}

/* Whoever waits for an answer hears by that whether the connection is there. */
static uint64_t beat(cf_link_zmq *zmq, uint64_t now_ms)
{
    if (!zmq->socket || !zmq->secured || cf_link_is_of_newcomer(zmq->options.link))
        return UINT64_MAX;
    const bool is_unanswered = cf_link_is_unanswered(zmq->options.link);

    /* The bytes of an answer are seen before it is handled: what was asked is owed until then. */
    if (!is_unanswered && cf_pulse_is_awaited(&zmq->pulse) && !zmq->is_beat_out)
        cf_pulse_moved(&zmq->pulse, true, now_ms);
    if (is_unanswered)
        zmq->is_beat_out = false;
    else if (now_ms >= cf_pulse_due(&zmq->pulse))
        zmq->is_beat_out = cf_link_beat(zmq->options.link, zmq->outbox);
    else
        return cf_pulse_due(&zmq->pulse);
    if (is_unanswered || zmq->is_beat_out)
        cf_pulse_said(&zmq->pulse, now_ms);
    return cf_pulse_due(&zmq->pulse);
}

static bool is_owed(const cf_link_zmq *zmq)
{
    return cf_link_is_unanswered(zmq->options.link) || cf_pulse_is_awaited(&zmq->pulse);
}

/* Whether there is still somebody. Where a connection was forgotten another may do. A link that
 * waits for an answer gives up by itself, and knows of what it waits for. */
static void judge(cf_link_zmq *zmq, uint64_t now_ms)
{
    const bool is_stuck = cf_line_is_stuck(&zmq->line, now_ms);
    const bool is_dead =
        cf_line_is_dead(&zmq->line, now_ms) && !cf_link_is_unanswered(zmq->options.link);

    if (cf_pulse_is_forgotten(&zmq->pulse, zmq->line.counts.round_trip_us, now_ms))
        lost_by(zmq, CF_CHANGED, "the connection was forgotten on the way");
    else if (is_stuck && cf_line_drops_large(&zmq->line))
        lost_by(zmq, CF_UNREACHABLE, DROPS_LARGE);
    else if (is_stuck || is_dead)
        lost_by(zmq, CF_UNREACHABLE, "nothing comes any more: the connection is dead");
}

static void look(cf_link_zmq *zmq, uint64_t now_ms)
{
    const cf_line_counts before = zmq->line.counts;
    cf_line_counts counts;

    if (!zmq->socket || !zmq->secured || !cf_line_count(zmq->descriptor, &counts))
        return;
    zmq->line.fetches = cf_link_fetches(zmq->options.link);
    zmq->line.is_idle = !is_owed(zmq) && !counts.unacknowledged;
    if (cf_line_look(&zmq->line, &counts, now_ms))
        cf_link_moved(zmq->options.link, now_ms);
    const bool came = zmq->line.counts.received != before.received;
    if (came)
        cf_link_heard(zmq->options.link);
    if (came || zmq->line.counts.acknowledged != before.acknowledged)
        cf_pulse_moved(&zmq->pulse, came, now_ms);
    cf_link_carries(zmq->options.link, cf_line_step(&zmq->line), cf_line_window(&zmq->line),
                    cf_line_entry(&zmq->line));
    cf_link_brings(zmq->options.link, cf_line_fetch_step(&zmq->line),
                   cf_line_fetch_window(&zmq->line));
    judge(zmq, now_ms);
}

/* With a session of its own: what was said of the one before is gone with its socket. */
static void try_next(cf_link_zmq *zmq)
{
    zmq->tries_next = false;
    if (!cf_link_session(zmq->options.link)) {
        zmq->resumes = false;
        return;
    }
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

void cf_link_zmq_network_changed(cf_link_zmq *zmq)
{
    if (zmq->socket && zmq->session == cf_link_session(zmq->options.link) &&
        !cf_line_has_address(zmq->descriptor))
        lost_by(zmq, CF_CHANGED, "this machine has other addresses now");
}

static uint64_t look_due(const cf_link_zmq *zmq, uint64_t now_ms)
{
    if (!zmq->secured || !zmq->socket)
        return UINT64_MAX;
    if (!is_owed(zmq)) /* then a look when something is said is soon enough */
        return UINT64_MAX;
    return now_ms + (cf_link_moves_contents(zmq->options.link) ? CF_LINE_FETCH_MS
                     : zmq->pulse.is_carried                   ? CF_LINE_LOOK_MS
                                                               : ASKED_MS);
}

uint64_t cf_link_zmq_wake(cf_link_zmq *zmq)
{
    const cf_env *env = zmq->options.env;
    cf_link *link = zmq->options.link;
    uint64_t now_ms = cf_env_steady_ms(env), next_ms = 0;
    uint64_t connect_ms = UINT64_MAX, handshake_ms = UINT64_MAX;

    look(zmq, now_ms);
    do {
        if (zmq->tries_next)
            try_next(zmq);
        next_ms = cf_link_tick(link, now_ms, zmq->outbox);
        if (zmq->session != cf_link_session(link))
            disconnect(zmq);
        if (cf_link_session(link) && !zmq->session)
            begin(zmq, cf_link_session(link), now_ms);
        connect_ms = connect_session(zmq, now_ms);
        handshake_ms = check_handshake(zmq, now_ms);
    } while (zmq->tries_next || zmq->session != cf_link_session(link)); /* lost at once */
    cf_deadline_lower(&next_ms, beat(zmq, now_ms));
    flush(zmq);
    return cf_deadline_earlier(cf_deadline_earlier(next_ms, connect_ms),
                               cf_deadline_earlier(handshake_ms, look_due(zmq, now_ms)));
}
