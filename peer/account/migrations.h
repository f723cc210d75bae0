/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations to the brokers that this device has left (left_brokers.h): each is tried when a
 * process begins, and again now and then, or when that is asked for, until it is done. Of the
 * notices, which go where the same brokers are. */
#ifndef CF_PEER_ACCOUNT_MIGRATIONS_H
#define CF_PEER_ACCOUNT_MIGRATIONS_H
#include "peer/engine/connections.h"
#include "peer/engine/engine.h"

typedef struct cf_migrations cf_migrations;

/* While the engine is open. */
cf_migrations *cf_migrations_new(const cf_connections *connections, cf_engine *engine);
void cf_migrations_destroy(cf_migrations **migrations);

/* Begins those that are due. The user is at `home`: of that one nothing is left. */
cf_status cf_migrations_look(cf_migrations *migrations, const cf_address *home, uint64_t now_ms,
                             cf_error *error);
/* All that are not under way are due, as soon as cf_migrations_look is called. */
void cf_migrations_try_all(cf_migrations *migrations);
/* True when it is time to look: some have ended, or are due. `*next_ms` is when to call again. */
bool cf_migrations_step(cf_migrations *migrations, uint64_t now_ms, uint64_t *next_ms);
/* Some are under way; each goes on as long as it gets on. */
bool cf_migrations_are_out(const cf_migrations *migrations);
/* A migration has begun there, and nobody should tell this broker yet that the user is elsewhere.
 */
bool cf_migrations_are_first(const cf_migrations *migrations, const cf_address *broker);

#endif
