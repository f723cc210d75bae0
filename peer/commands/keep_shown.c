/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/keep_shown.h"

#include "peer/log/author.h"
#include "peer/membership/left_brokers.h"

/* What the broker alone has of from now on. */
static cf_status say_unkept(const cf_run *run, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_catalog_collection *list;
    cf_arena arena = {0};
    size_t count;

    const cf_kept own = cf_engine_kept(cf_loop_engine(run->loop), &arena);
    const cf_kept any = cf_kept_by_any(peer, &own, &arena);
    cf_status status = cf_catalog_list(peer, &arena, &list, &count, error);
    for (size_t i = 0; !status && i < count; i++)
        if (!cf_kept_has(&any, &list[i].id))
            cf_say(&run->output,
                   "no device keeps all of '%s' now: of what comes the broker alone has a copy",
                   list[i].name);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_keep_say_unbrought(const cf_run *run, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_catalog_collection *list;
    cf_arena arena = {0};
    size_t count;

    const cf_kept own = cf_engine_kept(cf_loop_engine(run->loop), &arena);
    const cf_kept any = cf_kept_by_any(peer, &own, &arena);
    cf_status status = cf_catalog_list(peer, &arena, &list, &count, error);
    for (size_t i = 0; !status && i < count; i++)
        if (!cf_kept_has(&own, &list[i].id))
            cf_say(&run->output, "'%s' is not kept here: what the broker lacks of it %s",
                   list[i].name,
                   cf_kept_has(&any, &list[i].id) ? "other devices bring"
                                                  : "no device has all of any more");
    cf_arena_release(&arena);
    return status;
}

/* What a broker that the user has left alone has is of all collections, and goes on from here. */
static cf_status check_left(const cf_run *run, cf_error *error)
{
    char endpoint[CF_ADDRESS_TEXT];
    cf_left_brokers left;

    cf_status status = cf_left_brokers_read(cf_loop_home(run->loop), &left, error);
    if (status || !left.count)
        return status;
    cf_address_endpoint(&left.at[0].broker, endpoint);
    return cf_fail(error, CF_DENIED,
                   "this device has still to bring what %s alone may have: `counterfoil sync` goes "
                   "on with it, `counterfoil broker --give-up` ends it",
                   endpoint);
}

static cf_status check_may_keep_less(const cf_run *run, cf_error *error)
{
    return cf_peer_is_relay(cf_loop_peer(run->loop))
               ? cf_fail(error, CF_DENIED, "this device is a relay: it keeps all of the log")
               : check_left(run, error);
}

cf_status cf_keep_choose(cf_run *run, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_keeping keep = CF_KEEPING_ALL;

    cf_status status = cf_keeping_read(cf_options_value(&run->options, "keep"), &keep, error);
    if (!status && keep == CF_KEEPING_BOUND)
        status = check_may_keep_less(run, error);
    if (!status)
        status = cf_keeping_set(cf_loop_home(run->loop), keep, error);
    if (status)
        return status;
    cf_engine_use_keep(engine);
    status = cf_engine_introduce(engine, cf_loop_time(run->loop), error);
    cf_loop_wake(run->loop);
    if (run->json)
        cf_print_json(&run->output, json_pack("{s:s}", "keep", cf_keeping_name(keep)));
    else if (!run->quiet)
        cf_print(&run->output, "keep: %s\n",
                 keep == CF_KEEPING_ALL ? "all of the user's log"
                                        : "what this device has sources of, or wrote to");
    return status || keep == CF_KEEPING_ALL ? status : say_unkept(run, error);
}

static bool is_kept(const cf_run *run, const cf_id *collection)
{
    return cf_engine_carries(cf_loop_engine(run->loop), collection);
}

static bool is_here(const cf_run *run, const cf_id *collection)
{
    return cf_author_heads(cf_loop_peer(run->loop)->author, collection)->count > 0;
}

cf_status cf_keep_check(const cf_run *run, const cf_catalog_collection *collection, cf_error *error)
{
    if (is_kept(run, &collection->id) || is_here(run, &collection->id))
        return CF_OK;
    return cf_fail(error, CF_MISSING,
                   "this device keeps nothing of '%s': `counterfoil add SOURCE --collection %s` "
                   "fetches it, `counterfoil set --keep all` and `counterfoil sync` all that there "
                   "is",
                   collection->name, collection->name);
}

void cf_keep_say(const cf_run *run, const cf_id *collection)
{
    cf_arena arena = {0};
    const char *name = cf_catalog_name(cf_loop_peer(run->loop), collection, &arena);

    if (!is_here(run, collection))
        cf_say(&run->output,
               "nothing of '%s' is here yet: what others wrote comes with `counterfoil sync`",
               name);
    else if (!is_kept(run, collection))
        cf_say(&run->output, "this device keeps '%s' no more: what is shown is from when it did",
               name);
    cf_arena_release(&arena);
}
