/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/upkeep/sweep.h"

#include "broker/gateway/replay_lock.h"
#include "codec/bulk.h"
#include "codec/limits.h"
#include "tests/broker/people/broker_world.h"
#include "tests/support/scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOUR_MS = 60 * 60 * 1000 };

/* Ann's desk has a connection that said HELLO, and the broker is swept once a day. */
typedef struct {
    broker_world *world;
    person account, desk, lap;
    client *at_desk;
    cf_jobs *jobs;
    cf_sweep *sweep;
} ann;

static int waited; /* how often it was told that replays have ended */

static void count_waits(void *context)
{
    (void)context;
    waited++;
}

static ann anns_house(void)
{
    ann a = {.world = a_broker_world(), .account = an_account(1)};

    a.desk = a_device(2, &a.account.user);
    a.lap = a_device(3, &a.account.user);
    settle_in(a.world, &a.account, &a.desk, &a.lap);
    a.at_desk = connect_client(a.world, cf_keys_public(a.desk.keys)->curve);
    greet(a.world, a.at_desk, &a.account.user, NULL, 0);
    a.jobs = cf_jobs_inline_new(0);
    a.sweep = cf_sweep_new(&(cf_sweep_options){.env = &a.world->env,
                                               .store = a.world->broker.store,
                                               .blobs = a.world->broker.blobs,
                                               .users = a.world->broker.users,
                                               .quotas = a.world->broker.quotas,
                                               .jobs = a.jobs,
                                               .ready = count_waits});
    cf_sweep_tick(a.sweep, a.world->now_ms);
    return a;
}

static void end(ann *a)
{
    cf_jobs_destroy(&a->jobs);
    cf_sweep_destroy(&a->sweep);
    broker_world_end(a->world);
    person_end(&a->account);
    person_end(&a->desk);
    person_end(&a->lap);
}

static cf_hash put(ann *a, const char *text)
{
    cf_bytes piece = cf_bytes_of_text(text);
    cf_message message = {
        .command = CF_COMMAND_PUT,
        .put = {.id = cf_sha256_of(piece), .offset = 0, .total = piece.size, .bytes = piece}};

    say(a->world, a->at_desk, &message);
    hear(a->world, a->at_desk, CF_COMMAND_STORED);
    return message.put.id;
}

static void publish_naming(ann *a, const cf_hash *blob)
{
    write_change(&a->desk, "some body", blob, 1);
    publish(a->world, a->at_desk, &a->desk);
}

static bool is_held(ann *a, const cf_hash *blob)
{
    cf_blob_held held;
    cf_error error;

    expect_ok(
        a->world->broker.blobs->held(a->world->broker.blobs, &a->account.user, blob, &held, &error),
        error);
    return held.complete;
}

/* The looking, which runs beside the loop, and then the dropping. */
static void sweep_after(ann *a, uint64_t ms)
{
    a->world->now_ms += ms;
    cf_sweep_tick(a->sweep, a->world->now_ms);
    while (a->jobs->deliver(a->jobs) > 0)
        ;
}

Test(sweep, drops_after_seven_days_what_no_entry_names)
{
    ann a = anns_house();
    cf_quota_figures before, after;
    cf_error error;

    expect_ok(cf_quotas_figures(a.world->broker.quotas, &a.account.user, &before, &error), error);
    cf_hash named = put(&a, "this is named"), idle = put(&a, "this is not");
    publish_naming(&a, &named);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);

    sweep_after(&a, 7 * CF_DAY_MS);
    cr_expect(is_held(&a, &idle), "not older than seven days");
    sweep_after(&a, CF_DAY_MS);
    cr_expect(is_held(&a, &named));
    cr_expect_not(is_held(&a, &idle));
    expect_ok(cf_quotas_figures(a.world->broker.quotas, &a.account.user, &after, &error), error);
    cr_expect_eq(after.blob_bytes - before.blob_bytes, sizeof "this is named" - 1);
    end(&a);
}

