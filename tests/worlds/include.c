/* SPDX-License-Identifier: Apache-2.0 */
/* A device that asks for some records only, then for others, then for all, while its process ends
 * or the power goes: nobody hears of that, and what it doesn't ask for is as others made it. */
#include "tests/worlds/asking.h"
#include "tests/worlds/records.h"
#include "tests/worlds/scene.h"

#include <string.h>

enum { TABLE = 1 << RECORDS_TABLE, CALLS = 60 };

static cf_binding *table_of(device *who)
{
    size_t i = 0;

    while (cf_engine_binding_at(who->engine, i)->format != CF_FORMAT_CSV)
        i++;
    return cf_engine_binding_at(who->engine, i);
}

/* NULL: for everything. */
static void asks_for(device *who, const char *pattern)
{
    device_asks_for(who, table_of(who), &pattern, pattern != NULL);
}

static void writes(device *who, const char *key, const char *note, const char *name)
{
    cells all;

    records_read(who, RECORDS_TABLE, &all);
    if (!cells_find(&all, key, ""))
        cells_add(&all, key, "", "");
    cells_set(&all, key, "note", note);
    cells_set(&all, key, "name", name);
    records_save_table(who, RECORDS_TABLE, &all, false);
    cells_release(&all);
}

static void expect_keys(const device *who, const char *expected, uint64_t call)
{
    cf_buffer found = {0};
    cells all;

    records_read(who, RECORDS_TABLE, &all);
    for (size_t i = 0; i < all.count; i++)
        if (!*all.all[i].field)
            cf_buffer_append_text(&found, "%s ", all.all[i].key);
    cf_buffer_append(&found, "", 1);
    cr_expect_str_eq((const char *)found.data, expected, "call %d: device %d has %s and not %s",
                     (int)call, who->number, (const char *)found.data, expected);
    cf_buffer_release(&found);
    cells_release(&all);
}

/* Its process ends at this call of what it does about it, and begins again. */
static void asks_and_ends_at(device *who, const char *pattern, uint64_t call, device_end how)
{
    asks_for(who, pattern);
    who->faults.at = who->faults.calls + call;
    who->faults.status = CF_IO;
    syncs(who);
    device_restart(who, how);
    cr_assert(syncs(who));
    cr_assert(syncs(who));
}

static void ask_and_end_at(uint64_t call, device_end how)
{
    world *w = a_world_with(call, 2, TABLE);
    device *all = &w->devices[0], *some = &w->devices[1];

    writes(all, "a", "Paris", "Anna");
    writes(all, "b", "Rome", "Bert");
    writes(all, "c", "Paris", "Cleo");
    writes(all, "d", "Bonn", "Dora");
    cr_assert(syncs(all));
    cr_assert(syncs(some));
    disk_sync(some->drive);
    uint64_t entries = world_entries(w);

    asks_and_ends_at(some, "note=Paris", call, how);
    expect_keys(some, "a c ", call);
    asks_and_ends_at(some, "note=[PB]*", call, how);
    expect_keys(some, "a c d ", call);
    writes(some, "e", "Oslo", "Emil"); /* not asked for, but there */
    cr_assert(syncs(some));
    expect_keys(some, "a c d e ", call);
    cr_expect_eq(world_entries(w), entries, "call %d: it published something", (int)call);

    writes(all, "b", "Rome", "Berta");
    writes(some, "a", "Paris", "Anne");
    cr_assert(syncs(all));
    cr_assert(syncs(some));
    cr_assert(syncs(all));
    expect_keys(all, "a b c d ", call);
    asks_and_ends_at(some, NULL, call, how);
    expect_keys(some, "a b c d e ", call);
    expect_records(w, "table a\ntable a name Anne\ntable a note Paris\n"
                      "table b\ntable b name Berta\ntable b note Rome\n"
                      "table c\ntable c name Cleo\ntable c note Paris\n"
                      "table d\ntable d name Dora\ntable d note Bonn\n"
                      "table e\ntable e name Emil\ntable e note Oslo\n");
    world_destroy(&w);
}

Test(include, nobody_hears_what_a_device_asks_for_and_its_process_ends)
{
    for (uint64_t call = 1; call <= CALLS; call++)
        ask_and_end_at(call, END_KILLED);
}

Test(include, nobody_hears_what_a_device_asks_for_and_the_power_goes)
{
    for (uint64_t call = 1; call <= CALLS; call++)
        ask_and_end_at(call, END_POWER_CUT);
}

/* World 12001708: no process ends but by itself. What the store could not note isn't needed to go
 * on, but it won't take anything any more. */
Test(include, asks_for_others_after_a_call_of_its_disk_failed)
{
    for (uint64_t call = 1; call <= CALLS; call++) {
        world *w = a_world_with(call, 2, TABLE);
        device *all = &w->devices[0], *some = &w->devices[1];

        writes(all, "a", "Paris", "Anna");
        writes(all, "b", "Rome", "Bert");
        cr_assert(syncs(all));
        cr_assert(syncs(some));
        writes(all, "c", "Paris", "Cleo");
        cr_assert(syncs(all));
        some->faults.at = some->faults.calls + call;
        some->faults.once = true;
        some->faults.status = CF_IO;
        syncs(some);
        device_mend(some);
        asks_for(some, "note=Paris");
        syncs(some); /* which may say what failed */
        cr_assert(syncs(some), "call %d", (int)call);
        expect_keys(some, "a c ", call);
        asks_for(some, NULL);
        cr_assert(syncs(some), "call %d", (int)call);
        cr_assert(syncs(all), "call %d", (int)call);
        expect_keys(some, "a b c ", call);
        expect_keys(all, "a b c ", call);
        world_destroy(&w);
    }
}

/* World 15600125: nobody else had fetched it, and the broker had lost it. */
Test(include, keeps_a_long_value_until_the_broker_has_it)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        world *w = a_world_with(seed, 2, TABLE);
        device *some = &w->devices[1];
        cf_buffer expected = {0};
        char value[90001];

        memset(value, 'x', sizeof value - 1);
        value[sizeof value - 1] = '\0';
        writes(some, "a", "Paris", "Anna");
        writes(some, "b", "Rome", "Bert");
        writes(some, "c", "Rome", value);
        cr_assert(syncs(some));
        broker_crash(&w->brokers[0], BROKER_EMPTY);
        asks_for(some, "note=Paris");
        cr_assert_not(syncs(some));
        expect_keys(some, "a c ", seed);
        world_heal(w);
        cr_assert(world_settle(w), "seed %d", (int)seed);
        expect_keys(some, "a ", seed);
        asks_for(some, NULL);
        cf_buffer_append_text(&expected, "table a\ntable a name Anna\ntable a note Paris\n"
                                         "table b\ntable b name Bert\ntable b note Rome\n"
                                         "table c\ntable c name ");
        cf_buffer_append(&expected, value, sizeof value - 1);
        cf_buffer_append_text(&expected, "\ntable c note Rome\n");
        cf_buffer_append(&expected, "", 1);
        expect_records(w, (const char *)expected.data);
        cf_buffer_release(&expected);
        world_destroy(&w);
    }
}
