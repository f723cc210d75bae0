/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/engine_source_inside.h"

#include "peer/intents.h"
#include "peer/owed.h"

#include <stdio.h>
#include <stdlib.h>

enum { OWED_MS = 5000 };

cf_source_engine *cf_source_engine_new(cf_workshop *workshop, cf_binding *binding)
{
    cf_source_engine *source = cf_allocate(1, sizeof *source);

    source->workshop = workshop;
    source->binding = binding;
    source->applying = cf_applying_new(
        &(cf_applying_options){workshop->peer, binding, workshop->downloads, workshop->bases});
    source->quiet = workshop->watch ? cf_quiet_new() : NULL;
    return source;
}

void cf_source_engine_destroy(cf_source_engine **source)
{
    if (!*source)
        return;
    cf_survey_destroy(&(*source)->survey);
    cf_applying_destroy(&(*source)->applying);
    cf_quiet_destroy(&(*source)->quiet);
    cf_pendings_release(&(*source)->found);
    cf_pendings_release(&(*source)->notes);
    free((*source)->folders);
    free((*source)->surveyed);
    free((*source)->missing);
    free((*source)->seen_missing);
    free((*source)->gone);
    free(*source);
    *source = NULL;
}

uint64_t cf_source_engine_applied(const cf_source_engine *source)
{
    return source->applied;
}

void cf_source_engine_look(cf_source_engine *source, bool look_only, cf_delete_word word,
                           uint64_t now_ms)
{
    /* One that is served is kept in sync all the time: `status` must not hold that up, nor have
     * it believe sooner that something is gone. */
    cf_absence absence = CF_ABSENCE_COUNTS;
    if (look_only && source->quiet) {
        look_only = false;
        word = (cf_delete_word){0}; /* of a dry run, where nothing is meant */
        absence = CF_ABSENCE_WAITS;
    }
    source->asked = true;
    cf_source_look_at_all(source, absence);
    source->look_only = look_only;
    source->word = word;
    source->tries = source->blocked = 0;
    source->not_before_ms = now_ms;
    source->reopen_ms = source->owed_ms = 0;
    source->retries = 0;
    if (source->look_only)
        return;
    cf_downloads_retry(source->workshop->downloads);
    cf_applying_wake(source->applying);
}

void cf_source_engine_look_again(cf_source_engine *source, uint64_t now_ms)
{
    if (!source->looked || source->look_only)
        return;
    source->look_all = true;
    source->absence = CF_ABSENCE_COUNTS;
    source->not_before_ms = now_ms;
}

void cf_source_engine_end_word(cf_source_engine *source)
{
    source->word = (cf_delete_word){0};
}

void cf_source_engine_look_at(cf_source_engine *source, uint64_t folder)
{
    cf_source_look_at(source, folder, CF_ABSENCE_WAITS);
}

void cf_source_engine_changed(cf_source_engine *source, uint64_t folder, cf_event_kind kind,
                              uint64_t now_ms)
{
    if (folder & CF_WATCH_UNKNOWN)
        cf_quiet_note_all(source->quiet, kind, now_ms);
    else
        cf_quiet_note(source->quiet, folder, kind, now_ms);
}

void cf_source_engine_mark(cf_source_engine *source, const cf_id *directories, size_t count)
{
    cf_applying_mark(source->applying, directories, count);
}

void cf_source_engine_wake(cf_source_engine *source)
{
    cf_applying_wake(source->applying);
}

/* Who works in it ends first. */
void cf_source_let_root_go(cf_source_engine *source)
{
    cf_workshop *workshop = source->workshop;

    cf_survey_destroy(&source->survey);
    cf_uploads_forget(workshop->uploads, source->binding);
    cf_downloads_forget(workshop->downloads, source->binding);
    cf_bases_forget(workshop->bases, source->binding);
    cf_binding_close_root(source->binding, workshop->peer->env->files);
    source->reopen = false;
}

void cf_source_engine_reopen(cf_source_engine *source)
{
    source->reopen = true;
    source->reopen_ms = 0;
}

/* ---- The root ---- */

/* A folder that is held stays the same wherever it is moved: what its path leads to may be another
 * one by now. */
static bool is_root_in_place(const cf_source_engine *source)
{
    cf_files *files = source->workshop->peer->env->files;
    cf_folder *there = NULL;
    cf_stat held, now;
    cf_error ignored;

    bool same = files->open_root(files, source->binding->path, &there, &ignored) == CF_OK &&
                files->stat_folder(files, there, &now, &ignored) == CF_OK &&
                files->stat_folder(files, source->binding->root, &held, &ignored) == CF_OK &&
                cf_stat_same_file(&held, &now);
    files->close_folder(files, &there);
    return same;
}