/* Not twice in an hour. */
Test(sweep, comes_at_once_where_room_is_short)
{
    ann a = anns_house();
    cf_hash idle = put(&a, "this is not named"), later;

    sweep_after(&a, 7 * CF_DAY_MS - HOUR_MS);
    later = put(&a, "nor is this");
    sweep_after(&a, 2 * HOUR_MS);
    cr_expect(is_held(&a, &idle), "it comes once a day");
    cf_sweep_hurry(a.sweep, a.world->now_ms);
    sweep_after(&a, 0);
    cr_expect_not(is_held(&a, &idle));
    cr_expect(is_held(&a, &later), "it is younger than seven days");
    cf_sweep_hurry(a.sweep, a.world->now_ms + HOUR_MS - 1);
    cr_expect_gt(cf_sweep_tick(a.sweep, a.world->now_ms), a.world->now_ms + HOUR_MS);
    cf_sweep_hurry(a.sweep, a.world->now_ms + HOUR_MS);
    cr_expect_eq(cf_sweep_tick(a.sweep, a.world->now_ms), a.world->now_ms + HOUR_MS);
    end(&a);
}

Test(sweep, drops_uploads_that_were_given_up)
{
    ann a = anns_house();
    cf_bytes piece = cf_bytes_of_text("a first piece");
    cf_message message = {.command = CF_COMMAND_PUT,
                          .put = {.id = {"upload"}, .offset = 0, .total = 500, .bytes = piece}};
    cf_blob_usage usage;
    cf_error error;

    say(a.world, a.at_desk, &message);
    hear(a.world, a.at_desk, CF_COMMAND_MISSING);
    sweep_after(&a, 8 * CF_DAY_MS);
    expect_ok(cf_blobs_usage(a.world->broker.blobs, &a.account.user, &usage, &error), error);
    cr_expect_eq(usage.count, 0);
    end(&a);
}

Test(sweep, keeps_what_an_entry_names_that_is_being_appended)
{
    ann a = anns_house();
    cf_hash blob = put(&a, "this is old");

    a.world->now_ms += 8 * CF_DAY_MS;
    publish_naming(&a, &blob); /* taken, not committed: nobody who reads the log sees it */
    sweep_after(&a, 0);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    cr_expect(is_held(&a, &blob));
    end(&a);
}

/* The job reads the log when the entry isn't there; it is when the dropping begins. */
typedef struct {
    cf_jobs base;
    cf_job *job;
} slow_jobs;

static void keep_job(cf_jobs *jobs, cf_job *job)
{
    ((slow_jobs *)jobs)->job = job;
}

Test(sweep, keeps_what_came_to_be_named_between_looking_and_dropping)
{
    ann a = anns_house();
    slow_jobs slow = {.base.submit = keep_job};
    cf_sweep *sweep = cf_sweep_new(&(cf_sweep_options){.env = &a.world->env,
                                                       .store = a.world->broker.store,
                                                       .blobs = a.world->broker.blobs,
                                                       .users = a.world->broker.users,
                                                       .jobs = &slow.base});
    cf_hash blob = put(&a, "this is old"), idle = put(&a, "this, too");

    cf_sweep_tick(sweep, a.world->now_ms);
    a.world->now_ms += 8 * CF_DAY_MS;
    cf_sweep_tick(sweep, a.world->now_ms);
    slow.job->work(slow.job);
    publish_naming(&a, &blob);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    slow.job->done(slow.job);
    cr_expect(is_held(&a, &blob));
    cr_expect_not(is_held(&a, &idle));

    publish_naming(&a, &idle); /* a moment later: it is told that the blob is gone */
    hear_refusal(a.world, a.at_desk, CF_REFUSED_BLOBS);
    cf_sweep_destroy(&sweep);
    end(&a);
}

static void put_piece(ann *a, size_t number)
{
    static const uint8_t zeros[CF_BLOB_STEP];
    cf_message message = {.command = CF_COMMAND_PUT,
                          .put = {.id = {"upload"},
                                  .offset = number * CF_BLOB_STEP,
                                  .total = 3 * CF_BLOB_STEP,
                                  .bytes = cf_bytes_of(zeros, sizeof zeros)}};

    say(a->world, a->at_desk, &message);
    hear(a->world, a->at_desk, CF_COMMAND_MISSING);
}

