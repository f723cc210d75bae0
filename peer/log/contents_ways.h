/* SPDX-License-Identifier: Apache-2.0 */
/* The ways to a content: the entries that introduced or supplied it. As they are recorded, and what
 * is noted before the commit that records it. */
#ifndef CF_PEER_LOG_CONTENTS_WAYS_H
#define CF_PEER_LOG_CONTENTS_WAYS_H
#include "broker/log/log.h"
#include "peer/log/tables.h"

enum { CF_WAYS_MAX = 8 }; /* the first that came is kept, and the latest */

typedef struct {
    cf_head entry;
    uint64_t depth;
    bool is_void; /* the entry counted for nothing when this was noted */
} cf_way;

typedef struct {
    uint64_t size; /* of the content */
    cf_way at[CF_WAYS_MAX];
    size_t count;
} cf_ways;

/* A content of a collection. */
typedef struct {
    cf_id collection;
    cf_hash hash;
} cf_content_key;

typedef struct cf_ways_table cf_ways_table;

cf_ways_table *cf_ways_table_new(cf_log *log); /* borrowed */
void cf_ways_table_destroy(cf_ways_table **table);

/* CF_MISSING: there is none. */
cf_status cf_ways_get(const cf_ways_table *table, const cf_content_key *key, cf_ways *out,
                      cf_error *error);
/* One more; the record goes into `records`. Twice is once. Of a void entry it counts only where no
 * other is known, and as long. */
void cf_ways_add(cf_ways_table *table, const cf_content_key *key, uint64_t size, const cf_way *way,
                 cf_kv_list *records);
/* What was added is in the store, or never will be. */
void cf_ways_settle(cf_ways_table *table);

#endif
