/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/engine/connections.h"

cf_connection *cf_connect(const cf_connections *connections, const cf_connection_options *options)
{
    return connections->connect(connections->context, options);
}

void cf_disconnect(const cf_connections *connections, cf_connection **connection)
{
    if (*connection)
        connections->disconnect(connections->context, connection);
}

void cf_connection_locate(const cf_connections *connections, const cf_connection *connection,
                          cf_address *out)
{
    connections->locate(connection, out);
}

void cf_connections_wake(const cf_connections *connections)
{
    connections->wake(connections->context);
}

uint64_t cf_connections_now(const cf_connections *connections)
{
    return cf_env_steady_ms(connections->env);
}