Test(sweep, keeps_an_upload_that_went_on_between_looking_and_dropping)
{
    ann a = anns_house();
    slow_jobs slow = {.base.submit = keep_job};
    cf_sweep *sweep = cf_sweep_new(&(cf_sweep_options){.env = &a.world->env,
                                                       .store = a.world->broker.store,
                                                       .blobs = a.world->broker.blobs,
                                                       .users = a.world->broker.users,
                                                       .jobs = &slow.base});
    cf_blob_usage usage;
    cf_error error;

    put_piece(&a, 0);
    cf_sweep_tick(sweep, a.world->now_ms);
    a.world->now_ms += 8 * CF_DAY_MS;
    cf_sweep_tick(sweep, a.world->now_ms);
    slow.job->work(slow.job);
    put_piece(&a, 1);
    slow.job->done(slow.job);
    expect_ok(cf_blobs_usage(a.world->broker.blobs, &a.account.user, &usage, &error), error);
    cr_expect_eq(usage.count, 1);
    cf_sweep_destroy(&sweep);
    end(&a);
}

/* More than it looks at together. */
Test(sweep, finds_what_nothing_names_among_any_number)
{
    enum { CANDIDATES = 16384, NAMED = 2 * CANDIDATES, UNNAMED_EVERY = 100 };
    ann a = anns_house();
    cf_hash *names = cf_allocate(CF_ENTRY_BLOBS_MAX, sizeof *names);
    size_t count = 0, unnamed = 0;
    cf_blob_usage usage;
    cf_error error;

    for (uint32_t i = 0; i < NAMED; i++) {
        uint8_t bytes[4];

        cf_put_u32(bytes, i);
        cf_blob_put blob = {.user = a.account.user,
                            .id = cf_sha256_of(cf_bytes_of(bytes, sizeof bytes)),
                            .total = sizeof bytes,
                            .bytes = cf_bytes_of(bytes, sizeof bytes),
                            .now_ms = a.world->now_ms};
        a.world->broker.blobs->put(a.world->broker.blobs, &blob);
        if (i % UNNAMED_EVERY == 0)
            unnamed++;
        else
            names[count++] = blob.id;
        if (count == CF_ENTRY_BLOBS_MAX || i + 1 == NAMED) {
            write_change(&a.desk, "some body", names, count);
            publish(a.world, a.at_desk, &a.desk);
            hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
            count = 0;
        }
    }
    sweep_after(&a, 8 * CF_DAY_MS);
    expect_ok(cf_blobs_usage(a.world->broker.blobs, &a.account.user, &usage, &error), error);
    cr_expect_eq(usage.count, NAMED - unnamed);
    free(names);
    end(&a);
}

/* Their ids are their sender's to choose: what is no more than a name costs him nothing. */
Test(sweep, leaves_for_tomorrow_what_is_more_than_it_may_hold, .disabled = CF_SANITIZED)
{
    enum { CANDIDATES_MAX = 65536 };
    ann a = anns_house();
    cf_blob_usage usage;
    cf_error error;

    for (uint32_t i = 0; i < CANDIDATES_MAX + 1; i++) {
        cf_blob_put upload = {.user = a.account.user,
                              .total = 2,
                              .bytes = cf_bytes_of("x", 1),
                              .now_ms = a.world->now_ms};

        cf_put_u32(upload.id.bytes, i);
        a.world->broker.blobs->put(a.world->broker.blobs, &upload);
    }
    for (size_t left = 2; left-- > 0;) {
        sweep_after(&a, left ? 8 * CF_DAY_MS : CF_DAY_MS);
        expect_ok(cf_blobs_usage(a.world->broker.blobs, &a.account.user, &usage, &error), error);
        cr_expect_eq(usage.count, left);
    }
    end(&a);
}

Test(sweep, looks_once_a_day)
{
    ann a = anns_house();
    uint64_t first = cf_sweep_tick(a.sweep, a.world->now_ms);

    cr_expect_gt(first, a.world->now_ms);
    cr_expect_eq(cf_sweep_tick(a.sweep, first), first + CF_DAY_MS);
    a.jobs->deliver(a.jobs);
    end(&a);
}

/* The desk has taken one entry, and grants no more yet. */
static void begin_replay(ann *a)
{
    subscribe(a->world, a->at_desk, NULL, 0, 1);
    hear(a->world, a->at_desk, CF_COMMAND_ENTRY);
}

