/* SPDX-License-Identifier: Apache-2.0 */
/* counterfoild: the broker. Reads what is wanted, asks the running broker or opens its directory,
 * and prints. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <czmq.h>
#include <jansson.h>
#include <sodium.h>

#include "broker/gateway/reports.h"
#include "broker/platform/control.h"
#include "broker/platform/descriptor.h"
#include "broker/platform/owner.h"
#include "broker/platform/repeats.h"
#include "broker/platform/usage.h"
#include "broker/program/options.h"
#include "broker/program/place.h"
#include "broker/program/repair.h"
#include "broker/program/serve.h"
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
        *terms = (cf_serve_terms){options.restraints, options.quota, options.closed};
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

/* A broker that was looked for at a wrong place. */
static void say_where_one_is(const cf_env *env, const cf_broker_options *options, cf_error *error)
{
    const char *const places[] = {CF_OPTIONS_SERVICE_DATA, options->default_data};

    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strcmp(places[i], options->data) != 0 && cf_datadir_is_there(env, places[i])) {
            cf_fail(error, CF_MISSING, "no broker in %s: there is one in %s, see --data",
                    options->data, places[i]);
            return;
        }
    cf_fail(error, CF_MISSING,
            "no broker in %s: if there should be one, look at --data and what is mounted there; "
            "`init` makes one",
            options->data);
}

static cf_status serve(const cf_env *env, const cf_broker_options *options, cf_error *error)
{
    service self = {env, options};
    cf_serve_options serving = {.env = env,
                                .data = options->data,
                                .listen = options->listen,
                                .advertise = options->advertise,
                                .terms = {options->restraints, options->quota, options->closed},
                                .existing = options->existing,
                                .reread = reread,
                                .ready = print_address,
                                .context = &self};

    cf_status status = cf_serve(&serving, error);
    if (status == CF_MISSING)
        say_where_one_is(env, options, error);
    return status;
}

/* What a verb has printed, and the last that it had to say. */
typedef struct {
    bool printed;
    char said[CF_ERROR_TEXT];
    cf_buffer *kept; /* gets the output instead of stdout; NULL: none does */
} spoken;

static void print(void *context, cf_control_stream stream, cf_bytes bytes)
{
    spoken *self = context;

    if (!bytes.size)
        return;
    if (stream == CF_CONTROL_OUTPUT && self->kept) {
        cf_buffer_append(self->kept, bytes.data, bytes.size);
        return;
    }
    if (stream == CF_CONTROL_OUTPUT)
        self->printed = true;
    else if (bytes.size > 1)
        snprintf(self->said, sizeof self->said, "%.*s", (int)bytes.size, (const char *)bytes.data);
    fwrite(bytes.data, 1, bytes.size, stream == CF_CONTROL_OUTPUT ? stdout : stderr);
}

enum {
    ARGUMENTS_MAX = 8,
    READS_PATIENCE_MS = 5000,
    PATIENCE_MS = 30000,
    START_MS = 3000, /* of a broker that begins, or ends */
    PAUSE_MS = 50,
};

static cf_verb verb_of(const cf_broker_options *options)
{
    return (cf_verb){.verb = options->arguments[0],
                     .arguments = options->arguments + 1,
                     .count = (size_t)options->count - 1,
                     .quota = options->quota,
                     .has_quota = options->has_quota,
                     .name = options->name,
                     .for_ms = options->for_ms,
                     .yes = options->yes,
                     .check = options->check,
                     .known = options->known,
                     .json = options->json};
}

/* What others say can be read of a disk that is mounted read-only. */
static bool writes(const cf_verb *verb)
{
    if (strcmp(verb->verb, "users") == 0 || strcmp(verb->verb, "invitations") == 0)
        return verb->count && strcmp(verb->arguments[0], "show") != 0;
    return strcmp(verb->verb, "invite") == 0 || strcmp(verb->verb, "init") == 0;
}

/* Of a broker that says nothing; 0: any, where it works through all that there is. */
static uint64_t patience_ms(const cf_verb *verb)
{
    if (strcmp(verb->verb, "verify") == 0 || cf_verb_is_removal(verb))
        return 0;
    return writes(verb) ? PATIENCE_MS : READS_PATIENCE_MS;
}

static void drop(void *context, cf_control_stream stream, cf_bytes bytes)
{
    (void)context, (void)stream, (void)bytes;
}

