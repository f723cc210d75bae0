/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/secret.h"
#include "peer/membership/membership.h"
#include "peer/log/birth.h"
#include "peer/log/keeping.h"
#include "peer/log/catalog_writing.h"
#include "peer/commands/device_named.h"
#include "peer/account/pairing_joiner.h"
#include "peer/log/staging.h"
#include "peer/commands/verbs.h"
#include "peer/engine/brief_sync.h"

#include <stdlib.h>
#include <string.h>

/* In the home: the name of the code that let this device in. */
#define JOINED "joined-by"

/* First at the door, in a home that is not one yet; then, as a device, for the user's log. */
typedef struct {
    cf_staging *staging;
    cf_keys *keys;
    bool is_admitted; /* by an earlier try, which could not end */
    cf_hash code;     /* its name */
    cf_hash user, device;
    cf_address address;
    cf_arena arena;
    const char *name;
    cf_keeping keep;
    uint64_t timeout_ms, deadline_ms, received;
    cf_pairing_joiner *joiner;
    cf_brief_sync *asking; /* whether it is a device already */
    cf_peer *peer;
    cf_brief_sync *brief;
    cf_connection *connection;
} state;

static cf_status prepare(cf_run *run, cf_error *error)
{
    return cf_run_take_argument(run, 0, "pairing code", error);
}

static void make_keys(cf_run *run, state *self)
{
    const cf_env *env = cf_loop_env(run->loop);
    uint8_t seed[32];

    env->random(env->context, seed, sizeof seed);
    self->keys = cf_keys_new(seed);
    self->device = cf_device_id(cf_keys_public(self->keys)->signing);
    cf_wipe(seed, sizeof seed);
}

/* All that this device will be, but for what lets it in, is there before the code is used. */
static cf_status make_home(cf_run *run, state *self, cf_error *error)
{
    cf_birth birth = {cf_loop_env(run->loop), cf_staging_home(self->staging), self->name,
                      cf_loop_time(run->loop)};

    make_keys(run, self);
    return cf_birth_device(&birth, &self->user, self->keys, error);
}

/* What an earlier try with this code left: with a broker if it knew that it was let in. */
static cf_status go_on(state *self, cf_home *home, cf_error *error)
{
    cf_buffer name = {0}, broker = {0};
    cf_ring *ring = NULL;

    cf_status status = cf_home_load_secrets(home, &self->keys, &ring, error);
    if (!status)
        status = cf_home_get(home, CF_HOME_DEVICE, &name, error);
    if (!status) {
        self->device = cf_device_id(cf_keys_public(self->keys)->signing);
        self->name = cf_arena_text(&self->arena, cf_buffer_view(&name));
        self->is_admitted = cf_home_get(home, CF_HOME_BROKER, &broker, error) == CF_OK;
        cf_buffer_append(&broker, "", 1);
    }
    if (self->is_admitted)
        status = cf_address_read((const char *)broker.data, &self->address, error);
    cf_ring_destroy(&ring);
    cf_buffer_release(&name);
    cf_buffer_release(&broker);
    return status;
}

static cf_status knock(cf_run *run, state *self, const cf_code *code, cf_error *error)
{
    cf_pairing_joiner_options options = {.env = cf_loop_env(run->loop),
                                         .code = code,
                                         .name = self->name,
                                         .keys = self->keys,
                                         .said = cf_staging_said(self->staging)};
    cf_status status = CF_OK;

    self->joiner = cf_pairing_joiner_new(&options);
    if (!options.said.size)
        status = cf_staging_keep(self->staging, cf_pairing_joiner_said(self->joiner), NULL, error);
    if (status)
        return status;
    self->connection = cf_connect(
        cf_loop_connections(run->loop),
        &(cf_connection_options){.link = cf_pairing_joiner_link(self->joiner),
                                 .address = &self->address,
                                 .curve_public = cf_pairing_joiner_curve_public(self->joiner),
                                 .curve_secret = cf_pairing_joiner_curve_secret(self->joiner)});
    self->deadline_ms = cf_loop_now(run->loop) + self->timeout_ms;
    return CF_OK;
}

/* Connects with the device's key, for what this does at the broker. */
static void call(cf_run *run, state *self, cf_brief_sync *sync)
{
    self->connection =
        cf_connect(cf_loop_connections(run->loop),
                   &(cf_connection_options){.link = cf_brief_sync_link(sync),
                                            .address = &self->address,
                                            .curve_public = cf_keys_public(self->keys)->curve,
                                            .curve_secret = cf_keys_curve_secret(self->keys)});
    self->deadline_ms = cf_loop_now(run->loop) + self->timeout_ms;
}

/* Fetches the user's log into the home, which is this device's now. */
static cf_status fetch_log(cf_run *run, state *self, cf_error *error)
{
    cf_home *home = cf_loop_home(run->loop);
    cf_status status = cf_peer_open(cf_loop_env(run->loop), home, &self->peer, error);

    if (status)
        return status;
    self->brief =
        cf_brief_sync_new(&(cf_brief_sync_options){.env = cf_loop_env(run->loop),
                                                   .store = cf_home_store(home),
                                                   .user = self->user,
                                                   .peer = self->peer,
                                                   .is_confined = self->keep == CF_KEEPING_BOUND});
    call(run, self, self->brief);
    return CF_OK;
}

