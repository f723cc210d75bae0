/* SPDX-License-Identifier: Apache-2.0 */
/* To deselect: the base forgets what `--include` doesn't ask for. It stays on the disk as it is,
 * and is nobody's business any more: nothing of it is published, neither an edit nor that it is
 * gone.
 */
#ifndef CF_PEER_SOURCES_FILES_DESELECT_H
#define CF_PEER_SOURCES_FILES_DESELECT_H
#include "peer/bindings/binding.h"
#include "peer/merge/diff.h"

/* How many files and links of the base are not asked for. */
size_t cf_deselect_count(const cf_binding *binding);
/* Forgets them, and what wasn't asked for meanwhile, since this was done last; and directories that
 * lead to nothing then. Whatever is asked for again of that is met as if it had never been known.
 */
cf_status cf_deselect_base(cf_peer *peer, cf_binding *binding, cf_error *error);

/* A known directory is in another place now, where of what is in it something else may be asked
 * for.
 */
bool cf_deselect_is_moved(const cf_binding *binding, const cf_finding *finding);
/* The node has come to where it is now by this device's user: forgets it if it is not asked for
 * there; `below`: and what is in it. Directories that are passed through stay. */
void cf_deselect_node(cf_binding *binding, uint64_t number, bool below, cf_kv_list *records);

#endif
