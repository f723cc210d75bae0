/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/program/options.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "broker/platform/usage.h"

enum { SETTINGS_MAX = 65536 };

/* How far a unit shifts, and what follows it: KiB and kB are both 2^10, as in what is printed. */
static bool read_unit(const char *text, unsigned *shift)
{
    static const char units[] = "KMGT";
    const char *unit = *text ? strchr(units, toupper((unsigned char)*text)) : NULL;

    *shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    text += unit != NULL;
    return !*text || strcasecmp(text, "iB") == 0 || strcasecmp(text, "B") == 0 ||
           strcasecmp(text, "bytes") == 0;
}

cf_status cf_size_read(const char *text, uint64_t *out, cf_error *error)
{
    char *end = NULL;
    unsigned shift = 0;

    *out = 0;
    if (strcmp(text, "none") == 0)
        return CF_OK;
    errno = 0;
    double number = strtod(text, &end);
    bool is_number =
        isdigit((unsigned char)*text) && strspn(text, "0123456789.") == (size_t)(end - text);
    while (*end == ' ')
        end++;
    if (!is_number || errno || !read_unit(end, &shift) || ldexp(number, (int)shift) >= ldexp(1, 63))
        return cf_fail(error, CF_USAGE, "%s is not a size such as 500M or 10G", text);
    *out = (uint64_t)ldexp(number, (int)shift);
    if (!*out && number > 0) /* which would be none */
        return cf_fail(error, CF_USAGE, "%s is less than a byte: is a unit missing, as in 10G?",
                       text);
    return CF_OK;
}

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* As a service the service's, else under XDG. */
static void find_default_data(char *path, size_t size)
{
    const char *service = from_environment("STATE_DIRECTORY");
    const char *xdg = from_environment("XDG_DATA_HOME");
    const char *home = from_environment("HOME");

    if (service || (!xdg && !home))
        snprintf(path, size, "%s", service ? service : CF_OPTIONS_SERVICE_DATA);
    else if (xdg)
        snprintf(path, size, "%s/counterfoild", xdg);
    else
        snprintf(path, size, "%s/.local/share/counterfoild", home);
}

static cf_status read_enrol(const char *text, bool *closed, cf_error *error)
{
    if (strcmp(text, "invitation") != 0 && strcmp(text, "closed") != 0)
        return cf_fail(error, CF_USAGE, "unknown policy %s: it is invitation or closed", text);
    *closed = strcmp(text, "closed") == 0;
    return CF_OK;
}

/* NAME=N,NAME=N */
static cf_status read_limits(const char *text, cf_allowances *allowances, cf_error *error)
{
    cf_status status = CF_OK;
    char one[64];

    for (const char *at = text; !status && *at;) {
        size_t size = strcspn(at, ",");

        snprintf(one, sizeof one, "%.*s", (int)size, at);
        status = cf_allowances_read(one, allowances, error);
        at += size + (at[size] == ',');
    }
    return status;
}

static cf_status read_invitation(cf_broker_options *out, cf_error *error)
{
    const char *duration = cf_options_value(&out->given, "for");

    out->name = cf_options_value(&out->given, "name");
    if (!duration)
        return CF_OK;
    cf_status status = cf_duration_read(duration, &out->for_ms, error);
    if (!status && !out->for_ms)
        status = cf_fail(error, CF_USAGE, "--for %s: it would be over at once", duration);
    return status;
}

static cf_status read_values(cf_broker_options *out, cf_error *error)
{
    const cf_options *given = &out->given;
    const char *enrol = cf_options_value(given, "enrol"), *quota = cf_options_value(given, "quota");
    const char *data = cf_options_value(given, "data"), *value = NULL;
    cf_status status = CF_OK;
    size_t at = 0, count = 0;

    if (data && !*data)
        return cf_fail(error, CF_USAGE, "--data is given, and names no directory");
    if (data && !given->argument_count && cf_usage_knows(data))
        return cf_fail(error, CF_USAGE,
                       "--data wants a directory, and '%s' is a verb: --data DIR %s, or ./%s if a "
                       "directory is called so",
                       data, data, data);
    out->data = data ? data : out->default_data;
    out->advertise = cf_options_value(given, "advertise");
    out->existing = cf_options_has(given, "existing");
    out->check = cf_options_has(given, "check");
    out->has_quota = quota != NULL;
    out->repair = cf_options_has(given, "repair");
    out->known = cf_options_has(given, "known");
    out->yes = cf_options_has(given, "yes");
    out->json = cf_options_has(given, "json");
    if (cf_options_has(given, "verbose"))
        out->level = CF_REPORT_DETAIL;
    if (cf_options_has(given, "quiet"))
        out->level = CF_REPORT_ERROR;
    while ((value = cf_options_next(given, "listen", &at))) {
        if (count == CF_LISTEN_MAX)
            return cf_fail(error, CF_USAGE, "--listen %s: at most %d addresses are listened on",
                           value, CF_LISTEN_MAX);
        out->listen[count++] = value;
    }
    if (enrol)
        status = read_enrol(enrol, &out->closed, error);
    for (at = 0; !status && (value = cf_options_next(given, "limit", &at));)
        status = read_limits(value, &out->allowances, error);
    if (!status && quota)
        status = cf_size_read(quota, &out->quota, error);
    return status ? status : read_invitation(out, error);
}

