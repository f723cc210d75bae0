/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway/quotas.h"
#include "peer/commands/limit_shown.h"
#include "peer/commands/verbs.h"

#include <stdio.h>

static void write_rate(uint64_t rate, char out[CF_SIZE_TEXT])
{
    if (rate)
        cf_size_write(rate, out);
    else
        snprintf(out, CF_SIZE_TEXT, "none");
}

void cf_limits_print(const cf_limits *limits, const cf_output *output)
{
    char up[CF_SIZE_TEXT], down[CF_SIZE_TEXT];

    write_rate(limits->up, up);
    write_rate(limits->down, down);
    cf_print(output, "limits: up %s%s, down %s%s\n", up, limits->up ? "/s" : "", down,
             limits->down ? "/s" : "");
}

static json_t *rate_json(uint64_t rate)
{
    return rate ? json_integer((json_int_t)rate) : json_null();
}

json_t *cf_limits_json(const cf_limits *limits)
{
    return json_pack("{s:o, s:o}", "up", rate_json(limits->up), "down", rate_json(limits->down));
}

static cf_status read_option(const cf_run *run, const char *name, uint64_t *out, cf_error *error)
{
    const char *value = cf_options_value(&run->options, name);

    return value ? cf_limits_read_rate(value, out, error) : CF_OK;
}

/* Damaged ones don't keep anybody from setting both anew. */
static cf_status recall(cf_run *run, cf_limits *out, cf_error *error)
{
    *out = (cf_limits){0};
    if (cf_options_has(&run->options, "up") && cf_options_has(&run->options, "down"))
        return CF_OK;
    return cf_limits_recall(cf_loop_home(run->loop), out, error);
}

static cf_status start(cf_run *run, cf_error *error)
{
    const bool sets = cf_options_has(&run->options, "up") || cf_options_has(&run->options, "down");
    cf_limits limits;

    cf_status status = cf_run_check_count(run, 0, 0, error);
    if (!status)
        status = recall(run, &limits, error);
    if (!status)
        status = read_option(run, "up", &limits.up, error);
    if (!status)
        status = read_option(run, "down", &limits.down, error);
    if (!status && sets)
        status = cf_limits_keep(cf_loop_home(run->loop), &limits, error);
    if (status)
        return status;
    if (sets) {
        cf_engine_use_limits(cf_loop_engine(run->loop));
        cf_loop_wake(run->loop);
    }
    if (run->json)
        cf_print_json(&run->output, cf_limits_json(&limits));
    else if (!run->quiet)
        cf_limits_print(&limits, &run->output);
    return CF_OK;
}

static const cf_option options[] = {
    {"up", 0, "RATE", "at most so many bytes a second to the broker, such as 500K; none lifts it"},
    {"down", 0, "RATE", "the same of what comes from it"},
    {0},
};

const cf_verb cf_verb_limit = {
    .name = "limit",
    .usage = "limit",
    .summary = "Shows or sets how much goes to the broker and comes from it in a second",
    .more = "A RATE is bytes a second, K M G being 1024's powers; `none` lifts the limit. Kept "
            "over restarts. Small files and what is said of changes pass first.",
    .needs = CF_NEEDS_PEER,
    .options = options,
    .start = start,
};
