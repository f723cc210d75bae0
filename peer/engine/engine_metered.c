/* SPDX-License-Identifier: Apache-2.0 */
/* Over a metered network large contents wait, where the user wants that. */
#include "peer/engine/engine_inside.h"

static void tell(const cf_engine *engine, bool holds)
{
    cf_report(engine->env, engine->workshop.watch ? CF_REPORT_NOTICE : CF_REPORT_DETAIL, "%s",
              holds ? "this network is metered: contents over 1 MiB wait"
                    : "contents over 1 MiB no longer wait for a network that is not metered");
}

/* What waits, and why, is found anew by the sources. */
static void carry(cf_engine *engine, uint64_t most)
{
    engine->most = most;
    cf_uploads_defer_over(engine->workshop.uploads, most);
    cf_downloads_defer_over(engine->workshop.downloads, most);
    for (size_t i = 0; i < engine->count; i++)
        cf_source_wake(&engine->sources[i]);
    engine->workshop.activity++;
}

void cf_engine_follow_metered(cf_engine *engine, uint64_t *deadline)
{
    const cf_metered *metered = &engine->metered;
    const bool holds = cf_metered_holds(metered);
    const uint64_t most = cf_metered_most(metered, engine->steady_ms);

    if (cf_metered_awaits(metered, engine->steady_ms) && metered->asked_until_ms < *deadline)
        *deadline = metered->asked_until_ms;
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
    return engine->metered.choice == CF_METERED_PAUSE && (engine->workshop.watch || engine->rounds);
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
        .deferred = cf_uploads_deferred(engine->workshop.uploads) +
                    cf_downloads_deferred(engine->workshop.downloads),
    };
}
