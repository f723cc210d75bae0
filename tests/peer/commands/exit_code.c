/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/overview.h"

#include <criterion/criterion.h>

Test(exit_code, follows_the_order_of_what_matters_most)
{
    static const int order[] = {7, 8, 6, 5, 9, 1, 4, 0};
    cf_exit_standing standing = {.repair = true,
                                 .stop = true,
                                 .denied = true,
                                 .unreachable = true,
                                 .locked = true,
                                 .failed = true,
                                 .conflicts = true};
    bool *const holds[] = {&standing.repair,      &standing.stop,   &standing.denied,
                           &standing.unreachable, &standing.locked, &standing.failed,
                           &standing.conflicts};

    for (unsigned i = 0; i < sizeof holds / sizeof holds[0]; i++) {
        cr_expect_eq(cf_exit_standing_exit_code(&standing), order[i]);
        *holds[i] = false;
    }
    cr_expect_eq(cf_exit_standing_exit_code(&standing), 0);
}

Test(exit_code, knows_what_each_status_means)
{
    static const struct {
        cf_status status;
        int code;
    } table[] = {{CF_OK, 0},          {CF_MALFORMED, 1}, {CF_DENIED, 6}, {CF_LOCKED, 9},
                 {CF_UNREACHABLE, 5}, {CF_UNSAFE, 8},    {CF_FULL, 1},   {CF_CHANGED, 1},
                 {CF_BROKEN, 7},      {CF_IO, 1},        {CF_MISSING, 1}};

    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        cf_exit_standing standing = {0};

        cf_exit_standing_add(&standing, table[i].status);
        cr_expect_eq(cf_exit_standing_exit_code(&standing), table[i].code, "status %d",
                     (int)table[i].status);
    }
}
