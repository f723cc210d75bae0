/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a verb, from start to end or failure; what is asked of its user; the paths that he
 * typed; verbs by name, and their usage. What a verb requires is stepped first, and only then the
 * verb starts. */
#include "peer/program/verb.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "broker/platform/report_line.h"
#include "broker/platform/names.h"
#include "codec/limits.h"
#include "codec/secret.h"

const cf_option cf_global_options[] = {
    {"home", 0, "DIR", "where state and keys are kept"},
    {"quiet", 'q', NULL, "errors only"},
    {"verbose", 'v', NULL, "say more on stderr"},
    {"json", 0, NULL, "one JSON document on stdout"},
    {"timeout", 0, "T", "how long to wait for another verb that has the home (status: 30s)"},
    {"help", 'h', NULL, "show the usage"},
    {"version", 0, NULL, "show which version this is"},
    {0},
};

static bool start(cf_run *run)
{
    cf_error error;

    cf_status status = run->verb->start(run, &error);
    if (status)
        cf_run_fail(run, &error);
    return status || !run->verb->step;
}

static bool step_waiting(cf_run *run, uint64_t *deadline_ms)
{
    cf_progress progress = {true, UINT64_MAX};
    cf_error error;

    cf_status status =
        run->verb->prerequisite->step(run, cf_loop_now(run->loop), &progress, &error);
    if (status)
        cf_run_fail(run, &error);
    *deadline_ms = progress.deadline_ms;
    run->has_waited = progress.over;
    return status || (progress.over && start(run));
}

static bool is_awaited(const cf_run *run)
{
    return run->verb->prerequisite && !run->has_waited;
}

bool cf_run_start(cf_run *run)
{
    uint64_t ignored;

    return is_awaited(run) ? step_waiting(run, &ignored) : start(run);
}

bool cf_run_step(cf_run *run, uint64_t *deadline_ms)
{
    cf_progress progress = {true, UINT64_MAX};
    cf_error error;

    if (is_awaited(run))
        return step_waiting(run, deadline_ms);
    cf_status status = run->verb->step(run, cf_loop_now(run->loop), &progress, &error);
    if (status)
        cf_run_fail(run, &error);
    *deadline_ms = progress.deadline_ms;
    return status || progress.over;
}

void cf_run_fail(cf_run *run, const cf_error *why)
{
    if (run->env)
        cf_report(run->env, CF_REPORT_ERROR, "%s", why->text);
    else
        cf_say(&run->output, "%s", why->text);
    if (run->json && !run->has_printed)
        cf_print_json(&run->output, cf_error_json(cf_status_exit_code(why->status), why->text));
    run->exit_code = cf_status_exit_code(why->status);
}

void cf_run_end(cf_run *run)
{
    if (run->verb && run->verb->prerequisite)
        run->verb->prerequisite->end(run);
    if (run->verb && run->verb->end)
        run->verb->end(run);
    run->state = NULL;
}

/* "--new" is no part of "--newest", and "-n" none of "--name". */
static bool is_said(const char *usage, const char *dashed)
{
    size_t size = strlen(dashed);

    for (const char *at = usage; (at = strstr(at, dashed)); at += size)
        if (at[-1] != '-' && at[size] != '-' && !isalnum((unsigned char)at[size]))
            return true;
    return false;
}

bool cf_usage_names(const char *usage, const cf_option *option)
{
    const char letter[] = {'-', option->letter, '\0'};
    char name[64];

    snprintf(name, sizeof name, "--%s", option->name);
    return is_said(usage, name) || (option->letter && is_said(usage, letter));
}

const cf_verb *cf_verb_find(const cf_verb *const *verbs, const char *name)
{
    for (const cf_verb *const *verb = verbs; *verb; verb++)
        if (strcmp((*verb)->name, name) == 0)
            return *verb;
    return NULL;
}

const cf_subverb *cf_subverb_find(const cf_verb *verb, const char *name)
{
    const size_t size = strlen(name);

    for (const cf_subverb *at = verb->subverbs; at && at->usage; at++)
        if (strcspn(at->usage, " ") == size && memcmp(at->usage, name, size) == 0)
            return at;
    return NULL;
}

