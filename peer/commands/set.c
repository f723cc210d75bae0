/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/source_format.h"
#include "peer/commands/sources.h"
#include "peer/program/verbs.h"
#include "peer/sources/files/narrow.h"

#include <stdlib.h>
#include <string.h>

/* What lies there and is not asked for any more. */
static void tell(cf_run *run, const cf_binding *binding)
{
    size_t left = cf_narrow_count(binding);

    if (run->json)
        cf_print_json(&run->output, json_pack("{s:I}", "left", (json_int_t)left));
    else if (left)
        cf_print(&run->output,
                 left == 1 ? "%zu file is not asked for any more: it stays here, no longer synced\n"
                           : "%zu files are not asked for any more: they stay here, no longer "
                             "synced\n",
                 left);
}

static cf_status start(cf_run *run, cf_error *error)
{
    cf_files *files = cf_loop_env(run->loop)->files;
    cf_binding *binding = NULL, *trial = NULL;
    cf_binding_options options = {0};
    cf_arena arena = {0};

    cf_status status = cf_run_check_count(run, 1, 1, error);
    if (!status)
        status = cf_source_named(run, run->options.arguments[0], &binding, error);
    if (status)
        return status;
    options = (cf_binding_options){.collection = binding->collection,
                                   .format = binding->format,
                                   .mode = binding->mode,
                                   .merges = binding->merges,
                                   .base = binding->base,
                                   .limit = binding->limit,
                                   .path = binding->path,
                                   .include = (const char *const *)binding->include,
                                   .include_count = binding->include_count};
    status = cf_source_check_options(run, binding->format, error);
    if (!status)
        status = cf_source_choose(run, &arena, &options, error);
    if (!status)
        status = cf_binding_new(&options, &trial, error);
    if (!status)
        status = cf_binding_change(cf_loop_peer(run->loop), binding, trial, error);
    if (!status) {
        tell(run, binding);
        cf_engine_touch_binding(cf_loop_engine(run->loop), binding);
    }
    cf_binding_destroy(&trial, files);
    cf_arena_release(&arena);
    cf_loop_wake(run->loop);
    return status;
}

static const cf_option options_of_set[] = {
    CF_SOURCE_OPTIONS,
    {0},
};

const cf_verb cf_verb_set = {
    .name = "set",
    .usage = "set SOURCE [--base full|leaves|auto] [--mode both|send|receive] "
             "[--max-delete N|P%|default] [--merge text|copies] [--include PATTERN]...",
    .summary = "Changes how a source is synced",
    .needs = CF_NEEDS_PEER,
    .options = options_of_set,
    .start = start,
};
