/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/service_manager.h"
#include "peer/commands/last_try.h"
#include "peer/log/catalog.h"
#include "peer/membership/membership.h"
#include "peer/commands/verbs.h"

#include <signal.h>
#include <stdlib.h>

enum { HOME_LOOK_MS = 5000 };

/* When it is looked next whether the home is where it was. */
typedef struct {
    uint64_t look_ms;
} state;

static cf_status start(cf_run *run, cf_error *error)
{
    cf_status status = cf_run_check_count(run, 0, 0, error);

    run->state = cf_allocate(1, sizeof(state));
    signal(SIGPIPE, SIG_IGN); /* a caller that goes away is no reason to end */
    if (status)
        return status;
    cf_report(cf_loop_env(run->loop), CF_REPORT_NOTICE, "serving %s", cf_loop_home_path(run->loop));
    cf_service_manager_tell("READY=1");
    return CF_OK;
}

/* A broker that lets this device in no more may be wrong once, while it restarts. */
enum { DENIALS = 3 };

static cf_status check_standing(cf_run *run, cf_peer *peer, cf_error *error)
{
    cf_broker_status broker;

    cf_engine_broker_status(cf_loop_engine(run->loop), &broker);
    cf_status status = CF_OK;
    if (!cf_membership_left(peer)) /* then `leave` is at work, or will be */
        status = cf_membership_standing(peer, error);
    if (!status && broker.denials >= DENIALS)
        status = cf_fail(error, CF_DENIED, "%s", broker.text);
    return status;
}

static cf_status check_home(const cf_run *run, uint64_t now_ms, cf_error *error)
{
    const cf_home *home = cf_loop_home(run->loop);
    state *self = run->state;

    if (now_ms < self->look_ms)
        return CF_OK;
    self->look_ms = now_ms + HOME_LOOK_MS;
    return home ? cf_home_check_place(home, error) : CF_OK;
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);

    cf_status status = check_home(run, now_ms, error);
    if (!status && peer)
        status = check_standing(run, peer, error);
    if (status)
        return status;
    *progress = (cf_progress){.deadline_ms = ((const state *)run->state)->look_ms};
    if (peer && cf_engine_introduce(cf_loop_engine(run->loop), cf_loop_time(run->loop), error))
        cf_report(cf_loop_env(run->loop), CF_REPORT_WARNING, "saying who this device is: %s",
                  error->text);
    return CF_OK;
}

/* For who asks while nobody serves. */
static void end(cf_run *run)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_broker_status broker;
    cf_error error;

    free(run->state);
    if (!engine)
        return;
    cf_engine_broker_status(engine, &broker);
    if (cf_last_heard_keep(cf_loop_home(run->loop), &broker, &error))
        cf_report(cf_loop_env(run->loop), CF_REPORT_WARNING, "when the broker was heard: %s",
                  error.text);
}

const cf_verb cf_verb_serve = {
    .name = "serve",
    .usage = "serve",
    .summary = "Keeps everything in sync, at once on every change, until it is told to stop",
    .more = "Runs in the foreground, for systemd. All other verbs work beside it; one that has the "
            "home already is waited for.",
    .needs = CF_NEEDS_ALL,
    .connects = true,
    .start = start,
    .step = step,
    .end = end,
};
