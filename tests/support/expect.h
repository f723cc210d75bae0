/* SPDX-License-Identifier: Apache-2.0 */
/* Expectations about a cf_status: what was said is printed when it is not what was expected. */
#ifndef CF_TESTS_EXPECT_H
#define CF_TESTS_EXPECT_H
#include "codec/error.h"

#include <criterion/criterion.h>

#define expect_ok(call, error)                                                                     \
    do {                                                                                           \
        cf_status expect_status_ = (call);                                                         \
        cr_assert(expect_status_ == CF_OK, "%s: status %d: %s", #call, (int)expect_status_,        \
                  (error).text);                                                                   \
    } while (0)

#define expect_fails(call, expected)                                                               \
    do {                                                                                           \
        cf_status expect_status_ = (call);                                                         \
        cr_assert(expect_status_ == (expected), "%s: status %d, expected %s", #call,               \
                  (int)expect_status_, #expected);                                                 \
    } while (0)

#endif
