/* SPDX-License-Identifier: Apache-2.0 */
/* A question to the broker, on a link of its own: where the log is, what it holds, what devices
 * have applied; or which heads it has of some devices. No entry is sent or taken. A handler. */
#ifndef CF_PEER_ENGINE_BROKER_QUERY_H
#define CF_PEER_ENGINE_BROKER_QUERY_H
#include "peer/engine/connections.h"
#include "peer/engine/query_answer.h"
#include "peer/log/peer.h"

typedef struct cf_broker_query cf_broker_query;

/* CF_MISSING without a broker. */
cf_status cf_broker_query_new(const cf_connections *connections, const cf_peer *peer,
                              uint64_t timeout_ms, cf_broker_query **out, cf_error *error);
/* Which heads it has of these devices, which are copied: 1 to CF_CHAINS_DEVICES_MAX (CF_TOO_LARGE).
 * One that is older does not say, and the findings have nothing of them. */
cf_status cf_broker_query_new_of_chains(const cf_connections *connections, const cf_peer *peer,
                                        uint64_t timeout_ms, const cf_hash *devices, size_t count,
                                        cf_broker_query **out, cf_error *error);
/* Of the broker at this address, whatever the home's is: whether it lets this device in. */
cf_broker_query *cf_broker_query_new_at(const cf_connections *connections, const cf_peer *peer,
                                        const cf_address *address, uint64_t timeout_ms);
void cf_broker_query_destroy(cf_broker_query **query);

/* True when it is answered, or won't be. */
bool cf_broker_query_over(const cf_broker_query *query, uint64_t now_ms, uint64_t *deadline_ms,
                          cf_status *status, cf_error *error);
/* Until it is asked again. */
const cf_query_answer *cf_broker_query_answer(const cf_broker_query *query);
/* Asks anew; the time that the answer may take begins. */
void cf_broker_query_again(cf_broker_query *query);

#endif
