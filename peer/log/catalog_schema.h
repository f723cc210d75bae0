/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of a collection as the catalog says it (codec/PROTOCOL.md, section 3): a field for
 * each table, so that devices which make tables apart don't overwrite each other's; and the tables
 * that every collection has which is no database. */
#ifndef CF_PEER_LOG_CATALOG_SCHEMA_H
#define CF_PEER_LOG_CATALOG_SCHEMA_H
#include "peer/log/catalog_writing.h"
#include "peer/records/schema.h"

/* All in the arena, ascending by table. The same on all devices that have the same entries.
 * CF_DENIED: it says something that only a newer program knows; it is kept, and nothing can be
 * shown of the collection until then. */
cf_status cf_catalog_schema(cf_peer *peer, const cf_id *collection, cf_arena *arena, cf_schema *out,
                            cf_error *error);
/* Makes it `schema` in all tables that this has; others stay. Writes only those that it is not yet:
 * none, nothing is published. */
cf_status cf_catalog_write_schema(cf_peer *peer, const cf_id *collection, const cf_schema *schema,
                                  uint64_t now_ms, cf_error *error);

/* Within an entry: the tables, but those that `known` has just so; NULL: it has none. */
void cf_catalog_write_tables(cf_catalog_writing *writing, const cf_schema *schema,
                             const cf_schema *known);

/* ---- Layouts ---- */

/* How the files of a collection are laid out, as the catalog says it (codec/PROTOCOL.md, section
 * 3): a field for each format, whose value only the format's adapter understands. It is for files
 * that are made; what lies on a disk keeps its own. */

/* In the arena; nothing: none was told, or one that is over the format's `layout_max`. */
cf_status cf_catalog_layout(cf_peer *peer, const cf_id *collection, cf_format format,
                            cf_arena *arena, cf_bytes *out, cf_error *error);
cf_status cf_catalog_write_layout(cf_peer *peer, const cf_id *collection, cf_format format,
                                  cf_bytes layout, uint64_t now_ms, cf_error *error);

#endif
