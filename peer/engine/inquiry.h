/* SPDX-License-Identifier: Apache-2.0 */
/* A question to the broker, on a link of its own: where the log is, what it holds, what devices
 * have applied. No entry is sent or taken. A handler. */
#ifndef CF_PEER_ENGINE_INQUIRY_H
#define CF_PEER_ENGINE_INQUIRY_H
#include "peer/engine/connections.h"
#include "peer/engine/findings.h"
#include "peer/log/peer.h"

typedef struct cf_inquiry cf_inquiry;

/* CF_MISSING without a broker. */
cf_status cf_inquiry_new(const cf_connections *connections, const cf_peer *peer,
                         uint64_t timeout_ms, cf_inquiry **out, cf_error *error);
void cf_inquiry_destroy(cf_inquiry **inquiry);

/* True when it is answered, or won't be. */
bool cf_inquiry_over(const cf_inquiry *inquiry, uint64_t now_ms, uint64_t *deadline_ms,
                     cf_status *status, cf_error *error);
/* Until it is asked again. */
const cf_findings *cf_inquiry_findings(const cf_inquiry *inquiry);
/* Asks anew; the time that the answer may take begins. */
void cf_inquiry_again(cf_inquiry *inquiry);

#endif