Test(sweep, waits_for_a_replay_that_is_under_way)
{
    ann a = anns_house();
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {.bytes = CF_WINDOW}};
    cf_hash idle = put(&a, "nothing names this");

    begin_replay(&a);
    sweep_after(&a, 8 * CF_DAY_MS);
    cr_expect(is_held(&a, &idle));
    sweep_after(&a, CF_REPLAY_LOCK_WAIT_MS - 1);
    cr_expect(is_held(&a, &idle));
    say(a.world, a.at_desk, &credit);
    broker_world_settle(a.world);
    cr_expect_eq(waited, 1);
    cr_expect(is_held(&a, &idle), "not in the middle of what ends the replay");
    sweep_after(&a, 0);
    cr_expect_not(is_held(&a, &idle));
    end(&a);
}

Test(sweep, is_passed_by_no_replay_and_waits_no_longer_than_others_that_remove)
{
    ann a = anns_house();
    client *at_lap = connect_client(a.world, cf_keys_public(a.lap.keys)->curve);
    cf_hash idle = put(&a, "nothing names this");

    begin_replay(&a);
    sweep_after(&a, 8 * CF_DAY_MS);
    greet(a.world, at_lap, &a.account.user, NULL, 0);
    subscribe(a.world, at_lap, NULL, 0, CF_WINDOW);
    hear_nothing(a.world, at_lap);
    const uint64_t now_ms = a.world->now_ms - (uint64_t)a.world->set_ms;
    cr_expect_gt(cf_gateway_tick(a.world->broker.gateway, a.world->now_ms), now_ms,
                 "it turns in circles");
    a.world->now_ms += CF_REPLAY_LOCK_WAIT_MS;
    broker_world_settle(a.world);
    cr_expect_eq(waited, 1);
    sweep_after(&a, 0);
    cr_expect_not(is_held(&a, &idle));
    hear(a.world, at_lap, CF_COMMAND_ENTRY);
    end(&a);
}

Test(sweep, ends_in_the_middle_of_waiting)
{
    ann a = anns_house();

    put(&a, "nothing names this");
    begin_replay(&a);
    sweep_after(&a, 8 * CF_DAY_MS);
    end(&a);
}

static void expect_exact(ann *a, const char *when)
{
    cf_quota_figures figures;
    cf_blob_usage usage;
    cf_error error;

    expect_ok(cf_quotas_figures(a->world->broker.quotas, &a->account.user, &figures, &error),
              error);
    expect_ok(cf_blobs_usage(a->world->broker.blobs, &a->account.user, &usage, &error), error);
    cr_expect_eq(figures.blob_bytes, usage.size, "%s", when);
    cr_expect_eq(figures.blobs, usage.count, "%s", when);
}

/* Somebody put a copy of the folder back, which has one blob less. */
Test(sweep, corrects_what_is_kept_of_what_blobs_take)
{
    ann a = anns_house();
    cf_error error;

    cf_hash gone = put(&a, "this is gone"), named = put(&a, "this is named");
    publish_naming(&a, &named);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    expect_ok(a.world->broker.blobs->drop(a.world->broker.blobs, &a.account.user, &gone, &error),
              error);
    sweep_after(&a, CF_DAY_MS);
    expect_exact(&a, "corrected");
    end(&a);
}

Test(sweep, keeps_what_is_left_when_blobs_go)
{
    ann a = anns_house();
    cf_error error;

    put(&a, "this is not named");
    cf_hash named = put(&a, "this is named");
    publish_naming(&a, &named);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    cf_quotas_finish(a.world->broker.quotas);
    sweep_after(&a, 8 * CF_DAY_MS);
    expect_exact(&a, "after the sweep");
    expect_ok(a.world->broker.store->commit(a.world->broker.store, &error), error);
    broker_world_crash(a.world);
    expect_exact(&a, "after a kill");
    end(&a);
}

static void lay_aside(scratch *at, const cf_hash *user, const cf_hash *id)
{
    const struct timespec old[2] = {{1, 0}, {1, 0}};
    char path[300], user_hex[65], id_hex[65];

    cf_hex(cf_bytes_of(user->bytes, CF_HASH_SIZE), user_hex);
    cf_hex(cf_bytes_of(id->bytes, CF_HASH_SIZE), id_hex);
    snprintf(path, sizeof path, "%s/blobs/%s", at->path, user_hex);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/blobs/%s/damaged", at->path, user_hex);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "blobs/%s/damaged/%s", user_hex, id_hex);
    scratch_write(at, path, "its damaged bytes");
    int file = scratch_open(at, path, O_RDWR);
    cr_assert_eq(futimens(file, old), 0);
    close(file);
}

