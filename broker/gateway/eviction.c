/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a session lasts: its key is a member's by the member log of now, and that member is its
 * device. Who is evicted hears why in the place of all that waited, and the connection is cut
 * CF_EVICTED_MS later, in the order in which they were noted. */
#include "broker/gateway/eviction.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    cf_routing_id routing_id;
    uint64_t at_ms; /* when it is to be cut */
} eviction;

struct cf_evictions {
    eviction *all;
    size_t count, capacity;
};

cf_evictions *cf_evictions_new(void)
{
    return cf_allocate(1, sizeof(cf_evictions));
}

void cf_evictions_destroy(cf_evictions **evictions)
{
    if (!*evictions)
        return;
    free((*evictions)->all);
    free(*evictions);
    *evictions = NULL;
}

uint64_t cf_evictions_deadline(const cf_evictions *evictions)
{
    return evictions->count ? evictions->all[0].at_ms : UINT64_MAX;
}

static void drop(cf_evictions *evictions, size_t at)
{
    memmove(evictions->all + at, evictions->all + at + 1,
            (--evictions->count - at) * sizeof *evictions->all);
}

bool cf_evictions_take(cf_evictions *evictions, uint64_t steady_ms, cf_routing_id *out)
{
    if (cf_evictions_deadline(evictions) > steady_ms)
        return false;
    *out = evictions->all[0].routing_id;
    drop(evictions, 0);
    return true;
}

void cf_evictions_forget(cf_evictions *evictions, cf_bytes routing_id)
{
    for (size_t i = evictions->count; i-- > 0;)
        if (cf_bytes_equal(
                cf_bytes_of(evictions->all[i].routing_id.bytes, evictions->all[i].routing_id.size),
                routing_id))
            drop(evictions, i);
}

void cf_evictions_note(const cf_service *service, const cf_session *session)
{
    cf_evictions *evictions = service->evictions;

    cf_evictions_forget(evictions, cf_session_destination(session));
    *cf_one_more(evictions->all, evictions->count, evictions->capacity) =
        (eviction){session->routing_id, service->steady_ms + CF_EVICTED_MS};
}

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

    cf_evictions_note(service, session);
    cf_outbox_discard(service->outbox, cf_session_destination(session));
    cf_refuse(service, cf_session_destination(session), &refusal);
    cf_session_end(service, session, "the device is no member any more");
}

void cf_sessions_evict_nonmembers(const cf_service *service, const cf_hash *user)
{
    cf_users_refresh(service->users, user);
    for (cf_session *session = cf_sessions_first_of(service->sessions, user), *after; session;
         session = after) {
        after = cf_sessions_next_of(session);
        if (!cf_session_is_member(session))
            cf_session_evict(service, session);
    }
}
