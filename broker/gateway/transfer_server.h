/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a gateway that takes and gives blobs: HAVE, PUT, GET and FETCH. */
#ifndef CF_BROKER_GATEWAY_TRANSFER_SERVER_H
#define CF_BROKER_GATEWAY_TRANSFER_SERVER_H
#include "broker/gateway/session.h"

void cf_transfer_have(cf_service *service, cf_session *session, const cf_message *message);
void cf_transfer_put(cf_service *service, cf_session *session, const cf_message *message);
void cf_transfer_get(cf_service *service, cf_session *session, const cf_message *message);

#endif
