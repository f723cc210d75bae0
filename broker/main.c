/* SPDX-License-Identifier: Apache-2.0 */
/* counterfoild: the broker. Reads what is wanted, has it done by whoever can (verb_call.h), and
 * prints. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <czmq.h>
#include <jansson.h>
#include <sodium.h>

#include "broker/platform/descriptor.h"
#include "broker/platform/report_line.h"
#include "broker/platform/names.h"
#include "broker/platform/owner.h"
#include "broker/platform/tallies.h"
#include "broker/platform/usage.h"
#include "broker/program/repair.h"
#include "broker/program/serve.h"
#include "broker/program/verb_call.h"
#include "broker/program/verbs_users.h"

#define OUTPUT_FORMAT "writing to standard output: %s"

/* A broker that serves, as it was started. */
typedef struct {
    const cf_env *env;
    const cf_broker_options *options;
} service;

/* With what its file says by now. */
static cf_status reread(void *context, cf_serve_terms *terms, cf_error *error)
{
    const service *self = context;
    const cf_broker_options *begun = self->options;
    cf_broker_options options;

    cf_status status = cf_broker_options_read(begun->argc, begun->argv, &options, error);
    if (!status)
        *terms = (cf_serve_terms){options.allowances, options.quota, options.closed};
    for (const char *name = NULL;
         !status && (name = cf_broker_options_differ(begun, &options, name));)
        cf_report(self->env, CF_REPORT_WARNING,
                  "%s is another in the settings than at the start: that needs a restart", name);
    cf_broker_options_release(&options);
    return status;
}

static void print_address(void *context, const char *address)
{
    const service *self = context;

    printf(self->options->json ? "{\"address\": \"%s\"}\n" : "%s\n", address);
    if (fflush(stdout))
        cf_report(self->env, CF_REPORT_WARNING, OUTPUT_FORMAT, strerror(errno));
}

static cf_status serve(const cf_env *env, const cf_broker_options *options, cf_error *error)
{
    service self = {env, options};
    cf_serve_options serving = {.env = env,
                                .data = options->data,
                                .listen = options->listen,
                                .advertise = options->advertise,
                                .terms = {options->allowances, options->quota, options->closed},
                                .existing = options->existing,
                                .reread = reread,
                                .ready = print_address,
                                .context = &self};

    cf_status status = cf_serve(&serving, error);
    if (status == CF_MISSING)
        cf_verb_say_where_one_is(env, options, error);
    return status;
}

enum { USER_DIGITS = 2 * CF_HASH_SIZE };

/* Whom the removal means is shown, and asked for by the whole id from then on: `user` gets it.
 * Without a terminal nobody is asked, and the verb is refused. */
static cf_status confirm(const cf_env *env, const cf_broker_options *options,
                         cf_operator_verb *removal, char user[USER_DIGITS + 1], int *exit_code,
                         cf_error *error)
{
    const char *arguments[] = {"show", removal->arguments[1]};
    const cf_operator_verb show = {.verb = "users", .arguments = arguments, .count = 2};
    cf_buffer shown = {0};
    cf_spoken said = {.kept = &shown};
    char answer[16] = "";

    if (!isatty(STDIN_FILENO))
        return CF_OK;
    cf_status status = cf_verb_call(env, options, &show, &said, exit_code, error);
    cf_buffer_append(&shown, "", 1);
    if (!status && !*exit_code && sscanf((const char *)shown.data, "user %64[0-9a-f]", user) == 1) {
        fprintf(stderr, "%sRemove this user with all entries and blobs, for good? [y/N] ",
                (const char *)shown.data);
        removal->yes =
            fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
    }
    cf_buffer_release(&shown);
    return status;
}

static cf_status verify_and_repair(const cf_env *env, const cf_broker_options *options,
                                   const cf_operator_verb *verb, cf_spoken *said, cf_error *error)
{
    cf_operator_verb behind = *verb;

    behind.repaired = true;
    cf_status status = cf_repair(env, options->data, error);
    if (status == CF_MISSING)
        cf_verb_say_where_one_is(env, options, error);
    return status ? status : cf_verb_on_directory(env, options, &behind, said, error);
}

/* What can't be looked into may be one. */
static bool is_certainly_none(const cf_env *env, const cf_broker_options *options)
{
    return !cf_datadir_is_there(env, options->data) &&
           (access(options->data, R_OK | X_OK) == 0 || errno == ENOENT);
}

static cf_status run(const cf_env *env, const cf_broker_options *options, cf_spoken *said,
                     int *exit_code, cf_error *error)
{
    const char *name = options->arguments[0];
    cf_operator_verb verb = cf_verb_typed(options);
    char user[USER_DIGITS + 1] = "";
    const char *removal[] = {"remove", user};
    cf_status status = CF_OK;

    if (strcmp(name, "serve") == 0 && options->count > 1)
        return cf_fail(error, CF_USAGE, "unknown argument %s", options->arguments[1]);
    if (strcmp(name, "serve") == 0)
        return serve(env, options, error);
    if (cf_verb_is_removal(&verb) && !verb.yes && verb.count == 2)
        status = confirm(env, options, &verb, user, exit_code, error);
    if (status || *exit_code)
        return status;
    if (user[0])
        verb.arguments = removal;
    if (cf_verb_is_removal(&verb) && !verb.yes && is_certainly_none(env, options)) {
        cf_verb_say_where_one_is(env, options, error);
        return CF_MISSING;
    }
    status = cf_verb_check(&verb, error);
    if (!status && strcmp(name, "init") == 0)
        return cf_verb_on_directory(env, options, &verb, said, error);
    if (!status && options->repair)
        return verify_and_repair(env, options, &verb, said, error);
    return status ? status : cf_verb_call(env, options, &verb, said, exit_code, error);
}

