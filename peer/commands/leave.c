/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/catalog.h"
#include "peer/commands/announcing.h"
#include "peer/commands/base_dir.h"
#include "peer/commands/sources.h"
#include "peer/commands/stake.h"
#include "peer/membership/membership.h"
#include "peer/commands/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cf_announcing announcing;
    cf_arena arena;
    const char *name; /* of this device */
    cf_round *look;   /* what lies in its sources; NULL: with --yes nobody asks */
    bool rehearses;
    bool is_judged; /* leaving is meant, whatever it costs */
    bool is_known;  /* the others know, or will when the broker tells them */
    bool is_out;    /* the broker does not let this device in any more */
} state;

enum { LOOK_AGAIN_MS = 250 };

/* ---- Where it was typed ---- */

/* What a rehearsal found; what is at stake in the sources has been listed by then. */
static cf_status ask(cf_run *run, const json_t *found, bool *yes, cf_error *error)
{
    const json_int_t unsent = json_integer_value(json_object_get(found, "unsent"));
    char at_stake[64] = "";

    if (unsent)
        snprintf(at_stake, sizeof at_stake, "%lld item%s may be nowhere else. ", (long long)unsent,
                 unsent == 1 ? "" : "s");
    return cf_run_confirm(
        run, yes, error,
        "%s%sthis device's keys and its copy of the log are wiped; files stay "
        "as they are. Leave? [y/N]",
        at_stake,
        json_is_true(json_object_get(found, "last_owner"))
            ? "this is the last owner: only the recovery phrase leads back, to `recover`. "
            : "");
}

static cf_status prepare(cf_run *run, cf_error *error)
{
    static const char *const words[] = {"leave", "--dry-run"};
    json_t *found = NULL;
    bool yes = false;

    if (!cf_run_asks(run))
        return CF_OK;
    cf_status status = run->consult(run, words, sizeof words / sizeof *words, &found, error);
    if (!status)
        status = ask(run, found, &yes, error);
    if (!status)
        status = cf_run_take_answer(run, yes, error);
    json_decref(found);
    return status;
}

/* ---- What is to be said to the others ---- */

/* One that is out needs to say nothing more, but what it said may not have come to the broker. */
static void take_up(state *self, const cf_peer *peer, const cf_device *device)
{
    const cf_operation *end = device->ended_by == CF_MEMBER_LEAVE
                                  ? cf_registry_find(cf_log_registry(peer->log), &device->ended)
                                  : NULL;

    if (end)
        cf_announcing_add(&self->announcing, &end->entry);
    self->announcing.is_made = true;
}

static cf_status start(cf_run *run, cf_error *error)
{
    state *self = cf_allocate(1, sizeof *self);
    cf_peer *peer = cf_loop_peer(run->loop);
    const cf_device *device = cf_registry_device(cf_log_registry(peer->log), cf_peer_device(peer));

    run->state = self;
    self->name = cf_catalog_device_name(peer, cf_peer_device(peer), &self->arena);
    cf_status status = cf_run_check_count(run, 0, 0, error);
    if (status)
        return status;
    self->rehearses = cf_options_has(&run->options, "dry-run");
    self->is_judged = cf_options_has(&run->options, "yes") && !self->rehearses;
    if (!self->is_judged)
        self->look =
            cf_round_begin(cf_loop_engine(run->loop), &(cf_round_options){.kind = CF_ROUND_TELL});
    if (!device || !device->is_valid)
        self->is_known = true;
    if (device && !device->is_valid)
        take_up(self, peer, device);
    cf_announcing_ask(&self->announcing, cf_peer_device(peer), 1);
    if (!cf_engine_link(cf_loop_engine(run->loop)))
        self->announcing.is_made = true; /* to nobody: no other device ever heard of this one */
    else
        status = cf_announcing_begin(&self->announcing, run, error);
    return status;
}

/* ---- What it would cost ---- */

/* `unasked` is why the broker can't be asked; CF_OK: it was. */
static cf_status judge(cf_run *run, state *self, const cf_error *unasked, cf_error *error)
{
    cf_stake stake;
    cf_status status = cf_stake_take(run, !unasked->status, &stake, error);

    cf_round_end(&self->look);
    self->is_judged = true;
    if (status || !self->rehearses)
        return status ? status : cf_stake_check(run, &stake, error);
    if (unasked->status)
        cf_say(&run->output, "%s", unasked->text);
    if (run->json)
        cf_print_json(&run->output, cf_stake_json(&stake));
    else if (cf_stake_check(run, &stake, error))
        cf_say(&run->output, "%s", error->text);
    else if (!run->quiet)
        cf_print(&run->output, "nothing would be lost\n");
    return CF_OK;
}

/* ---- What is wiped ---- */

typedef struct {
    char *path;
    cf_id instance;
    cf_base_place base;
} place;

static place *list_places(cf_engine *engine, size_t *count)
{
    *count = cf_engine_binding_count(engine);
    place *places = cf_allocate(*count + 1, sizeof *places);

    for (size_t i = 0; i < *count; i++) {
        const cf_binding *binding = cf_engine_binding_at(engine, i);

        places[i] = (place){cf_text_copy(binding->path), binding->instance,
                            cf_base_place_copy(&binding->place)};
    }
    return places;
}

