/* SPDX-License-Identifier: Apache-2.0 */
/* Equal contents that come in: one download serves all who ask for it, in one folder, in several
 * and in tables, whoever of them goes away, and their number costs no more than they are. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_table.h"
#include "tests/support/bound_source.h"

#include "peer/merge/plan.h"
#include "peer/sources/files/apply_inside.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <stdio.h>
#include <stdlib.h>

TestSuite(engine_equals_in, .timeout = 300);

enum { SIZE = 100000, LARGE = 1000000, BESIDE = 12, BATCH = 512 };

/* Steps that were planned. The linker brings calls here. */
static uint64_t planned;

void __real_cf_plan_group(const cf_nodes *base, cf_view *view, const cf_group *group,
                          cf_arena *arena, cf_plan *plan);
void __wrap_cf_plan_group(const cf_nodes *base, cf_view *view, const cf_group *group,
                          cf_arena *arena, cf_plan *plan);

void __wrap_cf_plan_group(const cf_nodes *base, cf_view *view, const cf_group *group,
                          cf_arena *arena, cf_plan *plan)
{
    size_t before = plan->count;

    __real_cf_plan_group(base, view, group, arena, plan);
    planned += plan->count - before;
}

static uint64_t received(small_device *self)
{
    cf_traffic traffic;

    cf_engine_traffic(self->engine, &traffic);
    return traffic.bytes_received;
}

static void name_of(int i, char path[40])
{
    snprintf(path, 40, "%d/f%d", i % 4, i);
}

static void fill(small_device *self, int files, cf_bytes bytes)
{
    char path[40];

    for (int folder = 0; folder < 4; folder++) {
        snprintf(path, sizeof path, "%d", folder);
        user_makes(self, path);
    }
    for (int i = 0; i < files; i++) {
        name_of(i, path);
        user_writes(self, path, bytes.data, bytes.size);
    }
}

static void expect_full(const small_device *self, int files, cf_bytes bytes)
{
    char path[40];

    for (int i = 0; i < files; i++) {
        name_of(i, path);
        cr_expect(holds_bytes(self, path, bytes), "%s", path);
    }
}

/* The first device has published so many files of one content of that size. */
static small_world *world_of_sized(int files, size_t size, cf_buffer *bytes)
{
    small_world *w = small_world_new(61, 2);

    *bytes = small_world_noise(w, size);
    cr_assert(small_world_settle(w));
    fill(&w->devices[0], files, cf_buffer_view(bytes));
    cr_assert(small_device_sync(&w->devices[0]));
    return w;
}

static small_world *world_of_copies(int files, cf_buffer *bytes)
{
    return world_of_sized(files, SIZE, bytes);
}

typedef struct {
    uint64_t planned, calls;
} cost;

static cost cost_of(int files)
{
    cf_buffer bytes;
    small_world *w = world_of_copies(files, &bytes);
    small_device *b = &w->devices[1];
    cost before = {planned, b->faults.calls};

    b->faults.reads = true;
    cr_assert(small_device_sync(b));
    cost out = {planned - before.planned, b->faults.calls - before.calls};
    expect_nothing_pending(b);
    expect_full(b, files, cf_buffer_view(&bytes));
    cr_expect_lt(received(b), SIZE + SIZE / 2);
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
    return out;
}

Test(engine_equals_in, cost_as_much_as_they_are)
{
    cost few = cost_of(40), more = cost_of(80), many = cost_of(160);

    cr_expect_lt(more.planned, 3 * few.planned, "%llu, %llu", (unsigned long long)few.planned,
                 (unsigned long long)more.planned);
    cr_expect_lt(many.planned, 3 * more.planned, "%llu, %llu", (unsigned long long)more.planned,
                 (unsigned long long)many.planned);
    cr_expect_lt(more.calls, 3 * few.calls, "%llu, %llu", (unsigned long long)few.calls,
                 (unsigned long long)more.calls);
    cr_expect_lt(many.calls, 3 * more.calls, "%llu, %llu", (unsigned long long)more.calls,
                 (unsigned long long)many.calls);
}

Test(engine_equals_in, come_in_more_than_one_batch)
{
    cf_buffer bytes;
    small_world *w = world_of_copies(BATCH + BATCH / 4, &bytes);
    small_device *b = &w->devices[1];
    uint64_t before = planned;

    cr_assert(small_device_sync(b));
    expect_nothing_pending(b);
    expect_full(b, BATCH + BATCH / 4, cf_buffer_view(&bytes));
    cr_expect_lt(planned - before, 4 * BATCH);
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
}

