/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints that devices say: each is kept until the same device says another, and the others get
 * it. What they mean is the devices' affair. codec/PROTOCOL.md, "Checkpoints". */
#ifndef CF_BROKER_GATEWAY_CHECKPOINTS_H
#define CF_BROKER_GATEWAY_CHECKPOINTS_H
#include "broker/gateway/session.h"

/* CHECKPOINT: kept, not synced, and answered by the others'. */
void cf_checkpoints_take(cf_service *service, cf_session *session, const cf_message *message);

#endif
