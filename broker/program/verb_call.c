/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/verb_call.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "broker/management/reports.h"
#include "broker/platform/control.h"
#include "broker/program/serve.h"
#include "broker/program/verbs_users.h"

void cf_verb_say_where_one_is(const cf_env *env, const cf_broker_options *options, cf_error *error)
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

static void print(void *context, cf_control_stream stream, cf_bytes bytes)
{
    cf_spoken *self = context;

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

cf_operator_verb cf_verb_typed(const cf_broker_options *options)
{
    return (cf_operator_verb){.verb = options->arguments[0],
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

bool cf_verb_writes(const cf_operator_verb *verb)
{
    if (strcmp(verb->verb, "users") == 0 || strcmp(verb->verb, "invitations") == 0)
        return verb->count && strcmp(verb->arguments[0], "show") != 0;
    return strcmp(verb->verb, "invite") == 0 || strcmp(verb->verb, "init") == 0;
}

/* Of a broker that says nothing; 0: any, where it works through all that there is. */
static uint64_t patience_ms(const cf_operator_verb *verb)
{
    if (strcmp(verb->verb, "verify") == 0 || cf_verb_is_removal(verb))
        return 0;
    return cf_verb_writes(verb) ? PATIENCE_MS : READS_PATIENCE_MS;
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
static void say_it_may_be_done(const cf_operator_verb *verb, cf_error *error)
{
    const size_t used = strlen(error->text);

    snprintf(error->text + used, sizeof error->text - used,
             ": it may be done all the same, now or when that goes on; `counterfoild %s` shows "
             "whether it was",
             strncmp(verb->verb, "invit", 5) == 0 ? "invitations" : "users");
}

/* The verb, the quota in bytes, or nothing, what follows the verb, and its options. CF_MISSING when
 * no broker runs there. */
static cf_status ask_running(const cf_broker_options *options, const cf_operator_verb *verb,
                             cf_spoken *said, int *exit_code, cf_error *error)
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
    if (status == CF_UNREACHABLE && cf_verb_writes(verb))
        say_it_may_be_done(verb, error);
    if (status && error->number == EACCES)
        say_whose_it_is(error);
    return status;
}

static cf_status find_place(const cf_env *env, const cf_broker_options *options, cf_endpoints *out,
                            cf_error *error)
{
    char kept[CF_ADDRESS_TEXT];
    const char *advertise = cf_serve_advertise(env, options->data, options->advertise, kept);
    cf_status status = cf_endpoints_find(options->listen, advertise, out, error);

    if (!status && out->advertised.port == 0)
        status = cf_fail(error, CF_USAGE, "the port is known only while the broker runs");
    return status;
}

/* As it was last served. Whoever prints it doesn't print a damaged one; `init`, and others, do
 * without. */
static cf_status find_served(const cf_broker_data *broker_data, const char *verb,
                             char line[CF_ADDRESS_TEXT], cf_error *error)
{
    const uint8_t *key = cf_keys_public(cf_datadir_keys(broker_data->datadir))->curve;
    cf_address served;
    cf_error ignored;

    cf_status status = cf_datadir_address(broker_data->datadir, line, error);
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
                   cf_datadir_path(broker_data->datadir), damage);
}

/* [::1], [::1]:7817 */
static bool says_port(const char *place)
{
    const char *colon = strrchr(place, ':'), *bracket = strrchr(place, ']');

    return colon && (!bracket || colon > bracket);
}

static uint16_t served_port(const cf_broker_data *broker_data, uint16_t otherwise)
{
    char line[CF_ADDRESS_TEXT];
    cf_address served;
    cf_error ignored;

    return cf_datadir_address(broker_data->datadir, line, &ignored) ||
                   cf_address_read(line, &served, &ignored)
               ? otherwise
               : served.port;
}

/* As it was last served, unless this call says otherwise. */
static cf_status find_address(const cf_broker_options *options, const cf_broker_data *broker_data,
                              char line[CF_ADDRESS_TEXT], cf_error *error)
{
    const uint8_t *key = cf_keys_public(cf_datadir_keys(broker_data->datadir))->curve;
    cf_endpoints place;

    if (!options->listen[0] && !options->advertise) {
        cf_status status = find_served(broker_data, options->arguments[0], line, error);
        if (status != CF_MISSING)
            return status;
    }
    cf_status status = find_place(broker_data->env, options, &place, error);
    if (status)
        return status;
    if (!options->listen[0] && options->advertise && !says_port(options->advertise))
        place.advertised.port = served_port(broker_data, place.advertised.port);
    memcpy(place.advertised.key, key, sizeof place.advertised.key);
    cf_address_write(&place.advertised, line);
    return CF_OK;
}

/* Where a broker is already, that is damaged: so it is said, too. */
static cf_status look_at_existing(const cf_broker_data_options *refused, cf_error *error)
{
    cf_broker_data_options opening = *refused;
    cf_broker_data broker_data = {0};
    cf_error found;

    opening.way = CF_DATADIR_EXISTING;
    if (cf_broker_data_open(&opening, &broker_data, &found) == CF_BROKEN)
        *error = found;
    cf_broker_data_close(&broker_data);
    return error->status;
}

/* And notes what of the blobs is missing. */
static cf_status run_verb(cf_broker_data *broker_data, const char *address,
                          const cf_operator_verb *verb, cf_spoken *said, cf_error *error)
{
    cf_lost_blobs missing = {0};
    cf_buffer out = {0}, beside = {0};
    cf_desk desk = {
        .broker_data = broker_data, .address = address, .missing = &missing, .said = &beside};
    cf_error unkept;

    cf_status status = cf_verb_run(&desk, verb, &out, error);
    if (strcmp(verb->verb, "verify") == 0) {
        cf_quotas_doubt_all(broker_data->quotas, broker_data->users);
        cf_reports_forget_lacking(broker_data->store, broker_data->users);
    }
    cf_lost_blobs_note(broker_data->users, broker_data->quotas, broker_data->blobs, &missing);
    if (missing.count && broker_data->store->commit(broker_data->store, &unkept))
        cf_report(broker_data->env, CF_REPORT_WARNING, "noting what is missing: %s", unkept.text);
    cf_lost_blobs_release(&missing);
    print(said, CF_CONTROL_MESSAGES, cf_buffer_view(&beside));
    print(said, CF_CONTROL_OUTPUT, cf_buffer_view(&out));
    cf_buffer_release(&beside);
    cf_buffer_wipe(&out);
    return status;
}

cf_status cf_verb_on_directory(const cf_env *env, const cf_broker_options *options,
                               const cf_operator_verb *verb, cf_spoken *said, cf_error *error)
{
    cf_broker_data_options opening = {.env = env,
                                      .path = options->data,
                                      .way = strcmp(verb->verb, "init") == 0 ? CF_DATADIR_NEW
                                                                             : CF_DATADIR_EXISTING,
                                      .writes = cf_verb_writes(verb),
                                      .closed = options->closed,
                                      .doing = verb->verb};
    char address[CF_ADDRESS_TEXT];
    cf_broker_data broker_data = {0};
    cf_endpoints place;

    /* What is to be told of a new one is known before it is made. */
    cf_status status =
        opening.way == CF_DATADIR_NEW ? find_place(env, options, &place, error) : CF_OK;
    if (!status)
        status = cf_broker_data_open(&opening, &broker_data, error);
    if (status == CF_MISSING)
        cf_verb_say_where_one_is(env, options, error);
    if (status == CF_CHANGED)
        status = look_at_existing(&opening, error);
    if (status)
        return status;
    if (opening.way == CF_DATADIR_NEW && options->advertise)
        status = cf_datadir_keep_advertise(broker_data.datadir, options->advertise, error);
    if (!status)
        status = find_address(options, &broker_data, address, error);
    if (!status && opening.way == CF_DATADIR_NEW)
        cf_endpoints_tell(&place, env);
    if (!status && opening.way == CF_DATADIR_NEW) /* as if served: one that is gone is damage */
        status = cf_datadir_keep_address(broker_data.datadir, address, error);
    if (!status)
        status = run_verb(&broker_data, address, verb, said, error);
    cf_broker_data_close(&broker_data);
    return status;
}

cf_status cf_verb_call(const cf_env *env, const cf_broker_options *options,
                       const cf_operator_verb *verb, cf_spoken *said, int *exit_code,
                       cf_error *error)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
    cf_status status = CF_OK;

    for (uint64_t waited_ms = 0;; waited_ms += PAUSE_MS) {
        status = ask_running(options, verb, said, exit_code, error);
        if (status == CF_MISSING)
            status = cf_verb_on_directory(env, options, verb, said, error);
        if (status != CF_LOCKED || waited_ms >= START_MS)
            return status;
        nanosleep(&pause, NULL);
    }
}
