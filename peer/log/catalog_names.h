/* SPDX-License-Identifier: Apache-2.0 */
/* What the catalog calls its items, read of the collection alone: who has the whole peer asks
 * catalog.h. All names are in the arena. */
#ifndef CF_PEER_LOG_CATALOG_NAMES_H
#define CF_PEER_LOG_CATALOG_NAMES_H
#include "codec/entry.h"
#include "peer/log/catalog_rights.h"

/* The item of a collection or a device; `id` has 15 bytes or more. */
cf_id cf_catalog_item(uint8_t kind, const uint8_t *id);

/* CF_USAGE for what can't be the name of a collection or a device. */
cf_status cf_catalog_check_name(const char *name, cf_error *error);

/* A field that is a text; NULL: there is none, or it is something else. */
const char *cf_catalog_text(const cf_collection *catalog, const cf_id *item, const char *field,
                            cf_arena *arena);
/* The same, though the item was deleted. */
const char *cf_catalog_last_text(const cf_collection *catalog, const cf_id *item, const char *field,
                                 cf_arena *arena);
/* The item's name; NULL, too, where it has one that can't be. */
const char *cf_catalog_shown_name(const cf_collection *catalog, const cf_id *item, cf_arena *arena);
const char *cf_catalog_last_name(const cf_collection *catalog, const cf_id *item, cf_arena *arena);

/* Never NULL: what has no name is called by its id or fingerprint. A catalog that can't be read is
 * given as NULL. */
const char *cf_catalog_collection_called(const cf_collection *catalog, const cf_id *collection,
                                         cf_arena *arena);
const char *cf_catalog_device_called(const cf_collection *catalog, const cf_hash *device,
                                     cf_arena *arena);

/* ---- How people are told of an entry ---- */

enum { CF_ENTRY_ID_TEXT = 12 }; /* letters of an entry's id, as `log` shows it */

/* "entry 0123456789ab of desktop in notes". */
const char *cf_entry_name(const cf_collection *catalog, const cf_entry *entry, cf_arena *arena);

#endif
