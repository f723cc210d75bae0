/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/program/callers.h"

#include "codec/arena.h"
#include "codec/deadlines.h"
#include "peer/program/verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct caller {
    cf_run run;
    cf_callers *callers;
    cf_control_call *call; /* NULL: it went away */
    cf_arena arena;        /* of the words */
    uint64_t tell_ms;      /* when to say that it waits for the home; 0: it has begun */
    uint64_t patience_ms, give_up_ms;
    bool is_over;
    struct caller *next;
} caller;

struct cf_callers {
    cf_loop *loop;
    const cf_verb *const *verbs;
    cf_control *control;
    caller *first;
};

static void write_to(void *context, cf_control_stream stream, cf_bytes bytes)
{
    caller *self = context;

    if (self->call)
        cf_control_write(self->call, stream, bytes);
}

static void end_caller(caller *self)
{
    caller **at = &self->callers->first;

    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    cf_run_end(&self->run);
    if (self->call)
        cf_control_end(self->call, self->run.exit_code);
    cf_options_release(&self->run.options);
    cf_arena_release(&self->arena);
    free(self);
}

static cf_status read_words(caller *self, const cf_control_request *request, cf_error *error)
{
    const char **words = cf_arena_allocate(&self->arena, request->count + 1, sizeof *words);
    size_t used;

    if (request->count == 0)
        return cf_fail(error, CF_USAGE, "no verb");
    for (size_t i = 0; i < request->count; i++)
        words[i] = cf_arena_text(&self->arena, request->arguments[i]);
    self->run.verb = cf_verb_find(self->callers->verbs, words[0]);
    if (!self->run.verb)
        return cf_fail(error, CF_USAGE, "unknown verb '%s'", words[0]);
    if (self->run.verb->needs != CF_NEEDS_HOME && self->run.verb->needs != CF_NEEDS_PEER)
        return cf_fail(error, CF_USAGE, "%s is not done here", words[0]);
    cf_known_options known = {{cf_global_options, self->run.verb->options}};
    cf_status status = cf_options_read(&self->run.options, &known, false, words + 1,
                                       request->count - 1, &used, error);
    self->run.quiet = cf_options_has(&self->run.options, "quiet");
    return status ? status : cf_run_patience(&self->run, &self->patience_ms, error);
}

enum {
    TELL_MS = 10000,
    HEARS_MIN_MS = 1000, /* who serves is not idle at each moment */
};

static void begin(caller *self)
{
    cf_error error;

    self->tell_ms = 0;
    cf_status status = self->run.verb->needs == CF_NEEDS_PEER
                           ? cf_loop_trouble(self->callers->loop, &error)
                           : CF_OK;
    if (status)
        cf_run_fail(&self->run, &error);
    self->is_over = status || cf_run_start(&self->run);
}

static void begin_waiting(caller *self, uint64_t now_ms)
{
    self->tell_ms = now_ms + TELL_MS;
    self->give_up_ms =
        self->patience_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + self->patience_ms;
}

static void wait_or_begin(caller *self)
{
    cf_loop *loop = self->callers->loop;
    const uint64_t now_ms = cf_loop_now(loop);
    cf_error error;

    if (!cf_loop_waiting(loop, &error)) {
        begin(self);
        return;
    }
    if (!self->tell_ms)
        begin_waiting(self, now_ms);
    if (now_ms >= self->give_up_ms) {
        cf_run_waited(self->patience_ms, &error);
        cf_run_fail(&self->run, &error);
        self->is_over = true;
    } else if (now_ms >= self->tell_ms && self->tell_ms != UINT64_MAX) {
        if (!self->run.quiet)
            cf_say(&self->run.output, "waiting: %s", error.text);
        self->tell_ms = UINT64_MAX;
    }
}

