/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wire/connect_guard.h"

#include <arpa/inet.h>
#include <czmq.h>
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "broker/wire/frames_zmq.h"
#include "tests/support/expect.h"

TestSuite(connect_guard, .timeout = 60);

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Until its monitor says that the connection is there, or could not be made. */
static void connect_by_zmq(uint16_t port)
{
    static const uint8_t key[32] = {1};
    zsock_t *socket = cf_zmq_socket(ZMQ_DEALER), *monitor = zsock_new(ZMQ_PAIR);
    static unsigned number; /* libzmq frees a name late */
    cf_zmq_event event = {0};
    char name[64];

    snprintf(name, sizeof name, "inproc://monitor-%u", number++);
    cf_zmq_configure(zsock_resolve(socket), &(cf_zmq_keys){key, key, key});
    zsock_set_reconnect_ivl(socket, -1);
    zsock_set_rcvtimeo(monitor, 100);
    zmq_socket_monitor(zsock_resolve(socket), name, ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CLOSED);
    zsock_connect(monitor, "%s", name);
    zsock_connect(socket, "tcp://127.0.0.1:%u", (unsigned)port);
    while (!cf_zmq_next_event(monitor, &event))
        zclock_sleep(1);
    zmq_socket_monitor(zsock_resolve(socket), NULL, 0);
    zsock_destroy(&socket);
    zsock_destroy(&monitor);
}

static int listen_on(uint16_t *port)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_eq(bind(listener, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(listener, 8), 0);
    getsockname(listener, (struct sockaddr *)&address, &size);
    *port = ntohs(address.sin_port);
    return listener;
}

Test(connect_guard, knows_why_a_connection_of_libzmqs_was_not_made)
{
    uint16_t port = 0;
    int listener = listen_on(&port);
    struct sockaddr_in there = loopback(port), nobody = loopback(1);

    cr_assert(cf_connect_guard_stands());
    cr_expect_eq(cf_connect_guard_why((struct sockaddr *)&nobody), 0, "nobody has tried");
    connect_by_zmq(1);
    connect_by_zmq(port);
    cr_expect_eq(cf_connect_guard_why((struct sockaddr *)&nobody), ECONNREFUSED);
    cr_expect_eq(cf_connect_guard_why((struct sockaddr *)&there), 0);
    close(listener);
    connect_by_zmq(port);
    cr_expect_eq(cf_connect_guard_why((struct sockaddr *)&there), ECONNREFUSED, "the last time");
}

/* What is known of an address of IPv4 is known of it as one of IPv6. */
Test(connect_guard, knows_what_fails_at_once)
{
    struct sockaddr_in nobody = loopback(1);
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(1)};
    int made = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
    cr_expect_eq(connect(made, (struct sockaddr *)&nobody, sizeof nobody), -1);
    cr_expect_eq(errno, ECONNREFUSED);
    cr_expect_eq(cf_connect_guard_why((struct sockaddr *)&mapped), ECONNREFUSED);
    close(made);
}

/* What libzmq asks for when it comes to look only after the other end broke the connection off, as
 * a broker does that takes no more. */
Test(connect_guard, knows_that_a_connection_was_reset_before_it_was_looked_at)
{
    static const struct linger at_once = {.l_onoff = 1};
    uint16_t port = 0;
    int listener = listen_on(&port), made = socket(AF_INET, SOCK_STREAM, 0), error = 0;
    struct sockaddr_in there = loopback(port);
    socklen_t size = sizeof error;

    cr_assert_eq(connect(made, (struct sockaddr *)&there, sizeof there), 0);
    int accepted = accept(listener, NULL, NULL);
    setsockopt(accepted, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(accepted);
    cr_assert_eq(getsockopt(made, SOL_SOCKET, SO_ERROR, &error, &size), 0);
    cr_expect_eq(error, ECONNRESET);
    cr_expect_eq(cf_connect_guard_why((struct sockaddr *)&there), ECONNRESET);
    close(made);
    close(listener);
}

Test(connect_guard, forgets_after_64_connections)
{
    struct sockaddr_in first = loopback(1), other = loopback(2);

    for (int i = 0; i <= 64; i++) {
        struct sockaddr_in *at = i ? &other : &first;
        int made = socket(AF_INET, SOCK_STREAM, 0);

        connect(made, (struct sockaddr *)at, sizeof *at);
        close(made);
        cr_expect_eq(cf_connect_guard_why((struct sockaddr *)&first) == ECONNREFUSED, i < 64);
    }
}
