/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/door/gateway_zmq_connections.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/wire/frames_zmq.h"
#include "broker/wire/inflow_guard.h"

enum { MEMBERS_REST_MS = 10000 }; /* for a crowd that comes one after the other */

static const uint8_t mapped[12] = {[10] = 0xff, 0xff};

uint64_t cf_gateway_zmq_now(const cf_gateway_zmq *zmq)
{
    return zmq->options.env->now_ms(zmq->options.env->context);
}

uint64_t cf_gateway_zmq_steady(const cf_gateway_zmq *zmq)
{
    return cf_env_steady_ms(zmq->options.env);
}

/* ---- What has a descriptor ---- */

static void write_address(cf_gateway_connection *it)
{
    bool is_mapped = memcmp(it->address, mapped, sizeof mapped) == 0;

    inet_ntop(is_mapped ? AF_INET : AF_INET6, it->address + (is_mapped ? sizeof mapped : 0),
              it->text, sizeof it->text);
}

/* SO_PEERNAME tells also of a connection that was reset, but wants to be asked for no more than
 * there is. */
static bool ask_peer(int descriptor, void *out, size_t size)
{
    socklen_t length = (socklen_t)size;

    return getsockopt(descriptor, SOL_SOCKET, SO_PEERNAME, out, &length) == 0;
}

/* False when it is none of a connection. */
static bool see(int descriptor, cf_gateway_connection *out)
{
    struct sockaddr_in ipv4 = {0};
    struct sockaddr_in6 ipv6 = {0};
    socklen_t size = sizeof out->cookie;

    if (getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &out->cookie, &size) != 0 ||
        !ask_peer(descriptor, &ipv4, sizeof ipv4))
        return false;
    if (ipv4.sin_family == AF_INET) {
        memcpy(out->address, mapped, sizeof mapped);
        memcpy(out->address + sizeof mapped, &ipv4.sin_addr, sizeof ipv4.sin_addr);
    } else if (ask_peer(descriptor, &ipv6, sizeof ipv6) && ipv6.sin6_family == AF_INET6) {
        memcpy(out->address, &ipv6.sin6_addr, sizeof out->address);
    } else {
        return false;
    }
    write_address(out);
    return true;
}

static bool is_of(int descriptor, const cf_gateway_connection *connection)
{
    cf_gateway_connection now = {0};

    return see(descriptor, &now) && now.cookie == connection->cookie;
}

/* NULL: nobody knows. */
static cf_gateway_connection *connection_at(const cf_gateway_zmq *zmq, int descriptor)
{
    bool known =
        descriptor >= 0 && (size_t)descriptor < zmq->count && zmq->connections[descriptor].cookie;

    return known ? &zmq->connections[descriptor] : NULL;
}

static void keep_connection(cf_gateway_zmq *zmq, int descriptor, const cf_gateway_connection *seen)
{
    while (zmq->count <= (size_t)descriptor) {
        *cf_one_more(zmq->connections, zmq->count, zmq->capacity) = (cf_gateway_connection){0};
    }
    zmq->connections[descriptor] = *seen;
}

/* After what was said there. */
static void end(int descriptor)
{
    shutdown(descriptor, SHUT_RDWR);
}

/* So that whoever is refused can tell that from a key which doesn't fit: then libzmq ends it. TCP
 * does so where a socket is connected to nothing (connect(2)). */
static void break_off(int descriptor)
{
    const struct sockaddr nothing = {.sa_family = AF_UNSPEC};

    (void)connect(descriptor, &nothing, sizeof nothing.sa_family);
}

/* The descriptor is libzmq's, which learns of the end by reading, and may have closed it and opened
 * another under this number at any time. So it is held before it is looked at. */
