/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's two clocks: deadlines go by the one that nobody sets, sources and leases by the time
 * of day. */
#include "peer/engine/engine_inside.h"

enum {
    COMPARED_MS = 60 * 60 * 1000, /* far less than the day that a clock may be off */
    JUMP_MS = 200,                /* what one clock gains on the other by less is no matter yet */
};

/* Whether the broker's clock agrees is known of the one before. */
static void compare_clocks_again(cf_engine *engine)
{
    if (!engine->peer->link || !cf_link_is_connected(engine->peer->link))
        return;
    engine->connecting = true;
    cf_link_begin_anew(engine->peer->link);
}

/* Sources and leases go by the time of day, as files and people do: what was to be done in a moment
 * is not put off for as long as that was set back, nor does a lease end early because it was set
 * forth. At 3:00 set back to 0:00, a look that was due at 3:01 is due at 0:01. */
void cf_engine_follow_clock(cf_engine *engine, uint64_t now_ms)
{
    engine->now_ms = now_ms;
    engine->steady_ms = cf_env_steady_ms(engine->env);
    const int64_t apart_ms = (int64_t)(now_ms - engine->steady_ms);
    const int64_t jump_ms = apart_ms - engine->apart_ms;

    if (jump_ms < JUMP_MS && jump_ms > -JUMP_MS)
        return;
    engine->apart_ms = apart_ms;
    for (size_t i = 0; i < engine->count; i++)
        cf_source_clock_set(&engine->sources[i], jump_ms);
    cf_locks_clock_set(engine->workshop.locks, jump_ms);
    if (engine->clock.status || jump_ms > COMPARED_MS || jump_ms < -COMPARED_MS)
        compare_clocks_again(engine);
}

uint64_t cf_engine_by_time(const cf_engine *engine, uint64_t steady_ms)
{
    if (steady_ms == UINT64_MAX)
        return UINT64_MAX;
    return engine->now_ms + (steady_ms > engine->steady_ms ? steady_ms - engine->steady_ms : 0);
}
