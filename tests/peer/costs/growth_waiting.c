/* SPDX-License-Identifier: Apache-2.0 */
/* However many names wait, what happens to one, and a step at which none is due, cost the same.
 * What is counted is how many stretches of the code run: debounce.c is compiled into this program
 * once more, so that each of them calls __sanitizer_cov_trace_pc. */
#include "peer/sources/files/debounce.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { SMALLEST = 1000, SIZES = 3, FACTOR = 4, EVENTS = 100 };

static uint64_t stretches;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    stretches++;
}

typedef void deed(cf_debounce *debounce, int i);

static cf_bytes name_of(int i, char name[16])
{
    return cf_bytes_of(name, (size_t)snprintf(name, 16, "%08d", i));
}

/* Deleted one after the other. */
static cf_debounce *with_waiting(int count)
{
    cf_debounce *debounce = cf_debounce_new();
    char name[16];

    for (int i = 0; i < count; i++)
        cf_debounce_note(debounce, 7, name_of(i, name), CF_EVENT_ABSENT, 100000 + (uint64_t)i);
    return debounce;
}

static void expect_alike(deed *act, const char *what)
{
    uint64_t counts[SIZES];
    int size = SMALLEST;

    for (int k = 0; k < SIZES; k++, size *= FACTOR) {
        cf_debounce *debounce = with_waiting(size);

        act(debounce, 0);
        uint64_t before = stretches;
        for (int i = 1; i <= EVENTS; i++)
            act(debounce, i);
        counts[k] = stretches - before;
        cf_debounce_destroy(&debounce);
    }
    cr_expect_gt(counts[0], EVENTS, "nothing is counted");
    cr_expect_leq(counts[SIZES - 1], 3 * counts[0], "%s: %llu, %llu, %llu", what,
                  (unsigned long long)counts[0], (unsigned long long)counts[1],
                  (unsigned long long)counts[2]); /* names are found by halves */
}

static void happens(cf_debounce *debounce, int i)
{
    cf_debounce_note(debounce, 8, cf_bytes_of_text("log"), CF_EVENT_WRITTEN, 100000 + (uint64_t)i);
    cf_debounce_next(debounce);
}

static void steps(cf_debounce *debounce, int i)
{
    cf_debounce_due due = cf_debounce_take(debounce, 100000 + (uint64_t)i);

    cr_assert(!due.all);
    cr_assert(!due.places.count);
    cf_debounce_next(debounce);
}

static void looks(cf_debounce *debounce, int i)
{
    cf_look_places looked = {0};

    cf_look_places_add(&looked, 8, cf_bytes_of_text("log"), CF_ABSENCE_WAITS);
    cf_debounce_begin(debounce, &looked.at[0], 100000 + (uint64_t)i);
    cf_debounce_end(debounce, &looked, 100000 + (uint64_t)i);
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
