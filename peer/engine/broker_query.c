/* SPDX-License-Identifier: Apache-2.0 */
/* When a question is over: its answer is whole, its link has failed, or its time has passed. What
 * was answered in part before an interruption is dropped, as the link asks again; what comes behind
 * the answer counts for nothing. A forgery is told as unreachable: nobody was asked. */
#include "peer/engine/broker_query.h"

#include "peer/engine/connections.h"
#include "peer/log/unsupported.h"

#include <stdlib.h>

struct cf_broker_query {
    const cf_connections *connections;
    const cf_peer *peer;
    cf_address address;
    uint64_t timeout_ms, deadline_ms;
    cf_link *link;
    cf_connection *connection;
    cf_hash *devices; /* that are asked about; NULL: what there is */
    size_t device_count;
    bool is_answered, was_connected;
    cf_error error;
    cf_query_answer answer;
};

/* ---- What the link tells ---- */

static void on_connected(void *context, const cf_link_welcome *welcome)
{
    (void)welcome;
    ((cf_broker_query *)context)->was_connected = true;
}

static void on_lost(void *context, const cf_link_loss *loss)
{
    cf_broker_query *self = context;

    if (cf_link_is_interrupted(loss) && self->was_connected) {
        if (!self->is_answered)
            cf_query_answer_release(&self->answer); /* the link asks again */
        return;
    }
    self->error = *loss->why;
    if (self->error.status == CF_FORGED)
        self->error.status = CF_UNREACHABLE;
}

static void on_located(void *context, const uint8_t instance[16], uint64_t position,
                       const cf_bytes *lines, size_t count)
{
    cf_query_answer_locate(&((cf_broker_query *)context)->answer, instance, position, lines, count);
}

/* What comes after the answer answers nothing. */
static bool is_over(const cf_broker_query *self)
{
    return self->is_answered || self->error.status;
}

static void on_holds(void *context, const cf_id *collection, const cf_head *heads, size_t count)
{
    cf_broker_query *self = context;

    if (!is_over(self))
        cf_query_answer_hold(&self->answer, collection, heads, count, &self->error);
}

static void on_reported(void *context, const cf_hash *device, uint64_t at_ms, const cf_head *heads,
                        size_t count)
{
    cf_broker_query *self = context;

    if (device && !is_over(self))
        cf_query_answer_report(&self->answer, &(cf_report_page){*device, at_ms, heads, count},
                               &self->error);
}

static void on_ends(void *context, const cf_hash *device, const cf_head *heads, size_t count,
                    bool more)
{
    cf_broker_query *self = context;

    if (!is_over(self))
        cf_query_answer_ends(&self->answer, &(cf_ends_page){*device, heads, count, more},
                             &self->error);
}

static void on_answered(void *context)
{
    cf_broker_query *self = context;

    if (is_over(self))
        return;
    cf_query_answer_end(&self->answer);
    self->is_answered = true;
}

static void on_unsupported(void *context, cf_command command)
{
    const cf_broker_query *self = context;

    cf_unsupported_note(self->peer->home, &self->address, self->peer->env, command);
}

/* ---- Asking ---- */

static cf_status read_address(cf_home *home, cf_address *out, cf_error *error)
{
    cf_buffer line = {0};

    cf_status status = cf_home_get(home, CF_HOME_BROKER, &line, error);
    if (status == CF_MISSING || (!status && !line.size))
        status = cf_fail(error, CF_MISSING, "no broker is set: this user is kept here only");
    cf_buffer_append(&line, "", 1);
    if (!status)
        status = cf_address_read((const char *)line.data, out, error);
    cf_buffer_release(&line);
    return status;
}

static cf_link *make_link(cf_broker_query *self)
{
    const cf_peer *peer = self->peer;
    cf_link_options link = {.env = peer->env,
                            .store = cf_home_store(peer->home),
                            .user = *cf_peer_user(peer),
                            .only_asks = true,
                            .events = cf_link_silence(self)};

    link.events.connected = on_connected;
    link.events.lost = on_lost;
    link.events.unsupported = on_unsupported;
    link.events.answers =
        (cf_link_answers){on_located, on_holds, on_reported, on_ends, on_answered};
    return cf_link_new(&link);
}

