/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/engine/engine_inside.h"
#include "peer/log/unsent.h"

#include <stdlib.h>

uint64_t cf_engine_reach(cf_engine *engine)
{
    cf_link *link = engine->peer->link;

    if (link && !engine->is_paused && !cf_link_is_connected(link)) {
        engine->connecting = true;
        cf_link_start(link);
    }
    return engine->losses;
}

void cf_engine_check(cf_engine *engine)
{
    cf_engine_reach(engine);
    if (engine->peer->link)
        cf_link_check(engine->peer->link);
}

cf_reach cf_engine_reached(const cf_engine *engine, uint64_t mark)
{
    const cf_link *link = engine->peer->link;

    if (link && cf_link_has_all_but_paused(link) && cf_link_is_checked(link) &&
        !engine->inbox_count)
        return CF_REACH_CAUGHT_UP;
    if (!link || engine->is_paused ||
        (!cf_link_is_connected(link) && engine->losses > mark && !engine->connecting))
        return CF_REACH_LOST;
    return CF_REACH_TRYING;
}

void cf_engine_try_again(cf_engine *engine)
{
    engine->workshop.activity++;
    cf_downloads_retry(engine->workshop.downloads);
    for (size_t i = 0; i < engine->count; i++)
        cf_source_wake(&engine->sources[i]);
}

cf_delivery cf_engine_delivered(cf_engine *engine, const cf_head *entry)
{
    if (engine->refused && cf_hash_equal(&engine->refused_entry, &entry->hash))
        return CF_DELIVERY_REFUSED;
    return cf_unsent_holds(cf_home_store(engine->home), cf_peer_user(engine->peer), entry)
               ? CF_DELIVERY_UNDER_WAY
               : CF_DELIVERY_ACCEPTED;
}
