/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway/eviction.h"

bool cf_session_is_member(const cf_session *session)
{
    const cf_device *device =
        cf_registry_by_curve(cf_log_registry(session->log), session->key.bytes);

    return device && cf_hash_equal(&device->id, &session->device);
}

void cf_session_evict(const cf_service *service, cf_session *session)
{
    cf_refusal refusal = {.request = CF_COMMAND_HELLO,
                          .code = CF_REFUSED_UNKNOWN,
                          .text = "this device is no member any more"};

    cf_outbox_discard(service->outbox, cf_session_destination(session));
    cf_refuse(service, cf_session_destination(session), &refusal);
    cf_session_end(service, session, "the device is no member any more");
}

void cf_sessions_evict(const cf_service *service)
{
    cf_hash user;

    while (cf_users_next_changed(service->users, &user)) {
        cf_users_refresh(service->users, &user);
        for (cf_session *session = cf_sessions_first_of(service->sessions, &user), *after; session;
             session = after) {
            after = cf_sessions_next_of(session);
            if (!cf_session_is_member(session))
                cf_session_evict(service, session);
        }
    }
}
