/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/keys.h"
#include "codec/secret.h"
#include "peer/log/birth.h"
#include "peer/log/catalog.h"
#include "peer/commands/device_named.h"
#include "peer/account/enrolling.h"
#include "peer/account/pairing_joiner.h"
#include "peer/log/staging.h"
#include "peer/commands/target_file.h"
#include "peer/commands/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    cf_staging *staging;
    cf_enrolling *enrolling; /* NULL: without a broker */
    uint8_t secret[CF_PHRASE_SECRET];
    cf_hash user, device;
    cf_arena arena;
    const char *name;
    char broker[CF_ADDRESS_TEXT]; /* empty: none */
    cf_buffer file_path;          /* of --recovery-file; empty: none */
    int file;
    bool file_stays;
} state;

/* ---- What the user said ---- */

static cf_status read_code(cf_run *run, cf_code *code, bool *given, cf_error *error)
{
    const char *broker = cf_options_value(&run->options, "broker");
    const char *text = cf_options_value(&run->options, "invitation");
    cf_address address;

    if (run->options.argument_count && text)
        return cf_fail(error, CF_USAGE,
                       "give the invitation once: as an argument, or with "
                       "--invitation");
    if (run->options.argument_count)
        text = run->options.arguments[0];
    *given = text != NULL;
    if (!text)
        return broker ? cf_fail(error, CF_USAGE,
                                "a broker takes new users by invitation: ask its operator for a "
                                "line of `counterfoild invite` and give it with --invitation")
                      : CF_OK;
    cf_status status = cf_code_take(text, true, 0, code, error);
    if (!status && broker) {
        status = cf_address_read(broker, &address, error);
        if (!status)
            code->broker = address;
    }
    return status;
}

/* ---- The end ---- */

static void show(cf_run *run, const state *self, const char *phrase)
{
    char fingerprint[CF_FINGERPRINT_TEXT];
    bool filed = self->file >= 0;

    cf_fingerprint(&self->device, fingerprint);
    if (run->json) {
        json_t *document =
            json_pack("{s:o, s:s, s:s, s:s?}", "user", cf_json_hex(self->user.bytes, CF_HASH_SIZE),
                      "device", self->name, "fingerprint", fingerprint, "broker",
                      self->broker[0] ? self->broker : NULL);
        if (!filed)
            json_object_set_new(document, "recovery_phrase", json_string(phrase));
        cf_print_json(&run->output, document);
        return;
    }
    cf_print(&run->output, "device: %s\nfingerprint: %s\n", self->name, fingerprint);
    if (!self->broker[0] && !run->quiet)
        cf_say(&run->output,
               "this is a new user, without a broker: a line of `counterfoild invite` sets one, "
               "with `counterfoil broker LINE`. To become another device of a user that there is, "
               "`counterfoil leave --yes`, then `counterfoil join` with a code of `counterfoil "
               "pair`");
    if (self->broker[0])
        cf_print(&run->output, "broker: %s\n", self->broker);
    if (filed)
        return;
    cf_print(&run->output, "recovery phrase: %s\n", phrase);
    if (!run->quiet)
        cf_say(&run->output, "keep the recovery phrase on paper: it is shown this once, and it is "
                             "the only way back when no device is left");
}

static cf_status finish(cf_run *run, state *self, cf_error *error)
{
    char phrase[CF_PHRASE_TEXT];
    bool is_kept = cf_staging_is_kept(self->staging);
    cf_status status = CF_OK;

    cf_phrase_write(self->secret, phrase);
    cf_staging_make_room(self->staging);
    if (self->broker[0])
        status = cf_home_set(cf_staging_home(self->staging), CF_HOME_BROKER,
                             cf_bytes_of_text(self->broker), error);
    cf_enrolling_destroy(&self->enrolling);
    if (!status)
        status = cf_staging_finish(&self->staging, error);
    if (!status) {
        self->file_stays = true;
        show(run, self, phrase);
    } else if (is_kept) {
        cf_error_while(error, "the invitation is used: the same command goes on from here");
    }
    cf_wipe(phrase, sizeof phrase);
    return status;
}

