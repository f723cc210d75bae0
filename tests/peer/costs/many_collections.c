/* SPDX-License-Identifier: Apache-2.0 */
/* What a save costs beside many collections. What is counted is how many stretches of code are run
 * where the engine, the author and the peer look at collections: they are compiled for this test so
 * that each of them calls __sanitizer_cov_trace_pc. */
#include "codec/pack.h"
#include "peer/engine/engine_inside.h"
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_folder.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>

enum { SETTLE_MS = 3000, SAVES = 4, SIZES = 3, FEWEST = 20 };

static uint64_t stretches;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    stretches++;
}

/* One more that no source shows, with one folder in it. */
static void make_collection(small_device *self, unsigned number)
{
    cf_peer *peer = cf_engine_peer(self->engine);
    cf_id id = {{'c', (uint8_t)number, (uint8_t)(number >> 8)}};
    cf_buffer name = {0};
    cf_collection *collection;
    cf_error error;

    cf_pack_text(&name, cf_bytes_of_text("folder"));
    const cf_change change = {
        .item = {{'d', 1}}, .field = cf_bytes_of_text("/name"), .value = cf_buffer_view(&name)};
    expect_ok(cf_peer_collection(peer, &id, &collection, &error), error);
    expect_ok(cf_peer_publish_changes(peer, collection, &change, 1, self->in->now_ms, &error),
              error);
    cf_buffer_release(&name);
}

static small_world *begin(unsigned collections)
{
    small_world *w = small_world_new(9, 2);

    user_writes_text(&w->devices[0], "kept", "first");
    cr_assert(small_world_settle(w));
    for (int i = 0; i < w->count; i++)
        small_device_serves(&w->devices[i]);
    small_world_passes(w, SETTLE_MS);
    for (unsigned i = 0; i < collections; i++)
        make_collection(&w->devices[0], i);
    small_world_passes(w, 3 * SETTLE_MS);
    return w;
}

static void save(small_world *w, unsigned number)
{
    char text[32];

    snprintf(text, sizeof text, "save %u", number);
    user_writes_text(&w->devices[0], "kept", text);
    small_world_passes(w, SETTLE_MS);
    cr_assert(holds(&w->devices[1], "kept", text));
}

Test(many_collections, a_save_costs_the_same_however_many_there_are)
{
    uint64_t counts[SIZES];

    for (unsigned i = 0; i < SIZES; i++) {
        small_world *w = begin((unsigned)FEWEST << 2 * i);

        save(w, 0);
        stretches = 0;
        for (unsigned k = 1; k <= SAVES; k++)
            save(w, k);
        counts[i] = stretches;
        if (getenv("MANY_LOUD"))
            fprintf(stderr, "%llu\n", (unsigned long long)counts[i]);
        cr_expect_geq(cf_engine_peer(w->devices[1].engine)->collection_count,
                      (size_t)FEWEST << 2 * i);
        cr_expect_leq(counts[i], counts[0] + counts[0] / 8, "%llu beside %d, %llu beside %d",
                      (unsigned long long)counts[0], FEWEST, (unsigned long long)counts[i],
                      FEWEST << 2 * i);
        small_world_destroy(&w);
    }
    cr_expect_gt(counts[0], 0, "nothing is counted");
}

static bool says_applied(const small_device *self)
{
    const cf_heads *heads =
        cf_author_heads(cf_engine_peer(self->engine)->author, &self->in->collection);
    bool all = heads->count > 0;

    for (size_t i = 0; i < heads->count; i++)
        all &= cf_heads_contain(&self->engine->reports.applied, &heads->heads[i]);
    return all;
}

/* No entry comes when it is. */
Test(many_collections, what_could_not_be_applied_is_reported_when_it_is)
{
    small_world *w = begin(3);
    char away[sizeof w->devices[1].folder + 8];

    cr_assert(says_applied(&w->devices[1]));
    snprintf(away, sizeof away, "%s.away", w->devices[1].folder);
    cr_assert_eq(rename(w->devices[1].folder, away), 0);
    small_device_sync(&w->devices[1]); /* which sees that it is away */
    user_writes_text(&w->devices[0], "kept", "while it is away");
    user_writes_text(&w->devices[0], "another", "while it is away");
    small_world_passes(w, 3 * SETTLE_MS);
    cr_assert(says_applied(&w->devices[0]));
    cr_expect_not(says_applied(&w->devices[1]));
    cr_assert_eq(rename(away, w->devices[1].folder), 0);
    small_world_passes(w, 40 * SETTLE_MS);
    cr_assert(holds(&w->devices[1], "kept", "while it is away"));
    cr_expect(says_applied(&w->devices[1]));
    small_world_destroy(&w);
}
