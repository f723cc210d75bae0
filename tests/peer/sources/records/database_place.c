/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/records/database_place.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <stdio.h>
#include <unistd.h>

static const cf_delete_word no_word = {0};

static cf_delete_word word_of(const char *text)
{
    cf_delete_word word;
    cf_error error;

    expect_ok(cf_delete_word_read(text, &word, &error), error);
    return word;
}

Test(database_place, lets_another_file_be_that_has_all_rows)
{
    const cf_database_standing standing = {.rows = 9, .changed = 4};
    cf_error error;

    expect_ok(cf_database_standing_check(&standing, no_word, &error), error);
}

Test(database_place, stops_where_a_row_is_missing_however_many_there_are)
{
    const cf_database_standing few = {.rows = 9, .missing = 1};
    const cf_database_standing many = {.rows = 100000, .missing = 1};
    const cf_database_standing table = {.rows = 100000, .gone = 1};
    cf_error error;

    expect_fails(cf_database_standing_check(&few, no_word, &error), CF_UNSAFE);
    expect_fails(cf_database_standing_check(&many, no_word, &error), CF_UNSAFE);
    expect_fails(cf_database_standing_check(&table, no_word, &error), CF_UNSAFE);
}

Test(database_place, stops_where_most_rows_say_something_else)
{
    const cf_database_standing standing = {.rows = 20, .changed = 11};
    cf_error error;

    expect_fails(cf_database_standing_check(&standing, no_word, &error), CF_UNSAFE);
}

Test(database_place, yields_to_the_users_word_and_to_nothing_beyond_it)
{
    const cf_database_standing standing = {.rows = 20, .missing = 5, .gone = 2, .changed = 7};
    cf_error error;

    expect_ok(cf_database_standing_check(&standing, cf_delete_word_all(), &error), error);
    expect_ok(cf_database_standing_check(&standing, word_of("7"), &error), error);
    expect_fails(cf_database_standing_check(&standing, word_of("6"), &error), CF_UNSAFE);
}

Test(database_place, tells_how_many_are_missing_and_what_to_do)
{
    const cf_database_standing standing = {.rows = 9, .missing = 8, .source = "a.db"};
    cf_error error;

    expect_fails(cf_database_standing_check(&standing, no_word, &error), CF_UNSAFE);
    cr_assert(strstr(error.text, "8 of 9 rows are missing"));
    cr_assert(strstr(error.text,
                     "Put the old one back, or `counterfoil repair a.db --refill` fills it, "
                     "or `counterfoil sync a.db --yes` deletes them elsewhere too"));
}

static void expect_deed(const cf_database_standing *standing, const char *deed)
{
    cf_error error;

    expect_fails(cf_database_standing_check(standing, no_word, &error), CF_UNSAFE);
    const char *said = strstr(error.text, "--yes` ");
    cr_assert_str_eq(said ? said + strlen("--yes` ") : error.text, deed);
}

Test(database_place, tells_what_a_word_does_with_edits_of_others)
{
    const char *taken_back = "takes back elsewhere too what was written since";

    expect_deed(&(cf_database_standing){.rows = 9, .missing = 1}, "deletes them elsewhere too");
    expect_deed(&(cf_database_standing){.rows = 9, .gone = 1, .changed = 1},
                "deletes them elsewhere too, and changes 1 other");
    expect_deed(&(cf_database_standing){.rows = 20, .changed = 11}, "changes them elsewhere too");
    expect_deed(&(cf_database_standing){.rows = 9, .missing = 1, .changed = 2, .older = true},
                taken_back);
    expect_deed(&(cf_database_standing){.rows = 20, .changed = 11, .older = true}, taken_back);
}

