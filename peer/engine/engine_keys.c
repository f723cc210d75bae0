/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/engine/engine_inside.h"
#include "peer/membership/epochs.h"

/* A key that is in use now, after there was none, lets go what waited for it. */
static void notice_key(cf_engine *engine)
{
    cf_error ignored;
    cf_hash epoch;
    bool may_seal = cf_peer_epoch(engine->peer, &epoch, &ignored) == CF_OK;

    for (size_t i = 0; may_seal && !engine->may_seal && i < engine->count; i++)
        cf_source_look_again(&engine->sources[i], engine->now_ms);
    engine->may_seal = may_seal;
}

/* Once for each state of the member log that is as the broker has it. */
static cf_status tend_keys(cf_engine *engine, cf_error *error)
{
    cf_peer *peer = engine->peer;
    size_t count = cf_registry_count(cf_log_registry(peer->log));

    if (!peer->link || count == engine->tended || !cf_link_has_all_but_paused(peer->link) ||
        engine->inbox_count || engine->workshop.silent)
        return CF_OK;
    cf_status status = cf_epochs_tend(peer, error);
    engine->tended = cf_registry_count(cf_log_registry(peer->log));
    engine->workshop.activity += engine->tended != count;
    if (status != CF_DENIED)
        return status;
    cf_report(engine->env, CF_REPORT_WARNING, "content keys of other devices: %s", error->text);
    return CF_OK;
}

cf_status cf_engine_mind_keys(cf_engine *engine, cf_error *error)
{
    cf_status status = cf_engine_keep_undone(engine, error);

    if (!status)
        status = tend_keys(engine, error);
    if (!status)
        notice_key(engine);
    return status;
}
