/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/catalog.h"
#include "peer/commands/announcing.h"
#include "peer/commands/base_dir.h"
#include "peer/commands/sources.h"
#include "peer/membership/membership.h"
#include "peer/program/verbs.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    cf_announcing announcing;
    cf_arena arena;
    const char *name; /* of this device */
    bool is_known;    /* the others know, or will when the broker tells them */
    bool is_out;      /* the broker does not let this device in any more */
} state;

/* ---- Where it was typed ---- */

static bool is_last_owner(const json_t *devices)
{
    const json_t *device;
    size_t i, others = 0;
    bool owner = false;

    json_array_foreach(devices, i, device)
    {
        bool counts = strcmp(json_string_value(json_object_get(device, "state")), "in") == 0 &&
                      strcmp(json_string_value(json_object_get(device, "role")), "owner") == 0;

        if (json_is_true(json_object_get(device, "this")))
            owner = counts;
        else
            others += counts;
    }
    return owner && !others;
}

static cf_status prepare(cf_run *run, cf_error *error)
{
    static const char *const words[] = {"devices"};
    const cf_option *sure = run->verb->options;
    json_t *devices = NULL;
    bool yes = false;

    if (cf_options_has(&run->options, "yes") || !cf_run_is_at_terminal() || !run->consult)
        return CF_OK;
    cf_status status = run->consult(run, words, 1, &devices, error);
    if (!status)
        status = cf_run_confirm(
            run, &yes, error,
            "%sthis device's keys and its copy of the log are wiped; files stay "
            "as they are. Leave? [y/N]",
            is_last_owner(devices)
                ? "this is the last owner: only the recovery phrase leads back, to `recover`. "
                : "");
    if (!status && !yes)
        status = cf_fail(error, CF_CHANGED, "nothing was changed");
    while (!status && strcmp(sure->name, "yes") != 0)
        sure++;
    if (!status)
        cf_options_add(&run->options, sure, NULL);
    json_decref(devices);
    return status;
}

/* ---- What is to be said to the others ---- */

static cf_status check_last_owner(cf_run *run, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_error ignored;

    if (cf_options_has(&run->options, "yes") || cf_membership_check_owner(peer, &ignored) ||
        cf_membership_owners(peer) > 1)
        return CF_OK;
    return cf_fail(error, CF_USAGE,
                   "this is the last owner: without it only the recovery phrase lets devices in "
                   "again, with `counterfoil recover`; say that it is meant with --yes");
}

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
    if (!status)
        status = check_last_owner(run, error);
    if (status)
        return status;
    if (!device || !device->is_valid)
        self->is_known = true;
    if (device && !device->is_valid)
        take_up(self, peer, device);
    if (!cf_engine_link(cf_loop_engine(run->loop)))
        self->announcing.is_made = true; /* to nobody: no other device ever heard of this one */
    else
        status = cf_announcing_begin(&self->announcing, run, error);
    return status;
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

        places[i] =
            (place){strdup(binding->path), binding->instance, cf_base_place_copy(&binding->place)};
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
    cf_head head;

    cf_status status = cf_membership_leave(cf_loop_peer(run->loop), &head, error);
    if (status)
        return status;
    cf_announcing_add(&self->announcing, &head);
    self->announcing.is_made = true;
    cf_loop_wake(run->loop);
    return CF_OK;
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    state *self = run->state;
    cf_announcing_step_result result = cf_announcing_step(&self->announcing, run, now_ms, error);

    if (is_shut_out(run, self))
        result = CF_ANNOUNCING_DONE;
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
        if (say_leave(run, self, error))
            return error->status;
        break;
    case CF_ANNOUNCING_WAITS:
        break;
    }
    progress->over = false;
    progress->deadline_ms = self->announcing.catching_up.deadline_ms;
    return CF_OK;
}

static void end(cf_run *run)
{
    state *self = run->state;

    if (!self)
        return;
    cf_announcing_release(&self->announcing);
    cf_arena_release(&self->arena);
    free(self);
}

static const cf_option options[] = {
    {"yes", 0, NULL, "without asking, and even if the others can't be told"},
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {0},
};

const cf_verb cf_verb_leave = {
    .name = "leave",
    .usage = "leave [--yes]",
    .summary = "Takes this device out and wipes its keys; the files in its sources stay",
    .more = "The other devices hear of it from the broker. What was changed here and not synced is "
            "published no more.",
    .needs = CF_NEEDS_PEER,
    .options = options,
    .prepare = prepare,
    .start = start,
    .step = step,
    .end = end,
};
