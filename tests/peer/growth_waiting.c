/* SPDX-License-Identifier: Apache-2.0 */
/* However many names wait, what happens to one, and a step at which none is due, cost the same.
 * What is counted is how many stretches of the code run: quiet.c is compiled into this program once
 * more, so that each of them calls __sanitizer_cov_trace_pc. */
#include "peer/sources/files/quiet.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { SMALLEST = 1000, SIZES = 3, FACTOR = 4, EVENTS = 100 };

static uint64_t stretches;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    stretches++;
}

typedef void deed(cf_quiet *quiet, int i);

static cf_bytes name_of(int i, char name[16])
{
    return cf_bytes_of(name, (size_t)snprintf(name, 16, "%08d", i));
}

/* Deleted one after the other. */
static cf_quiet *with_waiting(int count)
{
    cf_quiet *quiet = cf_quiet_new();
    char name[16];

    for (int i = 0; i < count; i++)
        cf_quiet_note(quiet, 7, name_of(i, name), CF_EVENT_ABSENT, 100000 + (uint64_t)i);
    return quiet;
}

static void expect_alike(deed *act, const char *what)
{
    uint64_t counts[SIZES];
    int size = SMALLEST;

    for (int k = 0; k < SIZES; k++, size *= FACTOR) {
        cf_quiet *quiet = with_waiting(size);

        act(quiet, 0);
        uint64_t before = stretches;
        for (int i = 1; i <= EVENTS; i++)
            act(quiet, i);
        counts[k] = stretches - before;
        cf_quiet_destroy(&quiet);
    }
    cr_expect_gt(counts[0], EVENTS, "nothing is counted");
    cr_expect_leq(counts[SIZES - 1], 3 * counts[0], "%s: %llu, %llu, %llu", what,
                  (unsigned long long)counts[0], (unsigned long long)counts[1],
                  (unsigned long long)counts[2]); /* names are found by halves */
}

static void happens(cf_quiet *quiet, int i)
{
    cf_quiet_note(quiet, 8, cf_bytes_of_text("log"), CF_EVENT_WRITTEN, 100000 + (uint64_t)i);
    cf_quiet_next(quiet);
}

static void steps(cf_quiet *quiet, int i)
{
    cf_quiet_due due = cf_quiet_take(quiet, 100000 + (uint64_t)i);

    cr_assert(!due.all);
    cr_assert(!due.places.count);
    cf_quiet_next(quiet);
}

static void looks(cf_quiet *quiet, int i)
{
    cf_look_places looked = {0};

    cf_look_places_add(&looked, 8, cf_bytes_of_text("log"), CF_ABSENCE_WAITS);
    cf_quiet_begin(quiet, &looked.at[0], 100000 + (uint64_t)i);
    cf_quiet_end(quiet, &looked, 100000 + (uint64_t)i);
    cf_look_places_release(&looked);
}

Test(growth_waiting, nobody_walks_what_waits_for_an_event)
{
    expect_alike(happens, "events");
}

Test(growth_waiting, nobody_walks_what_waits_for_a_step)
{
    expect_alike(steps, "steps");
}

Test(growth_waiting, nobody_walks_what_waits_for_a_look)
{
    expect_alike(looks, "looks");
}
