/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/upkeep/search.h"

#include "broker/platform/hash_set.h"
#include "codec/bulk.h"
#include "tests/broker/people/broker_world.h"

enum { TEN_MINUTES_MS = 10 * 60 * 1000 };

/* A broker whose disk loses files. */
typedef struct {
    household at;
    cf_jobs *jobs;
    cf_search *search;
    cf_hash_set wanted; /* blobs that devices were asked for */
} losing_house;

static void note_wanted(void *context, const cf_hash *user, const cf_hash *blobs, size_t count)
{
    losing_house *self = context;

    cr_expect(cf_hash_equal(user, &self->at.account.user));
    for (size_t i = 0; i < count; i++)
        cr_expect(cf_hash_set_insert(&self->wanted, &blobs[i]), "each is asked for once");
}

static void open_house(losing_house *self)
{
    *self = (losing_house){.at = a_greeted_household(), .jobs = cf_jobs_inline_new(0)};
    self->search = cf_search_new(&(cf_search_options){.env = &self->at.world->env,
                                                      .store = self->at.world->broker.store,
                                                      .blobs = self->at.world->broker.blobs,
                                                      .users = self->at.world->broker.users,
                                                      .quotas = self->at.world->broker.quotas,
                                                      .jobs = self->jobs,
                                                      .ask = note_wanted,
                                                      .context = self});
}

static void end(losing_house *self)
{
    cf_jobs_destroy(&self->jobs);
    cf_search_destroy(&self->search);
    cf_hash_set_release(&self->wanted);
    household_end(&self->at);
}

/* A blob that an entry names. */
static cf_hash put(losing_house *self, const char *text)
{
    broker_world *world = self->at.world;
    const cf_bytes piece = cf_bytes_of_text(text);
    cf_message message = {
        .command = CF_COMMAND_PUT,
        .put = {.id = cf_sha256_of(piece), .offset = 0, .total = piece.size, .bytes = piece}};

    say(world, self->at.at_desk, &message);
    hear(world, self->at.at_desk, CF_COMMAND_STORED);
    write_change(&self->at.desk, text, &message.put.id, 1);
    publish(world, self->at.at_desk, &self->at.desk);
    hear(world, self->at.at_desk, CF_COMMAND_ACCEPTED);
    return message.put.id;
}

static void lose(losing_house *self, const cf_hash *blob)
{
    cf_blobs *blobs = self->at.world->broker.blobs;
    cf_error error;

    expect_ok(blobs->drop(blobs, &self->at.account.user, blob, &error), error);
}

static void search(losing_house *self)
{
    cf_error error;

    cf_search_note(self->search, &self->at.account.user, self->at.world->now_ms);
    while (self->jobs->deliver(self->jobs) > 0)
        ;
    expect_ok(self->at.world->broker.store->commit(self->at.world->broker.store, &error), error);
}

static uint64_t blobs_counted(losing_house *self)
{
    cf_quota_figures figures;
    cf_error error;

    expect_ok(
        cf_quotas_figures(self->at.world->broker.quotas, &self->at.account.user, &figures, &error),
        error);
    return figures.blobs;
}

Test(search, asks_for_what_entries_name_and_is_not_here)
{
    losing_house a;

    open_house(&a);
    const cf_hash first = put(&a, "one"), second = put(&a, "two"), third = put(&a, "three");
    search(&a);
    cr_expect_eq(a.wanted.count, 0, "all is here");
    cr_expect_eq(blobs_counted(&a), 3);
    lose(&a, &first);
    lose(&a, &third);
    a.at.world->now_ms += TEN_MINUTES_MS;
    search(&a);
    cr_expect_eq(a.wanted.count, 2);
    cr_expect_eq(blobs_counted(&a), 1, "what is not here takes no room of the user's");
    cr_expect_not(cf_hash_set_contains(&a.wanted, &second));
    cr_expect(cf_log_wants(a.at.world->broker.store, &a.at.account.user, &first));
    cr_expect(cf_log_wants(a.at.world->broker.store, &a.at.account.user, &third));
    end(&a);
}

/* Whoever asks on for what isn't here has no log read more often. */
Test(search, reads_a_log_once_in_ten_minutes_and_misses_nothing)
{
    losing_house a;

    open_house(&a);
    const cf_hash blob = put(&a, "one");
    search(&a);
    lose(&a, &blob);
    a.at.world->now_ms += TEN_MINUTES_MS - 1;
    search(&a);
    cr_expect_eq(a.wanted.count, 0);
    a.at.world->now_ms++;
    cf_search_tick(a.search, a.at.world->now_ms);
    a.jobs->deliver(a.jobs);
    cr_expect_eq(a.wanted.count, 1);
    end(&a);
}

Test(search, asks_for_nothing_when_it_is_stopped)
{
    losing_house a;

    open_house(&a);
    const cf_hash blob = put(&a, "one");
    lose(&a, &blob);
    cf_search_note(a.search, &a.at.account.user, a.at.world->now_ms);
    cf_search_stop(a.search);
    a.jobs->deliver(a.jobs);
    cr_expect_eq(a.wanted.count, 0);
    end(&a);
}
