/* SPDX-License-Identifier: Apache-2.0 */
/* Links and a gateway over real sockets of this machine. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/door/gateway_zmq.h"
#include "broker/link/link_zmq.h"
#include "broker/platform/jobs.h"
#include "broker/wire/frames_zmq.h"
#include "tests/broker/door/loopback_house.h"

TestSuite(loopback, .timeout = 60);

static bool is_idle(void *context)
{
    return cf_link_is_idle(((attendee *)context)->link);
}

static bool is_lost(void *context)
{
    return ((attendee *)context)->lost > 0;
}

static bool is_lost_or_idle(void *context)
{
    return is_lost(context) || is_idle(context);
}

static bool has_no_sessions(void *context)
{
    return cf_gateway_count(context).sessions == 0;
}

Test(loopback, carries_a_session_and_notices_its_end)
{
    house h = {0};
    open_house(&h);
    attendee *desk = attend(&h.m, &h.m.desk);
    cf_link_zmq *zmq = connect_to(&h, desk, &h.address);

    for (int i = 0; i < 100; i++)
        attendee_writes(desk, "a change", NULL, 0);
    cf_link_zmq_wake(zmq);
    cr_expect(wait_for(&h, is_idle, desk));
    cr_expect_eq(desk->accepted, 100);
    cr_expect_eq(desk->lost, 0);
    expect_equal_logs(&h.m);
    cr_expect_eq(cf_gateway_count(h.m.broker.gateway).sessions, 1);
    hang_up(&h, &zmq);
    cr_expect(wait_for(&h, has_no_sessions, h.m.broker.gateway));
    close_house(&h);
}

static uint64_t in_twenty_minutes(void *context)
{
    (void)context;
    return (uint64_t)zclock_time() + 20 * 60 * 1000;
}

static bool was_located(void *context)
{
    return ((attendee *)context)->located > 0;
}

/* Else the heartbeats of days would be all that either side reads. */
Test(loopback, says_something_now_and_then)
{
    house h = {0};
    open_house(&h);
    attendee *desk = attend(&h.m, &h.m.desk);
    cf_link_zmq *zmq = connect_to(&h, desk, &h.address);

    cr_expect(wait_for(&h, is_idle, desk));
    cr_expect_eq(desk->located, 0);
    h.m.env.now_ms = in_twenty_minutes;
    cr_expect(wait_for(&h, was_located, desk));
    cr_expect(cf_link_is_idle(desk->link));
    cr_expect_eq(desk->lost, 0);
    hang_up(&h, &zmq);
    close_house(&h);
}

typedef struct {
    house *h;
    attendee *who;
    cf_link_zmq *zmq;
    int turns; /* since the link was lost */
} parting;

enum { BEFORE_ANOTHER_TRY_MS = 1500 };

/* Runs in a timer that is older than any for the link's next try: in the turn after the long one
 * both are due, and this one is called first. */
static bool has_parted(void *context)
{
    parting *self = context;

    if (!self->who->lost)
        return false;
    if (self->turns == 0)
        zclock_sleep(BEFORE_ANOTHER_TRY_MS);
    else if (self->turns == 1)
        hang_up(self->h, &self->zmq);
    return self->turns++ == 2;
}

/* A program moved its user to another broker, ended a connection in a turn in which its next try
 * was due, and died: the loop calls a timer of a turn that another handler has ended in it. */
Test(loopback, ends_in_the_turn_in_which_its_time_comes)
{
    house h = {0};
    open_house(&h);
    cf_address nobody = h.address;
    parting parts = {.h = &h, .who = attend(&h.m, &h.m.desk)};

    nobody.port = 1;
    parts.zmq = connect_to(&h, parts.who, &nobody);
    cr_expect(wait_for(&h, has_parted, &parts));
    cr_expect_null(parts.zmq);
    close_house(&h);
}

static uint64_t at_one_time(void *context)
{
    (void)context;
    return 1000000;
}

