/* SPDX-License-Identifier: Apache-2.0 */
/* What the worlds found in sources of records. */
#include "tests/worlds/history.h"
#include "tests/worlds/records.h"
#include "tests/worlds/scene.h"
#include "tests/worlds/sight.h"

#include <sodium.h>

enum {
    SEEDS = 12,
    TICK_MS = 4,
    CARDS = 1 << RECORDS_CARDS,
    TABLE = 1 << RECORDS_TABLE,
    NUMBERS = 1 << RECORDS_NUMBERS,
    EVENTS = 1 << RECORDS_EVENTS
};

static void saves_card(device *who, const char *path, const char *key, const char *name,
                       disk_save_way how)
{
    cells card = {0};
    cf_buffer bytes = {0};

    cells_add(&card, key, "", "");
    cells_add(&card, key, "name/full", name);
    cells_write_card(&card, key, &bytes);
    disk_user_saves(who->drive, path, cf_buffer_view(&bytes), how);
    cf_buffer_release(&bytes);
    cells_release(&card);
}

static void writes_card(device *who, const char *path, const char *key, const char *name)
{
    saves_card(who, path, key, name, DISK_SAVE_BY_RENAME);
    disk_user_syncs(who->drive, path);
}

static void sets_field(device *who, const char *key, const char *field, const char *value)
{
    cells all;

    records_read(who, RECORDS_TABLE, &all);
    if (!cells_find(&all, key, ""))
        cells_add(&all, key, "", "");
    cells_set(&all, key, field, value);
    records_save_table(who, RECORDS_TABLE, &all, false);
    cells_release(&all);
}

static void writes_row(device *who, const char *key, const char *name)
{
    sets_field(who, key, "name", name);
}

static void drops_row_of(device *who, record_kind kind, const char *key)
{
    cells all;

    records_read(who, kind, &all);
    cells_drop_row(&all, key);
    records_save_table(who, kind, &all, false);
    cells_release(&all);
}

static void drops_row(device *who, const char *key)
{
    drops_row_of(who, RECORDS_TABLE, key);
}

/* A file whose name is not on the disk yet may be gone after a power cut, and say so to others. */
Test(record_scenes, what_was_published_is_not_lost_with_the_power)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world *w = a_world_with(seed, 2, CARDS | TABLE);
        device *one = &w->devices[0];

        writes_card(one, "/cards/a.vcf", "a", "Anna");
        writes_row(one, "k", "Karl");
        cr_assert(syncs(one));
        loses_power(one);
        expect_records(w, "table k\ntable k name Karl\ncards a\ncards a name/full Anna\n");
        writes_row(one, "k", "Kurt");
        disk_user_moves(one->drive, "/cards/a.vcf", "/cards/b.vcf");
        cr_assert(syncs(one));
        loses_power(one);
        expect_records(w, "table k\ntable k name Kurt\ncards a\ncards a name/full Anna\n");
        disk_user_unlinks(one->drive, "/cards/b.vcf");
        cr_assert(syncs(one));
        loses_power(one);
        expect_records(w, "table k\ntable k name Kurt\n");
        world_destroy(&w);
    }
}

/* The step of the disk's times begins, and lasts until the end. */
static world *a_world_in_a_step(uint64_t seed)
{
    enum { STEP_MS = 2000, BEFORE_MS = 1000 /* as long as a look waits */ };
    world *w = a_world_with(seed, 1, CARDS);

    disk_set_step(w->devices[0].drive, STEP_MS * INT64_C(1000000));
    world_wait(w, 10 * STEP_MS - w->now_ms % STEP_MS - BEFORE_MS);
    return w;
}

/* World 34: within one step of the disk's times the folder was made durable, and a card was made in
 * it; or a card was made durable, and saved again with as many bytes. */