/* Opens the home that is there; true when this code made it. While another process has that home
 * nobody can tell, and it is a home as any other. */
static bool opens_as_joined(const cf_run *run, const state *self)
{
    cf_buffer joined = {0};
    cf_error ignored;

    bool is = cf_loop_open_home(run->loop, &ignored) == CF_OK &&
              cf_home_get(cf_loop_home(run->loop), JOINED, &joined, &ignored) == CF_OK &&
              cf_bytes_equal(cf_buffer_view(&joined), cf_bytes_of(self->code.bytes, CF_HASH_SIZE));
    cf_buffer_release(&joined);
    return is;
}

/* An earlier try with this code made the home, and may have ended before the log was there. */
static cf_status fetch_log_again(cf_run *run, state *self, cf_error *error)
{
    cf_home *home = cf_loop_home(run->loop);
    cf_status status = go_on(self, home, error);

    if (!status)
        status = cf_keeping_recall(home, &self->keep, error);
    return status ? status : fetch_log(run, self, error);
}

static cf_status begin(cf_run *run, state *self, const cf_code *code, cf_error *error)
{
    self->code = cf_code_name(code);
    self->user = code->user;
    self->address = code->broker;
    cf_status status = cf_staging_begin(cf_loop_env(run->loop), cf_loop_home_path(run->loop),
                                        &self->code, &self->staging, error);
    if (status == CF_USAGE && opens_as_joined(run, self))
        return fetch_log_again(run, self, error);
    bool goes_on = !status && cf_staging_said(self->staging).size;
    if (!status && !goes_on)
        status = cf_code_check_time(code, cf_loop_time(run->loop), error);
    if (!status)
        status = goes_on ? go_on(self, cf_staging_home(self->staging), error)
                         : make_home(run, self, error);
    if (!status && !self->is_admitted)
        status = knock(run, self, code, error);
    return status;
}

static cf_status start(cf_run *run, cf_error *error)
{
    state *self = cf_allocate(1, sizeof *self);
    cf_code code = {0};

    run->state = self;
    cf_status status = cf_run_check_count(run, 1, 1, error);
    if (!status)
        status = cf_run_timeout(run, &self->timeout_ms, error);
    if (!status && cf_options_has(&run->options, "keep"))
        status = cf_keeping_read(cf_options_value(&run->options, "keep"), &self->keep, error);
    if (!status)
        status = cf_device_name_of(run, &self->arena, &self->name, error);
    if (!status)
        status = cf_code_take(run->options.arguments[0], false, 0, &code, error);
    if (!status)
        status = begin(run, self, &code, error);
    cf_wipe(&code, sizeof code);
    return status;
}

static cf_status settle(cf_run *run, state *self, cf_error *error)
{
    cf_home *home = cf_staging_home(self->staging);
    char broker[CF_ADDRESS_TEXT];
    cf_status status = CF_OK;

    cf_staging_make_room(self->staging);
    cf_address_write(&self->address, broker);
    if (self->joiner)
        status = cf_admitted_keep(home, cf_pairing_joiner_members(self->joiner), error);
    if (!status)
        status = cf_home_set(home, CF_HOME_BROKER, cf_bytes_of_text(broker), error);
    if (!status)
        status = cf_home_set(home, JOINED, cf_bytes_of(self->code.bytes, CF_HASH_SIZE), error);
    if (!status)
        status = cf_keeping_set(home, self->keep, error);
    if (!status)
        status = cf_staging_finish(&self->staging, error);
    if (status)
        cf_error_while(error,
                       "it was let in as '%s': the same command goes on from here, or "
                       "`counterfoil devices revoke` on an owner's device undoes it",
                       self->name);
    return status ? status : cf_loop_open_home(run->loop, error);
}

static cf_status move_in(cf_run *run, state *self, cf_error *error)
{
    cf_disconnect(cf_loop_connections(run->loop), &self->connection);
    cf_status status = settle(run, self, error);
    cf_pairing_joiner_destroy(&self->joiner);
    cf_brief_sync_destroy(&self->asking);
    return status ? status : fetch_log(run, self, error);
}

/* Who let it in may have given it another name, that no other device has. */
static void tell_name(cf_run *run, state *self)
{
    cf_id item = cf_catalog_item(CF_CATALOG_DEVICE, self->device.bytes);
    cf_collection *catalog;
    cf_error ignored;

    if (cf_catalog_open(self->peer, &catalog, &ignored) || !cf_collection_lives(catalog, &item))
        return;
    const char *name = cf_catalog_device_name(self->peer, &self->device, &self->arena);
    if (strcmp(name, self->name) != 0)
        cf_say(&run->output,
               "another device is called '%s': this one is called '%s'; `counterfoil devices "
               "rename` gives it another name",
               self->name, name);
    self->name = name;
}