const char *cf_verb_usage(const cf_verb *verb, cf_arena *arena)
{
    cf_buffer out = {0};

    cf_buffer_append_text(&out, "%s", verb->usage);
    for (const cf_option *at = verb->options; at && at->name; at++)
        if (!cf_usage_names(verb->usage, at)) {
            cf_buffer_append_text(&out, " [");
            if (at->letter && !at->value)
                cf_buffer_append_text(&out, "-%c|", at->letter);
            cf_buffer_append_text(&out, "--%s%s%s]", at->name, at->value ? " " : "",
                                  at->value ? at->value : "");
        }
    cf_buffer_append(&out, "", 1);
    cf_bytes usage = cf_arena_copy(arena, cf_buffer_view(&out));
    cf_buffer_release(&out);
    return (const char *)usage.data;
}

static bool is_global(const cf_option *option)
{
    for (const cf_option *at = cf_global_options; at->name; at++)
        if (strcmp(at->name, option->name) == 0)
            return true;
    return false;
}

cf_status cf_run_check_options(const cf_run *run, cf_error *error)
{
    const char *word = run->options.argument_count ? run->options.arguments[0] : NULL;
    const cf_subverb *subverb = word ? cf_subverb_find(run->verb, word) : NULL;
    const char *usage = subverb ? subverb->usage : word ? NULL : run->verb->alone;

    for (size_t i = 0; usage && i < run->options.choice_count; i++) {
        const cf_option *option = run->options.choices[i].option;

        if (!is_global(option) && !cf_usage_names(usage, option))
            return cf_fail(error, CF_USAGE, "--%s is no option of `counterfoil %s%s%s`%s",
                           option->name, run->verb->name, subverb ? " " : "", subverb ? word : "",
                           subverb ? "" : " alone");
    }
    return CF_OK;
}

cf_status cf_run_check_count(const cf_run *run, size_t least, size_t most, cf_error *error)
{
    cf_arena arena = {0};

    cf_status status =
        cf_options_check_count(&run->options, least, most, cf_verb_usage(run->verb, &arena), error);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_run_timeout(const cf_run *run, uint64_t *milliseconds, cf_error *error)
{
    const char *given = cf_options_value(&run->options, "timeout");

    *milliseconds = CF_REQUEST_TIMEOUT_MS;
    return given ? cf_timeout_read(given, milliseconds, error) : CF_OK;
}

cf_status cf_run_patience(const cf_run *run, uint64_t *milliseconds, cf_error *error)
{
    const char *given = cf_options_value(&run->options, "timeout");

    *milliseconds = run->verb->patience_ms ? run->verb->patience_ms : UINT64_MAX;
    return given ? cf_timeout_read(given, milliseconds, error) : CF_OK;
}

cf_status cf_run_waited(uint64_t patience_ms, cf_error *error)
{
    cf_error_while(error, "given up after %g s", (double)patience_ms / 1000);
    return error->status;
}

/* One line, without its end; in the run's arena. */
static cf_status read_line(cf_run *run, const char *prompt, const char **out, cf_error *error)
{
    size_t capacity = 0;
    char *line = NULL;
    cf_buffer shown = {0};

    cf_text_append(&shown, cf_bytes_of_text(prompt));
    if (isatty(STDIN_FILENO))
        fprintf(stderr, "%.*s: ", (int)shown.size, (const char *)shown.data);
    cf_buffer_release(&shown);
    ssize_t size = getline(&line, &capacity, stdin);
    if (size >= 0) {
        size_t length = strcspn(line, "\r\n");

        *out = cf_arena_text(&run->arena, cf_bytes_of(line, length));
        cf_wipe(line, (size_t)size);
    }
    free(line);
    return size >= 0 ? CF_OK : cf_fail(error, CF_USAGE, "nothing came on stdin for: %s", prompt);
}

cf_status cf_run_take_argument(cf_run *run, size_t number, const char *prompt, cf_error *error)
{
    cf_options *options = &run->options;
    bool missing = options->argument_count == number;
    const char *line = NULL;

    if (options->argument_count < number || (missing && !isatty(STDIN_FILENO)) ||
        (!missing && strcmp(options->arguments[number], "-") != 0))
        return CF_OK;
    cf_status status = read_line(run, prompt, &line, error);
    if (status)
        return status;
    if (missing) {
        options->arguments = cf_grow(options->arguments, &options->argument_capacity, number + 1,
                                     sizeof *options->arguments);
        options->argument_count++;
    }
    options->arguments[number] = line;
    return CF_OK;
}

cf_status cf_run_take_value(cf_run *run, const char *option, const char *prompt, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < run->options.choice_count; i++) {
        cf_choice *choice = &run->options.choices[i];

        if (strcmp(choice->option->name, option) == 0 && strcmp(choice->value, "-") == 0)
            status = read_line(run, prompt, &choice->value, error);
    }
    return status;
}

