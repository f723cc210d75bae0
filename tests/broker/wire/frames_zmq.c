/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wire/frames_zmq.h"

#include <sodium.h>
#include <sys/socket.h>

#include "tests/support/expect.h"

TestSuite(frames_zmq, .timeout = 120);

enum { TRIALS = 200, PATIENCE_MS = 10000 };

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
    *port = zsock_bind(made, "tcp://127.0.0.1:*");
    return made;
}

typedef struct {
    zsock_t *socket, *monitor;
    int descriptor;
} client;

static client a_client(const key_pair *server, int port)
{
    key_pair own = new_keys();
    client made = {cf_zmq_socket(ZMQ_DEALER), zsock_new(ZMQ_PAIR), -1};
    cf_zmq_event event = {0};
    static unsigned number; /* libzmq frees a name late */
    char name[64];

    snprintf(name, sizeof name, "inproc://client-%u", number++);
    cf_zmq_configure(zsock_resolve(made.socket),
                     &(cf_zmq_keys){own.public_key, own.secret_key, server->public_key});
    zsock_set_reconnect_ivl(made.socket, -1);
    zsock_set_rcvtimeo(made.monitor, PATIENCE_MS);
    zmq_socket_monitor(zsock_resolve(made.socket), name,
                       ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    zsock_connect(made.monitor, "%s", name);
    zsock_connect(made.socket, "tcp://127.0.0.1:%d", port);
    while (event.number != ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        zmq_pollitem_t item = {.socket = zsock_resolve(made.monitor), .events = ZMQ_POLLIN};
        cr_assert_eq(zmq_poll(&item, 1, PATIENCE_MS), 1);
        cr_assert(cf_zmq_next_event(made.monitor, &event));
        if (event.number == ZMQ_EVENT_CONNECTED)
            made.descriptor = event.value;
    }
    return made;
}

static void client_end(client *self)
{
    zmq_socket_monitor(zsock_resolve(self->socket), NULL, 0);
    zsock_destroy(&self->socket);
    zsock_destroy(&self->monitor);
}

/* A broker that refuses somebody in the middle of a message ends the connection as they do. libzmq
 * drops the rest of the message then, and aborts where a close without a linger had taken it:
 * https://github.com/zeromq/libzmq/issues/3442. */
Test(frames_zmq, an_end_from_both_sides_amid_a_message_is_survived)
{
    static uint8_t body[CF_FRAME_MAX];
    key_pair keys = new_keys();
    int port = 0;
    zsock_t *server = a_server(&keys, &port);

    for (int i = 0; i < TRIALS; i++) {
        client one = a_client(&keys, port);
        for (int frame = 0; frame < 3; frame++)
            zmq_send(zsock_resolve(one.socket), body, sizeof body, frame < 2 ? ZMQ_SNDMORE : 0);
        zclock_sleep(i % 4);
        int descriptor = one.descriptor;
        client_end(&one);
        shutdown(descriptor, SHUT_RDWR);
    }
    zsock_destroy(&server);
}