static bool hold_root(cf_source_engine *source, uint64_t now_ms)
{
    const cf_env *env = source->workshop->peer->env;
    cf_error error;

    if (source->binding->root)
        return true;
    if (now_ms < source->reopen_ms)
        return false;
    cf_status status = cf_binding_open_root(source->binding, env->files, &error);
    if (!status) {
        status = cf_intents_recover(source->workshop->peer, source->binding, &error);
        if (status)
            cf_binding_close_root(source->binding, env->files);
    }
    if (status && source->trouble != status)
        cf_report(env, CF_REPORT_WARNING, "%s", error.text);
    source->trouble = status;
    snprintf(source->trouble_text, sizeof source->trouble_text, "%s", status ? error.text : "");
    source->reopen_ms = now_ms + CF_SOURCE_REOPEN_MS;
    source->look_all |= !status;
    if (!status)
        source->absence = CF_ABSENCE_COUNTS;
    return !status;
}

/* False: the root has gone from its place, and is let go. */
static bool check_root(cf_source_engine *source)
{
    if ((!source->look_all && source->looked) || is_root_in_place(source))
        return true;
    cf_source_engine_reopen(source);
    return false;
}

/* ---- Going on ---- */

/* What has returned is looked at wherever it is now. */
static cf_status pay_owed(cf_source_engine *source, uint64_t now_ms, cf_error *error)
{
    cf_binding *binding = source->binding;
    size_t settled;

    if (!binding->owed_count || now_ms < source->owed_ms || source->survey ||
        cf_applying_busy(source->applying))
        return CF_OK;
    source->owed_ms = now_ms + OWED_MS;
    cf_status status = cf_owed_settle(source->workshop->peer, binding, &settled, error);
    source->look_all |= settled > 0;
    return status;
}

static void earlier(uint64_t *deadline, uint64_t at_ms)
{
    if (at_ms < *deadline)
        *deadline = at_ms;
}

cf_status cf_source_engine_step(cf_source_engine *source, uint64_t now_ms, uint64_t *deadline,
                                cf_error *error)
{
    cf_status status = CF_OK;

    if (!source->quiet && !source->asked)
        return CF_OK;
    cf_source_take_quiet(source, now_ms);
    cf_source_retry(source, now_ms);
    if (source->reopen && !cf_applying_busy(source->applying))
        cf_source_let_root_go(source);
    if (!hold_root(source, now_ms)) {
        if (source->quiet)
            earlier(deadline, source->reopen_ms);
        source->look_all = false;
        source->folder_count = 0;
        return CF_OK;
    }
    status = pay_owed(source, now_ms, error);
    for (bool on = true; !status && on && source->binding->root;) {
        on = false;
        if (source->survey) {
            status = cf_source_step_survey(source, now_ms, error);
            on = !source->survey;
        } else if (cf_applying_busy(source->applying)) {
            status = cf_source_step_applying(source, now_ms, error);
            on = !cf_applying_busy(source->applying);
        } else if (cf_source_guard_is_due(source)) {
            status = cf_source_guard(source, error);
            on = true;
        } else if (cf_source_wants_look(source, now_ms)) {
            if (!check_root(source))
                return cf_source_engine_step(source, now_ms, deadline, error);
            cf_source_start_survey(source, now_ms);
            on = true;
        } else if (cf_source_may_apply(source)) {
            status = cf_applying_begin(source->applying, source->word, source->looks_now, error);
            on = true;
        }
    }
    if (source->look_all || source->folder_count)
        earlier(deadline, source->not_before_ms);
    if (source->retry_ms)
        earlier(deadline, source->retry_ms);
    if (source->quiet) {
        earlier(deadline, cf_quiet_next(source->quiet));
        earlier(deadline, source->rescan_ms);
        if (source->binding->owed_count)
            earlier(deadline, source->owed_ms);
    }
    return status;
}

bool cf_source_engine_busy(const cf_source_engine *source, uint64_t now_ms)
{
    (void)now_ms;
    return source->survey || cf_applying_busy(source->applying) || source->look_all ||
           source->folder_count || (source->binding->root && cf_source_may_apply(source));
}

/* ---- Status ---- */

static void add_owed(const cf_source_engine *source, cf_pendings *pendings)
{
    const cf_binding *binding = source->binding;
    cf_buffer path = {0}, reason = {0};

    for (size_t i = 0; i < binding->owed_count; i++) {
        cf_buffer_clear(&path);
        cf_buffer_clear(&reason);
        cf_owed_tell(binding, &binding->owed[i], &path, &reason);
        cf_pendings_add(pendings, CF_PENDING_SKIPPED, cf_buffer_view(&path),
                        (const char *)reason.data);
    }
    cf_buffer_release(&path);
    cf_buffer_release(&reason);
}

void cf_source_engine_status(const cf_source_engine *source, cf_pendings *pendings,
                             const char *sending, cf_binding_status *out)
{
    cf_applied applied;

    add_owed(source, pendings);
    cf_applying_result(source->applying, &applied);
    for (size_t i = 0; i < source->notes.count; i++) {
        const cf_pending *note = &source->notes.at[i];

        cf_pendings_add(pendings, note->kind, note->path, note->reason ? note->reason : sending);
    }
    for (size_t i = 0; i < applied.pending_count; i++)
        cf_pendings_add(pendings, applied.pending[i].kind, applied.pending[i].path,
                        applied.pending[i].reason);
    *out = (cf_binding_status){
        .binding = source->binding,
        .items = cf_nodes_count(source->binding->nodes),
        .trouble = source->trouble,
        .trouble_text = source->trouble_text,
    };
}
