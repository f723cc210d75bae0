/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/stake.h"

#include "broker/platform/names.h"
#include "peer/commands/overview.h"
#include "peer/membership/membership.h"

enum { NAMED = 3 };

/* Done here, or perhaps; what others did and is not here yet is not lost. */
static bool is_at_stake(const cf_pending *pending)
{
    return pending->kind == CF_PENDING_UNSENT || pending->kind == CF_PENDING_WAITS ||
           pending->kind == CF_PENDING_HELD || pending->kind == CF_PENDING_LOCKED ||
           pending->kind == CF_PENDING_SKIPPED;
}

/* "notes: 5 items unsent, or waiting: a.txt, b.txt, c.txt and 2 more". */
static size_t say_at_stake(const cf_run *run, const cf_overview_source *source)
{
    char path[CF_NAME_SHOWN];
    cf_buffer named = {0};
    size_t count = 0;

    for (size_t i = 0; i < source->status.pending_count; i++) {
        const cf_pending *pending = &source->status.pending[i];

        if (!is_at_stake(pending) || count++ >= NAMED)
            continue;
        cf_name_show(pending->path, path);
        cf_buffer_append_text(&named, "%s%s", named.size ? ", " : "", path);
    }
    if (count > NAMED)
        cf_buffer_append_text(&named, " and %zu more", count - NAMED);
    if (count)
        cf_say(&run->output, "%s: %zu item%s unsent, or waiting: %.*s", source->name, count,
               count == 1 ? "" : "s", (int)named.size, (const char *)named.data);
    if (source->status.trouble)
        cf_say(&run->output, "%s: %s", source->name, source->status.trouble_text);
    cf_buffer_release(&named);
    return count;
}

static bool is_last_owner(const cf_peer *peer)
{
    cf_error ignored;

    return cf_membership_check_owner(peer, &ignored) == CF_OK && cf_membership_owners(peer) < 2;
}

cf_status cf_stake_take(const cf_run *run, bool is_asked, cf_stake *out, cf_error *error)
{
    cf_arena arena = {0};
    cf_overview overview;

    *out =
        (cf_stake){.is_asked = is_asked, .is_last_owner = is_last_owner(cf_loop_peer(run->loop))};
    cf_status status = cf_overview_take(run, &(cf_overview_options){0}, &arena, &overview, error);
    for (size_t i = 0; !status && i < overview.count; i++) {
        out->unsent += say_at_stake(run, &overview.sources[i]);
        out->unseen += overview.sources[i].status.trouble && !overview.sources[i].is_taken_off;
    }
    /* Entries of no item here: deletions, or of what is no source any more. */
    if (!status && !out->unsent && overview.broker.unsent) {
        out->unsent = overview.broker.unsent;
        cf_say(&run->output, "%zu %s of the log not at the broker yet", out->unsent,
               out->unsent == 1 ? "entry" : "entries");
    }
    if (!status && cf_engine_brings_carried(cf_loop_engine(run->loop))) {
        out->unsent++;
        cf_say(&run->output,
               "what the broker lacks, and this device carries, is not all there yet");
    }
    cf_arena_release(&arena);
    return status;
}

static const char *last_owner(const cf_stake *stake)
{
    return stake->is_asked
               ? "this is the last owner: without it only the recovery phrase lets devices in "
                 "again, with `counterfoil recover`"
               : "this is the last owner, as far as is known here: without one only the recovery "
                 "phrase lets devices in again, with `counterfoil recover`";
}

cf_status cf_stake_check(const cf_run *run, const cf_stake *stake, cf_error *error)
{
    if (stake->is_last_owner && !stake->unsent && !stake->unseen)
        return cf_fail(error, CF_USAGE, "%s; say that it is meant with --yes", last_owner(stake));
    if (stake->is_last_owner)
        cf_say(&run->output, "%s", last_owner(stake));
    if (stake->unsent)
        return cf_fail(error, CF_UNSAFE,
                       "%zu item%s may be nowhere else: `counterfoil status` says why, "
                       "`counterfoil sync` sends what can be sent, --yes leaves all the same",
                       stake->unsent, stake->unsent == 1 ? "" : "s");
    return stake->unseen
               ? cf_fail(error, CF_UNSAFE,
                         "%zu source%s can't be looked at, and what was done there may be nowhere "
                         "else: --yes leaves all the same",
                         stake->unseen, stake->unseen == 1 ? "" : "s")
               : CF_OK;
}

json_t *cf_stake_json(const cf_stake *stake)
{
    return json_pack("{s:I, s:I, s:b, s:b}", "unsent", (json_int_t)stake->unsent, "unseen",
                     (json_int_t)stake->unseen, "last_owner", (int)stake->is_last_owner, "asked",
                     (int)stake->is_asked);
}