/* Each round tries both, and begins sessions of its own for that. */
Test(loopback, tries_less_and_less_often_where_no_address_answers)
{
    house h = {0};
    open_house(&h);
    cf_address nobody = h.address, nobody_either = h.address;
    attendee *desk = attend(&h.m, &h.m.desk);
    uint64_t before_ms = 0;

    h.m.env.now_ms = at_one_time;
    nobody.port = 1;
    nobody_either.port = 2;
    cf_link_zmq *zmq = connect_to(&h, desk, &nobody);
    cf_link_zmq_try_also(zmq, &nobody_either, 1);
    for (int round = 0; round < 3; round++) {
        cr_assert(wait_for(&h, is_lost, desk));
        uint64_t delay_ms = desk->retry_ms - at_one_time(NULL);
        cr_expect_eq(cf_link_session(desk->link), 0);
        cr_expect_gt(delay_ms, before_ms);
        cr_expect_geq(delay_ms, (uint64_t)250 << round);
        before_ms = delay_ms;
        desk->lost = 0;
        cf_link_start(desk->link); /* without the pause */
        cf_link_zmq_wake(zmq);
    }
    hang_up(&h, &zmq);
    close_house(&h);
}

/* ---- A name ---- */

typedef struct {
    const cf_job *seen[16];
    size_t count;
} hanging;

/* No name server answers. */
static bool hangs(void *context, cf_job *job)
{
    hanging *self = context;
    size_t i = 0;

    while (i < self->count && self->seen[i] != job)
        i++;
    if (i == self->count)
        self->seen[self->count++] = job;
    return true;
}

/* Each lookup that hangs has a thread. */
Test(loopback, looks_a_name_up_anew_at_each_try_and_four_times_at_once)
{
    house h = {0};
    open_house(&h);
    cf_address named = h.address;
    attendee *desk = attend(&h.m, &h.m.desk);
    cf_jobs *jobs = cf_jobs_inline_new(0);
    hanging lookups = {0};

    snprintf(named.host, sizeof named.host, "localhost");
    h.m.env.jobs = jobs;
    cf_jobs_inline_hang(jobs, hangs, &lookups);
    cf_link_zmq *zmq = connect_to(&h, desk, &named);
    for (size_t tries = 1; tries <= 6; tries++) {
        jobs->deliver(jobs);
        cr_expect_eq(lookups.count, tries < 4 ? tries : 4);
        cr_expect_eq(desk->lost, 0, "a name server may take its time");
        cf_link_stop(desk->link);
        cf_link_zmq_wake(zmq);
        cf_link_start(desk->link);
        cf_link_zmq_wake(zmq);
    }
    cf_jobs_inline_hang(jobs, NULL, NULL);
    jobs->deliver(jobs);
    cr_expect(wait_for(&h, is_idle, desk), "any of them will do");
    hang_up(&h, &zmq);
    cf_jobs_destroy(&jobs);
    close_house(&h);
}

static void expect_loss(house *h, person *who, const cf_address *address, cf_status reason)
{
    attendee *self = attend(&h->m, who);
    cf_link_zmq *zmq = connect_to(h, self, address);

    cr_expect(wait_for(h, is_lost, self));
    cr_expect_eq(self->last_loss, reason);
    cr_expect_eq(self->connected, 0);
    hang_up(h, &zmq);
}

Test(loopback, tells_a_wrong_key_of_the_broker)
{
    house h = {0};
    open_house(&h);
    cf_address other = h.address;

    memcpy(other.key, cf_keys_public(h.m.lap.keys)->curve, sizeof other.key);
    expect_loss(&h, &h.m.desk, &other, CF_FORGED);
    close_house(&h);
}

