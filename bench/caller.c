/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/caller.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/author.h"
#include "broker/wire/frames_zmq.h"
#include "codec/message.h"
#include "codec/pairing.h"

enum { PATIENCE_MS = 20000, CURSES = 5, BLOBS = 2000, SOCKETS = 10000, THREADS = 64 };

struct cf_caller {
    void *socket;
    cf_hash user;
    cf_frames curses[CURSES];
};

/* One for the process: a fork has its own. */
static void *zmq_context(void)
{
    static void *context;
    static pid_t owner;

    if (!context || owner != getpid()) {
        context = zmq_ctx_new();
        zmq_ctx_set(context, ZMQ_MAX_SOCKETS, SOCKETS);
        zmq_ctx_set(context, ZMQ_IO_THREADS,
                    THREADS); /* timers cost each the more there are in one */
        owner = getpid();
    }
    return context;
}

static void *connect_from(const cf_address *broker, uint32_t from, const cf_zmq_keys *keys)
{
    void *made = zmq_socket(zmq_context(), ZMQ_DEALER);
    struct in_addr address = {htonl(from)};
    char endpoint[CF_ADDRESS_TEXT + 64], text[INET_ADDRSTRLEN];

    cf_zmq_configure(made, keys);
    inet_ntop(AF_INET, &address, text, sizeof text);
    snprintf(endpoint, sizeof endpoint, "tcp://%s:0;127.0.0.1:%u", text, broker->port);
    zmq_connect(made, endpoint);
    return made;
}

static void say(void *socket, const cf_message *message)
{
    cf_frames frames = {0};

    cf_message_write(message, &frames);
    cf_zmq_send(socket, (cf_bytes){0}, &frames);
    cf_frames_release(&frames);
}

/* Passes over what else comes. */
static cf_status hear(void *socket, cf_command command, cf_error *error)
{
    cf_command heard = 0;

    while (heard != command) {
        zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
        cf_zmq_message frames;
        cf_arena arena = {0};
        cf_message message;
        cf_status status = CF_OK;

        if (zmq_poll(&item, 1, PATIENCE_MS) <= 0)
            return cf_fail(error, CF_UNREACHABLE, "no %s comes", cf_command_name(command));
        if (!cf_zmq_receive(socket, &frames))
            continue;
        status = cf_message_read(frames.bytes, frames.count, &arena, &message, error);
        heard = message.command;
        if (!status && heard == CF_COMMAND_REFUSED)
            status = cf_fail(error, CF_DENIED, "%.*s", (int)message.refused.text.size,
                             (const char *)message.refused.text.data);
        cf_zmq_message_release(&frames);
        cf_arena_release(&arena);
        if (status)
            return status;
    }
    return CF_OK;
}

cf_status cf_caller_enrol(const cf_code *invitation, uint32_t from, cf_bytes first_entry,
                          cf_error *error)
{
    const cf_address *broker = &invitation->broker;
    cf_buffer sealed = {0};
    cf_message message = {.command = CF_COMMAND_KNOCK};
    cf_knock knock = {.invited = true, .first_entry = first_entry};

    cf_pairing *pairing = cf_pairing_new(invitation->secret);
    cf_zmq_keys keys = {cf_pairing_guest_public(pairing), cf_pairing_guest_secret(pairing),
                        broker->key};
    void *socket = connect_from(broker, from, &keys);

    cf_knock_seal(pairing, &knock, &sealed);
    memcpy(message.knock.key.bytes, cf_pairing_guest_public(pairing), CF_HASH_SIZE);
    message.knock.sealed = cf_buffer_view(&sealed);
    say(socket, &message);
    cf_status status = hear(socket, CF_COMMAND_ADMIT, error);
    zmq_close(socket);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&pairing);
    return status;
}

static cf_message hello_of(const cf_hash *user)
{
    return (cf_message){.command = CF_COMMAND_HELLO,
                        .hello = {.version = CF_PROTOCOL_VERSION, .user = *user}};
}

