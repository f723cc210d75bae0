/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/files_source_inside.h"

#include "peer/sources/files/narrow.h"

#include <stdio.h>
#include <stdlib.h>

enum { AGAIN_MAX = 200 };

static bool recall(void *context, const cf_stat *stat, cf_hash *hash)
{
    return cf_uploads_recall(context, stat, hash);
}

void cf_source_look_at(cf_files_source *source, uint64_t folder, cf_absence absence)
{
    size_t i = 0;

    while (i < source->folder_count && source->folders[i].folder != folder)
        i++;
    if (i == source->folder_count) {
        source->folders = cf_grow(source->folders, &source->folder_capacity,
                                  source->folder_count + 1, sizeof *source->folders);
        source->folders[source->folder_count++] = (cf_quiet_folder){folder, absence};
    }
    if (source->folders[i].absence < absence)
        source->folders[i].absence = absence;
}

void cf_source_look_at_all(cf_files_source *source, cf_absence absence)
{
    source->look_all = true;
    if (source->absence < absence)
        source->absence = absence;
}

void cf_source_take_quiet(cf_files_source *source, uint64_t now_ms)
{
    if (!source->quiet)
        return;
    cf_quiet_due due = cf_quiet_take(source->quiet, now_ms);
    for (size_t i = 0; i < due.count; i++)
        cf_source_look_at(source, due.folders[i].folder, due.folders[i].absence);
    free(due.folders);
    if (due.all)
        cf_source_look_at_all(source, due.absence);
    if (now_ms >= source->rescan_ms)
        cf_source_look_at_all(source, CF_ABSENCE_COUNTS);
}

bool cf_source_wants_look(const cf_files_source *source, uint64_t now_ms)
{
    return (source->look_all || source->folder_count) && now_ms >= source->not_before_ms;
}

/* At the beginning of each look, and at its end: what can't be watched is known only then. */
static void plan_rescan(cf_files_source *source, uint64_t now_ms)
{
    const cf_env *env = source->workshop->peer->env;
    uint32_t random;

    if (!source->quiet)
        return;
    bool complete = cf_watch_missing(source->workshop->watch) == 0;
    if (complete && !source->surveying_all)
        return;
    env->random(env->context, &random, sizeof random);
    uint64_t next = cf_quiet_rescan(now_ms, complete, random);
    if (source->surveying_all || next < source->rescan_ms)
        source->rescan_ms = next;
}

void cf_source_start_survey(cf_files_source *source, uint64_t now_ms)
{
    cf_peer *peer = source->workshop->peer;
    bool all = source->look_all || !source->looked;
    uint64_t *numbers = cf_allocate(source->folder_count, sizeof *numbers);
    cf_survey_options options = {
        .env = peer->env,
        .binding = source->binding,
        .folders = numbers,
        .folder_count = all ? 0 : source->folder_count,
        .recall = recall,
        .context = source->workshop->uploads,
        .watch = source->workshop->watch,
    };

    for (size_t i = 0; i < source->folder_count; i++)
        numbers[i] = source->folders[i].folder;
    source->survey = cf_survey_new(&options);
    free(numbers);
    source->surveying_all = all;
    if (source->quiet && all)
        cf_watch_count_anew(source->workshop->watch, (uint32_t)source->binding->number);
    source->held_back &= !all;
    free(source->surveyed);
    source->surveyed = source->folders;
    source->surveyed_count = source->folder_count;
    source->folders = NULL;
    source->folder_capacity = 0;
    source->surveying_only = source->look_only;
    source->surveying_absence = source->absence;
    source->look_all = source->look_only = false;
    source->absence = CF_ABSENCE_WAITS;
    source->folder_count = 0;
    source->seen_missing.count = 0;
    source->waiting.count = 0;
    plan_rescan(source, now_ms);
}

/* Why nothing of this source is published; NULL: nothing forbids it. */
static const char *silence_of(cf_files_source *source)
{
    cf_hash epoch;
    cf_error why;

    if (cf_peer_epoch(source->workshop->peer, &epoch, &why))
        return cf_pendings_text(&source->found, why.text);
    if (source->binding->mode == CF_MODE_RECEIVE)
        return "this source only receives";
    return source->surveying_only ? NULL : source->workshop->silent;
}

