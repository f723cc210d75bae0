/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/verbs.h"

static cf_status start(cf_run *run, cf_error *error)
{
    cf_status status = cf_run_check_count(run, 0, 0, error);

    if (!status && run->json)
        cf_print_json(&run->output, json_pack("{s:s}", "version", CF_VERSION));
    else if (!status)
        cf_print(&run->output, "counterfoil %s\n", CF_VERSION);
    return status;
}

const cf_verb cf_verb_version = {
    .name = "version",
    .usage = "version",
    .summary = "Shows which version this is",
    .needs = CF_NEEDS_NOTHING,
    .start = start,
};
