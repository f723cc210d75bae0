/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that serve, on a disk below its reserve or full: what waits for room goes on by itself
 * soon after there is room, whatever else happens in the source or doesn't. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_table.h"

#include "codec/limits.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>

enum { SETTLE_MS = 9000, LARGE = 3 * CF_MIB, ROOM_WITHIN_MS = 70000, OFTEN_MS = 3000 };

/* The disk of the second device, as it is asked for what is free on it. */
static uint64_t disk_left = 100 * CF_MIB, asked;

static cf_status play_room(cf_files *files, const cf_folder *folder, uint64_t *out, uint64_t *all,
                           cf_error *error)
{
    (void)files, (void)folder, (void)error;
    *out = disk_left;
    if (all)
        *all = 200 * CF_MIB;
    asked++;
    return CF_OK;
}

/* Or it is full to the last byte. */
enum { SMALL_ENOUGH = 64 * CF_KIB };
static cf_status (*write_truly)(cf_files *files, const cf_file *file, uint64_t offset,
                                cf_bytes bytes, cf_error *error);

static cf_status play_write(cf_files *files, const cf_file *file, uint64_t offset, cf_bytes bytes,
                            cf_error *error)
{
    if (disk_left < bytes.size && bytes.size > SMALL_ENOUGH)
        return cf_fail(error, CF_FULL, "writing: No space left on device");
    return write_truly(files, file, offset, bytes, error);
}

static void serve_on_a_disk(small_world *w, uint64_t left)
{
    cf_files *files = w->devices[1].env.files;

    disk_left = left;
    write_truly = files->write_at;
    files->write_at = play_write;
    files->free_bytes = play_room;
    for (int i = 0; i < w->count; i++)
        small_device_serves(&w->devices[i]);
    small_world_passes(w, SETTLE_MS);
    asked = 0;
}

/* ---- A large file ---- */

static uint8_t *noise(small_world *in, size_t size)
{
    uint8_t *bytes = malloc(size);

    cr_assert(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)chance_below(&in->chance, 256);
    return bytes;
}

static void write_small(small_device *self, int number)
{
    char path[32], text[32];

    snprintf(path, sizeof path, "small %d", number % 3);
    snprintf(text, sizeof text, "%d", number);
    user_writes_text(self, path, text);
}

/* `often_ms`: something small comes so often, which is what the source is busy with; 0: nothing. */
static void large_file_goes_on(uint64_t often_ms)
{
    small_world *w = small_world_new(5, 2);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    uint8_t *bytes = noise(w, LARGE);
    int number = 0;

    user_writes_text(first, "old", "old");
    settles_equal(w);
    serve_on_a_disk(w, 10 * CF_MIB);
    user_writes(first, "large", bytes, LARGE);
    small_world_passes(w, SETTLE_MS);
    cr_assert_not(is_there(second, "large"));
    cr_expect_eq(small_device_pending(second, NULL, CF_PENDING_WAITS), 1);
    disk_left = 100 * CF_MIB;
    for (uint64_t end_ms = w->now_ms + ROOM_WITHIN_MS; w->now_ms < end_ms;) {
        if (often_ms)
            write_small(second, number++);
        small_world_passes(w, often_ms ? often_ms : ROOM_WITHIN_MS);
    }
    cr_expect(holds_bytes(second, "large", cf_bytes_of(bytes, LARGE)));
    cr_expect_eq(small_device_pending(second, NULL, CF_PENDING_WAITS), 0);
    free(bytes);
    small_world_destroy(&w);
}

Test(engine_room, a_large_file_goes_on_when_nothing_else_happens)
{
    large_file_goes_on(0);
}

Test(engine_room, a_large_file_goes_on_in_a_source_that_never_rests)
{
    large_file_goes_on(OFTEN_MS);
}

/* Its disk is asked a few times a minute. */
Test(engine_room, a_disk_that_stays_full_is_asked_seldom)
{
    enum { MINUTES = 10 };
    small_world *w = small_world_new(6, 2);
    uint8_t *bytes = noise(w, LARGE);

    user_writes_text(&w->devices[0], "old", "old");
    settles_equal(w);
    serve_on_a_disk(w, 10 * CF_MIB);
    user_writes(&w->devices[0], "large", bytes, LARGE);
    small_world_passes(w, SETTLE_MS);
    asked = 0;
    small_world_passes(w, MINUTES * 60000);
    cr_expect_gt(asked, MINUTES / 2);
    cr_expect_leq(asked, MINUTES * 12);
    free(bytes);
    small_world_destroy(&w);
}

/* ---- A long value ---- */

enum { LONG = 500000 };

static bool has_note(const small_device *self, long id, cf_bytes note)
{
    table there = {0};

    const table_row *row = user_reads_table(self, &there) ? table_find(&there, id) : NULL;
    bool same = row && cf_bytes_equal(cf_buffer_view(&row->note), note);
    table_release(&there);
    return same;
}

static void write_row(small_device *self, long id, cf_bytes note)
{
    table there = {0};

    user_reads_table(self, &there);
    table_row *row = table_find(&there, id);
    if (row)
        row->balance++;
    else
        table_add(&there, id, 1, note);
    user_writes_table(self, &there);
    table_release(&there);
}

static void long_value_goes_on(uint64_t often_ms)
{
    small_world *w = small_world_new(7, 2);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    cf_arena arena = {0};

    small_world_bind_tables(w);
    write_row(first, 1, cf_bytes_of_text("short"));
    settles_equal_by(small_world_tables_equal, w, "before", 0);
    serve_on_a_disk(w, 0);
    cf_bytes note = noise_text(w, LONG, &arena);
    write_row(first, 2, note);
    small_world_passes(w, SETTLE_MS);
    cr_assert_not(has_note(second, 2, note));
    disk_left = 100 * CF_MIB;
    for (uint64_t end_ms = w->now_ms + ROOM_WITHIN_MS; w->now_ms < end_ms;) {
        if (often_ms)
            write_row(second, 1, note);
        small_world_passes(w, often_ms ? often_ms : ROOM_WITHIN_MS);
    }
    cr_expect(has_note(second, 2, note));
    cf_arena_release(&arena);
    small_world_destroy(&w);
}

Test(engine_room, a_long_value_goes_on_when_nothing_else_happens)
{
    long_value_goes_on(0);
}

Test(engine_room, a_long_value_goes_on_in_a_table_that_never_rests)
{
    long_value_goes_on(OFTEN_MS);
}
