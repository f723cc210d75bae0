/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/phrase.h"
#include "codec/secret.h"
#include "peer/enrolling.h"
#include "peer/newcomer.h"
#include "peer/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cf_enrolling *enrolling;
    char line[CF_ADDRESS_TEXT];
} state;

/* ---- Where it was typed ---- */

static cf_status read_phrase_file(cf_run *run, cf_choice *choice, cf_error *error)
{
    cf_buffer path = {0};
    char line[128];

    cf_status status = cf_run_path(run, choice->value, &path, error);
    FILE *file = status ? NULL : fopen((const char *)path.data, "re");
    if (!status && (!file || !fgets(line, sizeof line, file)))
        status =
            cf_fail(error, CF_MISSING, "no recovery phrase can be read from %s", choice->value);
    if (!status)
        choice->value = cf_arena_text(&run->arena, cf_bytes_of(line, strcspn(line, "\r\n")));
    if (file)
        fclose(file);
    cf_wipe(line, sizeof line);
    cf_buffer_release(&path);
    return status;
}

/* The phrase itself takes the file's place: who serves the home can't read this process's files. */
static cf_status take_phrase(cf_run *run, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < run->options.choice_count; i++) {
        cf_choice *choice = &run->options.choices[i];

        if (strcmp(choice->option->name, "recovery-file") == 0 && strcmp(choice->value, "-") != 0)
            status = read_phrase_file(run, choice, error);
    }
    if (!status)
        status = cf_run_take_value(run, "recovery-file", "recovery phrase", error);
    return status ? status : cf_run_ask_value(run, "recovery-file", "recovery phrase", error);
}

static cf_status prepare(cf_run *run, cf_error *error)
{
    cf_status status = CF_OK;

    if (run->options.argument_count == 0)
        return CF_OK;
    status = cf_run_take_argument(run, 0, "the broker's line", error);
    return status ? status : take_phrase(run, error);
}

/* ---- Showing ---- */

static cf_status show(cf_run *run, cf_error *error)
{
    cf_broker_status broker;
    cf_buffer line = {0};

    cf_engine_broker_status(cf_loop_engine(run->loop), &broker);
    cf_status status = cf_home_get(cf_loop_home(run->loop), CF_HOME_BROKER, &line, error);
    cf_buffer_append(&line, "", 1);
    if (status && status != CF_MISSING) {
        cf_buffer_release(&line);
        return status;
    }
    const char *address = (const char *)line.data;
    if (run->json)
        cf_print_json(&run->output,
                      json_pack("{s:s?, s:b, s:i}", "address", *address ? address : NULL,
                                "connected", broker.connected, "unsent", (int)broker.unsent));
    else if (*address)
        cf_print(&run->output, "%s\n", address);
    else if (!run->quiet)
        cf_say(&run->output, "no broker is set: this user is kept here only");
    cf_buffer_release(&line);
    return CF_OK;
}

/* ---- Setting ---- */

static cf_status check_none_set(cf_run *run, cf_error *error)
{
    cf_buffer line = {0};

    cf_status status = cf_home_get(cf_loop_home(run->loop), CF_HOME_BROKER, &line, error);
    if (!status && line.size)
        status = cf_fail(error, CF_CHANGED, "a broker is set already: %.*s", (int)line.size,
                         (const char *)line.data);
    cf_buffer_release(&line);
    return status == CF_MISSING ? CF_OK : status;
}

static cf_status enrol(cf_run *run, state *self, const char *text, cf_error *error)
{
    const char *phrase = cf_options_value(&run->options, "recovery-file");
    uint8_t secret[CF_PHRASE_SECRET];
    uint64_t timeout_ms = 0;
    cf_code code = {0};

    cf_status status = cf_run_timeout(run, &timeout_ms, error);
    if (!status)
        status = cf_code_take(text, true, cf_loop_now(run->loop), &code, error);
    if (!status && !phrase)
        status = cf_fail(error, CF_USAGE,
                         "a broker takes a user from its account only: give the recovery phrase "
                         "with --recovery-file FILE (- is stdin)");
    if (!status)
        status = cf_phrase_read(phrase, secret, error);
    if (!status) {
        cf_address_write(&code.broker, self->line);
        cf_enrolling_options options = {run->loop, cf_loop_home(run->loop), &code, secret,
                                        timeout_ms};
        status = cf_enrolling_new(&options, &self->enrolling, error);
    }
    cf_wipe(secret, sizeof secret);
    cf_wipe(&code, sizeof code);
    return status;
}

static cf_status start(cf_run *run, cf_error *error)
{
    cf_status status = cf_run_check_count(run, 0, 1, error);

    if (status)
        return status;
    if (run->options.argument_count == 0)
        return show(run, error);
    state *self = cf_allocate(1, sizeof *self);
    run->state = self;
    status = check_none_set(run, error);
    return status ? status : enrol(run, self, run->options.arguments[0], error);
}

static cf_status finish(cf_run *run, const state *self, cf_error *error)
{
    cf_status status =
        cf_home_set(cf_loop_home(run->loop), CF_HOME_BROKER, cf_bytes_of_text(self->line), error);

    if (!status)
        status = cf_engine_use_broker(cf_loop_engine(run->loop), error);
    if (status)
        return status;
    cf_loop_wake(run->loop);
    if (run->json)
        cf_print_json(&run->output, json_pack("{s:s}", "address", self->line));
    else
        cf_print(&run->output, "%s\n", self->line);
    return CF_OK;
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    state *self = run->state;
    cf_status status = CF_OK;

    if (!self)
        return CF_OK;
    if (!cf_enrolling_step(self->enrolling, now_ms, &progress->deadline_ms, &status, error)) {
        progress->over = false;
        return CF_OK;
    }
    cf_enrolling_destroy(&self->enrolling);
    return status ? status : finish(run, self, error);
}

static void end(cf_run *run)
{
    state *self = run->state;

    if (self)
        cf_enrolling_destroy(&self->enrolling);
    free(self);
}

static const cf_option options[] = {
    {"recovery-file", 0, "FILE", "where the recovery phrase is, or - for stdin"},
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {0},
};

const cf_verb cf_verb_broker = {
    .name = "broker",
    .usage = "broker [LINE [--recovery-file FILE]]",
    .summary = "Shows the broker, or sets the first one",
    .more = "LINE is what `counterfoild invite` printed. The broker takes a user that was made "
            "without one from its account,\nso the recovery phrase is needed this once.",
    .needs = CF_NEEDS_PEER,
    .options = options,
    .prepare = prepare,
    .start = start,
    .step = step,
    .end = end,
};
