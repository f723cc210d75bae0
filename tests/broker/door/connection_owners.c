/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/door/connection_owners.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { UNREAD = 3, DESCRIPTOR = 10, LATER_MS = 60000 };

/* Who was told to be gone, one after the other. */
typedef struct {
    cf_connection_owners *owners;
    char gone[256];
} hall;

static void note_gone(void *context, cf_bytes routing_id)
{
    hall *self = context;
    size_t size = strlen(self->gone);

    snprintf(self->gone + size, sizeof self->gone - size, "%.*s ", (int)routing_id.size,
             (const char *)routing_id.data);
}

static void open_hall(hall *self)
{
    cf_connection_owners_options options = {.unread = UNREAD, .gone = note_gone, .context = self};

    *self = (hall){.owners = cf_connection_owners_new(&options)};
    cf_connection_owners_opened(self->owners, DESCRIPTOR);
}

static void heard(const hall *self, const char *who, int times)
{
    for (int i = 0; i < times; i++)
        cf_connection_owners_heard(self->owners, DESCRIPTOR, cf_bytes_of_text(who));
}

static bool is_sure(const hall *self, const char *who)
{
    return cf_connection_owners_is_sure(self->owners, DESCRIPTOR, cf_bytes_of_text(who));
}

static bool is_shut(const hall *self, const char *who, uint64_t now_ms)
{
    return cf_connection_owners_is_shut(self->owners, DESCRIPTOR, cf_bytes_of_text(who), now_ms);
}

static void reopen(const hall *self, uint64_t now_ms)
{
    cf_connection_owners_closed(self->owners, DESCRIPTOR, now_ms);
    cf_connection_owners_opened(self->owners, DESCRIPTOR);
}

static void expect_candidates(const hall *self, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_expect(cf_connection_owners_at(self->owners, DESCRIPTOR, i).size);
    cr_expect_not(cf_connection_owners_at(self->owners, DESCRIPTOR, count).size);
}

Test(connection_owners, tell_that_who_spoke_through_a_connection_is_gone)
{
    hall h;
    open_hall(&h);

    heard(&h, "ann", 1);
    expect_candidates(&h, 1);
    cf_connection_owners_closed(h.owners, DESCRIPTOR, 0);
    cr_expect_str_eq(h.gone, "ann ");
    cf_connection_owners_closed(h.owners, DESCRIPTOR, 0);
    cr_expect_str_eq(h.gone, "ann ");
    expect_candidates(&h, 0);
    cf_connection_owners_destroy(&h.owners);
}

Test(connection_owners, are_not_sure_before_more_came_than_one_leaves_behind)
{
    hall h;
    open_hall(&h);

    heard(&h, "ann", UNREAD);
    cr_expect_not(is_sure(&h, "ann"));
    heard(&h, "ann", 1);
    cr_expect(is_sure(&h, "ann"));
    cr_expect_not(is_sure(&h, "bob"));
    reopen(&h, 0);
    heard(&h, "ann", UNREAD); /* the last of it */
    cr_expect_not(is_sure(&h, "ann"));
    cf_connection_owners_destroy(&h.owners);
}

/* bob's connection has ended, and what he had said is read among what ann says. */
Test(connection_owners, end_nobody_for_what_another_left_behind)
{
    hall h;
    open_hall(&h);

    heard(&h, "bob", 1);
    reopen(&h, 0);
    cr_expect_str_eq(h.gone, "bob ");
    h.gone[0] = '\0';
    for (int i = 0; i < UNREAD; i++) {
        heard(&h, "ann", 1);
        heard(&h, "bob", 1);
    }
    cr_expect_str_empty(h.gone);
    expect_candidates(&h, 2);
    cf_connection_owners_closed(h.owners, DESCRIPTOR, 0);
    cr_expect(strstr(h.gone, "ann "));
    cf_connection_owners_destroy(&h.owners);
}

Test(connection_owners, forget_the_others_as_soon_as_one_is_sure)
{
    hall h;
    open_hall(&h);

    heard(&h, "bob", UNREAD);
    heard(&h, "ann", UNREAD + 1);
    cr_expect_str_eq(h.gone, "bob ");
    heard(&h, "bob", 100);
    cr_expect_not(is_sure(&h, "bob"));
    cr_expect(is_sure(&h, "ann"));
    expect_candidates(&h, 1);
    cf_connection_owners_destroy(&h.owners);
}

Test(connection_owners, are_bounded_for_one_descriptor)
{
    hall h;
    open_hall(&h);

    heard(&h, "ann", 2);
    for (int i = 0; i < 100; i++) {
        char name[16];

        snprintf(name, sizeof name, "mad %d", i);
        heard(&h, name, 1);
    }
    expect_candidates(&h, 4);
    heard(&h, "ann", UNREAD - 1); /* she was not who made room */
    cr_expect(is_sure(&h, "ann"));
    expect_candidates(&h, 1);
    cf_connection_owners_destroy(&h.owners);
}

Test(connection_owners, who_were_shut_say_nothing_more)
{
    hall h;
    open_hall(&h);

    heard(&h, "mad", UNREAD + 1);
    cr_expect_not(is_shut(&h, "mad", 0));
    cf_connection_owners_shut(h.owners, DESCRIPTOR, cf_bytes_of_text("mad"));
    cr_expect(is_shut(&h, "mad", LATER_MS), "while its connection lasts");
    reopen(&h, LATER_MS);
    heard(&h, "mad", 1);
    cr_expect(is_shut(&h, "mad", LATER_MS), "what it left behind");
    heard(&h, "ann", 1);
    cr_expect_not(is_shut(&h, "ann", LATER_MS));
    cr_expect_not(is_shut(&h, "mad", 2 * LATER_MS), "it can't be of that connection");
    cf_connection_owners_destroy(&h.owners);
}

/* Somebody may give itself a name that another had. */
Test(connection_owners, are_heard_again_who_surely_came_again)
{
    hall h;
    open_hall(&h);

    heard(&h, "mad", UNREAD + 1);
    cf_connection_owners_shut(h.owners, DESCRIPTOR, cf_bytes_of_text("mad"));
    reopen(&h, 0);
    heard(&h, "mad", UNREAD);
    cr_expect(is_shut(&h, "mad", 0));
    heard(&h, "mad", 1);
    cr_expect_not(is_shut(&h, "mad", 0));
    cf_connection_owners_destroy(&h.owners);
}

Test(connection_owners, remember_so_many_who_were_shut)
{
    hall h;
    char name[16];
    open_hall(&h);

    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "mad %d", i);
        heard(&h, name, UNREAD + 1);
        cf_connection_owners_shut(h.owners, DESCRIPTOR, cf_bytes_of_text(name));
        reopen(&h, 0);
    }
    cr_expect(is_shut(&h, "mad 999", 0));
    cr_expect(is_shut(&h, "mad 800", 0));
    cr_expect_not(is_shut(&h, "mad 0", 0));
    cf_connection_owners_destroy(&h.owners);
}

Test(connection_owners, keep_nothing_of_a_descriptor_that_nobody_has)
{
    hall h;
    open_hall(&h);

    cf_connection_owners_closed(h.owners, DESCRIPTOR, 0);
    heard(&h, "ann", 100);
    cf_connection_owners_heard(h.owners, -1, cf_bytes_of_text("ann"));
    expect_candidates(&h, 0);
    cr_expect_not(is_sure(&h, "ann"));
    cf_connection_owners_destroy(&h.owners);
}
