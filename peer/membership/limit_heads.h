/* SPDX-License-Identifier: Apache-2.0 */
/* Which heads of a device a revocation names, where the log has more of it than fit: those of the
 * member log, then those with a write that nobody has replaced, then the longest chains; and last
 * what the log does not hold. */
#ifndef CF_PEER_MEMBERSHIP_LIMIT_HEADS_H
#define CF_PEER_MEMBERSHIP_LIMIT_HEADS_H
#include "peer/log/peer.h"

/* Leaves `most` of `heads`, which are all of one device. `voided` becomes about how many entries
 * these don't cover: 0 where all fit. */
cf_status cf_limit_heads(cf_peer *peer, cf_heads *heads, size_t most, uint64_t *voided,
                         cf_error *error);

#endif