static cf_status wipe(cf_run *run, cf_error *error)
{
    const cf_env *env = cf_loop_env(run->loop);
    cf_error why;
    size_t count;
    place *places = list_places(cf_loop_engine(run->loop), &count);

    cf_engine_unguard(cf_loop_engine(run->loop));
    cf_status status = cf_loop_wipe_home(run->loop, run, error);
    for (size_t i = 0; i < count; i++) {
        if (!status && cf_source_release(env, places[i].path, &places[i].instance, &why))
            cf_say(&run->output, "%s", why.text);
        if (!status)
            cf_base_dir_leave(env, &run->output, &places[i].base);
        cf_base_place_release(&places[i].base);
        free(places[i].path);
    }
    free(places);
    return status;
}

static cf_status finish(cf_run *run, const state *self, cf_error *error)
{
    cf_status status = wipe(run, error);

    if (status)
        return status;
    if (!self->is_known)
        cf_say(&run->output, "%s: an owner tells them with `counterfoil devices revoke '%s'`",
               self->is_out
                   ? "the broker lets this device in no more; if no owner shut it out, the "
                     "others don't know of it"
                   : "the others don't know of it",
               self->name);
    if (run->json)
        cf_print_json(&run->output,
                      json_pack("{s:s, s:b}", "left", self->name, "known", (int)self->is_known));
    else if (!run->quiet)
        cf_print(&run->output, "%s has left; its files are as they were\n", self->name);
    return CF_OK;
}

/* ---- The verb ---- */

/* Once the broker knows, it lets this device in no more, and it may not come to an answer. */
static bool is_shut_out(cf_run *run, const state *self)
{
    cf_broker_status broker;

    cf_engine_broker_status(cf_loop_engine(run->loop), &broker);
    return self->announcing.is_made && broker.trouble == CF_DENIED;
}

static cf_status say_leave(cf_run *run, state *self, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    const cf_heads *told = cf_announcing_told(&self->announcing, cf_peer_device(peer));
    cf_head head;

    cf_status status = cf_membership_leave(peer, told, &head, error);
    if (status)
        return status;
    cf_announcing_add(&self->announcing, &head);
    self->announcing.is_made = true;
    cf_loop_wake(run->loop);
    return CF_OK;
}

/* What the log has of this device goes out once there is a connection, and what a relay carries and
 * the broker lacks. */
static bool is_sending(cf_run *run, const state *self, uint64_t now_ms)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_broker_status broker;

    cf_engine_broker_status(engine, &broker);
    return broker.connected && (broker.unsent || cf_engine_brings_carried(engine)) &&
           !broker.refused && !broker.delay[0] && now_ms < self->announcing.catching_up.deadline_ms;
}

/* True when it is time to judge: all has been looked at, and the broker asked, or not to be had. */
static bool has_looked(cf_run *run, const state *self, cf_announcing_step_result result,
                       uint64_t now_ms)
{
    if (!cf_round_over(self->look, now_ms))
        return false;
    return self->announcing.is_made || result == CF_ANNOUNCING_FAILED ||
           (result == CF_ANNOUNCING_MAKE && !is_sending(run, self, now_ms));
}

static cf_status go_on(cf_run *run, state *self, cf_announcing_step_result result, bool *over,
                       cf_error *error)
{
    *over = true;
    switch (result) {
    case CF_ANNOUNCING_DONE:
        self->is_known = self->is_known || self->announcing.count;
        return finish(run, self, error);
    case CF_ANNOUNCING_FAILED:
        self->is_out = error->status == CF_DENIED;
        if (self->is_out || cf_options_has(&run->options, "yes"))
            return finish(run, self, error);
        cf_error_while(error, "the others can't be told (--yes leaves all the same)");
        return error->status;
    case CF_ANNOUNCING_MAKE:
        *over = false;
        return say_leave(run, self, error);
    case CF_ANNOUNCING_WAITS:
        break;
    }
    *over = false;
    return CF_OK;
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    state *self = run->state;
    cf_announcing_step_result result = cf_announcing_step(&self->announcing, run, now_ms, error);
    cf_error unasked = {0};

    if (is_shut_out(run, self))
        result = CF_ANNOUNCING_DONE;
    if (!self->is_judged) {
        progress->over = has_looked(run, self, result, now_ms);
        progress->deadline_ms = now_ms + LOOK_AGAIN_MS;
        if (!progress->over)
            return CF_OK;
        if (result == CF_ANNOUNCING_FAILED)
            unasked = *error;
        cf_status status = judge(run, self, &unasked, error);
        if (status || self->rehearses)
            return status;
        *error = unasked;
    }
    progress->deadline_ms = self->announcing.catching_up.deadline_ms;
    return go_on(run, self, result, &progress->over, error);
}

static void end(cf_run *run)
{
    state *self = run->state;

    if (!self)
        return;
    cf_round_end(&self->look);
    cf_announcing_release(&self->announcing);
    cf_arena_release(&self->arena);
    free(self);
}

static const cf_option options[] = {
    {"yes", 0, NULL, "without asking or looking, and even if the others can't be told"},
    {"dry-run", 'n', NULL, "only say what would be lost"},
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {0},
};

const cf_verb cf_verb_leave = {
    .name = "leave",
    .usage = "leave",
    .summary = "Takes this device out and wipes its keys; the files in its sources stay",
    .more = "The other devices hear of it from the broker. What was changed here and not synced is "
            "published no more: it is listed, and --yes says that this is meant. Exits 8 where it "
            "was not given, and 2 on the last owner's device.",
    .needs = CF_NEEDS_PEER,
    .options = options,
    .prepare = prepare,
    .start = start,
    .step = step,
    .end = end,
};
