/* SPDX-License-Identifier: Apache-2.0 */
/* This device (or the account) as the author of entries: one chain for each collection, the heads
 * it has seen, its clock. It makes entries; committing them is the caller's, who then says so.
 * Owned by the engine's thread. */
#ifndef CF_PEER_LOG_AUTHOR_H
#define CF_PEER_LOG_AUTHOR_H
#include "broker/log/log.h"
#include "broker/platform/env.h"
#include "codec/change.h"
#include "codec/heads.h"
#include "codec/ring.h"
#include "peer/log/author_clock.h"
#include "peer/log/tables.h"
#include "peer/log/withheld.h"

typedef struct cf_author cf_author;

typedef struct {
    const cf_env *env;
    cf_log *log;
    const cf_keys *keys;
    const cf_ring *ring;
} cf_author_options; /* all borrowed */

/* Reads its chains and the heads that the log holds. */
cf_status cf_author_open(const cf_author_options *options, cf_author **out, cf_error *error);
void cf_author_destroy(cf_author **author);
/* Other than CF_ENTRY_AFTER_MAX heads in one `after`. */
void cf_author_bound_after(cf_author *author, size_t most);

/* The device id of its keys. */
const cf_hash *cf_author_device(const cf_author *author);

/* The time of its next changeset, later than all that it has seen and that counts: of one ms it
 * leaves a counter out, so that two changesets are never taken for parts of one, whose counters
 * follow each other. */
cf_time cf_author_time(const cf_author *author, uint64_t now_ms);
/* That of a further part. */
cf_time cf_author_time_on(const cf_author *author, uint64_t now_ms);
/* A time was seen in an entry that counts, of this device. What is to be known after a restart goes
 * into the records of the commit that carries the entry. */
void cf_author_saw(cf_author *author, const cf_hash *device, cf_time time, uint64_t now_ms,
                   cf_kv_list *records);
const cf_author_clock *cf_author_clock_of(const cf_author *author);

typedef struct {
    cf_id collection;
    cf_entry_type type;
    cf_hash epoch;  /* to seal under; not for `member` */
    cf_bytes plain; /* the body in plain */
    const cf_hash *blobs;
    size_t blob_count;
    const cf_body *body; /* what `after` has to reach, where it can't name all; NULL in `member` */
} cf_draft;

/* Whether an entry without changes has to go before this one, to name what it can't: what its body
 * needs, or, where it is `whole`, all. */
bool cf_author_tells_first(cf_author *author, const cf_draft *draft, bool whole);
/* Builds the next entry of the collection's chain: its bytes are appended to `wire`, the records
 * that belong to the same commit go to `records`. Nothing has changed here until cf_author_took. */
cf_status cf_author_entry(cf_author *author, const cf_draft *draft, cf_buffer *wire,
                          cf_kv_list *records, cf_error *error);
/* The log took an entry that this author made. */
void cf_author_took(cf_author *author, const cf_entry *entry);
/* The log took an entry that came from elsewhere. One of an own chain is another copy's of this
 * home, that was restored or cloned: it goes on under a new writer; true then. */
bool cf_author_met(cf_author *author, const cf_entry *entry);
/* This part of an own chain is withheld: no entry to come is one of that chain, or names it. */
void cf_author_withhold(cf_author *author, const cf_id *collection, const cf_withheld_part *part);

/* Calls `visit` with each collection in which another log has entries of an own chain that are
 * not here: this home went back to an earlier state, or is one of two copies. */
typedef void cf_author_behind(void *context, const cf_id *collection);
void cf_author_each_behind(const cf_author *author, const cf_heads *theirs, cf_author_behind *visit,
                           void *context);

/* Who it is in a collection; false: it has written nothing there. */
bool cf_author_writer(const cf_author *author, const cf_id *collection, cf_id *out);

/* The heads held, collection by collection. */
typedef void cf_author_visit(void *context, const cf_id *collection, const cf_heads *heads);
void cf_author_each(const cf_author *author, cf_author_visit *visit, void *context);
/* Those whose heads changed since the last call; at first all. */
typedef void cf_author_changed(void *context, const cf_id *collection);
void cf_author_each_changed(cf_author *author, cf_author_changed *visit, void *context);
/* The heads held of one collection; empty when none. Borrowed until the next call that changes
 * them. */
const cf_heads *cf_author_heads(const cf_author *author, const cf_id *collection);

#endif