Test(record_scenes, a_card_that_was_saved_in_one_step_of_times_with_a_look_is_not_lost)
{
    for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++) {
        world *w = a_world_in_a_step((seed + 1) / 2);
        device *one = &w->devices[0];
        const world_round round = {.set = 1, .turns = TURNS_MAX};
        const bool saves_again = seed % 2;

        if (!saves_again)
            disk_user_touches(one->drive, "/cards/empty.txt");
        world_wait(w, 1000); /* the step begins */
        if (saves_again)
            writes_card(one, "/cards/a.vcf", "a", "Anna");
        world_wait(w, 20);
        world_sync(w, &round);
        saves_card(one, "/cards/a.vcf", "a", "Emma",
                   saves_again ? DISK_SAVE_IN_PLACE : DISK_SAVE_BY_RENAME);
        world_wait(w, 20);
        world_sync(w, &round);
        cr_assert(one->claims);
        loses_power(one);
        expect_records(w, "cards a\ncards a name/full Emma\n");
        world_destroy(&w);
    }
}

/* World 7000222: the folder was made durable, and changed again before the clock that stamps it had
 * gone on: its times were the same. */
Test(record_scenes, a_card_that_was_saved_just_after_a_look_is_not_lost_with_the_power)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world *w = a_world_with(seed, 1, CARDS);
        device *one = &w->devices[0];
        const world_round look = {.set = 1, .turns = 1};

        one->serves = true;
        writes_card(one, "/cards/a.vcf", "a", "Anna");
        cr_assert(syncs(one));
        world_wait(w, TICK_MS - w->now_ms % TICK_MS);
        disk_user_removes(one->drive, "/cards/a.vcf");
        world_sync(w, &look);
        writes_card(one, "/cards/b.vcf", "b", "Berta");
        cr_assert(syncs(one));
        loses_power(one);
        expect_records(w, "cards b\ncards b name/full Berta\n");
        world_destroy(&w);
    }
}

/* Of a file that was saved a moment ago nobody knows which card it is: it may be the one that
 * comes. */
Test(record_scenes, a_card_made_on_both_sides_lies_in_one_file)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world *w = a_world_with(seed, 2, CARDS);
        world_round both = {.set = 3, .turns = TURNS_MAX};

        writes_card(&w->devices[0], "/cards/a.vcf", "a", "Anna");
        cr_assert(syncs(&w->devices[0]));
        writes_card(&w->devices[1], "/cards/x.vcf", "a", "Anna");
        world_sync(w, &both);
        expect_records(w, "cards a\ncards a name/full Anna\n");
        world_destroy(&w);
    }
}

/* So may one that can't be read, and never was, be the one that comes: a call fails that would have
 * told. */
Test(record_scenes, a_card_made_on_both_sides_lies_in_one_file_though_the_disk_failed)
{
    for (uint64_t call = 1; call <= 60; call++) {
        world *w = a_world_with(call, 2, CARDS);
        device *one = &w->devices[0], *two = &w->devices[1];

        writes_card(one, "/cards/a.vcf", "a", "Anna");
        cr_assert(syncs(one));
        writes_card(two, "/cards/x.vcf", "a", "Anna");
        two->faults.reads = two->faults.once = true;
        two->faults.at = two->faults.calls + call;
        two->faults.status = CF_IO;
        syncs(two);
        device_mend(two);
        expect_records(w, "cards a\ncards a name/full Anna\n");
        world_destroy(&w);
    }
}

/* World 7001098: what came stood in its place, and its folder could not be made durable; then it
 * was edited elsewhere, and that heard of. It was taken for a card that the user here had made. */
Test(record_scenes, a_card_that_came_is_nobodys_edit_though_its_folder_was_not_durable)
{
    static const disk_rates unreadable = {.reads = 1000000};

    for (uint64_t call = 1; call <= 30; call++) {
        world *w = a_world_with(call, 2, CARDS);
        device *one = &w->devices[0], *two = &w->devices[1];

        writes_card(one, "/cards/a.vcf", "a", "Anna");
        cr_assert(syncs(one));
        two->faults.names = two->faults.once = true;
        two->faults.at = two->faults.calls + call;
        two->faults.status = CF_IO;
        syncs(two);
        device_mend(two);
        writes_card(one, "/cards/a.vcf", "a", "Anne");
        cr_assert(syncs(one));
        disk_set_rates(two->drive, &unreadable);
        cr_assert_not(syncs(two));
        device_mend(two);
        expect_records(w, "cards a\ncards a name/full Anne\n");
        world_destroy(&w);
    }
}

