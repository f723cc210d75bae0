/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/times.h"
#include "codec/address.h"
#include "codec/secret.h"
#include "peer/log/birth.h"
#include "peer/log/catalog.h"
#include "peer/commands/device_named.h"
#include "peer/commands/last_seen.h"
#include "peer/commands/recovery_file.h"
#include "peer/membership/membership.h"
#include "peer/log/staging.h"
#include "peer/commands/verbs.h"
#include "peer/engine/brief_sync.h"

#include <stdlib.h>

/* The account itself fetches the log into a home that is not one yet, says who stays and that this
 * device is an owner, and brings that to the broker; then the home takes its place. */
typedef struct {
    cf_staging *staging;
    cf_keys *account, *keys;
    cf_hash user, device;
    cf_address address;
    cf_arena arena;
    const char *name;
    uint64_t timeout_ms, deadline_ms, received;
    cf_peer *peer;
    cf_sightings *sightings;
    cf_brief_sync *brief;
    cf_connection *connection;
    bool is_said;
    cf_hash *kept, *outgoing;
    size_t kept_count, outgoing_count;
} state;

/* ---- Where it was typed ---- */

static cf_status prepare(cf_run *run, cf_error *error)
{
    const char *line = NULL;

    cf_status status = cf_recovery_file_take(run, &line, error);
    if (!status && line && !cf_options_has(&run->options, "broker"))
        cf_run_choose(run, "broker", line);
    return status ? status : cf_run_ask_value(run, "broker", "the broker's address", error);
}

/* ---- The way there ---- */

static cf_status read_words(cf_run *run, state *self, cf_error *error)
{
    const char *phrase = cf_options_value(&run->options, "recovery-file");
    const char *line = cf_options_value(&run->options, "broker");
    uint8_t secret[CF_PHRASE_SECRET], seed[32];
    const cf_env *env = cf_loop_env(run->loop);

    if (!phrase || !line)
        return cf_fail(
            error, CF_USAGE,
            phrase ? "where is the log kept? give the broker's address with --broker ADDRESS "
                     "(`counterfoild address` prints it)"
                   : "give the recovery phrase with --recovery-file FILE (- is stdin)");
    cf_status status = cf_address_read(line, &self->address, error);
    if (!status)
        status = cf_phrase_read(phrase, secret, error);
    if (status)
        return status;
    self->account = cf_keys_of_phrase(secret);
    cf_wipe(secret, sizeof secret);
    self->user = cf_device_id(cf_keys_public(self->account)->signing);
    env->random(env->context, seed, sizeof seed);
    self->keys = cf_keys_new(seed);
    cf_wipe(seed, sizeof seed);
    self->device = cf_device_id(cf_keys_public(self->keys)->signing);
    return CF_OK;
}

static void begin_brief_sync(cf_run *run, state *self)
{
    cf_disconnect(cf_loop_connections(run->loop), &self->connection);
    cf_brief_sync_destroy(&self->brief);
    self->brief =
        cf_brief_sync_new(&(cf_brief_sync_options){.env = cf_loop_env(run->loop),
                                                   .store = cf_home_store(self->peer->home),
                                                   .user = self->user,
                                                   .peer = self->peer});
    self->connection =
        cf_connect(cf_loop_connections(run->loop),
                   &(cf_connection_options){.link = cf_brief_sync_link(self->brief),
                                            .address = &self->address,
                                            .curve_public = cf_keys_public(self->account)->curve,
                                            .curve_secret = cf_keys_curve_secret(self->account)});
    self->received = 0;
    self->deadline_ms = cf_loop_now(run->loop) + self->timeout_ms;
}

static cf_status make_home(cf_run *run, state *self, cf_error *error)
{
    const cf_env *env = cf_loop_env(run->loop);
    char line[CF_ADDRESS_TEXT];

    cf_address_write(&self->address, line);
    cf_status status =
        cf_staging_begin(env, cf_loop_home_path(run->loop), NULL, &self->staging, error);
    if (status)
        return status;
    cf_home *home = cf_staging_home(self->staging);
    cf_birth birth = {env, home, self->name, cf_loop_time(run->loop)};
    status = cf_birth_device(&birth, &self->user, self->keys, error);
    if (!status)
        status = cf_home_set(home, CF_HOME_BROKER, cf_bytes_of_text(line), error);
    if (!status)
        status = cf_peer_open(env, home, &self->peer, error);
    if (!status)
        self->peer->account = self->account;
    return status;
}

