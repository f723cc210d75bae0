/* SPDX-License-Identifier: Apache-2.0 */
/* Why what is shown could not be put into its place when the source was last synced. Only who tries
 * finds that out, which `status` does not.
 *
 *     sync     photo.jpg: this disk is full; it is tried again once there is room
 *     status   photo.jpg: it is new elsewhere; this disk is full; it is tried again once there is
 * room
 */
#ifndef CF_PEER_SOURCES_FILES_WAITS_H
#define CF_PEER_SOURCES_FILES_WAITS_H
#include "peer/bindings/binding.h"
#include "peer/bindings/pendings.h"
#include "peer/log/peer.h"

enum { CF_WAITS_MAX = 1000 }; /* of more, the last by name are not kept */

/* Of what is left, which takes the place of what was kept before. */
cf_status cf_waits_keep(cf_peer *peer, const cf_binding *binding, const cf_pending *left,
                        size_t count, cf_error *error);
/* Adds what was kept, ascending by path, to an empty list. */
void cf_waits_recall(cf_peer *peer, const cf_binding *binding, cf_pendings *out);
/* NULL: nothing is known of it. */
const char *cf_waits_reason(const cf_pendings *kept, cf_bytes path);

#endif