/* Before it is waited for as long as it works. */
static cf_status ask_whether_it_answers(const cf_broker_options *options, cf_error *error)
{
    const cf_bytes arguments[] = {cf_bytes_of_text("status"), cf_bytes_of_text("")};
    const cf_control_request request = {
        .arguments = arguments, .count = 2, .patience_ms = READS_PATIENCE_MS};
    int exit_code;

    return cf_control_call_verb(options->data, &request, drop, NULL, &exit_code, error);
}

enum { OPTION_SIZE = 128 };

/* One that doesn't fit is none that a broker takes. */
static cf_status add_option(const char *name, const char *value, char text[OPTION_SIZE],
                            cf_control_request *request, cf_bytes *arguments, cf_error *error)
{
    int size = snprintf(text, OPTION_SIZE, "%s%s", name, value);

    if (size >= OPTION_SIZE || request->count == ARGUMENTS_MAX)
        return cf_fail(error, CF_USAGE, "the arguments are too long");
    arguments[request->count++] = cf_bytes_of_text(text);
    return CF_OK;
}

static void say_whose_it_is(cf_error *error)
{
    const size_t used = strlen(error->text);

    snprintf(error->text + used, sizeof error->text - used, CF_DATADIR_OTHERS_TEXT);
}

/* The broker has the request, and takes it up when it goes on. */
static void say_it_may_be_done(const cf_verb *verb, cf_error *error)
{
    const size_t used = strlen(error->text);

    snprintf(error->text + used, sizeof error->text - used,
             ": it may be done all the same, now or when that goes on; `counterfoild %s` shows "
             "whether it was",
             strncmp(verb->verb, "invit", 5) == 0 ? "invitations" : "users");
}

/* The verb, the quota in bytes, or nothing, what follows the verb, and its options. CF_MISSING when
 * no broker runs there. */
static cf_status ask_running(const cf_broker_options *options, const cf_verb *verb, spoken *said,
                             int *exit_code, cf_error *error)
{
    char quota[32] = "", lasts[32], name_text[OPTION_SIZE], for_text[OPTION_SIZE];
    cf_bytes arguments[ARGUMENTS_MAX];
    cf_control_request request = {.arguments = arguments, .json = verb->json};
    cf_status status = CF_OK;
    long process;

    if (options->says_place && cf_control_is_served(options->data, &process))
        return cf_fail(error, CF_USAGE,
                       "the broker runs, and is reached as it was started: --listen and "
                       "--advertise are for its start");
    if (verb->has_quota)
        snprintf(quota, sizeof quota, "%" PRIu64, verb->quota);
    snprintf(lasts, sizeof lasts, "%" PRIu64, verb->for_ms);
    arguments[request.count++] = cf_bytes_of_text(verb->verb);
    arguments[request.count++] = cf_bytes_of_text(quota);
    for (size_t i = 0; i < verb->count && request.count < ARGUMENTS_MAX; i++)
        arguments[request.count++] = cf_bytes_of_text(verb->arguments[i]);
    if (verb->check && request.count < ARGUMENTS_MAX)
        arguments[request.count++] = cf_bytes_of_text(CF_VERB_CHECK);
    if (verb->known && request.count < ARGUMENTS_MAX)
        arguments[request.count++] = cf_bytes_of_text(CF_VERB_KNOWN);
    if (verb->name)
        status = add_option(CF_VERB_NAME, verb->name, name_text, &request, arguments, error);
    if (!status && verb->for_ms)
        status = add_option(CF_VERB_FOR, lasts, for_text, &request, arguments, error);
    if (status)
        return status;
    request.patience_ms = patience_ms(verb);
    if (!request.patience_ms)
        status = ask_whether_it_answers(options, error);
    if (status)
        return status;
    status = cf_control_call_verb(options->data, &request, print, said, exit_code, error);
    if (status == CF_UNREACHABLE && writes(verb))
        say_it_may_be_done(verb, error);
    if (status && error->number == EACCES)
        say_whose_it_is(error);
    return status;
}

static cf_status find_place(const cf_env *env, const cf_broker_options *options, cf_place *out,
                            cf_error *error)
{
    char kept[CF_ADDRESS_TEXT];
    const char *advertise = cf_serve_advertise(env, options->data, options->advertise, kept);
    cf_status status = cf_place_find(options->listen, advertise, out, error);

    if (!status && out->advertised.port == 0)
        status = cf_fail(error, CF_USAGE, "the port is known only while the broker runs");
    return status;
}

/* As it was last served. Whoever prints it doesn't print a damaged one; `init`, and others, do
 * without. */
