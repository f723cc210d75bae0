/* SPDX-License-Identifier: Apache-2.0 */
/* Contents that patches of the log make something else of: their author made a wrong one. The
 * catalog says of a device which it can't make so; who has one of them supplies the whole
 * (codec/PROTOCOL.md, section 3). */
#ifndef CF_PEER_LOG_UNMADE_H
#define CF_PEER_LOG_UNMADE_H
#include "peer/log/peer.h"

typedef struct {
    cf_id collection;
    cf_hash content;
} cf_unmade_one;

typedef struct {
    cf_unmade_one *at; /* ascending, each once */
    size_t count, capacity;
} cf_unmade; /* {0} is empty */

void cf_unmade_release(cf_unmade *unmade);
/* False when it is there, or there are as many as may be asked for. */
bool cf_unmade_add(cf_unmade *unmade, const cf_id *collection, const cf_hash *content);
/* Those of which the log has a whole by now go. True: some went. */
bool cf_unmade_drop_made(cf_unmade *unmade, cf_peer *peer);

/* Adds what the catalog says of this device. */
void cf_unmade_recall(cf_unmade *unmade, cf_peer *peer);
/* Has the catalog say so; this device may write there. Nothing while there is no name of it. */
cf_status cf_unmade_tell(const cf_unmade *unmade, cf_peer *peer, uint64_t now_ms, cf_error *error);

/* Doubts all that the catalog says of any device that is in. True: some were not doubted before,
 * and of these the log has no whole. */
bool cf_unmade_doubt_all(cf_peer *peer);

#endif