/* Each has the mode of its own, though nobody may read what is copied once that has its mode. */
Test(engine_equals_in, have_modes_of_their_own)
{
    cf_buffer bytes;
    small_world *w = world_of_copies(6, &bytes);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    char path[40];

    for (int i = 0; i < 6; i++) {
        name_of(i, path);
        user_changes_mode(a, path, i % 2 ? 0400 : 0640);
    }
    cr_assert(small_device_sync(a));
    cr_assert(small_device_sync(b));
    for (int i = 0; i < 6; i++) {
        name_of(i, path);
        cr_expect_eq(mode_of(b, path), i % 2 ? 0400 : 0640, "%s", path);
    }
    expect_full(b, 6, cf_buffer_view(&bytes));
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
}

/* The broker has lost what they are to be made from, and is told again once somebody connects. */
static void lose(small_world *w)
{
    small_world_loses_blobs(w);
    small_device_unplug(&w->devices[0]);
    w->devices[0].offline = false;
}

/* ---- Somebody goes away ---- */

Test(engine_equals_in, come_without_those_that_were_deleted_meanwhile)
{
    for (int gone = 0; gone < 4; gone++) {
        cf_buffer bytes;
        small_world *w = world_of_copies(4, &bytes);
        small_device *a = &w->devices[0], *b = &w->devices[1];
        char path[40];

        lose(w);
        small_device_sync(b);
        cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_WAITS), 4);
        name_of(gone, path);
        user_removes(a, path);
        settles_equal(w);
        for (int i = 0; i < 4; i++) {
            name_of(i, path);
            cr_expect_eq(holds_bytes(b, path, cf_buffer_view(&bytes)), i != gone, "%s", path);
        }
        cf_buffer_release(&bytes);
        small_world_destroy(&w);
    }
}

/* What a user laid where one was to come stays, and keeps nothing from the others. */
Test(engine_equals_in, come_beside_what_stands_in_the_way_of_one)
{
    for (int taken = 0; taken < 4; taken++) {
        cf_buffer bytes;
        small_world *w = world_of_copies(4, &bytes);
        small_device *b = &w->devices[1];
        char path[40], folder[8];

        name_of(taken, path);
        snprintf(folder, sizeof folder, "%d", taken % 4);
        user_makes(b, folder);
        user_writes_text(b, path, "mine");
        settles_equal(w);
        for (int i = 0; i < 4; i++) {
            name_of(i, path);
            cr_expect(i == taken || holds_bytes(b, path, cf_buffer_view(&bytes)), "%s", path);
        }
        cr_expect_eq(count_texts(b, "mine"), 1);
        cf_buffer_release(&bytes);
        small_world_destroy(&w);
    }
}

Test(engine_equals_in, come_once_for_several_sources)
{
    cf_buffer bytes;
    small_world *w = world_of_copies(3, &bytes);
    small_device *b = &w->devices[1], beside = folder_beside(b, NULL);
    uint64_t before = received(b);

    cr_assert(small_device_sync(b));
    expect_nothing_pending(b);
    expect_full(b, 3, cf_buffer_view(&bytes));
    expect_full(&beside, 3, cf_buffer_view(&bytes));
    cr_expect_lt(received(b) - before, SIZE + SIZE / 2, "%llu",
                 (unsigned long long)(received(b) - before));
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
}

/* One of the sources ends while the content is on its way for it, or for the other one, and takes
 * some turns: the other one asks for it meanwhile. */
Test(engine_equals_in, come_though_the_source_that_asked_first_ends)
{
    for (unsigned turns = 3; turns < 12; turns++)
        for (int first = 0; first < 2; first++) {
            cf_buffer bytes;
            small_world *w = world_of_sized(3, LARGE, &bytes);
            small_device *b = &w->devices[1], beside = folder_beside(b, NULL);
            uint32_t ends = first ? cf_engine_binding_at(b->engine, 0)->number : FOLDER_BESIDE;
            cf_error error;

            small_device_round(b, &(cf_round_options){.kind = CF_ROUND_SYNC}, turns);
            expect_ok(cf_engine_drop_binding(b->engine, source_numbered(b->engine, ends), &error),
                      error);
            cr_assert(small_device_sync(b));
            expect_full(first ? &beside : b, 3, cf_buffer_view(&bytes));
            cf_buffer_release(&bytes);
            small_world_destroy(&w);
        }
}

/* ---- It fails ---- */

Test(engine_equals_in, come_when_a_device_has_brought_again_what_the_broker_lost)
{
    cf_buffer bytes;
    small_world *w = world_of_copies(4, &bytes);
    small_device *b = &w->devices[1], beside = folder_beside(b, NULL);

    lose(w);
    small_device_sync(b);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_WAITS), 4);
    cr_expect_eq(
        small_device_pending(b, source_numbered(b->engine, FOLDER_BESIDE), CF_PENDING_WAITS), 4);
    settles_equal(w);
    expect_full(b, 4, cf_buffer_view(&bytes));
    expect_full(&beside, 4, cf_buffer_view(&bytes));
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
}

