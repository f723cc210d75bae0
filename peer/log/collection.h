/* SPDX-License-Identifier: Apache-2.0 */
/* A collection in memory: the state that the log's entries say, and the view of it. Entries are
 * folded in one by one; what changes goes into the records of the commit that carries the entry.
 * Owned by the engine's thread. */
#ifndef CF_PEER_LOG_COLLECTION_H
#define CF_PEER_LOG_COLLECTION_H
#include "codec/hash_table.h"
#include "peer/log/changesets.h"
#include "peer/log/contents.h"
#include "peer/merge/view.h"

typedef struct cf_collection {
    cf_id id;
    cf_hash_link link;                  /* its peer's */
    struct cf_collection **changed;     /* its peer's list of those whose view changed, */
    struct cf_collection *next_changed; /* and the next in it */
    cf_state *state;
    cf_view *view;
    uint64_t changes;          /* rises whenever the state changes */
    const char *waits;         /* why entries of it can't be read yet; NULL: nothing waits */
    cf_changesets *changesets; /* parts of those that are not whole; they are not in the state */
} cf_collection;

/* An empty one. `rules` outlive the collection. */
cf_collection *cf_collection_new(const cf_id *id, const cf_rules *rules);
/* Reads the state that is recorded. */
cf_status cf_collection_load(cf_log *log, const cf_id *id, const cf_rules *rules,
                             cf_collection **out, cf_error *error);
void cf_collection_destroy(cf_collection **collection);

typedef struct {
    cf_contents *contents;
    /* This entry is empty for everyone. */
    void (*left_out)(void *context, const cf_entry *entry, const cf_error *why);
    /* This entry counts, and says this time. */
    void (*saw)(void *context, const cf_entry *entry, cf_time time, cf_kv_list *records);
    void *context;
    cf_log *log; /* has all entries that were folded, and were not in this commit */
} cf_folding;

/* Folds in an entry of this collection that the log takes in the same commit as `records`. A part
 * of a changeset is only kept until all parts are here: then they all count. One that is void
 * changes nothing and only says how contents are made: what counts may be a patch on them.
 * CF_MISSING, CF_DENIED: it can't be read yet (no key, newer version): it is noted in the records
 * and folded by cf_collection_fold_waiting. */
cf_status cf_collection_fold(cf_collection *collection, const cf_folding *folding,
                             const cf_entry *entry, bool is_void, cf_kv_list *records,
                             cf_error *error);
/* Tries again what waits, and writes what came of it: of a long log in several commits, each of
 * whole entries, with an item once. */
cf_status cf_collection_fold_waiting(cf_collection *collection, const cf_folding *folding,
                                     cf_error *error);

/* The best value of a field that nothing in a folder is needed for (names in the catalog): the
 * latest write that no deletion covers. Size 0: none. Borrowed until the state changes. */
cf_bytes cf_collection_value(const cf_collection *collection, const cf_id *item, const char *field);
/* The same, of those writes that may be. */
typedef bool cf_write_choice(void *context, const cf_write *write);
cf_bytes cf_collection_choose(const cf_collection *collection, const cf_id *item, const char *field,
                              cf_write_choice *may, void *context);
/* The same, though a deletion may cover it, or the item be overfull: what is not shown was called
 * something, too. */
cf_bytes cf_collection_last(const cf_collection *collection, const cf_id *item, const char *field);
/* Whether a write of the item lives that is not weak. */
bool cf_collection_lives(const cf_collection *collection, const cf_id *item);

/* ---- Entries that are held and are not in the state ---- */

/* One that waits for its key or a newer program; or, with a number, for the other parts. */
typedef struct {
    cf_head head;
    uint64_t part, parts;
} cf_waiting_entry;

typedef struct {
    cf_waiting_entry *at;
    size_t count, capacity;
} cf_waiting_entries;
/* How long the value of such a record is: a part has its number and how many there are; one that is
 * void, and that nobody misses, one byte; any other nothing. */
enum { CF_WAITING_PART = 16, CF_WAITING_VOID = 1 };
/* From a record of CF_TABLE_WAITING; one that is none is left out. */
void cf_waiting_entries_add(cf_waiting_entries *list, cf_bytes key, cf_bytes value);

#endif
