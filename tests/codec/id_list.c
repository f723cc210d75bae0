/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/id_list.h"

#include "tests/support/expect.h"

#include <stdlib.h>

static const cf_id ann = {"ann"}, bob = {"bob"}, eve = {"eve"};

Test(id_list, is_a_set_once_it_is_sorted)
{
    const cf_id some[] = {eve, ann, eve, ann};
    cf_ids ids = {0};

    cf_ids_add_all(&ids, some, 4);
    cf_ids_sort(&ids);
    cr_assert_eq(ids.count, 2);
    cr_expect(cf_id_equal(&ids.at[0], &ann));
    cr_expect(cf_id_equal(&ids.at[1], &eve));
    cr_expect(cf_ids_has(&ids, &ann));
    cr_expect(cf_ids_has(&ids, &eve));
    cr_expect_not(cf_ids_has(&ids, &bob));
    cf_ids_add(&ids, &bob);
    cf_ids_sort(&ids);
    cr_expect(cf_ids_has(&ids, &bob));
    free(ids.at);
}

Test(id_list, may_be_empty)
{
    cf_ids none = {0}, one = {0};

    cf_ids_add_all(&none, NULL, 0);
    cf_ids_sort(&none);
    cr_expect_not(cf_ids_has(&none, &ann));
    cr_expect_not(cf_id_is_in(&ann, NULL, 0));
    cr_expect(cf_ids_equal(&none, &none));
    cf_ids_add(&one, &ann);
    cr_expect_not(cf_ids_equal(&none, &one));
    free(one.at);
}

Test(id_list, is_equal_where_all_are)
{
    const cf_id some[] = {ann, bob}, others[] = {ann, eve};
    cf_ids a = {0}, b = {0}, c = {0};

    cf_ids_add_all(&a, some, 2);
    cf_ids_add_all(&b, some, 2);
    cf_ids_add_all(&c, others, 2);
    cr_expect(cf_ids_equal(&a, &b));
    cr_expect_not(cf_ids_equal(&a, &c));
    free(a.at);
    free(b.at);
    free(c.at);
}
