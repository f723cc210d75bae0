/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/catching_up.h"

#include <stdlib.h>

void cf_catching_up_begin(cf_catching_up *self, cf_run *run, uint64_t timeout_ms)
{
    run->connects = true;
    self->mark = cf_engine_reach(cf_loop_engine(run->loop));
    self->timeout_ms = timeout_ms;
    self->deadline_ms = cf_loop_now(run->loop) + timeout_ms;
    cf_loop_wake(run->loop);
}

static void extend(cf_catching_up *self, cf_engine *engine, uint64_t now_ms)
{
    cf_traffic traffic;

    cf_engine_traffic(engine, &traffic);
    if (traffic.bytes_received == self->received)
        return;
    self->received = traffic.bytes_received;
    self->deadline_ms = now_ms + self->timeout_ms;
}

cf_connection_state cf_catching_up_step(cf_catching_up *self, const cf_run *run, uint64_t now_ms)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_connection_state reached = cf_engine_reached(engine, self->mark);

    extend(self, engine, now_ms);
    return reached == CF_CONNECTION_TRYING && now_ms >= self->deadline_ms ? CF_CONNECTION_LOST
                                                                          : reached;
}

/* ---- Asking the broker first ---- */

enum { LOOK_AGAIN_MS = 250 };

struct cf_learning {
    cf_engine *engine;
    cf_round *round;
    uint64_t give_up_ms;
};

cf_status cf_learning_begin(cf_run *run, cf_learning **out, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    uint64_t timeout_ms;

    *out = NULL;
    cf_status status = cf_run_timeout(run, &timeout_ms, error);
    if (status || !cf_engine_link(engine))
        return status;
    cf_learning *learning = cf_allocate(1, sizeof *learning);
    learning->engine = engine;
    learning->give_up_ms = cf_loop_now(run->loop) + timeout_ms;
    learning->round = cf_round_begin(engine, &(cf_round_options){.kind = CF_ROUND_LEARN});
    cf_loop_wake(run->loop);
    *out = learning;
    return CF_OK;
}

void cf_learning_destroy(cf_learning **learning)
{
    if (!*learning)
        return;
    cf_round_end(&(*learning)->round);
    free(*learning);
    *learning = NULL;
}

bool cf_learning_over(cf_learning *learning, uint64_t now_ms, uint64_t *deadline_ms, cf_error *why)
{
    bool over = cf_round_over(learning->round, now_ms), late = now_ms >= learning->give_up_ms;
    cf_broker_status broker;

    *why = (cf_error){0};
    if (!over && !late) {
        *deadline_ms = now_ms + LOOK_AGAIN_MS;
        return false;
    }
    cf_engine_broker_status(learning->engine, &broker);
    if (broker.trouble)
        cf_fail(why, broker.trouble, "%s", broker.text);
    else if (!over || !broker.connected)
        cf_fail(why, CF_UNREACHABLE, "no answer");
    return true;
}

cf_status cf_learning_refused(const cf_error *why, cf_error *error)
{
    if (why->status != CF_DENIED)
        return CF_OK;
    *error = *why;
    cf_error_while(error, "nothing was done");
    return error->status;
}
