/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wire/frames_zmq.h"

#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "tests/support/expect.h"

TestSuite(frames_zmq, .timeout = 120);

enum { PATIENCE_MS = 10000, ROOM = 1 << 16 };

/* ---- libzmq's threads ---- */

/* The reaper ends sockets, and tells the thread of connections so, which is held then. When that
 * goes on it hears of all that has happened meanwhile; the reaper hears no answer before. */
enum { FREE, CLOSES, REAPED, HELD, GOES_ON };
static atomic_int stage;
static atomic_bool has_told; /* the reaper, all */

static bool comes(int from, int to)
{
    return atomic_compare_exchange_strong(&stage, &from, to);
}

static void wait_while(int at)
{
    while (atomic_load(&stage) == at)
        sched_yield();
}

static bool is_thread(const char *wanted)
{
    char name[16];

    return pthread_getname_np(pthread_self(), name, sizeof name) == 0 && strstr(name, wanted);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

static long wait_for_events(const long with[6], long timeout_ms)
{
    return __real_syscall(SYS_epoll_pwait, with[0], with[1], with[2], timeout_ms, with[4], with[5]);
}

static long wait_as_reaper(const long with[6])
{
    const int before = atomic_load(&stage);

    if (before == REAPED || before == HELD)
        atomic_store(&has_told, true);
    long got = wait_for_events(with, with[3]);
    if (got > 0) {
        comes(CLOSES, REAPED);
        wait_while(GOES_ON);
    }
    return got;
}

static long wait_for_connections(const long with[6])
{
    comes(GOES_ON, FREE);
    long got = wait_for_events(with, with[3]);
    if (got <= 0 || !comes(REAPED, HELD))
        return got;
    wait_while(HELD);
    return wait_for_events(with, 0);
}

long __wrap_syscall(long number, ...)
{
    long with[6];
    va_list list;

    va_start(list, number);
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        with[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_epoll_pwait && is_thread("/Reaper"))
        return wait_as_reaper(with);
    if (number == SYS_epoll_pwait && is_thread("/IO/"))
        return wait_for_connections(with);
    return __real_syscall(number, with[0], with[1], with[2], with[3], with[4], with[5]);
}

/* ---- A server and a client ---- */

typedef struct {
    uint8_t public_key[32], secret_key[32];
} key_pair;

static key_pair new_keys(void)
{
    key_pair made;

    crypto_box_keypair(made.public_key, made.secret_key);
    return made;
}

static zsock_t *a_server(const key_pair *keys, int *port)
{
    zsock_t *made = cf_zmq_socket(ZMQ_ROUTER);

    cf_zmq_configure(zsock_resolve(made), &(cf_zmq_keys){keys->public_key, keys->secret_key, NULL});
    zsock_set_rcvhwm(made, 1);
    zsock_set_rcvbuf(made, ROOM);
    *port = zsock_bind(made, "tcp://127.0.0.1:*");
    return made;
}

typedef struct {
    zsock_t *socket;
    int descriptor;
} client;

static client a_client(const key_pair *server, int port)
{
    key_pair own = new_keys();
    client made = {cf_zmq_socket(ZMQ_DEALER), -1};
    zsock_t *monitor = zsock_new(ZMQ_PAIR);
    cf_zmq_event event = {0};
    static unsigned number; /* libzmq frees a name late */
    char name[64];

    snprintf(name, sizeof name, "inproc://client-%u", number++);
    cf_zmq_configure(zsock_resolve(made.socket),
                     &(cf_zmq_keys){own.public_key, own.secret_key, server->public_key});
    zsock_set_reconnect_ivl(made.socket, -1);
    zsock_set_sndbuf(made.socket, ROOM);
    zsock_set_rcvtimeo(monitor, PATIENCE_MS);
    zmq_socket_monitor(zsock_resolve(made.socket), name,
                       ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    zsock_connect(monitor, "%s", name);
    zsock_connect(made.socket, "tcp://127.0.0.1:%d", port);
    while (event.number != ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        zmq_pollitem_t item = {.socket = zsock_resolve(monitor), .events = ZMQ_POLLIN};
        cr_assert_eq(zmq_poll(&item, 1, PATIENCE_MS), 1);
        cr_assert(cf_zmq_next_event(monitor, &event));
        if (event.number == ZMQ_EVENT_CONNECTED)
            made.descriptor = event.value;
    }
    zmq_socket_monitor(zsock_resolve(made.socket), NULL, 0);
    zsock_destroy(&monitor);
    return made;
}

/* It takes one message in advance, has room for another, and stops at the third. */
static void fill(zsock_t *server, const client *from)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(server), .events = ZMQ_POLLIN};

    for (int i = 0; i < 3; i++)
        zmq_send(zsock_resolve(from->socket), "", 0, 0);
    cr_assert_eq(zmq_poll(&item, 1, PATIENCE_MS), 1);
}

/* The server is full, and so the client is amid this one for good. */
static void send_what_is_not_read(const client *self)
{
    static uint8_t body[CF_MIB];
    struct pollfd room = {.fd = self->descriptor, .events = POLLOUT};

    for (int frame = 0; frame < 3; frame++)
        zmq_send(zsock_resolve(self->socket), body, sizeof body, frame < 2 ? ZMQ_SNDMORE : 0);
    while (poll(&room, 1, 0) == 1)
        sched_yield();
}

/* A broker that refuses somebody in the middle of a message ends the connection as they do. libzmq
 * drops the rest of the message then, and aborts where a close without a linger had taken it:
 * https://github.com/zeromq/libzmq/issues/3442. Its thread hears of the close, then of the end. */
Test(frames_zmq, an_end_from_both_sides_amid_a_message_is_survived)
{
    key_pair keys = new_keys();
    int port = 0;
    zsock_t *server = a_server(&keys, &port);
    client one = a_client(&keys, port);

    fill(server, &one);
    send_what_is_not_read(&one);
    atomic_store(&stage, CLOSES);
    zsock_destroy(&one.socket);
    while (atomic_load(&stage) != HELD || !atomic_load(&has_told))
        sched_yield();
    shutdown(one.descriptor, SHUT_RDWR);
    atomic_store(&stage, GOES_ON);
    wait_while(GOES_ON);
    zsock_destroy(&server);
}
