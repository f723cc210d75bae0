/* SPDX-License-Identifier: Apache-2.0 */
/* What a device that serves tells at once is what it knows, and what was done just before: that
 * costs the same, however much there is. */
#include "peer/engine/engine_inside.h"
#include "tests/peer/small/small_folder.h"
#include "tests/peer/small/small_inside.h"
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <sys/stat.h>

enum {
    FOLDER,
    TABLE,
    BESIDE = 1, /* of two folders */
    TURNS = 200,
    QUIET_MS = 40000,
    ASKED = 5,
    CALLS_OF_ASKING = 22, /* with those that tell that the folder is still the one */
    MANY = 100,
    SOON_MS = 500
};

static bool tells(small_device *self)
{
    return small_device_round(self, &(cf_round_options){.kind = CF_ROUND_TELL}, TURNS);
}

static size_t pending(small_device *self, size_t source, cf_pending_kind kind)
{
    return small_device_pending(self, cf_engine_binding_at(self->engine, source), kind);
}

/* A folder of so many files, and a table of so many rows, at rest. */
static small_world *served_world(int count, table *rows)
{
    small_world *w = small_world_new(74, 1);
    small_device *a = &w->devices[0];
    char path[32];

    small_world_bind_tables(w);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "f%d", i);
        user_writes_text(a, path, path);
        table_add(rows, i, 0, cf_bytes_of_text("row"));
    }
    user_writes_table(a, rows);
    cr_assert(small_device_sync(a));
    small_device_serves(a);
    small_device_passes(a, QUIET_MS);
    return w;
}

static uint64_t calls_of_asking(int count)
{
    table rows = {0};
    small_world *w = served_world(count, &rows);
    small_device *a = &w->devices[0];

    a->faults.reads = true;
    const uint64_t before = a->faults.calls;
    for (int i = 0; i < ASKED; i++)
        cr_assert(tells(a));
    const uint64_t calls = a->faults.calls - before;
    table_release(&rows);
    small_world_destroy(&w);
    return calls;
}

Test(engine_told, costs_the_same_however_much_there_is)
{
    static const int sizes[] = {10, 100, 1000};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t calls = calls_of_asking(sizes[i]);

        cr_expect_leq(calls, ASKED * CALLS_OF_ASKING, "%d files and rows: %llu calls", sizes[i],
                      (unsigned long long)calls);
    }
}

static void rename_inside(void *context)
{
    cr_assert(user_moves(context, "d/inside", "d/renamed"));
}

/* What is asked for each time after something was renamed in a folder that nobody knew when the
 * watch told of it, which was before this call of the look that found the folder. */
static uint64_t most_calls_after_a_rename(unsigned call)
{
    table rows = {0};
    small_world *w = served_world(MANY, &rows);
    small_device *a = &w->devices[0];
    uint64_t most = 0;

    user_makes(a, "d");
    user_writes_text(a, "d/inside", "inside");
    a->faults = (disk_faults){.reads = true,
                              .calls = a->faults.calls,
                              .at = a->faults.calls + call,
                              .meanwhile = rename_inside,
                              .context = a};
    small_device_passes(a, SOON_MS);
    for (int i = 0; i < ASKED; i++) {
        const uint64_t before = a->faults.calls;

        cr_assert(tells(a));
        most = most > a->faults.calls - before ? most : a->faults.calls - before;
        small_device_passes(a, SOON_MS / 10);
    }
    table_release(&rows);
    small_world_destroy(&w);
    return most;
}

Test(engine_told, costs_the_same_after_a_rename_in_a_folder_that_was_unknown)
{
    for (unsigned call = 1; call <= 40; call += 3) {
        uint64_t calls = most_calls_after_a_rename(call);

        cr_expect_leq(calls, MANY, "before call %u: %llu calls", call, (unsigned long long)calls);
    }
}

/* The disk was not looked at, and the watch has told nobody yet. */
Test(engine_told, is_what_was_done_just_before)
{
    table rows = {0};
    small_world *w = served_world(10, &rows);
    small_device *a = &w->devices[0];

    small_device_unplug(a);
    user_writes_text(a, "f1", "edited");
    user_writes_text(a, "new", "new");
    user_removes(a, "f2");
    rows.at[3].balance = 3;
    user_writes_table(a, &rows);
    cr_assert(tells(a));
    cr_expect_eq(pending(a, FOLDER, CF_PENDING_UNSENT), 2, "%zu",
                 pending(a, FOLDER, CF_PENDING_UNSENT));
    cr_expect_eq(pending(a, FOLDER, CF_PENDING_WAITS), 1, "it may come back");
    cr_expect_eq(pending(a, TABLE, CF_PENDING_UNSENT), 1);
    user_makes(a, "d");
    user_writes_text(a, "d/inside", "inside");
    cr_assert(tells(a));
    cr_expect_eq(pending(a, FOLDER, CF_PENDING_UNSENT), 4, "a folder, and what is in it");
    table_release(&rows);
    small_world_destroy(&w);
}

