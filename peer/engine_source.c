/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/engine_source.h"

#include "peer/intents.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    AGAIN_MS = 15,
    AGAIN_MAX = 200,
    BLOCKED_MAX = 6,
    REOPEN_MS = 5000,
    RETRY_MS = 4000,
    RETRY_DOUBLED = 4
};

struct cf_source_engine {
    cf_workshop *workshop;
    cf_binding *binding;
    cf_applying *applying;
    cf_survey *survey;
    cf_quiet *quiet;

    bool look_all, look_only, absence; /* of the next look */
    uint64_t *folders;                 /* to look at next */
    size_t folder_count, folder_capacity;
    uint64_t not_before_ms;
    int tries;   /* looks in a row because something had just changed */
    int blocked; /* runs of apply in a row that found the disk not as the base has it */
    bool looked, looks_now;
    uint64_t rescan_ms;
    cf_delete_word word;

    bool surveying_all, surveying_only, surveying_absence;
    uint64_t *surveyed; /* the directories of the look under way */
    size_t surveyed_count;
    uint64_t *missing; /* nodes that were not there at the last look; they count if they are not
                          there again */
    size_t missing_count;
    uint64_t *seen_missing;
    size_t seen_missing_count;
    bool confirm; /* look again at once: something seems to be gone */

    cf_pendings found; /* by the survey under way */
    cf_pendings notes; /* by the last one */
    cf_status trouble;
    char trouble_text[CF_ERROR_TEXT];
    bool reopen; /* the root, as soon as nothing is being put there */
    uint64_t reopen_ms, applied;
    uint64_t retry_ms; /* when what could not be applied is tried again; 0: never */
    int retries;       /* in a row */
};

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
    /* One that is served is kept in sync all the time: `status` must not hold that up. */
    if (look_only && source->quiet) {
        look_only = false;
        word = (cf_delete_word){0}; /* of a dry run, where nothing is meant */
    }
    source->look_all = true;
    source->absence = true;
    source->look_only = look_only;
    source->word = word;
    source->tries = source->blocked = 0;
    source->not_before_ms = now_ms;
    source->reopen_ms = 0;
    source->retries = 0;
    if (source->look_only)
        return;
    cf_downloads_retry(source->workshop->downloads);
    cf_applying_wake(source->applying);
}

void cf_source_engine_end_word(cf_source_engine *source)
{
    source->word = (cf_delete_word){0};
}

void cf_source_engine_look_at(cf_source_engine *source, uint64_t folder)
{
    for (size_t i = 0; i < source->folder_count; i++)
        if (source->folders[i] == folder)
            return;
    source->folders = cf_grow(source->folders, &source->folder_capacity, source->folder_count + 1,
                              sizeof *source->folders);
    source->folders[source->folder_count++] = folder;
}

void cf_source_engine_changed(cf_source_engine *source, uint64_t folder, cf_event_kind kind,
                              uint64_t now_ms)
{
    if (folder & CF_WATCH_UNKNOWN)
        cf_quiet_note_all(source->quiet, now_ms);
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
static void let_root_go(cf_source_engine *source)
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
    source->reopen_ms = now_ms + REOPEN_MS;
    source->look_all |= !status;
    source->absence |= !status;
    return !status;
}

/* ---- Looking ---- */

static bool recall(void *context, const cf_stat *stat, cf_hash *hash)
{
    return cf_uploads_recall(context, stat, hash);
}

static void take_quiet(cf_source_engine *source, uint64_t now_ms)
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

static bool wants_look(const cf_source_engine *source, uint64_t now_ms)
{
    return (source->look_all || source->folder_count) && now_ms >= source->not_before_ms;
}

/* False: the root has gone from its place, and is let go. */
static bool check_root(cf_source_engine *source)
{
    if ((!source->look_all && source->looked) || is_root_in_place(source))
        return true;
    cf_source_engine_reopen(source);
    return false;
}

static void start_survey(cf_source_engine *source, uint64_t now_ms)
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

static void note_wait(void *context, const cf_observation *seen, cf_upload_answer why)
{
    cf_source_engine *source = context;
    cf_buffer path = {0};
    const char *reason = why == CF_UPLOAD_WAITS     ? "it waits for the broker"
                         : why == CF_UPLOAD_STARTED ? "it is being sent"
                                                    : "it has to be read again";

    cf_binding_path(source->binding, seen->finding.parent, &path);
    if (path.size)
        cf_buffer_append(&path, "/", 1);
    cf_buffer_append(&path, seen->finding.name.data, seen->finding.name.size);
    cf_pendings_add(&source->found, CF_PENDING_WAITS, cf_buffer_view(&path), reason);
    cf_buffer_release(&path);
    if (why == CF_UPLOAD_AGAIN)
        cf_source_engine_look_at(source, seen->finding.parent);
}