static void goes_on_after(uint64_t call, uint64_t seed)
{
    world *w = a_world_with(seed, 2, TABLE | CARDS);
    device *one = &w->devices[0], *two = &w->devices[1];

    two->serves = true;
    writes_row(one, "k", "Karl");
    writes_card(one, "/cards/a.vcf", "a", "Anna");
    cr_assert(syncs(one));
    cr_assert(syncs(two));
    writes_row(one, "k", "Carl");
    writes_card(one, "/cards/a.vcf", "a", "Anne");
    cr_assert(syncs(one));
    two->faults.once = true;
    two->faults.at = two->faults.calls + call;
    two->faults.status = CF_IO;
    syncs(two);
    device_mend(two);
    writes_row(one, "k", "Charles");
    writes_card(one, "/cards/a.vcf", "a", "Ann");
    cr_assert(syncs(one));
    syncs(two); /* may say what failed */
    cr_assert(syncs(two), "seed %d, call %d", (int)seed, (int)call);
    expect_records(w, "table k\ntable k name Charles\ncards a\ncards a name/full Ann\n");
    world_destroy(&w);
}

/* The old table lay beside the new one, and no other could be written until the process ended. */
Test(record_scenes, a_process_goes_on_after_any_call_of_its_disk_failed)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        for (uint64_t call = 1; call <= 40; call++)
            goes_on_after(call, seed);
}

/* The one who got it can give it to others as well as the one who wrote it. */
Test(record_scenes, a_long_value_that_came_is_whole_after_a_power_cut)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world *w = a_world_with(seed, 3, TABLE);
        device *got = &w->devices[0], *wrote = &w->devices[1];
        world_round others = {.set = 1 | 4, .turns = TURNS_MAX};
        cf_buffer held = {0};
        char value[90001];

        memset(value, 'x', sizeof value - 1);
        value[sizeof value - 1] = '\0';
        writes_row(wrote, "k", value);
        cr_assert(syncs(wrote));
        cr_assert(syncs(got));
        loses_power(got);
        broker_crash(&w->brokers[0], BROKER_EMPTY);
        wrote->serves = false;
        world_heal(w);
        for (int i = 0; i < 4; i++)
            world_sync(w, &others);
        records_list(&w->devices[2], &held);
        cf_buffer_append(&held, "", 1);
        cr_expect(strstr((const char *)held.data, "90000"), "seed %lu: it holds %s",
                  (unsigned long)seed, (const char *)held.data);
        cf_buffer_release(&held);
        world_destroy(&w);
    }
}

/* World 10: the base has the identity of a long value in its place. */
Test(record_scenes, a_long_value_that_is_cut_is_no_edit)
{
    static const size_t cuts[] = {1, 5000, 40000, 89000};
    const world_round guarded = {.set = 1, .turns = TURNS_MAX, .guarded = true};
    world *w = a_world_with(1, 2, TABLE);
    device *one = &w->devices[0];
    cf_buffer whole = {0}, expected = {0};
    char value[90001];

    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    sets_field(one, "k", cell_columns[CELL_COLUMNS - 1], value);
    cr_assert(syncs(one));
    cr_assert(disk_user_reads(one->drive, "/tables/table.csv", &whole));
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        disk_user_truncates(one->drive, "/tables/table.csv", whole.size - 1 - cuts[i]);
        disk_user_syncs(one->drive, "/tables/table.csv");
        world_wait(w, 1000);
        world_sync(w, &guarded);
        cr_expect_not(one->claims, "cut by %zu bytes", cuts[i]);
        disk_user_saves(one->drive, "/tables/table.csv", cf_buffer_view(&whole),
                        DISK_SAVE_IN_PLACE);
        disk_user_syncs(one->drive, "/tables/table.csv");
        cr_assert(syncs(one));
    }
    cf_buffer_append_text(&expected, "table k\ntable k photo %s\n", value);
    cf_buffer_append(&expected, "", 1);
    expect_records(w, (const char *)expected.data);
    cf_buffer_release(&expected);
    cf_buffer_release(&whole);
    world_destroy(&w);
}

