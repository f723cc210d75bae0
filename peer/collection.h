/* SPDX-License-Identifier: Apache-2.0 */
/* A collection in memory: the state that the log's entries say, and the view of it. Entries are
 * folded in one by one; what changes goes into the records of the commit that carries the entry.
 * Owned by the engine's thread. */
#ifndef CF_PEER_COLLECTION_H
#define CF_PEER_COLLECTION_H
#include "peer/contents.h"
#include "peer/view.h"

typedef struct {
    cf_id id;
    cf_state *state;
    cf_view *view;
    cf_time latest;    /* of all entries folded */
    const char *waits; /* why entries of it can't be read yet; NULL: nothing waits */
} cf_collection;

/* Reads the state that is recorded. `rules` outlive the collection. */
cf_status cf_collection_load(cf_log *log, const cf_id *id, const cf_rules *rules,
                             cf_collection **out, cf_error *error);
void cf_collection_destroy(cf_collection **collection);

typedef struct {
    cf_contents *contents;
    const cf_env *env; /* entries that are empty for everyone are reported */
} cf_folding;

/* Folds in an entry of this collection that the log takes in the same commit as `records` and that
 * is not void. CF_MISSING, CF_DENIED: it can't be read yet (no key, newer version): it is noted in
 * the records and folded by cf_collection_fold_waiting. */
cf_status cf_collection_fold(cf_collection *collection, const cf_folding *folding,
                             const cf_entry *entry, cf_records *records, cf_error *error);
/* Tries again what waits. */
cf_status cf_collection_fold_waiting(cf_collection *collection, const cf_folding *folding,
                                     cf_log *log, cf_records *records, cf_error *error);

/* The best value of a field that nothing in a folder is needed for (names in the catalog): the
 * latest write that no deletion covers. Size 0: none. Borrowed until the state changes. */
cf_bytes cf_collection_value(const cf_collection *collection, const cf_id *item, const char *field);
/* Whether a write of the item lives that is not weak. */
bool cf_collection_lives(const cf_collection *collection, const cf_id *item);

#endif