Test(loopback, tells_a_key_that_the_broker_refuses)
{
    house h = {0};
    open_house(&h);

    expect_loss(&h, &h.m.lap, &h.address, CF_DENIED);
    allow(&h, &h.m.lap);
    cf_zap_allow(h.zap, "another domain", cf_keys_public(h.m.account.keys)->curve);
    expect_loss(&h, &h.m.account, &h.address, CF_DENIED);
    attendee *lap = attend(&h.m, &h.m.lap);
    cf_link_zmq *zmq = connect_to(&h, lap, &h.address);
    cr_expect(wait_for(&h, is_idle, lap));
    hang_up(&h, &zmq);
    cf_zap_deny(h.zap, DOMAIN, cf_keys_public(h.m.lap.keys)->curve);
    expect_loss(&h, &h.m.lap, &h.address, CF_DENIED);
    close_house(&h);
}

Test(loopback, accuses_no_key_while_not_all_that_are_known_could_be_read)
{
    house h = {0};
    open_house(&h);

    cf_zap_doubt(h.zap, true);
    expect_loss(&h, &h.m.lap, &h.address, CF_UNREACHABLE);
    cf_zap_doubt(h.zap, false);
    expect_loss(&h, &h.m.lap, &h.address, CF_DENIED);
    close_house(&h);
}

/* As libzmq asks, of a socket that would take other mechanisms. */
static void expect_answer(const char *mechanism, const uint8_t *key, const char *code)
{
    zsock_t *asker = zsock_new_req("inproc://zeromq.zap.01");
    zmsg_t *request = zmsg_new();
    const char *texts[] = {"1.0", "7", DOMAIN, "127.0.0.1", "", mechanism};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        zmsg_addstr(request, texts[i]);
    if (key)
        zmsg_addmem(request, key, 32);
    zmsg_send(&request, asker);
    zmsg_t *reply = zmsg_recv(asker);
    cr_assert_not_null(reply);
    zframe_t *version = zmsg_first(reply), *id = zmsg_next(reply), *status = zmsg_next(reply);
    cr_expect(zframe_streq(version, "1.0"));
    cr_expect(zframe_streq(id, "7"));
    cr_expect(zframe_streq(status, code), "%s: not %s", mechanism, code);
    zmsg_destroy(&reply);
    zsock_destroy(&asker);
}

Test(loopback, lets_in_who_has_a_key_of_curve_and_nobody_else)
{
    house h = {0};
    open_house(&h);
    const uint8_t *key = cf_keys_public(h.m.desk.keys)->curve;

    expect_answer("CURVE", key, "200");
    expect_answer("CURVE", cf_keys_public(h.m.lap.keys)->curve, "400");
    expect_answer("NULL", NULL, "400");
    expect_answer("PLAIN", key, "400");
    close_house(&h);
}

Test(loopback, lets_nobody_in_when_nobody_decides)
{
    house h = {0};
    open_house(&h);

    cf_zap_destroy(&h.zap);
    attendee *desk = attend(&h.m, &h.m.desk);
    cf_link_zmq *zmq = connect_to(&h, desk, &h.address);
    wait_for(&h, is_lost_or_idle, desk); /* mostly the handshake's time is over before */
    cr_expect_not(is_idle(desk), "a key that was let in before");
    cr_expect_eq(cf_gateway_count(h.m.broker.gateway).sessions, 0);
    hang_up(&h, &zmq);
    close_house(&h);
}

/* Whether the handshake with this key ends well; without a handler some have no end for long. */
static bool is_let_in(house *h, const person *who)
{
    enum {
        ENDS = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
               ZMQ_EVENT_DISCONNECTED
    };
    void *raw = a_raw_socket(h, who), *monitor = zmq_socket(zsys_init(), ZMQ_PAIR);
    int patience_ms = 3000;
    static int number;
    uint16_t event = 0;
    char frame[16], name[64];

    snprintf(name, sizeof name, "inproc://handshake-%d", number++);
    zmq_socket_monitor(raw, name, ENDS);
    zmq_connect(monitor, name);
    zmq_setsockopt(monitor, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms);
    connect_raw(h, raw);
    if (zmq_recv(monitor, frame, sizeof frame, 0) > 0)
        memcpy(&event, frame, sizeof event);
    zmq_socket_monitor(raw, NULL, 0); /* whose I/O thread would wait for the monitor */
    zmq_close(monitor);
    zmq_close(raw);
    return event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
}

