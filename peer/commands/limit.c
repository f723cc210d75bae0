/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/management/quotas.h"
#include "peer/commands/limit_shown.h"
#include "peer/commands/verbs.h"

#include <inttypes.h>
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

static json_t *carried_most_json(uint64_t most)
{
    return most == CF_CARRIED_ALL ? json_null() : json_integer((json_int_t)most);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

void cf_carried_print(const cf_carried_shown *carried, const cf_output *output)
{
    char size[CF_SIZE_TEXT], most[CF_SIZE_TEXT];

    cf_size_write(carried->size, size);
    cf_size_write(carried->room, most);
    cf_print(output, "carries: %" PRIu64 " blob%s, %s", carried->count, plural(carried->count),
             size);
    if (carried->room != CF_CARRIED_ALL)
        cf_print(output, " of at most %s", most);
    if (carried->lacks)
        cf_print(output, ", lacks %s%" PRIu64, carried->is_known ? "" : "at least ",
                 carried->lacks);
    if (carried->absent)
        cf_print(output, ", of which the broker does not have %" PRIu64 " either", carried->absent);
    if (carried->drops_older)
        cf_print(output, "; there is no room for older ones (`counterfoil limit --max-size`)");
    if (carried->trouble)
        cf_print(output, "; nothing more can be kept for now: %s", carried->trouble);
    cf_print(output, "\n");
}

json_t *cf_carried_json(const cf_carried_shown *carried)
{
    return json_pack("{s:I, s:I, s:o, s:I, s:I, s:b, s:o}", "blobs", (json_int_t)carried->count,
                     "bytes", (json_int_t)carried->size, "max_size",
                     carried_most_json(carried->room), "lacks", (json_int_t)carried->lacks,
                     "broker_lacks", (json_int_t)carried->absent, "drops_older",
                     (int)carried->drops_older, "trouble",
                     carried->trouble ? json_string(carried->trouble) : json_null());
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

/* Of a relay, or whoever is to be one. */
static cf_status set_carried(cf_run *run, uint64_t *most, cf_error *error)
{
    const char *value = cf_options_value(&run->options, "max-size");
    cf_home *home = cf_loop_home(run->loop);

    if (!value)
        return cf_limits_recall_carried(home, most, error);
    cf_status status = cf_limits_read_carried(value, most, error);
    return status ? status : cf_limits_keep_carried(home, *most, error);
}

static void show(const cf_run *run, const cf_limits *limits, uint64_t carried)
{
    char most[CF_SIZE_TEXT];

    if (run->json) {
        json_t *document = cf_limits_json(limits);

        if (carried != CF_CARRIED_ALL)
            json_object_set_new(document, "max_size", carried_most_json(carried));
        cf_print_json(&run->output, document);
        return;
    }
    if (run->quiet)
        return;
    cf_limits_print(limits, &run->output);
    cf_size_write(carried, most);
    if (carried != CF_CARRIED_ALL)
        cf_print(&run->output, "as a relay it carries at most %s of blobs\n", most);
}

static cf_status start(cf_run *run, cf_error *error)
{
    const bool sets = cf_options_has(&run->options, "up") || cf_options_has(&run->options, "down");
    cf_limits limits;
    uint64_t carried;

    cf_status status = cf_run_check_count(run, 0, 0, error);
    if (!status)
        status = recall(run, &limits, error);
    if (!status)
        status = read_option(run, "up", &limits.up, error);
    if (!status)
        status = read_option(run, "down", &limits.down, error);
    if (!status)
        status = set_carried(run, &carried, error);
    if (!status && sets)
        status = cf_limits_keep(cf_loop_home(run->loop), &limits, error);
    if (status)
        return status;
    cf_engine_use_carried(cf_loop_engine(run->loop));
    if (sets)
        cf_engine_use_limits(cf_loop_engine(run->loop));
    cf_loop_wake(run->loop);
    show(run, &limits, carried);
    return CF_OK;
}

static const cf_option options[] = {
    {"up", 0, "RATE", "at most so many bytes a second to the broker, such as 500K; none lifts it"},
    {"down", 0, "RATE", "the same of what comes from it"},
    {"max-size", 0, "SIZE",
     "how much a relay keeps of what others' files need, the newest of it: such as 20G, at least "
     "17M; 0 for nothing, none for all"},
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