/* ---- The beginning ---- */

static cf_status introduce(cf_run *run, state *self, cf_error *error)
{
    cf_peer *peer = NULL;

    cf_status status =
        cf_peer_open(cf_loop_env(run->loop), cf_staging_home(self->staging), &peer, error);
    if (!status) {
        self->user = *cf_peer_user(peer);
        self->device = *cf_peer_device(peer);
        status = cf_catalog_introduce(peer, cf_loop_time(run->loop), error);
    }
    cf_peer_close(&peer);
    return status;
}

/* An earlier try with this invitation ended before it knew whether that was used. */
static cf_status go_on(cf_run *run, state *self, cf_error *error)
{
    cf_buffer name = {0};

    cf_status status = cf_staging_secret(self->staging, self->secret, error);
    if (!status)
        status = cf_home_get(cf_staging_home(self->staging), CF_HOME_DEVICE, &name, error);
    if (!status)
        self->name = cf_arena_text(&self->arena, cf_buffer_view(&name));
    cf_buffer_release(&name);
    return status ? status : introduce(run, self, error);
}

/* `code` is NULL without an invitation. */
static cf_status be_born(cf_run *run, state *self, const cf_code *code, cf_error *error)
{
    const cf_hash used = code ? cf_code_name(code) : (cf_hash){0};
    cf_status status = cf_staging_begin(cf_loop_env(run->loop), cf_loop_home_path(run->loop),
                                        code ? &used : NULL, &self->staging, error);
    if (status)
        return status;
    if (cf_staging_said(self->staging).size)
        return go_on(run, self, error);
    if (code)
        status = cf_code_check_time(code, cf_loop_time(run->loop), error);
    if (status)
        return status;
    cf_birth birth = {cf_loop_env(run->loop), cf_staging_home(self->staging), self->name,
                      cf_loop_time(run->loop)};
    status = cf_birth_user(&birth, self->secret, error);
    return status ? status : introduce(run, self, error);
}

static cf_status say_unmade(const char *path, int number, cf_error *error)
{
    cf_status status = cf_fail_errno(error, number, "making %s", path);

    if (number == EEXIST)
        status = cf_fail(error, status,
                         "%s is there already, and nothing is written over a recovery phrase: name "
                         "another --recovery-file; where it is of an `init` that failed, the same "
                         "line goes on with it, and without one it may be deleted",
                         path);
    return status;
}

/* Written before the invitation is used: what can't be written is known before anything else
 * happens, and no user is without his phrase. One that an earlier try wrote is as good. */
static cf_status write_file(state *self, const char *path, cf_error *error)
{
    char phrase[CF_PHRASE_TEXT], text[CF_PHRASE_TEXT + CF_ADDRESS_TEXT + 2], found[sizeof text];
    const char *place = (const char *)self->file_path.data;
    cf_status status = CF_OK;

    cf_phrase_write(self->secret, phrase);
    int size =
        snprintf(text, sizeof text, "%s\n%s%s", phrase, self->broker, self->broker[0] ? "\n" : "");
    self->file = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->file >= 0) {
        if (write(self->file, text, (size_t)size) != size || fsync(self->file))
            status = cf_fail_errno(error, errno, "writing %s", path);
    } else {
        int number = errno;

        self->file_stays = true; /* another's */
        self->file = open(place, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (self->file < 0 || !cf_staging_said(self->staging).size ||
            read(self->file, found, sizeof found) != size || memcmp(found, text, (size_t)size) != 0)
            status = say_unmade(path, number, error);
    }
    cf_wipe(phrase, sizeof phrase);
    cf_wipe(text, sizeof text);
    cf_wipe(found, sizeof found);
    return status;
}