Test(engine_told, is_that_the_source_has_gone)
{
    table rows = {0};
    small_world *w = served_world(10, &rows);
    small_device *a = &w->devices[0];
    cf_binding_status status;
    cf_arena arena = {0};
    char aside[160];

    snprintf(aside, sizeof aside, "%s-aside", a->folder);
    cr_assert_eq(rename(a->folder, aside), 0);
    cr_assert(tells(a));
    cf_engine_status(a->engine, cf_engine_binding_at(a->engine, FOLDER), &arena, &status);
    cr_expect_neq(status.trouble, CF_OK);
    cr_assert_eq(rename(aside, a->folder), 0);
    cr_assert(tells(a));
    cf_engine_status(a->engine, cf_engine_binding_at(a->engine, FOLDER), &arena, &status);
    cr_expect_eq(status.trouble, CF_OK, "%s", status.trouble_text);
    cf_arena_release(&arena);
    table_release(&rows);
    small_world_destroy(&w);
}

/* What was renamed is above the source, where nobody watches. */
Test(engine_told, is_that_the_source_has_gone_with_what_it_lies_in)
{
    small_world *w = small_world_new(76, 1);
    small_device *a = &w->devices[0];
    cf_binding_status status;
    cf_arena arena = {0};
    char above[160], aside[160], path[170];

    snprintf(above, sizeof above, "%s-above", a->folder);
    snprintf(aside, sizeof aside, "%s-aside", a->folder);
    snprintf(path, sizeof path, "%s/source", above);
    cr_assert_eq(mkdir(above, 0755), 0);
    cr_assert_eq(mkdir(path, 0755), 0);
    small_device_take_folder(
        a,
        &(cf_binding_options){.number = FOLDER_BESIDE, .collection = w->collection, .path = path});
    cr_assert(small_device_sync(a));
    small_device_serves(a);
    small_device_passes(a, QUIET_MS);
    cr_assert_eq(rename(above, aside), 0);
    cr_assert(tells(a));
    cf_engine_status(a->engine, cf_engine_binding_at(a->engine, BESIDE), &arena, &status);
    cr_expect_neq(status.trouble, CF_OK);
    cr_assert_eq(rename(aside, above), 0);
    cr_assert(tells(a));
    cf_engine_status(a->engine, cf_engine_binding_at(a->engine, BESIDE), &arena, &status);
    cr_expect_eq(status.trouble, CF_OK, "%s", status.trouble_text);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}

static void name_place(const char *host, char line[CF_ADDRESS_TEXT])
{
    cf_address place = {.port = 7817};

    snprintf(place.host, sizeof place.host, "%s", host);
    cf_address_write(&place, line);
}

/* Where else the broker is, is written down, synced, each time that it changes. */
Test(engine_told, where_the_broker_is_once_in_a_session)
{
    small_world *w = small_world_new(75, 1);
    small_device *a = &w->devices[0];
    char broker[CF_ADDRESS_TEXT], other[CF_ADDRESS_TEXT];
    const uint8_t instance[16] = {0};
    cf_address elsewhere = {.host = "b.example", .port = 7817};
    cf_error error;

    name_place("a.example", broker);
    expect_ok(cf_home_set(a->home, CF_HOME_BROKER, cf_bytes_of_text(broker), &error), error);
    cf_gateway_advertise(w->broker.gateway, &elsewhere);
    small_device_crash(a);
    cr_assert(small_device_sync(a));
    cr_expect_eq(cf_engine_elsewhere(a->engine, NULL), 1);

    const cf_link_events events = cf_engine_link_events(a->engine);
    for (int i = 0; i < 3; i++) {
        char host[20];

        snprintf(host, sizeof host, "c%d.example", i);
        name_place(host, other);
        const cf_bytes line = cf_bytes_of_text(other);
        events.answers.located(events.context, instance, 0, &line, 1);
    }
    cr_expect_eq(cf_engine_elsewhere(a->engine, NULL), 1, "unasked");
    small_world_destroy(&w);
}