Test(database_place, takes_no_row_of_an_older_copy_without_a_word)
{
    static const cf_database_standing differing[] = {
        {.rows = 100, .missing = 1, .older = true},
        {.rows = 100, .changed = 1, .older = true, .counts = true},
        {.rows = 100, .changed = CF_DATABASE_TAKEN_BACK + 1, .older = true},
        {.rows = 100, .back = 1, .older = true},
    };
    static const cf_database_standing like[] = {
        {.rows = 100, .older = true},
        {.rows = 100, .older = true, .counts = true},
        {.rows = 100, .changed = CF_DATABASE_TAKEN_BACK, .older = true},
    };
    cf_error error;

    for (size_t i = 0; i < sizeof differing / sizeof *differing; i++) {
        expect_fails(cf_database_standing_check(&differing[i], no_word, &error), CF_UNSAFE);
        expect_ok(cf_database_standing_check(&differing[i], cf_delete_word_all(), &error), error);
    }
    for (size_t i = 0; i < sizeof like / sizeof *like; i++)
        expect_ok(cf_database_standing_check(&like[i], no_word, &error), error);
}

Test(database_place, takes_no_row_of_a_file_that_counts_fewer_writes_without_a_word)
{
    const cf_database_standing like = {.rows = 100, .counts = true, .copied = true, .fewer = true};
    cf_database_standing stale = like, edited = like;
    cf_error error;

    stale.changed = 1;
    edited.changed = 1;
    edited.fewer = false; /* a copy that was edited, as far as anybody can tell */
    expect_ok(cf_database_standing_check(&like, no_word, &error), error);
    expect_ok(cf_database_standing_check(&edited, no_word, &error), error);
    expect_fails(cf_database_standing_check(&stale, no_word, &error), CF_UNSAFE);
    cr_expect(strstr(error.text, "another database stands in its place: 1 of 100 rows say"));
    expect_ok(cf_database_standing_check(&stale, cf_delete_word_all(), &error), error);
}

Test(database_place, takes_rows_of_its_program_that_come_and_go_for_edits)
{
    static const cf_database_standing edits[] = {
        {.rows = 100, .missing = CF_DATABASE_TAKEN_BACK, .older = true, .closed = true},
        {.rows = 100, .missing = 1, .back = 1, .changed = 2, .older = true, .closed = true},
    };
    static const cf_database_standing copies[] = {
        {.rows = 100, .missing = 4, .changed = 1, .older = true, .closed = true},
        {.rows = 100, .missing = 1, .older = true, .closed = true, .counts = true},
        {.rows = 100, .missing = 1, .closed = true},
    };
    cf_error error;

    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
        expect_ok(cf_database_standing_check(&edits[i], no_word, &error), error);
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++)
        expect_fails(cf_database_standing_check(&copies[i], no_word, &error), CF_UNSAFE);
}

Test(database_place, takes_what_the_log_shows_for_edits)
{
    static const cf_database_standing edits = {.rows = 100,
                                               .missing = 40,
                                               .changed = 20,
                                               .older = true,
                                               .written = true,
                                               .weighed = true,
                                               .undone = {.first = 40}};
    cf_database_standing copy = edits;
    cf_error error;

    expect_ok(cf_database_standing_check(&edits, no_word, &error), error);
    copy.counts = true; /* other writes than were synced, or it was copied */
    expect_fails(cf_database_standing_check(&copy, no_word, &error), CF_UNSAFE);
    copy = edits;
    copy.undone.others = 1; /* a copy may have brought its log along */
    expect_fails(cf_database_standing_check(&copy, no_word, &error), CF_UNSAFE);
}

Test(database_place, takes_no_other_devices_work_back_but_for_one_row_that_is_edited)
{
    static const cf_database_standing edit = {
        .rows = 100, .changed = 1, .older = true, .weighed = true, .undone = {.others = 1}};
    static const cf_database_standing copies[] = {
        {.rows = 100, .changed = 2, .older = true, .weighed = true, .undone = {.others = 1}},
        {.rows = 100, .changed = 4, .older = true, .closed = true, .undone = {.others = 4}},
        {.rows = 100, .missing = 1, .older = true, .closed = true, .undone = {.others = 1}},
        {.rows = 100, .back = 1, .older = true, .closed = true, .undone = {.others = 1}},
    };
    cf_error error;

    expect_ok(cf_database_standing_check(&edit, no_word, &error), error);
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++)
        expect_fails(cf_database_standing_check(&copies[i], no_word, &error), CF_UNSAFE);
}