static cf_status make_file(cf_run *run, state *self, cf_error *error)
{
    const char *path = cf_options_value(&run->options, "recovery-file");

    if (!path)
        return CF_OK;
    cf_status status = cf_run_path(run, path, &self->file_path, error);
    if (!status)
        status = write_file(self, path, error);
    return status ? status : cf_target_name_sync((const char *)self->file_path.data, error);
}

static cf_status prepare(cf_run *run, cf_error *error)
{
    cf_status status = CF_OK;

    if (run->options.argument_count)
        status = cf_run_take_argument(run, 0, "invitation", error);
    return status ? status : cf_run_take_value(run, "invitation", "invitation", error);
}

static cf_status start(cf_run *run, cf_error *error)
{
    state *self = cf_allocate(1, sizeof *self);
    cf_code code = {0};
    bool invited = false;
    uint64_t timeout_ms = 0;

    run->state = self;
    self->file = -1;
    cf_status status = cf_run_check_count(run, 0, 1, error);
    if (!status)
        status = cf_run_timeout(run, &timeout_ms, error);
    if (!status)
        status = cf_device_name_of(run, &self->arena, &self->name, error);
    if (!status)
        status = read_code(run, &code, &invited, error);
    if (!status && invited)
        cf_address_write(&code.broker, self->broker);
    if (!status)
        status = be_born(run, self, invited ? &code : NULL, error);
    if (!status)
        status = make_file(run, self, error);
    if (!status && invited) {
        cf_enrolling_options options = {.connections = cf_loop_connections(run->loop),
                                        .home = cf_staging_home(self->staging),
                                        .code = &code,
                                        .secret = self->secret,
                                        .staging = self->staging,
                                        .timeout_ms = timeout_ms};
        status = cf_enrolling_new(&options, &self->enrolling, error);
    }
    cf_wipe(&code, sizeof code);
    return status;
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    state *self = run->state;
    cf_status status = CF_OK;

    if (self->enrolling &&
        !cf_enrolling_step(self->enrolling, now_ms, &progress->deadline_ms, &status, error)) {
        progress->over = false;
        return CF_OK;
    }
    const bool is_unused = status && !cf_enrolling_has_knocked(self->enrolling) &&
                           !cf_staging_said(self->staging).size;
    if (status == CF_DENIED || is_unused)
        cf_staging_give_up(self->staging);
    else if (status && cf_staging_is_kept(self->staging))
        cf_error_while(error, "the same command goes on from here");
    return status ? status : finish(run, self, error);
}

static void end(cf_run *run)
{
    state *self = run->state;

    if (!self)
        return;
    cf_enrolling_destroy(&self->enrolling);
    self->file_stays = self->file_stays || (self->staging && cf_staging_is_kept(self->staging));
    cf_staging_abandon(&self->staging);
    if (self->file >= 0 && !self->file_stays)
        unlink((const char *)self->file_path.data);
    if (self->file >= 0)
        close(self->file);
    cf_wipe(self->secret, sizeof self->secret);
    cf_buffer_release(&self->file_path);
    cf_arena_release(&self->arena);
    free(self);
}

static const cf_option options[] = {
    {"broker", 0, "ADDRESS", "the broker's address, if the invitation's is not the one to use"},
    {"invitation", 0, "CODE", "the line that `counterfoild invite` printed"},
    {"name", 0, "DEVICE", "what this device is called (else the machine's name)"},
    {"recovery-file", 0, "FILE", "write the recovery phrase there instead of showing it"},
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {0},
};

const cf_verb cf_verb_init = {
    .name = "init",
    .usage = "init [LINE | -]",
    .summary = "Makes a new user, and this device its first one",
    .more = "LINE is what `counterfoild invite` printed; - asks for it, or reads it from stdin: "
            "arguments are seen by all who list processes. Without a broker the user is kept here "
            "only.",
    .needs = CF_NEEDS_NO_USER,
    .options = options,
    .prepare = prepare,
    .start = start,
    .step = step,
    .end = end,
};