/* `users remove --help` asks of that alone; NULL: it asks of the verb. */
static const char *helped_subverb(const cf_broker_options *out)
{
    const char *const *words = out->given.arguments;

    return out->given.argument_count > 1 && cf_usage_subverb(words[0], words[1]) ? words[1] : NULL;
}

/* The verb and what follows it. */
static cf_status find_verb(cf_broker_options *out, cf_error *error)
{
    bool helps = cf_options_has(&out->given, "help");
    const char *verb = out->given.argument_count ? out->given.arguments[0] : "serve";

    if (out->given.argument_count && !helps) {
        out->arguments = out->given.arguments;
        out->count = (int)out->given.argument_count;
    } else {
        out->arguments = out->default_verb;
        out->default_verb[0] = helps ? "help" : verb;
        out->default_verb[1] = helps && out->given.argument_count ? verb : NULL;
        out->default_verb[2] = helped_subverb(out);
        out->count = 1 + (out->default_verb[1] != NULL) + (out->default_verb[2] != NULL);
    }
    if (cf_options_has(&out->given, "version"))
        verb = out->default_verb[0] = "version", out->arguments = out->default_verb, out->count = 1;
    else if (!cf_usage_knows(verb))
        return cf_fail(error, CF_USAGE, "unknown verb '%s': --help lists them", verb);
    for (size_t i = 0; i < out->given.choice_count; i++) {
        const char *name = out->given.choices[i].option->name;

        if (!helps && !cf_usage_is_for(name, verb))
            return cf_fail(error, CF_USAGE, "--%s is for %snot for %s", name,
                           cf_usage_verbs_of(name), verb);
    }
    return CF_OK;
}

/* Those that a file may hold. */
static bool may_be_set(const char *name, size_t size)
{
    static const char *const all[] = {"data",  "listen", "advertise", "enrol",
                                      "limit", "quota",  "existing"};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strlen(all[i]) == size && memcmp(all[i], name, size) == 0)
            return true;
    return false;
}

static cf_status check_place(const cf_choice *set, cf_error *error)
{
    const char *name = set->option->name;
    cf_status status = CF_OK;

    if (strcmp(name, "listen") == 0)
        status = cf_endpoint_check_listen(set->value, error);
    else if (strcmp(name, "advertise") == 0)
        status = cf_endpoint_check_advertise(set->value, error);
    if (status)
        cf_error_while(error, "--%s", name);
    return status;
}

/* What can be said of a value by itself. */
static cf_status check_value(const cf_choice *set, cf_error *error)
{
    cf_allowances allowances = cf_allowances_default;
    uint64_t size;
    bool closed;

    if (strcmp(set->option->name, "enrol") == 0)
        return read_enrol(set->value, &closed, error);
    if (strcmp(set->option->name, "limit") == 0)
        return read_limits(set->value, &allowances, error);
    if (strcmp(set->option->name, "quota") == 0)
        return cf_size_read(set->value, &size, error);
    return check_place(set, error);
}

/* Takes one line apart, in place. */
static cf_status read_line(char *line, cf_options *options, cf_error *error)
{
    const cf_known_options known = {{cf_usage_options, NULL}};
    const char *words[2];
    char option[32];
    size_t used = 0;

    line += strspn(line, " \t");
    size_t name = strcspn(line, " \t=");
    char *value = line + name + strspn(line + name, " \t=");
    size_t rest = strlen(value);
    while (rest && strchr(" \t\r", value[rest - 1]))
        value[--rest] = '\0';
    if (!*line || *line == '#')
        return CF_OK;
    if (!may_be_set(line, name))
        return cf_fail(error, CF_USAGE, "'%.*s' is nothing that is set there", (int)name, line);
    snprintf(option, sizeof option, "--%.*s", (int)name, line);
    if (strcmp(option, "--existing") == 0 && *value) {
        if (strcmp(value, "0") == 0 || strcmp(value, "no") == 0)
            return CF_OK;
        value = ""; /* as in the environment */
    }
    words[0] = option;
    words[1] = value;
    cf_status status =
        cf_options_read(options, &known, false, words, 1 + (*value != '\0'), &used, error);
    if (!status && options->argument_count)
        return cf_fail(error, CF_USAGE, "%s takes no value", option);
    return status ? status : check_value(&options->choices[options->choice_count - 1], error);
}