static void stop(const cf_gateway_zmq *zmq, int descriptor, const char *why, void (*how)(int))
{
    const cf_gateway_connection *connection = connection_at(zmq, descriptor);
    cf_audit_event event = {.what = CF_AUDIT_CONNECTION_REFUSED, .why = why};
    int held = connection ? fcntl(descriptor, F_DUPFD_CLOEXEC, 0) : -1;

    if (held < 0)
        return;
    if (is_of(held, connection)) {
        event.address = connection->text;
        cf_audit_note(zmq->options.audit, &event, cf_gateway_zmq_now(zmq));
        how(held);
    }
    close(held);
}

static void shut(const cf_gateway_zmq *zmq, int descriptor, const char *why)
{
    stop(zmq, descriptor, why, end);
}

static void refuse(const cf_gateway_zmq *zmq, int descriptor, const char *why)
{
    stop(zmq, descriptor, why, break_off);
}

static void shut_overdue(const cf_gateway_zmq *zmq)
{
    const char *why = NULL;
    int descriptor;

    while ((descriptor =
                cf_connection_limits_overdue(zmq->limits, cf_gateway_zmq_steady(zmq), &why)) >= 0)
        refuse(zmq, descriptor, why);
}

/* ---- Connections come and go ---- */

static void begin_connection(cf_gateway_zmq *zmq, int descriptor)
{
    cf_gateway_connection seen = {0};

    cf_connection_owners_opened(zmq->owners, descriptor);
    zmq->has_moved = true;
    if (descriptor < 0)
        return;
    if (!see(descriptor, &seen))
        seen = (cf_gateway_connection){0};
    keep_connection(zmq, descriptor, &seen);
    if (!zmq->limits)
        return;
    *cf_one_more(zmq->arrivals, zmq->arrival_count, zmq->arrival_capacity) =
        (cf_arrival){.descriptor = descriptor, .seen = seen};
}

static void note_refused(const cf_gateway_zmq *zmq, int descriptor, const char *why)
{
    const cf_gateway_connection *connection = connection_at(zmq, descriptor);
    cf_audit_event event = {.what = CF_AUDIT_CONNECTION_REFUSED,
                            .address = connection ? connection->text : NULL,
                            .why = why};

    if (zmq->limits)
        cf_audit_note(zmq->options.audit, &event, cf_gateway_zmq_now(zmq));
}

static void end_connection(cf_gateway_zmq *zmq, int descriptor)
{
    uint64_t now_ms = cf_gateway_zmq_steady(zmq);

    if (cf_inflow_guard_has_ended(descriptor))
        note_refused(zmq, descriptor, "it sent more than a message or its window takes");
    else if (zmq->has_failed) /* ZAP was not asked: there is no word of it yet */
        note_refused(zmq, descriptor, "it doesn't speak ZeroMQ with CURVE, or ended in between");
    cf_connection_owners_closed(zmq->owners, descriptor, now_ms);
    zmq->has_moved = true;
    if (connection_at(zmq, descriptor))
        zmq->connections[descriptor] = (cf_gateway_connection){0};
    if (!zmq->limits)
        return;
    cf_connection_limits_closed(zmq->limits, descriptor, now_ms);
    for (size_t i = zmq->arrival_count; i-- > 0;)
        if (zmq->arrivals[i].descriptor == descriptor) {
            zmq->arrivals[i].has_gone = true;
            return;
        }
}

/* All that the monitor told was taken. So what was seen of one whose end was not told is its own:
 * that is told before the descriptor is closed. What was seen of one that has gone is its own
 * unless another has it now. */
static void look_at_arrival(cf_gateway_zmq *zmq, const cf_arrival *it)
{
    uint64_t now_ms = cf_gateway_zmq_steady(zmq);

    if (!it->seen.cookie || (it->has_gone && is_of(it->descriptor, &it->seen)))
        return; /* whose it was is not known any more */
    bool may_come =
        cf_connection_limits_opened(zmq->limits, it->descriptor, it->seen.address, now_ms);
    if (it->has_gone)
        cf_connection_limits_closed(zmq->limits, it->descriptor, now_ms);
    else if (!may_come)
        refuse(zmq, it->descriptor, "its address comes too often");
}

