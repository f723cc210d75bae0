/* SPDX-License-Identifier: Apache-2.0 */
/* Equal contents at several places: they travel once, and all of them are in the log after one
 * round, whatever becomes of the file that was read for them. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_table.h"
#include "tests/support/bound_source.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 100000, LARGE = 3 << 20, FOLDERS = 4, FILES = 3, BESIDE = 12 };

static uint64_t sent(small_device *self)
{
    cf_traffic traffic;

    cf_engine_traffic(self->engine, &traffic);
    return traffic.bytes_sent;
}

/* In FOLDERS folders, FILES in each. */
static void fill(small_device *self, cf_bytes bytes)
{
    char path[40];

    for (int folder = 0; folder < FOLDERS; folder++) {
        snprintf(path, sizeof path, "%d", folder);
        user_makes(self, path);
        for (int file = 0; file < FILES; file++) {
            snprintf(path, sizeof path, "%d/%d", folder, file);
            user_writes(self, path, bytes.data, bytes.size);
        }
    }
}

static void expect_full(const small_device *self, cf_bytes bytes)
{
    char path[40];

    for (int i = 0; i < FOLDERS * FILES; i++) {
        snprintf(path, sizeof path, "%d/%d", i / FILES, i % FILES);
        cr_expect(holds_bytes(self, path, bytes), "%s", path);
    }
}

/* What the log has, the other device has after a round. */
static void expect_equal(small_world *w)
{
    cf_buffer difference = {0};

    cr_assert(small_device_sync(&w->devices[1]));
    expect_nothing_pending(&w->devices[1]);
    bool equal = small_world_equal(w, &difference);
    cf_buffer_append(&difference, "", 1);
    cr_expect(equal, "%s", (const char *)difference.data);
    cf_buffer_release(&difference);
}

static void bring(size_t size)
{
    small_world *w = small_world_new(51, 2);
    small_device *a = &w->devices[0];
    cf_buffer bytes = small_world_noise(w, size);

    cr_assert(small_world_settle(w));
    fill(a, cf_buffer_view(&bytes));
    cr_assert(small_device_sync(a));
    expect_nothing_pending(a);
    expect_equal(w);
    expect_full(&w->devices[1], cf_buffer_view(&bytes));
    cr_expect_lt(sent(a), size + size / 2);
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
}

Test(engine_equals, go_out_and_come_in_one_round_each)
{
    bring(SIZE);
}

Test(engine_equals, do_so_in_many_pieces_too)
{
    bring(LARGE);
}

Test(engine_equals, go_out_by_what_serves_alone)
{
    small_world *w = small_world_new(52, 2);
    small_device *a = &w->devices[0];
    cf_buffer bytes = small_world_noise(w, SIZE);

    small_device_serves(a);
    cr_assert(small_device_sync(a));
    fill(a, cf_buffer_view(&bytes));
    small_device_passes(a, 60000);
    expect_equal(w);
    expect_full(&w->devices[1], cf_buffer_view(&bytes));
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
}

/* Edits of equal files to equal files: what goes out is a patch. */
Test(engine_equals, go_out_as_edits_too)
{
    small_world *w = small_world_new(53, 2);
    small_device *a = &w->devices[0];
    cf_buffer bytes = small_world_noise(w, LARGE);

    fill(a, cf_buffer_view(&bytes));
    cr_assert(small_world_settle(w));
    uint64_t before = sent(a);
    memset(bytes.data + 1000000, 'x', 3000);
    fill(a, cf_buffer_view(&bytes));
    cr_assert(small_device_sync(a));
    expect_nothing_pending(a);
    expect_equal(w);
    cr_expect_lt(sent(a) - before, 50000);
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
}

/* Offline all wait for the broker together; then the file that was to be read is not there, or is
 * another one. */
Test(engine_equals, go_out_without_the_file_that_was_to_be_read)
{
    for (int edited = 0; edited < 2; edited++) {
        small_world *w = small_world_new(54, 2);
        small_device *a = &w->devices[0];
        cf_buffer bytes = small_world_noise(w, SIZE);

        small_device_serves(a);
        cr_assert(small_device_sync(a));
        small_device_unplug(a);
        fill(a, cf_buffer_view(&bytes));
        small_device_passes(a, 9000);
        cr_assert_eq(small_device_pending(a, NULL, CF_PENDING_WAITS), FOLDERS * FILES);
        for (int folder = 0; folder < FOLDERS - 1; folder++)
            for (int file = 0; file < FILES; file++) {
                char path[40];

                snprintf(path, sizeof path, "%d/%d", folder, file);
                if (edited)
                    user_writes_text(a, path, "another");
                else
                    user_removes(a, path);
            }
        a->offline = false;
        small_device_passes(a, 60000);
        expect_equal(w);
        cr_expect(holds_bytes(&w->devices[1], "3/0", cf_buffer_view(&bytes)));
        cf_buffer_release(&bytes);
        small_world_destroy(&w);
    }
}

