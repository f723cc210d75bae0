/* SPDX-License-Identifier: Apache-2.0 */
/* counterfoil: reads what is wanted, and has it done by whoever serves the home, or else here, by a
 * loop of this process. A home that a verb of another process has is waited for. */
#include "broker/platform/descriptor.h"
#include "broker/platform/owner.h"
#include "peer/program/callers.h"
#include "peer/commands/verbs.h"

#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 1000, /* of a second `serve` */
    TELL_MS = 10000,
    POLL_MS = 50, /* at first; later less often */
    POLL_MS_MAX = 500,
    ARENAS = 2,
};

static cf_status read_words(cf_run *run, const char *const *words, size_t count, cf_error *error)
{
    cf_known_options known = {{cf_global_options, NULL}};
    cf_options *options = &run->options;
    size_t used = 0, rest = 0;

    cf_status status = cf_options_read(options, &known, true, words, count, &used, error);
    if (status || !options->argument_count)
        return status;
    run->verb = cf_verb_find(cf_verbs, options->arguments[0]);
    if (!run->verb) {
        cf_error ignored; /* whether --json stands behind it, too */

        cf_fail(error, CF_USAGE, "unknown verb '%s': `counterfoil help` lists them",
                options->arguments[0]);
        cf_options_read(options, &known, false, words + used, count - used, &rest, &ignored);
        return CF_USAGE;
    }
    options->argument_count = 0;
    known.lists[1] = run->verb->options;
    status = cf_options_read(options, &known, false, words + used, count - used, &rest, error);
    if (status)
        cf_error_while(error, "%s", run->verb->name);
    else
        status = cf_run_check_options(run, error);
    cf_options_read_environment(options, &known);
    return status;
}

/* Ends the process at a signal, as the loop does. A loop leaves them blocked: afterwards they are
 * not, so that they end a verb that is sent to `serve` next. */
