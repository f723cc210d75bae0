/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/flow.h"

enum { RATE_LEAST_S = 2 }; /* less says nothing */

static uint64_t second_of(uint64_t now_ms)
{
    return now_ms / 1000 + 1;
}

/* Seconds in which nobody looked moved nothing that is known of. */
static void pass_to(cf_flow *flow, uint64_t second)
{
    for (uint64_t at = flow->looked_s + 1; at <= second && at <= flow->looked_s + CF_FLOW_SECONDS;
         at++)
        flow->seconds[at % CF_FLOW_SECONDS] = 0;
    flow->looked_s = second;
}

static uint64_t sum_of(const cf_flow *flow, uint64_t second)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < CF_FLOW_SECONDS; i++)
        if (flow->looked_s > i && flow->looked_s - i + CF_FLOW_SECONDS > second)
            sum += flow->seconds[(flow->looked_s - i) % CF_FLOW_SECONDS];
    return sum;
}

static void use(cf_flow *flow, uint64_t now_ms)
{
    flow->is_used = true;
    flow->since_ms = now_ms;
    flow->begun = flow->moved;
}

/* What was lost with a connection, and is sent again, moves once: what counts is the most that has
 * ever moved. */
void cf_flow_look(cf_flow *flow, const cf_flow_count *count, uint64_t now_ms)
{
    const uint64_t second = second_of(now_ms);

    if (!count->left) {
        *flow = (cf_flow){.moved = count->moved > flow->moved ? count->moved : flow->moved};
        return;
    }
    if (!flow->is_used)
        use(flow, now_ms);
    if (second > flow->looked_s)
        pass_to(flow, second);
    if (count->moved > flow->moved) {
        if (!sum_of(flow, second))
            flow->moved_since_s = second;
        flow->seconds[flow->looked_s % CF_FLOW_SECONDS] += count->moved - flow->moved;
        flow->moved = count->moved;
    }
    flow->left = count->left;
}

/*     3 MB moved within the last 20 s, the first of them 10 s ago       300 KB in a second */
static uint64_t rate_of(const cf_flow *flow, uint64_t now_ms)
{
    const uint64_t second = second_of(now_ms), sum = sum_of(flow, second);
    uint64_t seconds = second - flow->moved_since_s + 1;

    if (seconds > CF_FLOW_SECONDS)
        seconds = CF_FLOW_SECONDS;
    return seconds < RATE_LEAST_S ? 0 : sum / seconds;
}

cf_flow_shown cf_flow_show(const cf_flow *flow, uint64_t now_ms)
{
    if (!flow->is_used)
        return (cf_flow_shown){0};
    return (cf_flow_shown){.done = flow->moved - flow->begun,
                           .left = flow->left,
                           .taken_ms = now_ms - flow->since_ms,
                           .rate = rate_of(flow, now_ms)};
}

uint64_t cf_flow_seconds_left(const cf_flow_shown *flow)
{
    return flow->rate ? (flow->left + flow->rate - 1) / flow->rate : 0;
}