static void show(cf_run *run, const state *self)
{
    char fingerprint[CF_FINGERPRINT_TEXT];

    cf_fingerprint(&self->device, fingerprint);
    if (run->json)
        cf_print_json(&run->output, json_pack("{s:o, s:s, s:s}", "user",
                                              cf_json_hex(self->user.bytes, CF_HASH_SIZE), "device",
                                              self->name, "fingerprint", fingerprint));
    else
        cf_print(&run->output, "device: %s\nfingerprint: %s\n", self->name, fingerprint);
}

/* It is a device now, whatever became of the brief sync. */
static cf_status finish(cf_run *run, state *self, cf_status status, cf_error *error)
{
    cf_error held_back;

    tell_name(run, self);
    show(run, self);
    if (cf_admitted_check(self->peer, &held_back)) {
        *error = held_back;
        status = error->status;
    }
    if (!status)
        status = cf_catalog_introduce(self->peer, cf_loop_time(run->loop), error);
    if (status)
        cf_error_while(error, "this device has joined, and `counterfoil sync` goes on, but");
    return status;
}

/* The code is used, maybe by the earlier try, which heard nothing of it: then this is a device. */
static void ask_whether_in(cf_run *run, state *self)
{
    cf_disconnect(cf_loop_connections(run->loop), &self->connection);
    cf_pairing_joiner_destroy(&self->joiner);
    self->asking = cf_brief_sync_new(
        &(cf_brief_sync_options){.env = cf_loop_env(run->loop),
                                 .store = cf_home_store(cf_staging_home(self->staging)),
                                 .user = self->user});
    call(run, self, self->asking);
}

/* The code lets nobody in. */
static cf_status turned_away(state *self, cf_error *error)
{
    cf_staging_give_up(self->staging);
    return cf_fail(
        error, CF_DENIED,
        "the broker does not know this code: it was used, has expired or was taken back; "
        "ask for a new one (`counterfoil pair`)");
}

/* At the door. */
static cf_status come_in(cf_run *run, state *self, cf_error *error)
{
    cf_status status = CF_OK;

    if (self->joiner && !cf_pairing_joiner_over(self->joiner, &status, error))
        return CF_OK;
    if (self->joiner && status == CF_DENIED && cf_staging_said(self->staging).size) {
        ask_whether_in(run, self);
        return CF_OK;
    }
    const bool is_unused = status && self->joiner && !cf_pairing_joiner_has_knocked(self->joiner) &&
                           !cf_staging_said(self->staging).size;
    if (is_unused || (self->joiner && status == CF_DENIED)) /* says why */
        cf_staging_give_up(self->staging);
    if (self->asking && !cf_brief_sync_over(self->asking, &status, error))
        return CF_OK;
    if (self->asking && status == CF_DENIED)
        return turned_away(self, error);
    return status ? status : move_in(run, self, error);
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    state *self = run->state;
    cf_status status = self->peer ? CF_OK : come_in(run, self, error);

    if (status)
        return status;
    if (self->brief && cf_brief_sync_over(self->brief, &status, error))
        return finish(run, self, status, error);
    if (self->brief && cf_brief_sync_received(self->brief) > self->received) {
        self->received = cf_brief_sync_received(self->brief);
        self->deadline_ms = now_ms + self->timeout_ms;
    }
    if (now_ms >= self->deadline_ms) {
        status = cf_fail(error, CF_UNREACHABLE,
                         self->joiner
                             ? "no answer: is `counterfoil pair` still running? the same command "
                               "goes on from here"
                             : "the broker does not answer");
        return self->peer ? finish(run, self, status, error) : status;
    }
    progress->over = false;
    progress->deadline_ms = self->deadline_ms;
    return CF_OK;
}

static void end(cf_run *run)
{
    state *self = run->state;

    if (!self)
        return;
    cf_disconnect(cf_loop_connections(run->loop), &self->connection);
    cf_pairing_joiner_destroy(&self->joiner);
    cf_brief_sync_destroy(&self->asking);
    cf_brief_sync_destroy(&self->brief);
    cf_peer_close(&self->peer);
    cf_staging_abandon(&self->staging);
    cf_keys_destroy(&self->keys);
    cf_arena_release(&self->arena);
    free(self);
}

static const cf_option options[] = {
    {"name", 0, "DEVICE", "what this device is called (else the machine's name)"},
    {"keep", 0, "all|bound",
     "what this device keeps: all of the user's log (all), or what it has sources of or wrote to "
     "(bound)"},
    {"timeout", 0, "T", "how long to wait for an answer (30s)"},
    {0},
};

const cf_verb cf_verb_join = {
    .name = "join",
    .usage = "join [CODE | -]",
    .summary = "Makes this a device of a user that exists",
    .more = "CODE is the line that `counterfoil pair` printed on one of its devices. With - it is "
            "read from stdin, without it asked for on a terminal: arguments are seen by all who "
            "list processes.",
    .needs = CF_NEEDS_NO_USER,
    .options = options,
    .prepare = prepare,
    .start = start,
    .step = step,
    .end = end,
};
