/* SPDX-License-Identifier: Apache-2.0 */
/* Which signatures of a member log were verified here before: a record beside the log, under a key
 * of whoever keeps it, so that opening the log verifies none of them a second time. What it vouches
 * for is the signatures over exactly these bytes in exactly this order; what the entries are worth
 * is worked out anew each time.
 *
 * A record that is forged, of another log or of other keys, or of entries that aren't those that
 * lie there says nothing: all is verified then. */
#ifndef CF_BROKER_MEMBERS_VERIFIED_H
#define CF_BROKER_MEMBERS_VERIFIED_H
#include "broker/members/registry.h"

/* Adds an entry to the digest of those before it; {0} is that of none. */
void cf_verified_extend(cf_hash *digest, cf_bytes wire);

/* The record of all that a registry holds, whose digest this is. Borrows from the arena. */
cf_bytes cf_verified_make(const cf_keys *keys, const cf_hash *user, const cf_registry *registry,
                          const cf_hash *digest, cf_arena *arena);

/* What a record vouches for; {0}: nothing. */
typedef struct {
    size_t count;            /* of the first entries */
    const uint8_t *admitted; /* a bit for each: it lets somebody in who signed for it, too. Borrowed
                               from the record */
} cf_verified;

/* Reads a record against the entries that lie there. */
cf_verified cf_verified_read(const cf_keys *keys, const cf_hash *user, cf_bytes record,
                             const cf_bytes *wires, size_t wire_count);
/* What is known thereby of one of these entries. */
cf_member_known cf_verified_of(const cf_verified *verified, size_t index);

#endif
