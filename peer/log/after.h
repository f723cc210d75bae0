/* SPDX-License-Identifier: Apache-2.0 */
/* Which heads an entry names in `after`, where there are more than fit: those that it can't be
 * judged or read without, and then the newest. The others go into the next entries of its chain,
 * which knows what it has told. */
#ifndef CF_PEER_LOG_AFTER_H
#define CF_PEER_LOG_AFTER_H
#include "broker/log/log.h"
#include "codec/change.h"
#include "codec/heads.h"

typedef struct {
    cf_log *log;
    const cf_id *collection;
    const cf_hash *device; /* the author */
    const cf_hash *epoch;  /* that the entry is sealed under; NULL in the member log */
    const cf_heads *members;
    const cf_heads *told;
    const cf_body *body; /* NULL in the member log */
    size_t blob_count;   /* of the body's entry */
    size_t most;         /* heads in one `after` */
} cf_after;

/* Leaves of `heads`, which are all that the chain has not told yet, so many as fit: of the member
 * log, then those that hold what the body names, then the newest. (Of the member log no more than
 * half, where the others would not fit.) */
cf_status cf_after_cut(const cf_after *after, cf_heads *heads, cf_error *error);
/* Whether what the body names takes more than an entry has room for: then one goes before it that
 * says nothing else. */
bool cf_after_is_beyond(const cf_after *after, const cf_heads *heads);

#endif