static void on_request(void *context, cf_control_call *call, const cf_control_request *request)
{
    cf_callers *callers = context;
    if (!cf_control_is_heard(call))
        return;
    caller *self = cf_allocate(1, sizeof *self);
    cf_error error;

    self->callers = callers;
    self->call = call;
    self->run.loop = callers->loop;
    self->run.json = request->json;
    self->run.folder = cf_arena_text(&self->arena, request->folder);
    self->run.output = (cf_output){write_to, self, &self->run.has_printed};
    self->next = callers->first;
    callers->first = self;
    cf_control_set_data(call, self);
    cf_status status = read_words(self, request, &error);
    if (status) {
        cf_run_fail(&self->run, &error);
        self->is_over = true;
    } else {
        wait_or_begin(self);
    }
    cf_loop_wake(callers->loop);
}

static void on_abandoned(void *context, cf_control_call *call)
{
    caller *self = cf_control_data(call);

    (void)context;
    self->call = NULL;
    end_caller(self);
}

cf_status cf_callers_new(cf_loop *loop, const cf_verb *const *verbs, cf_callers **out,
                         cf_error *error)
{
    cf_callers *callers = cf_allocate(1, sizeof *callers);
    cf_control_handler handler = {callers, on_request, on_abandoned};

    callers->loop = loop;
    callers->verbs = verbs;
    cf_status status =
        cf_control_listen(cf_loop_home_path(loop), &handler, &callers->control, error);
    if (status) {
        free(callers);
        return status;
    }
    *out = callers;
    return CF_OK;
}

void cf_callers_destroy(cf_callers **callers)
{
    if (!*callers)
        return;
    while ((*callers)->first) {
        (*callers)->first->call = NULL; /* the control drops it */
        end_caller((*callers)->first);
    }
    cf_control_destroy(&(*callers)->control);
    free(*callers);
    *callers = NULL;
}

int cf_callers_descriptor(const cf_callers *callers)
{
    return cf_control_descriptor(callers->control);
}

void cf_callers_readable(cf_callers *callers)
{
    cf_control_readable(callers->control);
}

uint64_t cf_callers_step(cf_callers *callers)
{
    uint64_t deadline_ms = UINT64_MAX, run_ms;

    for (caller *at = callers->first, *next; at; at = next) {
        run_ms = UINT64_MAX;
        if (at->tell_ms && !at->is_over)
            wait_or_begin(at);
        if (at->tell_ms)
            run_ms = cf_deadline_earlier(at->tell_ms, at->give_up_ms);
        else if (!at->is_over)
            at->is_over = cf_run_step(&at->run, &run_ms);
        next = at->next;
        if (at->is_over)
            end_caller(at);
        else
            cf_deadline_lower(&deadline_ms, run_ms);
    }
    return deadline_ms;
}

void cf_callers_end_all(cf_callers *callers, const cf_run *survivor, const cf_error *why)
{
    for (caller *at = callers->first, *next; at; at = next) {
        next = at->next;
        bool stays = !at->tell_ms && at->run.verb->needs != CF_NEEDS_PEER;

        if (&at->run == survivor || at->is_over || stays)
            continue;
        cf_run_fail(&at->run, why);
        end_caller(at);
    }
}

/* ---- The sending side ---- */

/* A run on its way, and what is held back of the answer: that an option is not known which this
 * program added, and not the user. */
typedef struct {
    cf_run *run;
    const char *home_path;
    uint64_t patience_ms;
    bool sends_own;
    cf_control_stream stream;
    cf_buffer held;
} sending;

static bool is_about_own(const sending *self, cf_bytes said)
{
    const cf_options *options = &self->run->options;
    bool is = false;

    for (size_t i = 0; i < options->choice_count && !is; i++) {
        char words[64];

        if (!options->choices[i].is_own)
            continue;
        snprintf(words, sizeof words, "unknown option '--%s'", options->choices[i].option->name);
        is = memmem(said.data, said.size, words, strlen(words)) != NULL;
    }
    return is;
}

