/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/files_source_inside.h"

enum { BLOCKED_MAX = 6, RETRY_MS = 4000, RETRY_DOUBLED = 4 };

/* Who was shut out keeps what it has as it is. */
static bool is_out(const cf_peer *peer)
{
    const cf_device *self = cf_registry_device(cf_log_registry(peer->log), cf_peer_device(peer));

    return self && !self->is_valid;
}

bool cf_source_may_apply(const cf_files_source *source)
{
    return source->looked && !source->agreed && !is_out(source->workshop->peer) &&
           source->binding->mode != CF_MODE_SEND && cf_applying_marked(source->applying);
}

/* A disk that is full makes no sound when there is room again. What else happens meanwhile puts the
 * time off no further. */
static void plan_retry(cf_files_source *source, const cf_applied *applied, uint64_t now_ms)
{
    bool failed = false;

    for (size_t i = 0; i < applied->pending_count; i++)
        failed |= applied->pending[i].kind == CF_PENDING_SKIPPED ||
                  applied->pending[i].kind == CF_PENDING_WAITS;
    if (applied->applied)
        source->retries = 0;
    if (!failed || !source->quiet)
        source->retry_ms = 0;
    else if (!source->retry_ms)
        source->retry_ms = now_ms + ((uint64_t)RETRY_MS << source->retries);
}

void cf_source_retry(cf_files_source *source, uint64_t now_ms)
{
    if (!source->retry_ms || now_ms < source->retry_ms)
        return;
    source->retry_ms = 0;
    source->retries += source->retries < RETRY_DOUBLED;
    cf_downloads_retry(source->workshop->downloads);
    cf_applying_wake(source->applying);
}

cf_status cf_source_step_applying(cf_files_source *source, uint64_t now_ms, cf_error *error)
{
    cf_applied applied;
    bool busy;

    cf_status status = cf_applying_step(source->applying, &busy, error);
    if (status || busy)
        return status;
    cf_applying_result(source->applying, &applied);
    source->applied += applied.applied;
    source->workshop->activity += applied.applied;
    source->guards_again |= applied.applied > 0;
    plan_retry(source, &applied, now_ms);
    if (applied.unveils)
        cf_source_look_at_all(source, CF_ABSENCE_WAITS);
    for (size_t i = 0; i < applied.watched_count; i++)
        cf_source_look_at(source, applied.watched[i], CF_WHOLE_FOLDER, CF_ABSENCE_WAITS);
    if (!applied.look_at->count) {
        source->blocked = 0;
        return CF_OK;
    }
    if (source->blocked++ >= BLOCKED_MAX)
        return CF_OK; /* whatever changes there will bring it up again */
    for (size_t i = 0; i < applied.look_at->count; i++)
        cf_source_look_at(source, applied.look_at->at[i].folder, applied.look_at->at[i].name,
                          CF_ABSENCE_WAITS);
    source->not_before_ms = now_ms + ((uint64_t)CF_SOURCE_AGAIN_MS << source->blocked);
    return CF_OK;
}
