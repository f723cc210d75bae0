/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/error.h"

#include "tests/support/expect.h"
#include <errno.h>

Test(error, reads_from_the_outside_in)
{
    cf_error error;

    cr_assert_eq(cf_fail(&error, CF_MALFORMED, "record %d is cut short", 12), CF_MALFORMED);
    cf_error_while(&error, "loading ledger %s", "x");
    cr_assert_str_eq(error.text, "loading ledger x: record 12 is cut short");
    cr_assert_eq(error.status, CF_MALFORMED);
}

Test(error, keeps_its_bounds_with_long_names)
{
    cf_error error;
    char name[2 * CF_ERROR_TEXT];

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cf_fail(&error, CF_IO, "%s", name);
    cf_error_while(&error, "%s", name);
    cr_assert_eq(strlen(error.text), CF_ERROR_TEXT - 1);
}

Test(error, tells_a_full_disk_and_a_missing_file_apart)
{
    cf_error error;

    cr_assert_eq(cf_fail_errno(&error, ENOSPC, "writing x"), CF_FULL);
    cr_assert_str_eq(error.text, "writing x: No space left on device");
    cr_assert_eq(cf_fail_errno(&error, ENOENT, "x"), CF_MISSING);
    cr_assert_eq(cf_fail_errno(&error, EIO, "x"), CF_IO);
}

Test(error, has_what_to_do_next_as_a_hint)
{
    static const struct {
        const char *text, *hint;
    } cases[] = {
        {"unknown verb 'x': `counterfoil help` lists them", "`counterfoil help` lists them"},
        {"a folder: it is full: --yes says so, or `rm`", "--yes says so, or `rm`"},
        {"/a.b: no such file; add it with `x y`; then sync", "add it with `x y`; then sync"},
        {"--new and --existing exclude each other", NULL},
        {"`x`: that is all", NULL},
        {"x: that is all", NULL},
        {"x: 3--4", NULL},
        {"x: ", NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *hint = cf_error_hint(cases[i].text);

        if (cases[i].hint)
            cr_assert_str_eq(hint, cases[i].hint);
        else
            cr_assert_null(hint, "%s: %s", cases[i].text, hint);
    }
}

Test(error, maps_to_the_exit_codes_that_scripts_rely_on)
{
    cr_assert_eq(cf_status_exit_code(CF_OK), 0);
    cr_assert_eq(cf_status_exit_code(CF_FULL), 1);
    cr_assert_eq(cf_status_exit_code(CF_USAGE), 2);
    cr_assert_eq(cf_status_exit_code(CF_MISSING), 3);
    cr_assert_eq(cf_status_exit_code(CF_UNREACHABLE), 5);
    cr_assert_eq(cf_status_exit_code(CF_FORGED), 6);
    cr_assert_eq(cf_status_exit_code(CF_BROKEN), 7);
    cr_assert_eq(cf_status_exit_code(CF_UNSAFE), 8);
    cr_assert_eq(cf_status_exit_code(CF_LOCKED), 9);
}
