/* SPDX-License-Identifier: Apache-2.0 */
/* While another device communicates alone: what waits, what goes on, and what is said of it. */
#include "peer/engine/engine_inside.h"
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

#include <stdlib.h>

enum { LARGE = 5 << 20 };

static void tell_alone(small_device *self, bool begins)
{
    cf_locks_tell_alone(cf_engine_locks(self->engine), &self->in->collection, begins);
    cr_assert(small_device_sync(self));
}

/* Both have something; from then on the second is alone. */
static small_world *a_world(uint64_t seed)
{
    small_world *w = small_world_new(seed, 2);

    small_world_bind_tables(w);
    user_writes_text(&w->devices[0], "first", "first");
    cr_assert(small_world_settle(w));
    small_device_lock(&w->devices[1], false);
    tell_alone(&w->devices[1], true);
    return w;
}

/* As `sync` does it, which waits for nobody. */
static bool ends_locked_out(small_device *self)
{
    const cf_round_options options = {
        .kind = CF_ROUND_SYNC, .word = cf_delete_word_all(), .leaves_locked = true};

    cr_assert(small_device_round(self, &options, SMALL_TURNS_MAX), "it waits");
    return cf_engine_is_locked(self->engine, &self->in->collection);
}

Test(engine_alone, keeps_from_others_what_it_sends_and_nothing_else)
{
    small_world *w = a_world(81);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    cr_expect_not(ends_locked_out(a), "there is nothing to wait for yet");
    user_writes_text(b, "theirs", "theirs");
    user_writes_row(b, 7);
    cr_assert(small_device_sync(b));
    cr_expect(ends_locked_out(a));
    cr_expect(user_has_row(a, 7));
    cr_expect_not(is_there(a, "theirs"));
    tell_alone(b, false);
    cr_expect_not(ends_locked_out(a));
    expect_text(a, "theirs", "theirs");
    small_world_destroy(&w);
}

/* All that is here of a table, as `sync --wait-for` asks. */
static bool has_reported(const small_device *self, const cf_id *collection)
{
    const cf_heads *here = cf_author_heads(self->engine->peer->author, collection);

    return here->count && cf_heads_lacking(here, &self->engine->reports.applied) == 0;
}

Test(engine_alone, keeps_nobody_from_telling_what_is_applied_elsewhere)
{
    small_world *w = a_world(85);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    const cf_id *tables = &a->engine->bindings[1]->collection;

    cr_assert_not(cf_id_equal(tables, &w->collection));
    user_writes_text(b, "theirs", "theirs");
    user_writes_row(b, 7);
    cr_assert(small_device_sync(b));
    cr_expect(ends_locked_out(a));
    cr_expect(user_has_row(a, 7));
    cr_expect(has_reported(a, tables));
    cr_expect(cf_link_is_idle_in(cf_engine_link(a->engine), tables));
    cr_expect_not(cf_link_is_idle_in(cf_engine_link(a->engine), &w->collection));
    user_writes_text(a, "ours", "ours");
    cr_expect(ends_locked_out(a));
    cr_expect(cf_link_is_idle_in(cf_engine_link(a->engine), tables), "what is sent waits, too");
    cr_expect_eq(cf_engine_unsent(a->engine, tables, 1), 0);
    cr_expect_eq(cf_engine_unsent(a->engine, &w->collection, 1), 1);
    cr_expect_eq(cf_engine_unsent(a->engine, NULL, 0), 1);
    small_world_destroy(&w);
}

/* What is applied was told and kept: a device that begins anew knows that before it has looked at
 * anything, as of a collection of which it can't apply all now. */
Test(engine_alone, forgets_nothing_of_what_is_applied_where_it_begins_anew)
{
    small_world *w = a_world(86);
    small_device *a = &w->devices[0];

    cr_expect_not(ends_locked_out(a));
    const size_t count = a->engine->reports.applied.count;
    cr_assert_gt(count, 0);
    user_writes_text(a, "own", "own"); /* whose commit makes durable what was written before */
    cr_expect(ends_locked_out(a));
    small_device_crash(a);
    cr_expect_geq(a->engine->reports.applied.count, count);
    small_world_destroy(&w);
}

/* In a session that begins meanwhile WELCOME names what does not come. */
Test(engine_alone, is_waited_for_in_later_sessions_of_both)
{
    small_world *w = a_world(82);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_writes_text(b, "theirs", "theirs");
    cr_assert(small_device_sync(b));
    small_device_unplug(a);
    small_device_sync(a);
    a->offline = false;
    cr_expect(ends_locked_out(a));
    small_device_unplug(b);
    small_device_sync(b);
    b->offline = false;
    cr_assert(small_device_sync(b));
    cr_expect(ends_locked_out(a));
    tell_alone(b, false);
    cr_expect_not(ends_locked_out(a));
    expect_text(a, "theirs", "theirs");
    small_world_destroy(&w);
}

/* Which keeps nothing of it. */
Test(engine_alone, is_said_again_to_a_broker_that_was_started_anew)
{
    small_world *w = a_world(83);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    small_broker_crash(w);
    cr_assert(small_device_sync(b));
    user_writes_text(b, "theirs", "theirs");
    cr_assert(small_device_sync(b));
    cr_expect(ends_locked_out(a));
    cr_expect_not(is_there(a, "theirs"));
    small_world_destroy(&w);
}

/* Bytes that can't be packed. */
static void write_large(small_device *self)
{
    uint8_t *bytes = cf_allocate(LARGE, 1);

    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (uint8_t)chance_below(&self->in->chance, 256);
    user_writes(self, "large", bytes, LARGE);
    free(bytes);
}

/* Whose entry came before, and whose bytes have come in part, or not at all. */
Test(engine_alone, stops_contents_on_their_way_which_go_on_afterwards)
{
    unsigned stopped = 0, under_way = 0;

    for (unsigned turns = 2; turns < 16; turns++) {
        small_world *w = small_world_new(84, 2);
        small_device *a = &w->devices[0], *b = &w->devices[1];

        user_writes_text(a, "first", "first");
        cr_assert(small_world_settle(w));
        small_device_lock(b, false);
        write_large(b);
        cr_assert(small_device_sync(b));
        small_device_round(a, &(cf_round_options){.kind = CF_ROUND_SYNC}, turns);
        under_way += cf_downloads_busy(a->engine->context.downloads);
        tell_alone(b, true);
        const bool waits = ends_locked_out(a);
        cr_expect_eq(waits, !is_there(a, "large"), "after %u turns", turns);
        stopped += waits && cf_downloads_are_paused(a->engine->context.downloads, NULL);
        tell_alone(b, false);
        cr_expect_not(ends_locked_out(a));
        cr_expect(is_there(a, "large"));
        small_world_destroy(&w);
    }
    cr_expect_gt(stopped, 0);
    cr_expect_gt(under_way, 0);
}
