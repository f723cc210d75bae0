/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of which a write is part: a dot has only the beginning of its hash. */
#ifndef CF_PEER_LOG_DOT_ENTRY_H
#define CF_PEER_LOG_DOT_ENTRY_H
#include "peer/log/peer.h"

/* CF_MISSING where the log does not have it. */
cf_status cf_dot_entry(cf_peer *peer, const cf_dot *dot, cf_head *out, cf_error *error);

/* The device that wrote it; all zero where the log does not have the entry. */
cf_hash cf_dot_device(cf_peer *peer, const cf_dot *dot);

#endif
