/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/announcing.h"

#include <stdlib.h>

cf_status cf_announcing_begin(cf_announcing *announcing, cf_run *run, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    uint64_t timeout_ms;

    cf_status status = cf_run_timeout(run, &timeout_ms, error);
    if (!status && !cf_engine_link(engine))
        status = cf_fail(error, CF_UNREACHABLE,
                         "no broker is set, and only there can be asked what others wrote: "
                         "`counterfoil broker LINE`");
    if (status)
        return status;
    cf_catching_up_begin(&announcing->catching_up, run, timeout_ms);
    return CF_OK;
}

void cf_announcing_ask(cf_announcing *announcing, const cf_hash *devices, size_t count)
{
    announcing->whose = devices;
    announcing->whose_count = count;
}

const cf_heads *cf_announcing_told(const cf_announcing *announcing, const cf_hash *device)
{
    return announcing->query
               ? cf_query_answer_ends_of(cf_broker_query_answer(announcing->query), device)
               : NULL;
}

void cf_announcing_release(cf_announcing *announcing)
{
    cf_broker_query_destroy(&announcing->query);
    free(announcing->entries);
    *announcing = (cf_announcing){0};
}

void cf_announcing_add(cf_announcing *announcing, const cf_head *entry)
{
    *cf_one_more(announcing->entries, announcing->count, announcing->capacity) = *entry;
}

static cf_announcing_step_result catch_up(cf_connection_state reached, cf_engine *engine,
                                          cf_error *error)
{
    cf_broker_status broker;

    if (reached == CF_CONNECTION_CAUGHT_UP)
        return CF_ANNOUNCING_MAKE;
    if (reached == CF_CONNECTION_TRYING)
        return CF_ANNOUNCING_WAITS;
    cf_engine_broker_status(engine, &broker);
    cf_fail(error, broker.trouble && broker.trouble != CF_FORGED ? broker.trouble : CF_UNREACHABLE,
            "nothing was changed: it takes the broker, to know what others wrote so far: %s",
            broker.text[0] ? broker.text : "it does not answer");
    return CF_ANNOUNCING_FAILED;
}

/* Which of them the broker did not tell. */
static bool is_untold(const cf_announcing *announcing)
{
    for (size_t i = 0; i < announcing->whose_count; i++)
        if (!cf_announcing_told(announcing, &announcing->whose[i]))
            return true;
    return false;
}

static cf_announcing_step_result judge_answer(cf_announcing *announcing, cf_engine *engine,
                                              cf_error *error)
{
    if (is_untold(announcing) && cf_link_is_kept_back(cf_engine_link(engine))) {
        cf_fail(error, CF_LOCKED,
                "nothing was changed: while another device communicates alone this older broker "
                "does not say all that was written so far; try again when it has ended");
        return CF_ANNOUNCING_FAILED;
    }
    if (is_untold(announcing) && !cf_engine_keeps_all(engine)) {
        cf_fail(error, CF_DENIED,
                "nothing was changed: this device keeps only what it has sources of, and this "
                "older broker does not say what else was written: do it on a device that keeps "
                "all, or here after `counterfoil set --keep all`");
        return CF_ANNOUNCING_FAILED;
    }
    announcing->is_told = true;
    return CF_ANNOUNCING_MAKE;
}

/* What is not named would be void: the own log is not asked alone. */
static cf_announcing_step_result ask(cf_announcing *announcing, cf_run *run, uint64_t now_ms,
                                     cf_error *error)
{
    uint64_t deadline_ms;
    cf_status status = CF_OK;

    if (announcing->is_told || !announcing->whose_count)
        return CF_ANNOUNCING_MAKE;
    if (!announcing->query)
        status =
            cf_broker_query_new_of_chains(cf_loop_connections(run->loop), cf_loop_peer(run->loop),
                                          announcing->catching_up.timeout_ms, announcing->whose,
                                          announcing->whose_count, &announcing->query, error);
    if (!status && !cf_broker_query_over(announcing->query, now_ms, &deadline_ms, &status, error)) {
        announcing->catching_up.deadline_ms = deadline_ms;
        return CF_ANNOUNCING_WAITS;
    }
    if (!status)
        return judge_answer(announcing, cf_loop_engine(run->loop), error);
    cf_error_while(error, "nothing was changed: it takes the broker, to know what others wrote so "
                          "far");
    return CF_ANNOUNCING_FAILED;
}

static cf_announcing_step_result deliver(const cf_announcing *announcing, cf_engine *engine,
                                         uint64_t now_ms, cf_error *error)
{
    size_t accepted = 0;
    cf_broker_status broker;

    cf_engine_broker_status(engine, &broker);
    for (size_t i = 0; i < announcing->count; i++)
        switch (cf_engine_delivered(engine, &announcing->entries[i])) {
        case CF_DELIVERY_ACCEPTED:
            accepted++;
            break;
        case CF_DELIVERY_REFUSED:
            cf_fail(error, CF_DENIED, "the broker refuses it: %s", broker.text);
            return CF_ANNOUNCING_FAILED;
        case CF_DELIVERY_UNDER_WAY:
            break;
        }
    if (accepted == announcing->count)
        return CF_ANNOUNCING_DONE;
    if (now_ms < announcing->catching_up.deadline_ms)
        return CF_ANNOUNCING_WAITS;
    cf_fail(error, CF_UNREACHABLE,
            "it is done here, but the broker has not taken it yet: it will with the next sync");
    return CF_ANNOUNCING_FAILED;
}

cf_announcing_step_result cf_announcing_step(cf_announcing *announcing, cf_run *run,
                                             uint64_t now_ms, cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_connection_state reached = cf_catching_up_step(&announcing->catching_up, run, now_ms);

    if (announcing->is_made)
        return deliver(announcing, engine, now_ms, error);
    const cf_announcing_step_result result = catch_up(reached, engine, error);
    return result == CF_ANNOUNCING_MAKE ? ask(announcing, run, now_ms, error) : result;
}
