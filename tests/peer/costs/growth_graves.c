/* SPDX-License-Identifier: Apache-2.0 */
/* Who deletes and moves one directory without end costs others work in proportion to what he wrote.
 * Counted are stretches, as in growth.c, of what says which deletions count. */
#include "codec/item.h"
#include "peer/merge/view.h"
#include "tests/peer/model/model_rules.h"
#include "tests/support/expect.h"

#include <stdlib.h>

enum { SMALL = 250, SIZES = 3 };

static uint64_t stretches;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    stretches++;
}

static const cf_id directory = {{CF_KIND_DIRECTORY, 1}}, below = {{CF_KIND_FILE, 2}};

static cf_dot dot_of(uint64_t number)
{
    return (cf_dot){.writer = {{1}}, .sequence = number, .hash = {2}};
}

static void apply(cf_state *state, const cf_dot *dot, const cf_change *change)
{
    cf_state_apply(state, dot, (cf_time){dot->sequence, 0}, change, 1, NULL);
}

/* The entry `number` writes the item's name; or, with `covers`, deletes it. */
static void write(cf_state *state, const cf_id *item, uint64_t number, const cf_cover *covers,
                  size_t count)
{
    const cf_dot dot = dot_of(number);
    cf_change change = {.item = *item};
    cf_buffer value = {0};

    if (covers)
        cf_covers_pack(&value, covers, count);
    else
        cf_pack_bin(&value, cf_bytes_of_text("name"));
    change.field = covers ? (cf_bytes){0} : cf_field_fixed(CF_FIELD_NUMBER_NAME);
    change.value = cf_buffer_view(&value);
    apply(state, &dot, &change);
    cf_buffer_release(&value);
}

static uint64_t count_view(cf_state *state)
{
    const cf_id items[] = {directory, below};
    uint64_t serial = 0;
    cf_rules rules;

    model_rules(&rules, &serial);
    cf_view *view = cf_view_new(&rules, state);
    const uint64_t before = stretches;
    cf_view_update(view, items, 2);
    const uint64_t counted = stretches - before;
    cf_view_destroy(&view);
    cf_state_destroy(&state);
    return counted;
}

/* Moved so many times, each move deleted by an entry of its own. */
static uint64_t moved_and_deleted(size_t times)
{
    cf_state *state = cf_state_new();

    for (size_t i = 1; i <= times; i++)
        write(state, &directory, i, NULL, 0);
    for (size_t i = 1; i <= times; i++) {
        const cf_cover cover = {cf_field_fixed(CF_FIELD_NUMBER_NAME), dot_of(i)};

        write(state, &directory, times + i, &cover, 1);
        write(state, &below, times + i, &cover, 1);
    }
    return count_view(state);
}

/* Deleted so many times, and moved by two who had seen all of that. */
static uint64_t deleted_and_seen(size_t times)
{
    cf_state *state = cf_state_new();
    cf_cover *seen = cf_allocate(times, sizeof *seen);

    for (size_t i = 1; i <= times; i++) {
        const cf_cover cover = {cf_field_fixed(CF_FIELD_NUMBER_NAME), dot_of(10 * times + i)};

        write(state, &directory, i, &cover, 1);
        seen[i - 1] = (cf_cover){{0}, dot_of(i)};
    }
    for (size_t i = 1; i <= 2; i++) {
        write(state, &directory, times + i, NULL, 0);
        write(state, &directory, times + i, seen, times);
    }
    free(seen);
    return count_view(state);
}

static void expect_linear(uint64_t (*work)(size_t times))
{
    uint64_t counts[SIZES];

    for (size_t i = 0; i < SIZES; i++)
        counts[i] = work((size_t)SMALL << i);
    cr_expect_gt(counts[0], SMALL, "nothing is counted");
    for (size_t i = 1; i < SIZES; i++)
        cr_expect_lt(counts[i], 3 * counts[i - 1], "%llu, and %llu for twice as many",
                     (unsigned long long)counts[i - 1], (unsigned long long)counts[i]);
}

Test(growth_graves, of_moves_that_were_deleted_is_linear)
{
    expect_linear(moved_and_deleted);
}

Test(growth_graves, of_deletions_that_were_seen_is_linear)
{
    expect_linear(deleted_and_seen);
}
