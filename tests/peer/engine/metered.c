/* SPDX-License-Identifier: Apache-2.0 */
/* What follows for large contents from the user's choice and from what NetworkManager says. */
#include "peer/engine/metered.h"

#include "tests/support/expect.h"

TestSuite(metered, .timeout = 60);

Test(metered, values_of_network_manager_are_taken_as_documented)
{
    static const cf_network expected[] = {CF_NETWORK_UNKNOWN, CF_NETWORK_METERED,
                                          CF_NETWORK_UNMETERED, CF_NETWORK_METERED,
                                          CF_NETWORK_UNMETERED};

    for (uint32_t value = 0; value < sizeof expected / sizeof *expected; value++)
        cr_expect_eq(cf_network_of(value), expected[value], "%u", value);
    for (uint32_t value = 5; value < 300; value++)
        cr_expect_eq(cf_network_of(value), CF_NETWORK_UNKNOWN, "%u", value);
    cr_expect_eq(cf_network_of(UINT32_MAX), CF_NETWORK_UNKNOWN);
}

Test(metered, only_a_metered_network_and_the_users_choice_hold_contents)
{
    for (cf_metered_choice choice = CF_METERED_SEND; choice <= CF_METERED_PAUSE; choice++)
        for (cf_network network = CF_NETWORK_UNKNOWN; network <= CF_NETWORK_UNMETERED; network++) {
            const cf_metered metered = {.choice = choice, .network = network};
            const bool holds = choice == CF_METERED_PAUSE && network == CF_NETWORK_METERED;

            cr_expect_eq(cf_metered_holds(&metered), holds);
            cr_expect(!cf_metered_awaits(&metered, 0));
            cr_expect(cf_metered_most(&metered, 0) == (holds ? CF_METERED_MAX : UINT64_MAX));
        }
}

Test(metered, an_answer_is_waited_for_and_not_for_long)
{
    cf_metered metered = {.choice = CF_METERED_PAUSE};
    const uint64_t end_ms = 5000 + CF_METERED_PATIENCE_MS;

    cf_metered_ask(&metered, 5000);
    cr_expect(cf_metered_awaits(&metered, end_ms - 1));
    cr_expect(cf_metered_most(&metered, end_ms - 1) == CF_METERED_MAX);
    cr_expect(!cf_metered_holds(&metered), "nobody has said that it is metered");
    cr_expect(!cf_metered_awaits(&metered, end_ms));
    cr_expect(cf_metered_most(&metered, end_ms) == UINT64_MAX);
    metered.choice = CF_METERED_SEND;
    cr_expect(!cf_metered_awaits(&metered, 5000), "who sends all does not wait");
    cr_expect(cf_metered_most(&metered, 5000) == UINT64_MAX);
}

Test(metered, a_choice_is_one_of_two_words)
{
    static const char *const wrong[] = {"", "paus", "pauses", "PAUSE", "send ", "yes"};
    cf_metered_choice choice = CF_METERED_PAUSE;
    cf_error error;

    expect_ok(cf_metered_read("send", &choice, &error), error);
    cr_expect_eq(choice, CF_METERED_SEND);
    expect_ok(cf_metered_read("pause", &choice, &error), error);
    cr_expect_eq(choice, CF_METERED_PAUSE);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_fails(cf_metered_read(wrong[i], &choice, &error), CF_USAGE);
    cr_expect_eq(choice, CF_METERED_PAUSE);
}
