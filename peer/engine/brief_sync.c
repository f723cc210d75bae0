/* SPDX-License-Identifier: Apache-2.0 */
/* When a brief sync is over: nothing is left to send or take; or an entry can't be taken here, or
 * is refused for ever there; or the clocks are too far apart. A line that is interrupted once it
 * was connected comes again; any other loss ends the session with its reason. */
#include "peer/engine/brief_sync.h"

#include "codec/clock.h"
#include "peer/engine/connections.h"
#include "peer/log/unsent.h"

#include <stdlib.h>

struct cf_brief_sync {
    cf_brief_sync_options options;
    cf_link *link;
    bool is_over, was_connected;
    uint64_t received; /* bytes of entries */
    cf_error error;    /* CF_OK: it ended well */
};

static void end(cf_brief_sync *brief)
{
    brief->is_over = true;
    cf_link_stop(brief->link);
}

static void on_connected(void *context, const cf_link_welcome *welcome)
{
    cf_brief_sync *brief = context;

    brief->was_connected = true;
    if (!cf_clock_is_off(welcome->clock_difference_ms))
        return;
    cf_link_fail_clock(welcome->clock_difference_ms, &brief->error);
    end(brief);
}

static void on_lost(void *context, const cf_link_loss *loss)
{
    cf_brief_sync *brief = context;

    if (cf_link_is_interrupted(loss) && brief->was_connected)
        return;
    brief->error = *loss->why;
    end(brief);
}

static void on_entry(void *context, const cf_entry *entry)
{
    cf_brief_sync *brief = context;
    size_t size = entry->wire.size;
    cf_error error;

    if (brief->options.peer && !brief->is_over &&
        cf_peer_take(brief->options.peer, &entry->wire, 1, &error)) {
        brief->error = error;
        brief->is_over = true;
    }
    brief->received += size;
    cf_link_credit(brief->link, size);
}

static void on_refused(void *context, const cf_link_refusal *refusal)
{
    cf_brief_sync *brief = context;

    if (!refusal->never || brief->is_over)
        return;
    cf_fail(&brief->error, CF_DENIED, "the broker refuses an entry: %.*s", (int)refusal->text.size,
            (const char *)refusal->text.data);
    brief->is_over = true;
}

/* Everything of ours is there. */
static void on_idle(void *context)
{
    cf_brief_sync *brief = context;

    if (!brief->options.is_confined)
        cf_unsent_clear(brief->options.env, brief->options.store, &brief->options.user, NULL);
    brief->is_over = true;
}

cf_brief_sync *cf_brief_sync_new(const cf_brief_sync_options *options)
{
    static const cf_id none;
    cf_brief_sync *brief = cf_allocate(1, sizeof *brief);
    cf_link_options link = {.env = options->env,
                            .store = options->store,
                            .user = options->user,
                            .events = cf_link_silence(brief)};

    brief->options = *options;
    link.events.connected = on_connected;
    link.events.lost = on_lost;
    link.events.entry = on_entry;
    link.events.refused = on_refused;
    link.events.idle = on_idle;
    brief->link = cf_link_new(&link);
    if (options->is_confined)
        cf_link_confine(brief->link, &none, 0);
    else if (!options->peer)
        cf_link_subscribe(brief->link, NULL, 0);
    cf_link_start(brief->link);
    return brief;
}

void cf_brief_sync_destroy(cf_brief_sync **brief)
{
    if (!*brief)
        return;
    cf_link_destroy(&(*brief)->link);
    free(*brief);
    *brief = NULL;
}

cf_link *cf_brief_sync_link(const cf_brief_sync *brief)
{
    return brief->link;
}

uint64_t cf_brief_sync_received(const cf_brief_sync *brief)
{
    return brief->received;
}

bool cf_brief_sync_over(const cf_brief_sync *brief, cf_status *status, cf_error *error)
{
    if (!brief->is_over)
        return false;
    *status = brief->error.status;
    if (*status)
        *error = brief->error;
    return true;
}
