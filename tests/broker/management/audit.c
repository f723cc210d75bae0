/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/management/audit.h"
#include "broker/management/member_news.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000 };

static const cf_hash ann = {{0x6f, 0x1c, 0x20, 0xa9, 0xbe, 0x47}}, bob = {{0xb0}};

/* Lines as the log gets them, one after the other. */
static cf_buffer lines;

static void keep(void *context, cf_report_level level, const char *text)
{
    const cf_report_level *expected = context;

    cr_assert_eq(level, expected ? *expected : CF_REPORT_NOTICE);
    cf_buffer_append_text(&lines, "%s\n", text);
}

static const cf_env env = {.report = keep};

static size_t count_lines(void)
{
    size_t count = 0;

    for (size_t i = 0; i < lines.size; i++)
        count += lines.data[i] == '\n';
    return count;
}

static bool says(const char *text)
{
    return memmem(lines.data, lines.size, text, strlen(text)) != NULL;
}

static void forget(void)
{
    cf_buffer_release(&lines);
}

Test(audit, writes_one_line_with_keys_in_their_order)
{
    cf_audit *audit = cf_audit_new(&env);
    cf_audit_event event = {.what = CF_AUDIT_QUOTA_REFUSED,
                            .why = "full",
                            .size = 12,
                            .address = "192.0.2.7",
                            .entry = &bob,
                            .user = &ann};

    cf_audit_note(audit, &event, 0);

    cr_assert(says("audit what=quota-refused user=6f1c20a9be47 entry=b00000000000 "
                   "address=192.0.2.7 size=12 why=\"full\"\n"));
    cr_assert_eq(count_lines(), 1);
    cf_audit_destroy(&audit);
    forget();
}

Test(audit, lets_no_text_out_of_its_quotes_or_line)
{
    cf_audit *audit = cf_audit_new(&env);
    cf_audit_event event = {.what = CF_AUDIT_MESSAGE_REFUSED,
                            .why = "a\" what=user-removed\naudit \\"};

    cf_audit_note(audit, &event, 0);

    cr_assert(says("why=\"a\\\" what=user-removed?audit \\\\\"\n"));
    cr_assert_eq(count_lines(), 1);
    cf_audit_destroy(&audit);
    forget();
}

Test(audit, counts_what_an_address_repeats_within_a_minute)
{
    cf_audit *audit = cf_audit_new(&env);
    cf_audit_event event = {.what = CF_AUDIT_CONNECTION_REFUSED, .address = "192.0.2.7"};
    cf_audit_event other = {.what = CF_AUDIT_CONNECTION_REFUSED, .address = "192.0.2.8"};

    for (int i = 0; i < 5000; i++)
        cf_audit_note(audit, &event, (uint64_t)i);
    cf_audit_note(audit, &other, 0);
    cr_assert_eq(count_lines(), 2, "a line for each address");

    cr_assert_eq(cf_audit_tick(audit, MINUTE_MS - 1), MINUTE_MS);
    cr_assert_eq(count_lines(), 2);
    cr_assert_eq(cf_audit_tick(audit, MINUTE_MS), UINT64_MAX);
    cr_assert(says("audit what=connection-refused address=192.0.2.7 count=4999\n"));
    cr_assert_eq(count_lines(), 3);

    cf_audit_note(audit, &event, MINUTE_MS);
    cr_assert_eq(count_lines(), 4, "a new minute has a line of its own");
    cf_audit_destroy(&audit);
    forget();
}

/* A detail has a line, and then others and a notice are counted: what counts them is no detail. */
Test(audit, counts_at_the_most_important_level_that_came)
{
    cf_report_level expected = CF_REPORT_DETAIL;
    const cf_env here = {.report = keep, .context = &expected};
    cf_audit *audit = cf_audit_new(&here);
    cf_audit_event event = {
        .what = CF_AUDIT_CONNECTION_REFUSED, .address = "192.0.2.7", .is_detail = true};

    for (int i = 0; i < 3; i++)
        cf_audit_note(audit, &event, 0);
    event.is_detail = false;
    cf_audit_note(audit, &event, 0);
    event.is_detail = true;
    cf_audit_note(audit, &event, 0);
    expected = CF_REPORT_NOTICE;
    cf_audit_tick(audit, MINUTE_MS);
    cr_assert(says("count=4\n"));
    cf_audit_destroy(&audit);
    forget();
}

Test(audit, holds_a_bounded_memory_of_many_addresses)
{
    enum { ADDRESSES = 10000 }; /* ten times what it has room for */
    cf_audit *audit = cf_audit_new(&env);

    for (int i = 0; i < ADDRESSES; i++) {
        char address[32];
        cf_audit_event event = {.what = CF_AUDIT_CONNECTION_REFUSED, .address = address};

        snprintf(address, sizeof address, "2001:db8::%x", (unsigned)i);
        cf_audit_note(audit, &event, 0);
    }
    cr_assert_leq(count_lines(), 1100);
    cf_audit_destroy(&audit);
    cr_assert(says("audit what=connection-refused count=8975\n"));
    forget();
}

Test(audit, writes_each_thing_that_the_operator_did)
{
    cf_audit *audit = cf_audit_new(&env);
    cf_audit_event event = {.what = CF_AUDIT_INVITATION_MADE, .key = &bob};

    for (int i = 0; i < 500; i++)
        cf_audit_note(audit, &event, 0);

    cr_assert_eq(count_lines(), 500);
    cf_audit_destroy(&audit);
    forget();
}

Test(audit, does_without_a_log)
{
    cf_audit *none = NULL;

    cf_audit_note(none, &(cf_audit_event){.what = CF_AUDIT_SESSION_BEGUN}, 0);
    cr_assert_eq(cf_audit_tick(none, 0), UINT64_MAX);
    cf_audit_destroy(&none);
}

/* ---- Of the member log ---- */

static cf_member_news news_of(const cf_member *member, const cf_hash *author)
{
    cf_buffer body = {0};
    cf_member_news news;

    cf_member_pack(member, &body);
    cf_member_news_read(&(cf_entry){.header = {.device = *author}, .body = cf_buffer_view(&body)},
                        &news);
    cf_buffer_release(&body);
    return news;
}

Test(audit, tells_whose_role_is_which_and_who_left)
{
    const cf_member role = {.kind = CF_MEMBER_ROLE, .device = bob, .role = CF_ROLE_READER};
    const cf_member_news of_bob = news_of(&role, &ann),
                         of_ann = news_of(&(cf_member){.kind = CF_MEMBER_LEAVE}, &ann);

    cr_expect_eq(of_bob.what, CF_AUDIT_DEVICE_ROLE);
    cr_expect(cf_hash_equal(&of_bob.device, &bob));
    cr_expect_eq(of_bob.role, CF_ROLE_READER);
    cr_expect_eq(of_ann.what, CF_AUDIT_DEVICE_REVOKED);
    cr_expect(cf_hash_equal(&of_ann.device, &ann));
}
