/* SPDX-License-Identifier: Apache-2.0 */
/* What counterfoild was asked to do. */
#ifndef CF_BROKER_PROGRAM_OPTIONS_H
#define CF_BROKER_PROGRAM_OPTIONS_H
#include <stdbool.h>
#include <stdint.h>

#include "broker/door/allowances.h"
#include "broker/platform/command_line.h"
#include "broker/platform/env.h"
#include "broker/program/endpoint.h"
#include "codec/error.h"

#define CF_OPTIONS_SERVICE_DATA "/var/lib/counterfoil"

typedef struct {
    const char *data;                  /* the directory; a default when it was not given */
    const char *listen[CF_LISTEN_MAX]; /* ended by NULL when there are fewer */
    const char *advertise;             /* NULL: not given */
    bool says_place;                   /* the command line has one of the two */
    uint64_t quota;                    /* of invite, in bytes; 0: none. Of serve: of each who is
                                          invited without */
    bool has_quota;                    /* it was given */
    const char *name;                  /* of invite; NULL: not given */
    uint64_t for_ms;                   /* of invite; 0: not given */
    cf_allowances allowances;          /* of users and addresses */
    bool closed;                       /* --enrol closed */
    bool existing;                     /* of serve */
    bool check;                        /* of status */
    bool repair;                       /* of verify */
    bool known;                        /* of verify */
    bool yes;
    bool json;
    cf_report_level level;
    const char *const *arguments; /* the verb and what follows it; the verb is never missing */
    int count;
    char default_data[4096]; /* without --data and COUNTERFOIL_DATA */
    const char *default_verb[3];
    cf_options given;
    char *settings; /* of --config, which `given` borrows from */
    int argc;
    char **argv;
} cf_broker_options;

/* Options come from the command line, from the environment where they are not there, and from the
 * file that --config names where they are in neither; limits that are not on the command line are
 * taken from all three. The file has a line for each: its name and its value; `#` begins a line
 * that is for people. Texts are borrowed from `argv` and the environment, and some from `*out`,
 * which must not move.
 * `--help` and `--version` are the verbs "help", which is followed by the verb that was typed, if
 * any, and "version". CF_USAGE, and says what is unknown, missing or not for that verb; `*out` is
 * always to be released. */
cf_status cf_broker_options_read(int argc, char **argv, cf_broker_options *out, cf_error *error);
/* Which setting that is taken up at the start alone differs, the first from `after` on; NULL: none
 * any more. */
const char *cf_broker_options_differ(const cf_broker_options *left, const cf_broker_options *right,
                                     const char *after);
void cf_broker_options_release(cf_broker_options *options);

/* "10G", "9.0 MiB", "500MB", "1048576"; "none" is 0. */
cf_status cf_size_read(const char *text, uint64_t *out, cf_error *error);

#endif