static cf_status publish_batch(cf_files_source *source, const cf_survey_batch *batch,
                               uint64_t now_ms, cf_error *error)
{
    cf_workshop *workshop = source->workshop;

    const char *silent = silence_of(source);
    if (source->surveying_only || silent) {
        cf_source_note_batch(source, batch, silent);
        return CF_OK;
    }
    cf_survey_batch judged;
    bool unveils = false;
    cf_source_judge(source, batch, now_ms, &judged);
    cf_publishing publishing = {
        .peer = workshop->peer,
        .binding = source->binding,
        .uploads = workshop->uploads,
        .bases = workshop->bases,
        .now_ms = now_ms,
        .waits = cf_source_note_wait,
        .context = source,
    };
    for (size_t i = 0; i < judged.count; i++)
        unveils |= cf_narrow_is_moved(source->binding, &judged.at[i].finding);
    if (unveils)
        cf_source_look_at_all(source, CF_ABSENCE_WAITS);
    cf_status status =
        cf_publish_batch(&publishing, &judged, judged.gone, judged.gone_count, error);
    if (status == CF_DENIED) {
        cf_source_note_batch(source, batch, cf_pendings_text(&source->found, error->text));
        status = CF_OK;
    }
    workshop->activity += judged.count + judged.gone_count;
    free((void *)judged.gone);
    free((void *)judged.at);
    return status;
}

static cf_status take_batch(cf_files_source *source, uint64_t now_ms, cf_error *error)
{
    const cf_survey_batch *found = cf_survey_take(source->survey);
    cf_survey_batch batch = *found;
    cf_arena arena = {0};

    cf_source_hold_disks(source, &arena, &batch);
    cf_source_hold_back(source, &arena, &batch);
    cf_source_note_waiting(source, found, &batch);
    cf_status status = publish_batch(source, &batch, now_ms, error);
    cf_arena_release(&arena);
    return status;
}

/* At the places where something had just changed; or, to be sure of what is gone, at the same ones.
 */
static void look_again(cf_files_source *source, uint64_t now_ms)
{
    size_t count;
    const uint64_t *again = cf_survey_again(source->survey, &count);

    if ((!source->confirm && count == 0) || source->tries >= AGAIN_MAX) {
        source->tries = 0;
        return;
    }
    source->tries++;
    source->look_only |= source->surveying_only;
    if (source->confirm && source->surveying_all)
        cf_source_look_at_all(source, source->surveying_absence);
    for (size_t i = 0; i < source->surveyed_count && source->confirm; i++)
        cf_source_look_at(source, source->surveyed[i].folder, source->surveyed[i].absence);
    for (size_t i = 0; i < count; i++)
        cf_source_look_at(source, again[i], cf_source_absence_in(source, again[i]));
    source->not_before_ms = now_ms + (count ? CF_SOURCE_AGAIN_MS : 0);
}

static void end_survey(cf_files_source *source, uint64_t now_ms)
{
    cf_source_renew_notes(source);
    cf_source_end_judging(source);
    plan_rescan(source, now_ms);
    look_again(source, now_ms);
    source->confirm = false;
    source->looked = true;
    source->workshop->looks += source->surveying_all;
    source->looks_now = source->surveying_only;
    cf_survey_destroy(&source->survey);
    if (!source->surveying_only)
        cf_applying_wake(source->applying);
}

cf_status cf_source_step_survey(cf_files_source *source, uint64_t now_ms, cf_error *error)
{
    if (source->workshop->awaits_locks && !source->surveying_only)
        return CF_OK;
    for (;;) {
        switch (cf_survey_step(source->survey, now_ms, error)) {
        case CF_SURVEY_WORKING:
            return CF_OK;
        case CF_SURVEY_BATCH: {
            cf_status status = take_batch(source, now_ms, error);

            if (status)
                return status;
            break;
        }
        case CF_SURVEY_DONE:
            end_survey(source, now_ms);
            return CF_OK;
        case CF_SURVEY_FAILED:
            source->trouble = error->status;
            snprintf(source->trouble_text, sizeof source->trouble_text, "%s", error->text);
            cf_source_let_root_go(source);
            source->reopen_ms = now_ms + CF_SOURCE_REOPEN_MS;
            return CF_OK;
        }
    }
}