static void note_node(cf_source_engine *source, uint64_t number, cf_pending_kind kind,
                      const char *reason)
{
    cf_buffer path = {0};

    cf_binding_path(source->binding, number, &path);
    cf_pendings_add(&source->found, kind, cf_buffer_view(&path), reason);
    cf_buffer_release(&path);
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
        note_node(source, gone[i], CF_PENDING_HELD, kept);
    source->confirm = false;
    return 0;
}

static void note_batch(cf_source_engine *source, const cf_survey_batch *batch, const char *reason)
{
    for (size_t i = 0; i < batch->count; i++) {
        const cf_finding *finding = &batch->at[i].finding;
        cf_buffer path = {0};

        cf_binding_path(source->binding, finding->parent, &path);
        if (path.size)
            cf_buffer_append(&path, "/", 1);
        cf_buffer_append(&path, finding->name.data, finding->name.size);
        cf_pendings_add(&source->found, CF_PENDING_UNSENT, cf_buffer_view(&path),
                        reason ? reason
                        : cf_nodes_find(source->binding->nodes, finding->number)
                            ? "it was changed here"
                            : "it is new here");
        cf_buffer_release(&path);
    }
    /* A look alone says what a sync would do: it would hold back too many at once. */
    bool held = !reason && !cf_guard_allows(source->word, batch->gone_count,
                                            cf_nodes_count(source->binding->nodes));
    for (size_t i = 0; i < batch->gone_count; i++)
        note_node(source, batch->gone[i], held ? CF_PENDING_HELD : CF_PENDING_UNSENT,
                  held     ? "it is missing here, with many others: sync says what to do"
                  : reason ? reason
                           : "it was deleted here");
}

static cf_status take_batch(cf_source_engine *source, uint64_t now_ms, cf_error *error)
{
    const cf_survey_batch *batch = cf_survey_take(source->survey);
    cf_workshop *workshop = source->workshop;

    const char *silent = source->surveying_only                     ? NULL
                         : source->binding->mode == CF_MODE_RECEIVE ? "this source only receives"
                                                                    : workshop->silent;
    if (source->surveying_only || silent) {
        note_batch(source, batch, silent);
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
        .waits = note_wait,
        .context = source,
    };
    cf_status status = cf_publish_batch(&publishing, batch, gone, gone_count, error);
    if (status == CF_DENIED) {
        note_batch(source, batch, cf_pendings_text(&source->found, error->text));
        status = CF_OK;
    }
    workshop->activity += batch->count + gone_count;
    free(gone);
    return status;
}

static void take_notes(cf_source_engine *source)
{
    size_t count;
    const cf_survey_note *notes = cf_survey_notes(source->survey, &count);

    for (size_t i = 0; i < count; i++)
        cf_pendings_add(&source->found, notes[i].passing ? CF_PENDING_WAITS : CF_PENDING_SKIPPED,
                        notes[i].path, notes[i].reason);
}

/* A look at everything knows all; a look at some directories knows these. */
static void renew_notes(cf_source_engine *source)
{
    cf_buffer path = {0};

    if (source->surveying_all)
        cf_pendings_clear(&source->notes);
    for (size_t i = 0; i < source->surveyed_count; i++) {
        cf_buffer_clear(&path);
        cf_binding_path(source->binding, source->surveyed[i], &path);
        cf_pendings_drop_in(&source->notes, cf_buffer_view(&path));
    }
    for (size_t i = 0; i < source->found.count; i++)
        cf_pendings_add(&source->notes, source->found.at[i].kind, source->found.at[i].path,
                        source->found.at[i].reason);
    cf_pendings_clear(&source->found);
    cf_buffer_release(&path);
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
    source->not_before_ms = now_ms + (count ? AGAIN_MS : 0);
}

static void end_survey(cf_source_engine *source, uint64_t now_ms)
{
    take_notes(source);
    renew_notes(source);
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

static cf_status step_survey(cf_source_engine *source, uint64_t now_ms, cf_error *error)
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
            let_root_go(source);
            source->reopen_ms = now_ms + REOPEN_MS;
            return CF_OK;
        }
    }
}

