/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/lookup.h"

#include <string.h>

#include "tests/support/expect.h"

static bool hangs(void *context, cf_job *job)
{
    (void)job;
    return *(bool *)context;
}

static void expect_found(const char *endpoint)
{
    cf_lookup *lookup = cf_lookup_begin(NULL, endpoint);
    const cf_found *found = cf_lookup_found(lookup);

    cr_assert_not_null(found, "an address in digits is no work");
    cr_assert_eq(found->count, 1);
    cr_expect_str_eq(found->addresses[0].endpoint, endpoint);
    cr_expect_str_eq(cf_lookup_endpoint(lookup), endpoint);
    cf_lookup_destroy(&lookup);
    cr_expect_null(lookup);
}

Test(lookup, takes_addresses_in_digits_as_they_are)
{
    expect_found("tcp://192.0.2.1:7817");
    expect_found("tcp://[2001:db8::1]:65535");
}

Test(lookup, asks_for_a_name_in_a_job)
{
    cf_jobs *jobs = cf_jobs_inline_new(0);
    cf_lookup *lookup = cf_lookup_begin(jobs, "tcp://localhost:7817");

    cr_expect_null(cf_lookup_found(lookup), "a name server may take its time");
    cr_expect_eq(jobs->deliver(jobs), 1);
    const cf_found *found = cf_lookup_found(lookup);
    cr_assert_not_null(found);
    cr_assert_geq(found->count, 1);
    for (size_t i = 0; i < found->count; i++)
        cr_expect(strcmp(found->addresses[i].endpoint, "tcp://127.0.0.1:7817") == 0 ||
                      strcmp(found->addresses[i].endpoint, "tcp://[::1]:7817") == 0,
                  "%s", found->addresses[i].endpoint);
    cf_lookup_destroy(&lookup);
    cf_jobs_destroy(&jobs);
}

Test(lookup, is_left_alone_while_no_name_server_answers)
{
    cf_jobs *jobs = cf_jobs_inline_new(0);
    bool is_hanging = true;

    cf_jobs_inline_hang(jobs, hangs, &is_hanging);
    cf_lookup *lookup = cf_lookup_begin(jobs, "tcp://localhost:7817");
    jobs->deliver(jobs);
    cr_expect_null(cf_lookup_found(lookup));
    cf_lookup_destroy(&lookup); /* and what it finds is nobody's */
    is_hanging = false;
    cr_expect_eq(jobs->deliver(jobs), 1);
    cf_jobs_destroy(&jobs);
}

Test(lookup, says_why_a_name_has_no_address)
{
    cf_jobs *jobs = cf_jobs_inline_new(0);
    cf_lookup *lookup = cf_lookup_begin(jobs, "tcp://a..b:7817");

    jobs->deliver(jobs);
    const cf_found *found = cf_lookup_found(lookup);
    cr_assert_not_null(found);
    cr_expect_eq(found->count, 0);
    cr_expect(strstr(found->why, "name"), "%s", found->why);
    cf_lookup_destroy(&lookup);
    cf_jobs_destroy(&jobs);
}
