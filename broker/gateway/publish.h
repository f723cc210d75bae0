/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a gateway that takes entries: PUBLISH to ACCEPTED or REFUSED. */
#ifndef CF_BROKER_GATEWAY_PUBLISH_H
#define CF_BROKER_GATEWAY_PUBLISH_H
#include "broker/gateway/session.h"

void cf_publish(cf_service *service, cf_session *session, const cf_message *message);

/* For cf_offer: whether the blobs have it whole; `context` is a cf_blobs. */
bool cf_blob_is_stored(void *blobs, const cf_hash *user, const cf_hash *blob);
/* Names blobs that are missing, as many messages as it takes. */
/* The same to all sessions of a user that were welcomed; others are told when they are. */
void cf_send_wanted_to_all(const cf_service *service, const cf_hash *user, const cf_hash *blobs,
                           size_t count);
void cf_send_wanted(const cf_service *service, const cf_session *session, const cf_hash *blobs,
                    size_t count);

#endif
