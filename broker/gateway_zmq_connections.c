/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway_zmq_inside.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "broker/frames_zmq.h"

uint64_t cf_gateway_zmq_now(const cf_gateway_zmq *zmq)
{
    return zmq->options.env->now_ms(zmq->options.env->context);
}

static cf_connection *connection_at(cf_gateway_zmq *zmq, int descriptor)
{
    while (zmq->count <= (size_t)descriptor) {
        zmq->connections =
            cf_grow(zmq->connections, &zmq->capacity, zmq->count + 1, sizeof *zmq->connections);
        zmq->connections[zmq->count++] = (cf_connection){0};
    }
    return &zmq->connections[descriptor];
}

/* False when the connection is gone. */
static bool address_of(int descriptor, uint8_t address[16], char text[INET6_ADDRSTRLEN])
{
    static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;

    if (getpeername(descriptor, (struct sockaddr *)&peer, &size) != 0)
        return false;
    if (peer.ss_family == AF_INET) {
        memcpy(address, mapped, sizeof mapped);
        memcpy(address + sizeof mapped, &((struct sockaddr_in *)&peer)->sin_addr, 4);
    } else if (peer.ss_family == AF_INET6) {
        memcpy(address, &((struct sockaddr_in6 *)&peer)->sin6_addr, 16);
    } else {
        return false;
    }
    if (memcmp(address, mapped, sizeof mapped) == 0)
        inet_ntop(AF_INET, address + sizeof mapped, text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
    return true;
}

/* The descriptor is libzmq's, which learns of the end by reading. Should it have closed it already
 * and opened another under this number, that one has the same fate only if it is a socket, and its
 * peer comes again. */
static void shut(const cf_gateway_zmq *zmq, int descriptor, const char *why)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t address[16];
    cf_audit_event event = {.what = CF_AUDIT_CONNECTION_REFUSED, .why = why};

    if (!address_of(descriptor, address, text))
        return;
    event.address = text;
    cf_audit_note(zmq->options.audit, &event, cf_gateway_zmq_now(zmq));
    shutdown(descriptor, SHUT_RDWR);
}

static void shut_overdue(const cf_gateway_zmq *zmq)
{
    const char *why = NULL;
    int descriptor;

    while ((descriptor = cf_doorkeeper_overdue(zmq->doorkeeper, cf_gateway_zmq_now(zmq), &why)) >=
           0)
        shut(zmq, descriptor, why);
}

static void begin_connection(cf_gateway_zmq *zmq, int descriptor)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t address[16];

    if (!zmq->doorkeeper || !address_of(descriptor, address, text))
        return;
    memcpy(connection_at(zmq, descriptor)->address, text, sizeof text);
    if (!cf_doorkeeper_opened(zmq->doorkeeper, descriptor, address, cf_gateway_zmq_now(zmq)))
        shut(zmq, descriptor, "its address comes too often");
    else
        shut_overdue(zmq);
}

/* ZAP was not asked: there is no word of it yet. */
static void note_failure(const cf_gateway_zmq *zmq, int descriptor)
{
    cf_audit_event event = {.what = CF_AUDIT_CONNECTION_REFUSED,
                            .why = "it doesn't speak ZeroMQ with CURVE, or ended in between"};

    if (descriptor < 0 || (size_t)descriptor >= zmq->count)
        return;
    event.address = zmq->connections[descriptor].address;
    cf_audit_note(zmq->options.audit, &event, cf_gateway_zmq_now(zmq));
}

/* Whoever spoke through it. */
static void end_speaker(cf_gateway_zmq *zmq, int descriptor)
{
    if (descriptor < 0 || (size_t)descriptor >= zmq->count)
        return;
    cf_connection ended = zmq->connections[descriptor];
    zmq->connections[descriptor].size = 0;
    if (ended.size)
        cf_gateway_gone(zmq->options.gateway, cf_bytes_of(ended.routing_id, ended.size));
}

static void end_connection(cf_gateway_zmq *zmq, int descriptor)
{
    if (zmq->doorkeeper)
        cf_doorkeeper_closed(zmq->doorkeeper, descriptor, cf_gateway_zmq_now(zmq));
    if (zmq->has_failed)
        note_failure(zmq, descriptor);
    end_speaker(zmq, descriptor);
}

/* A monitor's message: event (2 bytes) and value (4 bytes) in the machine's order, then the
 * endpoint. */
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
            zmq->has_failed = event & CF_HANDSHAKE_FAILED;
        }
        cf_zmq_message_release(&message);
    }
}

static bool is_connection(const cf_gateway_zmq *zmq, int descriptor, cf_bytes routing_id)
{
    if ((size_t)descriptor >= zmq->count)
        return false;
    const cf_connection *it = &zmq->connections[descriptor];
    return cf_bytes_equal(cf_bytes_of(it->routing_id, it->size), routing_id);
}

void cf_gateway_zmq_note_connection(cf_gateway_zmq *zmq, int descriptor, cf_bytes routing_id)
{
    if (descriptor < 0 || is_connection(zmq, descriptor, routing_id))
        return;
    cf_gateway_zmq_drain_monitor(zmq);
    end_speaker(zmq, descriptor);
    cf_connection *it = connection_at(zmq, descriptor);
    it->size = (uint8_t)routing_id.size;
    memcpy(it->routing_id, routing_id.data, routing_id.size);
}

void cf_gateway_zmq_judge(const cf_gateway_zmq *zmq, int descriptor, cf_bytes routing_id)
{
    bool has_session = cf_gateway_knows(zmq->options.gateway, routing_id);

    cf_doorkeeper_settled(zmq->doorkeeper, descriptor, has_session, cf_gateway_zmq_now(zmq));
    if (!has_session && !cf_doorkeeper_said(zmq->doorkeeper, descriptor, cf_gateway_zmq_now(zmq)))
        shut(zmq, descriptor, "it says too much without a session");
}

int cf_gateway_zmq_look(zloop_t *loop, int timer, void *context)
{
    cf_gateway_zmq *zmq = context;

    (void)loop;
    (void)timer;
    for (size_t i = 0; i < zmq->count; i++) {
        const cf_connection *it = &zmq->connections[i];
        cf_bytes routing_id = cf_bytes_of(it->routing_id, it->size);

        if (it->size)
            cf_doorkeeper_settled(zmq->doorkeeper, (int)i,
                                  cf_gateway_knows(zmq->options.gateway, routing_id),
                                  cf_gateway_zmq_now(zmq));
    }
    shut_overdue(zmq);
    return 0;
}
