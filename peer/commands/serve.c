/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/catalog.h"
#include "peer/verbs.h"

#include <signal.h>

static cf_status start(cf_run *run, cf_error *error)
{
    cf_status status = cf_run_check_count(run, 0, 0, error);

    signal(SIGPIPE, SIG_IGN); /* a caller that goes away is no reason to end */
    if (!status)
        cf_report(cf_loop_env(run->loop), CF_REPORT_NOTICE, "serving %s",
                  cf_loop_home_path(run->loop));
    return status;
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);

    progress->over = false;
    if (peer && cf_catalog_introduce(peer, now_ms, error))
        cf_report(cf_loop_env(run->loop), CF_REPORT_WARNING, "this device's name: %s", error->text);
    return CF_OK;
}

const cf_verb cf_verb_serve = {
    .name = "serve",
    .usage = "serve",
    .summary = "Keeps everything in sync, at once on every change, until it is told to stop",
    .more = "Runs in the foreground, for systemd. All other verbs work beside it.",
    .needs = CF_NEEDS_ALL,
    .connects = true,
    .start = start,
    .step = step,
};
