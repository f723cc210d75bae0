/* SPDX-License-Identifier: Apache-2.0 */
/* What a user typed after a program's name: options, by their names, and arguments, in order. Every
 * option may also come from the environment: COUNTERFOIL_ and its name in capitals. */
#ifndef CF_BROKER_PLATFORM_COMMAND_LINE_H
#define CF_BROKER_PLATFORM_COMMAND_LINE_H
#include "codec/bytes.h"
#include "codec/error.h"

typedef struct {
    const char *name;  /* long, without dashes; NULL ends a list */
    char letter;       /* 0: none */
    const char *value; /* what stands for its value in the usage; NULL: it takes none */
    const char *help;
} cf_option;

typedef struct {
    const cf_option *option;
    const char *value; /* NULL: it takes none */
    bool is_own;       /* the program's, not the user's: it may be left out */
} cf_choice;

/* Borrows the words and the lists of options. */
typedef struct {
    cf_choice *choices;
    size_t choice_count, choice_capacity;
    const char **arguments;
    size_t argument_count, argument_capacity;
} cf_options; /* {0} is empty */

/* The options that are known: up to two lists. */
typedef struct {
    const cf_option *lists[2];
} cf_known_options;

/* Reads words, adding to `options`; `--` ends the options, `-` is an argument. With `first_only` it
 * stops behind the first argument. `*used` gets how many words were read. CF_USAGE names what is
 * unknown. */
cf_status cf_options_read(cf_options *options, const cf_known_options *known, bool first_only,
                          const char *const *words, size_t count, size_t *used, cf_error *error);
/* Adds what the environment says of options that were not given. A flag is set by anything but
 * nothing, "0" and "no". */
void cf_options_read_environment(cf_options *options, const cf_known_options *known);
/* As if the user had given it. */
void cf_options_add(cf_options *options, const cf_option *option, const char *value);
/* As the program itself thinks best, without a value. */
void cf_options_add_own(cf_options *options, const cf_option *option);
void cf_options_release(cf_options *options);

bool cf_options_has(const cf_options *options, const char *name);
/* The value given last; NULL when not given. */
const char *cf_options_value(const cf_options *options, const char *name);
/* All values of an option that may be given often: `*at` is 0 at first; NULL ends. */
const char *cf_options_next(const cf_options *options, const char *name, size_t *at);
/* CF_USAGE unless there are `least` to `most` arguments. */
cf_status cf_options_check_count(const cf_options *options, size_t least, size_t most,
                                 const char *usage, cf_error *error);

/* A duration: 90s, 10m, 2h, 3d, 1w; of 0 alone the unit may be left out. CF_USAGE, as below. */
cf_status cf_duration_read(const char *text, uint64_t *milliseconds, cf_error *error);
/* The same; without a unit seconds, as of timeout(1). */
cf_status cf_timeout_read(const char *text, uint64_t *milliseconds, cf_error *error);
cf_status cf_number_read(const char *text, uint64_t *number, cf_error *error);

#endif
