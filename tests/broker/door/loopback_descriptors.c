/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection had sent is read when another has its descriptor already: that one must not
 * feel it. The gateway reads nothing while its loop doesn't run, and descriptors are given away
 * from the lowest one on, so both can be arranged. */
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/door/gateway_zmq_connections.h"
#include "broker/wire/frames_zmq.h"
#include "codec/message.h"
#include "tests/broker/door/loopback_house.h"

TestSuite(loopback_descriptors, .timeout = 60);

enum {
    DESCRIPTORS = 256,
    PATIENCE_MS = 10000,
    EVENTS = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED
};

/* A client that says what it likes. */
typedef struct {
    house *at;
    void *socket, *monitor;
    uint16_t event; /* that is waited for */
    cf_command heard;
} raw_client;

static raw_client a_client(house *at, const person *who)
{
    raw_client made = {.at = at, .socket = a_raw_socket(at, who)};
    static int number;
    char name[64];
    int linger_ms = PATIENCE_MS;

    snprintf(name, sizeof name, "inproc://client-%d", number++);
    zmq_setsockopt(made.socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_socket_monitor(made.socket, name, EVENTS);
    made.monitor = zmq_socket(zsys_init(), ZMQ_PAIR);
    zmq_connect(made.monitor, name);
    return made;
}

static void client_end(raw_client *self)
{
    int linger_ms = 0;

    zmq_setsockopt(self->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_socket_monitor(self->socket, NULL, 0);
    zmq_close(self->monitor);
    zmq_close(self->socket);
}

static uint16_t next_event(const raw_client *self)
{
    cf_zmq_message message;
    uint16_t event = 0;

    if (cf_zmq_receive(self->monitor, &message)) {
        memcpy(&event, message.bytes[0].data, sizeof event);
        cf_zmq_message_release(&message);
    }
    return event;
}

/* The loop doesn't run meanwhile: it is the I/O thread that shakes hands. */
static void get_in(raw_client *self)
{
    zmq_pollitem_t item = {.socket = self->monitor, .events = ZMQ_POLLIN};

    connect_raw(self->at, self->socket);
    cr_assert_eq(zmq_poll(&item, 1, PATIENCE_MS), 1);
    cr_assert_eq(next_event(self), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
}

static bool has_happened(void *context)
{
    raw_client *self = context;
    uint16_t event = next_event(self);

    return event == self->event;
}

static void say_garbage(const raw_client *self, int times)
{
    for (int i = 0; i < times; i++)
        zmq_send(self->socket, "\xff", 1, 0);
}

static void say(const raw_client *self, const cf_message *message)
{
    cf_frames frames = {0};

    cf_message_write(message, &frames);
    cr_assert_eq(cf_zmq_send(self->socket, (cf_bytes){0}, &frames), CF_SEND_DONE);
    cf_frames_release(&frames);
}

static void say_hello(const raw_client *self)
{
    cf_message hello = {
        .command = CF_COMMAND_HELLO,
        .hello = {.version = CF_PROTOCOL_VERSION, .user = self->at->m.account.user}};

    say(self, &hello);
}

static bool has_heard(void *context)
{
    raw_client *self = context;
    cf_zmq_message frames;
    cf_arena arena = {0};
    cf_message message;
    cf_error error;

    if (!cf_zmq_receive(self->socket, &frames))
        return false;
    expect_ok(cf_message_read(frames.bytes, frames.count, &arena, &message, &error), error);
    self->heard = message.command;
    cf_arena_release(&arena);
    cf_zmq_message_release(&frames);
    return true;
}

static void expect_answer(raw_client *self, cf_command command)
{
    cr_assert(wait_for(self->at, has_heard, self), "nothing comes");
    cr_expect_eq(self->heard, command, "%s comes", cf_command_name(self->heard));
}

static void expect_session(raw_client *self)
{
    cf_message have = {.command = CF_COMMAND_HAVE};

    say(self, &have);
    expect_answer(self, CF_COMMAND_MISSING);
}

/* ---- Descriptors ---- */

static bool is_accepted(const house *h, int descriptor)
{
    struct sockaddr_in own = {0}, peer = {0};
    socklen_t own_size = sizeof own, peer_size = sizeof peer;

    return getsockname(descriptor, (struct sockaddr *)&own, &own_size) == 0 &&
           getpeername(descriptor, (struct sockaddr *)&peer, &peer_size) == 0 &&
           ntohs(own.sin_port) == h->address.port;
}

/* The lowest one of the door's connections; -1 when there is none. */
static int accepted_descriptor(const house *h)
{
    for (int i = 0; i < DESCRIPTORS; i++)
        if (is_accepted(h, i))
            return i;
    return -1;
}

/* Returns when the door has closed its end. */
static void leave(const raw_client *self, int descriptor)
{
    int64_t end_ms = zclock_mono() + PATIENCE_MS;
    char endpoint[CF_ADDRESS_TEXT];

    cf_address_endpoint(&self->at->address, endpoint);
    zmq_disconnect(self->socket, endpoint);
    while (fcntl(descriptor, F_GETFD) >= 0) {
        zmq_pollitem_t item = {.socket = self->socket, .events = ZMQ_POLLIN};

        cr_assert_lt(zclock_mono(), end_ms, "the connection stays");
        zmq_poll(&item, 1, 1); /* which is when a socket does what it was told */
    }
}

/* Of those up to `descriptor` only that one is free, and one for the client's own end. */
static void leave_free(int descriptor)
{
    int own = -1, last = -1;

    while (last <= descriptor) {
        last = open("/dev/null", O_RDONLY | O_CLOEXEC);
        cr_assert_geq(last, 0);
        if (own < 0 && last < descriptor)
            own = last;
    }
    cr_assert_geq(own, 0);
    close(own);
    close(descriptor);
}

/* Connects, says so much garbage, and goes before any of it is read; another one gets in with its
 * descriptor. */
static void replace(raw_client *bad, int garbage, raw_client *good)
{
    get_in(bad);
    int descriptor = accepted_descriptor(bad->at);
    say_garbage(bad, garbage);
    leave(bad, descriptor);
    leave_free(descriptor);
    get_in(good);
    cr_assert(is_accepted(good->at, descriptor));
}

Test(loopback_descriptors, a_session_does_not_end_by_what_another_connection_left_behind)
{
    house h = {0};
    open_house(&h);
    allow(&h, &h.m.lap);
    raw_client bad = a_client(&h, &h.m.lap), good = a_client(&h, &h.m.desk),
               later = a_client(&h, &h.m.lap);

    replace(&bad, CF_ZMQ_HIGH_WATER / 2, &good);
    say_hello(&good);
    get_in(&later); /* the I/O thread has taken the HELLO before */
    expect_answer(&good, CF_COMMAND_WELCOME);
    expect_session(&good);
    client_end(&bad);
    client_end(&good);
    client_end(&later);
    close_house(&h);
}

static bool was_third_look(void *context)
{
    return ++*(int *)context == 3;
}

Test(loopback_descriptors, nobody_is_shut_for_what_another_connection_said)
{
    static const cf_allowances few = {.connections_per_minute = 5};
    house h = {.allowances = &few};
    int looks = 0;
    open_house(&h);
    allow(&h, &h.m.lap);
    raw_client bad = a_client(&h, &h.m.lap), good = a_client(&h, &h.m.desk);

    replace(&bad, CF_ZMQ_HIGH_WATER / 2, &good);
    cr_assert(wait_for(&h, was_third_look, &looks));
    say_hello(&good);
    expect_answer(&good, CF_COMMAND_WELCOME);
    expect_session(&good);
    client_end(&bad);
    client_end(&good);
    close_house(&h);
}

Test(loopback_descriptors, who_says_too_much_without_a_session_is_shut)
{
    static const cf_allowances few = {.connections_per_minute = 5};
    house h = {.allowances = &few};
    open_house(&h);
    raw_client bad = a_client(&h, &h.m.desk);

    get_in(&bad);
    say_garbage(&bad, 2 * CF_ZMQ_HIGH_WATER);
    bad.event = ZMQ_EVENT_DISCONNECTED;
    cr_expect(wait_for(&h, has_happened, &bad));
    client_end(&bad);
    close_house(&h);
}

/* A minute's budget takes 60 messages, and of greetings in vain six; but whose they are is known
 * only after 17. */
Test(loopback_descriptors, who_greets_in_another_version_over_and_over_is_shut)
{
    static const cf_allowances few = {.connections_per_minute = 60};
    const cf_message later = {.command = CF_COMMAND_HELLO,
                              .hello = {.version = CF_PROTOCOL_VERSION + 1}};
    house h = {.allowances = &few};
    open_house(&h);
    raw_client bad = a_client(&h, &h.m.desk);

    get_in(&bad);
    for (int i = 0; i <= CF_ZMQ_HIGH_WATER; i++) {
        say(&bad, &later);
        expect_answer(&bad, CF_COMMAND_REFUSED);
    }
    say(&bad, &later);
    bad.event = ZMQ_EVENT_DISCONNECTED;
    cr_expect(wait_for(&h, has_happened, &bad));
    client_end(&bad);
    close_house(&h);
}

static void revoke_the_lap(house *h)
{
    cf_log *log = cf_users_find(h->m.broker.users, &h->m.account.user);

    shut_out(&h->m.desk, &h->m.lap.id, NULL, 0);
    append_entry(log, &h->m.desk);
}

/* It goes on asking, and has said too little for anybody to be sure whose the descriptor is. */
Test(loopback_descriptors, whose_device_is_revoked_is_cut_with_what_waits_for_it)
{
    enum { ASKED = 8 };
    house h = {0};
    open_house(&h);
    allow(&h, &h.m.lap);
    raw_client bad = a_client(&h, &h.m.lap), good = a_client(&h, &h.m.desk);

    get_in(&good);
    say_hello(&good);
    expect_answer(&good, CF_COMMAND_WELCOME);
    get_in(&bad);
    say_hello(&bad);
    expect_answer(&bad, CF_COMMAND_WELCOME);
    revoke_the_lap(&h);
    bad.event = ZMQ_EVENT_DISCONNECTED;
    expect_answer(&bad, CF_COMMAND_REFUSED);
    for (int i = 0; i < ASKED; i++)
        say(&bad, &(cf_message){.command = CF_COMMAND_HAVE}); /* it doesn't mind */
    cr_expect(wait_for(&h, has_happened, &bad));
    expect_session(&good);
    client_end(&bad);
    client_end(&good);
    close_house(&h);
}

/* ---- Signs of life ---- */

/* As in so many seconds. */
static void look(house *h, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        cf_gateway_zmq_look(h->loop, 0, h->door);
}

Test(loopback_descriptors, who_says_nothing_is_shut)
{
    const int never = 0;
    house h = {0};
    open_house(&h);
    allow(&h, &h.m.lap);
    allow(&h, &h.m.account);
    raw_client stranger = a_client(&h, &h.m.account), silent = a_client(&h, &h.m.lap),
               lively = a_client(&h, &h.m.desk);

    zmq_setsockopt(stranger.socket, ZMQ_HEARTBEAT_IVL, &never, sizeof never);
    zmq_setsockopt(silent.socket, ZMQ_HEARTBEAT_IVL, &never, sizeof never);
    get_in(&stranger);
    get_in(&lively);
    say_hello(&lively);
    expect_answer(&lively, CF_COMMAND_WELCOME);
    get_in(&silent);
    say_hello(&silent);
    expect_answer(&silent, CF_COMMAND_WELCOME);
    look(&h, 21);
    stranger.event = silent.event = ZMQ_EVENT_DISCONNECTED;
    cr_expect(wait_for(&h, has_happened, &stranger), "20 s, without a session");
    look(&h, 200);
    expect_session(&lively);
    cr_expect_not(has_happened(&silent));
    look(&h, 80);
    cr_expect(wait_for(&h, has_happened, &silent), "5 minutes, with one");
    expect_session(&lively);
    client_end(&stranger);
    client_end(&silent);
    client_end(&lively);
    close_house(&h);
}

/* A newcomer's, that waits to be let in. A broker reads one of each, of 5,000 who say nothing 400 a
 * second. Who asks and gets no answer ends the connection 30 s after the last one at the latest. */
Test(loopback_descriptors, signs_of_life_are_as_few_as_let_one_be_late)
{
    int every_ms = 0, answer_ms = 0;
    size_t size = sizeof every_ms;
    house h = {0};
    open_house(&h);
    raw_client desk = a_client(&h, &h.m.desk);

    cr_assert_eq(zmq_getsockopt(desk.socket, ZMQ_HEARTBEAT_IVL, &every_ms, &size), 0);
    cr_expect_eq(every_ms, 12500);
    cr_assert_eq(zmq_getsockopt(desk.socket, ZMQ_HEARTBEAT_TIMEOUT, &answer_ms, &size), 0);
    cr_expect_eq(answer_ms, 0, "broker/link/line.h tells by the bytes, after 30 s");
    client_end(&desk);
    close_house(&h);
}

/* ---- What waits to be taken ---- */

enum { PIECES = CF_WINDOW / CF_BLOB_STEP };

/* All that a window takes; the loop doesn't run meanwhile. */
static void fill_window(const raw_client *self)
{
    static const uint8_t zeros[CF_BLOB_STEP];
    zmq_pollitem_t room = {.socket = self->socket, .events = ZMQ_POLLOUT};

    for (uint64_t i = 0; i < PIECES; i++) {
        cf_message put = {.command = CF_COMMAND_PUT,
                          .put = {.offset = i * CF_BLOB_STEP,
                                  .total = CF_WINDOW,
                                  .bytes = cf_bytes_of(zeros, sizeof zeros)}};

        cr_assert_eq(zmq_poll(&room, 1, PATIENCE_MS), 1);
        say(self, &put);
    }
}

/* Returns when the I/O thread has so many bytes. */
static void expect_read(const house *h, uint64_t bytes)
{
    int64_t end_ms = zclock_mono() + PATIENCE_MS;
    int descriptor = accepted_descriptor(h), unread = 0;
    struct tcp_info info = {0};

    while (info.tcpi_bytes_received < bytes + (uint64_t)unread) {
        socklen_t size = sizeof info;

        cr_assert_lt(zclock_mono(), end_ms);
        zclock_sleep(1);
        ioctl(descriptor, FIONREAD, &unread);
        cr_assert_eq(getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    }
}

Test(loopback_descriptors, a_full_window_waits_for_who_is_busy)
{
    house h = {0};
    open_house(&h);
    raw_client good = a_client(&h, &h.m.desk);

    get_in(&good);
    say_hello(&good);
    expect_answer(&good, CF_COMMAND_WELCOME);
    fill_window(&good);
    expect_read(&h, CF_UNTAKEN_MAX); /* more than a stranger may have */
    for (int i = 1; i < PIECES; i++)
        expect_answer(&good, CF_COMMAND_MISSING);
    expect_answer(&good, CF_COMMAND_REFUSED); /* they are no blob of that name */
    expect_session(&good);
    client_end(&good);
    close_house(&h);
}

Test(loopback_descriptors, a_stranger_has_no_window)
{
    house h = {0};
    open_house(&h);
    raw_client bad = a_client(&h, &h.m.desk);
    zmq_pollitem_t told = {.socket = bad.monitor, .events = ZMQ_POLLIN};

    get_in(&bad);
    fill_window(&bad);
    cr_assert_eq(zmq_poll(&told, 1, PATIENCE_MS), 1);
    cr_expect_eq(next_event(&bad), ZMQ_EVENT_DISCONNECTED);
    client_end(&bad);
    close_house(&h);
}
