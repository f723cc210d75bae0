/* SPDX-License-Identifier: Apache-2.0 */
/* The root of a folder as a source: held, rested, let go. Before anything is looked at, the root's
 * mark, the place of the base, intents that a crash left, and patterns that ask for less are
 * seen to, in this order; then everything is looked at. */
#include "peer/sources/files/files_source_inside.h"

#include "peer/sources/context/lock_guard.h"
#include "peer/sources/files/deselect.h"
#include "peer/sources/files/intents.h"

#include <stdio.h>

bool cf_files_source_is_root_in_place(const cf_files_source *source)
{
    cf_files *files = source->context->peer->env->files;
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

/* Before anything is compared with the base, whatever happened since other things were asked for.
 */
static cf_status deselect(cf_files_source *source, cf_error *error)
{
    cf_peer *peer = source->context->peer;
    cf_binding *binding = source->binding;

    if (binding->taken_count && cf_deselect_count(binding)) {
        cf_lock_guard_release(peer, binding);
        source->guards_again = true;
    }
    return cf_deselect_base(peer, binding, error);
}

bool cf_files_source_has_base(const cf_files_source *source)
{
    cf_error ignored;

    return cf_binding_check_place(source->binding, source->context->peer->env->files, &ignored) ==
           CF_OK;
}

bool cf_files_source_hold_root(cf_files_source *source, uint64_t now_ms)
{
    const cf_env *env = source->context->peer->env;
    cf_error error;

    if (source->binding->root && source->binding->is_disk_doubted)
        cf_binding_learn_disk(source->context->peer, source->binding);
    if (source->binding->root)
        return true;
    if (now_ms < source->reopen_ms)
        return false;
    cf_status status = cf_binding_open_root(source->context->peer, source->binding, &error);
    if (status && source->binding->is_unmarked && !source->debounce) /* nobody asks again later */
        status = cf_binding_open_root(source->context->peer, source->binding, &error);
    if (!status) {
        status = cf_binding_check_place(source->binding, env->files, &error);
        if (!status)
            status = cf_intents_recover(source->context->peer, source->binding, &error);
        if (!status)
            status = deselect(source, &error);
        if (status)
            cf_binding_close_root(source->binding, env->files);
        else
            cf_bases_sweep_place(source->context->bases, source->binding);
    }
    if (status && source->trouble != status)
        cf_report(env, CF_REPORT_WARNING, "%s", error.text);
    if (!status && source->trouble && source->debounce && !source->is_older)
        cf_report(env, CF_REPORT_NOTICE, "%s is there again", source->binding->path);
    source->trouble = status;
    snprintf(source->trouble_text, sizeof source->trouble_text, "%s", status ? error.text : "");
    source->reopen_ms = now_ms + CF_SOURCE_REOPEN_MS;
    source->look_all |= !status;
    if (!status)
        source->absence = CF_ABSENCE_COUNTS;
    return !status;
}

void cf_files_source_rest(cf_files_source *source)
{
    cf_source_context *context = source->context;
    cf_binding *binding = source->binding;

    if (!source->debounce || !binding->root || cf_bases_read(context->bases, binding) ||
        !cf_downloads_rest(context->downloads, binding))
        return;
    cf_binding_rest_root(binding, context->peer->env->files);
    source->rests = true;
}

bool cf_files_source_is_root_itself(const cf_files_source *source)
{
    return cf_binding_has_mark(source->binding, source->context->peer->env->files) &&
           cf_files_source_is_root_in_place(source);
}

void cf_files_source_let_root_go(cf_files_source *source)
{
    cf_source_context *context = source->context;

    cf_uploads_forget(context->uploads, source->binding);
    cf_downloads_forget(context->downloads, source->binding);
    cf_bases_forget(context->bases, source->binding);
    cf_scan_destroy(&source->scan);
    cf_past_destroy(&source->past);
    source->met_all = false;
    cf_binding_close_root(source->binding, context->peer->env->files);
    source->reopen = source->rests = false;
}