/* A long value is sealed again from a file in the home, which a power cut may take away. */
Test(record_scenes, a_long_value_that_a_broker_lost_comes_back_after_a_power_cut)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world *w = a_world_with(seed, 2, TABLE);
        device *one = &w->devices[0];
        cf_buffer expected = {0};
        char value[90001];

        memset(value, 'x', sizeof value - 1);
        value[sizeof value - 1] = '\0';
        writes_row(one, "k", value);
        cr_assert(syncs(one));
        loses_power(one);
        broker_crash(&w->brokers[0], BROKER_EMPTY);
        cf_buffer_append_text(&expected, "table k\ntable k name ");
        cf_buffer_append(&expected, value, sizeof value - 1);
        cf_buffer_append(&expected, "\n", 2);
        expect_records(w, (const char *)expected.data);
        cf_buffer_release(&expected);
        world_destroy(&w);
    }
}

/* World 1003125: with what the other never saw, for the one who deleted it had put it there. */
Test(record_scenes, a_row_that_another_goes_on_with_comes_back_whole)
{
    world *w = a_world_with(1, 2, TABLE);
    device *one = &w->devices[0], *other = &w->devices[1];

    writes_row(one, "k", "Karl");
    sets_field(one, "k", "note", "tall");
    cr_assert(syncs(one));
    cr_assert(syncs(other));
    sets_field(other, "k", "note", "taller");
    sets_field(one, "k", "photo", "a picture");
    cr_assert(syncs(one));
    drops_row(one, "k");
    cr_assert(syncs(one));
    expect_records(w, "table k\ntable k name Karl\ntable k note taller\n"
                      "table k photo a picture\n");
    world_destroy(&w);
}

static void counts_up(device *who, const char *key, const char *name)
{
    cells all;

    records_read(who, RECORDS_NUMBERS, &all);
    cells_add(&all, key, "", "");
    cells_set(&all, key, "name", name);
    records_save_table(who, RECORDS_NUMBERS, &all, false);
    cells_release(&all);
}

static const char twins[] = "table k\ntable k name Karl\nnumbers 1\nnumbers 1 name Nina\n"
                            "cards a\ncards a name/full Anna\n";

static world *a_world_of_twins(uint64_t seed)
{
    world *w = a_world_with(seed, 2, CARDS | TABLE | NUMBERS);

    for (int i = 0; i < w->count; i++)
        w->devices[i].offline = true;
    for (int i = 0; i < w->count; i++) {
        writes_row(&w->devices[i], "k", "Karl");
        counts_up(&w->devices[i], "1", "Nina");
        writes_card(&w->devices[i], "/cards/a.vcf", "a", "Anna");
        syncs(&w->devices[i]);
    }
    return w;
}

static void expect_nothing_kept(world *w)
{
    for (int i = 0; i < w->count; i++) {
        sight kept;

        sight_take_kept(&w->devices[i], &kept);
        cr_expect_eq(kept.count, 0);
        sight_release(&kept);
    }
}

Test(record_scenes, what_two_make_alike_before_they_meet_is_one)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world *w = a_world_of_twins(seed);

        expect_records(w, twins);
        expect_nothing_kept(w);
        drops_row(&w->devices[1], "k");
        drops_row_of(&w->devices[1], RECORDS_NUMBERS, "1");
        disk_user_unlinks(w->devices[1].drive, "/cards/a.vcf");
        expect_records(w, ""); /* who deletes it deletes both */
        world_destroy(&w);
    }
}

/* He knows of his own only. */
Test(record_scenes, who_deletes_what_another_has_made_alike_deletes_it_not)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world *w = a_world_of_twins(seed);
        device *one = &w->devices[seed % 2];

        drops_row(one, "k");
        drops_row_of(one, RECORDS_NUMBERS, "1");
        disk_user_unlinks(one->drive, "/cards/a.vcf");
        syncs(one);
        expect_records(w, twins);
        expect_nothing_kept(w);
        world_destroy(&w);
    }
}

