/* SPDX-License-Identifier: Apache-2.0 */
/* Decides nothing: hands each question on to the shell. In a link's silence no event leads to
 * anything, and a piece of a blob is never there. */
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

/* ---- A link whose owner cares about few events ---- */

static void connected(void *context, const cf_link_welcome *welcome)
{
    (void)context, (void)welcome;
}

static void lost(void *context, const cf_link_loss *loss)
{
    (void)context, (void)loss;
}

static void entry(void *context, const cf_entry *came)
{
    (void)context, (void)came;
}

static void accepted(void *context, const cf_head *head)
{
    (void)context, (void)head;
}

static void refused(void *context, const cf_link_refusal *refusal)
{
    (void)context, (void)refusal;
}

static void wanted(void *context, const cf_hash *blobs, size_t count)
{
    (void)context, (void)blobs, (void)count;
}

static void idle(void *context)
{
    (void)context;
}

static bool blob_piece(void *context, const cf_hash *blob, uint64_t offset, size_t size,
                       cf_buffer *out)
{
    (void)context, (void)blob, (void)offset, (void)size, (void)out;
    return false;
}

static void blob_stored(void *context, const cf_hash *blob)
{
    (void)context, (void)blob;
}

static void blob_refused(void *context, const cf_hash *blob, const cf_error *why)
{
    (void)context, (void)blob, (void)why;
}

static void blob_received(void *context, const cf_hash *blob, uint64_t offset, uint64_t total,
                          cf_bytes bytes)
{
    (void)context, (void)blob, (void)offset, (void)total, (void)bytes;
}

static void blob_delayed(void *context, const cf_hash *blob, cf_bytes code, cf_bytes text)
{
    (void)context, (void)blob, (void)code, (void)text;
}

static void blob_absent(void *context, const cf_hash *blob)
{
    (void)context, (void)blob;
}

cf_link_events cf_link_silence(void *context)
{
    return (cf_link_events){
        .connected = connected,
        .lost = lost,
        .entry = entry,
        .accepted = accepted,
        .refused = refused,
        .wanted = wanted,
        .idle = idle,
        .blobs = {.piece = blob_piece,
                  .stored = blob_stored,
                  .refused = blob_refused,
                  .delayed = blob_delayed,
                  .received = blob_received,
                  .absent = blob_absent},
        .context = context,
    };
}