static void nap(uint64_t ms)
{
    const struct timespec time = {.tv_sec = (time_t)(ms / 1000),
                                  .tv_nsec = (long)(ms % 1000) * 1000000};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int number = sigtimedwait(&set, NULL, &time);
    if (number > 0)
        exit(128 + number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static cf_status execute_here(cf_run *run, cf_env *env, const char *home_path, uint64_t patience_ms,
                              cf_error *error)
{
    cf_loop *loop = NULL;
    cf_loop_options options = {env, home_path, run->verb->needs == CF_NEEDS_ALL, patience_ms,
                               cf_verbs};

    cf_status status = cf_loop_new(&options, &loop, error);
    if (!status)
        status = cf_loop_execute(loop, run, error);
    cf_loop_destroy(&loop);
    return status;
}

/* Since the machine began, whatever its clock is set to. */
static uint64_t elapsed_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Of the whole wait, until the next try. */
static uint64_t poll_ms(uint64_t waited_ms, uint64_t patience_ms)
{
    return least(waited_ms < PATIENCE_MS ? POLL_MS : POLL_MS_MAX, patience_ms - waited_ms);
}

/* What root makes in another's home, or writes in its sources, its owner couldn't read. */
static cf_status keep_from_others_home(const char *home_path, cf_error *error)
{
    cf_owner owner;

    if (!cf_owner_is_other_than_root(home_path, &owner))
        return CF_OK;
    return cf_fail(error, CF_DENIED,
                   "%s belongs to %s, who could not read what root makes there: type `runuser -u "
                   "%s -- counterfoil --home %s` and the verb",
                   home_path, owner.name, owner.name, home_path);
}

/* Who serves the home does it; else this process. A home that a verb of another process has is
 * waited for, up to the run's patience, and so is for a moment who serves it, and perhaps ends. */
static cf_status execute_at_home(cf_run *run, cf_env *env, const char *home_path, cf_error *error)
{
    const cf_verb_needs needs = run->verb->needs;
    const bool may_send = needs == CF_NEEDS_HOME || needs == CF_NEEDS_PEER;
    const uint64_t since_ms = elapsed_ms();
    uint64_t patience_ms = 0, waited_ms = 0;
    bool is_told = false;

    cf_status status = keep_from_others_home(home_path, error);
    if (!status)
        status = cf_run_patience(run, &patience_ms, error);
    if (status)
        return status;
    for (;;) {
        const uint64_t rest_ms =
            patience_ms == UINT64_MAX ? UINT64_MAX : patience_ms - least(waited_ms, patience_ms);
        status = may_send ? cf_run_send(run, home_path, rest_ms, error) : CF_MISSING;
        if (status == CF_MISSING)
            status = execute_here(run, env, home_path, patience_ms, error);
        if (status)
            cf_owner_explain(home_path, error);
        waited_ms = elapsed_ms() - since_ms;
        if (status != CF_LOCKED || (needs == CF_NEEDS_ALL && waited_ms >= PATIENCE_MS))
            return status;
        if (waited_ms >= patience_ms)
            return needs == CF_NEEDS_ALL ? status : cf_run_waited(patience_ms, error);
        if (!is_told && waited_ms >= TELL_MS) {
            cf_report(env, CF_REPORT_NOTICE, "waiting: %s", error->text);
            is_told = true;
        }
        nap(poll_ms(waited_ms, patience_ms));
    }
}

/* ---- Asking the home before a verb goes there ---- */

static void gather(void *context, cf_control_stream stream, cf_bytes bytes)
{
    if (stream == CF_CONTROL_OUTPUT)
        cf_buffer_append(context, bytes.data, bytes.size);
    else
        fwrite(bytes.data, 1, bytes.size, stderr);
}

static cf_status consult(cf_run *run, const char *const *words, size_t count, json_t **out,
                         cf_error *error)
{
    cf_buffer answer = {0}, home_path = {0};
    cf_run asking = {
        .json = true, .folder = run->folder, .output = {.write = gather, .context = &answer}};

    const char **asked = cf_arena_allocate(&asking.arena, count + 2, sizeof *asked);
    const char *timeout = cf_options_value(&run->options, "timeout");
    const size_t before = timeout ? 2 : 0;
    if (timeout)
        asked[0] = "--timeout", asked[1] = timeout;
    memcpy(asked + before, words, count * sizeof *asked);
    cf_status status = read_words(&asking, asked, before + count, error);
    if (!status)
        status = cf_home_path(cf_options_value(&run->options, "home"), &home_path, error);
    if (!status)
        status =
            execute_at_home(&asking, run->consult_context, (const char *)home_path.data, error);
    if (!status && asking.exit_code) { /* it has said why */
        if (run->json)
            fwrite(answer.data, 1, answer.size, stdout);
        exit(asking.exit_code);
    }
    if (!status &&
        !(*out = json_loadb((const char *)answer.data, answer.size, JSON_DECODE_ANY, NULL)))
        status = cf_fail(error, CF_BROKEN, "the home's answer is no JSON");
    cf_options_release(&asking.options);
    cf_arena_release(&asking.arena);
    cf_buffer_release(&answer);
    cf_buffer_release(&home_path);
    return status;
}

static cf_status execute(cf_run *run, cf_env *env, cf_error *error)
{
    cf_buffer home_path = {0};
    uint64_t ignored;

    run->consult = consult;
    run->consult_context = env;
    cf_status status = cf_run_patience(run, &ignored, error);
    if (!status && run->verb->prepare)
        status = run->verb->prepare(run, error);
    if (!status && run->verb->needs == CF_NEEDS_NOTHING) {
        status = run->verb->start(run, error);
    } else if (!status) {
        status = cf_home_path(cf_options_value(&run->options, "home"), &home_path, error);
        if (!status)
            status = execute_at_home(run, env, (const char *)home_path.data, error);
    }
    cf_buffer_release(&home_path);
    return status;
}

static cf_report_level level_of(const cf_options *options)
{
    if (cf_options_has(options, "quiet"))
        return CF_REPORT_ERROR;
    return cf_options_has(options, "verbose") ? CF_REPORT_DETAIL : CF_REPORT_NOTICE;
}

/* `devices revoke --help` asks of that alone. */
static const cf_subverb *named_subverb(const cf_run *run)
{
    return run->verb && run->options.argument_count
               ? cf_subverb_find(run->verb, run->options.arguments[0])
               : NULL;
}

int main(int argc, char **argv)
{
    cf_run run = {.output = cf_output_own()};
    run.output.has_printed = &run.has_printed;
    char *folder = getcwd(NULL, 0);
    cf_env env;
    cf_error error;

    cf_descriptor_fill_standard();
    signal(SIGXFSZ, SIG_IGN); /* ulimit -f: a write tells */
    /* Jobs come and go in many threads; an arena for each would keep what the largest of them took,
     * four times as much as is ever in use. */
    mallopt(M_ARENA_MAX, ARENAS);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* the memory holds keys */
    if (sodium_init() < 0)
        abort();
    run.folder = folder ? folder : "/";
    cf_status status =
        read_words(&run, (const char *const *)argv + 1, (size_t)(argc > 0 ? argc - 1 : 0), &error);
    run.json = cf_options_has(&run.options, "json");
    run.quiet = cf_options_has(&run.options, "quiet");
    cf_env_system(&env, "counterfoil", level_of(&run.options));
    run.env = &env;
    if (cf_options_has(&run.options, "version"))
        run.verb = &cf_verb_version;
    if (!status && cf_options_has(&run.options, "help"))
        cf_verbs_show_usage(&run.output, run.verb, named_subverb(&run));
    else if (!status && !run.verb)
        status = cf_fail(&error, CF_USAGE, "no verb: `counterfoil help` lists them");
    else if (!status)
        status = execute(&run, &env, &error);
    if (status)
        cf_run_fail(&run, &error);
    cf_options_release(&run.options);
    cf_arena_release(&run.arena);
    free(folder);
    return run.exit_code;
}