/* Once a call fails, or the process ends there. */
static bool come_though_a_call_fails(uint64_t at, bool crashes)
{
    cf_buffer bytes;
    small_world *w = world_of_copies(4, &bytes);
    small_device *b = &w->devices[1];

    b->faults =
        (disk_faults){.calls = 0, .at = at, .reads = !crashes, .once = !crashes, .status = CF_IO};
    small_device_round(b, &(cf_round_options){.kind = CF_ROUND_SYNC}, 200);
    bool struck = b->faults.calls >= at;
    small_device_crash(b);
    cr_assert(small_device_sync(b), "at %llu", (unsigned long long)at);
    cr_assert(small_device_sync(b), "at %llu", (unsigned long long)at);
    expect_nothing_pending(b);
    expect_full(b, 4, cf_buffer_view(&bytes));
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
    return struck;
}

Test(engine_equals_in, come_though_a_call_fails)
{
    for (uint64_t at = 1; come_though_a_call_fails(at, false); at += 3)
        ;
}

Test(engine_equals_in, come_though_the_process_ends)
{
    for (uint64_t at = 1; come_though_a_call_fails(at, true); at++)
        ;
}

static uint64_t room;

static cf_status little_room(cf_files *files, const cf_folder *folder, uint64_t *out,
                             uint64_t *whole, cf_error *error)
{
    (void)files, (void)folder, (void)error;
    *out = room;
    if (whole)
        *whole = 20 * CF_GIB;
    return CF_OK;
}

/* Of three files one is copied and one is what came; there is no room for the third. */
Test(engine_equals_in, come_as_far_as_there_is_room)
{
    small_world *w = small_world_new(63, 2);
    small_device *b = &w->devices[1];
    cf_buffer bytes = small_world_noise(w, 2 * CF_MIB);

    cr_assert(small_world_settle(w));
    fill(&w->devices[0], 3, cf_buffer_view(&bytes));
    cr_assert(small_device_sync(&w->devices[0]));
    w->files.free_bytes = little_room;
    room = CF_GIB + 3 * CF_MIB;
    small_device_sync(b);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_WAITS), 1);
    room = CF_GIB + 5 * CF_MIB;
    cr_assert(small_device_sync(b));
    expect_nothing_pending(b);
    expect_full(b, 3, cf_buffer_view(&bytes));
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
}

/* What is copied is not what was fetched any more: nothing of it gets a name of its own, and what
 * was fetched isn't believed. */
Test(engine_equals_in, are_no_copies_of_something_else)
{
    scratch *disk = scratch_new();
    cf_files *files = disk->files;
    cf_shown shown = {.kind = CF_KIND_FILE};
    cf_asked_content asked = {.size = 5};
    cf_task task = {.step = {.kind = CF_STEP_CREATE, .shown = &shown},
                    .temporary = "copy",
                    .original = "original",
                    .asked = &asked};
    cf_error error;
    cf_stat stat;

    asked.hash = cf_content_hash(cf_bytes_of_text("right"));
    scratch_write(disk, "original", "wrong");
    expect_fails(cf_task_make(files, disk->folder, &task, &error), CF_FORGED);
    cr_expect(task.spoiled);
    expect_fails(files->stat(files, disk->folder, cf_bytes_of_text("copy"), &stat, &error),
                 CF_MISSING);
    scratch_write(disk, "original", "right");
    expect_ok(cf_task_make(files, disk->folder, &task, &error), error);
    cr_expect_not(task.spoiled);
    scratch_destroy(&disk);
}

/* ---- Long values of records ---- */

Test(engine_equals_in, of_rows_come_once_for_two_tables)
{
    cf_arena arena = {0};
    small_world *w = small_world_new(62, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1], beside = table_beside(b);
    cf_bytes note = noise_text(w, SIZE, &arena);
    table rows = {0};

    small_world_bind_tables(w);
    small_device_bind_table(b, &(table_place){.number = BESIDE, .at = &beside});
    cr_assert(small_world_settle(w));
    for (long id = 1; id <= 3; id++)
        table_add(&rows, id, id, note);
    user_writes_table(a, &rows);
    cr_assert(small_device_sync(a));
    uint64_t before = received(b);
    cr_assert(small_device_sync(b));
    cr_expect_lt(received(b) - before, SIZE + SIZE / 2, "%llu",
                 (unsigned long long)(received(b) - before));
    table_release(&rows);
    cr_assert(user_reads_table(&beside, &rows));
    cr_expect_eq(rows.count, 3);
    table_release(&rows);
    cr_assert(user_reads_table(b, &rows));
    cr_expect_eq(rows.count, 3);
    table_release(&rows);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}
