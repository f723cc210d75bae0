/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/flows_shown.h"

#include "broker/management/quotas.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    SHOWN_AFTER_MS = 3000, /* what takes less is no news */
    SECONDS_MAX = 90,      /* after that minutes are told, */
    MINUTES_MAX = 90,      /* and after that hours */
    MINUTE_S = 60,
    HOUR_S = 3600,
};

static json_t *known(uint64_t number)
{
    return number ? json_integer((json_int_t)number) : json_null();
}

static json_t *flow_json(const cf_flow_shown *flow)
{
    if (!flow->left)
        return json_null();
    return json_pack("{s:I, s:I, s:o, s:o}", "done", (json_int_t)flow->done, "size",
                     (json_int_t)(flow->done + flow->left), "rate", known(flow->rate),
                     "seconds_left", known(cf_flow_seconds_left(flow)));
}

json_t *cf_flows_json(const cf_flows *flows)
{
    return json_pack("{s:o, s:o}", "sending", flow_json(&flows->up), "receiving",
                     flow_json(&flows->down));
}

static void append_time(cf_buffer *out, uint64_t seconds)
{
    if (seconds <= SECONDS_MAX)
        cf_buffer_append_text(out, ", %" PRIu64 " s left", seconds);
    else if (seconds <= MINUTES_MAX * MINUTE_S)
        cf_buffer_append_text(out, ", %" PRIu64 " min left", (seconds + MINUTE_S - 1) / MINUTE_S);
    else
        cf_buffer_append_text(out, ", %" PRIu64 " h left", (seconds + HOUR_S - 1) / HOUR_S);
}

static void append_part(cf_buffer *out, const cf_flow_shown *flow)
{
    char done[CF_SIZE_TEXT], size[CF_SIZE_TEXT];

    cf_size_write(flow->done, done);
    cf_size_write(flow->done + flow->left, size);
    cf_buffer_append_text(out, "%s of %s", done, size);
}

static void append_flow(cf_buffer *out, const char *word, const cf_flow_shown *flow)
{
    char rate[CF_SIZE_TEXT];

    if (!flow->left || flow->taken_ms < SHOWN_AFTER_MS)
        return;
    cf_buffer_append_text(out, "%s%s ", out->size ? "; " : "", word);
    append_part(out, flow);
    if (!flow->rate)
        return;
    cf_size_write(flow->rate, rate);
    cf_buffer_append_text(out, ", %s/s", rate);
    append_time(out, cf_flow_seconds_left(flow));
}

static void print_flow(const char *word, const cf_flow_shown *flow, const cf_output *output)
{
    cf_buffer line = {0};

    append_flow(&line, word, flow);
    if (line.size)
        cf_print(output, "%.*s\n", (int)line.size, (const char *)line.data);
    cf_buffer_release(&line);
}

void cf_flows_print(const cf_flows *flows, const cf_output *output)
{
    print_flow("sending", &flows->up, output);
    print_flow("receiving", &flows->down, output);
}

/* One flow fits into a line. The cursor stays at its beginning: a message that comes meanwhile is
 * written over it. */
void cf_flows_rewrite(const cf_flows *flows, bool *shown, const cf_output *output)
{
    cf_buffer line = {0};

    append_flow(&line, "sending", &flows->up);
    if (!line.size)
        append_flow(&line, "receiving", &flows->down);
    const bool shows = line.size > 0;
    cf_buffer_append_text(&line, "\x1b[K\r");
    if (shows || *shown)
        output->write(output->context, CF_CONTROL_MESSAGES, cf_buffer_view(&line));
    *shown = shows;
    cf_buffer_release(&line);
}

static void say_left(const char *what, const cf_flow_shown *flow, const char *where,
                     const cf_output *output)
{
    cf_buffer part = {0};

    if (!flow->left)
        return;
    append_part(&part, flow);
    cf_say(output, "%s: %.*s of contents %s; it goes on from there the next time", what,
           (int)part.size, (const char *)part.data, where);
    cf_buffer_release(&part);
}

void cf_flows_say_left(const cf_flows *flows, const cf_output *output)
{
    say_left("not all was sent", &flows->up, "went to the broker", output);
    say_left("not all has come", &flows->down, "came from the broker", output);
}
