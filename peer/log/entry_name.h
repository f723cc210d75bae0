/* SPDX-License-Identifier: Apache-2.0 */
/* How people are told of an entry. */
#ifndef CF_PEER_LOG_ENTRY_NAME_H
#define CF_PEER_LOG_ENTRY_NAME_H
#include "peer/log/peer.h"

enum { CF_ENTRY_ID_TEXT = 12 }; /* letters of an entry's id, as `log` shows it */

/* "entry 0123456789ab of desktop in notes". In the arena. */
const char *cf_entry_name(cf_peer *peer, const cf_entry *entry, cf_arena *arena);

#endif
