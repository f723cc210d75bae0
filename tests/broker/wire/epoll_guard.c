/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wire/inflow_guard.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

TestSuite(epoll_guard, .timeout = 60);

enum { PATIENCE_MS = 20000, BEAT_MS = 20, DEAD_MS = 1000, MANY = 20 };

typedef struct {
    int near, far, epoll;
} pair;

/* Two ends of a connection, and a set with the near one in it that waits for nothing. */
static pair a_pair(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    pair made = {.far = socket(AF_INET, SOCK_STREAM, 0), .epoll = epoll_create1(0)};
    struct epoll_event nothing = {0};

    cr_assert_eq(bind(listener, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&address, &size);
    cr_assert_eq(connect(made.far, (struct sockaddr *)&address, size), 0);
    made.near = accept(listener, NULL, NULL);
    close(listener);
    cr_assert_eq(epoll_ctl(made.epoll, EPOLL_CTL_ADD, made.near, &nothing), 0);
    return made;
}

static void reset(pair *self)
{
    struct linger at_once = {1, 0};

    setsockopt(self->far, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(self->far);
}

static void pair_end(pair *self)
{
    close(self->near);
    close(self->epoll);
}

static void wait_for(const pair *self, uint32_t events)
{
    struct epoll_event wanted = {.events = events};

    cr_assert_eq(epoll_ctl(self->epoll, EPOLL_CTL_MOD, self->near, &wanted), 0);
}

static uint32_t told(const pair *self, int timeout_ms)
{
    struct epoll_event event = {0};

    return epoll_wait(self->epoll, &event, 1, timeout_ms) == 1 ? event.events : 0;
}

Test(epoll_guard, tells_no_end_of_what_is_not_waited_for)
{
    pair p = a_pair();

    reset(&p);
    cr_expect_eq(told(&p, 0), 0);
    wait_for(&p, EPOLLIN);
    cr_expect_eq(told(&p, PATIENCE_MS), EPOLLIN);
    wait_for(&p, EPOLLOUT);
    cr_expect_eq(told(&p, PATIENCE_MS), EPOLLOUT);
    wait_for(&p, 0);
    cr_expect_eq(told(&p, 0), 0);
    cr_expect_eq(epoll_ctl(p.epoll, EPOLL_CTL_DEL, p.near, NULL), 0);
    pair_end(&p);
}

static void set(void *socket, int option, int value)
{
    cr_assert_eq(zmq_setsockopt(socket, option, &value, sizeof value), 0);
}

/* The reader's end of it was told. */
static void expect_disconnected(void *monitor)
{
    zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};

    cr_assert_eq(zmq_poll(&item, 1, PATIENCE_MS), 1);
}

/* What ends the program without the guard. */
Test(epoll_guard, lets_a_connection_end_that_nobody_reads)
{
    void *context = zmq_ctx_new(), *reader = zmq_socket(context, ZMQ_ROUTER),
         *writer = zmq_socket(context, ZMQ_DEALER), *monitor = zmq_socket(context, ZMQ_PAIR);
    char endpoint[64];
    size_t size = sizeof endpoint;

    cr_assert(cf_epoll_guard_stands());
    set(reader, ZMQ_RCVHWM, 1);
    set(reader, ZMQ_HEARTBEAT_IVL, BEAT_MS);
    set(reader, ZMQ_HEARTBEAT_TIMEOUT, DEAD_MS); /* long after the heartbeat that ended it */
    zmq_socket_monitor(reader, "inproc://reader", ZMQ_EVENT_DISCONNECTED);
    zmq_connect(monitor, "inproc://reader");
    cr_assert_eq(zmq_bind(reader, "tcp://127.0.0.1:*"), 0);
    zmq_getsockopt(reader, ZMQ_LAST_ENDPOINT, endpoint, &size);
    zmq_connect(writer, endpoint);
    for (int i = 0; i < MANY; i++)
        zmq_send(writer, "unread", 6, 0);
    zmq_close(writer);
    expect_disconnected(monitor);
    set(reader, ZMQ_LINGER, 0);
    zmq_socket_monitor(reader, NULL, 0);
    zmq_close(monitor);
    zmq_close(reader);
    zmq_ctx_term(context);
}
