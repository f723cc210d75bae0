/* SPDX-License-Identifier: Apache-2.0 */
/* What a record is called in messages and listings, and by whom who types a command; and any item.
 */
#ifndef CF_PEER_LOG_RECORD_NAMES_H
#define CF_PEER_LOG_RECORD_NAMES_H
#include "peer/log/collection.h"

/* KEY, of a database's row TABLE/KEY; appended. */
void cf_record_path(uint8_t kind, cf_bytes table, cf_bytes key, cf_buffer *out);
/* What table it is of; it never changes. No bytes: none is known. Borrows from the state. */
cf_bytes cf_record_table(const cf_collection *collection, const cf_id *item);
/* What the record calls itself now, or did last: a contact's full name, an event's or a task's
 * title, a row's name; of a row that joins others what these are called, and in which column. In
 * the arena; NULL: nothing. */
const char *cf_record_title(const cf_collection *collection, const cf_id *item, cf_arena *arena);
/* What the state calls any item, or called it last: a file's path, a record as above, the name of
 * what the catalog lists; its id where nothing says. Appended. */
void cf_item_path(const cf_collection *collection, const cf_id *item, cf_buffer *out);
/* The item that is called so, if there is one that lives and was not given another key. */
bool cf_record_named(const cf_collection *collection, cf_bytes path, cf_id *out);

#endif
