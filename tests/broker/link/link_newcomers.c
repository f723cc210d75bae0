/* SPDX-License-Identifier: Apache-2.0 */
/* A newcomer, let in over a link. */
#include "broker/link/link.h"

#include "broker/management/management.h"
#include "codec/pairing.h"
#include "tests/broker/people/meeting.h"
#include "tests/support/frames.h"

static meeting m; /* zeroed and opened by every test */

TestSuite(link_newcomers, .timeout = 60);

Test(link_newcomers, lets_an_owner_admit_a_newcomer)
{
    cf_pairing *pairing = cf_pairing_new((const uint8_t[32]){42});
    cf_hash key;

    memcpy(key.bytes, cf_pairing_guest_public(pairing), sizeof key.bytes);
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_link_start(desk->link);
    cf_link_guest(desk->link, &key, m.now_ms + 600000);
    meet(&m);
    cr_expect_eq(desk->guests, 1);
    attendee *guest = knock(&m, &key, &m.account.user, cf_bytes_of_text("a sealed knock"));
    cf_link_start(guest->link);
    meet(&m);
    cr_assert(cf_bytes_equal(cf_buffer_view(&desk->knock), cf_bytes_of_text("a sealed knock")));
    cr_expect(cf_hash_equal(&desk->knocker, &key));
    cut(desk); /* the guest's registration is said again */
    m.now_ms += 1000;
    meet(&m);
    cr_expect_eq(desk->guests, 2);
    cf_link_admit(desk->link, &key, cf_bytes_of_text("a sealed answer"));
    cf_link_guest(desk->link, &key, m.now_ms + 600000);
    meet(&m);
    cr_expect(cf_bytes_equal(cf_buffer_view(&guest->admit), cf_bytes_of_text("a sealed answer")));
    cr_expect_eq(desk->guests, 3);
    cr_expect_eq(cf_link_session(guest->link), 0);
    cf_pairing_destroy(&pairing);
    meeting_close(&m);
}

/* A code of 10 minutes is good for 10 minutes by the broker's clock, whatever the owner's says. */
Test(link_newcomers, is_let_in_by_an_owner_whose_clock_is_minutes_off)
{
    static const int64_t ahead[] = {20 * 60000, -20 * 60000};

    for (size_t i = 0; i < sizeof ahead / sizeof *ahead; i++) {
        const cf_hash key = {{(uint8_t)(i + 1)}};

        meeting_open(&m);
        attendee *desk = attend(&m, &m.desk);
        desk->clock_ahead_ms = (uint64_t)ahead[i];
        cf_link_start(desk->link);
        cf_link_guest(desk->link, &key, m.now_ms + (uint64_t)ahead[i] + 600000);
        meet(&m);
        attendee *guest = knock(&m, &key, &m.account.user, cf_bytes_of_text("a sealed knock"));
        cf_link_start(guest->link);
        meet(&m);
        cr_expect_gt(desk->knock.size, 0, "%zu", i);

        m.now_ms += 600000;
        attendee *late = knock(&m, &key, &m.account.user, cf_bytes_of_text("too late"));
        cf_link_start(late->link);
        meet(&m);
        cr_expect_not(cf_bytes_equal(cf_buffer_view(&desk->knock), cf_bytes_of_text("too late")));
        meeting_close(&m);
    }
}

Test(link_newcomers, knocks_again_while_the_owner_is_away)
{
    static const cf_hash key = {"the guest's key"};

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_link_start(desk->link);
    cf_link_guest(desk->link, &key, m.now_ms + 600000);
    meet(&m);
    cut(desk);
    cf_link_stop(desk->link);
    attendee *guest = knock(&m, &key, &m.account.user, cf_bytes_of_text("a sealed knock"));
    cf_link_start(guest->link);
    meet(&m);
    cr_expect_eq(desk->knock.size, 0);
    cr_expect_eq(guest->put_off, 1);
    cf_link_start(desk->link);
    m.now_ms += 2000;
    meet(&m);
    meet(&m);
    m.now_ms += 2000;
    meet(&m);
    cr_expect_gt(desk->knock.size, 0);
    meeting_close(&m);
}

Test(link_newcomers, is_turned_away_with_a_wrong_code)
{
    static const cf_hash key = {"the guest's key"};

    meeting_open(&m);
    attendee *guest = knock(&m, &key, &m.account.user, cf_bytes_of_text("a sealed knock"));
    attendee *invited = knock(&m, &key, NULL, cf_bytes_of_text("a sealed knock"));
    cf_link_start(guest->link);
    cf_link_start(invited->link);
    meet(&m);
    cr_expect_eq(guest->turned_away, CF_DENIED);
    cr_expect_eq(invited->turned_away, CF_DENIED);
    cr_expect_eq(cf_link_session(guest->link), 0);
    meeting_close(&m);
}

/* It refuses what it knows nothing of, and so says nothing of its time. */
Test(link_newcomers, knocks_at_a_broker_from_before_there_was_clock)
{
    static const cf_hash key = {"the guest's key"};
    const cf_message refused = {.command = CF_COMMAND_REFUSED,
                                .refused = {.request = cf_bytes_of_text("CLOCK"),
                                            .code = cf_bytes_of_text(CF_REFUSED_MALFORMED)}};

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_link_start(desk->link);
    cf_link_guest(desk->link, &key, m.now_ms + 600000);
    meet(&m);
    attendee *guest = knock(&m, &key, &m.account.user, cf_bytes_of_text("a sealed knock"));
    cf_link_start(guest->link);
    cf_link_tick(guest->link, m.now_ms, guest->outbox);
    link_hears(guest->link, &refused, m.now_ms, guest->outbox);
    cr_expect_eq(guest->clock_off_ms, 0);
    meet(&m);
    cr_expect_gt(desk->knock.size, 0);
    meeting_close(&m);
}

Test(link_newcomers, spends_nothing_where_the_clocks_are_days_apart)
{
    static const cf_hash key = {"the guest's key"};

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_link_start(desk->link);
    cf_link_guest(desk->link, &key, m.now_ms + 600000);
    meet(&m);
    attendee *guest = knock(&m, &key, &m.account.user, cf_bytes_of_text("a sealed knock"));
    guest->clock_ahead_ms = 2 * CF_DAY_MS;
    cf_link_start(guest->link);
    meet(&m);
    cr_expect_eq(guest->clock_off_ms, -2 * (int64_t)CF_DAY_MS);
    cr_expect_eq(cf_link_session(guest->link), 0);
    cr_expect_eq(desk->knock.size, 0);
    cr_expect_eq(cf_gateway_clock(m.broker.gateway).all, 2);
    cr_expect_eq(cf_gateway_clock(m.broker.gateway).difference_ms, 0);
    cf_gateway_clock_set(m.broker.gateway, 4 * (int64_t)CF_DAY_MS);
    cr_expect_eq(cf_gateway_clock(m.broker.gateway).difference_ms, -2 * (int64_t)CF_DAY_MS);
    cr_expect_eq(cf_gateway_clock(m.broker.gateway).count, 2, "4 and 2 days behind");
    guest->clock_ahead_ms = 0;
    cf_link_start(guest->link);
    meet(&m);
    cr_expect_gt(desk->knock.size, 0);
    meeting_close(&m);
}