cf_status cf_caller_open(const cf_address *broker, uint32_t person, uint32_t from, cf_caller **out,
                         cf_error *error)
{
    cf_caller *made = cf_allocate(1, sizeof *made);
    cf_keys *account = cf_writings_keys(person);
    cf_zmq_keys keys = {cf_keys_public(account)->curve, cf_keys_curve_secret(account), broker->key};

    made->user = cf_device_id(cf_keys_public(account)->signing);
    made->socket = connect_from(broker, from, &keys);
    cf_message hello = hello_of(&made->user);
    say(made->socket, &hello);
    cf_status status = hear(made->socket, CF_COMMAND_WELCOME, error);
    cf_keys_destroy(&account);
    if (status)
        cf_caller_close(&made);
    else
        *out = made;
    return status;
}

void cf_caller_close(cf_caller **caller)
{
    if (!*caller)
        return;
    zmq_close((*caller)->socket);
    for (size_t i = 0; i < CURSES; i++)
        cf_frames_release(&(*caller)->curses[i]);
    free(*caller);
    *caller = NULL;
}

cf_status cf_caller_publish(cf_caller *caller, cf_bytes entry, cf_error *error)
{
    cf_message message = {.command = CF_COMMAND_PUBLISH, .publish = {.entry = entry}};

    say(caller->socket, &message);
    return hear(caller->socket, CF_COMMAND_ACCEPTED, error);
}

void cf_caller_arm(cf_caller *caller, cf_bytes entry)
{
    cf_hash *blobs = cf_allocate(BLOBS, sizeof *blobs);
    cf_message hello = hello_of(&caller->user);
    cf_message publish = {.command = CF_COMMAND_PUBLISH, .publish = {.entry = entry}};
    cf_message have = {.command = CF_COMMAND_HAVE, .have = {.ids = blobs, .id_count = BLOBS}};
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {.bytes = 1}};
    cf_message subscribe = {.command = CF_COMMAND_SUBSCRIBE, .subscribe = {.credit = 1 << 20}};
    const cf_message *all[CURSES] = {&have, &publish, &hello, &subscribe, &credit};

    for (uint32_t i = 0; i < BLOBS; i++)
        cf_put_u64(blobs[i].bytes, i);
    for (size_t i = 0; i < CURSES; i++)
        cf_message_write(all[i], &caller->curses[i]);
    cf_buffer *wire = &caller->curses[1].frame[1];
    wire->data[wire->size - 20000 - 1] ^= 1; /* the signature's last byte: the body is behind it */
    caller->curses[CURSES - 1].frame[0].data[0] ^= 0xff;
    free(blobs);
}

static bool is_refusal(const cf_zmq_message *frames)
{
    cf_arena arena = {0};
    cf_message message;
    cf_error ignored;
    bool is = !cf_message_read(frames->bytes, frames->count, &arena, &message, &ignored) &&
              (message.command == CF_COMMAND_REFUSED || message.command == CF_COMMAND_AGAIN);

    cf_arena_release(&arena);
    return is;
}

/* Whether its socket takes anything. */
static bool takes(void *socket)
{
    int events = 0;
    size_t size = sizeof events;

    return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 && events & ZMQ_POLLOUT;
}

bool cf_caller_abuse(cf_caller *caller, size_t *refusals)
{
    cf_zmq_message answer;
    size_t said = 0;

    for (; said < CURSES && takes(caller->socket); said++) {
        const cf_frames *curse = &caller->curses[said];
        cf_frames copy = {.count = curse->count};

        for (size_t k = 0; k < copy.count; k++)
            cf_buffer_append(&copy.frame[k], curse->frame[k].data, curse->frame[k].size);
        cf_zmq_send(caller->socket, (cf_bytes){0}, &copy);
        cf_frames_release(&copy);
    }
    while (cf_zmq_receive(caller->socket, &answer)) {
        *refusals += is_refusal(&answer);
        cf_zmq_message_release(&answer);
    }
    return said > 0;
}
