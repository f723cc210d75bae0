/* SPDX-License-Identifier: Apache-2.0 */
/* What one act costs a device's link: what it asks of its own log, and how many messages pass. All
 * of that is the same beside few entries that both sides have and beside many. */
#include "tests/broker/people/meeting.h"
#include "tests/broker/costs/tally.h"

typedef void act(meeting *at, attendee *desk, attendee *lap);

static meeting m; /* zeroed and opened by every act */
static tally counted;

static tally cost_beside(void *context, size_t things)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk), *lap = attend(&m, &m.lap);

    cf_link_start(desk->link);
    cf_link_start(lap->link);
    meet(&m);
    for (size_t i = 0; i < things; i++)
        attendee_writes(desk, "a change", NULL, 0);
    meet_until_idle(&m);
    cr_assert_eq(attendee_last(lap), 3 + things);
    tally_store(desk->store, &counted);
    tally_store(lap->store, &counted);
    size_t delivered = m.delivered;
    tally_begin(&counted);
    (*(act **)context)(&m, desk, lap);
    meet_until_idle(&m);
    tally_end(&counted);
    counted.of[TALLY_MESSAGES] = m.delivered - delivered;
    tally out = counted;
    meeting_close(&m);
    return out;
}

#define COST(name, known) COSTS(name, known, known, known)
#define COSTS(name, ...)                                                                           \
    static void name(meeting *at, attendee *desk, attendee *lap);                                  \
    Test(costs_link, of_##name)                                                                    \
    {                                                                                              \
        act *done = name;                                                                          \
                                                                                                   \
        tally_expect(#name, cost_beside, &done, (const char *[]){__VA_ARGS__});                    \
    }                                                                                              \
    static void name(meeting *at, attendee *desk, attendee *lap)

COST(nothing, "")
{
    (void)desk, (void)lap;
    meet(at);
}

COST(a_save, "gets 1, scans 2, shown 2, writes 2, messages 4")
{
    (void)at, (void)lap;
    attendee_writes(desk, "a change", NULL, 0);
}

/* Several that wait go together. */
COST(four_saves, "gets 4, scans 2, shown 8, writes 8, messages 13")
{
    (void)at, (void)lap;
    for (int i = 0; i < 4; i++)
        attendee_writes(desk, "a change", NULL, 0);
}

COST(coming_back, "gets 5, scans 5, shown 8, messages 4")
{
    (void)at, (void)desk;
    cut(lap);
}

COSTS(coming_back_after_a_save, "gets 7, scans 13, shown 21, writes 2, messages 8",
      "gets 7, scans 16, shown 27, writes 2, messages 8",
      "gets 7, scans 19, shown 33, writes 2, messages 8")
{
    (void)at;
    cut(lap);
    attendee_writes(desk, "a change", NULL, 0);
}

COST(coming_back_with_a_save, "gets 7, scans 7, shown 11, writes 2, messages 8")
{
    (void)at, (void)lap;
    cut(desk);
    attendee_writes(desk, "a change", NULL, 0);
}

COST(a_save_with_a_blob_that_is_brought, "gets 1, scans 3, shown 3, writes 2, messages 12")
{
    (void)at;
    cf_hash blob = attendee_has_blob(desk, 1000);

    cf_transfer_offer(cf_link_transfer(desk->link), &blob, 1000, CF_RANK_SMALL);
    attendee_writes(desk, "a change", &blob, 1);
    meet_until_idle(at);
    cf_transfer_want(cf_link_transfer(lap->link), &blob, 0, CF_RANK_SMALL);
}

/* It is there, and isn't sent again. */
COST(a_blob_that_is_offered_twice, "messages 6")
{
    (void)lap;
    cf_hash blob = attendee_has_blob(desk, 1000);

    for (int i = 0; i < 2; i++) {
        cf_transfer_offer(cf_link_transfer(desk->link), &blob, 1000, CF_RANK_SMALL);
        meet_until_idle(at);
    }
}

static void note_held(void *context, cf_status status, cf_blob_held held, const cf_error *error)
{
    (void)error;
    cr_assert_eq(status, CF_OK);
    *(uint64_t *)context = held.size;
}

/* Half of it came before the connection broke. */
COST(an_upload_that_goes_on, "messages 8")
{
    (void)lap;
    const size_t size = 4 * CF_BLOB_STEP;
    cf_hash blob = attendee_has_blob(desk, size);
    uint64_t held = 0;

    for (size_t offset = 0; offset < size / 2; offset += CF_BLOB_STEP)
        at->broker.blobs->put(at->broker.blobs,
                              &(cf_blob_put){.user = at->account.user,
                                             .id = blob,
                                             .offset = offset,
                                             .total = size,
                                             .bytes = {desk->blobs[0].data + offset, CF_BLOB_STEP},
                                             .now_ms = at->now_ms,
                                             .done = note_held,
                                             .context = &held});
    cr_assert_eq(held, size / 2);
    cf_transfer_offer(cf_link_transfer(desk->link), &blob, size, CF_RANK_MEDIUM);
    meet_until_idle(at);
    cr_expect_eq(desk->stored, 1);
}

/* The same from its beginning. */
COST(an_upload, "messages 10")
{
    (void)lap;
    cf_hash blob = attendee_has_blob(desk, 4 * CF_BLOB_STEP);

    cf_transfer_offer(cf_link_transfer(desk->link), &blob, 4 * CF_BLOB_STEP, CF_RANK_MEDIUM);
    meet_until_idle(at);
    cr_expect_eq(desk->stored, 1);
}
