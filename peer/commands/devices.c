/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/times.h"
#include "peer/log/catalog.h"
#include "peer/log/keeping.h"
#include "peer/membership/membership.h"
#include "peer/commands/device_named.h"
#include "peer/commands/devices_change.h"
#include "peer/commands/last_seen.h"
#include "peer/commands/remote.h"
#include "peer/commands/verbs.h"

#include <stdlib.h>
#include <string.h>

static cf_status rename_device(cf_run *run, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    const char *const *arguments = run->options.arguments;
    const char *name = NULL;
    cf_hash device;

    cf_status status = cf_run_check_count(run, 3, 3, error);
    if (!status)
        status = cf_device_named(peer, arguments[1], false, &device, error);
    if (!status) {
        name = cf_catalog_free_name(peer, &device, arguments[2], &run->arena);
        status = cf_catalog_name_device(peer, &device, name, cf_loop_time(run->loop), error);
    }
    if (!status && run->json)
        cf_print_json(&run->output, cf_device_json(peer, &device));
    if (!status && name != arguments[2] && !run->quiet)
        cf_say(&run->output, "another device is called '%s': this one is called '%s'", arguments[2],
               name);
    cf_loop_wake(run->loop);
    return status;
}

/* Devices that one let in, for who is about to shut it out. */
static cf_status list_admitted(cf_run *run, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    json_t *list = json_array(), *one;
    cf_hash device, *admitted = NULL;
    size_t count = 0, i;

    cf_status status = cf_run_check_count(run, 2, 2, error);
    if (!status)
        status = cf_device_named(peer, run->options.arguments[1], false, &device, error);
    if (!status)
        cf_device_admitted(peer, &device, &admitted, &count);
    for (i = 0; i < count; i++)
        if (!cf_hash_equal(&admitted[i], cf_peer_device(peer)))
            json_array_append_new(list, cf_device_json(peer, &admitted[i]));
    if (!status && run->json)
        cf_print_json(&run->output, json_incref(list));
    if (!status && !run->json)
        json_array_foreach(list, i, one)
        {
            cf_print_name(&run->output, json_string_value(json_object_get(one, "name")));
            cf_print(&run->output, "%s\n", json_string_value(json_object_get(one, "fingerprint")));
        }
    free(admitted);
    json_decref(list);
    return status;
}

/* ---- The list ---- */

static const char *name_of(cf_peer *peer, const cf_hash *device, cf_arena *arena)
{
    return cf_hash_equal(device, cf_peer_user(peer)) ? "the account"
                                                     : cf_catalog_device_name(peer, device, arena);
}

static const char *state_of(const cf_device *device)
{
    if (device->is_valid)
        return "in";
    return device->ended_by == CF_MEMBER_LEAVE    ? "left"
           : device->ended_by == CF_MEMBER_REVOKE ? "revoked"
                                                  : "void"; /* who let it in is out */
}

static void describe_admission(cf_peer *peer, const cf_device *device, json_t *object)
{
    const cf_operation *added = cf_registry_find(cf_log_registry(peer->log), &device->added);
    char time[CF_TIME_TEXT];

    if (!added)
        return;
    cf_time_show(added->time_ms, time);
    json_object_set_new(object, "let_in", json_string(time));
}

static void describe_end(cf_peer *peer, const cf_device *device, json_t *object, cf_arena *arena)
{
    const cf_operation *end =
        device->ended_by ? cf_registry_find(cf_log_registry(peer->log), &device->ended) : NULL;
    char time[CF_TIME_TEXT];

    if (!end)
        return;
    cf_time_show(end->time_ms, time);
    json_object_set_new(object, "ended", json_string(time));
    json_object_set_new(object, "ended_by", json_string(name_of(peer, &end->author, arena)));
}

/* What is listed, and of what; `remote` is NULL where the broker is not asked. */
typedef struct {
    cf_peer *peer;
    cf_sightings *sightings;
    const cf_remote *remote;
    cf_arena arena;
} listing;