static cf_status find_served(const cf_premises *premises, const char *verb,
                             char line[CF_ADDRESS_TEXT], cf_error *error)
{
    const uint8_t *key = cf_keys_public(cf_datadir_keys(premises->datadir))->curve;
    cf_address served;
    cf_error ignored;

    cf_status status = cf_datadir_address(premises->datadir, line, error);
    if (status != CF_OK && status != CF_TOO_LARGE && status != CF_MISSING)
        return status;
    const char *damage = status == CF_MISSING ? "gone" : "damaged";
    if (!status && cf_address_read(line, &served, &ignored) == CF_OK &&
        memcmp(served.key, key, sizeof served.key) == 0)
        return CF_OK;
    if (strcmp(verb, "address") != 0 && strcmp(verb, "invite") != 0)
        return CF_MISSING;
    return cf_fail(error, CF_BROKEN,
                   "%s/address is %s: the next start writes it anew; until then say with "
                   "--advertise what is to be told",
                   cf_datadir_path(premises->datadir), damage);
}

/* [::1], [::1]:7817 */
static bool says_port(const char *place)
{
    const char *colon = strrchr(place, ':'), *bracket = strrchr(place, ']');

    return colon && (!bracket || colon > bracket);
}

static uint16_t served_port(const cf_premises *premises, uint16_t otherwise)
{
    char line[CF_ADDRESS_TEXT];
    cf_address served;
    cf_error ignored;

    return cf_datadir_address(premises->datadir, line, &ignored) ||
                   cf_address_read(line, &served, &ignored)
               ? otherwise
               : served.port;
}

/* As it was last served, unless this call says otherwise. */
static cf_status find_address(const cf_broker_options *options, const cf_premises *premises,
                              char line[CF_ADDRESS_TEXT], cf_error *error)
{
    const uint8_t *key = cf_keys_public(cf_datadir_keys(premises->datadir))->curve;
    cf_place place;

    if (!options->listen[0] && !options->advertise) {
        cf_status status = find_served(premises, options->arguments[0], line, error);
        if (status != CF_MISSING)
            return status;
    }
    cf_status status = find_place(premises->env, options, &place, error);
    if (status)
        return status;
    if (!options->listen[0] && options->advertise && !says_port(options->advertise))
        place.advertised.port = served_port(premises, place.advertised.port);
    memcpy(place.advertised.key, key, sizeof place.advertised.key);
    cf_address_write(&place.advertised, line);
    return CF_OK;
}

/* Where a broker is already, that is damaged: so it is said, too. */
static cf_status look_at_existing(const cf_premises_options *refused, cf_error *error)
{
    cf_premises_options opening = *refused;
    cf_premises premises = {0};
    cf_error found;

    opening.way = CF_DATADIR_EXISTING;
    if (cf_premises_open(&opening, &premises, &found) == CF_BROKEN)
        *error = found;
    cf_premises_close(&premises);
    return error->status;
}

/* And notes what of the blobs is missing. */
static cf_status run_verb(cf_premises *premises, const char *address, const cf_verb *verb,
                          spoken *said, cf_error *error)
{
    cf_missing missing = {0};
    cf_buffer out = {0}, beside = {0};
    cf_desk desk = {.premises = premises, .address = address, .missing = &missing, .said = &beside};
    cf_error unkept;

    cf_status status = cf_verb_run(&desk, verb, &out, error);
    if (strcmp(verb->verb, "verify") == 0) {
        cf_quotas_doubt_all(premises->quotas, premises->users);
        cf_reports_forget_lacking(premises->store, premises->users);
    }
    cf_missing_note(premises->users, premises->quotas, premises->blobs, &missing);
    if (missing.count && premises->store->commit(premises->store, &unkept))
        cf_report(premises->env, CF_REPORT_WARNING, "noting what is missing: %s", unkept.text);
    cf_missing_release(&missing);
    print(said, CF_CONTROL_MESSAGES, cf_buffer_view(&beside));
    print(said, CF_CONTROL_OUTPUT, cf_buffer_view(&out));
    cf_buffer_release(&beside);
    cf_buffer_wipe(&out);
    return status;
}

