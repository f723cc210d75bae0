/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog: the collection that says which collections and devices the user has, and what they
 * are called. Its items are 'C' and 'D', each followed by the first 15 bytes of what it names.
 * Two devices that make a collection of one name while apart have made one. */
#ifndef CF_PEER_LOG_CATALOG_H
#define CF_PEER_LOG_CATALOG_H
#include "peer/adapters/adapter.h"
#include "codec/limits.h"
#include "peer/log/catalog_names.h"
#include "peer/log/peer.h"
#include "peer/records/schema.h"

typedef struct {
    cf_id id;
    const char *name; /* UTF-8 */
    cf_format format;
    bool is_known; /* this program knows the format */
} cf_catalog_collection;

/* All collections, ascending by name, in the arena. What is damaged or of a newer program is left
 * out. */
cf_status cf_catalog_list(cf_peer *peer, cf_arena *arena, cf_catalog_collection **out,
                          size_t *count, cf_error *error);
/* CF_MISSING when there is none of that name, or none any more, which the text says. CF_CHANGED
 * when there are several (made apart and renamed): rename one. */
cf_status cf_catalog_find(cf_peer *peer, const char *name, cf_arena *arena,
                          cf_catalog_collection *out, cf_error *error);
/* What a collection is called, or was before it was deleted; its id in hexadecimal when the catalog
 * doesn't say. In the arena. */
const char *cf_catalog_name(cf_peer *peer, const cf_id *collection, cf_arena *arena);

/* Whether it was deleted, and by whom. */
typedef struct {
    cf_hash device; /* all zero: not known */
    uint64_t time_ms;
} cf_catalog_deletion;
bool cf_catalog_deleted(cf_peer *peer, const cf_id *collection, cf_catalog_deletion *out);
/* All that were deleted, ascending by name, of one name the last one last; name and format are
 * those of before. In the arena. */
typedef struct {
    cf_catalog_collection collection;
    cf_catalog_deletion deletion;
} cf_catalog_gone;
cf_status cf_catalog_list_gone(cf_peer *peer, cf_arena *arena, cf_catalog_gone **out, size_t *count,
                               cf_error *error);
/* "taken off the list by desk, 2026-11-20 14:05" (local time). */
void cf_catalog_deletion_text(cf_peer *peer, const cf_catalog_deletion *deletion, cf_buffer *out);
/* Whether the last collection that was called so was taken off the list: then CF_MISSING, with who
 * did that. */
bool cf_catalog_say_taken_off(cf_peer *peer, const char *name, cf_error *error);

/* A new collection, also where one of that name was deleted. CF_CHANGED when there is one of that
 * name; CF_USAGE: that is no name. */
typedef struct {
    const char *name;
    cf_format format;
    const cf_schema *schema; /* that it begins with; NULL: that of its format */
} cf_catalog_new;
cf_status cf_catalog_make(cf_peer *peer, const cf_catalog_new *new, uint64_t now_ms, cf_id *out,
                          cf_error *error);
/* CF_DENIED: this device may neither rename nor delete it (catalog_rights.h). */
cf_status cf_catalog_may_change(cf_peer *peer, const cf_id *collection, cf_error *error);
/* CF_DENIED, also of a deletion. */
cf_status cf_catalog_rename(cf_peer *peer, const cf_id *collection, const char *name,
                            uint64_t now_ms, cf_error *error);
/* Takes it off the list; what sources hold stays. */
cf_status cf_catalog_delete(cf_peer *peer, const cf_id *collection, uint64_t now_ms,
                            cf_error *error);

/* A device's name; its fingerprint when the catalog doesn't say. In the arena. */
const char *cf_catalog_device_name(cf_peer *peer, const cf_hash *device, cf_arena *arena);
/* CF_DENIED: an owner names all devices, another device only itself. */
cf_status cf_catalog_name_device(cf_peer *peer, const cf_hash *device, const char *name,
                                 uint64_t now_ms, cf_error *error);
/* The name, or, where another device that is in has it, the name with a number: " (2)". */
const char *cf_catalog_free_name(cf_peer *peer, const cf_hash *device, const char *name,
                                 cf_arena *arena);
/* Writes this device's own name, as kept in its home, if the catalog has none for it; nothing while
 * there is no content key. */
cf_status cf_catalog_introduce(cf_peer *peer, uint64_t now_ms, cf_error *error);

#endif
