/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/program/network_manager.h"

#include "codec/deadlines.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

enum {
    MESSAGES_AT_A_TIME = 64, /* then others have their turn */
    RETRY_MS = 60000,        /* between tries to reach a bus that is not there */
    ANSWER_MS = 10000,       /* so long an answer is waited for; then the next question is put */
    BEGIN_MS = 3000,         /* in which one that was started again finds its networks */
};

#define NAME "org.freedesktop.NetworkManager"
#define PATH "/org/freedesktop/NetworkManager"
#define PROPERTIES "org.freedesktop.DBus.Properties"

struct cf_network_manager {
    char *address;
    int epoll;        /* of the bus, whose descriptor and events change */
    sd_bus *bus;      /* NULL: there is none, and */
    uint64_t try_ms;  /* it is tried again then */
    uint32_t events;  /* that are waited for; 0: the bus is not in the epoll set */
    bool is_asking;   /* an answer is to come, */
    bool asks_again;  /* and may be outdated already */
    bool has_changed; /* somebody else has the name, or nobody, since the last step */
    bool is_there;
    uint64_t settled_ms; /* it is asked then, and what was known holds till then; 0: it was */
    cf_network network;
};

const char *cf_network_manager_bus(void)
{
    const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");

    return address && *address ? address : "unix:path=/run/dbus/system_bus_socket";
}

/* ---- The question ---- */

static void ask(cf_network_manager *self);

static int on_answer(sd_bus_message *message, void *context, sd_bus_error *failure)
{
    cf_network_manager *self = context;
    uint32_t value = 0;

    (void)failure;
    self->is_asking = false;
    /* Another type than the one documented is no answer. */
    const bool answers = !sd_bus_message_is_method_error(message, NULL) &&
                         sd_bus_message_read(message, "v", "u", &value) >= 0;
    if (answers || !(self->has_changed || self->settled_ms))
        self->network = answers ? cf_network_of(value) : CF_NETWORK_UNKNOWN;
    if (self->asks_again)
        ask(self);
    return 0;
}

static int send_question(cf_network_manager *self)
{
    sd_bus_message *message = NULL;

    int result = sd_bus_message_new_method_call(self->bus, &message, NAME, PATH, PROPERTIES, "Get");
    if (result >= 0)
        result = sd_bus_message_set_auto_start(message, 0); /* who has none needn't get one */
    if (result >= 0)
        result = sd_bus_message_append(message, "ss", NAME, "Metered");
    if (result >= 0)
        result = sd_bus_call_async(self->bus, NULL, message, on_answer, self,
                                   (uint64_t)ANSWER_MS * 1000);
    sd_bus_message_unref(message);
    return result;
}

/* One question at a time, however often something changes. */
static void ask(cf_network_manager *self)
{
    self->asks_again = self->is_asking;
    if (self->is_asking)
        return;
    self->is_asking = send_question(self) >= 0;
    if (!self->is_asking)
        self->network = CF_NETWORK_UNKNOWN;
}

static int on_change(sd_bus_message *message, void *context, sd_bus_error *failure)
{
    (void)message;
    (void)failure;
    ask(context);
    return 0;
}

/* NetworkManager has begun, or has ended: as when it is updated. The network is the same, and it
 * doesn't know it at once. */
static int on_owner(sd_bus_message *message, void *context, sd_bus_error *failure)
{
    cf_network_manager *self = context;
    const char *name, *before, *owner;

    (void)failure;
    if (sd_bus_message_read(message, "sss", &name, &before, &owner) < 0)
        return 0;
    self->has_changed = true;
    self->is_there = *owner != 0;
    return 0;
}

static void settle(cf_network_manager *self, uint64_t now_ms, uint64_t *deadline)
{
    if (self->has_changed)
        self->settled_ms = now_ms + BEGIN_MS;
    self->has_changed = false;
    if (self->settled_ms && now_ms >= self->settled_ms) {
        self->settled_ms = 0;
        if (self->is_there)
            ask(self);
        else
            self->network = CF_NETWORK_UNKNOWN;
    }
    if (self->settled_ms)
        cf_deadline_lower(deadline, self->settled_ms);
}

/* ---- The bus ---- */

