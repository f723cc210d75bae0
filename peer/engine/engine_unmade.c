/* SPDX-License-Identifier: Apache-2.0 */
/* Contents that wrong patches make something else of: who can't make one asks, in the catalog, for
 * the whole, and who has it supplies that as a blob that a broker lost. */
#include "peer/engine/engine_inside.h"

static uint64_t changes_of_catalog(const cf_engine *engine)
{
    cf_collection *catalog;
    cf_error ignored;

    return cf_peer_collection(engine->peer, &cf_catalog_id, &catalog, &ignored) ? 0
                                                                                : catalog->changes;
}

void cf_engine_load_unmade(cf_engine *engine)
{
    cf_unmade_recall(&engine->unmade.own, engine->peer);
    engine->unmade.heard = changes_of_catalog(engine);
    cf_unmade_doubt_all(engine->peer);
}

/* A reader can't ask: it waits for who can. */
bool cf_engine_note_unmade(void *context, const cf_id *collection, const cf_hash *content)
{
    cf_engine *engine = context;

    if (cf_unmade_add(&engine->unmade.own, collection, content))
        engine->unmade.is_told = false;
    return cf_kept_may_tell(engine->peer);
}

void cf_engine_follow_unmade(cf_engine *engine)
{
    cf_engine_unmade *unmade = &engine->unmade;
    const uint64_t changes = changes_of_catalog(engine);

    if (cf_unmade_drop_made(&unmade->own, engine->peer)) {
        unmade->is_told = false;
        cf_engine_try_again(engine);
    }
    if (changes != unmade->heard && cf_unmade_doubt_all(engine->peer))
        cf_resupply_asked(engine->resupply, engine->steady_ms);
    unmade->heard = changes;
}

cf_status cf_engine_tell_unmade(cf_engine *engine, uint64_t now_ms, cf_error *error)
{
    cf_engine_unmade *unmade = &engine->unmade;

    if (unmade->is_told || !cf_kept_may_tell(engine->peer))
        return CF_OK;
    cf_status status = cf_unmade_tell(&unmade->own, engine->peer, now_ms, error);
    unmade->is_told = !status;
    return status;
}