static bool count_one(void *context, const cf_blob_info *blob)
{
    *(size_t *)context += blob->is_aside;
    return true;
}

static bool count_whole(void *context, const cf_blob_info *blob)
{
    *(size_t *)context += blob->complete;
    return true;
}

/* Put again from a copy of the folder, or by a crash before the damaged one went. */
Test(sweep, drops_of_what_lies_aside_and_is_whole_only_what_nothing_names)
{
    enum { PAIRS = 20 };
    ann a = anns_house();
    scratch *at = scratch_new();
    cf_blobs *blobs = NULL;
    char path[200], text[40];
    size_t whole = 0, aside = 0;
    cf_error error;

    snprintf(path, sizeof path, "%s/blobs", at->path);
    expect_ok(cf_blob_files_open(path, &blobs, &error), error);
    for (int i = 0; i < 2 * PAIRS; i++) {
        snprintf(text, sizeof text, "%s %d", i < PAIRS ? "this is named" : "this is not", i);
        cf_bytes bytes = cf_bytes_of_text(text);
        cf_hash id = put(&a, text);
        cf_blob_put same = {.user = a.account.user,
                            .id = id,
                            .total = bytes.size,
                            .bytes = bytes,
                            .now_ms = a.world->now_ms};
        blobs->put(blobs, &same);
        lay_aside(at, &a.account.user, &id);
        if (i >= PAIRS)
            continue;
        publish_naming(&a, &id);
        hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    }
    cf_sweep *sweep = cf_sweep_new(&(cf_sweep_options){.env = &a.world->env,
                                                       .store = a.world->broker.store,
                                                       .blobs = blobs,
                                                       .users = a.world->broker.users,
                                                       .jobs = a.jobs});
    cf_sweep_tick(sweep, a.world->now_ms);
    a.world->now_ms += 8 * CF_DAY_MS;
    cf_sweep_tick(sweep, a.world->now_ms);
    while (a.jobs->deliver(a.jobs) > 0)
        ;
    expect_ok(blobs->list(blobs, &a.account.user, 0, count_whole, &whole, &error), error);
    expect_ok(blobs->list(blobs, &a.account.user, 0, count_one, &aside, &error), error);
    cr_expect_eq(whole, PAIRS);
    cr_expect_eq(aside, PAIRS);
    cf_sweep_destroy(&sweep);
    cf_blobs_destroy(&blobs);
    scratch_destroy(&at);
    end(&a);
}

Test(sweep, drops_what_was_set_aside_and_nothing_names)
{
    ann a = anns_house();
    scratch *at = scratch_new();
    cf_blobs *blobs = NULL;
    char path[200];
    size_t left = 0;
    cf_error error;

    snprintf(path, sizeof path, "%s/blobs", at->path);
    expect_ok(cf_blob_files_open(path, &blobs, &error), error);
    cf_hash named = put(&a, "this is named"), idle = {"nothing names this"};
    publish_naming(&a, &named);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    lay_aside(at, &a.account.user, &named);
    lay_aside(at, &a.account.user, &idle);
    cf_sweep *sweep = cf_sweep_new(&(cf_sweep_options){.env = &a.world->env,
                                                       .store = a.world->broker.store,
                                                       .blobs = blobs,
                                                       .users = a.world->broker.users,
                                                       .jobs = a.jobs});
    cf_sweep_tick(sweep, a.world->now_ms);
    a.world->now_ms += 8 * CF_DAY_MS;
    cf_sweep_tick(sweep, a.world->now_ms);
    while (a.jobs->deliver(a.jobs) > 0)
        ;
    expect_ok(blobs->list(blobs, &a.account.user, 0, count_one, &left, &error), error);
    cr_expect_eq(left, 1, "that of the blob that is named stays");
    cf_sweep_destroy(&sweep);
    cf_blobs_destroy(&blobs);
    scratch_destroy(&at);
    end(&a);
}
