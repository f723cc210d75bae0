/* SPDX-License-Identifier: Apache-2.0 */
/* What an exchange or a step aside brought into the temporary folder: what the base had, which may
 * go, or something that a user saved in the last moment, which returns. */
#ifndef CF_PEER_SOURCES_FILES_DISPLACED_H
#define CF_PEER_SOURCES_FILES_DISPLACED_H
#include "broker/files.h"
#include "peer/merge/node.h"

/* Where it is, and where it stood. */
typedef struct {
    cf_files *files;
    const cf_folder *temporary;
    cf_bytes temporary_name;
    const cf_folder *folder;
    cf_bytes name;
} cf_displaced;

/* What stands there is the file that this stat is of, with its bytes as far as a stat can tell, and
 * nobody is writing. */
bool cf_displaced_holds(const cf_displaced *displaced, const cf_node_stat *stat);
/* It has the bytes that the base's node had, as far as a stat can tell, and nobody is writing. */
bool cf_displaced_is_base(const cf_displaced *displaced, const cf_node *node);

/* Brings it back to its place, or, if something stands there, under a free name beside, durably:
 * nothing that a user saved is dropped. A failure leaves it in the temporary folder. */
cf_status cf_displaced_return(const cf_displaced *displaced, cf_error *error);

/* The same for what was exchanged for our own file, which is `ours` and now stands in its place:
 * the two change places again. If a user has put something newer there, that stays. */
cf_status cf_displaced_exchange(const cf_displaced *displaced, const cf_node_stat *ours,
                                cf_error *error);

#endif
