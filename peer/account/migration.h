/* SPDX-License-Identifier: Apache-2.0 */
/* A migration: what a user leaves behind when it moves. The entries that only the broker before has
 * are taken, and when the one where the user is now has those, the blobs that no device can make
 * again are fetched from there and brought here, a few at a time. By two links of its own. The
 * broker before is told nothing: who has heard of the move sends everybody away who holds no more
 * than itself, so a migration that breaks could not begin anew. A handler. */
#ifndef CF_PEER_ACCOUNT_MIGRATION_H
#define CF_PEER_ACCOUNT_MIGRATION_H
#include "peer/log/peer.h"

typedef struct cf_migration cf_migration;

typedef struct {
    const cf_env *env;
    cf_peer *peer;       /* its link is the one with the broker where the user is now */
    uint64_t timeout_ms; /* without any progress */
} cf_migration_options;

cf_migration *cf_migration_new(const cf_migration_options *options, uint64_t now_ms);
void cf_migration_destroy(cf_migration **migration);

/* For their connections: with the broker before, and with the one where the user is now (NULL: it
 * is not needed yet, or never). */
cf_link *cf_migration_from(const cf_migration *migration);
cf_link *cf_migration_to(const cf_migration *migration);

/* Goes on; true when it has come to an end. To be called again and again meanwhile. */
bool cf_migration_over(cf_migration *migration, uint64_t now_ms);
/* It goes on when the peer's link has come to rest, and nobody knows when that is. */
bool cf_migration_waits(const cf_migration *migration, uint64_t now_ms);
/* Why it is not done: it is to be tried again. "" at the end: what is lacking still, the broker
 * before doesn't have either. */
const char *cf_migration_trouble(const cf_migration *migration);

#endif