static void look_at_arrivals(cf_gateway_zmq *zmq)
{
    if (!zmq->arrival_count)
        return;
    for (size_t i = 0; i < zmq->arrival_count; i++)
        look_at_arrival(zmq, &zmq->arrivals[i]);
    zmq->arrival_count = 0;
    shut_overdue(zmq);
}

/* Most likely there is no descriptor left; who connects waits in the kernel, or gives up. */
static void note_not_accepted(const cf_gateway_zmq *zmq, int number)
{
    cf_report(zmq->options.env, CF_REPORT_ERROR, "a connection could not be accepted: %s",
              strerror(number));
}

/* A monitor's message: event (2 bytes) and value, a descriptor or an errno (4 bytes), in the
 * machine's order, then the endpoint. */
void cf_gateway_zmq_drain_monitor(cf_gateway_zmq *zmq)
{
    cf_zmq_message message;
    uint16_t event = 0;
    int32_t descriptor = 0;

    while (cf_zmq_receive(zsock_resolve(zmq->monitor), &message)) {
        if (message.bytes[0].size == sizeof event + sizeof descriptor) {
            memcpy(&event, message.bytes[0].data, sizeof event);
            memcpy(&descriptor, message.bytes[0].data + sizeof event, sizeof descriptor);
            if (event == ZMQ_EVENT_ACCEPTED)
                begin_connection(zmq, descriptor);
            else if (event == ZMQ_EVENT_DISCONNECTED)
                end_connection(zmq, descriptor);
            else if (event == ZMQ_EVENT_ACCEPT_FAILED)
                note_not_accepted(zmq, descriptor);
            zmq->has_failed = event & CF_HANDSHAKE_FAILED;
        }
        cf_zmq_message_release(&message);
    }
    look_at_arrivals(zmq);
}

/* ---- What is said ---- */

bool cf_gateway_zmq_hear(cf_gateway_zmq *zmq, int descriptor, cf_bytes routing_id)
{
    if (!cf_connection_owners_knows(zmq->owners, descriptor, routing_id))
        cf_gateway_zmq_drain_monitor(zmq);
    cf_connection_owners_heard(zmq->owners, descriptor, routing_id);
    if (!cf_connection_owners_is_sure(zmq->owners, descriptor, routing_id))
        zmq->has_moved = true; /* what it may do goes to another's descriptor, perhaps */
    return !cf_connection_owners_is_shut(zmq->owners, descriptor, routing_id,
                                         cf_gateway_zmq_steady(zmq));
}

/* Of any that may have the descriptor. */
static bool has_session(const cf_gateway_zmq *zmq, int descriptor)
{
    cf_bytes owner;

    for (size_t i = 0; (owner = cf_connection_owners_at(zmq->owners, descriptor, i)).size; i++)
        if (cf_gateway_knows(zmq->options.gateway, owner))
            return true;
    return false;
}

/* libzmq writes a mapped address as one of IPv6, and where it is valid behind a %. */
static bool is_address_of(const cf_gateway_connection *connection, const char *text)
{
    char plain[INET6_ADDRSTRLEN] = "";
    uint8_t address[16];

    if (!connection || !text)
        return false;
    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(text, "%"), text);
    memcpy(address, mapped, sizeof mapped);
    if (inet_pton(AF_INET, plain, address + sizeof mapped) != 1 &&
        inet_pton(AF_INET6, plain, address) != 1)
        return false;
    return memcmp(address, connection->address, sizeof address) == 0;
}

/* Whose connection had the descriptor before must not cost who has it now. */
void cf_gateway_zmq_judge(cf_gateway_zmq *zmq, const cf_utterance *said)
{
    uint64_t now_ms = cf_gateway_zmq_steady(zmq);
    bool is_sure = cf_connection_owners_is_sure(zmq->owners, said->descriptor, said->routing_id);
    bool pays = is_sure || is_address_of(connection_at(zmq, said->descriptor), said->address);
    const char *why = said->may_stay ? NULL : "it asks and doesn't read";

    cf_connection_limits_settled(zmq->limits, said->descriptor, has_session(zmq, said->descriptor),
                                 now_ms);
    if (pays && !cf_connection_limits_said(zmq->limits, said->descriptor, now_ms))
        why = "it says too much without a session";
    if (pays && said->greeting_refused)
        cf_connection_limits_greeting_refused(zmq->limits, said->descriptor, now_ms);
    if (!why || !is_sure)
        return;
    cf_connection_owners_shut(zmq->owners, said->descriptor, said->routing_id);
    shut(zmq, said->descriptor, why);
}

