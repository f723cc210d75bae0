/* SPDX-License-Identifier: Apache-2.0 */
/* One file of records whose device's disk fails, or whose process ends, at every single call, or
 * whose user saves at that moment: what is there at the end is whole, the same everywhere, nothing
 * that was saved is lost, and nothing that we did ourselves was published. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"
#include "tests/support/flagless.h"
#include "tests/support/short_form.h"

#include <stdio.h>
#include <unistd.h>

/* From one call to the next that is tried. */
static unsigned step(void)
{
    return one_in(1, 2, 3);
}

/* Rows of these balances, numbered from 1; 0: none. */
static void write_balances(small_device *self, const long *balances, long count)
{
    table what = {0};

    for (long i = 0; i < count; i++)
        if (balances[i])
            table_add(&what, i + 1, balances[i], cf_bytes_of_text("note"));
    user_writes_table(self, &what);
    table_release(&what);
}

static long balance_of(const small_device *self, long id)
{
    table what = {0};

    cr_assert(user_reads_table(self, &what));
    const table_row *row = table_find(&what, id);
    long balance = row ? row->balance : 0;
    table_release(&what);
    return balance;
}

/* What names can be given by in the test's world. */
static enum { ALL, LINKS, PLAIN } disk_kind;

static void prepare(small_world *in)
{
    static const long balances[] = {10, 20, 30, 40};

    if (disk_kind != ALL)
        make_flagless(&in->files, disk_kind == LINKS);
    small_world_bind_tables(in);
    write_balances(&in->devices[0], balances, 4);
    settles_equal_by(small_world_tables_equal, in, "before", 0);
}

static void work(small_device *self)
{
    static const long balances[] = {11, 0, 30, 40, 50};

    write_balances(self, balances, 5);
}