static cf_status work_on_directory(const cf_env *env, const cf_broker_options *options,
                                   const cf_verb *verb, spoken *said, cf_error *error)
{
    cf_premises_options opening = {.env = env,
                                   .path = options->data,
                                   .way = strcmp(verb->verb, "init") == 0 ? CF_DATADIR_NEW
                                                                          : CF_DATADIR_EXISTING,
                                   .writes = writes(verb),
                                   .closed = options->closed,
                                   .doing = verb->verb};
    char address[CF_ADDRESS_TEXT];
    cf_premises premises = {0};
    cf_place place;

    /* What is to be told of a new one is known before it is made. */
    cf_status status =
        opening.way == CF_DATADIR_NEW ? find_place(env, options, &place, error) : CF_OK;
    if (!status)
        status = cf_premises_open(&opening, &premises, error);
    if (status == CF_MISSING)
        say_where_one_is(env, options, error);
    if (status == CF_CHANGED)
        status = look_at_existing(&opening, error);
    if (status)
        return status;
    if (opening.way == CF_DATADIR_NEW && options->advertise)
        status = cf_datadir_keep_advertise(premises.datadir, options->advertise, error);
    if (!status)
        status = find_address(options, &premises, address, error);
    if (!status && opening.way == CF_DATADIR_NEW) /* as if served: one that is gone is damage */
        status = cf_datadir_keep_address(premises.datadir, address, error);
    if (!status)
        status = run_verb(&premises, address, verb, said, error);
    cf_premises_close(&premises);
    return status;
}

/* By the broker that runs there, or without it; one that begins or ends is waited for, and so is
 * another verb. */
static cf_status ask(const cf_env *env, const cf_broker_options *options, const cf_verb *verb,
                     spoken *said, int *exit_code, cf_error *error)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
    cf_status status = CF_OK;

    for (uint64_t waited_ms = 0;; waited_ms += PAUSE_MS) {
        status = ask_running(options, verb, said, exit_code, error);
        if (status == CF_MISSING)
            status = work_on_directory(env, options, verb, said, error);
        if (status != CF_LOCKED || waited_ms >= START_MS)
            return status;
        nanosleep(&pause, NULL);
    }
}

enum { USER_DIGITS = 2 * CF_HASH_SIZE };

/* Whom the removal means is shown, and asked for by the whole id from then on: `user` gets it.
 * Without a terminal nobody is asked, and the verb is refused. */
static cf_status confirm(const cf_env *env, const cf_broker_options *options, cf_verb *removal,
                         char user[USER_DIGITS + 1], int *exit_code, cf_error *error)
{
    const char *arguments[] = {"show", removal->arguments[1]};
    const cf_verb show = {.verb = "users", .arguments = arguments, .count = 2};
    cf_buffer shown = {0};
    spoken said = {.kept = &shown};
    char answer[16] = "";

    if (!isatty(STDIN_FILENO))
        return CF_OK;
    cf_status status = ask(env, options, &show, &said, exit_code, error);
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
                                   const cf_verb *verb, spoken *said, cf_error *error)
{
    cf_verb behind = *verb;

    behind.repaired = true;
    cf_status status = cf_repair(env, options->data, error);
    if (status == CF_MISSING)
        say_where_one_is(env, options, error);
    return status ? status : work_on_directory(env, options, &behind, said, error);
}

/* What can't be looked into may be one. */
static bool is_certainly_none(const cf_env *env, const cf_broker_options *options)
{
    return !cf_datadir_is_there(env, options->data) &&
           (access(options->data, R_OK | X_OK) == 0 || errno == ENOENT);
}

static cf_status run(const cf_env *env, const cf_broker_options *options, spoken *said,
                     int *exit_code, cf_error *error)
{
    const char *name = options->arguments[0];
    cf_verb verb = verb_of(options);
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
        say_where_one_is(env, options, error);
        return CF_MISSING;
    }
    status = cf_verb_check(&verb, error);
    if (!status && strcmp(name, "init") == 0)
        return work_on_directory(env, options, &verb, said, error);
    if (!status && options->repair)
        return verify_and_repair(env, options, &verb, said, error);
    return status ? status : ask(env, options, &verb, said, exit_code, error);
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

    if (options->count > 2)
        return cf_fail(error, CF_USAGE, "unknown argument %s", options->arguments[2]);
    if (verb && !cf_usage_knows(verb))
        return cf_fail(error, CF_USAGE, "unknown verb '%s': --help lists them", verb);
    cf_usage_show(stdout, verb);
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

static cf_status work(cf_env *env, const cf_broker_options *options, spoken *said, int *exit_code,
                      cf_error *error)
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
    json_t *said = json_pack("{s:{s:i, s:s}}", "error", "code", code, "message", message);

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
    const cf_verb verb = verb_of(options);
    if (!writes(&verb))
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
    spoken said = {0};
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
