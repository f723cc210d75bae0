/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/engine/visit.h"

#include "codec/clock.h"
#include "peer/engine/connections.h"
#include "peer/log/unsent.h"

#include <stdlib.h>

struct cf_visit {
    cf_visit_options options;
    cf_link *link;
    bool is_over, was_connected;
    uint64_t received; /* bytes of entries */
    cf_error error;    /* CF_OK: it ended well */
};

static void end(cf_visit *visit)
{
    visit->is_over = true;
    cf_link_stop(visit->link);
}

static void on_connected(void *context, const cf_link_welcome *welcome)
{
    cf_visit *visit = context;

    visit->was_connected = true;
    if (!cf_clock_is_off(welcome->clock_difference_ms))
        return;
    cf_link_fail_clock(welcome->clock_difference_ms, &visit->error);
    end(visit);
}

static void on_lost(void *context, const cf_link_loss *loss)
{
    cf_visit *visit = context;

    if (cf_link_is_interrupted(loss) && visit->was_connected)
        return;
    visit->error = *loss->why;
    end(visit);
}

static void on_entry(void *context, const cf_entry *entry)
{
    cf_visit *visit = context;
    size_t size = entry->wire.size;
    cf_error error;

    if (visit->options.peer && !visit->is_over &&
        cf_peer_take(visit->options.peer, &entry->wire, 1, &error)) {
        visit->error = error;
        visit->is_over = true;
    }
    visit->received += size;
    cf_link_credit(visit->link, size);
}

static void on_refused(void *context, const cf_link_refusal *refusal)
{
    cf_visit *visit = context;

    if (!refusal->never || visit->is_over)
        return;
    cf_fail(&visit->error, CF_DENIED, "the broker refuses an entry: %.*s", (int)refusal->text.size,
            (const char *)refusal->text.data);
    visit->is_over = true;
}

/* Everything of ours is there. */
static void on_idle(void *context)
{
    cf_visit *visit = context;

    if (!visit->options.is_confined)
        cf_unsent_clear(visit->options.env, visit->options.store, &visit->options.user);
    visit->is_over = true;
}

cf_visit *cf_visit_new(const cf_visit_options *options)
{
    static const cf_id none;
    cf_visit *visit = cf_allocate(1, sizeof *visit);
    cf_link_options link = {.env = options->env,
                            .store = options->store,
                            .user = options->user,
                            .events = cf_link_silence(visit)};

    visit->options = *options;
    link.events.connected = on_connected;
    link.events.lost = on_lost;
    link.events.entry = on_entry;
    link.events.refused = on_refused;
    link.events.idle = on_idle;
    visit->link = cf_link_new(&link);
    if (options->is_confined)
        cf_link_confine(visit->link, &none, 0);
    else if (!options->peer)
        cf_link_subscribe(visit->link, NULL, 0);
    cf_link_start(visit->link);
    return visit;
}

void cf_visit_destroy(cf_visit **visit)
{
    if (!*visit)
        return;
    cf_link_destroy(&(*visit)->link);
    free(*visit);
    *visit = NULL;
}

cf_link *cf_visit_link(const cf_visit *visit)
{
    return visit->link;
}

uint64_t cf_visit_received(const cf_visit *visit)
{
    return visit->received;
}

bool cf_visit_over(const cf_visit *visit, cf_status *status, cf_error *error)
{
    if (!visit->is_over)
        return false;
    *status = visit->error.status;
    if (*status)
        *error = visit->error;
    return true;
}
