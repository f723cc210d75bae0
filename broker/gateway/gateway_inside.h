/* SPDX-License-Identifier: Apache-2.0 */
/* What gateway.c and gateway_greeting.c (HELLO and what answers it) share. Nobody else includes
 * this. */
#ifndef CF_BROKER_GATEWAY_GATEWAY_INSIDE_H
#define CF_BROKER_GATEWAY_GATEWAY_INSIDE_H
#include "broker/gateway/clocks.h"
#include "broker/gateway/gateway.h"
#include "broker/gateway/session.h"

struct cf_gateway {
    cf_gateway_options options;
    cf_service service;
    cf_address address;                           /* port 0: not told yet */
    const cf_served_command *served[CF_COMMANDS]; /* NULL: nobody sends it in a session */
    cf_clocks *clocks;
    bool is_clock_off; /* ours, as it was told */
    cf_routing_id cut; /* the last that was told to be */
};

/* HELLO: begins a session, or goes on with the heads of one that is being begun; welcomes it when
 * all have come. Refusals are audited. `session` is that of the connection, NULL: none. */
void cf_gateway_greet(cf_gateway *gateway, const cf_gateway_peer *peer, cf_session *session,
                      const cf_message *message);
/* CONFINE, before HELLO: begins a session that is told of some collections alone. It is refused as
 * HELLO would be. */
void cf_gateway_confine(cf_gateway *gateway, const cf_gateway_peer *peer, cf_session *session,
                        const cf_message *message);

#endif
