/* SPDX-License-Identifier: Apache-2.0 */
/* A newcomer, let in over a link. */
#include "broker/link.h"

#include "broker/management.h"
#include "codec/pairing.h"
#include "tests/broker/meeting.h"

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
