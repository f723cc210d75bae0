/* SPDX-License-Identifier: Apache-2.0 */
/* Who may read and who writes, what a stat says, and what is in a file. */
#include "broker/platform/files.h"

#include <string.h>

#include "tests/broker/platform/files_here.h"

static cf_error error;

TestSuite(files_contents, .init = files_arrive, .fini = files_leave);

Test(files_contents, sees_who_has_a_file_open_for_writing)
{
    cf_file *file = NULL, *own = NULL;

    scratch_write(here, "f", "text");
    expect_ok(files->open_file(files, here->folder, named("f"), &file, &error), error);
    cr_assert_eq(files->writer(files, file), CF_WRITER_NONE);
    scratch_hold *reader = scratch_open_for(here, "f", false);
    cr_assert_eq(files->writer(files, file), CF_WRITER_NONE);
    scratch_close(&reader);

    scratch_hold *writer = scratch_open_for(here, "f", true);
    cr_assert_eq(files->writer(files, file), CF_WRITER_OPEN);
    scratch_close(&writer);
    cr_assert_eq(files->writer(files, file), CF_WRITER_NONE);

    expect_ok(files->reopen_file(files, here->folder, named("f"), &own, &error), error);
    cr_assert_eq(files->writer(files, file), CF_WRITER_OPEN);
    files->close_file(files, &own);
    cr_assert_eq(files->writer(files, file), CF_WRITER_NONE);
    files->close_file(files, &file);
}

Test(files_contents, names_what_it_may_not_read)
{
    cf_file *file = NULL;
    cf_folder *folder = NULL;

    scratch_be_nobody(here);
    scratch_write(here, "locked", "text");
    scratch_mkdir(here, "shut");
    expect_ok(files->set_mode(files, here->folder, named("locked"), 0, &error), error);
    expect_ok(files->set_mode(files, here->folder, named("shut"), 0, &error), error);
    cr_assert_not(files->readable(files, here->folder, named("locked")));
    expect_fails(files->open_file(files, here->folder, named("locked"), &file, &error), CF_IO);
    cr_assert_not_null(strstr(error.text, "/locked: Permission denied"), "%s", error.text);
    expect_fails(files->open_folder(files, here->folder, named("shut"), &folder, &error), CF_IO);
    expect_ok(files->set_mode(files, here->folder, named("shut"), 0700, &error), error);
}

Test(files_contents, keeps_modes_and_times_to_the_nanosecond)
{
    static const int64_t times[] = {0, 1, -1, -1000000000, INT64_C(1795176000123456789)};
    cf_stat stat;
    cf_file *file = NULL;

    create(named("f"), "x");
    expect_ok(files->reopen_file(files, here->folder, named("f"), &file, &error), error);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        expect_ok(files->set_file_mtime(files, file, times[i], &error), error);
        expect_ok(files->stat_file(files, file, &stat, &error), error);
        cr_assert_eq(stat.mtime_ns, times[i]);
        expect_ok(files->set_mtime(files, here->folder, named("f"), times[i] + 7, &error), error);
        expect_ok(files->stat(files, here->folder, named("f"), &stat, &error), error);
        cr_assert_eq(stat.mtime_ns, times[i] + 7);
    }
    expect_ok(files->set_file_mode(files, file, 0751, &error), error);
    expect_ok(files->stat_file(files, file, &stat, &error), error);
    cr_assert_eq(stat.mode, 0751);
    expect_ok(files->set_mode(files, here->folder, named("f"), 04640, &error), error);
    expect_ok(files->stat(files, here->folder, named("f"), &stat, &error), error);
    cr_assert_eq(stat.mode, 04640);
    files->close_file(files, &file);
}

Test(files_contents, tells_a_file_from_another_with_its_inode)
{
    cf_stat first, second;

    create(named("a"), "x");
    expect_ok(files->stat(files, here->folder, named("a"), &first, &error), error);
    expect_ok(files->rename(files, here->folder, named("a"), here->folder, named("b"), &error),
              error);
    expect_ok(files->stat(files, here->folder, named("b"), &second, &error), error);
    cr_assert(cf_stat_same_file(&first, &second));
    scratch_settle(here, "b");
    expect_ok(files->unlink(files, here->folder, named("b"), &error), error);
    create(named("b"), "x");
    expect_ok(files->stat(files, here->folder, named("b"), &second, &error), error);
    cr_assert_not(cf_stat_same_file(&first, &second));
}

