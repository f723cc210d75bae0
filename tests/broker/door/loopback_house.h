/* SPDX-License-Identifier: Apache-2.0 */
/* A meeting whose gateway has a door: a real socket of this machine, in a loop that runs only while
 * a test waits for something. */
#ifndef CF_TESTS_LOOPBACK_HOUSE_H
#define CF_TESTS_LOOPBACK_HOUSE_H
#include "broker/door/gateway_zmq.h"
#include "broker/door/zap.h"
#include "broker/link/link_zmq.h"
#include "tests/broker/people/meeting.h"

#define DOMAIN "loopback"

typedef struct {
    meeting m;
    cf_keys *keys; /* the gateway's */
    cf_zap *zap;
    zloop_t *loop;
    cf_gateway_zmq *door;
    const cf_allowances *allowances; /* of the door; set before it is opened, or NULL */
    cf_address address;
    cf_link_zmq *connections[8];
    size_t connection_count;
} house;

/* Nobody decides yet who gets in. */
void open_undecided(house *h);
/* The desk does, from now on. */
void decide(house *h);
void open_house(house *h);
void close_house(house *h);
void allow(house *h, const person *who);

/* Woken by the house from now on, while something is waited for. */
cf_link_zmq *connect_to(house *h, attendee *self, const cf_address *address);
void hang_up(house *h, cf_link_zmq **zmq);
/* Runs the loop until the condition holds, at most ten seconds. */
bool wait_for(house *h, bool (*holds)(void *context), void *context);

/* Sends frames that no link of ours sends, once it is connected. */
void *a_raw_socket(house *h, const person *who);
void connect_raw(house *h, void *socket);

#endif