static cf_status start(cf_run *run, cf_error *error)
{
    state *self = cf_allocate(1, sizeof *self);

    run->state = self;
    cf_status status = cf_run_check_count(run, 0, 0, error);
    if (!status)
        status = cf_run_timeout(run, &self->timeout_ms, error);
    if (!status)
        status = cf_device_name_of(run, &self->arena, &self->name, error);
    if (!status)
        status = read_words(run, self, error);
    if (!status)
        status = make_home(run, self, error);
    if (!status)
        begin_brief_sync(run, self);
    return status;
}

/* ---- Who stays ---- */

static cf_status is_named(cf_run *run, const state *self, const cf_hash *device, bool *named,
                          cf_error *error)
{
    const char *given;
    size_t at = 0;
    cf_hash found;
    cf_status status = CF_OK;

    *named = false;
    while (!status && (given = cf_options_next(&run->options, "keep", &at))) {
        status = cf_device_named(self->peer, given, false, &found, error);
        *named |= !status && cf_hash_equal(&found, device);
    }
    return status;
}

static void describe(const state *self, const cf_device *device, cf_buffer *out)
{
    char fingerprint[CF_FINGERPRINT_TEXT], time[CF_TIME_TEXT];
    cf_arena arena = {0};
    const cf_last_seen seen = cf_sightings_of(self->sightings, &device->id);

    cf_fingerprint(&device->id, fingerprint);
    cf_time_show(seen.time_ms, time);
    cf_buffer_append_text(
        out, "'%s' (%s, %s, %s %s)", cf_catalog_device_name(self->peer, &device->id, &arena),
        cf_role_name(device->role), fingerprint, seen.wrote ? "last wrote" : "let in",
        seen.time_ms ? time : "at an unknown time");
    cf_buffer_append(out, "", 1);
    cf_arena_release(&arena);
}

static cf_status decide_one(cf_run *run, state *self, const cf_device *device, cf_error *error)
{
    const bool shuts_out_others = cf_options_has(&run->options, "yes");
    bool keep = false;
    cf_buffer shown = {0};

    describe(self, device, &shown);
    const char *text = (const char *)shown.data;
    cf_status status = is_named(run, self, &device->id, &keep, error);
    const bool decided = keep || shuts_out_others;
    if (!status && !decided && cf_run_is_at_terminal())
        status = cf_run_confirm(run, &keep, error, "keep %s? else it is shut out [y/N]", text);
    else if (!status && !decided)
        cf_say(&run->output, "there is %s", text);
    else if (!status)
        cf_say(&run->output, "%s %s", keep ? "keeping" : "shutting out", text);
    if (!status && keep)
        self->kept[self->kept_count++] = device->id;
    else if (!status)
        self->outgoing[self->outgoing_count++] = device->id;
    cf_buffer_release(&shown);
    return status;
}

static cf_status decide(cf_run *run, state *self, cf_error *error)
{
    const cf_registry *registry = cf_log_registry(self->peer->log);
    size_t count = cf_registry_device_count(registry);
    bool decided = cf_options_has(&run->options, "yes");

    if (!cf_registry_device(registry, &self->user))
        return cf_fail(error, CF_DENIED, "the broker has nothing of this account");
    cf_sightings_destroy(&self->sightings);
    cf_status status = cf_sightings_read(self->peer, &self->sightings, error);
    self->kept = cf_allocate(count, sizeof *self->kept);
    self->outgoing = cf_allocate(count, sizeof *self->outgoing);
    for (size_t i = 0; !status && i < count; i++) {
        const cf_device *device = cf_registry_device_at(registry, i);

        if (device->is_valid && !cf_hash_equal(&device->id, &self->user))
            status = decide_one(run, self, device, error);
    }
    if (!status && self->outgoing_count && !decided && !cf_run_is_at_terminal())
        status = cf_fail(error, CF_USAGE,
                         "which devices stay? name them with --keep DEVICE, and shut out all "
                         "others with --yes");
    return status;
}

/* ---- What the account says ---- */

static cf_status announce(cf_run *run, state *self, cf_error *error)
{
    const cf_signatory account = {self->peer, true};
    const cf_outgoers outgoers = {self->outgoing, self->outgoing_count};
    uint8_t proof[64];
    cf_head head;

    cf_keys_prove(self->keys, &self->user, proof);
    cf_admission admission = {*cf_keys_public(self->keys), proof, CF_ROLE_OWNER};
    cf_status status = cf_membership_add(&account, &admission, &head, error);
    for (size_t i = 0; !status && i < self->outgoing_count; i++)
        status = cf_membership_revoke(&account, &(cf_limited){.device = &self->outgoing[i]},
                                      &outgoers, &head, error);
    if (!status && !self->outgoing_count)
        status = cf_epochs_open(self->peer, true, &head, error);
    return status ? status : cf_catalog_introduce(self->peer, cf_loop_time(run->loop), error);
}

