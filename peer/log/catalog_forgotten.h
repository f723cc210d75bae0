/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and columns that nobody has any more, as the catalog says (codec/PROTOCOL.md, section 3):
 * a source that had one and lost it says so, one that has it says the contrary. The rows keep what
 * they say there.
 *
 *   laptop drops tags, which desktop has: forgotten, says laptop; not so, says desktop
 *   desktop drops tags, too: forgotten, says desktop, and nobody contradicts */
#ifndef CF_PEER_LOG_CATALOG_FORGOTTEN_H
#define CF_PEER_LOG_CATALOG_FORGOTTEN_H
#include "peer/log/catalog_writing.h"
#include "peer/records/schema.h"

/* CF_FORGOTTEN_MAX at most, in the arena. */
cf_status cf_catalog_forgotten(cf_peer *peer, const cf_id *collection, cf_arena *arena,
                               cf_forgotten *out, cf_error *error);

typedef struct {
    cf_forgotten_place place;
    bool is_forgotten;
} cf_forgotten_word;
/* One word for each place at most, in any order. A place whose name would be too long is left out.
 */
cf_status cf_catalog_write_forgotten(cf_peer *peer, const cf_id *collection,
                                     const cf_forgotten_word *words, size_t count, uint64_t now_ms,
                                     cf_error *error);

#endif
