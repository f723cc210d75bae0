/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/remove.h"

#include "peer/log/catalog.h"
#include "peer/commands/disk_answers.h"
#include "peer/commands/base_dir.h"
#include "peer/commands/sources.h"
#include "peer/bindings/rescued.h"
#include "peer/commands/verbs.h"

static void tell(const cf_run *run, const char *name, const char *path)
{
    if (run->json)
        cf_print_json(&run->output, json_pack("{s:s, s:o}", "collection", name, "source",
                                              cf_json_name(cf_bytes_of_text(path))));
    else if (!run->quiet)
        cf_print(&run->output, "%s: %s is no longer synced; what lies there stays\n", name, path);
}

/* It is no source any more, whatever its disk says to that. */
static cf_status leave(const cf_run *run, const char *path, const cf_id *instance,
                       const char *silence, cf_error *error)
{
    cf_status status = silence ? cf_fail(error, CF_IO, "%s", silence)
                               : cf_source_release(cf_loop_env(run->loop), path, instance, error);

    const cf_error why = *error;
    return status ? cf_fail(error, CF_IO, "%s/.counterfoil stays there, remove it by hand: %s",
                            path, why.text)
                  : CF_OK;
}

static cf_status remove_source(const cf_run *run, cf_binding *binding, bool tells, cf_error *error)
{
    cf_base_place place = cf_base_place_copy(&binding->place);
    cf_buffer path = {0};
    cf_arena arena = {0};
    const cf_id instance = binding->instance;
    const char *silence =
        binding->silence ? cf_arena_text(&arena, cf_bytes_of_text(binding->silence)) : NULL;
    const char *name = cf_catalog_name(cf_loop_peer(run->loop), &binding->collection, &arena);

    cf_buffer_append_text(&path, "%s", binding->path);
    cf_buffer_append(&path, "", 1);
    cf_status status = cf_engine_drop_binding(cf_loop_engine(run->loop), binding, error);
    if (!status) {
        if (tells)
            tell(run, name, (const char *)path.data);
        status = leave(run, (const char *)path.data, &instance, silence, error);
        if (!silence)
            cf_base_dir_leave(cf_loop_env(run->loop), &run->output, &place);
    }
    cf_base_place_release(&place);
    cf_buffer_release(&path);
    cf_arena_release(&arena);
    cf_loop_wake(run->loop);
    return status;
}

/* What looks at its disk or puts things there has to end before, and ends where the disk answers.
 */
cf_status cf_source_stop(const cf_run *run, cf_binding *binding, bool tells, bool *waits,
                         cf_error *error)
{
    *waits = false;
    cf_status status = cf_rescued_check(binding, error);
    if (status)
        return status;
    const bool is_used = binding->jobs.count > 0;
    if (is_used && binding->silence)
        return cf_fail(error, CF_IO,
                       "%s: %s, and is being read or written: remove it when it does, or end "
                       "`counterfoil serve` before",
                       binding->path, binding->silence);
    *waits = is_used && !binding->answers;
    return *waits ? CF_OK : remove_source(run, binding, tells, error);
}

static cf_status start(cf_run *run, cf_error *error)
{
    return cf_run_check_count(run, 1, 1, error);
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    cf_binding *binding = NULL;
    bool waits = false;

    cf_status status = cf_source_wanted(run, run->options.arguments[0], &binding, error);
    if (!status)
        status = cf_source_stop(run, binding, true, &waits, error);
    if (waits)
        *progress = (cf_progress){.deadline_ms = now_ms + CF_SOURCE_STOPS_MS};
    return status;
}

const cf_verb cf_verb_remove = {
    .name = "remove",
    .usage = "remove SOURCE",
    .summary = "Stops syncing a source; what lies in it stays",
    .needs = CF_NEEDS_PEER,
    .prerequisite = &cf_disk_answers_source_or_silence,
    .start = start,
    .step = step,
};