static void describe_remote(const cf_remote *remote, const cf_hash *id, json_t *object)
{
    for (size_t i = 0; remote && i < remote->device_count; i++)
        if (cf_hash_equal(&remote->devices[i].id, id))
            cf_remote_device_describe(&remote->devices[i], object);
}

/* Null: all of the log. */
static json_t *keeps_json(listing *self, const cf_hash *device)
{
    const cf_kept kept = cf_kept_of(self->peer, device, &self->arena);
    json_t *names = kept.is_all ? json_null() : json_array();

    for (size_t i = 0; !kept.is_all && i < kept.count; i++)
        json_array_append_new(names,
                              json_string(cf_catalog_name(self->peer, &kept.at[i], &self->arena)));
    return names;
}

/* As far as the log tells. A device that had not seen all when it last wrote may have it by now:
 * null, which only the broker can tell. */
static json_t *behind_json(const cf_last_seen *seen, bool is_this)
{
    return is_this || (seen->wrote && !seen->behind) ? json_integer(0) : json_null();
}

static json_t *describe(listing *self, const cf_device *device)
{
    cf_peer *peer = self->peer;
    const cf_last_seen seen = cf_sightings_of(self->sightings, &device->id);
    const bool is_this = cf_hash_equal(&device->id, cf_peer_device(peer));
    char time[CF_TIME_TEXT];
    json_t *object = cf_device_json(peer, &device->id);

    cf_time_show(seen.time_ms, time);
    json_object_update_new(
        object, json_pack("{s:s, s:s, s:b, s:s, s:s?, s:b, s:o}", "role",
                          cf_role_name(device->role), "state", state_of(device), "this",
                          (int)is_this, "let_in_by", name_of(peer, &device->admitter, &self->arena),
                          "last_seen", seen.time_ms ? time : NULL, "wrote", (int)seen.wrote,
                          "behind", behind_json(&seen, is_this)));
    json_object_set_new(object, "keeps", keeps_json(self, &device->id));
    describe_admission(peer, device, object);
    describe_end(peer, device, object, &self->arena);
    describe_remote(self->remote, &device->id, object);
    return object;
}

/* Nothing of a device that keeps all. */
static void print_kept(const cf_output *output, const json_t *device)
{
    const json_t *names = json_object_get(device, "keeps"), *name;
    size_t i;

    if (!json_is_array(names))
        return;
    cf_print(output, "keeps %s", json_array_size(names) ? "" : "no collection");
    json_array_foreach(names, i, name)
        cf_print(output, "%s%s", i ? ", " : "", json_string_value(name));
    cf_print(output, "; ");
}

/* How a device that is in does. Who keeps less than all, or can't read, knows less of others. */
static void print_progress(const cf_run *run, const json_t *device)
{
    const cf_output *output = &run->output;
    const char *seen = json_string_value(json_object_get(device, "last_seen"));
    const char *where =
        cf_engine_keeps_all(cf_loop_engine(run->loop)) ? "" : " to what is kept here";

    print_kept(output, device);
    if (json_is_true(json_object_get(device, "this")))
        cf_print(output, "this device");
    else if (json_is_true(json_object_get(device, "wrote")) && !seen)
        cf_print(output, "has written; when can't be read here");
    else if (json_is_true(json_object_get(device, "wrote")))
        cf_print(output, "last wrote%s %s", where, seen);
    else
        cf_print(output, "let in %s, has written nothing%s since", seen ? seen : "", where);
    cf_print(output, json_object_get(device, "reported") ? "; " : "\n");
    if (json_object_get(device, "reported"))
        cf_remote_device_print(device, output);
}

