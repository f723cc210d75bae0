/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DATA = 256, LISTEN, ADVERTISE, ENROL, LIMIT, QUOTA, YES, JSON, HELP, VERSION };

static const struct option known[] = {
    {"data", required_argument, NULL, DATA},
    {"listen", required_argument, NULL, LISTEN},
    {"advertise", required_argument, NULL, ADVERTISE},
    {"enrol", required_argument, NULL, ENROL},
    {"limit", required_argument, NULL, LIMIT},
    {"quota", required_argument, NULL, QUOTA},
    {"yes", no_argument, NULL, YES},
    {"json", no_argument, NULL, JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},
    {NULL, 0, NULL, 0},
};

cf_status cf_size_read(const char *text, uint64_t *out, cf_error *error)
{
    static const char units[] = "KMGT";
    char *end = NULL;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    unsigned shift = 0;
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
    }
    if (strcasecmp(end, "iB") == 0 || strcasecmp(end, "B") == 0)
        end += strlen(end);
    if (!isdigit((unsigned char)*text) || errno || *end || number > UINT64_MAX >> shift)
        return cf_fail(error, CF_USAGE, "%s is not a size such as 500M or 10G", text);
    *out = (uint64_t)number << shift;
    return CF_OK;
}

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* As a service /var/lib/counterfoil, else under XDG. */
static const char *default_data(cf_options *options)
{
    const char *service = from_environment("STATE_DIRECTORY");
    const char *xdg = from_environment("XDG_DATA_HOME");
    const char *home = from_environment("HOME");
    char *path = options->default_data;
    size_t size = sizeof options->default_data;

    if (service)
        return service;
    if (!xdg && !home)
        return "/var/lib/counterfoil";
    if (xdg)
        snprintf(path, size, "%s/counterfoild", xdg);
    else
        snprintf(path, size, "%s/.local/share/counterfoild", home);
    return path;
}

static cf_status read_enrol(const char *text, bool *closed, cf_error *error)
{
    if (strcmp(text, "invitation") != 0 && strcmp(text, "closed") != 0)
        return cf_fail(error, CF_USAGE, "unknown policy %s: it is invitation or closed", text);
    *closed = strcmp(text, "closed") == 0;
    return CF_OK;
}

/* NAME=N,NAME=N */
static cf_status read_limits(const char *text, cf_restraints *restraints, cf_error *error)
{
    cf_status status = CF_OK;
    char one[64];

    for (const char *at = text; !status && *at;) {
        size_t size = strcspn(at, ",");

        snprintf(one, sizeof one, "%.*s", (int)size, at);
        status = cf_restraints_read(one, restraints, error);
        at += size + (at[size] == ',');
    }
    return status;
}

static cf_status apply_environment(cf_options *options, cf_error *error)
{
    const char *quota = from_environment("COUNTERFOIL_QUOTA");
    const char *enrol = from_environment("COUNTERFOIL_ENROL");
    const char *limit = from_environment("COUNTERFOIL_LIMIT");
    cf_status status = CF_OK;

    options->data = from_environment("COUNTERFOIL_DATA");
    options->listen = from_environment("COUNTERFOIL_LISTEN");
    options->advertise = from_environment("COUNTERFOIL_ADVERTISE");
    if (enrol)
        status = read_enrol(enrol, &options->closed, error);
    if (!status && limit)
        status = read_limits(limit, &options->restraints, error);
    return !status && quota ? cf_size_read(quota, &options->quota, error) : status;
}

static void set_verb(cf_options *options, const char *verb)
{
    options->default_verb[0] = verb;
    options->arguments = options->default_verb;
    options->count = 1;
}

static cf_status apply(cf_options *options, int option, char **argv, cf_error *error)
{
    switch (option) {
    case DATA:
        options->data = optarg;
        return CF_OK;
    case LISTEN:
        options->listen = optarg;
        return CF_OK;
    case ADVERTISE:
        options->advertise = optarg;
        return CF_OK;
    case QUOTA:
        return cf_size_read(optarg, &options->quota, error);
    case ENROL:
        return read_enrol(optarg, &options->closed, error);
    case LIMIT:
        return read_limits(optarg, &options->restraints, error);
    case YES:
        options->yes = true;
        return CF_OK;
    case JSON:
        options->json = true;
        return CF_OK;
    case 'q':
        options->level = CF_REPORT_ERROR;
        return CF_OK;
    case 'v':
        options->level = CF_REPORT_DETAIL;
        return CF_OK;
    case HELP:
    case VERSION:
        set_verb(options, option == HELP ? "help" : "version");
        return CF_OK;
    case ':':
        return cf_fail(error, CF_USAGE, "option %s needs a value", argv[optind - 1]);
    default:
        if (optopt > 0 && optopt < DATA)
            return cf_fail(error, CF_USAGE, "unknown option -%c: --help lists them", optopt);
        return cf_fail(error, CF_USAGE, "unknown option %s: --help lists them", argv[optind - 1]);
    }
}

cf_status cf_options_read(int argc, char **argv, cf_options *out, cf_error *error)
{
    cf_status status = CF_OK;
    int option = 0;

    memset(out, 0, sizeof *out);
    out->level = CF_REPORT_NOTICE;
    out->restraints = cf_restraints_default;
    status = apply_environment(out, error);
    opterr = 0;
    optind = 0;
    while (!status && (option = getopt_long(argc, argv, ":qv", known, NULL)) >= 0)
        status = apply(out, option, argv, error);
    if (status)
        return status;
    if (!out->data)
        out->data = default_data(out);
    if (out->count == 0 && optind < argc) {
        out->arguments = (const char *const *)argv + optind;
        out->count = argc - optind;
    }
    if (out->count == 0)
        set_verb(out, "serve");
    return CF_OK;
}