/* Where it is not sure whose the descriptor is, and others may have it, it stays: who has nothing
 * to say there any more is silent soon. */
static bool is_its(const cf_gateway_zmq *zmq, int descriptor, cf_bytes routing_id)
{
    return cf_connection_owners_knows(zmq->owners, descriptor, routing_id) &&
           (cf_connection_owners_is_sure(zmq->owners, descriptor, routing_id) ||
            cf_connection_owners_at(zmq->owners, descriptor, 1).size == 0);
}

void cf_gateway_zmq_cut(cf_gateway_zmq *zmq)
{
    cf_bytes routing_id;

    while (cf_gateway_next_cut(zmq->options.gateway, &routing_id))
        for (int i = 0; (size_t)i < zmq->count; i++)
            if (is_its(zmq, i, routing_id)) {
                cf_connection_owners_shut(zmq->owners, i, routing_id);
                refuse(zmq, i, "its device is no member here any more");
            }
}

static void look_at_owner(cf_gateway_zmq *zmq, int descriptor)
{
    bool is_known = has_session(zmq, descriptor);

    if (zmq->limits)
        cf_connection_limits_settled(zmq->limits, descriptor, is_known, cf_gateway_zmq_steady(zmq));
    cf_inflow_guard_grant(descriptor, is_known ? CF_WINDOW : 0);
}

/* Whose session began or ended without a message; nobody's while no session did. */
static void look_at_owners(cf_gateway_zmq *zmq)
{
    uint64_t changes = cf_gateway_changes(zmq->options.gateway);

    if (changes == zmq->looked_changes && !zmq->has_moved)
        return;
    zmq->looked_changes = changes;
    zmq->has_moved = false;
    for (int i = 0; (size_t)i < zmq->count; i++)
        if (cf_connection_owners_at(zmq->owners, i, 0).size)
            look_at_owner(zmq, i);
}

static void look_at_silence(cf_gateway_zmq *zmq, int descriptor)
{
    const bool is_known = has_session(zmq, descriptor);
    const unsigned silent = (is_known ? CF_ZMQ_SESSION_SILENT_MS : CF_ZMQ_SILENT_MS) / 1000;
    char why[64];

    if (cf_inflow_guard_count_quiet(descriptor) < silent)
        return;
    snprintf(why, sizeof why, "nothing was heard of it for %u s", silent);
    shut(zmq, descriptor, why);
}

void cf_gateway_zmq_keep_members(cf_gateway_zmq *zmq, uint64_t rest_ms)
{
    const uint64_t news = zmq->limits ? cf_connection_limits_news(zmq->limits) : 0;
    const uint64_t now_ms = cf_gateway_zmq_steady(zmq);

    if (!zmq->options.store || news == zmq->kept_news || now_ms < zmq->kept_ms + rest_ms)
        return;
    zmq->kept_news = news;
    zmq->kept_ms = now_ms;
    cf_door_members_keep(zmq->options.env, zmq->options.store, zmq->limits);
}

/* What is counted are looks: where this process didn't run, nobody was silent. */
int cf_gateway_zmq_look(zloop_t *loop, int timer, void *context)
{
    cf_gateway_zmq *zmq = context;

    (void)loop;
    (void)timer;
    look_at_owners(zmq);
    for (int i = 0; (size_t)i < zmq->count; i++)
        if (connection_at(zmq, i))
            look_at_silence(zmq, i);
    if (zmq->limits)
        shut_overdue(zmq);
    cf_gateway_zmq_keep_members(zmq, MEMBERS_REST_MS);
    return 0;
}
