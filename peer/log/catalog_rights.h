/* SPDX-License-Identifier: Apache-2.0 */
/* Who may say what in the catalog. Of a device's item only that device's writes count, and owners';
 * of a broken lease only owners'. Of a collection's id, name and format, and of its deletion,
 * owners' writes come before all others; another device's replace and cover only its writer's own,
 * and are weak in the state. All of it goes by an entry and its own past, so that all devices
 * agree.
 *
 * ann owns, bob doesn't: bob renames ann's "notes": it keeps its name. bob makes "bills" and
 * renames it: it has the new name, until ann gives it another. */
#ifndef CF_PEER_LOG_CATALOG_RIGHTS_H
#define CF_PEER_LOG_CATALOG_RIGHTS_H
#include "codec/change.h"
#include "peer/log/collection.h"

#define CF_CATALOG_FORMAT "/format"
#define CF_CATALOG_ID "/id"
enum { CF_CATALOG_COLLECTION = 'C', CF_CATALOG_DEVICE = 'D', CF_CATALOG_BREAK = 'B' };

/* Leaves of an entry's changes in the catalog what they may say; the entry counts. */
cf_status cf_catalog_rights_apply(cf_log *log, const cf_entry *entry, cf_change *changes,
                                  size_t *count, cf_arena *arena, cf_error *error);

/* The value of a field in the catalog; size 0: none. Of a collection that no owner named it is by a
 * writer that made it. Borrowed until the state changes. */
cf_bytes cf_catalog_value(const cf_collection *catalog, const cf_id *item, const char *field);

/* Whether a collection is this writer's to rename and to delete, though no owner's: it made it, and
 * no owner has named it since. */
bool cf_catalog_made_by(const cf_collection *catalog, const cf_id *item, const cf_id *writer);

#endif