Test(database_place, takes_rows_that_went_back_to_one_moment_for_a_copy)
{
    static const cf_database_standing copies[] = {
        {.rows = 100, .changed = 40, .older = true, .rewound = true},
        {.rows = 100,
         .changed = 40,
         .older = true,
         .weighed = true,
         .closed = true,
         .rewound = true},
    };
    cf_error error;

    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
        expect_fails(cf_database_standing_check(&copies[i], no_word, &error), CF_UNSAFE);
        expect_ok(cf_database_standing_check(&copies[i], cf_delete_word_all(), &error), error);
    }
}

Test(database_place, lets_a_device_do_again_what_it_did_and_undo_no_other_ones_work)
{
    static const cf_database_standing edits[] = {
        {.rows = 100, .back = 40, .older = true, .weighed = true},
        {.rows = 100, .missing = 40, .older = true, .weighed = true},
        {.rows = 100, .back = 9, .changed = CF_DATABASE_TAKEN_BACK, .older = true, .weighed = true},
        {.rows = 100, .changed = 40, .older = true, .weighed = true, .closed = true},
        {.rows = 100,
         .missing = 9,
         .older = true,
         .weighed = true,
         .closed = true,
         .undone = {.first = CF_DATABASE_TAKEN_BACK}},
    };
    static const cf_database_standing copies[] = {
        {.rows = 100, .back = 40, .older = true},
        {.rows = 100, .back = 40, .older = true, .weighed = true, .undone = {.others = 1}},
        {.rows = 100, .missing = 40, .older = true, .weighed = true, .undone = {.first = 1}},
        {.rows = 100, .back = 40, .older = true, .weighed = true, .counts = true},
        {.rows = 100, .changed = CF_DATABASE_TAKEN_BACK + 1, .older = true, .weighed = true},
        {.rows = 100,
         .missing = 9,
         .older = true,
         .weighed = true,
         .closed = true,
         .undone = {.first = CF_DATABASE_TAKEN_BACK + 1}},
        {.rows = 100, .back = 1, .weighed = true, .missing = 1},
    };
    cf_error error;

    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
        expect_ok(cf_database_standing_check(&edits[i], no_word, &error), error);
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++)
        expect_fails(cf_database_standing_check(&copies[i], no_word, &error), CF_UNSAFE);
}

Test(database_place, knows_a_program_by_the_log_that_it_emptied)
{
    static const struct {
        int64_t file, log, size;
        cf_database_writer writer;
    } cases[] = {
        {100, 100, 0, CF_DATABASE_BY_PROGRAM},    {100, 2000000100, 0, CF_DATABASE_BY_PROGRAM},
        {100, 2000000101, 0, CF_DATABASE_UNTOLD}, {100, 99, 0, CF_DATABASE_COPIED},
        {100, 100, 32, CF_DATABASE_UNTOLD},       {100, 99, 32, CF_DATABASE_UNTOLD},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const cf_database_traces traces = {
            .there = true,
            .logs = true,
            .file = {.mtime_ns = cases[i].file},
            .log = {.mtime_ns = cases[i].log, .size = (uint64_t)cases[i].size},
            .folder_ns = 50,
        };

        cr_expect_eq(cf_database_writer_of(&traces, 90, true), cases[i].writer, "case %zu", i);
    }
}

