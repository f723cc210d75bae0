/* SPDX-License-Identifier: Apache-2.0 */
/* What a collection was called before. */
#ifndef CF_PEER_LOG_CATALOG_RENAMED_H
#define CF_PEER_LOG_CATALOG_RENAMED_H
#include "peer/log/peer.h"

#include <stdbool.h>

/* Whether a collection that is on the list was called so once: then CF_MISSING, with what it is
 * called now, and who renamed it. One pass over the log for each collection. */
bool cf_catalog_say_renamed(cf_peer *peer, const char *name, cf_error *error);

#endif
