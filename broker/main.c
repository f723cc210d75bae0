/* SPDX-License-Identifier: Apache-2.0 */
/* counterfoild: the broker. Reads what is wanted, asks the running broker or opens its directory,
 * and prints. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <czmq.h>
#include <sodium.h>

#include "broker/control.h"
#include "broker/options.h"
#include "broker/place.h"
#include "broker/serve.h"
#include "broker/verbs_users.h"

static const char usage[] =
    "usage: counterfoild [--data DIR] [--listen tcp://ADDRESS:PORT] [--advertise HOST:PORT] "
    "[VERB]\n"
    "\n"
    "  serve                   run in the foreground (the default)\n"
    "  address                 print the broker's address\n"
    "  invite [--quota SIZE]   print a one-time invitation for a new user\n"
    "  status                  users, devices, sizes, room left\n"
    "  users                   list the users\n"
    "  users quota USER SIZE   bound what a user's entries and blobs take; 0: no bound\n"
    "  users remove USER       remove a user and all that it has here, for good\n"
    "  verify                  check every record and blob of the store\n"
    "\n"
    "  --data DIR         the data directory\n"
    "  --listen ADDRESS   where to listen: tcp://ADDRESS:PORT, by default every address, port "
    "7817\n"
    "  --advertise HOST   what peers are told to connect to: HOST:PORT\n"
    "  --enrol POLICY     who may become a user: invitation (the default) or closed\n"
    "  --limit NAME=N     bound what a user or an address may ask for; see counterfoild(8)\n"
    "  --yes              remove a user without asking\n"
    "  --json             print JSON\n"
    "  -q, -v             say less, or more, on stderr\n"
    "  --help, --version\n"
    "\n"
    "Each option can be given in the environment, as COUNTERFOIL_DATA and so on. See "
    "counterfoild(8).\n";

static void print_address(void *context, const char *address)
{
    (void)context;
    printf("%s\n", address);
    fflush(stdout);
}

static cf_status serve(const cf_env *env, const cf_options *options, cf_error *error)
{
    cf_serve_options serving = {.env = env,
                                .data = options->data,
                                .listen = options->listen,
                                .advertise = options->advertise,
                                .restraints = options->restraints,
                                .closed = options->closed,
                                .ready = print_address};

    return cf_serve(&serving, error);
}

static void print(void *context, cf_control_stream stream, cf_bytes bytes)
{
    FILE *to = stream == CF_CONTROL_OUTPUT ? stdout : stderr;

    (void)context;
    if (bytes.size)
        fwrite(bytes.data, 1, bytes.size, to);
}

enum { ARGUMENTS_MAX = 8 };

static cf_verb verb_of(const cf_options *options)
{
    return (cf_verb){.verb = options->arguments[0],
                     .arguments = options->arguments + 1,
                     .count = (size_t)options->count - 1,
                     .quota = options->quota,
                     .yes = options->yes,
                     .json = options->json};
}

/* The verb, the quota in bytes, and what follows the verb. CF_MISSING when no broker runs there. */
static cf_status ask_running(const cf_options *options, int *exit_code, cf_error *error)
{
    char quota[32];
    cf_bytes arguments[ARGUMENTS_MAX];
    cf_control_request request = {.arguments = arguments, .json = options->json};

    snprintf(quota, sizeof quota, "%llu", (unsigned long long)options->quota);
    arguments[request.count++] = cf_bytes_of_text(options->arguments[0]);
    arguments[request.count++] = cf_bytes_of_text(quota);
    for (int i = 1; i < options->count && request.count < ARGUMENTS_MAX; i++)
        arguments[request.count++] = cf_bytes_of_text(options->arguments[i]);
    return cf_control_call_verb(options->data, &request, print, NULL, exit_code, error);
}

/* As it was last served, unless this call says otherwise. */
static cf_status find_address(const cf_options *options, const cf_premises *premises,
                              char line[CF_ADDRESS_TEXT], cf_error *error)
{
    const uint8_t *key = cf_keys_public(cf_datadir_keys(premises->datadir))->curve;
    cf_place place;

    if (!options->listen && !options->advertise) {
        cf_status status = cf_datadir_address(premises->datadir, line, error);
        if (status != CF_MISSING)
            return status;
    }
    cf_status status = cf_place_find(options->listen, options->advertise, key, &place, error);
    if (!status && place.advertised.port == 0)
        status = cf_fail(error, CF_USAGE, "the port is known only while the broker runs");
    if (!status)
        cf_address_write(&place.advertised, line);
    return status;
}