/* ---- Applying ---- */

static bool may_apply(const cf_source_engine *source)
{
    return source->looked && source->binding->mode != CF_MODE_SEND &&
           cf_applying_marked(source->applying);
}

/* A disk that is full makes no sound when there is room again. */
static void plan_retry(cf_source_engine *source, const cf_applied *applied, uint64_t now_ms)
{
    bool failed = false;

    for (size_t i = 0; i < applied->pending_count; i++)
        failed |= applied->pending[i].kind == CF_PENDING_SKIPPED ||
                  applied->pending[i].kind == CF_PENDING_WAITS;
    if (applied->applied)
        source->retries = 0;
    source->retry_ms =
        failed && source->quiet ? now_ms + ((uint64_t)RETRY_MS << source->retries) : 0;
}

static void retry(cf_source_engine *source, uint64_t now_ms)
{
    if (!source->retry_ms || now_ms < source->retry_ms)
        return;
    source->retry_ms = 0;
    source->retries += source->retries < RETRY_DOUBLED;
    cf_downloads_retry(source->workshop->downloads);
    cf_applying_wake(source->applying);
}

static cf_status step_applying(cf_source_engine *source, uint64_t now_ms, cf_error *error)
{
    cf_applied applied;
    bool busy;

    cf_status status = cf_applying_step(source->applying, &busy, error);
    if (status || busy)
        return status;
    cf_applying_result(source->applying, &applied);
    source->applied += applied.applied;
    source->workshop->activity += applied.applied;
    plan_retry(source, &applied, now_ms);
    if (!applied.look_count) {
        source->blocked = 0;
        return CF_OK;
    }
    if (source->blocked++ >= BLOCKED_MAX)
        return CF_OK; /* whatever changes there will bring it up again */
    for (size_t i = 0; i < applied.look_count; i++)
        cf_source_engine_look_at(source, applied.look_at[i]);
    source->absence = true;
    source->not_before_ms = now_ms + ((uint64_t)AGAIN_MS << source->blocked);
    return CF_OK;
}

cf_status cf_source_engine_step(cf_source_engine *source, uint64_t now_ms, uint64_t *deadline,
                                cf_error *error)
{
    cf_status status = CF_OK;

    take_quiet(source, now_ms);
    retry(source, now_ms);
    if (source->reopen && !cf_applying_busy(source->applying))
        let_root_go(source);
    if (!hold_root(source, now_ms)) {
        if (source->quiet && source->reopen_ms < *deadline)
            *deadline = source->reopen_ms;
        source->look_all = false;
        source->folder_count = 0;
        return CF_OK;
    }
    for (bool on = true; !status && on && source->binding->root;) {
        on = false;
        if (source->survey) {
            status = step_survey(source, now_ms, error);
            on = !source->survey;
        } else if (cf_applying_busy(source->applying)) {
            status = step_applying(source, now_ms, error);
            on = !cf_applying_busy(source->applying);
        } else if (wants_look(source, now_ms)) {
            if (!check_root(source))
                return cf_source_engine_step(source, now_ms, deadline, error);
            start_survey(source, now_ms);
            on = true;
        } else if (may_apply(source)) {
            status = cf_applying_begin(source->applying, source->word, source->looks_now, error);
            on = true;
        }
    }
    if ((source->look_all || source->folder_count) && source->not_before_ms < *deadline)
        *deadline = source->not_before_ms;
    if (source->retry_ms && source->retry_ms < *deadline)
        *deadline = source->retry_ms;
    if (source->quiet) {
        uint64_t next = cf_quiet_next(source->quiet);

        next = next < source->rescan_ms ? next : source->rescan_ms;
        *deadline = next < *deadline ? next : *deadline;
    }
    return status;
}

bool cf_source_engine_busy(const cf_source_engine *source, uint64_t now_ms)
{
    (void)now_ms;
    return source->survey || cf_applying_busy(source->applying) || source->look_all ||
           source->folder_count || (source->binding->root && may_apply(source));
}

/* ---- Status ---- */

void cf_source_engine_status(const cf_source_engine *source, cf_pendings *pendings,
                             cf_binding_status *out)
{
    cf_applied applied;

    cf_applying_result(source->applying, &applied);
    for (size_t i = 0; i < source->notes.count; i++)
        cf_pendings_add(pendings, source->notes.at[i].kind, source->notes.at[i].path,
                        source->notes.at[i].reason);
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
