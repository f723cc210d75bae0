/* SPDX-License-Identifier: Apache-2.0 */
/* Validity as a log works it out, entry by entry, against the same over the whole set. */
#include "broker/log/log.h"
#include "broker/members/registry.h"
#include "tests/broker/log/member_history.h"

#include <stdlib.h>
#include <string.h>

/* A log that takes a history in some order, as a peer does: what it folded stays folded until it
 * is told to look again. */
typedef struct {
    member_history *of;
    cf_store_memory_disk *disk;
    cf_store *store;
    cf_log *log;
    bool held[MEMBER_ACTS];
    bool folded[MEMBER_ACTS];
} taker;

static taker a_taker(member_history *of)
{
    static const uint8_t instance[16] = {1};
    taker made = {.of = of, .disk = cf_store_memory_disk_new(instance)};
    cf_error error;

    made.store = cf_store_memory_new(made.disk);
    expect_ok(cf_log_open(made.store, &of->user, NULL, &made.log, &error), error);
    return made;
}

static void end(taker *self)
{
    cf_log_destroy(&self->log);
    cf_store_destroy(&self->store);
    cf_store_memory_disk_destroy(&self->disk);
}

static void reopen(taker *self)
{
    cf_error error;

    cf_log_destroy(&self->log);
    expect_ok(cf_log_open(self->store, &self->of->user, NULL, &self->log, &error), error);
}

static bool is_void(taker *self, int index)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;
    bool found;

    expect_ok(cf_entry_read(cf_buffer_view(&self->of->acts[index].wire), &arena, &entry, &error),
              error);
    expect_ok(cf_log_is_void(self->log, &entry, &found, &error), error);
    cf_arena_release(&arena);
    return found;
}

static void take(taker *self, int index)
{
    cf_offer offer = {.bringer = CF_BRINGER_ANOTHER};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;
    cf_verdict verdict;

    expect_ok(cf_entry_read(cf_buffer_view(&self->of->acts[index].wire), &arena, &entry, &error),
              error);
    expect_ok(cf_log_check(self->log, &entry, &offer, &verdict, &error), error);
    cr_assert_eq(verdict.answer, CF_OFFER_NEW, "%s", verdict.text);
    self->folded[index] = !verdict.is_void;
    cf_log_append(self->log, &entry, &offer, NULL, 0, NULL, NULL);
    self->held[index] = true;
    cf_arena_release(&arena);
}

static bool fold_again(void *context, const cf_id *collection)
{
    taker *self = context;

    for (int i = 0; i < self->of->count; i++) {
        const act *of = &self->of->acts[i];
        const char *name = of->collection ? "letters" : "papers";

        if (self->held[i] && of->collection != NOBODY &&
            strcmp((const char *)collection->bytes, name) == 0)
            self->folded[i] = !is_void(self, i);
    }
    return true;
}

static bool expect_none(void *context, const cf_id *collection)
{
    (void)context;
    cr_expect(false, "%.16s differs, after all was settled", (const char *)collection->bytes);
    return false;
}

static void commit(taker *self)
{
    cf_arena arena = {0};
    cf_kv *records;
    size_t count;
    cf_error error;

    expect_ok(self->store->commit(self->store, &error), error);
    expect_ok(cf_log_to_settle(self->log, fold_again, self, &error), error);
    expect_ok(cf_log_settle(self->log, &arena, &records, &count, &error), error);
    expect_ok(self->store->write(self->store, &self->of->user, records, count, true, &error),
              error);
    expect_ok(cf_log_to_settle(self->log, expect_none, NULL, &error), error);
    cf_arena_release(&arena);
}

static bool is_ready(const taker *self, int index)
{
    const act *of = &self->of->acts[index];

    if (self->held[index])
        return false;
    for (int i = 0; i < self->of->count; i++)
        if (of->past[i] && !self->held[i])
            return false;
    return true;
}

