/* SPDX-License-Identifier: Apache-2.0 */
/* This device (or the account) as the author of entries: one chain for each collection, the heads
 * it has seen, its clock. It makes entries; committing them is the caller's, who then says so.
 * Owned by the engine's thread. */
#ifndef CF_PEER_LOG_AUTHOR_H
#define CF_PEER_LOG_AUTHOR_H
#include "broker/env.h"
#include "broker/log.h"
#include "codec/clock.h"
#include "codec/heads.h"
#include "codec/ring.h"
#include "peer/log/tables.h"

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

/* The device id of its keys. */
const cf_hash *cf_author_device(const cf_author *author);

/* The time of its next entry: later than all that it has seen. */
cf_time cf_author_time(const cf_author *author, uint64_t now_ms);
/* A time was seen in an entry that counts. */
void cf_author_saw(cf_author *author, cf_time time);

typedef struct {
    cf_id collection;
    cf_entry_type type;
    cf_hash epoch;  /* to seal under; not for `member` */
    cf_bytes plain; /* the body in plain */
    const cf_hash *blobs;
    size_t blob_count;
} cf_draft;

/* Builds the next entry of the collection's chain: its bytes are appended to `wire`, the records
 * that belong to the same commit go to `records`. Nothing has changed here until cf_author_took. */
cf_status cf_author_entry(cf_author *author, const cf_draft *draft, cf_buffer *wire,
                          cf_records *records, cf_error *error);
/* The log took an entry that this author made. */
void cf_author_took(cf_author *author, const cf_entry *entry);
/* The log took an entry that came from elsewhere. One of an own chain is another copy's of this
 * home, that was restored or cloned: it goes on under a new writer; true then. */
bool cf_author_met(cf_author *author, const cf_entry *entry);

/* The heads held, collection by collection. */
typedef void cf_author_visit(void *context, const cf_id *collection, const cf_heads *heads);
void cf_author_each(const cf_author *author, cf_author_visit *visit, void *context);
/* The heads held of one collection; empty when none. Borrowed until the next call that changes
 * them. */
const cf_heads *cf_author_heads(const cf_author *author, const cf_id *collection);

#endif