static void hang_up(cf_network_manager *self)
{
    if (self->events)
        epoll_ctl(self->epoll, EPOLL_CTL_DEL, sd_bus_get_fd(self->bus), NULL);
    self->events = 0;
    self->bus = sd_bus_close_unref(self->bus);
    self->is_asking = self->asks_again = self->has_changed = false;
    self->settled_ms = 0;
    self->network = CF_NETWORK_UNKNOWN;
}

/* What changes after the answer is to be heard of, so that is asked for first. */
static int call_bus(cf_network_manager *self)
{
    int result = sd_bus_new(&self->bus);

    if (result >= 0)
        result = sd_bus_set_address(self->bus, self->address);
    if (result >= 0)
        result = sd_bus_set_bus_client(self->bus, 1);
    if (result >= 0)
        result = sd_bus_start(self->bus);
    if (result >= 0)
        result = sd_bus_match_signal_async(self->bus, NULL, NAME, PATH, PROPERTIES,
                                           "PropertiesChanged", on_change, NULL, self);
    if (result >= 0)
        result = sd_bus_add_match_async(
            self->bus, NULL,
            "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
            "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" NAME "'",
            on_owner, NULL, self);
    if (result >= 0)
        ask(self);
    return result;
}

static void try_bus(cf_network_manager *self, uint64_t now_ms)
{
    self->try_ms = now_ms + RETRY_MS;
    if (call_bus(self) < 0)
        hang_up(self);
}

static uint32_t wanted_events(const cf_network_manager *self)
{
    const int events = sd_bus_get_events(self->bus);

    return EPOLLIN | (events >= 0 && events & EPOLLOUT ? EPOLLOUT : 0);
}

static int wait_for_bus(cf_network_manager *self)
{
    struct epoll_event event = {.events = wanted_events(self)};

    if (event.events == self->events)
        return 0;
    const int change = self->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    self->events = event.events;
    return epoll_ctl(self->epoll, change, sd_bus_get_fd(self->bus), &event);
}

/* The library's deadline is in microseconds of CLOCK_MONOTONIC. */
static void lower_deadline(const cf_network_manager *self, uint64_t now_ms, uint64_t *deadline)
{
    struct timespec now;
    uint64_t at_us;

    if (sd_bus_get_timeout(self->bus, &at_us) <= 0 || at_us == UINT64_MAX ||
        clock_gettime(CLOCK_MONOTONIC, &now))
        return;
    const uint64_t now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    const uint64_t in_ms = at_us > now_us ? (at_us - now_us + 999) / 1000 : 0;
    cf_deadline_lower(deadline, now_ms + in_ms);
}

static void go_on(cf_network_manager *self, uint64_t now_ms, uint64_t *deadline)
{
    int result = 1;

    for (int i = 0; i < MESSAGES_AT_A_TIME && result > 0; i++)
        result = sd_bus_process(self->bus, NULL);
    settle(self, now_ms, deadline);
    if (result >= 0 && wait_for_bus(self) == 0)
        lower_deadline(self, now_ms, deadline);
    else
        hang_up(self);
    if (result > 0 && now_ms < *deadline)
        *deadline = now_ms; /* there is more */
}

cf_network_manager *cf_network_manager_open(const char *address)
{
    const int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (epoll < 0)
        return NULL;
    cf_network_manager *self = cf_allocate(1, sizeof *self);
    self->address = cf_text_copy(address);
    self->epoll = epoll;
    return self;
}

void cf_network_manager_close(cf_network_manager **manager)
{
    cf_network_manager *self = *manager;

    if (!self)
        return;
    hang_up(self);
    close(self->epoll);
    free(self->address);
    free(self);
    *manager = NULL;
}

int cf_network_manager_descriptor(const cf_network_manager *manager)
{
    return manager->epoll;
}

cf_network cf_network_manager_step(cf_network_manager *manager, uint64_t now_ms, uint64_t *deadline)
{
    if (!manager->bus && now_ms >= manager->try_ms)
        try_bus(manager, now_ms);
    if (manager->bus)
        go_on(manager, now_ms, deadline);
    if (!manager->bus)
        cf_deadline_lower(deadline, manager->try_ms);
    return manager->network;
}
