/* SPDX-License-Identifier: Apache-2.0 */
/* Notices of a move: what the member log says is brought to the brokers that the user has left,
 * too. They hold the log as it was, and would serve a device that was shut out since. Who they are
 * the member log tells, by its `home` entries; how far each was told is kept in the home, so that a
 * notice goes out when the member log has grown, and again, in each session and each minute, as
 * long as one could not be reached. That it could not is said once, until it was told. */
#ifndef CF_PEER_ACCOUNT_MOVE_NOTICES_H
#define CF_PEER_ACCOUNT_MOVE_NOTICES_H
#include "peer/engine/connections.h"
#include "peer/engine/engine.h"

typedef struct cf_move_notices cf_move_notices;

/* While the engine is open. */
cf_move_notices *cf_move_notices_new(const cf_connections *connections, cf_engine *engine);
void cf_move_notices_destroy(cf_move_notices **notices);

/* Sends those that are due, and takes back those that have come to an end. Returns when to call
 * again; also call when the member log may have grown. */
uint64_t cf_move_notices_step(cf_move_notices *notices, uint64_t now_ms);
/* Whoever could not be reached is tried at the next step, and what could not be brought from there,
 * too. */
void cf_move_notices_try_all(cf_move_notices *notices);
/* Something is being brought from a broker before (migrations.h). */
bool cf_move_notices_migrate(const cf_move_notices *notices);
/* Some are under way that are to be waited for, or that. */
bool cf_move_notices_are_out(const cf_move_notices *notices);

/* Of brokers that have not been told yet nothing is said any more, and nobody waits for them; they
 * are tried as before, in case that they are back. Durable at return. */
cf_status cf_move_notices_give_up(cf_peer *peer, cf_error *error);

#endif
