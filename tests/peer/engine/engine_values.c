/* SPDX-License-Identifier: Apache-2.0 */
/* Long values of records between devices: they travel beside the other fields, as deltas, and what
 * waits for one is whole when it comes. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_table.h"

#include "codec/content.h"
#include "codec/pack.h"
#include "codec/terse.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>

enum { PHOTO = 300000, SMALL = 80000, ROWS = 3, ENTRY_MAX = 2048 };

static void open_photos(small_world *in, long rows, size_t size)
{
    cf_arena arena = {0};
    table photos = {0};

    small_world_bind_tables(in);
    for (long id = 1; id <= rows; id++)
        table_add(&photos, id, 100, noise_text(in, size, &arena));
    user_writes_table(&in->devices[0], &photos);
    settles_equal_by(small_world_tables_equal, in, "before", 0);
    table_release(&photos);
    cf_arena_release(&arena);
}

/* Some of its characters are others, and perhaps its number too. */
static void retouch(small_device *self, long id, size_t at, long balance)
{
    table photos = {0};

    cr_assert(user_reads_table(self, &photos));
    table_row *row = table_find(&photos, id);
    cr_assert_not_null(row);
    cr_assert_geq(row->note.size, at + 40);
    memset(row->note.data + at, 'x', 40);
    row->balance = balance ? balance : row->balance;
    user_writes_table(self, &photos);
    table_release(&photos);
}

static bool is_retouched(const small_device *self, long id, size_t at, long balance)
{
    table photos = {0};

    bool there = user_reads_table(self, &photos);
    const table_row *row = table_find(&photos, id);
    bool same = there && row && row->note.size >= at + 40 && row->note.data[at] == 'x' &&
                row->note.data[at + 39] == 'x' && row->balance == balance;
    table_release(&photos);
    return same;
}

static uint64_t received(small_device *self)
{
    cf_traffic traffic;

    cf_engine_traffic(self->engine, &traffic);
    return traffic.bytes_received;
}

/* The reason why this row is not in sync; "" when it is. */
static const char *reason_of(small_device *self, const char *key, cf_arena *arena)
{
    cf_binding_status status;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, 1), arena, &status);
    for (size_t i = 0; i < status.pending_count; i++)
        if (cf_bytes_equal(status.pending[i].path, cf_bytes_of_text(key)))
            return status.pending[i].reason;
    return "";
}

Test(engine_values, travel_as_deltas_in_the_entry_of_the_other_fields)
{
    small_world *w = small_world_new(31, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    open_photos(w, ROWS, PHOTO);
    cr_expect_gt(received(b), ROWS * PHOTO / 2);
    for (unsigned step = 0; step < 6; step++) {
        small_device *from = step % 2 ? b : a, *to = step % 2 ? a : b;
        uint64_t entries = small_world_entries(w), before = received(to);

        if (step == 4)
            small_device_crash(from); /* what its base shows is kept */
        retouch(from, 2, 1000 + 40000 * step, 7 + (long)step);
        cr_assert(small_device_sync(from));
        cr_expect_eq(small_world_entries(w), entries + 1, "step %u", step);
        cr_assert(small_device_sync(to));
        cr_expect(is_retouched(to, 2, 1000 + 40000 * step, 7 + (long)step), "step %u", step);
        cr_expect_leq(received(to) - before, ENTRY_MAX, "step %u: %lu bytes", step,
                      (unsigned long)(received(to) - before));
    }
    settles_equal_by(small_world_tables_equal, w, "at the end", 0);
    small_world_destroy(&w);
}

/* ---- Two names of one value ---- */

static cf_bytes identity_of(cf_bytes content, cf_arena *arena)
{
    cf_buffer identity = {0};
    cf_hash hash = cf_content_hash(content);

    cf_content_identity_pack(&identity, &hash, content.size);
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&identity));
    cf_buffer_release(&identity);
    return copy;
}

/* What the device last agreed on was the value's other name: as if an older program had published
 * it by its encoding, and another one since by its terse form. */
static void rename_in_base(small_device *self, cf_bytes note, cf_arena *arena)
{
    cf_binding *binding = cf_engine_binding_at(self->engine, 1);
    cf_row row = cf_row_copy(cf_rows_next(binding->rows, NULL), arena);
    cf_row_field *fields = cf_arena_allocate(arena, row.field_count, sizeof *fields);
    cf_bytes *values = cf_arena_allocate(arena, 1, sizeof *values);
    cf_buffer plain = {0}, terse = {0};

    cf_pack_text(&plain, note);
    cr_assert(cf_terse_write(cf_buffer_view(&plain), &terse), "it has only one name");
    cf_bytes was = identity_of(cf_buffer_view(&terse), arena);
    values[0] = identity_of(cf_buffer_view(&plain), arena);
    for (size_t i = 0; i < row.field_count; i++) {
        fields[i] = row.fields[i];
        if (!cf_row_field_has(&fields[i], was))
            continue;
        fields[i].values = values;
        row.fields = fields;
    }
    cr_assert_eq(row.fields, fields, "the base has another name of it");
    cf_rows_put(binding->rows, &row);
    cf_buffer_release(&plain);
    cf_buffer_release(&terse);
}

