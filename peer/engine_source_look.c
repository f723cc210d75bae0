/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/engine_source_inside.h"

#include <stdio.h>
#include <stdlib.h>

enum { AGAIN_MAX = 200 };

static bool recall(void *context, const cf_stat *stat, cf_hash *hash)
{
    return cf_uploads_recall(context, stat, hash);
}

void cf_source_take_quiet(cf_source_engine *source, uint64_t now_ms)
{
    if (!source->quiet)
        return;
    cf_quiet_due due = cf_quiet_take(source->quiet, now_ms);
    for (size_t i = 0; i < due.count; i++) {
        cf_source_engine_look_at(source, due.folders[i].folder);
        source->absence |= due.folders[i].absence;
    }
    free(due.folders);
    if (due.all || now_ms >= source->rescan_ms) {
        source->look_all = true;
        source->absence = true;
    }
}

bool cf_source_wants_look(const cf_source_engine *source, uint64_t now_ms)
{
    return (source->look_all || source->folder_count) && now_ms >= source->not_before_ms;
}

void cf_source_start_survey(cf_source_engine *source, uint64_t now_ms)
{
    cf_peer *peer = source->workshop->peer;
    bool all = source->look_all || !source->looked;
    cf_survey_options options = {
        .env = peer->env,
        .binding = source->binding,
        .folders = source->folders,
        .folder_count = all ? 0 : source->folder_count,
        .recall = recall,
        .context = source->workshop->uploads,
        .watch = source->workshop->watch,
    };
    uint32_t random;

    source->survey = cf_survey_new(&options);
    source->surveying_all = all;
    free(source->surveyed);
    source->surveyed = source->folders;
    source->surveyed_count = source->folder_count;
    source->folders = NULL;
    source->folder_capacity = 0;
    source->surveying_only = source->look_only;
    source->surveying_absence = source->absence;
    source->look_all = source->look_only = source->absence = false;
    source->folder_count = 0;
    free(source->seen_missing);
    source->seen_missing = NULL;
    source->seen_missing_count = 0;
    if (all && source->quiet) {
        peer->env->random(peer->env->context, &random, sizeof random);
        source->rescan_ms =
            cf_quiet_rescan(now_ms, cf_watch_missing(source->workshop->watch) == 0, random);
    }
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* What is gone counts when it is gone at two looks in a row, and when it isn't too much at once. */
static size_t judge_gone(cf_source_engine *source, const cf_survey_batch *batch, uint64_t *gone)
{
    size_t count = 0, items = cf_nodes_count(source->binding->nodes);
    char reason[160];

    if (!source->surveying_absence || batch->gone_count == 0)
        return 0;
    source->seen_missing = cf_allocate(batch->gone_count, sizeof *gone);
    memcpy(source->seen_missing, batch->gone, batch->gone_count * sizeof *gone);
    source->seen_missing_count = batch->gone_count;
    for (size_t i = 0; i < batch->gone_count; i++)
        if (source->missing_count && (bsearch(&batch->gone[i], source->missing,
                                              source->missing_count, sizeof *gone, by_number)))
            gone[count++] = batch->gone[i];
    if (count < batch->gone_count)
        source->confirm = true;
    if (cf_guard_allows(source->word, count, items))
        return count;
    snprintf(
        reason, sizeof reason,
        "%zu of %zu items are missing here: say --yes or --max-delete to delete them elsewhere too",
        count, items);
    const char *kept = cf_pendings_text(&source->found, reason);
    for (size_t i = 0; i < count; i++)
        cf_source_note_node(source, gone[i], CF_PENDING_HELD, kept);
    source->confirm = false;
    return 0;
}

static cf_status take_batch(cf_source_engine *source, uint64_t now_ms, cf_error *error)
{
    const cf_survey_batch *batch = cf_survey_take(source->survey);
    cf_workshop *workshop = source->workshop;

    const char *silent = source->binding->mode == CF_MODE_RECEIVE ? "this source only receives"
                         : source->surveying_only                 ? NULL
                                                                  : workshop->silent;
    if (source->surveying_only || silent) {
        cf_source_note_batch(source, batch, silent);
        return CF_OK;
    }
    uint64_t *gone = cf_allocate(batch->gone_count, sizeof *gone);
    size_t gone_count = judge_gone(source, batch, gone);
    cf_publishing publishing = {
        .peer = workshop->peer,
        .binding = source->binding,
        .uploads = workshop->uploads,
        .bases = workshop->bases,
        .now_ms = now_ms,
        .waits = cf_source_note_wait,
        .context = source,
    };
    cf_status status = cf_publish_batch(&publishing, batch, gone, gone_count, error);
    if (status == CF_DENIED) {
        cf_source_note_batch(source, batch, cf_pendings_text(&source->found, error->text));
        status = CF_OK;
    }
    workshop->activity += batch->count + gone_count;
    free(gone);
    return status;
}

/* At the places where something had just changed; or, to be sure of what is gone, at the same ones.
 */
static void look_again(cf_source_engine *source, uint64_t now_ms)
{
    size_t count;
    const uint64_t *again = cf_survey_again(source->survey, &count);

    if ((!source->confirm && count == 0) || source->tries >= AGAIN_MAX) {
        source->tries = 0;
        return;
    }
    source->tries++;
    source->look_only |= source->surveying_only;
    source->absence |= source->surveying_absence;
    source->look_all |= source->confirm && source->surveying_all;
    for (size_t i = 0; i < source->surveyed_count && source->confirm; i++)
        cf_source_engine_look_at(source, source->surveyed[i]);
    for (size_t i = 0; i < count; i++)
        cf_source_engine_look_at(source, again[i]);
    source->not_before_ms = now_ms + (count ? CF_SOURCE_AGAIN_MS : 0);
}

static void end_survey(cf_source_engine *source, uint64_t now_ms)
{
    cf_source_renew_notes(source);
    free(source->missing);
    source->missing = source->seen_missing;
    source->missing_count = source->seen_missing_count;
    source->seen_missing = NULL;
    source->seen_missing_count = 0;
    if (source->missing_count)
        qsort(source->missing, source->missing_count, sizeof *source->missing, by_number);
    look_again(source, now_ms);
    source->confirm = false;
    source->looked = true;
    source->looks_now = source->surveying_only;
    cf_survey_destroy(&source->survey);
    if (!source->surveying_only)
        cf_applying_wake(source->applying);
}

cf_status cf_source_step_survey(cf_source_engine *source, uint64_t now_ms, cf_error *error)
{
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
            source->trouble = error->status == CF_IO ? CF_UNSAFE : error->status;
            snprintf(source->trouble_text, sizeof source->trouble_text, "%s", error->text);
            cf_source_let_root_go(source);
            source->reopen_ms = now_ms + CF_SOURCE_REOPEN_MS;
            return CF_OK;
        }
    }
}
