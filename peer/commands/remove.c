/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/sources.h"
#include "peer/sources/files/owed.h"
#include "peer/program/verbs.h"

static cf_status start(cf_run *run, cf_error *error)
{
    cf_binding *binding = NULL;
    cf_buffer path = {0};
    cf_id instance;

    cf_status status = cf_run_check_count(run, 1, 1, error);
    if (!status)
        status = cf_source_named(run, run->options.arguments[0], &binding, error);
    if (!status)
        status = cf_owed_check(binding, error);
    if (status)
        return status;
    instance = binding->instance;
    cf_buffer_append_text(&path, "%s", binding->path);
    cf_buffer_append(&path, "", 1);
    status = cf_engine_drop_binding(cf_loop_engine(run->loop), binding, error);
    if (!status)
        status =
            cf_source_release(cf_loop_env(run->loop), (const char *)path.data, &instance, error);
    cf_buffer_release(&path);
    cf_loop_wake(run->loop);
    return status;
}

const cf_verb cf_verb_remove = {
    .name = "remove",
    .usage = "remove SOURCE",
    .summary = "Stops syncing a source; what lies in it stays",
    .needs = CF_NEEDS_PEER,
    .start = start,
};
