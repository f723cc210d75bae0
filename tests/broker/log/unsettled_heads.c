/* SPDX-License-Identifier: Apache-2.0 */
/* For how long an entry is remembered whose append is on its way. */
#include "broker/log/unsettled_heads.h"

#include "tests/support/expect.h"

static const cf_hash first = {"first"}, second = {"second"}, none = {{0}};

Test(unsettled_heads, remember_what_is_on_its_way_twice_until_both_have_ended)
{
    cf_unsettled_heads *heads = cf_unsettled_heads_new();

    cf_unsettled_heads_begin(heads, &first, &(cf_unsettled_head){.member_count = 0});
    cf_unsettled_heads_begin(heads, &first, &(cf_unsettled_head){.member_count = 0});
    cf_unsettled_heads_end(heads, &first, &none, false);
    cr_expect_not_null(cf_unsettled_heads_find(heads, &first));
    cr_expect(cf_unsettled_heads_is_under_way(heads, &first));
    cf_unsettled_heads_end(heads, &first, &none, false);
    cr_expect_null(cf_unsettled_heads_find(heads, &first));
    cf_unsettled_heads_destroy(&heads);
}

/* It is the end of its chain until then. */
Test(unsettled_heads, remember_what_was_stored_until_a_successor_was)
{
    cf_unsettled_heads *heads = cf_unsettled_heads_new();

    cf_unsettled_heads_begin(heads, &first, &(cf_unsettled_head){.member_count = 0});
    cf_unsettled_heads_end(heads, &first, &none, true);
    cr_expect_not_null(cf_unsettled_heads_find(heads, &first));
    cr_expect_not(cf_unsettled_heads_is_under_way(heads, &first));
    cf_unsettled_heads_begin(heads, &second, &(cf_unsettled_head){.member_count = 0});
    cr_expect_not_null(cf_unsettled_heads_find(heads, &first));
    cf_unsettled_heads_end(heads, &second, &first, true);
    cr_expect_null(cf_unsettled_heads_find(heads, &first));
    cr_expect_not_null(cf_unsettled_heads_find(heads, &second));
    cf_unsettled_heads_destroy(&heads);
}