static void print_end(const cf_output *output, const json_t *device)
{
    const char *state = json_string_value(json_object_get(device, "state"));
    const char *ended = json_string_value(json_object_get(device, "ended"));
    const char *here = json_is_true(json_object_get(device, "this")) ? "this device, " : "";

    if (!ended)
        cf_print(output, "%sout, with the device that let it in\n", here);
    else if (strcmp(state, "left") == 0)
        cf_print(output, "%sleft %s\n", here, ended);
    else
        cf_print(output, "%sshut out %s by %s\n", here, ended,
                 json_string_value(json_object_get(device, "ended_by")));
}

static void print_line(const cf_run *run, const json_t *device)
{
    const cf_output *output = &run->output;

    cf_print_name(output, json_string_value(json_object_get(device, "name")));
    cf_print(output, "%-7s %s  ", json_string_value(json_object_get(device, "role")),
             json_string_value(json_object_get(device, "fingerprint")));
    if (strcmp(json_string_value(json_object_get(device, "state")), "in") == 0)
        print_progress(run, device);
    else
        print_end(output, device);
}

static void list_devices(cf_run *run, listing *self)
{
    const cf_registry *registry = cf_log_registry(self->peer->log);
    json_t *list = json_array();

    for (size_t i = 0; i < cf_registry_device_count(registry); i++) {
        const cf_device *device = cf_registry_device_at(registry, i);

        if (cf_hash_equal(&device->id, cf_peer_user(self->peer))) /* the account is no device */
            continue;
        json_array_append_new(list, describe(self, device));
    }
    if (run->json)
        cf_print_json(&run->output, json_incref(list));
    for (size_t i = 0; !run->json && i < json_array_size(list); i++)
        print_line(run, json_array_get(list, i));
    json_decref(list);
}

/* One, for who is about to do something with it. */
static cf_status show_device(cf_run *run, listing *self, cf_error *error)
{
    uint64_t voided = 0;
    cf_hash id;

    cf_status status = cf_device_named(self->peer, run->options.arguments[1], false, &id, error);
    if (!status)
        status = cf_membership_voided(self->peer, &id, &voided, error);
    if (status)
        return status;
    json_t *shown = describe(self, cf_registry_device(cf_log_registry(self->peer->log), &id));

    json_object_set_new(shown, "voids", json_integer((json_int_t)voided));
    if (run->json)
        cf_print_json(&run->output, json_incref(shown));
    else
        print_line(run, shown);
    json_decref(shown);
    return CF_OK;
}

static cf_status list(cf_run *run, const cf_query_answer *found, cf_error *error)
{
    listing self = {.peer = cf_loop_peer(run->loop)};
    cf_remote remote;

    if (!cf_registry_device(cf_log_registry(self.peer->log), cf_peer_device(self.peer)))
        return cf_fail(error, CF_CHANGED,
                       "who this user's devices are is not known yet, since the log has not come: "
                       "`counterfoil sync` brings it");
    const cf_kept own = cf_engine_kept(cf_loop_engine(run->loop), &self.arena);
    if (found)
        cf_remote_take(self.peer, &own, found, &self.arena, &remote);
    self.remote = found ? &remote : NULL;
    cf_status status = cf_sightings_read(self.peer, &self.sightings, error);
    if (!status && run->options.argument_count)
        status = show_device(run, &self, error);
    else if (!status)
        list_devices(run, &self);
    cf_sightings_destroy(&self.sightings);
    cf_arena_release(&self.arena);
    return status;
}

/* The state of the verb is the question then. */
static cf_status start_list(cf_run *run, cf_error *error)
{
    const size_t count = run->options.argument_count ? 2 : 0;
    uint64_t timeout_ms = 0;
    cf_broker_query *query = NULL;

    cf_status status = cf_run_check_count(run, count, count, error);
    if (!status && !cf_options_has(&run->options, "remote"))
        return list(run, NULL, error);
    if (!status)
        status = cf_run_timeout(run, &timeout_ms, error);
    if (!status)
        status = cf_broker_query_new(cf_loop_connections(run->loop), cf_loop_peer(run->loop),
                                     timeout_ms, &query, error);
    run->state = query;
    return status;
}

