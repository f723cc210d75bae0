/* SPDX-License-Identifier: Apache-2.0 */
/* How the files of a collection are laid out, as the catalog says it (codec/PROTOCOL.md, section
 * 3): a field for each format, whose value only the format's adapter understands. It is for files
 * that are made; what lies on a disk keeps its own. */
#ifndef CF_PEER_LOG_CATALOG_LAYOUT_H
#define CF_PEER_LOG_CATALOG_LAYOUT_H
#include "peer/log/catalog_writing.h"

/* In the arena; nothing: none was told, or it is over CF_LAYOUT_MAX bytes, of a database
 * CF_DATABASE_LAYOUT_MAX. */
cf_status cf_catalog_layout(cf_peer *peer, const cf_id *collection, cf_format format,
                            cf_arena *arena, cf_bytes *out, cf_error *error);
cf_status cf_catalog_write_layout(cf_peer *peer, const cf_id *collection, cf_format format,
                                  cf_bytes layout, uint64_t now_ms, cf_error *error);

#endif