cf_status cf_run_ask_value(cf_run *run, const char *name, const char *prompt, cf_error *error)
{
    const char *line = NULL;

    if (cf_options_has(&run->options, name) || !cf_run_is_at_terminal())
        return CF_OK;
    cf_status status = read_line(run, prompt, &line, error);
    if (!status)
        cf_run_choose(run, name, line);
    return status;
}

bool cf_run_is_at_terminal(void)
{
    return isatty(STDIN_FILENO);
}

bool cf_run_asks(const cf_run *run)
{
    return !cf_options_has(&run->options, "yes") && !cf_options_has(&run->options, "dry-run") &&
           cf_run_is_at_terminal() && run->consult;
}

void cf_run_choose(cf_run *run, const char *name, const char *value)
{
    const cf_option *option = run->verb->options;

    while (strcmp(option->name, name) != 0)
        option++;
    cf_options_add(&run->options, option, value);
}

cf_status cf_run_take_answer(cf_run *run, bool yes, cf_error *error)
{
    if (!yes)
        return cf_fail(error, CF_CHANGED, "nothing was changed");
    cf_run_choose(run, "yes", NULL);
    return CF_OK;
}

cf_status cf_run_confirm(cf_run *run, bool *yes, cf_error *error, const char *format, ...)
{
    const char *line = NULL;
    char *question = NULL;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&question, format, arguments) < 0)
        abort();
    va_end(arguments);
    cf_status status = read_line(run, question, &line, error);
    if (!status)
        *yes = strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
    free(question);
    return status;
}

/* Resolves what is left when the file system has no more to say: "." and "..". */
static void append_lexically(cf_buffer *out, const char *rest)
{
    while (*rest) {
        size_t size = strcspn(rest, "/");

        if (size == 2 && memcmp(rest, "..", 2) == 0) {
            while (out->size && out->data[out->size - 1] != '/')
                out->size--;
            if (out->size)
                out->size--;
        } else if (size && !(size == 1 && *rest == '.')) {
            cf_buffer_append(out, "/", 1);
            cf_buffer_append(out, rest, size);
        }
        rest += size;
        rest += *rest == '/';
    }
}

/* Of a disk that does not answer nothing is asked: its paths are what they look like. */
static bool is_silent(const cf_run *run, const char *path)
{
    cf_engine *engine = run->loop ? cf_loop_engine(run->loop) : NULL;

    for (size_t i = 0; engine && i < cf_engine_binding_count(engine); i++) {
        const cf_binding *binding = cf_engine_binding_at(engine, i);
        const size_t size = strlen(binding->path);

        if (binding->silence && strncmp(path, binding->path, size) == 0 &&
            (path[size] == '/' || !path[size]))
            return true;
    }
    return false;
}

void cf_run_typed_path(const cf_run *run, const char *path, cf_buffer *out)
{
    if (*path != '/')
        append_lexically(out, run->folder);
    append_lexically(out, path);
    cf_buffer_append(out, out->size ? "" : "/", out->size ? 1 : 2);
}

cf_status cf_run_path(const cf_run *run, const char *path, cf_buffer *out, cf_error *error)
{
    cf_buffer whole = {0};

    if (!*path)
        return cf_fail(error, CF_USAGE, "an empty path names nothing");
    if (*path != '/')
        cf_buffer_append_text(&whole, "%s/", run->folder);
    cf_buffer_append_text(&whole, "%s", path);
    cf_buffer_append(&whole, "", 1);
    char *text = (char *)whole.data, *real = NULL;
    char *cut = is_silent(run, text) ? text : text + strlen(text);

    /* The longest part that exists. */
    while (cut != text && !(real = realpath(*text ? text : "/", NULL)) && *text) {
        char *slash = strrchr(text, '/');

        if (cut < text + whole.size - 1)
            *cut = '/';
        cut = slash;
        *cut = '\0';
    }
    if (real && strcmp(real, "/") != 0)
        cf_buffer_append(out, real, strlen(real));
    free(real);
    if (cut < text + whole.size - 1)
        append_lexically(out, cut + 1);
    if (!out->size)
        cf_buffer_append(out, "/", 1);
    cf_buffer_append(out, "", 1);
    cf_buffer_release(&whole);
    return CF_OK;
}
