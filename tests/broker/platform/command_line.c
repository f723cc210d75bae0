/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/command_line.h"

#include "tests/support/expect.h"

#include <stdlib.h>
#include <string.h>

static const cf_option globals[] = {{"json", 0, NULL, ""}, {"quiet", 'q', NULL, ""}, {0}};
static const cf_option of_verb[] = {
    {"dry-run", 'n', NULL, ""}, {"include", 'i', "PATTERN", ""}, {"max-delete", 0, "N", ""}, {0}};
static const cf_known_options known = {{globals, of_verb}};

#define read(options, error, ...)                                                                  \
    read_words(options, false, NULL, error, (const char *[]){__VA_ARGS__, NULL})

static cf_status read_words(cf_options *options, bool first_only, size_t *used, cf_error *error,
                            const char *const *words)
{
    size_t count = 0, ignored;

    while (words[count])
        count++;
    return cf_options_read(options, &known, first_only, words, count, used ? used : &ignored,
                           error);
}

Test(command_line, takes_options_and_arguments_in_any_order)
{
    cf_options options = {0};
    cf_error error;

    expect_ok(read(&options, &error, "one", "--json", "-", "-qn", "two"), error);
    cr_expect_eq(options.argument_count, 3);
    cr_expect_str_eq(options.arguments[1], "-");
    cr_expect(cf_options_has(&options, "json"));
    cr_expect(cf_options_has(&options, "quiet"));
    cr_expect(cf_options_has(&options, "dry-run"));
    cr_expect_not(cf_options_has(&options, "include"));
    cf_options_release(&options);
}

Test(command_line, takes_values_in_every_form)
{
    cf_options options = {0};
    cf_error error;
    size_t at = 0;

    expect_ok(read(&options, &error, "--include", "a", "--include=b", "-i", "c", "-id"), error);
    cr_expect_str_eq(cf_options_next(&options, "include", &at), "a");
    cr_expect_str_eq(cf_options_next(&options, "include", &at), "b");
    cr_expect_str_eq(cf_options_next(&options, "include", &at), "c");
    cr_expect_str_eq(cf_options_next(&options, "include", &at), "d");
    cr_expect_null(cf_options_next(&options, "include", &at));
    cr_expect_str_eq(cf_options_value(&options, "include"), "d");
    cf_options_release(&options);
}

Test(command_line, ends_options_at_two_dashes)
{
    cf_options options = {0};
    cf_error error;

    expect_ok(read(&options, &error, "--", "--json", "-q"), error);
    cr_expect_eq(options.argument_count, 2);
    cr_expect_eq(options.choice_count, 0);
    cf_options_release(&options);
}

Test(command_line, stops_behind_the_verb)
{
    const char *words[] = {"--json", "sync", "--unknown-yet", NULL};
    cf_options options = {0};
    cf_error error;
    size_t used = 0;

    expect_ok(read_words(&options, true, &used, &error, words), error);
    cr_expect_eq(used, 2);
    cr_expect_str_eq(options.arguments[0], "sync");
    cf_options_release(&options);
}

Test(command_line, names_what_is_unknown_or_incomplete)
{
    cf_options options = {0};
    cf_error error;

    expect_fails(read(&options, &error, "--frobnicate=3"), CF_USAGE);
    cr_expect_str_eq(error.text, "unknown option '--frobnicate': --help lists them");
    expect_fails(read(&options, &error, "-nz"), CF_USAGE);
    cr_expect_str_eq(error.text, "unknown option '-z': --help lists them");
    expect_fails(read(&options, &error, "--include"), CF_USAGE);
    expect_fails(read(&options, &error, "--json=1"), CF_USAGE);
    cf_options_release(&options);
}

Test(command_line, lets_the_environment_speak_where_the_user_did_not)
{
    cf_options options = {0};
    cf_error error;

    setenv("COUNTERFOIL_INCLUDE", "from the environment", 1);
    setenv("COUNTERFOIL_MAX_DELETE", "7", 1);
    setenv("COUNTERFOIL_JSON", "1", 1);
    setenv("COUNTERFOIL_DRY_RUN", "0", 1);
    expect_ok(read(&options, &error, "--include", "given"), error);
    cf_options_read_environment(&options, &known);
    cr_expect_str_eq(cf_options_value(&options, "include"), "given");
    cr_expect_str_eq(cf_options_value(&options, "max-delete"), "7");
    cr_expect(cf_options_has(&options, "json"));
    cr_expect_not(cf_options_has(&options, "dry-run"));
    cf_options_release(&options);
}

Test(command_line, counts_arguments)
{
    const char *arguments[] = {"a", "b"};
    cf_options options = {.arguments = arguments, .argument_count = 2};
    cf_error error;

    expect_ok(cf_options_check_count(&options, 1, 2, "x", &error), error);
    expect_fails(cf_options_check_count(&options, 3, 4, "x", &error), CF_USAGE);
    expect_fails(cf_options_check_count(&options, 0, 1, "x", &error), CF_USAGE);
    cr_expect_not_null(strstr(error.text, "'b'"));
}

Test(command_line, reads_durations_and_numbers)
{
    uint64_t number = 0;
    cf_error error;

    expect_ok(cf_duration_read("90s", &number, &error), error);
    cr_expect_eq(number, 90000);
    expect_ok(cf_duration_read("0", &number, &error), error);
    cr_expect_eq(number, 0);
    expect_fails(cf_duration_read("3", &number, &error), CF_USAGE);
    cr_expect(strstr(error.text, "3s, 3m, 3h, 3d or 3w"), "%s", error.text);
    expect_ok(cf_timeout_read("90", &number, &error), error);
    cr_expect_eq(number, 90000);
    expect_ok(cf_timeout_read("2m", &number, &error), error);
    cr_expect_eq(number, 120000);
    expect_ok(cf_duration_read("10m", &number, &error), error);
    cr_expect_eq(number, 600000);
    expect_ok(cf_duration_read("3d", &number, &error), error);
    cr_expect_eq(number, 3 * 86400000);
    expect_ok(cf_number_read("12", &number, &error), error);
    cr_expect_eq(number, 12);
    for (const char **wrong =
             (const char *[]){"", "x", "-1", " 1", "1y", "1 s", "99999999999999999999", NULL};
         *wrong; wrong++) {
        expect_fails(cf_duration_read(*wrong, &number, &error), CF_USAGE);
        expect_fails(cf_timeout_read(*wrong, &number, &error), CF_USAGE);
        expect_fails(cf_number_read(*wrong, &number, &error), CF_USAGE);
    }
}
