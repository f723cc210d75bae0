/* SPDX-License-Identifier: Apache-2.0 */
/* Whether somebody else has a content. What users removed or replaced goes, whoever has it; what
 * lives on, and only isn't asked for here any more, goes when this device's is not the last of it.
 */
#ifndef CF_PEER_TRANSFER_ELSEWHERE_H
#define CF_PEER_TRANSFER_ELSEWHERE_H
#include "peer/log/peer.h"

/* Of a content's identity: it is in the own log, or the broker has it, as far as it says: it has
 * all entries, and has named all blobs that it lacks, of which the content needs none. */
bool cf_is_elsewhere(const cf_peer *peer, const cf_id *collection, cf_bytes identity);

#endif