Test(loopback, lets_nobody_in_before_somebody_decides)
{
    house h = {0};
    open_undecided(&h);

    cr_expect_not(is_let_in(&h, &h.m.lap));
    cr_expect_not(is_let_in(&h, &h.m.desk), "who would be let in, too");
    close_house(&h);
}

Test(loopback, lets_in_by_the_key_alone)
{
    house h = {0};
    open_house(&h);

    cr_expect_not(is_let_in(&h, &h.m.lap));
    cr_expect(is_let_in(&h, &h.m.desk));
    close_house(&h);
}

Test(loopback, tells_that_nobody_is_there)
{
    house h = {0};
    open_house(&h);
    cf_address closed = h.address;

    closed.port = 1;
    expect_loss(&h, &h.m.desk, &closed, CF_UNREACHABLE);
    close_house(&h);
}

Test(loopback, refuses_a_second_zap_handler_and_a_port_that_is_taken)
{
    house h = {0};
    open_house(&h);
    cf_zap *second = NULL;
    cf_gateway_zmq *door = NULL;
    cf_error error;
    char endpoint[64];
    cf_gateway_zmq_options options = {.env = &h.m.env,
                                      .loop = h.loop,
                                      .gateway = h.m.broker.gateway,
                                      .outbox = h.m.broker.outbox,
                                      .zap_domain = DOMAIN,
                                      .endpoint = endpoint,
                                      .curve_public = cf_keys_public(h.keys)->curve,
                                      .curve_secret = cf_keys_curve_secret(h.keys)};

    expect_fails(cf_zap_start(&h.m.env, NULL, &second, &error), CF_LOCKED);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", h.address.port);
    expect_fails(cf_gateway_zmq_new(&options, &door, &error), CF_LOCKED);
    snprintf(endpoint, sizeof endpoint, "tcp://192.0.2.1:7817");
    expect_fails(cf_gateway_zmq_new(&options, &door, &error), CF_USAGE);
    close_house(&h);
}

Test(loopback, survives_frames_that_break_the_limits)
{
    house h = {0};
    open_house(&h);
    void *raw = a_raw_socket(&h, &h.m.desk);
    static char frame[2 * CF_FRAME_MAX];

    connect_raw(&h, raw);
    zmq_send(raw, frame, sizeof frame, 0);
    for (int i = 0; i < 100; i++)
        zmq_send(raw, frame, 10, i < 99 ? ZMQ_SNDMORE : 0);
    zmq_send(raw, "", 0, 0);
    attendee *desk = attend(&h.m, &h.m.desk);
    cf_link_zmq *zmq = connect_to(&h, desk, &h.address);
    attendee_writes(desk, "a change", NULL, 0);
    cr_expect(wait_for(&h, is_idle, desk));
    cr_expect_eq(desk->accepted, 1);
    zmq_close(raw);
    hang_up(&h, &zmq);
    close_house(&h);
}

/* A name for itself that is longer than those which libzmq gives. */
Test(loopback, hears_nobody_with_too_long_a_name)
{
    house h = {0};
    open_house(&h);
    void *raw = a_raw_socket(&h, &h.m.desk);
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {.bytes = 1}};
    cf_frames frames = {0};
    static char name[200];
    char answer[64];

    memset(name, 'n', sizeof name);
    cf_message_write(&credit, &frames);
    for (size_t size = 32; size < sizeof name; size += 1 + size) {
        void *named = size == 32 ? raw : a_raw_socket(&h, &h.m.desk);

        cr_assert_eq(zmq_setsockopt(named, ZMQ_ROUTING_ID, name, size), 0);
        connect_raw(&h, named);
        for (size_t i = 0; i < frames.count; i++)
            zmq_send(named, frames.frame[i].data, frames.frame[i].size,
                     i + 1 < frames.count ? ZMQ_SNDMORE : 0);
        attendee *desk = attend(&h.m, &h.m.desk);
        cf_link_zmq *zmq = connect_to(&h, desk, &h.address);
        cr_expect(wait_for(&h, is_idle, desk));
        cr_expect_eq(zmq_recv(named, answer, sizeof answer, ZMQ_DONTWAIT) >= 0, size == 32,
                     "a name of %zu bytes", size);
        hang_up(&h, &zmq);
        zmq_close(named);
    }
    cf_frames_release(&frames);
    close_house(&h);
}

