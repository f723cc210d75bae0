/* SPDX-License-Identifier: Apache-2.0 */
/* Unsettled heads: what a log remembers of entries that are on their way into the store, and of the
 * ends of chains that grew since it was opened, so that their successors can be judged without
 * reading. Not thread-safe; owned by a log. */
#ifndef CF_BROKER_LOG_UNSETTLED_HEADS_H
#define CF_BROKER_LOG_UNSETTLED_HEADS_H
#include "codec/entry.h"

/* What all entries of a writer have in common, and what is asked of this one. */
typedef struct {
    cf_hash device;
    cf_id collection;
    cf_hash epoch;
    cf_head previous;       /* its sequence is 0 when there is none */
    const cf_head *members; /* of the member log, in `after` */
    size_t member_count;
} cf_unsettled_head;

typedef struct cf_unsettled_heads cf_unsettled_heads;

cf_unsettled_heads *cf_unsettled_heads_new(void);
void cf_unsettled_heads_destroy(cf_unsettled_heads **heads_under_way);

/* NULL when it isn't remembered. */
const cf_unsettled_head *cf_unsettled_heads_find(const cf_unsettled_heads *heads_under_way,
                                                 const cf_hash *entry);
bool cf_unsettled_heads_is_under_way(const cf_unsettled_heads *heads_under_way,
                                     const cf_hash *entry);
/* An append of it begins; there may be several of one entry. `tip` is copied. */
void cf_unsettled_heads_begin(cf_unsettled_heads *heads_under_way, const cf_hash *entry,
                              const cf_unsettled_head *tip);
/* An append ended. When it worked, the predecessor is forgotten, else the entry. */
void cf_unsettled_heads_end(cf_unsettled_heads *heads_under_way, const cf_hash *entry,
                            const cf_hash *previous, bool worked);

#endif