static cf_status work_on_directory(const cf_env *env, const cf_options *options, bool yes,
                                   cf_error *error)
{
    const char *name = options->arguments[0];
    bool creates = strcmp(name, "address") == 0 || strcmp(name, "invite") == 0;
    cf_premises_options opening = {
        .env = env, .path = options->data, .create = creates, .closed = options->closed};
    cf_verb verb = verb_of(options);
    char address[CF_ADDRESS_TEXT];
    cf_premises premises = {0};
    cf_buffer out = {0};

    verb.yes = yes;
    cf_status status = cf_premises_open(&opening, &premises, error);
    if (status)
        return status;
    status = find_address(options, &premises, address, error);
    if (!status) {
        cf_missing missing = {0};
        cf_desk desk = {&premises, NULL, address, &missing};
        cf_error unkept;

        status = cf_verb_run(&desk, &verb, &out, error);
        cf_missing_note(premises.users, premises.blobs, &missing);
        if (missing.count && premises.store->commit(premises.store, &unkept))
            cf_report(env, CF_REPORT_WARNING, "noting what is missing: %s", unkept.text);
        cf_missing_release(&missing);
    }
    print(NULL, CF_CONTROL_OUTPUT, cf_buffer_view(&out));
    cf_buffer_wipe(&out);
    cf_premises_close(&premises);
    return status;
}

/* Without a terminal nobody is asked, and the verb is refused. */
static bool confirms(const char *user)
{
    char answer[16] = "";

    if (!isatty(STDIN_FILENO))
        return false;
    fprintf(stderr, "Remove the user %s with all entries and blobs, for good? [y/N] ", user);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static cf_status run(const cf_env *env, const cf_options *options, int *exit_code, cf_error *error)
{
    const char *name = options->arguments[0];
    cf_verb verb = verb_of(options);
    cf_status status = CF_OK;

    if (strcmp(name, "serve") == 0 && options->count > 1)
        return cf_fail(error, CF_USAGE, "unknown argument %s", options->arguments[1]);
    if (strcmp(name, "serve") == 0)
        return serve(env, options, error);
    if (cf_verb_is_removal(&verb) && !verb.yes && verb.count == 2)
        verb.yes = confirms(verb.arguments[1]);
    status = cf_verb_check(&verb, error);
    if (!status)
        status = ask_running(options, exit_code, error);
    return status == CF_MISSING ? work_on_directory(env, options, verb.yes, error) : status;
}

/* Signals come through a descriptor only, in every thread that libraries start. */
static void prepare_signals(void)
{
    sigset_t blocked;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    zsys_handler_set(NULL);
}

/* The memory holds keys, and what is made here is nobody else's: whoever runs the broker. */
static void keep_to_oneself(void)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    umask(S_IRWXG | S_IRWXO);
}

int main(int argc, char **argv)
{
    cf_options options;
    cf_env env = {0};
    cf_error error;
    int exit_code = 0;

    keep_to_oneself();
    cf_status status = cf_options_read(argc, argv, &options, &error);
    if (!status && strcmp(options.arguments[0], "help") == 0)
        return fputs(usage, stdout) < 0;
    if (!status && strcmp(options.arguments[0], "version") == 0)
        return printf("counterfoild %s\n", CF_VERSION) < 0;
    if (!status)
        status = sodium_init() < 0 ? cf_fail(&error, CF_IO, "libsodium does not start") : CF_OK;
    if (!status) {
        cf_env_system(&env, "counterfoild", options.level);
        env.files = cf_files_posix();
        if (strcmp(options.arguments[0], "serve") == 0)
            prepare_signals();
        status = run(&env, &options, &exit_code, &error);
    }
    if (status) {
        fprintf(stderr, "counterfoild: %s\n", error.text);
        exit_code = cf_status_exit_code(status);
    }
    return exit_code;
}
