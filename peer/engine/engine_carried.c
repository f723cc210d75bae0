/* SPDX-License-Identifier: Apache-2.0 */
/* What a relay carries besides the log: its blobs. */
#include "peer/engine/engine_inside.h"
#include "peer/engine/limits.h"

static uint64_t recall_room(const cf_engine *engine)
{
    uint64_t room;
    cf_error error;

    if (cf_limits_recall_carried(engine->home, &room, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "%s", error.text);
    return room;
}

/* Who is a relay no longer keeps what it has, and brings it: it may be all that there is. */
void cf_engine_open_carried(cf_engine *engine)
{
    cf_blobs *blobs;
    cf_error error;

    if (engine->carried || engine->carries_nothing)
        return;
    cf_status status = cf_home_blobs(engine->home, cf_peer_is_relay(engine->peer), &blobs, &error);
    if (!status)
        engine->carried =
            cf_carried_new(&(cf_carried_options){engine->peer, blobs, recall_room(engine)});
    else if (status != CF_MISSING)
        cf_report(engine->env, CF_REPORT_WARNING, "no blobs can be carried here: %s", error.text);
    engine->carries_nothing = status && (cf_peer_is_relay(engine->peer) || status != CF_MISSING);
}

void cf_engine_use_carried(cf_engine *engine)
{
    if (engine->carried)
        cf_carried_allow(engine->carried, recall_room(engine));
}

void cf_engine_recheck_carried(cf_engine *engine)
{
    if (engine->carried)
        cf_carried_look_anew(engine->carried);
}

cf_status cf_engine_step_carried(cf_engine *engine, uint64_t *deadline, cf_error *error)
{
    const bool relays = cf_peer_is_relay(engine->peer);

    if (relays)
        cf_engine_open_carried(engine);
    if (!engine->carried)
        return CF_OK;
    return cf_carried_step(engine->carried, relays && engine->most == UINT64_MAX, engine->steady_ms,
                           deadline, error);
}

bool cf_engine_brings_carried(const cf_engine *engine)
{
    return engine->carried && engine->peer->link &&
           cf_transfer_is_offering(cf_link_transfer(engine->peer->link));
}

bool cf_engine_carried(const cf_engine *engine, cf_carried_shown *out)
{
    if (!engine->carried)
        return false;
    const bool relays = cf_peer_is_relay(engine->peer);

    cf_carried_show(engine->carried, out);
    if (!relays)
        out->lacks = out->absent = 0; /* it fetches none any more */
    return relays || out->count;
}