Test(database_place, knows_a_copy_by_the_time_of_its_folder)
{
    static const struct {
        int64_t file, changed, folder, kept;
        bool logs, older;
        cf_database_writer writer;
    } cases[] = {
        {100, 100, 100, 90, false, true, CF_DATABASE_BY_PROGRAM},
        {100, 100, 2000000100, 90, false, true, CF_DATABASE_BY_PROGRAM},
        {100, 100, 2000000101, 90, false, true, CF_DATABASE_UNTOLD},
        {100, 100, 99, 90, false, false, CF_DATABASE_COPIED},
        {100, 100, 99, 90, true, false, CF_DATABASE_UNTOLD},
        {100, 100, 0, 90, false, true, CF_DATABASE_UNTOLD},
        {100, 100, 110, 101, false, false, CF_DATABASE_COPIED},
        {100, 111, 110, 90, false, true, CF_DATABASE_COPIED},
        {100, 111, 110, 90, false, false, CF_DATABASE_BY_PROGRAM},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const cf_database_traces traces = {
            .there = true,
            .logs = cases[i].logs,
            .log = {.size = 32},
            .file = {.mtime_ns = cases[i].file, .ctime_ns = cases[i].changed},
            .folder_ns = cases[i].folder,
        };

        cr_expect_eq(cf_database_writer_of(&traces, cases[i].kept, cases[i].older), cases[i].writer,
                     "case %zu", i);
    }
}

/* ---- What a file held ---- */

typedef struct {
    scratch *disk;
    char path[96];
    sqlite3 *other, *ours;
} look;

