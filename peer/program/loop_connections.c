/* SPDX-License-Identifier: Apache-2.0 */
/* The loop's connections to brokers: the engine's own, which is closed and made anew when the
 * engine has another link or broker, and those that are lent to notices and migrations. */
#include "peer/program/loop_inside.h"

#include "broker/link/link_zmq.h"
#include "codec/deadlines.h"

#include <stdlib.h>

struct cf_connection {
    cf_link *link;
    cf_link_zmq *zmq;
    cf_connection *next;
};

static void came(void *context)
{
    cf_loop_wake(context);
}

static void try_also(const cf_loop *loop, cf_link_zmq *zmq, const cf_address *own)
{
    cf_told_addresses told;
    cf_error error;

    if (!loop->home)
        return;
    if (cf_told_addresses_load(loop->home, own, &told, &error))
        cf_report(loop->options.env, CF_REPORT_WARNING, "where else the broker is: %s", error.text);
    else
        cf_link_zmq_try_also(zmq, told.all, told.count);
}

static cf_connection *open_connection(void *context, const cf_connection_options *options)
{
    cf_loop *loop = context;
    cf_connection *connection = cf_allocate(1, sizeof *connection);

    connection->link = options->link;
    connection->zmq = cf_link_zmq_new(&(cf_link_zmq_options){.env = loop->options.env,
                                                             .loop = loop->zloop,
                                                             .link = options->link,
                                                             .address = options->address,
                                                             .curve_public = options->curve_public,
                                                             .curve_secret = options->curve_secret,
                                                             .came = came,
                                                             .context = loop});
    try_also(loop, connection->zmq, options->address);
    connection->next = loop->connections;
    loop->connections = connection;
    cf_loop_wake(loop);
    return connection;
}

static void close_connection(void *context, cf_connection **connection)
{
    cf_loop *loop = context;
    cf_connection **at = &loop->connections;
    while (*at != *connection)
        at = &(*at)->next;
    *at = (*connection)->next;
    cf_link_zmq_destroy(&(*connection)->zmq);
    free(*connection);
    *connection = NULL;
}

static void locate(const cf_connection *connection, cf_address *out)
{
    cf_link_zmq_address(connection->zmq, out);
}

void cf_loop_lend_connections(cf_loop *loop)
{
    loop->lent = (cf_connections){.context = loop,
                                  .env = loop->options.env,
                                  .connect = open_connection,
                                  .disconnect = close_connection,
                                  .locate = locate,
                                  .wake = came};
}

const cf_connections *cf_loop_connections(const cf_loop *loop)
{
    return &loop->lent;
}

static cf_status read_address(cf_loop *loop, cf_address *out, cf_error *error)
{
    cf_buffer line = {0};

    cf_status status = cf_home_get(loop->home, CF_HOME_BROKER, &line, error);
    cf_buffer_append(&line, "", 1);
    if (!status)
        status = cf_address_read((const char *)line.data, out, error);
    cf_buffer_release(&line);
    return status;
}

/* It goes on where it is, and knows where else to try. */
static void tell_elsewhere(cf_loop *loop, bool is_new)
{
    cf_told_addresses told;

    if (!is_new && loop->told_number == cf_engine_elsewhere(loop->engine, NULL))
        return;
    loop->told_number = cf_engine_elsewhere(loop->engine, &told);
    cf_link_zmq_try_also(loop->link->zmq, told.all, told.count);
}

void cf_loop_connect_engine(cf_loop *loop)
{
    bool connects = loop->engine && !cf_engine_is_paused(loop->engine) &&
                    (loop->run->verb->connects || loop->run->connects);
    cf_link *link = connects ? cf_engine_link(loop->engine) : NULL;
    uint64_t number = link ? cf_engine_broker_number(loop->engine) : 0;
    cf_address address;
    cf_error error;

    if (loop->link && (loop->link->link != link || loop->broker_number != number))
        cf_disconnect(&loop->lent, &loop->link);
    if (link && loop->link)
        tell_elsewhere(loop, false);
    if (!link || loop->link)
        return;
    if (read_address(loop, &address, &error)) {
        cf_report(loop->options.env, CF_REPORT_ERROR, "the broker's address: %s", error.text);
        return;
    }
    const cf_keys *keys = cf_engine_peer(loop->engine)->keys;
    loop->link = cf_connect(&loop->lent,
                            &(cf_connection_options){.link = link,
                                                     .address = &address,
                                                     .curve_public = cf_keys_public(keys)->curve,
                                                     .curve_secret = cf_keys_curve_secret(keys)});
    loop->broker_number = number;
    tell_elsewhere(loop, true);
    cf_link_stop(link); /* it may have begun on the connection before, and said HELLO there */
    cf_link_start(link);
}

uint64_t cf_loop_step_notices(cf_loop *loop)
{
    if (!loop->engine || cf_engine_is_paused(loop->engine) ||
        (!loop->notices && !loop->connections))
        return UINT64_MAX;
    if (!loop->notices)
        loop->notices = cf_move_notices_new(&loop->lent, loop->engine);
    return cf_move_notices_step(loop->notices, cf_loop_now(loop));
}

bool cf_loop_is_migrating(const cf_loop *loop)
{
    return cf_move_notices_migrate(loop->notices);
}

void cf_loop_try_before(cf_loop *loop)
{
    if (loop->notices)
        cf_move_notices_try_all(loop->notices);
}

void cf_loop_tell_connections(cf_loop *loop)
{
    for (cf_connection *at = loop->connections, *next; at; at = next) {
        next = at->next;
        cf_link_zmq_network_changed(at->zmq);
    }
}

uint64_t cf_loop_wake_connections(cf_loop *loop)
{
    uint64_t next_ms = UINT64_MAX;

    for (cf_connection *at = loop->connections; at; at = at->next) {
        uint64_t session = cf_link_session(at->link);
        bool connected = cf_link_is_connected(at->link);

        cf_deadline_lower(&next_ms, cf_link_zmq_wake(at->zmq));
        if (session != cf_link_session(at->link) || connected != cf_link_is_connected(at->link))
            cf_loop_wake(loop);
    }
    return next_ms;
}