static cf_status read_lines(const char *path, char *text, cf_options *options, cf_error *error)
{
    cf_status status = CF_OK;
    size_t number = 0;

    for (char *at = text, *next; !status && at; at = next) {
        next = strchr(at, '\n');
        if (next)
            *next++ = '\0';
        number++;
        status = read_line(at, options, error);
    }
    if (status)
        cf_error_while(error, "%s, line %zu", path, number);
    return status;
}

static cf_status read_text(const char *path, char **out, cf_error *error)
{
    char *text = cf_allocate(1, SETTINGS_MAX + 2);
    FILE *file = fopen(path, "r");

    *out = text;
    if (!file)
        return cf_fail_errno(error, errno, "--config %s", path);
    errno = 0;
    size_t size = fread(text, 1, SETTINGS_MAX + 1, file);
    int number = ferror(file) ? errno : 0;
    fclose(file);
    if (number)
        return cf_fail_errno(error, number, "--config %s", path);
    if (size > SETTINGS_MAX)
        return cf_fail(error, CF_USAGE, "--config %s: a file of settings has %d bytes at most",
                       path, SETTINGS_MAX);
    return CF_OK;
}

/* What was given otherwise goes before it, and is read after it. */
static cf_status read_settings(cf_broker_options *out, cf_error *error)
{
    const char *path = cf_options_value(&out->given, "config");
    cf_options merged = {0}, set = {0};

    if (!path)
        return CF_OK;
    cf_status status = read_text(path, &out->settings, error);
    if (!status)
        status = read_lines(path, out->settings, &set, error);
    for (size_t i = 0; !status && i < set.choice_count; i++) {
        const cf_choice *choice = &set.choices[i];

        if (strcmp(choice->option->name, "limit") == 0 ||
            !cf_options_has(&out->given, choice->option->name))
            cf_options_add(&merged, choice->option, choice->value);
    }
    for (size_t i = 0; !status && i < out->given.choice_count; i++)
        cf_options_add(&merged, out->given.choices[i].option, out->given.choices[i].value);
    cf_options_release(&set);
    if (status)
        return status;
    free(out->given.choices);
    out->given.choices = merged.choices;
    out->given.choice_count = merged.choice_count;
    out->given.choice_capacity = merged.choice_capacity;
    return CF_OK;
}

cf_status cf_broker_options_read(int argc, char **argv, cf_broker_options *out, cf_error *error)
{
    const cf_known_options known = {{cf_usage_options, NULL}};
    size_t used = 0;

    memset(out, 0, sizeof *out);
    out->argc = argc;
    out->argv = argv;
    out->level = CF_REPORT_NOTICE;
    out->allowances = cf_allowances_default;
    find_default_data(out->default_data, sizeof out->default_data);
    cf_status status = cf_options_read(&out->given, &known, false, (const char *const *)argv + 1,
                                       (size_t)argc - 1, &used, error);
    out->json = cf_options_has(&out->given, "json");
    if (!status)
        status = find_verb(out, error);
    if (status)
        return status;
    out->says_place =
        cf_options_has(&out->given, "listen") || cf_options_has(&out->given, "advertise");
    cf_options_read_environment(&out->given, &known);
    status = read_settings(out, error);
    return status ? status : read_values(out, error);
}

static bool are_equal(const cf_options *left, const cf_options *right, const char *option)
{
    size_t left_at = 0, right_at = 0;
    const char *one, *other;

    do {
        one = cf_options_next(left, option, &left_at);
        other = cf_options_next(right, option, &right_at);
    } while (one && other && strcmp(one, other) == 0);
    return !one && !other;
}

const char *cf_broker_options_differ(const cf_broker_options *left, const cf_broker_options *right,
                                     const char *after)
{
    static const char *const all[] = {"data", "listen", "advertise"};
    size_t i = 0;

    while (after && strcmp(all[i++], after) != 0)
        ;
    while (i < sizeof all / sizeof *all && are_equal(&left->given, &right->given, all[i]))
        i++;
    return i < sizeof all / sizeof *all ? all[i] : NULL;
}

void cf_broker_options_release(cf_broker_options *options)
{
    cf_options_release(&options->given);
    free(options->settings);
}
