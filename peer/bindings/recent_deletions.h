/* SPDX-License-Identifier: Apache-2.0 */
/* What went from a source within the last minute. A tree is rarely removed in one look, and what
 * goes bit by bit is judged with what went just before: of what was there a minute ago. Pure: the
 * time is an argument. */
#ifndef CF_PEER_BINDINGS_RECENT_DELETIONS_H
#define CF_PEER_BINDINGS_RECENT_DELETIONS_H
#include "codec/ids.h"

#include <stddef.h>

#define CF_RECENT_MS UINT64_C(60000)

typedef struct {
    cf_id item;
    uint64_t at_ms;   /* when it was let go */
    uint64_t born_ms; /* since when there was such an item */
    bool older;       /* not made by who deleted it within the hour before */
} cf_recent_deletion;

typedef struct {
    cf_recent_deletion *at; /* in the order of the items, each once */
    size_t count, capacity;
} cf_recent_deletions; /* {0} is empty */

/* Takes these up, in any order, which changes; drops what went more than a minute before. */
void cf_recent_add(cf_recent_deletions *recent, cf_recent_deletion *added, size_t count,
                   uint64_t now_ms);

typedef struct {
    uint64_t items;
    uint64_t older; /* of them */
} cf_recent_count;

/* Of what was there a minute ago, how many went, without these of `missing`: they are missing
 * still. What came and went within the minute doesn't count: a folder through which files pass is
 * emptied all the time. */
cf_recent_count cf_recent_counted(const cf_recent_deletions *recent, const cf_id *missing,
                                  size_t count, uint64_t now_ms);
/* What went before this process began: only how much, and until when that counts. */
typedef struct {
    cf_recent_count count;
    uint64_t until_ms;
} cf_recent_earlier;

cf_recent_count cf_recent_earlier_counted(const cf_recent_earlier *earlier, uint64_t now_ms);
void cf_recent_release(cf_recent_deletions *recent);

#endif