static int choose_ready(taker *self)
{
    int ready[MEMBER_ACTS], count = 0;

    for (int i = 0; i < self->of->count; i++)
        if (is_ready(self, i))
            ready[count++] = i;
    return count ? ready[member_history_random(self->of, (unsigned)count)] : NOBODY;
}

static void expect_as_the_whole_set(taker *self, uint64_t seed, int step)
{
    member_history_judge(self->of, self->held);
    for (int i = 0; i < self->of->count; i++) {
        const act *of = &self->of->acts[i];

        if (!self->held[i])
            continue;
        cr_assert_eq(is_void(self, i), self->of->is_void[i], "history %lu, step %d: entry %d",
                     (unsigned long)seed, step, i);
        cr_assert(of->collection == NOBODY || self->folded[i] != self->of->is_void[i],
                  "history %lu, step %d: entry %d isn't folded as it should", (unsigned long)seed,
                  step, i);
    }
    for (int i = 0; i < DEVICES; i++) {
        const cf_device *device = cf_registry_device(cf_log_registry(self->log), &self->of->ids[i]);
        bool is_valid = self->of->roles[i] && !self->of->is_out[i];

        cr_assert_eq(device && device->is_valid, is_valid, "history %lu, step %d: device %d",
                     (unsigned long)seed, step, i);
        cr_assert(!is_valid || device->role == self->of->roles[i], "history %lu, step %d: role %d",
                  (unsigned long)seed, step, i);
    }
}

/* Who asks before the commit is told of what is committed, and spoils nothing by it. */
static void ask_early(taker *self)
{
    for (int i = 0; i < self->of->count; i++)
        if (self->held[i])
            is_void(self, i);
}

/* In a random causal order, with commits and openings in between. */
static void play(member_history *of, uint64_t seed)
{
    taker self = a_taker(of);
    int next;

    for (int step = 0; (next = choose_ready(&self)) != NOBODY; step++) {
        take(&self, next);
        if (member_history_random(of, 4) == 0)
            ask_early(&self);
        if (member_history_random(of, 3) == 0) {
            commit(&self);
            if (member_history_random(of, 4) == 0)
                reopen(&self);
            expect_as_the_whole_set(&self, seed, step);
        }
    }
    commit(&self);
    expect_as_the_whole_set(&self, seed, MEMBER_ACTS);
    end(&self);
}

Test(validity, is_that_of_the_whole_set_in_whatever_order_entries_come)
{
    const char *wish = getenv("CF_HISTORIES");
    uint64_t count = wish ? strtoull(wish, NULL, 10) : 60;

    for (uint64_t seed = 1; seed <= count; seed++) {
        member_history *of = a_member_history(seed);

        for (int order = 0; order < 3; order++)
            play(of, seed);
        member_history_end(&of);
    }
}

/* Else the test above would say little. */
Test(validity, meets_every_way_of_being_void)
{
    unsigned voided = 0, counting = 0, out = 0, back = 0;

    for (uint64_t seed = 1; seed <= 100; seed++) {
        member_history *of = a_member_history(seed);
        bool held[MEMBER_ACTS], without[MEMBER_ACTS], before[MEMBER_ACTS];

        memset(held, true, sizeof held);
        member_history_judge(of, held);
        for (int i = 0; i < of->count; i++) {
            voided += of->is_void[i] && of->acts[i].collection != NOBODY;
            counting += !of->is_void[i] && of->acts[i].collection != NOBODY;
            before[i] = of->is_void[i];
            without[i] =
                of->acts[i].operation.kind != CF_MEMBER_ANNUL || of->acts[i].collection != NOBODY;
        }
        for (int i = 0; i < DEVICES; i++)
            out += of->is_out[i];
        member_history_judge(of, without);
        for (int i = 0; i < of->count; i++)
            back += without[i] && of->is_void[i] && !before[i];
        member_history_end(&of);
    }
    cr_expect_gt(voided, 300, "%u", voided);
    cr_expect_gt(counting, 300, "%u", counting);
    cr_expect_gt(out, 50, "%u", out);
    cr_expect_gt(back, 5, "%u", back);
}
