/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds: until when a verb waits. cf_round_over asks each part that may have work under way, and
 * gives up when nothing got anywhere for as long as the round's patience: what is done here may
 * take its time, the broker and a disk that hangs may not. */
#include "peer/engine/engine_inside.h"
#include "peer/log/unsent.h"

#include <stdlib.h>

enum { STALLED_MS = 30000 };

static bool includes(const cf_round *round, const cf_binding *binding)
{
    for (size_t i = 0; i < round->options.collection_count; i++)
        if (cf_id_equal(&round->collections[i], &binding->collection))
            return true;
    return round->options.collection_count == 0;
}

static cf_look_kind look_kind(cf_round_kind kind)
{
    return kind == CF_ROUND_AGREE  ? CF_LOOK_AGREES
           : kind == CF_ROUND_LOOK ? CF_LOOK_TELLS
           : kind == CF_ROUND_TELL ? CF_LOOK_CATCHES_UP
                                   : CF_LOOK_SYNCS;
}

/* Nothing is asked of a broker, or told it. */
static bool is_alone(cf_round_kind kind)
{
    return kind == CF_ROUND_LOOK || kind == CF_ROUND_TELL || kind == CF_ROUND_AGREE;
}

/* What a user did before asking is known then. */
static void read_watch(cf_engine *engine)
{
    cf_watch *watch = engine->context.watch;
    cf_error error;

    if (watch && cf_watch_readable(watch, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "%s", error.text);
}

cf_round *cf_round_begin(cf_engine *engine, const cf_round_options *options)
{
    cf_round *round = cf_allocate(1, sizeof *round);
    uint64_t now_ms = cf_env_now_ms(engine->env);

    round->engine = engine;
    round->options = *options;
    round->collections = cf_allocate(options->collection_count, sizeof *round->collections);
    if (options->collection_count)
        memcpy(round->collections, options->collections,
               options->collection_count * sizeof *round->collections);
    round->losses = engine->session.losses;
    round->progress_ms = cf_env_steady_ms(engine->env);
    round->activity = engine->context.activity;
    round->next = engine->rounds;
    engine->rounds = round;
    if (options->kind == CF_ROUND_TELL)
        read_watch(engine);
    for (size_t i = 0; i < engine->count && options->kind != CF_ROUND_LEARN; i++)
        if (includes(round, engine->bindings[i]))
            cf_source_look(&engine->sources[i], look_kind(options->kind), options->word, now_ms);
    if (options->kind == CF_ROUND_SYNC) {
        cf_engine_check(engine);
        if (engine->carried)
            cf_carried_ask_again(engine->carried);
        if (engine->peer->link)
            cf_link_try_room(engine->peer->link);
    } else if (!is_alone(options->kind))
        cf_engine_reach(engine);
    return round;
}

static bool link_is_checked(const cf_engine *engine)
{
    return !engine->peer->link || cf_link_is_checked(engine->peer->link);
}

/* Of the collections that the round is of, whatever is locked elsewhere. */
static bool link_is_idle(const cf_round *round)
{
    const cf_engine *engine = round->engine;
    const cf_link *link = engine->peer->link;
    const size_t count = round->options.collection_count;
    bool idle = true;

    if (!count)
        return cf_link_is_idle(link) && !cf_downloads_are_paused(engine->context.downloads, NULL);
    for (size_t i = 0; idle && i < count; i++)
        idle = cf_link_is_idle_in(link, &round->collections[i]) &&
               !cf_downloads_are_paused(engine->context.downloads, &round->collections[i]);
    return idle;
}

static bool is_any_locked(const cf_round *round)
{
    bool locked = round->options.collection_count == 0;

    for (size_t i = 0; !locked && i < round->options.collection_count; i++)
        locked = cf_engine_is_locked(round->engine, &round->collections[i]);
    return locked;
}

/* Whose lock it is has been heard: so who it is and how long can be told. */
static bool is_anothers(void *context, const cf_id *collection)
{
    cf_engine *engine = context;

    return cf_locks_are_known(engine->context.locks) && cf_engine_lock_of(engine, collection);
}

static bool link_is_locked_out(const cf_round *round)
{
    cf_engine *engine = round->engine;
    const cf_link *link = engine->peer->link;

    return round->options.kind == CF_ROUND_SYNC && link && cf_link_is_connected(link) &&
           cf_link_is_checked(link) && !engine->inbox_count && is_any_locked(round) &&
           (cf_link_is_locked_out(link, is_anothers, engine) ||
            (cf_link_is_idle(link) && cf_downloads_are_paused(engine->context.downloads, NULL)));
}

static bool link_is_over(const cf_round *round)
{
    const cf_engine *engine = round->engine;
    cf_link *link = engine->peer->link;

    if (!link || engine->is_paused || is_alone(round->options.kind))
        return true;
    if (cf_link_is_connected(link)) /* as far as anybody has heard */
        return cf_link_is_checked(link) &&
               (round->options.kind == CF_ROUND_LEARN || engine->context.silent
                    ? cf_link_has_all_but_paused(link)
                    : link_is_idle(round)) &&
               !engine->inbox_count;
    return engine->session.losses > round->losses && !engine->session.connecting;
}

/* The broker said of all that is left that it has no room; that may change at any time, and is not
 * waited for. */
static bool link_lacks_room(const cf_round *round)
{
    const cf_engine *engine = round->engine;
    const cf_link *link = engine->peer->link;

    return round->options.kind == CF_ROUND_SYNC && link && cf_link_is_connected(link) &&
           cf_link_is_checked(link) && !engine->inbox_count && cf_link_lacks_room(link);
}

/* Until it is known whether the network is metered, and the transfers know: where something waits
 * for that, or it is to be told. */
static bool awaits_network(const cf_round *round)
{
    const cf_engine *engine = round->engine;
    cf_metered_status status;

    if (round->options.kind == CF_ROUND_LEARN)
        return false;
    if (cf_metered_most(&engine->metered, engine->steady_ms) != engine->most)
        return true;
    cf_engine_metered(engine, &status);
    return cf_metered_awaits(&engine->metered, engine->steady_ms) &&
           (status.deferred || round->options.kind != CF_ROUND_SYNC);
}

/* By the user's own limit: what waits for that will go. */
static bool is_held_back(const cf_round *round)
{
    const cf_link *link = round->engine->peer->link;

    return round->options.kind == CF_ROUND_SYNC && link && cf_link_is_held_back(link);
}

uint64_t cf_round_deadline(const cf_round *round)
{
    uint64_t patience_ms = round->options.patience_ms;

    return round->progress_ms + (patience_ms ? patience_ms : STALLED_MS);
}

/* Whatever else goes on, and whatever others have locked. */
static bool is_agreed(const cf_round *round)
{
    const cf_engine *engine = round->engine;
    bool agrees = false;

    for (size_t i = 0; i < engine->count; i++)
        agrees |= includes(round, engine->bindings[i]) && !engine->sources[i].paused[0] &&
                  cf_source_agrees(&engine->sources[i]);
    return !agrees;
}

/* `status` needn't wait until a source that is written to all the time may be looked at again. */
static bool is_busy(const cf_round *round, const cf_source *source, uint64_t now_ms)
{
    return !source->paused[0] && cf_source_busy(source, now_ms) &&
           !(round->options.kind == CF_ROUND_TELL && cf_source_rests(source, now_ms));
}

bool cf_round_over(cf_round *round, uint64_t now_ms)
{
    cf_engine *engine = round->engine;
    const uint64_t time_ms = cf_env_now_ms(engine->env);
    bool works = engine->inbox_count > 0 || awaits_network(round), waits = false;

    if (round->options.kind == CF_ROUND_AGREE)
        return is_agreed(round);
    works |= engine->carried && cf_carried_works(engine->carried);
    for (size_t i = 0; i < engine->count && round->options.kind != CF_ROUND_LEARN; i++)
        works |=
            includes(round, engine->bindings[i]) && is_busy(round, &engine->sources[i], time_ms);
    if (round->options.kind == CF_ROUND_SYNC) {
        works |= cf_engine_owes_checkpoint(engine) || cf_uploads_working(engine->context.uploads) ||
                 cf_resupply_busy(engine->resupply) || cf_downloads_busy(engine->context.downloads);
        waits = cf_uploads_busy(engine->context.uploads);
    }
    /* What is done here may take its time (a delta of a large file); the other side, such as a
     * broker whose disk is full, may not, nor what may be reading from a disk that hangs. */
    const bool is_silent = cf_engine_is_any_silent(engine), is_checked = link_is_checked(engine);
    if ((works && !is_silent) || is_held_back(round) ||
        engine->context.activity != round->activity || (is_checked && !round->is_checked)) {
        round->activity = engine->context.activity;
        round->is_checked = is_checked;
        round->progress_ms = now_ms;
    }
    round->is_locked_out = !works && !waits && link_is_locked_out(round);
    if (!works && !waits &&
        (link_is_over(round) || (round->is_locked_out && round->options.leaves_locked)))
        return !cf_bases_busy(engine->context.bases) || round->options.kind != CF_ROUND_SYNC;
    if (!works && link_lacks_room(round))
        return !cf_bases_busy(engine->context.bases);
    round->gave_up = (!works || is_silent) && now_ms > cf_round_deadline(round);
    return round->gave_up;
}

bool cf_round_is_locked_out(const cf_round *round)
{
    return round->is_locked_out;
}

bool cf_round_is_unanswered(const cf_round *round)
{
    const cf_link *link = round->engine->peer->link;

    return round->gave_up && link && cf_link_is_connected(link) && cf_link_is_unanswered(link);
}

void cf_round_end(cf_round **round)
{
    if (!*round)
        return;
    cf_engine *engine = (*round)->engine;

    for (size_t i = 0; i < engine->count && (*round)->options.kind != CF_ROUND_LEARN; i++)
        if (includes(*round, engine->bindings[i]))
            cf_source_end_word(&engine->sources[i]);
    for (cf_round **at = &engine->rounds; *at; at = &(*at)->next)
        if (*at == *round) {
            *at = (*round)->next;
            break;
        }
    free((*round)->collections);
    free(*round);
    *round = NULL;
}

/* ---- Reaching the broker ---- */

uint64_t cf_engine_reach(cf_engine *engine)
{
    cf_link *link = engine->peer->link;

    if (link && !engine->is_paused && !cf_link_is_connected(link)) {
        engine->session.connecting = true;
        cf_link_start(link);
    }
    return engine->session.losses;
}

void cf_engine_check(cf_engine *engine)
{
    cf_engine_reach(engine);
    if (engine->peer->link)
        cf_link_check(engine->peer->link);
}

cf_connection_state cf_engine_reached(const cf_engine *engine, uint64_t mark)
{
    const cf_link *link = engine->peer->link;

    if (link && cf_link_has_all_but_paused(link) && cf_link_is_checked(link) &&
        !engine->inbox_count)
        return CF_CONNECTION_CAUGHT_UP;
    if (!link || engine->is_paused ||
        (!cf_link_is_connected(link) && engine->session.losses > mark &&
         !engine->session.connecting))
        return CF_CONNECTION_LOST;
    return CF_CONNECTION_TRYING;
}

void cf_engine_try_again(cf_engine *engine)
{
    engine->context.activity++;
    cf_downloads_retry(engine->context.downloads);
    for (size_t i = 0; i < engine->count; i++)
        cf_source_wake(&engine->sources[i]);
}

cf_delivery cf_engine_delivered(cf_engine *engine, const cf_head *entry)
{
    if (cf_heads_contain(&engine->session.refusals, entry) ||
        cf_withheld_has(&engine->peer->withheld, entry))
        return CF_DELIVERY_REFUSED;
    return cf_unsent_holds(cf_home_store(engine->home), cf_peer_user(engine->peer), entry)
               ? CF_DELIVERY_UNDER_WAY
               : CF_DELIVERY_ACCEPTED;
}