static json_t *list(cf_peer *peer, const cf_hash *devices, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, cf_device_json(peer, &devices[i]));
    return array;
}

static cf_status finish(cf_run *run, state *self, cf_error *error)
{
    char fingerprint[CF_FINGERPRINT_TEXT];
    json_t *kept = list(self->peer, self->kept, self->kept_count);
    json_t *revoked = list(self->peer, self->outgoing, self->outgoing_count);

    cf_disconnect(cf_loop_connections(run->loop), &self->connection);
    cf_brief_sync_destroy(&self->brief);
    cf_peer_close(&self->peer);
    cf_fingerprint(&self->device, fingerprint);
    cf_status status = cf_staging_finish(&self->staging, error);
    if (!status && run->json)
        cf_print_json(&run->output,
                      json_pack("{s:o, s:s, s:s, s:O, s:O}", "user",
                                cf_json_hex(self->user.bytes, CF_HASH_SIZE), "device", self->name,
                                "fingerprint", fingerprint, "kept", kept, "revoked", revoked));
    else if (!status)
        cf_print(&run->output, "device: %s\nfingerprint: %s\n", self->name, fingerprint);
    if (!status && !run->json && !run->quiet)
        cf_say(&run->output, "an owner again; bring the collections back with `counterfoil add "
                             "SOURCE --existing`: `counterfoil collections` lists them");
    json_decref(kept);
    json_decref(revoked);
    return status;
}

/* ---- The verb ---- */

static cf_status go_on(cf_run *run, state *self, cf_error *error)
{
    cf_status status = decide(run, self, error);

    if (!status)
        status = announce(run, self, error);
    if (status)
        return status;
    self->is_said = true;
    begin_brief_sync(run, self);
    return CF_OK;
}

/* The line of a recovery file is as old as that. */
static void tell_next_step(const state *self, cf_status why, cf_error *error)
{
    if (self->is_said)
        cf_error_while(error, "part of it may be done: recover again; what is there by now");
    else if (why == CF_UNREACHABLE)
        cf_error_while(error, "the broker gives no log; if the user has moved, say where to, with "
                              "--broker");
}

static cf_status brief_sync_ended(cf_run *run, state *self, cf_status status, cf_progress *progress,
                                  cf_error *error)
{
    if (!status && self->is_said)
        return finish(run, self, error);
    if (!status)
        status = go_on(run, self, error);
    else
        tell_next_step(self, status, error);
    progress->over = false;
    progress->deadline_ms = self->deadline_ms;
    return status;
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    state *self = run->state;
    cf_status status = CF_OK;

    if (cf_brief_sync_over(self->brief, &status, error))
        return brief_sync_ended(run, self, status, progress, error);
    if (cf_brief_sync_received(self->brief) > self->received) {
        self->received = cf_brief_sync_received(self->brief);
        self->deadline_ms = now_ms + self->timeout_ms;
    }
    if (now_ms >= self->deadline_ms) {
        status = cf_fail(error, CF_UNREACHABLE, "the broker does not answer");
        tell_next_step(self, status, error);
        return status;
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
    cf_brief_sync_destroy(&self->brief);
    cf_peer_close(&self->peer);
    cf_staging_abandon(&self->staging);
    cf_keys_destroy(&self->account);
    cf_keys_destroy(&self->keys);
    cf_arena_release(&self->arena);
    cf_sightings_destroy(&self->sightings);
    free(self->kept);
    free(self->outgoing);
    free(self);
}

static const cf_option options[] = {
    {"recovery-file", 0, "FILE", "where the recovery phrase is, or - for stdin"},
    {"broker", 0, "ADDRESS",
     "the broker's address, if the file does not have it, or the user has moved since"},
    {"keep", 0, "DEVICE", "this one stays, others are shut out; may be given often"},
    {"yes", 0, NULL, "shut out all others that are not named, without asking"},
    {"name", 0, "DEVICE", "what this device is called (else the machine's name)"},
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {0},
};

const cf_verb cf_verb_recover = {
    .name = "recover",
    .usage = "recover [--keep DEVICE]...",
    .summary = "Makes this device an owner by the recovery phrase, with no other device left",
    .more = "FILE is what `init --recovery-file` wrote: the phrase and the broker's address. All "
            "devices that are not confirmed are shut out.",
    .needs = CF_NEEDS_NO_USER,
    .options = options,
    .prepare = prepare,
    .start = start,
    .step = step,
    .end = end,
};
