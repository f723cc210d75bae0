/* SPDX-License-Identifier: Apache-2.0 */
/* Settling: when a revocation (or its end) makes entries count otherwise that were folded before,
 * the collections concerned are worked out anew, and what differs goes into state, view and
 * records. The plan follows the view, and the guard looks at it as at any other. */
#ifndef CF_PEER_LOG_SETTLE_H
#define CF_PEER_LOG_SETTLE_H
#include "peer/log/peer.h"

/* After entries were committed, and after a start. CF_OK at once when there is nothing to do. A
 * device that is out itself leaves its folders as they are: what it did there is the user's. */
cf_status cf_peer_settle(cf_peer *peer, cf_error *error);

/* Looks through what is unsent: what of it is to be withheld (withheld.h) is from now on. After a
 * start; settling does so, too. */
cf_status cf_peer_withhold(cf_peer *peer, cf_error *error);

#endif
