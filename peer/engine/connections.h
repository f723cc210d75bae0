/* SPDX-License-Identifier: Apache-2.0 */
/* Connections for links: the shell that waits for everything (peer/program/loop.c) lends them to
 * whoever needs a link of its own, a question to the broker, say, or a move to another one. All
 * functions belong to the shell's thread. */
#ifndef CF_PEER_ENGINE_CONNECTIONS_H
#define CF_PEER_ENGINE_CONNECTIONS_H
#include "broker/link/link.h"
#include "codec/address.h"

typedef struct cf_connection cf_connection;

/* All is borrowed but the address. Where the home knows other addresses of the same broker, they
 * are tried, too (peer/engine/told_addresses.h). */
typedef struct {
    cf_link *link;
    const cf_address *address;
    const uint8_t *curve_public, *curve_secret; /* 32 bytes each */
} cf_connection_options;

/* What the shell fills in; lives as long as the shell. */
typedef struct {
    void *context;
    const cf_env *env;
    cf_connection *(*connect)(void *context, const cf_connection_options *options);
    void (*disconnect)(void *context, cf_connection **connection);
    void (*locate)(const cf_connection *connection, cf_address *out);
    void (*wake)(void *context);
} cf_connections;

cf_connection *cf_connect(const cf_connections *connections, const cf_connection_options *options);
/* Before the link ends. One that is NULL stays so. */
void cf_disconnect(const cf_connections *connections, cf_connection **connection);
/* The address by which the broker is reached, or tried. */
void cf_connection_locate(const cf_connections *connections, const cf_connection *connection,
                          cf_address *out);
/* Everything goes on soon, as if something had come. */
void cf_connections_wake(const cf_connections *connections);
uint64_t cf_connections_now(const cf_connections *connections);

/* ---- A link whose owner cares about few events ---- */

/* All events are there and do nothing. */
cf_link_events cf_link_silence(void *context);

#endif