/* What is asked by cf_broker_query_again is asked first. */
static void begin(cf_broker_query *self)
{
    const cf_peer *peer = self->peer;

    self->link = make_link(self);
    cf_unsupported_recall(peer->home, &self->address, peer->env, self->link);
    cf_broker_query_again(self);
    cf_link_start(self->link);
    self->connection =
        cf_connect(self->connections,
                   &(cf_connection_options){.link = self->link,
                                            .address = &self->address,
                                            .curve_public = cf_keys_public(peer->keys)->curve,
                                            .curve_secret = cf_keys_curve_secret(peer->keys)});
}

static cf_broker_query *make(const cf_connections *connections, const cf_peer *peer,
                             const cf_address *address, uint64_t timeout_ms)
{
    cf_broker_query *self = cf_allocate(1, sizeof *self);

    self->connections = connections;
    self->peer = peer;
    self->address = *address;
    self->timeout_ms = timeout_ms;
    return self;
}

cf_broker_query *cf_broker_query_new_at(const cf_connections *connections, const cf_peer *peer,
                                        const cf_address *address, uint64_t timeout_ms)
{
    cf_broker_query *self = make(connections, peer, address, timeout_ms);

    begin(self);
    return self;
}

cf_status cf_broker_query_new(const cf_connections *connections, const cf_peer *peer,
                              uint64_t timeout_ms, cf_broker_query **out, cf_error *error)
{
    return cf_broker_query_new_of_chains(connections, peer, timeout_ms, NULL, 0, out, error);
}

cf_status cf_broker_query_new_of_chains(const cf_connections *connections, const cf_peer *peer,
                                        uint64_t timeout_ms, const cf_hash *devices, size_t count,
                                        cf_broker_query **out, cf_error *error)
{
    cf_address address;

    if (count > CF_CHAINS_DEVICES_MAX)
        return cf_fail(error, CF_TOO_LARGE, "%zu devices at once, %d at most: name fewer", count,
                       CF_CHAINS_DEVICES_MAX);
    cf_status status = read_address(peer->home, &address, error);
    if (status)
        return status;
    cf_broker_query *self = make(connections, peer, &address, timeout_ms);
    self->device_count = count;
    if (count) {
        self->devices = cf_allocate(count, sizeof *devices);
        memcpy(self->devices, devices, count * sizeof *devices);
    }
    begin(self);
    *out = self;
    return CF_OK;
}

void cf_broker_query_destroy(cf_broker_query **query)
{
    if (!*query)
        return;
    cf_disconnect((*query)->connections, &(*query)->connection);
    cf_link_destroy(&(*query)->link);
    cf_query_answer_release(&(*query)->answer);
    free((*query)->devices);
    free(*query);
    *query = NULL;
}

bool cf_broker_query_over(const cf_broker_query *query, uint64_t now_ms, uint64_t *deadline_ms,
                          cf_status *status, cf_error *error)
{
    *deadline_ms = query->deadline_ms;
    *status = CF_OK;
    if (query->is_answered)
        return true;
    if (query->error.status) {
        *error = query->error;
        *status = error->status;
    } else if (now_ms >= query->deadline_ms) {
        *status = cf_fail(error, CF_UNREACHABLE, "the broker does not answer");
    }
    return *status != CF_OK;
}

const cf_query_answer *cf_broker_query_answer(const cf_broker_query *query)
{
    return &query->answer;
}

void cf_broker_query_again(cf_broker_query *query)
{
    cf_query_answer_release(&query->answer);
    query->is_answered = false;
    query->deadline_ms = cf_connections_now(query->connections) + query->timeout_ms;
    if (query->devices)
        cf_link_ask_chains(query->link, query->devices, query->device_count);
    else
        cf_link_ask(query->link);
    cf_connections_wake(query->connections);
}
