/* SPDX-License-Identifier: Apache-2.0 */
/* What the peer's own files share: how entries, of others (peer.c) or own (publication.c), come
 * into the log. */
#ifndef CF_PEER_LOG_PEER_INSIDE_H
#define CF_PEER_LOG_PEER_INSIDE_H
#include "peer/log/peer.h"

/* Entries on their way into one commit. */
typedef struct {
    cf_peer *peer;
    size_t failed;
    cf_error error;  /* why, when some failed */
    bool keys_kept;  /* new ones */
    cf_hash void_of; /* whose void entry was told last */
} cf_intake;

/* How entries are folded into collections here. */
cf_folding cf_peer_folding(cf_peer *peer);
/* Judges an entry, folds it in and queues it, with `records` which become more. */
cf_status cf_intake_take(cf_intake *in, const cf_entry *entry, cf_bringer bringer,
                         cf_records *records, bool *taken, cf_error *error);
/* Commits what was queued, which answers to `in`, also where taking ended with a failure: `taken`,
 * which is returned then. */
cf_status cf_intake_finish(cf_intake *in, cf_status taken, cf_error *error);

#endif
