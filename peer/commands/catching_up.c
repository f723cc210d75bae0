/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/catching_up.h"

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

cf_reach cf_catching_up_step(cf_catching_up *self, const cf_run *run, uint64_t now_ms)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_reach reached = cf_engine_reached(engine, self->mark);

    extend(self, engine, now_ms);
    return reached == CF_REACH_TRYING && now_ms >= self->deadline_ms ? CF_REACH_LOST : reached;
}
