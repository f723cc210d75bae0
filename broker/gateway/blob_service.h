/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a gateway that takes and gives blobs: HAVE, PUT, GET and FETCH. */
#ifndef CF_BROKER_GATEWAY_BLOB_SERVICE_H
#define CF_BROKER_GATEWAY_BLOB_SERVICE_H
#include "broker/gateway/session.h"

void cf_blob_service_have(cf_service *service, cf_session *session, const cf_message *message);
void cf_blob_service_put(cf_service *service, cf_session *session, const cf_message *message);
void cf_blob_service_get(cf_service *service, cf_session *session, const cf_message *message);

#endif