static cf_bytes letters(small_world *in, cf_arena *arena)
{
    cf_bytes noise = noise_text(in, SMALL, arena);
    uint8_t *text = cf_arena_allocate(arena, noise.size, 1);

    for (size_t i = 0; i < noise.size; i++)
        text[i] = (uint8_t) "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
            [(noise.data[i] * 31U + i * 17) % 64];
    return cf_bytes_of(text, noise.size / 4 * 4);
}

Test(engine_values, stay_what_they_are_under_the_name_that_the_base_has)
{
    for (int edits = 0; edits < 2; edits++) {
        cf_arena arena = {0};
        small_world *w = small_world_new(32, 2);
        small_device *a = &w->devices[0], *b = &w->devices[1];
        cf_bytes note = letters(w, &arena);
        table photos = {0};

        small_world_bind_tables(w);
        table_add(&photos, 1, 100, note);
        user_writes_table(a, &photos);
        settles_equal_by(small_world_tables_equal, w, "before", 0);
        rename_in_base(b, note, &arena);
        if (edits)
            retouch(a, 1, 100, 0);
        cr_assert(small_device_sync(a));
        uint64_t entries = small_world_entries(w);
        user_sets_balance(b, 1, 7); /* something else of the row */
        settles_equal_by(small_world_tables_equal, w, "after", (unsigned long)edits);
        cr_expect_eq(small_world_entries(w), entries + 1, "it was told of more than once");
        cr_expect_eq(is_retouched(b, 1, 100, 7), edits == 1, "the edit is gone");
        table_release(&photos);
        cf_arena_release(&arena);
        small_world_destroy(&w);
    }
}