/* Whether all of the work was done before the fault came. */
static bool is_tried(disk_faults how)
{
    small_world *w = small_world_new(8, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    unsigned long at = how.at;

    prepare(w);
    work(a);
    cr_assert(small_device_sync(a));
    uint64_t entries = small_world_entries(w), first = b->faults.calls;
    b->faults = how;
    b->faults.calls = first;
    b->faults.at += first;
    small_device_sync(b);
    bool over = b->faults.calls < first + at;
    small_device_crash(b);
    settles_equal_by(small_world_tables_equal, w, "receiving", at);
    cr_assert_eq(balance_of(b, 1), 11, "%lu", at);
    cr_assert_eq(balance_of(b, 2), 0, "%lu", at);
    cr_assert_eq(balance_of(b, 5), 50, "%lu", at);
    cr_assert_eq(small_world_entries(w), entries, "%lu: something was published", at);
    small_world_destroy(&w);
    return over;
}

static void try_every(disk_faults how, uint64_t least)
{
    for (how.at = 1; !is_tried(how); how.at += step())
        continue;
    cr_assert_geq(how.at, least, "hardly anything was tried");
}

Test(engine_record_file, end_whole_after_a_crash)
{
    try_every((disk_faults){.status = CF_IO}, 8);
}

Test(engine_record_file, go_on_after_one_call_that_fails)
{
    try_every((disk_faults){.status = CF_FULL, .once = true, .reads = true}, 20);
}

Test(engine_record_file, end_whole_after_a_crash_where_rename_takes_no_flags)
{
    for (disk_kind = LINKS; disk_kind <= PLAIN; disk_kind++)
        try_every((disk_faults){.status = CF_IO}, 8);
}

Test(engine_record_file, go_on_after_one_failure_where_rename_takes_no_flags)
{
    for (disk_kind = LINKS; disk_kind <= PLAIN; disk_kind++)
        try_every((disk_faults){.status = CF_FULL, .once = true, .reads = true}, 20);
}

/* ---- A user who is faster ---- */

static void save_meanwhile(void *context)
{
    static const long balances[] = {10, 20, 33, 40};

    write_balances(context, balances, 4);
}

static bool is_saved(unsigned long at)
{
    small_world *w = small_world_new(9, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    prepare(w);
    work(a);
    cr_assert(small_device_sync(a));
    uint64_t first = b->faults.calls;
    b->faults = (disk_faults){
        .calls = first, .at = first + at, .reads = true, .meanwhile = save_meanwhile, .context = b};
    small_device_sync(b);
    bool over = b->faults.meanwhile != NULL;
    b->faults = (disk_faults){0};
    if (!over) {
        settles_equal_by(small_world_tables_equal, w, "meanwhile", at);
        for (int i = 0; i < w->count; i++)
            cr_assert_eq(balance_of(&w->devices[i], 3), 33, "%lu: device %d", at, i);
    }
    small_world_destroy(&w);
    return over;
}

Test(engine_record_file, lose_nothing_that_a_user_saves_at_any_moment)
{
    unsigned long at = 1;

    while (!is_saved(at))
        at += step();
    cr_assert_geq(at, 20, "hardly anything was tried");
}

/* ---- A column that is new ---- */

static void write_lines(small_device *self, const char *lines)
{
    char path[160];

    snprintf(path, sizeof path, "%s.csv", self->folder);
    FILE *file = fopen(path, "w");
    cr_assert(file);
    cr_assert_geq(fputs(lines, file), 0);
    cr_assert_eq(fclose(file), 0);
}

/* The note of one row becomes its user's own. */
static void write_own_note(small_device *self, long id)
{
    table what = {0};

    cr_assert(user_reads_table(self, &what));
    table_row *row = table_find(&what, id);
    cr_assert(row);
    cf_buffer_clear(&row->note);
    cf_buffer_append_text(&row->note, "own");
    user_writes_table(self, &what);
    table_release(&what);
}

/* Records of the table that were changed by several who did not know of each other. */
static size_t count_contested(const small_device *self, const cf_binding *binding)
{
    cf_collection *collection;
    cf_error error;

    expect_ok(
        cf_peer_collection(cf_engine_peer(self->engine), &binding->collection, &collection, &error),
        error);
    return cf_state_contested_count(collection->state);
}

/* Rows that a program numbers: of two with one number one gets another, unless they were made
 * alike. Whether all was done before the crash. */
static bool is_tried_with_new_column(unsigned long at)
{
    static const long balances[] = {10, 20};
    small_world *w = small_world_new(10, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    small_world_count_up(w);
    const cf_binding *bound = small_device_bind_table(a, &(table_place){.number = TABLE_NUMBER});
    small_device_bind_table(b, &(table_place){.number = TABLE_NUMBER});
    write_balances(a, balances, 2);
    settles_equal_by(small_world_tables_equal, w, "before", at);
    write_lines(b, "id,balance\n1,10\n2,20\n");
    cr_assert(small_device_sync(b));
    write_lines(a, "id,balance,note\n1,10,new\n2,20,new\n3,29,new\n");
    cr_assert(small_device_sync(a));
    write_lines(a, "id,balance,note\n1,10,new\n2,20,new\n3,30,new\n");
    cr_assert(small_device_sync(a));
    write_lines(b, "id,balance,note\n1,10,\n2,20,\n");
    uint64_t first = b->faults.calls;
    b->faults = (disk_faults){.status = CF_IO, .calls = first, .at = first + at};
    small_device_sync(b);
    bool over = b->faults.calls < first + at;
    small_device_crash(b);
    write_own_note(b, 1);
    settles_equal_by(small_world_tables_equal, w, "with a new column", at);
    for (long id = 1; id <= 3; id++)
        cr_assert_eq(balance_of(a, id), 10 * id, "%lu: row %ld", at, id);
    cr_assert_eq(balance_of(a, 4), 0, "%lu: row 3 is there twice", at);
    cr_assert_leq(count_contested(a, bound), 1, "%lu: not only row 1 was changed by two", at);
    small_world_destroy(&w);
    return over;
}

/* What was about to be written before a crash and is there becomes the base at the next look; so
 * that a row of it is none of this device's own, though in a column its user said something that
 * others don't. */
Test(engine_record_file, end_whole_after_a_crash_while_a_column_is_new)
{
    unsigned long at = 1;

    while (!is_tried_with_new_column(at))
        at++;
    cr_assert_geq(at, 8, "hardly anything was tried");
}

/* What b asks its disk and its store in ten minutes in which nothing happens. */
static uint64_t calls_at_rest(small_device *b)
{
    b->faults = (disk_faults){.reads = true};
    small_device_passes(b, 10 * 60 * 1000);
    return b->faults.calls;
}

/* A column can't come to a file that has its name for another one, b's note for a's remark: the
 * file goes without from the second look on, and is not looked at again for that. */
Test(engine_record_file, is_asked_once_for_a_column_that_it_has_no_room_for)
{
    small_world *w = small_world_new(12, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    small_world_bind_tables(w);
    write_lines(a, "id,balance,note\n1,10,x\n2,20,y\n");
    settles_equal_by(small_world_tables_equal, w, "before", 0);
    write_lines(b, "id,balance,remark\n1,10,x\n2,20,y\n");
    small_device_serves(b);
    small_device_passes(b, 10 * 1000);
    const uint64_t before = calls_at_rest(b);
    write_lines(a, "id,balance,note,remark\n1,10,x,12\n2,20,y,\n");
    cr_assert(small_device_sync(a));
    small_device_passes(b, 10 * 1000);
    cr_expect_eq(small_device_pending(b, cf_engine_binding_at(b->engine, 1), CF_PENDING_LEFT_OUT),
                 1);
    const uint64_t after = calls_at_rest(b);
    cr_expect_leq(after, before + before / 100, "%lu calls, and %lu before", (unsigned long)after,
                  (unsigned long)before);
    small_world_destroy(&w);
}

/* ---- A place that a crash left empty ---- */

/* Where the user of b sees no file he makes one. */
static bool makes_anew(small_device *b, const char *lines)
{
    table before = {0};

    const bool is_there = user_reads_table(b, &before);
    table_release(&before);
    if (!is_there)
        write_lines(b, lines);
    return !is_there;
}

/* What the file was is kept beside the one that was made anew. */
static void expect_beside(const small_device *b)
{
    char path[180];

    snprintf(path, sizeof path, "%s.csv (saved 1)", b->folder);
    cr_expect_eq(access(path, R_OK), 0, "%s", path);
}

static void expect_balances(const small_device *self, unsigned long at)
{
    static const long all[] = {11, 30, 40, 50, 60};
    table what = {0};

    cr_assert(user_reads_table(self, &what));
    cr_expect_eq(what.count, 5, "%lu: %zu rows", at, what.count);
    for (int i = 0; i < 5; i++) {
        size_t found = 0;

        for (size_t k = 0; k < what.count; k++)
            found += what.at[k].balance == all[i];
        cr_expect_eq(found, 1, "%lu: %ld", at, all[i]);
    }
    table_release(&what);
}

/* Numbers by themselves, or counted by a program. */
static void prepare_numbers(small_world *in, bool counts)
{
    make_flagless(&in->files, disk_kind == LINKS);
    if (counts)
        small_world_count_up(in);
    small_world_bind_tables(in);
    write_lines(&in->devices[0], "id,balance\n1,10\n2,20\n3,30\n4,40\n");
    settles_equal_by(small_world_tables_equal, in, "before", 0);
    write_lines(&in->devices[0], "id,balance\n1,11\n3,30\n4,40\n5,50\n");
}

typedef struct {
    bool counts;          /* a program counts up the numbers */
    const char *lines;    /* of the file that is made anew */
    unsigned long unread; /* at that call the device's process ends once more, while what was saved
                             there first can't be read yet; 0: all of it is saved at once */
    bool unread_over;     /* it had come to its end before */
    unsigned made;
} made_anew;

/* The process ends at the call of that number, or after all of its work, which is true. */
static bool ends_at(small_device *self, unsigned long at)
{
    const uint64_t first = self->faults.calls;

    self->faults = (disk_faults){.status = CF_IO, .calls = first, .at = first + at};
    small_device_sync(self);
    const bool over = self->faults.calls < first + at;
    small_device_crash(self);
    return over;
}

/* What the user of b deletes later is deleted. */
static void expect_deletes(small_world *in, unsigned long at)
{
    small_device *a = &in->devices[0], *b = &in->devices[1];
    table what = {0};

    cr_assert(user_reads_table(b, &what));
    what.count--;
    user_writes_table(b, &what);
    settles_equal_by(small_world_tables_equal, in, "deleted", at);
    table_release(&what);
    cr_assert(user_reads_table(a, &what));
    cr_expect_eq(what.count, 4, "%lu: %zu rows", at, what.count);
    table_release(&what);
}

static bool is_made_anew(made_anew *self, unsigned long at)
{
    small_world *w = small_world_new(11, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    prepare_numbers(w, self->counts);
    cr_assert(small_device_sync(a));
    const bool over = ends_at(b, at);
    self->unread_over = true;
    if (makes_anew(b, self->unread ? "id,balance\n6,\"60" : self->lines)) {
        if (self->unread) {
            self->unread_over = ends_at(b, self->unread);
            write_lines(b, self->lines);
        }
        settles_equal_by(small_world_tables_equal, w, "made anew", at);
        for (int i = 0; i < w->count; i++)
            expect_balances(&w->devices[i], at);
        expect_beside(b);
        expect_deletes(w, at);
        self->made++;
    }
    small_world_destroy(&w);
    return over;
}

static void make_anew_at_every(made_anew how)
{
    const unsigned long first = how.unread;

    for (disk_kind = LINKS; disk_kind <= PLAIN; disk_kind++) {
        unsigned long at = 1;

        how.made = 0;
        how.unread = first;
        while (!is_made_anew(&how, at) && !(first && how.made))
            at += first ? 1 : one_in(1, 1, 2);
        cr_assert_gt(how.made, 0, "its place was never empty");
        while (!how.unread_over) {
            how.unread += step();
            is_made_anew(&how, at);
        }
    }
}

/* His file is no successor of the one that the program had moved aside: he did not delete what only
 * that has. */
Test(engine_record_file, take_no_row_for_deleted_where_a_crash_had_left_the_place_empty)
{
    make_anew_at_every((made_anew){.lines = "id,balance\n6,60\n"});
}

/* Nor is his first row the first one of that, where a program counts. */
Test(engine_record_file, take_no_row_for_edited_where_a_crash_had_left_the_place_empty)
{
    make_anew_at_every((made_anew){.counts = true, .lines = "id,balance\n1,60\n"});
}

/* That the file was made anew is known also to the process that can read it first. */
Test(engine_record_file, know_that_a_file_was_made_anew_until_it_can_be_read)
{
    make_anew_at_every((made_anew){.lines = "id,balance\n6,60\n", .unread = 1});
    make_anew_at_every((made_anew){.counts = true, .lines = "id,balance\n1,60\n", .unread = 1});
}
