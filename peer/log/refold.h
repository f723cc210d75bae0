/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says, worked out anew from its entries alone: for checking what is recorded of it,
 * and for making these records again. */
#ifndef CF_PEER_LOG_REFOLD_H
#define CF_PEER_LOG_REFOLD_H
#include "peer/log/peer.h"

typedef struct {
    cf_collection **at;
    size_t count, capacity;
} cf_refolded; /* {0} is empty */

/* Folds every entry; of void ones only what they say of contents. With `write` the records that
 * come of it are written, unsynced. Entries that can't be read are left out, as the first time. */
cf_status cf_refold(cf_peer *peer, bool write, cf_refolded *out, cf_error *error);
/* The same of some collections; nothing is written, and what is to be noted of contents and of what
 * waits goes to `records`: once they are written, or never will be, cf_contents_settle. */
cf_status cf_refold_some(cf_peer *peer, const cf_ids *collections, cf_kv_list *records,
                         cf_refolded *out, cf_error *error);
void cf_refolded_release(cf_refolded *refolded);

/* Deletes all records of a table of the user's. */
cf_status cf_table_clear(cf_peer *peer, cf_table_letter table, cf_error *error);

#endif