/* Of files that others save too, while one call that reads them fails, once. True: it was made. */
static bool looks_but_for(uint64_t call, cf_status status)
{
    const char *expected = "table j\ntable j name Jo\ntable k\ntable k name Carl\n"
                           "cards a\ncards a name/full Anne\ncards c\ncards c name/full Cleo\n";
    world *w = a_world_with(call, 2, TABLE | CARDS);
    device *one = &w->devices[0], *two = &w->devices[1];

    writes_row(one, "k", "Karl");
    writes_row(one, "l", "Lou");
    writes_card(one, "/cards/a.vcf", "a", "Anna");
    writes_card(one, "/cards/b.vcf", "b", "Bert");
    cr_assert(syncs(one));
    cr_assert(syncs(two));
    writes_row(one, "k", "Carl");
    writes_row(one, "j", "Jo");
    drops_row(one, "l");
    writes_card(one, "/cards/a.vcf", "a", "Anne");
    writes_card(one, "/cards/c.vcf", "c", "Cleo");
    disk_user_unlinks(one->drive, "/cards/b.vcf");
    one->faults = (disk_faults){.calls = one->faults.calls,
                                .at = one->faults.calls + call,
                                .status = status,
                                .reads = true,
                                .once = true};
    const bool says_so = syncs(one);
    const bool was_made = one->faults.calls >= one->faults.at;
    device_mend(one);
    if (says_so && syncs(two))
        expect_records(w, expected);
    device_restart(one, END_CALMLY); /* a store that failed goes on failing */
    cr_expect(syncs(one), "call %lu", (unsigned long)call);
    cr_expect(syncs(two), "call %lu", (unsigned long)call);
    expect_records(w, expected);
    world_destroy(&w);
    return was_made;
}

Test(record_scenes, nothing_is_called_in_sync_that_could_not_be_read)
{
    for (uint64_t call = 1; looks_but_for(call, CF_IO); call++)
        ;
    for (uint64_t call = 1; looks_but_for(call, CF_FULL); call++)
        ;
}

/* ---- Whole stories ---- */

static void expect_well(const story *script)
{
    judgement verdict;
    uint64_t digest;

    cr_assert_geq(sodium_init(), 0);
    history_run(script, &(run_options){0}, &verdict, &digest);
    cr_expect_null(verdict.property, "world %llu: %s: %.*s", (unsigned long long)script->plan.seed,
                   verdict.property, (int)verdict.text.size, (const char *)verdict.text.data);
    cf_buffer_release(&verdict.text);
}

/* A program made its settings anew while those before were moved aside: these lie beside. */
Test(record_scenes, a_document_that_lies_beside_is_not_lost)
{
    story script;
    cf_error error;

    expect_ok(script_read("world 701325 2 2 0 0 0 8; settings 0 5 f d/e 113c6db6678a;"
                          " settings 1 2 d/e/h b.txt 69018d9021ad;"
                          " work-in-sync 1 2 d f dbe64d6ec85a; bad-disk 0 6 d/e/c f/a 9c5b78a11945;"
                          " settings 0 0 d/e/h d 4bf007c8eec8",
                          &script, &error),
              error);
    expect_well(&script);
    script_release(&script);
}

/* Both have it, and then move it, answer for its guests, cancel occurrences, mostly apart. */
static void work_on_one_event(uint64_t seed)
{
    enum { ACTS_OF_BOTH = 32, BEGINNING = 3 };
    chance from = chance_of_seed(seed, 50);
    event acts[ACTS_OF_BOTH];
    const story script = {
        .plan = {.seed = seed, .devices = 2, .brokers = 1, .records = EVENTS},
        .acts = acts,
        .count = ACTS_OF_BOTH,
    };

    for (int i = 0; i < ACTS_OF_BOTH; i++) {
        const bool rests = i < BEGINNING ? i > 0 : chance_one_in(&from, 6);

        acts[i] = (event){.kind = rests ? ACT_SYNC : ACT_EVENTS};
        acts[i].who = (uint8_t)(i < BEGINNING ? i > 1 : chance_below(&from, 2));
        acts[i].seed = chance_next(&from) >> 16;
    }
    expect_well(&script);
}

/* Of two answers of one guest one is shown, and of two places of it, and an hour is one still. */
Test(record_scenes, an_event_on_which_two_work_keeps_the_rules)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        work_on_one_event(seed);
}
