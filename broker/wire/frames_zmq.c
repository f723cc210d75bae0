/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wire/frames_zmq.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "broker/wire/connect_guard.h"
#include "broker/wire/inflow.h"
#include "broker/wire/inflow_guard.h"
#include "codec/limits.h"

enum {
    HEARTBEAT_MS = CF_ZMQ_SILENT_MS * 5 / 8, /* one may be late by what is left: 7.5 s, in which TCP
                                                sends again five times */
    COPIED = 4096, /* smaller frames are copied, larger ones handed over */
    /* ZMQ_ZERO_COPY_RECV. zmq.h has it among its drafts. */
    ZERO_COPY = 10,
};
static_assert(CF_INFLOW_MESSAGES == CF_ZMQ_HIGH_WATER + 1, "a ROUTER takes one in advance");

static uint64_t drop_rest(void *socket)
{
    zmq_msg_t rest;
    uint64_t cost = 0;
    int more = 1;

    while (more) {
        zmq_msg_init(&rest);
        more = zmq_msg_recv(&rest, socket, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(&rest);
        cost += cf_inflow_cost(zmq_msg_size(&rest));
        zmq_msg_close(&rest);
    }
    return cost;
}

/* A routing id did not come: a ROUTER says it. */
static size_t first_that_came(void *socket)
{
    int type = 0;
    size_t size = sizeof type;

    return zmq_getsockopt(socket, ZMQ_TYPE, &type, &size) == 0 && type == ZMQ_ROUTER ? 1 : 0;
}

static void note_taken(void *socket, cf_zmq_message *message, uint64_t cost)
{
    for (size_t i = first_that_came(socket); i < message->count; i++)
        cost += cf_inflow_cost(message->bytes[i].size);
    message->descriptor = zmq_msg_get(&message->frame[message->count - 1], ZMQ_SRCFD);
    cf_inflow_guard_taken(message->descriptor, cost);
}

bool cf_zmq_receive(void *socket, cf_zmq_message *out)
{
    bool more = true;

    out->count = 0;
    while (more && out->count < CF_ZMQ_FRAMES) {
        zmq_msg_t *frame = &out->frame[out->count];
        zmq_msg_init(frame);
        if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(frame);
            cf_zmq_message_release(out);
            return false;
        }
        out->bytes[out->count++] = cf_bytes_of(zmq_msg_data(frame), zmq_msg_size(frame));
        more = zmq_msg_more(frame);
    }
    note_taken(socket, out, more ? drop_rest(socket) : 0);
    return true;
}

void cf_zmq_message_release(cf_zmq_message *message)
{
    for (size_t i = 0; i < message->count; i++)
        zmq_msg_close(&message->frame[i]);
    message->count = 0;
}

/* A monitor's message: number (2 bytes) and value (4 bytes) in the machine's order, then the
 * endpoint. */
bool cf_zmq_next_event(zsock_t *monitor, cf_zmq_event *out)
{
    cf_zmq_message message;

    *out = (cf_zmq_event){0};
    if (!cf_zmq_receive(zsock_resolve(monitor), &message))
        return false;
    if (message.bytes[0].size == sizeof out->number + sizeof out->value) {
        memcpy(&out->number, message.bytes[0].data, sizeof out->number);
        memcpy(&out->value, message.bytes[0].data + sizeof out->number, sizeof out->value);
    }
    cf_zmq_message_release(&message);
    return true;
}

static void free_frame(void *data, void *hint)
{
    (void)hint;
    free(data);
}

/* Only the first part of a message can find the pipe full, and must be there to be sent again; the
 * others go, or are gone. */
static void fill(zmq_msg_t *part, cf_buffer *buffer, bool is_first)
{
    if (is_first || buffer->size <= COPIED) {
        zmq_msg_init_size(part, buffer->size);
        if (buffer->size)
            memcpy(zmq_msg_data(part), buffer->data, buffer->size);
        return;
    }
    zmq_msg_init_data(part, buffer->data, buffer->size, free_frame, NULL);
    *buffer = (cf_buffer){0};
}

static cf_send_answer send_destination(void *socket, cf_bytes destination)
{
    if (destination.size == 0)
        return CF_SEND_DONE;
    if (zmq_send(socket, destination.data, destination.size, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0)
        return CF_SEND_DONE;
    return errno == EAGAIN ? CF_SEND_BLOCKED : CF_SEND_GONE;
}

cf_send_answer cf_zmq_send(void *socket, cf_bytes destination, cf_frames *frames)
{
    cf_send_answer answer = send_destination(socket, destination);
    bool is_first = destination.size == 0;

    for (size_t i = 0; i < frames->count && answer == CF_SEND_DONE; i++, is_first = false) {
        zmq_msg_t part;
        fill(&part, &frames->frame[i], is_first);
        if (zmq_msg_send(&part, socket, ZMQ_DONTWAIT | (i + 1 < frames->count ? ZMQ_SNDMORE : 0)) <
            0) {
            answer = errno == EAGAIN && is_first ? CF_SEND_BLOCKED : CF_SEND_GONE;
            zmq_msg_close(&part);
        }
    }
    return answer;
}

static void set_int(void *socket, int option, int value)
{
    int failed = zmq_setsockopt(socket, option, &value, sizeof value);

    assert(!failed);
    (void)failed;
}

static void set_key(void *socket, int option, const uint8_t *key)
{
    int failed = zmq_setsockopt(socket, option, key, 32);

    assert(!failed);
    (void)failed;
}

/* Without zero copy. With it a frame of one byte keeps all that was read with it, and room for what
 * might have been: 18 KiB. */
zsock_t *cf_zmq_socket(int type)
{
    int failed = zmq_ctx_set(zsys_init(), ZERO_COPY, 0);

    assert(!failed);
    (void)failed;
    return zsock_new(type);
}

void cf_zmq_configure(void *socket, const cf_zmq_keys *keys)
{
    int64_t largest = CF_FRAME_MAX;

    bool guarded = cf_epoll_guard_stands() && cf_inflow_guard_stands() && cf_connect_guard_stands();
    assert(guarded);
    (void)guarded;
    set_int(socket, ZMQ_LINGER, CF_ZMQ_LINGER_MS);
    set_int(socket, ZMQ_SNDHWM, CF_ZMQ_HIGH_WATER);
    set_int(socket, ZMQ_RCVHWM, CF_ZMQ_HIGH_WATER);
    set_int(socket, ZMQ_HANDSHAKE_IVL, CF_ZMQ_HANDSHAKE_MS);
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
    if (keys->server_key) { /* a server's timers would cost each of its connections the more of
                               them there are */
        set_int(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
        /* Who sends them sees by the bytes whether the other is there (broker/link/line.h): on a
           slow line an answer waits behind a message for longer than anybody could say. */
        set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, 0);
        set_key(socket, ZMQ_CURVE_SERVERKEY, keys->server_key);
    } else {
        set_int(socket, ZMQ_CURVE_SERVER, 1);
    }
    set_key(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key);
    set_key(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key);
}