/* Signals come through a descriptor only, in every thread that libraries start. */
static void prepare_signals(void)
{
    sigset_t blocked;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGHUP);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    zsys_handler_set(NULL);
}

/* The memory holds keys, and what is made here is nobody else's: whoever runs the broker. */
static void keep_to_oneself(void)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    umask(S_IRWXG | S_IRWXO);
}

static bool is_verb(const cf_broker_options *options, const char *verb)
{
    return options->count && strcmp(options->arguments[0], verb) == 0;
}

static bool is_serve(const cf_broker_options *options)
{
    return is_verb(options, "serve");
}

static cf_status help(const cf_broker_options *options, cf_error *error)
{
    const char *verb = options->count > 1 ? options->arguments[1] : NULL;
    const char *subverb = options->count > 2 ? options->arguments[2] : NULL;
    const char *name = subverb ? cf_usage_subverb(verb, subverb) : verb;

    if (options->count > 3)
        return cf_fail(error, CF_USAGE, "unknown argument %s", options->arguments[3]);
    if (verb && !cf_usage_knows(verb))
        return cf_fail(error, CF_USAGE, "unknown verb '%s': --help lists them", verb);
    if (subverb && !name)
        return cf_fail(error, CF_USAGE, "unknown subverb '%s': `help %s` has those of %s", subverb,
                       verb, verb);
    cf_usage_show(stdout, name);
    return CF_OK;
}

/* What root makes in the directory of another its owner, who runs the broker, couldn't read. */
static cf_status become_owner(const cf_env *env, const cf_broker_options *options, cf_error *error)
{
    cf_owner owner;

    if (!cf_owner_is_other_than_root(options->data, &owner))
        return CF_OK;
    cf_status status = cf_owner_become(&owner, error);
    if (status) {
        cf_error_while(error, "data directory %s", options->data);
        return status;
    }
    keep_to_oneself(); /* which another user's rights end */
    if (is_serve(options))
        cf_report(env, CF_REPORT_NOTICE, "%s belongs to %s: the broker runs as that user, not root",
                  options->data, owner.name);
    return CF_OK;
}

static cf_status work(cf_env *env, const cf_broker_options *options, cf_spoken *said,
                      int *exit_code, cf_error *error)
{
    const char *name = options->arguments[0];

    if (strcmp(name, "help") == 0)
        return help(options, error);
    if (strcmp(name, "version") == 0) {
        printf(options->json ? "{\"version\": \"%s\"}\n" : "counterfoild %s\n", CF_VERSION);
        return CF_OK;
    }
    cf_status status = become_owner(env, options, error);
    if (status)
        return status;
    if (sodium_init() < 0)
        return cf_fail(error, CF_IO, "libsodium does not start");
    if (is_serve(options))
        prepare_signals();
    return run(env, options, said, exit_code, error);
}

/* For programs, in the place of what was asked for. */
static void print_error(int code, const char *message, size_t layout)
{
    json_t *said = cf_error_json(code, message);

    json_dumpf(said, stdout, layout);
    printf("\n");
    json_decref(said);
}

/* Where what was to be said is lost, whether it was done is not. */
static void tell_lost_output(const cf_env *env, const cf_broker_options *options, int exit_code)
{
    cf_report(env, CF_REPORT_ERROR, OUTPUT_FORMAT, strerror(errno));
    if (exit_code)
        return;
    const cf_operator_verb verb = cf_verb_typed(options);
    if (!cf_verb_writes(&verb))
        return;
    if (is_verb(options, "invite"))
        cf_report(env, CF_REPORT_ERROR,
                  "the invitation was made all the same: `counterfoild invitations` lists it, and "
                  "`counterfoild invitations revoke` takes it back");
    else
        cf_report(env, CF_REPORT_ERROR, "it was done all the same: `counterfoild %s` shows it",
                  is_verb(options, "init") ? "address" : verb.verb);
}

static void say_what_lacked(cf_error *error)
{
    const size_t used = strlen(error->text);

    if (error->number == EMFILE && !strstr(error->text, "ulimit"))
        snprintf(error->text + used, sizeof error->text - used, ": see ulimit -n");
}

int main(int argc, char **argv)
{
    cf_broker_options options;
    cf_env env;
    cf_error error;
    cf_spoken said = {0};
    int exit_code = 0;

    cf_descriptor_fill_standard();
    signal(SIGXFSZ, SIG_IGN); /* ulimit -f: a write tells */
    keep_to_oneself();
    cf_status status = cf_broker_options_read(argc, argv, &options, &error);
    cf_env_system(&env, "counterfoild", options.level);
    if (is_serve(&options)) {
        cf_env_begin_log(options.json);
        env.repeats = cf_repeats_new();
    }
    if (!status)
        status = work(&env, &options, &said, &exit_code, &error);
    cf_repeats_destroy(&env.repeats, &env);
    if (status) {
        say_what_lacked(&error);
        cf_report(&env, CF_REPORT_ERROR, "%s", error.text);
        snprintf(said.said, sizeof said.said, "%s", error.text);
        exit_code = cf_status_exit_code(status);
    }
    if (exit_code && options.json && !said.printed)
        print_error(exit_code, said.said, is_serve(&options) ? 0 : JSON_INDENT(2));
    if ((fflush(stdout) || ferror(stdout)) &&
        !is_serve(&options)) { /* which said so as it served */
        tell_lost_output(&env, &options, exit_code);
        exit_code = exit_code ? exit_code : 1;
    }
    cf_broker_options_release(&options);
    return exit_code;
}
