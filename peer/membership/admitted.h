/* SPDX-License-Identifier: Apache-2.0 */
/* What the owner's device that let this one in said of the member log: the broker has no part in
 * that, so what it lacks of it, it holds back. */
#ifndef CF_PEER_MEMBERSHIP_ADMITTED_H
#define CF_PEER_MEMBERSHIP_ADMITTED_H
#include "codec/heads.h"
#include "peer/log/peer.h"

/* Durable at return. */
cf_status cf_admitted_keep(cf_home *home, const cf_heads *members, cf_error *error);
/* CF_OK when the log has all of it, and from then on; CF_MALFORMED: the broker holds it back. */
cf_status cf_admitted_check(const cf_peer *peer, cf_error *error);

#endif
