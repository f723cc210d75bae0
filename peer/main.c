/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/program/callers.h"
#include "peer/program/verbs.h"

#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000, POLL_MS = 50, ARENAS = 2 };

static cf_status read_words(cf_run *run, const char *const *words, size_t count, cf_error *error)
{
    cf_known_options known = {{cf_global_options, NULL}};
    cf_options *options = &run->options;
    size_t used = 0, rest = 0;

    cf_status status = cf_options_read(options, &known, true, words, count, &used, error);
    if (status || !options->argument_count)
        return status;
    run->verb = cf_verb_find(options->arguments[0]);
    if (!run->verb)
        return cf_fail(error, CF_USAGE, "unknown verb '%s': `counterfoil help` lists them",
                       options->arguments[0]);
    options->argument_count = 0;
    known.lists[1] = run->verb->options;
    status = cf_options_read(options, &known, false, words + used, count - used, &rest, error);
    if (status)
        cf_error_while(error, "%s", run->verb->name);
    else
        cf_options_read_environment(options, &known);
    return status;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
}

static cf_status execute_here(cf_run *run, cf_env *env, const char *home_path, cf_error *error)
{
    cf_loop *loop = NULL;
    cf_loop_options options = {env, home_path, run->verb->needs == CF_NEEDS_ALL};

    cf_status status = cf_loop_new(&options, &loop, error);
    if (!status)
        status = cf_loop_execute(loop, run, error);
    cf_loop_destroy(&loop);
    return status;
}

/* Who serves the home does it; else this process. A home that another process has for a moment is
 * waited for. */
static cf_status execute_at_home(cf_run *run, cf_env *env, const char *home_path, cf_error *error)
{
    bool may_send = run->verb->needs == CF_NEEDS_HOME || run->verb->needs == CF_NEEDS_PEER;

    for (int waited_ms = 0;; waited_ms += POLL_MS) {
        cf_status status = may_send ? cf_run_send(run, home_path, error) : CF_MISSING;

        if (status == CF_MISSING)
            status = execute_here(run, env, home_path, error);
        if (status != CF_LOCKED || waited_ms >= PATIENCE_MS)
            return status;
        nap();
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
    cf_run asking = {.json = true, .folder = run->folder, .output = {gather, &answer}};

    cf_status status = read_words(&asking, words, count, error);
    if (!status)
        status = cf_home_path(cf_options_value(&run->options, "home"), &home_path, error);
    if (!status)
        status =
            execute_at_home(&asking, run->consult_context, (const char *)home_path.data, error);
    if (!status && asking.exit_code)
        exit(asking.exit_code); /* it has said why */
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
    cf_status status = CF_OK;

    run->consult = consult;
    run->consult_context = env;
    if (run->verb->prepare)
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

int main(int argc, char **argv)
{
    cf_run run = {.output = cf_output_own()};
    char *folder = getcwd(NULL, 0);
    cf_env env;
    cf_error error;

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
    if (!status && cf_options_has(&run.options, "help"))
        cf_usage_show(&run.output, run.verb);
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
