/* SPDX-License-Identifier: Apache-2.0 */
/* What the user paused stands still: the link of the device, sources of collections. */
#include "codec/deadlines.h"
#include "peer/engine/engine_inside.h"

#include <stdio.h>

/* Who doesn't watch says it where it matters. */
static cf_report_level level(const cf_engine *engine)
{
    return engine->context.watch ? CF_REPORT_NOTICE : CF_REPORT_DETAIL;
}

static void stop_link(cf_engine *engine, const cf_pause *pause)
{
    char text[CF_PAUSE_TEXT];

    cf_pause_show(pause, engine->now_ms, text);
    cf_fail(&engine->session.loss, CF_UNREACHABLE, "%s; `counterfoil resume` ends that", text);
    if (engine->is_paused)
        return;
    engine->is_paused = true;
    cf_report(engine->env, level(engine), "the broker: %s", engine->session.loss.text);
    engine->session.losses++;
    engine->session.connecting = false;
    engine->session.retry_ms = 0;
    if (!engine->peer->link)
        return;
    cf_locks_lost(engine->context.locks);
    cf_engine_save_acknowledged(engine);
    cf_link_stop(engine->peer->link);
}

static void start_link(cf_engine *engine)
{
    if (!engine->is_paused)
        return;
    engine->is_paused = false;
    engine->session.loss = (cf_error){0};
    cf_report(engine->env, level(engine), "the broker: no longer paused");
    cf_engine_reach(engine);
}

static void pause_source(cf_engine *engine, size_t source, const cf_pause *pause)
{
    cf_source *at_work = &engine->sources[source];
    const bool was_paused = at_work->paused[0];

    if (pause) {
        char text[CF_PAUSE_TEXT];

        if (!was_paused)
            cf_source_reopen(at_work); /* a look under way would tell of then what it ends with */
        cf_pause_show(pause, engine->now_ms, text);
        snprintf(at_work->paused, sizeof at_work->paused,
                 "it is %s; `counterfoil resume` ends that", text);
        return;
    }
    at_work->paused[0] = '\0';
    cf_report(engine->env, level(engine), "%s: no longer paused", engine->bindings[source]->path);
    if (was_paused) /* what it was told of meanwhile is known */
        cf_source_look(at_work, CF_LOOK_CATCHES_UP, (cf_delete_word){0}, engine->now_ms);
}

/* Until the earliest ends. */
static void wait_for(const cf_pause *pause, uint64_t *deadline)
{
    if (pause)
        cf_deadline_lower(deadline, pause->until_ms);
}

void cf_engine_follow_pauses(cf_engine *engine, uint64_t *deadline)
{
    const cf_pauses *pauses = &engine->pauses;
    const cf_pause *pause = cf_pauses_find(pauses, NULL, engine->now_ms);

    wait_for(pause, deadline);
    if (pause)
        stop_link(engine, pause);
    else
        start_link(engine);
    for (size_t i = 0; i < engine->count; i++) {
        pause = cf_pauses_find(pauses, &engine->bindings[i]->collection, engine->now_ms);
        wait_for(pause, deadline);
        if (pause || engine->sources[i].paused[0])
            pause_source(engine, i, pause);
    }
}

void cf_engine_use_pauses(cf_engine *engine)
{
    uint64_t ignored = UINT64_MAX;
    cf_error error;

    cf_pauses_release(&engine->pauses);
    if (cf_pauses_recall(engine->home, &engine->pauses, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "%s", error.text);
    cf_engine_follow_pauses(engine, &ignored);
}

bool cf_engine_is_paused(const cf_engine *engine)
{
    return engine->is_paused;
}

/* ---- A metered network ---- */

/* Over a metered network large contents wait, where the user wants that. */

static void tell(const cf_engine *engine, bool holds)
{
    cf_report(engine->env, engine->context.watch ? CF_REPORT_NOTICE : CF_REPORT_DETAIL, "%s",
              holds ? "this network is metered: contents over 1 MiB wait"
                    : "contents over 1 MiB no longer wait for a network that is not metered");
}

/* What waits, and why, is found anew by the sources. */
static void carry(cf_engine *engine, uint64_t most)
{
    engine->most = most;
    cf_uploads_defer_over(engine->context.uploads, most);
    cf_downloads_defer_over(engine->context.downloads, most);
    for (size_t i = 0; i < engine->count; i++)
        cf_source_wake(&engine->sources[i]);
    engine->context.activity++;
}

void cf_engine_follow_metered(cf_engine *engine, uint64_t *deadline)
{
    const cf_metered *metered = &engine->metered;
    const bool holds = cf_metered_holds(metered);
    const uint64_t most = cf_metered_most(metered, engine->steady_ms);

    if (cf_metered_awaits(metered, engine->steady_ms))
        cf_deadline_lower(deadline, metered->asked_until_ms);
    if (holds != engine->tells_metered)
        tell(engine, holds);
    engine->tells_metered = holds;
    if (most != engine->most)
        carry(engine, most);
}

void cf_engine_use_metered(cf_engine *engine)
{
    cf_metered *metered = &engine->metered;
    const cf_metered_choice before = metered->choice;
    cf_error error;

    if (cf_metered_recall(engine->home, &metered->choice, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "%s", error.text);
    if (metered->choice != before)
        cf_engine_ask_network(engine);
}

bool cf_engine_asks_network(const cf_engine *engine)
{
    return engine->metered.choice == CF_METERED_PAUSE && (engine->context.watch || engine->rounds);
}

void cf_engine_ask_network(cf_engine *engine)
{
    cf_metered_ask(&engine->metered, cf_env_steady_ms(engine->env));
}

void cf_engine_network_is(cf_engine *engine, cf_network network)
{
    engine->metered.network = network;
}

void cf_engine_metered(const cf_engine *engine, cf_metered_status *out)
{
    *out = (cf_metered_status){
        .choice = engine->metered.choice,
        .network = engine->metered.network,
        .deferred = cf_uploads_deferred(engine->context.uploads) +
                    cf_downloads_deferred(engine->context.downloads),
    };
}
