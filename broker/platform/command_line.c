/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/command_line.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const cf_option *find_name(const cf_known_options *known, const char *name, size_t size)
{
    for (size_t i = 0; i < 2; i++)
        for (const cf_option *option = known->lists[i]; option && option->name; option++)
            if (strlen(option->name) == size && memcmp(option->name, name, size) == 0)
                return option;
    return NULL;
}

static const cf_option *find_letter(const cf_known_options *known, char letter)
{
    for (size_t i = 0; i < 2; i++)
        for (const cf_option *option = known->lists[i]; option && option->name; option++)
            if (option->letter == letter)
                return option;
    return NULL;
}

void cf_options_add(cf_options *options, const cf_option *option, const char *value)
{
    *cf_one_more(options->choices, options->choice_count, options->choice_capacity) =
        (cf_choice){option, value, false};
}

void cf_options_add_own(cf_options *options, const cf_option *option)
{
    cf_options_add(options, option, NULL);
    options->choices[options->choice_count - 1].is_own = true;
}

static void add_argument(cf_options *options, const char *argument)
{
    *cf_one_more(options->arguments, options->argument_count, options->argument_capacity) =
        argument;
}

/* Words yet to be read. */
typedef struct {
    const char *const *at;
    const char *const *end;
} words_left;

static cf_status take_value(words_left *left, const cf_option *option, const char **value,
                            cf_error *error)
{
    if (left->at == left->end)
        return cf_fail(error, CF_USAGE, "--%s needs a value: %s", option->name, option->value);
    *value = *left->at++;
    return CF_OK;
}

static cf_status read_long(cf_options *options, const cf_known_options *known, const char *word,
                           words_left *left, cf_error *error)
{
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    const cf_option *option = find_name(known, name, size);
    const char *value = equals ? equals + 1 : NULL;
    cf_status status = CF_OK;

    if (!option)
        return cf_fail(error, CF_USAGE, "unknown option '--%.*s': --help lists them", (int)size,
                       name);
    if (value && !option->value)
        return cf_fail(error, CF_USAGE, "--%s takes no value", option->name);
    if (option->value && !value)
        status = take_value(left, option, &value, error);
    if (!status)
        cf_options_add(options, option, value);
    return status;
}

static cf_status read_letters(cf_options *options, const cf_known_options *known, const char *word,
                              words_left *left, cf_error *error)
{
    cf_status status = CF_OK;

    for (const char *at = word + 1; !status && *at; at++) {
        const cf_option *option = find_letter(known, *at);
        const char *value = NULL;

        if (!option)
            return cf_fail(error, CF_USAGE, "unknown option '-%c': --help lists them", *at);
        if (!option->value) {
            cf_options_add(options, option, NULL);
            continue;
        }
        if (at[1])
            value = at + 1;
        else
            status = take_value(left, option, &value, error);
        if (!status)
            cf_options_add(options, option, value);
        break;
    }
    return status;
}

/* What is wrong is told as it was asked for, also where that stands behind it. */
static void find_json(cf_options *options, const cf_known_options *known, const words_left *left)
{
    const cf_option *json = find_name(known, "json", strlen("json"));

    for (const char *const *at = left->at; json && at < left->end; at++)
        if (strcmp(*at, "--json") == 0)
            cf_options_add(options, json, NULL);
}

cf_status cf_options_read(cf_options *options, const cf_known_options *known, bool first_only,
                          const char *const *words, size_t count, size_t *used, cf_error *error)
{
    words_left left = {words, words + count};
    bool ended = false, found = false;
    cf_status status = CF_OK;

    while (!status && left.at < left.end && !(first_only && found)) {
        const char *word = *left.at++;

        if (!ended && strcmp(word, "--") == 0) {
            ended = true;
        } else if (!ended && strncmp(word, "--", 2) == 0) {
            status = read_long(options, known, word, &left, error);
        } else if (!ended && word[0] == '-' && word[1]) {
            status = read_letters(options, known, word, &left, error);
        } else {
            add_argument(options, word);
            found = true;
        }
    }
    if (status && !ended)
        find_json(options, known, &left);
    *used = (size_t)(left.at - words);
    return status;
}

