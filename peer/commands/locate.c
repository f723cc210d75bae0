/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/bytes.h"
#include "peer/engine/broker_query.h"
#include "peer/commands/verbs.h"

static cf_status start(cf_run *run, cf_error *error)
{
    cf_broker_query *query = NULL;
    uint64_t timeout_ms = 0;

    cf_status status = cf_run_check_count(run, 0, 0, error);
    if (!status)
        status = cf_run_timeout(run, &timeout_ms, error);
    if (!status)
        status = cf_broker_query_new(cf_loop_connections(run->loop), cf_loop_peer(run->loop),
                                     timeout_ms, &query, error);
    run->state = query;
    return status;
}

static void show(cf_run *run, const cf_query_answer *found)
{
    char instance[2 * CF_ID_SIZE + 1];
    json_t *lines = json_array();

    cf_hex(cf_bytes_of(found->instance, CF_ID_SIZE), instance);
    for (size_t i = 0; i < found->line_count; i++) {
        json_array_append_new(lines, json_string(found->lines[i]));
        if (!run->json)
            cf_print(&run->output, "%s\n", found->lines[i]);
    }
    if (run->json)
        cf_print_json(&run->output, json_pack("{s:O, s:I, s:s}", "endpoints", lines, "position",
                                              (json_int_t)found->position, "log", instance));
    else
        cf_print(&run->output, "position %llu of log %s\n", (unsigned long long)found->position,
                 instance);
    json_decref(lines);
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    cf_broker_query *query = run->state;
    cf_status status = CF_OK;

    progress->over = cf_broker_query_over(query, now_ms, &progress->deadline_ms, &status, error);
    if (progress->over && !status)
        show(run, cf_broker_query_answer(query));
    return status;
}

static void end(cf_run *run)
{
    cf_broker_query *query = run->state;

    cf_broker_query_destroy(&query);
}

static const cf_option options[] = {
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {0},
};

const cf_verb cf_verb_locate = {
    .name = "locate",
    .usage = "locate",
    .summary = "Shows where this user's log is kept, and its position there",
    .needs = CF_NEEDS_PEER,
    .options = options,
    .start = start,
    .step = step,
    .end = end,
};
