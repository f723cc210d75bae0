/* SPDX-License-Identifier: Apache-2.0 */
/* When a folder as a source applies, and what follows when that has ended: what stood in the way is
 * looked at some times in a row; what failed is tried again, later each time; a disk that takes
 * nothing is told once. */
#include "peer/sources/files/files_source_inside.h"

#include <stdio.h>

/* Looks in a row at what is in the way: it may be about to be saved, and is published then. What is
 * kept to itself stays in the way. */
enum { BLOCKED_MAX = 6, BLOCKED_ONCE = 1, RETRY_MS = 4000, RETRY_DOUBLED = 4 };

/* Who was shut out keeps what it has as it is. */
static bool may_compare(const cf_files_source *source)
{
    return source->looked && !source->agreed && !cf_peer_is_out(source->context->peer);
}

bool cf_files_source_may_apply(const cf_files_source *source)
{
    return may_compare(source) && source->binding->mode != CF_MODE_SEND &&
           cf_applying_marked(source->applying);
}

cf_pending_counts cf_files_source_count_left(const cf_files_source *source)
{
    cf_applied applied;

    cf_applying_result(source->applying, &applied);
    return source->binding->mode == CF_MODE_SEND ? (cf_pending_counts){0} : applied.counts;
}

void cf_files_source_compare(cf_files_source *source, cf_pendings *pendings)
{
    cf_error error;

    if (source->binding->mode == CF_MODE_SEND && may_compare(source) && !source->trouble &&
        cf_applying_compare(source->applying, &error))
        cf_pendings_add(pendings, CF_PENDING_SKIPPED,
                        cf_bytes_of_text(cf_binding_file_name(source->binding)), error.text);
}

static bool has_failed(const cf_applied *applied)
{
    return applied->counts.of[CF_PENDING_SKIPPED] || applied->counts.of[CF_PENDING_WAITS];
}

/* Who serves sees no list of what waits: a line when it begins, and one when it is over.
 *
 *     12:00:00  10 files come, the disk is full      "this disk is full; …"
 *     12:00:04  they are tried again, one goes in    nothing: the others say the same
 *     12:20:00  there is room, all go in             "its disk can be written to again"
 */
static void tell_disk(cf_files_source *source, const cf_applied *applied)
{
    const cf_env *env = source->context->peer->env;

    if (applied->disk && !source->disk_text[0]) {
        snprintf(source->disk_text, sizeof source->disk_text, "%s", applied->disk);
        cf_report(env, CF_REPORT_WARNING, "%s: %s", source->binding->path, source->disk_text);
    } else if (source->disk_text[0] && !has_failed(applied)) {
        source->disk_text[0] = '\0';
        cf_report(env, CF_REPORT_NOTICE, "%s: its disk can be written to again",
                  source->binding->path);
    }
}

/* Of a source that is kept in sync all the time nothing is kept: that one tells it itself. Where it
 * can't be kept, as in a home that is full, `status` says less, and nothing else waits for it. */
static void keep_waits(cf_files_source *source, const cf_applied *applied)
{
    cf_peer *peer = source->context->peer;
    cf_error error;

    if (source->debounce && source->keeps_waits)
        return;
    source->keeps_waits =
        cf_waits_keep(peer, source->binding, applied->pending,
                      source->debounce ? 0 : applied->pending_count, &error) == CF_OK;
    if (!source->keeps_waits)
        cf_report(peer->env, CF_REPORT_DETAIL, "keeping why something waits: %s", error.text);
}

/* A disk that is full makes no sound when there is room again. What else happens meanwhile puts the
 * time off no further. */
static void plan_retry(cf_files_source *source, const cf_applied *applied, uint64_t now_ms)
{
    bool failed = has_failed(applied);

    if (applied->applied)
        source->retries = 0;
    if (applied->awaits_more)
        source->retry_ms = now_ms + CF_SOURCE_CALM_MS;
    else if (!failed || !source->debounce)
        source->retry_ms = 0;
    else if (!source->retry_ms)
        source->retry_ms = now_ms + ((uint64_t)RETRY_MS << source->retries);
}

void cf_files_source_retry(cf_files_source *source, uint64_t now_ms)
{
    if (!source->retry_ms || now_ms < source->retry_ms)
        return;
    source->retry_ms = 0;
    source->retries += source->retries < RETRY_DOUBLED;
    cf_downloads_retry(source->context->downloads);
    cf_applying_wake(source->applying);
}

static void end_applying(cf_files_source *source, uint64_t now_ms)
{
    cf_applied applied;

    cf_applying_result(source->applying, &applied);
    source->applied += applied.applied;
    source->context->activity += applied.applied;
    source->guards_again |= applied.applied > 0;
    if (!applied.awaits_more)
        source->awaited_ms = 0;
    else if (!source->awaited_ms)
        source->awaited_ms = now_ms;
    plan_retry(source, &applied, now_ms);
    if (source->debounce)
        tell_disk(source, &applied);
    keep_waits(source, &applied);
    source->reopen |= applied.torn;
    if (applied.unveils)
        cf_files_source_look_at_all(source, CF_ABSENCE_WAITS);
    for (size_t i = 0; i < applied.watched_count; i++)
        cf_files_source_look_at(source, applied.watched[i], CF_WHOLE_FOLDER, CF_ABSENCE_WAITS);
    if (!applied.look_at->count) {
        source->blocked = 0;
        return;
    }
    if (source->blocked++ >= (cf_files_source_silence(source) ? BLOCKED_ONCE : BLOCKED_MAX))
        return; /* whatever changes there will bring it up again */
    for (size_t i = 0; i < applied.look_at->count; i++)
        cf_files_source_look_at(source, applied.look_at->at[i].folder, applied.look_at->at[i].name,
                                CF_ABSENCE_WAITS);
    source->not_before_ms = now_ms + ((uint64_t)CF_SOURCE_AGAIN_MS << source->blocked);
}

/* Who serves gets entries as they are written; but nothing waits for ever. */
static bool more_comes(const cf_files_source *source, uint64_t now_ms)
{
    const uint64_t came_ms = source->context->came_ms;

    return source->debounce && now_ms >= came_ms && now_ms < came_ms + CF_SOURCE_CALM_MS &&
           (!source->awaited_ms || now_ms < source->awaited_ms + CF_SOURCE_POSTPONED_MS);
}

cf_status cf_files_source_begin_applying(cf_files_source *source, uint64_t now_ms, cf_error *error)
{
    cf_pendings_release(&source->waits);
    if (source->looks_now)
        cf_waits_recall(source->context->peer, source->binding, &source->waits);
    const cf_applying_how how = {
        .word = source->word, .dry = source->looks_now, .more_comes = more_comes(source, now_ms)};
    cf_status status = cf_applying_begin(source->applying, &how, error);
    if (!status && !source->looks_now && !cf_applying_busy(source->applying))
        end_applying(source, now_ms); /* what waited is wanted no more */
    return status;
}

cf_status cf_files_source_step_applying(cf_files_source *source, uint64_t now_ms, cf_error *error)
{
    bool busy;

    cf_status status = cf_applying_step(source->applying, &busy, error);
    if (!status && !busy)
        end_applying(source, now_ms);
    return status;
}

void cf_files_source_finish_applying(cf_files_source *source)
{
    const cf_env *env = source->context->peer->env;
    cf_status status = CF_OK;
    cf_error ignored; /* what fails so fails again when the base is written next */

    while (!status && cf_applying_busy(source->applying)) {
        cf_applying_await(source->applying);
        status = cf_files_source_step_applying(source, env->now_ms(env->context), &ignored);
    }
}
