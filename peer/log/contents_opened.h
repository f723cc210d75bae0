/* SPDX-License-Identifier: Apache-2.0 */
/* Entries that were decrypted, and where in each a content stands. The latest few are kept. */
#ifndef CF_PEER_LOG_CONTENTS_OPENED_H
#define CF_PEER_LOG_CONTENTS_OPENED_H
#include "broker/log/log.h"
#include "codec/change.h"
#include "codec/ring.h"

typedef struct {
    cf_hash content;
    cf_bytes value; /* the reference, or a supply's `how` */
    bool is_supply;
} cf_opened_place;

/* An entry opened. */
typedef struct {
    bool used;
    uint64_t turn; /* when it was last asked for */
    cf_hash hash;
    cf_buffer plain;
    cf_arena arena;
    cf_body body;
    const cf_hash *blobs;
    size_t blob_count;
    cf_hash epoch;
    cf_opened_place *places; /* ascending by content */
    size_t place_count;
} cf_opened;

typedef struct cf_opened_entries cf_opened_entries;

cf_opened_entries *cf_opened_entries_new(cf_log *log, const cf_ring *ring); /* both borrowed */
void cf_opened_entries_destroy(cf_opened_entries **entries);

/* What comes out is borrowed until the next one is opened. Statuses as those of cf_contents_open.
 */
cf_status cf_opened_entries_take(cf_opened_entries *self, const cf_entry *entry,
                                 const cf_opened **out, cf_error *error);
/* The same for one that is in the log. */
cf_status cf_opened_entries_load(cf_opened_entries *self, const cf_head *head,
                                 const cf_opened **out, cf_error *error);

/* Where the content stands in it; NULL: nowhere. */
const cf_opened_place *cf_opened_find(const cf_opened *one, const cf_hash *content);

#endif