Test(engine_values, merge_with_other_fields_that_changed_elsewhere)
{
    small_world *w = small_world_new(32, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    table photos = {0};

    open_photos(w, ROWS, PHOTO);
    retouch(a, 1, 5000, 0);
    cr_assert(user_reads_table(b, &photos));
    table_find(&photos, 1)->balance = 42;
    user_writes_table(b, &photos);
    table_release(&photos);
    settles_equal_by(small_world_tables_equal, w, "both", 0);
    cr_expect(is_retouched(a, 1, 5000, 42));
    cr_expect(is_retouched(b, 1, 5000, 42));
    small_world_destroy(&w);
}

Test(engine_values, hold_back_their_row_alone_until_there_is_a_broker)
{
    small_world *w = small_world_new(33, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_arena arena = {0};
    table photos = {0};

    open_photos(w, ROWS, PHOTO);
    small_device_unplug(a);
    cr_assert(user_reads_table(a, &photos));
    table_add(&photos, 9, 9, noise_text(w, PHOTO, &arena));
    table_find(&photos, 1)->balance = 11;
    user_writes_table(a, &photos);
    small_device_round(a, &(cf_round_options){.kind = CF_ROUND_SYNC}, 60);
    cr_expect_str_eq(reason_of(a, "9", &arena), "a long value of it waits for a broker");
    uint64_t entries = small_world_entries(w);
    settles_equal_by(small_world_tables_equal, w, "with the broker", 0);
    cr_expect_eq(small_world_entries(w), entries + 2); /* what could go out did, before */
    table_release(&photos);
    cr_assert(user_reads_table(b, &photos));
    cr_assert_not_null(table_find(&photos, 9));
    cr_expect_eq(table_find(&photos, 9)->note.size, PHOTO);
    cr_expect_eq(table_find(&photos, 1)->balance, 11);
    table_release(&photos);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}

static void add_apart(small_device *self, long id, long balance)
{
    table apart = {0};

    table_add(&apart, id, balance, cf_bytes_of_text("short"));
    user_writes_table(self, &apart);
    table_release(&apart);
}

/* Its number is pinned with what else goes out, while the base changes (it was read after it had
 * been let go: of use under a sanitizer). */
Test(engine_values, hold_back_a_row_that_got_another_number)
{
    small_world *w = small_world_new(37, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_arena arena = {0};
    table photos = {0}, after = {0};

    small_world_count_up(w);
    small_world_bind_tables(w);
    add_apart(a, 1, 10);
    add_apart(b, 1, 20);
    settles_equal_by(small_world_tables_equal, w, "before", 0);
    small_device_unplug(a);
    cr_assert(user_reads_table(a, &photos));
    table_row *second = table_find(&photos, 2);
    cr_assert_not_null(second);
    cf_buffer_clear(&second->note);
    cf_bytes noise = noise_text(w, SMALL, &arena);
    cf_buffer_append(&second->note, noise.data, noise.size);
    table_find(&photos, 1)->balance += 7;
    user_writes_table(a, &photos);
    small_device_round(a, &(cf_round_options){.kind = CF_ROUND_SYNC}, 60);
    cr_expect_str_eq(reason_of(a, "2", &arena), "a long value of it waits for a broker");
    settles_equal_by(small_world_tables_equal, w, "with the broker", 0);
    cr_assert(user_reads_table(b, &after));
    cr_expect(tables_equal(&after, &photos));
    table_release(&after);
    table_release(&photos);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}

/* The home's copy of what a row shows is spoiled, or gone. */
static void spoil_copies(small_device *self)
{
    char command[300];

    snprintf(command, sizeof command,
             "cd %s/base && for f in *; do printf x | dd of=$f conv=notrunc "
             "status=none; done",
             self->home_path);
    cr_assert_eq(system(command), 0);
}

/* A row that was deleted here and edited elsewhere comes back, from what is kept here of it. */
static void bring_back(bool spoiled)
{
    small_world *w = small_world_new(36, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    table photos = {0};

    open_photos(w, 2, SMALL);
    cr_assert(user_reads_table(a, &photos));
    table_find(&photos, 2)->balance = 5;
    user_writes_table(a, &photos);
    cr_assert(small_device_sync(a));
    table_drop(&photos, 2);
    user_writes_table(b, &photos);
    if (spoiled)
        spoil_copies(b);
    uint64_t before = received(b);
    settles_equal_by(small_world_tables_equal, w, "back", 0);
    cr_expect_eq(received(b) - before > SMALL / 2, spoiled, "%lu bytes came",
                 (unsigned long)(received(b) - before));
    table_release(&photos);
    cr_assert(user_reads_table(b, &photos));
    cr_assert_not_null(table_find(&photos, 2));
    cr_expect_eq(table_find(&photos, 2)->note.size, SMALL);
    cr_expect_eq(table_find(&photos, 2)->balance, 5);
    table_release(&photos);
    small_world_destroy(&w);
}

Test(engine_values, come_back_from_what_is_kept_here)
{
    bring_back(false);
}

Test(engine_values, are_brought_again_when_what_is_kept_is_damaged)
{
    bring_back(true);
}

Test(engine_values, become_short_and_long_again_and_go)
{
    small_world *w = small_world_new(34, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_arena arena = {0};
    table photos = {0}, seen = {0};

    open_photos(w, ROWS, PHOTO);
    cr_assert(user_reads_table(a, &photos));
    cf_bytes long_again = cf_arena_copy(&arena, cf_buffer_view(&photos.at[0].note));
    cf_buffer_clear(&photos.at[0].note);
    cf_buffer_append_text(&photos.at[0].note, "short");
    table_drop(&photos, 3);
    user_writes_table(a, &photos);
    settles_equal_by(small_world_tables_equal, w, "short", 0);
    uint64_t before = received(b);
    cf_buffer_append(&photos.at[0].note, long_again.data, long_again.size);
    user_writes_table(a, &photos);
    settles_equal_by(small_world_tables_equal, w, "long", 0);
    cr_expect_lt(received(b) - before, PHOTO * 2);
    cr_assert(user_reads_table(b, &seen));
    cr_expect(tables_equal(&seen, &photos));
    table_release(&seen);
    table_release(&photos);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}

/* ---- Crashes ---- */

static bool fails_at(bool publishes, unsigned long at)
{
    small_world *w = small_world_new(35, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1], *who = publishes ? a : b;

    open_photos(w, 1, SMALL);
    retouch(a, 1, 70000, 5);
    if (!publishes)
        cr_assert(small_device_sync(a));
    uint64_t first = who->faults.calls, entries = small_world_entries(w);
    who->faults = (disk_faults){.calls = first, .at = first + at, .status = CF_IO};
    small_device_sync(who);
    bool over = who->faults.calls < first + at;
    small_device_crash(who);
    settles_equal_by(small_world_tables_equal, w, publishes ? "publishing" : "receiving", at);
    cr_assert(is_retouched(b, 1, 70000, 5), "%lu: not as the user left it", at);
    if (!publishes)
        cr_assert_eq(small_world_entries(w), entries, "receiving %lu: something was published", at);
    small_world_destroy(&w);
    return over;
}

static void try_every(bool publishes)
{
    unsigned long at = 1;

    while (!fails_at(publishes, at))
        at++;
    cr_assert_gt(at, 3, "hardly anything was tried");
}

Test(engine_values, are_published_whole_where_the_disk_fails)
{
    try_every(true);
}

Test(engine_values, are_applied_whole_where_the_disk_fails)
{
    try_every(false);
}