/* ---- A connection that breaks in the middle ---- */

/* Passes bytes on between one client at a time and the gateway, and breaks the connection after so
 * many. */
typedef struct {
    int listener;
    uint16_t port, target;
    size_t bytes; /* until it breaks */
    size_t breaks;
    pthread_t thread;
} cable;

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool pass_on(int from, int to, size_t *passed)
{
    char buffer[16384];
    ssize_t size = recv(from, buffer, sizeof buffer, 0);

    for (ssize_t sent = 0; sent < size;) {
        ssize_t now = send(to, buffer + sent, (size_t)(size - sent), MSG_NOSIGNAL);
        if (now < 0)
            return false;
        sent += now;
    }
    *passed += size > 0 ? (size_t)size : 0;
    return size > 0;
}

static void *run_cable(void *context)
{
    cable *self = context;
    int client = -1;

    while ((client = accept(self->listener, NULL, NULL)) >= 0) {
        int server = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in target = loopback(self->target);
        bool goes_on = connect(server, (struct sockaddr *)&target, sizeof target) == 0;
        size_t passed = 0;
        while (goes_on && passed < self->bytes) {
            struct pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
            poll(ends, 2, -1);
            if (ends[0].revents)
                goes_on = pass_on(client, server, &passed);
            if (goes_on && ends[1].revents)
                goes_on = pass_on(server, client, &passed);
        }
        self->breaks += goes_on;
        close(client);
        close(server);
    }
    return NULL;
}

static void lay(cable *self, uint16_t target, size_t bytes)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;

    *self = (cable){.target = target, .bytes = bytes};
    self->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(self->listener, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(self->listener, 8), 0);
    getsockname(self->listener, (struct sockaddr *)&address, &size);
    self->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&self->thread, NULL, run_cable, self), 0);
}

static void take_up(cable *self)
{
    shutdown(self->listener, SHUT_RDWR);
    pthread_join(self->thread, NULL);
    close(self->listener);
}

Test(loopback, loses_nothing_when_connections_break_in_the_middle)
{
    static char body[20000];
    house h = {0};
    cable line;

    memset(body, 'b', sizeof body - 1);
    open_house(&h);
    lay(&line, h.address.port, 700000); /* two pieces of a blob, of which one is sent again */
    cf_address by_cable = h.address;
    by_cable.port = line.port;
    attendee *desk = attend(&h.m, &h.m.desk);
    cf_hash blob = attendee_has_blob(desk, 900000);
    cf_transfer_offer(cf_link_transfer(desk->link), &blob, 900000, CF_RANK_MEDIUM);
    for (int i = 0; i < 60; i++)
        attendee_writes(desk, body, NULL, 0);
    cf_link_zmq *zmq = connect_to(&h, desk, &by_cable);
    while (desk->connected < 40 && !cf_link_is_idle(desk->link)) {
        cr_expect(wait_for(&h, is_lost_or_idle, desk));
        desk->lost = 0;
        cf_link_start(desk->link); /* without the pause */
        cf_link_zmq_wake(zmq);
    }
    cr_expect(cf_link_is_idle(desk->link));
    cr_expect_eq(desk->stored, 1);
    expect_equal_logs(&h.m);
    hang_up(&h, &zmq);
    take_up(&line);
    cr_expect_geq(line.breaks, 3);
    close_house(&h);
}
