/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the things that could not be put into their places are tried again. */
#include "peer/sources/files/unplaced.h"

#include "tests/support/expect.h"

#include <stdio.h>

enum { THINGS = 5 };

typedef struct {
    cf_id item;
    cf_shown shown;
    cf_step step;
    char name[16];
} thing;

static void make_thing(thing *self, uint8_t number, uint64_t directory)
{
    snprintf(self->name, sizeof self->name, "n%d", number);
    self->item = (cf_id){{'f', number}};
    self->shown = (cf_shown){.kind = CF_KIND_FILE,
                             .items = &self->item,
                             .item_count = 1,
                             .name = cf_bytes_of_text(self->name)};
    self->step = (cf_step){.kind = CF_STEP_CREATE, .parent = directory, .shown = &self->shown};
}

static void make_things(thing things[THINGS], uint64_t directory)
{
    for (int i = 0; i < THINGS; i++)
        make_thing(&things[i], (uint8_t)i, directory);
}

static void fail_with(cf_unplaced *unplaced, const thing *self, const char *why)
{
    char reason[64];

    snprintf(reason, sizeof reason, "renaming x to d: %s: %s", self->name, why);
    cf_unplaced_failed(unplaced, &self->step, reason);
}

/* A bit for each that is tried in a run. */
static unsigned run(cf_unplaced *unplaced, const thing things[THINGS])
{
    unsigned tried = 0;

    cf_unplaced_begin(unplaced);
    for (int i = 0; i < THINGS; i++)
        tried |= cf_unplaced_waits(unplaced, &things[i].step) ? 0 : 1U << i;
    return tried;
}

static cf_unplaced *all_failed(thing things[THINGS])
{
    cf_unplaced *unplaced = cf_unplaced_new();

    make_things(things, 7);
    cr_expect_eq(run(unplaced, things), 0x1f, "what never failed is tried");
    for (int i = 0; i < THINGS; i++)
        fail_with(unplaced, &things[i], "Permission denied");
    return unplaced;
}

Test(unplaced, are_tried_one_in_a_run_each_in_its_turn)
{
    thing things[THINGS];
    cf_unplaced *unplaced = all_failed(things);

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < THINGS; i++) {
            cr_expect_eq(run(unplaced, things), 1U << i, "%d", i);
            fail_with(unplaced, &things[i], "Permission denied");
        }
        cr_expect_eq(run(unplaced, things), 0, "the turn of none, which begins anew");
    }
    cf_unplaced_begin(unplaced);
    cf_unplaced_waits(unplaced, &things[0].step);
    cr_expect_str_eq(cf_unplaced_waits(unplaced, &things[3].step),
                     "renaming x to d: n3: Permission denied", "each has its own reason");
    cf_unplaced_destroy(&unplaced);
}

Test(unplaced, are_all_tried_once_one_goes_into_its_place)
{
    thing things[THINGS], other;
    cf_unplaced *unplaced = all_failed(things);

    make_thing(&other, 9, 7);
    cr_expect_not(cf_unplaced_passed(unplaced, &other.step), "nobody waits for that");
    cr_expect_eq(run(unplaced, things), 1);
    cr_expect(cf_unplaced_passed(unplaced, &things[0].step));
    cr_expect_not(cf_unplaced_passed(unplaced, &things[0].step));
    cr_expect_eq(run(unplaced, things), 0x1f);
    fail_with(unplaced, &things[2], "Permission denied");
    fail_with(unplaced, &things[3], "Permission denied");
    cr_expect_eq(run(unplaced, things), 0x17, "two of them wait for one again");
    cf_unplaced_destroy(&unplaced);
}

Test(unplaced, wait_for_those_of_their_directory_and_reason_only)
{
    thing things[THINGS], there[THINGS];
    cf_unplaced *unplaced = all_failed(things);

    make_things(there, 8);
    for (int i = 0; i < THINGS; i++)
        fail_with(unplaced, &there[i], "Permission denied");
    cr_expect_eq(run(unplaced, things), 1);
    cr_expect_eq(run(unplaced, there), 1);
    fail_with(unplaced, &things[4], "File name too long");
    cr_expect_eq(run(unplaced, things) & 0x10, 0x10);
    cr_expect(cf_unplaced_passed(unplaced, &there[0].step));
    cr_expect_eq(run(unplaced, there), 0x1f);
    cr_expect_neq(run(unplaced, things), 0x1f);
    cf_unplaced_forget(unplaced);
    cr_expect_eq(run(unplaced, things), 0x1f);
    cf_unplaced_destroy(&unplaced);
}

Test(unplaced, are_others_once_their_name_place_or_content_is_another)
{
    thing things[THINGS];
    cf_unplaced *unplaced = all_failed(things);

    cr_expect_eq(run(unplaced, things), 1);
    things[1].shown.name = cf_bytes_of_text("short");
    things[2].step.parent = 8;
    things[3].shown.content = cf_bytes_of_text("other");
    cr_expect_eq(run(unplaced, things) & 0xe, 0xe);
    cf_unplaced_destroy(&unplaced);
}

/* Who fails in another turn than in which it is asked for blocks nobody. */
Test(unplaced, are_tried_though_others_are_gone)
{
    thing things[THINGS];
    cf_unplaced *unplaced = all_failed(things);

    bool tried = false;

    for (int i = 0; i < THINGS - 1; i++)
        run(unplaced, things);
    for (int i = 0; i < 2; i++) { /* the last one is asked for alone from now on */
        cf_unplaced_begin(unplaced);
        tried |= !cf_unplaced_waits(unplaced, &things[THINGS - 1].step);
    }
    cr_expect(tried);
    cf_unplaced_destroy(&unplaced);
}