static void fail_unheard(const sending *self, cf_error *error)
{
    long process;

    if (!cf_control_is_served(self->home_path, &process) || process <= 0)
        cf_fail(error, CF_LOCKED, "`serve` does not answer: too many other verbs wait for it");
    else
        cf_fail(error, CF_LOCKED,
                "`serve` (process %ld) does not answer: it has much to look at, or the disk of a "
                "source hangs, as a share whose server is gone, or it was stopped, and `kill -CONT "
                "%ld` lets it go on",
                process, process);
}

static void tell_silence(const sending *self)
{
    cf_error why;

    fail_unheard(self, &why);
    if (!self->run->quiet)
        cf_say(&self->run->output, "waiting: %s", why.text);
}

static void pass_on(void *context, cf_control_stream stream, cf_bytes bytes)
{
    sending *self = context;
    const cf_run *run = self->run;

    if (stream != CF_CONTROL_SILENCE && self->sends_own && is_about_own(self, bytes)) {
        self->stream = stream;
        cf_buffer_append(&self->held, bytes.data, bytes.size);
        return;
    }
    if (stream == CF_CONTROL_SILENCE)
        tell_silence(self);
    else
        run->output.write(run->output.context, stream, bytes);
    if (stream == CF_CONTROL_OUTPUT && run->output.has_printed)
        *run->output.has_printed = true;
}

static size_t words_of(const sending *self, cf_arena *arena, cf_bytes *words)
{
    const cf_options *options = &self->run->options;
    size_t count = 0;

    words[count++] = cf_bytes_of_text(self->run->verb->name);
    for (size_t i = 0; i < options->choice_count; i++) {
        const cf_choice *choice = &options->choices[i];
        cf_buffer word = {0};

        if (strcmp(choice->option->name, "home") == 0 ||
            strcmp(choice->option->name, "json") == 0 || (choice->is_own && !self->sends_own))
            continue;
        cf_buffer_append_text(&word, "--%s", choice->option->name);
        if (choice->value)
            cf_buffer_append_text(&word, "=%s", choice->value);
        words[count++] = cf_arena_copy(arena, cf_buffer_view(&word));
        cf_buffer_release(&word);
    }
    words[count++] = cf_bytes_of_text("--");
    for (size_t i = 0; i < options->argument_count; i++)
        words[count++] = cf_bytes_of_text(options->arguments[i]);
    return count;
}

static cf_status send_once(sending *self, cf_error *error)
{
    cf_run *run = self->run;
    const cf_options *options = &run->options;
    cf_arena arena = {0};
    cf_bytes *words = cf_arena_allocate(&arena, 2 + options->choice_count + options->argument_count,
                                        sizeof *words);
    cf_control_request request = {.arguments = words,
                                  .count = words_of(self, &arena, words),
                                  .json = run->json,
                                  .folder = cf_bytes_of_text(run->folder),
                                  .heard_ms = self->patience_ms};

    cf_status status =
        cf_control_call_verb(self->home_path, &request, pass_on, self, &run->exit_code, error);
    if (status == CF_LOCKED)
        fail_unheard(self, error);
    cf_arena_release(&arena);
    return status;
}

/* Who serves may be older than this program, until it is started again. */
cf_status cf_run_send(cf_run *run, const char *home_path, uint64_t patience_ms, cf_error *error)
{
    sending self = {.run = run,
                    .home_path = home_path,
                    .patience_ms = patience_ms == UINT64_MAX    ? 0
                                   : patience_ms > HEARS_MIN_MS ? patience_ms
                                                                : HEARS_MIN_MS,
                    .sends_own = true};

    cf_status status = send_once(&self, error);
    if (self.held.size && !status && run->exit_code == cf_status_exit_code(CF_USAGE)) {
        self.sends_own = false;
        run->exit_code = 0;
        status = send_once(&self, error);
    } else if (self.held.size) {
        run->output.write(run->output.context, self.stream, cf_buffer_view(&self.held));
    }
    cf_buffer_release(&self.held);
    return status;
}
