/* SPDX-License-Identifier: Apache-2.0 */
/* Which uploads give way: those of the same user that had no piece for CF_ABANDONED_MS, the wanted
 * one itself aside, DROPPED_MAX of them in one look. A session has one such look in
 * CF_ABANDONED_LOOK_MS. Blobs that are whole never give way. */
#include "broker/management/abandoned.h"

enum { DROPPED_MAX = 256 }; /* in one look */

typedef struct {
    cf_service *service;
    cf_quotas *quotas; /* or NULL */
    const cf_hash *user, *wanted;
    cf_blob_usage dropped;
    cf_status status;
    cf_error error;
} dropping;

static cf_status drop(dropping *self, const cf_blob_info *blob)
{
    const cf_service *service = self->service;
    cf_status status = CF_OK;

    if (!self->dropped.count && self->quotas)
        status = cf_quotas_dropping(self->quotas, self->user, &self->error);
    if (!status)
        status = service->blobs->drop_upload(service->blobs, self->user, &blob->id, &self->error);
    if (status)
        return status;
    self->dropped.count++;
    self->dropped.size += blob->size;
    return CF_OK;
}

/* Uploads are listed first. */
static bool look_at(void *context, const cf_blob_info *blob)
{
    dropping *self = context;
    const uint64_t now_ms = self->service->now_ms;

    if (blob->complete || blob->is_aside)
        return false;
    if (!cf_hash_equal(&blob->id, self->wanted) && now_ms > blob->stored_ms &&
        now_ms - blob->stored_ms >= CF_ABANDONED_MS)
        self->status = drop(self, blob);
    return !self->status && self->dropped.count < DROPPED_MAX;
}

bool cf_abandoned_drop(cf_service *service, cf_quotas *quotas, cf_session *session,
                       const cf_hash *wanted)
{
    dropping self = {
        .service = service, .quotas = quotas, .user = cf_log_user(session->log), .wanted = wanted};
    cf_audit_event event = {
        .what = CF_AUDIT_BLOBS_COLLECTED, .user = self.user, .why = "uploads that were given up"};

    if (session->looked_ms && service->steady_ms - session->looked_ms < CF_ABANDONED_LOOK_MS)
        return false;
    session->looked_ms = service->steady_ms;
    cf_status status =
        service->blobs->list(service->blobs, self.user, 0, look_at, &self, &self.error);
    if (status || self.status)
        cf_report(service->env, CF_REPORT_WARNING, "user %s: dropping uploads: %s",
                  cf_user_shorten(self.user).text, self.error.text);
    if (!self.dropped.count)
        return false;
    if (quotas)
        cf_quotas_dropped(quotas, self.user, self.dropped);
    event.size = self.dropped.size;
    cf_service_note(service, &event);
    return true;
}
