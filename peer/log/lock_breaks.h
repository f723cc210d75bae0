/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a lock that an owner broke: an item of the catalog, so that every device's `log`
 * shows it. codec/PROTOCOL.md, "Items, fields and values". */
#ifndef CF_PEER_LOG_LOCK_BREAKS_H
#define CF_PEER_LOG_LOCK_BREAKS_H
#include "peer/log/peer.h"

typedef struct {
    cf_id collection;
    cf_hash holder;
    const char *what; /* for people: what was locked, and by whom */
} cf_lock_break;

cf_status cf_lock_break_record(cf_peer *peer, const cf_lock_break *broken, uint64_t now_ms,
                               cf_error *error);

#endif
