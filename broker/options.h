/* SPDX-License-Identifier: Apache-2.0 */
/* What counterfoild was asked to do: its command line, and the environment behind it
 * (COUNTERFOIL_DATA and so on). */
#ifndef CF_BROKER_OPTIONS_H
#define CF_BROKER_OPTIONS_H
#include <stdbool.h>
#include <stdint.h>

#include "broker/restraints.h"
#include "broker/env.h"
#include "codec/error.h"

typedef struct {
    const char *data;         /* the directory; a default when it was not given */
    const char *listen;       /* NULL: not given */
    const char *advertise;    /* NULL: not given */
    uint64_t quota;           /* of invite, in bytes; 0: none */
    cf_restraints restraints; /* of users and addresses */
    bool closed;              /* --enrol closed */
    bool yes;
    bool json;
    cf_report_level level;
    const char *const *arguments; /* the verb and what follows it; the verb is never missing */
    int count;
    char default_data[4096];
    const char *default_verb[1];
} cf_options;

/* Texts are borrowed from `argv` and the environment, and some from `*out`, which must not move.
 * `--help` and `--version` are the verbs "help" and "version". CF_USAGE, and says what is unknown
 * or missing. */
cf_status cf_options_read(int argc, char **argv, cf_options *out, cf_error *error);

/* "10G", "500MiB", "1048576". */
cf_status cf_size_read(const char *text, uint64_t *out, cf_error *error);

#endif