static void does(const look *self, const char *sql)
{
    cr_assert_eq(sqlite3_exec(self->other, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sql);
}

static look look_begin(void)
{
    look self = {.disk = scratch_new()};
    cf_error error;

    snprintf(self.path, sizeof self.path, "%s/a.db", self.disk->path);
    cr_assert_eq(sqlite3_open(self.path, &self.other), SQLITE_OK);
    does(&self, "CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 'x')");
    expect_ok(cf_database_open(self.path, false, &self.ours, &error), error);
    return self;
}

static void look_end(look *self)
{
    cf_database_close(&self->ours);
    sqlite3_close(self->other);
    scratch_destroy(&self->disk);
}

Test(database_place, keeps_no_program_waiting_and_takes_nothing_that_was_written_meanwhile)
{
    static const char *const writes[] = {"UPDATE t SET a = 'y'", "UPDATE t SET a = 'x'"};
    look self = look_begin();
    cf_files *files = self.disk->files;
    cf_database_sight seen;
    cf_error error;

    for (size_t i = 0; i < 2; i++) {
        expect_ok(cf_database_see(files, self.path, self.ours, &seen, &error), error);
        cr_expect(seen.content);
        cr_expect(sqlite3_get_autocommit(self.ours));
        cr_expect_eq(cf_database_still(files, self.path, self.ours, &seen), seen.content);
        does(&self, writes[i]);
        cr_expect_eq(cf_database_still(files, self.path, self.ours, &seen), 0);
    }
    look_end(&self);
}

Test(database_place, looks_through_no_file_that_is_too_large)
{
    look self = look_begin();
    cf_database_sight seen;
    cf_error error;

    cr_assert_eq(truncate(self.path, CF_DATABASE_CONTENT_MAX), 0);
    expect_ok(cf_database_see(self.disk->files, self.path, self.ours, &seen, &error), error);
    cr_expect_neq(seen.content, 0);
    cr_assert_eq(truncate(self.path, CF_DATABASE_CONTENT_MAX + 1), 0);
    expect_ok(cf_database_see(self.disk->files, self.path, self.ours, &seen, &error), error);
    cr_expect_eq(seen.content, 0);
    cr_expect_leq(CF_DATABASE_CONTENT_MAX, 256 << 20);
    look_end(&self);
}

/* What the file held is put over it, as `cp` does: the file stays the same. */
static void overwrite(const look *self, const char *with, size_t size)
{
    FILE *file = fopen(self->path, "r+");

    cr_assert(file);
    cr_assert_eq(fwrite(with, 1, size, file), size);
    fclose(file);
}

Test(database_place, knows_that_a_log_has_the_commits_that_made_the_file)
{
    look self = look_begin();
    char older[16384];

    does(&self, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
    cf_error error;
    int64_t mode;
    expect_ok(cf_database_number(self.ours, "SELECT count(*) FROM t", &mode, &error), error);
    cr_expect(!cf_database_log_is_in_file(self.ours), "nothing lies in it");
    does(&self, "PRAGMA wal_checkpoint(TRUNCATE)");
    FILE *file = fopen(self.path, "r");
    const size_t size = fread(older, 1, sizeof older, file);
    fclose(file);
    cr_assert_lt(size, sizeof older);
    does(&self, "UPDATE t SET a = 'y'; UPDATE t SET a = 'z'");
    expect_ok(cf_database_number(self.ours, "SELECT count(*) FROM t", &mode, &error), error);
    cr_expect(!cf_database_log_is_in_file(self.ours), "the file has not got them yet");
    does(&self, "PRAGMA wal_checkpoint(PASSIVE)");
    cr_expect(cf_database_log_is_in_file(self.ours));
    overwrite(&self, older, size);
    cr_expect(!cf_database_log_is_in_file(self.ours), "a copy lies over it");
    does(&self, "UPDATE t SET a = 'x'; PRAGMA wal_checkpoint(PASSIVE)");
    cr_expect(cf_database_log_is_in_file(self.ours), "the log begins anew, old frames behind");
    look_end(&self);
}

static bool is_overwritten(const look *self)
{
    cf_error error;
    int64_t rows;

    expect_ok(cf_database_run(self->ours, "BEGIN", &error), error);
    expect_ok(cf_database_number(self->ours, "SELECT count(*) FROM t", &rows, &error), error);
    const bool found = cf_database_log_is_overwritten(self->ours);
    expect_ok(cf_database_run(self->ours, "COMMIT", &error), error);
    return found;
}

Test(database_place, knows_a_copy_under_a_log_whose_commits_were_all_in_the_file)
{
    look self = look_begin();
    char older[16384];

    cr_expect(!is_overwritten(&self), "there is no log");
    does(&self, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
    cr_expect(!is_overwritten(&self), "nothing lies in it");
    FILE *file = fopen(self.path, "r");
    const size_t size = fread(older, 1, sizeof older, file);
    fclose(file);
    cr_assert_lt(size, sizeof older);
    does(&self, "UPDATE t SET a = 'y'");
    cr_expect(!is_overwritten(&self), "the file has not got it yet");
    does(&self, "PRAGMA wal_checkpoint(PASSIVE)");
    cr_expect(!is_overwritten(&self));
    overwrite(&self, older, size);
    cr_expect(is_overwritten(&self), "a copy lies over it");
    does(&self, "UPDATE t SET a = 'z'");
    cr_expect(!is_overwritten(&self), "the log begins anew");
    look_end(&self);
}

Test(database_place, believes_no_log_that_is_too_large_or_has_impossible_pages)
{
    static const char sizes[][4] = {
        {0, 0, 0, 0}, {0, 0, 1, (char)255}, {0, 1, 0, 1}, {127, 0, 0, 0}};
    look self = look_begin();
    char log[128];
    cf_error error;
    int64_t rows;

    does(&self, "PRAGMA journal_mode = WAL; UPDATE t SET a = 'y'; PRAGMA wal_checkpoint(PASSIVE)");
    expect_ok(cf_database_number(self.ours, "SELECT count(*) FROM t", &rows, &error), error);
    cr_assert(cf_database_log_is_in_file(self.ours));
    snprintf(log, sizeof log, "%s-wal", self.path);
    cr_assert_eq(truncate(log, CF_DATABASE_CONTENT_MAX), 0);
    cr_expect(cf_database_log_is_in_file(self.ours));
    cr_assert_eq(truncate(log, CF_DATABASE_CONTENT_MAX + 1), 0);
    cr_expect(!cf_database_log_is_in_file(self.ours), "it is too large");
    cr_assert_eq(truncate(log, 1 << 20), 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        FILE *file = fopen(log, "r+");

        cr_assert(file);
        cr_assert(fseek(file, 8, SEEK_SET) == 0);
        cr_assert_eq(fwrite(sizes[i], 1, 4, file), 4);
        fclose(file);
        cr_expect(!cf_database_log_is_in_file(self.ours), "size %zu", i);
    }
    look_end(&self);
}
