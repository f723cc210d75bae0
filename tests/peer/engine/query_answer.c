/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/engine/broker_query.h"
#include "peer/engine/query_answer.h"

#include "codec/limits.h"
#include "tests/support/expect.h"

enum { PAGE = 2048 };

static const cf_id one = {.bytes = {1}}, other = {.bytes = {2}};

/* Descending, each once. */
static cf_head *page_of(uint32_t number)
{
    static cf_head heads[PAGE];

    for (uint32_t i = 0; i < PAGE; i++) {
        heads[i] = (cf_head){.sequence = 1};
        cf_put_u32(heads[i].writer.bytes, UINT32_MAX - number * PAGE - i);
    }
    return heads;
}

Test(query_answer, put_the_pages_of_a_collection_together)
{
    cf_query_answer answer = {0};
    cf_error error;

    for (uint32_t i = 0; i < 3; i++)
        expect_ok(cf_query_answer_hold(&answer, &one, page_of(i), PAGE, &error), error);
    expect_ok(cf_query_answer_hold(&answer, &one, page_of(1), PAGE, &error), error);
    expect_ok(cf_query_answer_hold(&answer, &other, page_of(1), 1, &error), error);
    cf_query_answer_end(&answer);
    cr_assert_eq(answer.held_count, 2);
    cr_expect_eq(answer.held[0].heads.count, 3 * PAGE);
    cr_expect(cf_heads_contain(&answer.held[0].heads, page_of(2) + 7));
    cr_expect_eq(answer.held[1].heads.count, 1);
    cf_query_answer_release(&answer);
}

Test(query_answer, put_the_pages_of_a_device_together)
{
    cf_query_answer answer = {0};
    cf_report_page page = {.device.bytes = {5}, .at_ms = 7, .heads = page_of(0), .count = PAGE};
    cf_error error;

    expect_ok(cf_query_answer_report(&answer, &page, &error), error);
    page.heads = page_of(1);
    expect_ok(cf_query_answer_report(&answer, &page, &error), error);
    page.device.bytes[0] = 6;
    page.count = 0;
    expect_ok(cf_query_answer_report(&answer, &page, &error), error);
    cf_query_answer_end(&answer);
    cr_assert_eq(answer.report_count, 2);
    cr_expect_eq(answer.reports[0].at_ms, 7);
    cr_expect_eq(answer.reports[0].applied.count, 2 * PAGE);
    cr_expect(cf_heads_contain(&answer.reports[0].applied, page_of(0) + 7));
    cr_expect_eq(answer.reports[1].applied.count, 0);
    cf_query_answer_release(&answer);
}

Test(query_answer, hold_as_many_heads_as_a_session_may_name)
{
    cf_query_answer answer = {0};
    cf_error error;

    for (uint32_t i = 0; i < CF_HEADS_MAX / PAGE; i++)
        expect_ok(cf_query_answer_hold(&answer, &one, page_of(i), PAGE, &error), error);
    expect_fails(cf_query_answer_hold(&answer, &one, page_of(99), 1, &error), CF_TOO_LARGE);
    cf_query_answer_end(&answer);
    cr_expect_eq(answer.held[0].heads.count, CF_HEADS_MAX);
    cf_query_answer_release(&answer);
}

Test(query_answer, hold_no_more_collections_without_heads)
{
    cf_query_answer answer = {0};
    cf_error error;

    for (size_t i = 0; i < CF_HEADS_MAX; i++)
        expect_ok(cf_query_answer_hold(&answer, i % 2 ? &one : &other, NULL, 0, &error), error);
    expect_fails(cf_query_answer_hold(&answer, &one, NULL, 0, &error), CF_TOO_LARGE);
    cr_expect_eq(answer.held_count, CF_HEADS_MAX);
    cf_query_answer_release(&answer);
}

Test(query_answer, end_with_reports_that_have_no_end)
{
    cf_query_answer answer = {0};
    cf_report_page page = {.heads = page_of(0), .count = PAGE};
    cf_error error;

    for (uint32_t i = 0; i < CF_REPORTED_MAX / PAGE; i++) {
        page.device.bytes[0] = (uint8_t)(i % 2);
        expect_ok(cf_query_answer_report(&answer, &page, &error), error);
    }
    page.count = 0;
    expect_fails(cf_query_answer_report(&answer, &page, &error), CF_TOO_LARGE);
    cr_expect_eq(answer.report_count, CF_REPORTED_MAX / PAGE);
    cf_query_answer_release(&answer);
}

/* Each device's, once the last of its pages came. */
Test(query_answer, put_the_ends_of_a_devices_chains_together)
{
    cf_query_answer answer = {0};
    cf_ends_page page = {.device.bytes = {5}, .heads = page_of(0), .count = PAGE, .more = true};
    const cf_hash first = page.device;
    cf_error error;

    expect_ok(cf_query_answer_ends(&answer, &page, &error), error);
    cr_expect_null(cf_query_answer_ends_of(&answer, &first));
    page.heads = page_of(1);
    page.more = false;
    expect_ok(cf_query_answer_ends(&answer, &page, &error), error);
    page = (cf_ends_page){.device.bytes = {6}};
    expect_ok(cf_query_answer_ends(&answer, &page, &error), error);
    cf_query_answer_end(&answer);
    cr_assert_not_null(cf_query_answer_ends_of(&answer, &first));
    cr_expect_eq(cf_query_answer_ends_of(&answer, &first)->count, 2 * PAGE);
    cr_expect(cf_heads_contain(cf_query_answer_ends_of(&answer, &first), page_of(0) + 7));
    cr_expect_eq(cf_query_answer_ends_of(&answer, &page.device)->count, 0);
    cr_expect_null(cf_query_answer_ends_of(&answer, &(cf_hash){{7}}));
    cf_query_answer_release(&answer);
}

Test(query_answer, end_with_chains_that_have_no_end)
{
    cf_query_answer answer = {0};
    cf_ends_page page = {.count = PAGE, .more = true};
    cf_error error;

    for (uint32_t i = 0; i < CF_HEADS_MAX / PAGE; i++) {
        page.heads = page_of(i);
        expect_ok(cf_query_answer_ends(&answer, &page, &error), error);
    }
    page.count = 0;
    expect_fails(cf_query_answer_ends(&answer, &page, &error), CF_TOO_LARGE);
    cf_query_answer_release(&answer);
}

Test(query_answer, know_where_it_is_from_what_was_said_last)
{
    const uint8_t first[16] = {1}, last[16] = {2};
    const cf_bytes lines[] = {cf_bytes_of_text("tcp://a"), cf_bytes_of_text("tcp://b")};
    cf_query_answer answer = {0};

    cf_query_answer_locate(&answer, first, 5, lines, 2);
    for (uint64_t i = 0; i < 9; i++)
        cf_query_answer_locate(&answer, last, 6 + i, lines + 1, 1);
    cr_assert_eq(answer.line_count, 1);
    cr_expect_str_eq(answer.lines[0], "tcp://b");
    cr_expect_eq(answer.position, 14);
    cr_expect_arr_eq(answer.instance, last, sizeof last);
    cf_query_answer_release(&answer);
}

Test(query_answer, no_more_devices_are_asked_for_than_a_message_holds)
{
    cf_broker_query *none = NULL;
    cf_error error;

    expect_fails(cf_broker_query_new_of_chains(NULL, NULL, 0, NULL, CF_CHAINS_DEVICES_MAX + 1,
                                               &none, &error),
                 CF_TOO_LARGE);
}