/* An edit that gives size and time back still changes the ctime. */
Test(files_contents, sees_a_change_in_any_part_of_a_stat)
{
    const cf_stat before = {.kind = CF_FILE_REGULAR,
                            .device = 1,
                            .inode = 2,
                            .birth_ns = 3,
                            .size = 4,
                            .mode = 0644,
                            .mtime_ns = 5,
                            .ctime_ns = 6};
    cf_stat after[7];

    for (size_t i = 0; i < 7; i++)
        after[i] = before;
    cr_assert(cf_stat_unchanged(&before, &after[0]));
    after[0].kind = CF_FILE_LINK;
    after[1].inode++;
    after[2].birth_ns++;
    after[3].size++;
    after[4].mode = 0600;
    after[5].mtime_ns++;
    after[6].ctime_ns++;
    for (size_t i = 0; i < 7; i++)
        cr_expect_not(cf_stat_unchanged(&before, &after[i]), "part %zu", i);
}

Test(files_contents, finds_data_and_holes)
{
    cf_file *file = NULL;
    uint64_t from, to, size = UINT64_C(5) << 30;

    expect_ok(files->create_file(files, here->folder, named("f"), 0644, &file, &error), error);
    expect_ok(files->truncate(files, file, size, &error), error);
    expect_ok(files->next_data(files, file, 0, &from, &to, &error), error);
    cr_assert(from == size);
    cr_assert(to == size);
    expect_ok(files->write_at(files, file, 1 << 20, cf_bytes_of_text("data"), &error), error);
    expect_ok(files->next_data(files, file, 0, &from, &to, &error), error);
    cr_assert(from <= 1 << 20);
    cr_assert(to >= (1 << 20) + 4);
    cr_assert(to < size);
    expect_ok(files->next_data(files, file, to, &from, &to, &error), error);
    cr_assert(from == size);
    cr_assert(to == size);
    expect_ok(files->truncate(files, file, 3, &error), error);
    expect_ok(files->next_data(files, file, 3, &from, &to, &error), error);
    cr_assert(from == 3);
    cr_assert(to == 3);
    files->close_file(files, &file);
}

Test(files_contents, reads_up_to_the_end)
{
    cf_file *file = NULL;
    char text[16];
    size_t read;

    create(named("f"), "0123456789");
    expect_ok(files->open_file(files, here->folder, named("f"), &file, &error), error);
    expect_ok(files->read_at(files, file, 4, text, 16, &read, &error), error);
    cr_assert(read == 6);
    cr_assert(memcmp(text, "456789", 6) == 0);
    expect_ok(files->read_at(files, file, 10, text, 16, &read, &error), error);
    cr_assert_eq(read, 0);
    expect_fails(files->write_at(files, file, 0, named("x"), &error), CF_IO);

    cf_file_bytes bytes = {.files = files, .file = file};
    cf_reader_at source = cf_reader_of_file(&bytes, 12);
    expect_ok(cf_reader_at_read(&source, 2, text, 3, &error), error);
    cr_assert_eq(memcmp(text, "234", 3), 0);
    expect_fails(cf_reader_at_read(&source, 8, text, 4, &error), CF_CHANGED);
    files->close_file(files, &file);
}

Test(files_contents, writes_as_a_sink_from_an_offset_on)
{
    cf_file *file = NULL;

    create(named("f"), "ab");
    expect_ok(files->reopen_file(files, here->folder, named("f"), &file, &error), error);
    cf_file_bytes bytes = {.files = files, .file = file, .offset = 1};
    cf_sink sink = cf_sink_of_file(&bytes);
    expect_ok(cf_sink_write(&sink, "cd", 2, &error), error);
    expect_ok(cf_sink_write(&sink, "ef", 2, &error), error);
    files->close_file(files, &file);
    cr_assert(scratch_holds(here, "f", "acdef"));
}

Test(files_contents, clones_or_leaves_the_target_empty)
{
    cf_file *source = NULL, *target = NULL;
    bool cloned;

    create(named("f"), "bytes");
    expect_ok(files->open_file(files, here->folder, named("f"), &source, &error), error);
    expect_ok(files->create_file(files, here->folder, named("g"), 0600, &target, &error), error);
    expect_ok(files->clone(files, source, target, &cloned, &error), error);
    cr_assert(scratch_holds(here, "g", cloned ? "bytes" : ""));
    files->close_file(files, &source);
    files->close_file(files, &target);
}