static const char *from_environment(const char *option)
{
    char name[64] = "COUNTERFOIL_";
    size_t used = strlen(name);

    for (; *option && used + 1 < sizeof name; option++)
        name[used++] = *option == '-' ? '_' : (char)toupper((unsigned char)*option);
    name[used] = '\0';
    return getenv(name);
}

void cf_options_read_environment(cf_options *options, const cf_known_options *known)
{
    for (size_t i = 0; i < 2; i++)
        for (const cf_option *option = known->lists[i]; option && option->name; option++) {
            const char *value = from_environment(option->name);

            if (!value || !*value || cf_options_has(options, option->name))
                continue;
            if (option->value)
                cf_options_add(options, option, value);
            else if (strcmp(value, "0") != 0 && strcmp(value, "no") != 0)
                cf_options_add(options, option, NULL);
        }
}

void cf_options_release(cf_options *options)
{
    free(options->choices);
    free(options->arguments);
    *options = (cf_options){0};
}

bool cf_options_has(const cf_options *options, const char *name)
{
    for (size_t i = 0; i < options->choice_count; i++)
        if (strcmp(options->choices[i].option->name, name) == 0)
            return true;
    return false;
}

const char *cf_options_value(const cf_options *options, const char *name)
{
    for (size_t i = options->choice_count; i-- > 0;)
        if (strcmp(options->choices[i].option->name, name) == 0)
            return options->choices[i].value;
    return NULL;
}

const char *cf_options_next(const cf_options *options, const char *name, size_t *at)
{
    while (*at < options->choice_count) {
        const cf_choice *choice = &options->choices[(*at)++];

        if (strcmp(choice->option->name, name) == 0)
            return choice->value;
    }
    return NULL;
}

cf_status cf_options_check_count(const cf_options *options, size_t least, size_t most,
                                 const char *usage, cf_error *error)
{
    if (options->argument_count < least)
        return cf_fail(error, CF_USAGE, "something is missing: usage: %s", usage);
    if (options->argument_count > most)
        return cf_fail(error, CF_USAGE, "'%s' is one argument too many: usage: %s",
                       options->arguments[most], usage);
    return CF_OK;
}

static const struct {
    const char *name;
    uint64_t milliseconds;
} units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
             {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};

static bool read_digits(const char *text, uint64_t *number, char **end)
{
    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    *number = strtoull(text, end, 10);
    return errno == 0;
}

/* "3" may be meant as days. */
static cf_status fail_without_unit(uint64_t number, cf_error *error)
{
    const unsigned long long n = number;

    return cf_fail(error, CF_USAGE,
                   "'%llu' is no duration, it has no unit: %llus, %llum, %lluh, %llud or %lluw", n,
                   n, n, n, n, n);
}

cf_status cf_duration_read(const char *text, uint64_t *milliseconds, cf_error *error)
{
    uint64_t number = 0;
    char *unit = NULL;
    const bool has_digits = read_digits(text, &number, &unit);

    if (has_digits && !*unit && number)
        return fail_without_unit(number, error);
    if (has_digits && !*unit)
        unit = "s";
    if (has_digits)
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
            if (strcmp(unit, units[i].name) == 0 && number <= UINT32_MAX) {
                *milliseconds = number * units[i].milliseconds;
                return CF_OK;
            }
    return cf_fail(error, CF_USAGE, "'%s' is no duration: 90s, 10m, 2h, 3d or 1w", text);
}

cf_status cf_timeout_read(const char *text, uint64_t *milliseconds, cf_error *error)
{
    char *end = NULL;

    if (read_digits(text, milliseconds, &end) && !*end && *milliseconds <= UINT32_MAX) {
        *milliseconds *= 1000;
        return CF_OK;
    }
    return cf_duration_read(text, milliseconds, error);
}

cf_status cf_number_read(const char *text, uint64_t *number, cf_error *error)
{
    char *end = NULL;

    if (read_digits(text, number, &end) && !*end)
        return CF_OK;
    return cf_fail(error, CF_USAGE, "'%s' is no number", text);
}