static cf_status step_list(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    cf_status status = CF_OK;

    progress->over =
        cf_broker_query_over(run->state, now_ms, &progress->deadline_ms, &status, error);
    return status || !progress->over ? status
                                     : list(run, cf_broker_query_answer(run->state), error);
}

/* ---- The verb ---- */

static bool is_change(const cf_run *run)
{
    return run->options.argument_count && cf_devices_change_is(run->options.arguments[0]);
}

static cf_status prepare(cf_run *run, cf_error *error)
{
    return is_change(run) ? cf_devices_change_prepare(run, error) : CF_OK;
}

static cf_status start(cf_run *run, cf_error *error)
{
    const char *subverb = run->options.argument_count ? run->options.arguments[0] : NULL;

    if (!subverb || strcmp(subverb, "show") == 0)
        return start_list(run, error);
    if (strcmp(subverb, "rename") == 0)
        return rename_device(run, error);
    if (strcmp(subverb, "admitted") == 0)
        return list_admitted(run, error);
    if (is_change(run))
        return cf_devices_change_start(run, error);
    return cf_fail(error, CF_USAGE,
                   "unknown subverb '%s' of devices: show, rename, revoke, annul, role, admitted",
                   subverb);
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    if (!run->state)
        return CF_OK;
    return is_change(run) ? cf_devices_change_step(run, now_ms, progress, error)
                          : step_list(run, now_ms, progress, error);
}

static void end(cf_run *run)
{
    cf_broker_query *query = run->state;

    if (is_change(run))
        cf_devices_change_end(run);
    else
        cf_broker_query_destroy(&query);
}

static const cf_option options[] = {
    {"yes", 0, NULL, "shut it out without asking"},
    {"with-admitted", 0, NULL, "with it all devices that it let in"},
    {"also", 0, "DEVICE", "with it this one; may be given often"},
    {"recovery-file", 0, "FILE", "where the recovery phrase is, or - for stdin"},
    {"remote", 0, NULL, "ask the broker what each has applied"},
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {0},
};

static const cf_subverb subverbs[] = {
    {"show DEVICE [--remote [--timeout T]]",
     "Shows a device: its role, who let it in, and when it last wrote"},
    {"rename DEVICE NAME", "Gives this device another name; an owner's device any"},
    {"revoke DEVICE [--also DEVICE]... [--yes] [--with-admitted] [--timeout T]",
     "Shuts a device out: nothing more is taken from it or sent to it"},
    {"annul DEVICE --recovery-file FILE [--timeout T]",
     "Takes a revocation back, by the recovery phrase"},
    {"role DEVICE ROLE [--timeout T]", "Makes a device an owner, member, reader or relay"},
    {"admitted DEVICE", "Lists whom a device let in, and whom these let in"},
    {0},
};

const cf_verb cf_verb_devices = {
    .name = "devices",
    .usage = "devices [--remote] [show DEVICE | rename DEVICE NAME | revoke DEVICE [--also "
             "DEVICE]... [--yes] "
             "[--with-admitted] | annul DEVICE --recovery-file FILE | role DEVICE ROLE | admitted "
             "DEVICE]",
    .summary = "Lists the user's devices, names them, shuts them out, gives them roles",
    .more = "DEVICE is a fingerprint, the beginning of an id, or a name. `revoke` shuts a device "
            "out: nothing more is taken from it or sent to it, and it can't read what is written "
            "later. `annul` takes that back, by the account. `role` is owner, member, reader or "
            "relay. `admitted` lists whom a device let in.",
    .subverbs = subverbs,
    .alone = "[--remote]",
    .needs = CF_NEEDS_PEER,
    .options = options,
    .prepare = prepare,
    .start = start,
    .step = step,
    .end = end,
};