/* The source whose file was to be read ends. */
Test(engine_equals, go_out_without_the_source_that_came_first)
{
    for (int first = 0; first < 2; first++) {
        small_world *w = small_world_new(55, 2);
        small_device *a = &w->devices[0], beside = folder_beside(a, NULL);
        cf_buffer bytes = small_world_noise(w, SIZE);
        uint32_t ends = first ? FOLDER_BESIDE : cf_engine_binding_at(a->engine, 0)->number;
        cf_error error;

        small_device_serves(a);
        cr_assert(small_world_settle(w));
        small_device_unplug(a);
        user_writes(a, "here", bytes.data, bytes.size);
        user_writes(&beside, "there", bytes.data, bytes.size);
        small_device_passes(a, 9000);
        expect_ok(cf_engine_drop_binding(a->engine, source_numbered(a->engine, ends), &error),
                  error);
        a->offline = false;
        small_device_passes(a, 60000);
        cr_assert(small_device_sync(&w->devices[1]));
        cr_expect(holds_bytes(&w->devices[1], first ? "here" : "there", cf_buffer_view(&bytes)));
        cf_buffer_release(&bytes);
        small_world_destroy(&w);
    }
}

Test(engine_equals, go_out_and_come_in_several_sources)
{
    small_world *w = small_world_new(56, 2);
    small_device *a = &w->devices[0], beside = folder_beside(a, NULL);
    small_device across = folder_beside(&w->devices[1], NULL);
    cf_buffer bytes = small_world_noise(w, SIZE);

    cr_assert(small_world_settle(w));
    user_makes(a, "d");
    user_writes(a, "d/here", bytes.data, bytes.size);
    user_makes(&beside, "e");
    user_writes(&beside, "e/there", bytes.data, bytes.size);
    cr_assert(small_device_sync(a));
    expect_nothing_pending(a);
    cr_expect(holds_bytes(a, "e/there", cf_buffer_view(&bytes)));
    cr_expect(holds_bytes(&beside, "d/here", cf_buffer_view(&bytes)));
    expect_equal(w);
    cr_expect(holds_bytes(&across, "d/here", cf_buffer_view(&bytes)));
    cr_expect(holds_bytes(&across, "e/there", cf_buffer_view(&bytes)));
    cr_expect_lt(sent(a), 2 * SIZE);
    cf_buffer_release(&bytes);
    small_world_destroy(&w);
}

/* ---- Long values of records ---- */

static void write_rows(small_device *self, const long *ids, size_t count, cf_bytes note)
{
    table rows = {0};

    for (size_t i = 0; i < count; i++)
        table_add(&rows, ids[i], ids[i], note);
    user_writes_table(self, &rows);
    table_release(&rows);
}

static void expect_rows(const small_device *self, size_t count, cf_bytes note)
{
    table rows = {0};

    cr_assert(user_reads_table(self, &rows));
    cr_expect_eq(rows.count, count);
    for (size_t i = 0; i < rows.count; i++)
        cr_expect(cf_bytes_equal(cf_buffer_view(&rows.at[i].note), note), "row %ld", rows.at[i].id);
    table_release(&rows);
}

Test(engine_equals, of_rows_in_two_tables_go_out_in_one_round)
{
    static const long here[] = {1, 2, 3}, there[] = {4, 5};
    cf_arena arena = {0};
    small_world *w = small_world_new(57, 2);
    small_device *a = &w->devices[0], beside = table_beside(a);
    cf_bytes note = noise_text(w, SIZE, &arena);

    small_world_bind_tables(w);
    small_device_bind_table(a, &(table_place){.number = BESIDE, .at = &beside});
    cr_assert(small_world_settle(w));
    write_rows(a, here, 3, note);
    write_rows(&beside, there, 2, note);
    cr_assert(small_device_sync(a));
    expect_rows(a, 5, note);
    expect_rows(&beside, 5, note);
    cr_assert(small_device_sync(&w->devices[1]));
    expect_rows(&w->devices[1], 5, note);
    cr_expect_lt(sent(a), 2 * SIZE);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}

/* What is kept of the value until it is sent is not there any more. */
Test(engine_equals, of_rows_go_out_though_what_is_kept_of_them_is_gone)
{
    static const long ids[] = {1, 2, 3};
    cf_arena arena = {0};
    small_world *w = small_world_new(58, 2);
    small_device *a = &w->devices[0];
    cf_bytes note = noise_text(w, SIZE, &arena);
    char command[400];

    small_world_bind_tables(w);
    cr_assert(small_world_settle(w));
    small_device_unplug(a);
    write_rows(a, ids, 3, note);
    small_device_round(a, &(cf_round_options){.kind = CF_ROUND_SYNC}, 60);
    snprintf(command, sizeof command, "find %s/base -type f | grep -q . && rm -r %s/base/*",
             a->home_path, a->home_path);
    cr_assert_eq(system(command), 0);
    a->offline = false;
    cr_assert(small_device_sync(a));
    cr_assert(small_device_sync(&w->devices[1]));
    expect_rows(&w->devices[1], 3, note);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}
