/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/files.h"

#include <string.h>

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

static scratch *here;
static cf_files *files;
static cf_error error;

static void arrive(void)
{
    here = scratch_new();
    files = here->files;
}

static void leave(void)
{
    scratch_destroy(&here);
}

TestSuite(files, .init = arrive, .fini = leave);

static cf_bytes named(const char *name)
{
    return cf_bytes_of_text(name);
}

static cf_folder *opened(const char *name)
{
    cf_folder *folder = NULL;

    expect_ok(files->open_folder(files, here->folder, named(name), &folder, &error), error);
    return folder;
}

static void create(cf_bytes name, const char *text)
{
    cf_file *file = NULL;

    expect_ok(files->create_file(files, here->folder, name, 0644, &file, &error), error);
    expect_ok(files->write_at(files, file, 0, cf_bytes_of_text(text), &error), error);
    expect_ok(files->sync_file(files, file, &error), error);
    files->close_file(files, &file);
    cr_assert_null(file);
}

static bool count_name(void *context, cf_bytes name)
{
    const cf_bytes *wanted = ((void **)context)[0];
    size_t *count = ((void **)context)[1];

    *count += cf_bytes_equal(name, *wanted);
    return true;
}

static size_t times_listed(cf_bytes name)
{
    size_t count = 0;
    void *context[] = {&name, &count};

    expect_ok(files->list(files, here->folder, count_name, context, &error), error);
    return count;
}

Test(files, takes_any_name_that_a_directory_can_hold)
{
    char longest[255];
    cf_stat stat;

    memset(longest, 'n', sizeof longest);
    cf_bytes names[] = {named("line\nbreak"),
                        named("\xff\xfe invalid"),
                        cf_bytes_of(longest, 255),
                        named("-rf"),
                        named("con"),
                        named("..."),
                        named("\\"),
                        named(" ")};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        create(names[i], "x");
        cr_assert_eq(times_listed(names[i]), 1);
        expect_ok(files->stat(files, here->folder, names[i], &stat, &error), error);
        cr_assert(stat.kind == CF_FILE_REGULAR && stat.size == 1 && stat.links == 1);
        expect_ok(files->rename(files, here->folder, names[i], here->folder, named("t"), &error),
                  error);
        expect_ok(files->unlink(files, here->folder, named("t"), &error), error);
        cr_assert_eq(times_listed(names[i]), 0);
    }
}

Test(files, refuses_names_that_lead_elsewhere)
{
    cf_bytes names[] = {named(""),    named("."), named(".."),
                        named("a/b"), named("/"), cf_bytes_of("a\0b", 3)};
    cf_folder *folder = NULL, *top = here->folder;
    cf_file *file = NULL;
    cf_buffer target = {0};
    cf_stat stat;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cf_bytes name = names[i];
        expect_fails(files->open_folder(files, top, name, &folder, &error), CF_MALFORMED);
        expect_fails(files->make_folder(files, top, name, 0755, &error), CF_MALFORMED);
        expect_fails(files->stat(files, top, name, &stat, &error), CF_MALFORMED);
        expect_fails(files->read_link(files, top, name, &target, &error), CF_MALFORMED);
        expect_fails(files->make_link(files, top, name, named("t"), &error), CF_MALFORMED);
        expect_fails(files->rename(files, top, name, top, named("t"), &error), CF_MALFORMED);
        expect_fails(files->rename(files, top, named("t"), top, name, &error), CF_MALFORMED);
        expect_fails(files->exchange(files, top, named("t"), top, name, &error), CF_MALFORMED);
        expect_fails(files->replace(files, top, named("t"), top, name, &error), CF_MALFORMED);
        expect_fails(files->unlink(files, top, name, &error), CF_MALFORMED);
        expect_fails(files->remove_folder(files, top, name, &error), CF_MALFORMED);
        expect_fails(files->set_mode(files, top, name, 0600, &error), CF_MALFORMED);
        expect_fails(files->set_mtime(files, top, name, 0, &error), CF_MALFORMED);
        expect_fails(files->open_file(files, top, name, &file, &error), CF_MALFORMED);
        expect_fails(files->create_file(files, top, name, 0644, &file, &error), CF_MALFORMED);
        expect_fails(files->reopen_file(files, top, name, &file, &error), CF_MALFORMED);
        cr_assert_not(files->readable(files, top, name));
    }
}

Test(files, never_follows_a_symbolic_link)
{
    cf_folder *folder = NULL;
    cf_file *file = NULL;
    cf_buffer target = {0};
    cf_stat stat, before;

    scratch_write(here, "secret", "secret");
    scratch_mkdir(here, "d");
    scratch_symlink(here, "to-file", "secret");
    scratch_symlink(here, "to-folder", "d");
    expect_ok(files->stat(files, here->folder, named("secret"), &before, &error), error);

    expect_fails(files->open_file(files, here->folder, named("to-file"), &file, &error),
                 CF_CHANGED);
    expect_fails(files->reopen_file(files, here->folder, named("to-file"), &file, &error),
                 CF_CHANGED);
    expect_fails(files->create_file(files, here->folder, named("to-file"), 0600, &file, &error),
                 CF_CHANGED);
    expect_fails(files->open_folder(files, here->folder, named("to-folder"), &folder, &error),
                 CF_CHANGED);
    expect_ok(files->stat(files, here->folder, named("to-file"), &stat, &error), error);
    cr_assert_eq(stat.kind, CF_FILE_LINK);
    expect_ok(files->read_link(files, here->folder, named("to-file"), &target, &error), error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&target), named("secret")));
    expect_fails(files->read_link(files, here->folder, named("secret"), &target, &error),
                 CF_CHANGED);
    expect_ok(files->set_mtime(files, here->folder, named("to-file"), 5, &error), error);
    files->set_mode(files, here->folder, named("to-file"), 0, &error);
    expect_ok(files->unlink(files, here->folder, named("to-file"), &error), error);
    expect_ok(files->stat(files, here->folder, named("secret"), &stat, &error), error);
    cr_assert(cf_stat_unchanged(&stat, &before));
    cf_buffer_release(&target);
}

Test(files, makes_links_of_any_bytes_but_nul)
{
    cf_buffer target = {0};

    cf_bytes odd = named("../\xff/\n/nowhere");
    expect_ok(files->make_link(files, here->folder, named("l"), odd, &error), error);
    expect_ok(files->read_link(files, here->folder, named("l"), &target, &error), error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&target), odd));
    expect_fails(files->make_link(files, here->folder, named("l"), odd, &error), CF_CHANGED);
    expect_fails(files->make_link(files, here->folder, named("m"), cf_bytes_of("a\0b", 3), &error),
                 CF_IO);
    expect_fails(files->make_link(files, here->folder, named("m"), named(""), &error), CF_MISSING);
    cf_buffer_release(&target);
}

Test(files, opens_no_fifo_and_does_not_wait_for_one)
{
    cf_file *file = NULL;
    cf_stat stat;

    scratch_fifo(here, "fifo");
    expect_fails(files->open_file(files, here->folder, named("fifo"), &file, &error), CF_CHANGED);
    expect_fails(files->open_file(files, here->folder, named("."), &file, &error), CF_MALFORMED);
    scratch_mkdir(here, "d");
    expect_fails(files->open_file(files, here->folder, named("d"), &file, &error), CF_CHANGED);
    expect_ok(files->stat(files, here->folder, named("fifo"), &stat, &error), error);
    cr_assert_eq(stat.kind, CF_FILE_FIFO);
}

Test(files, holds_a_directory_wherever_it_is_moved)
{
    bool below;

    scratch_mkdir(here, "root");
    scratch_mkdir(here, "root/a");
    scratch_mkdir(here, "root/a/b");
    cf_folder *root = opened("root"), *a = NULL, *b = NULL;
    expect_ok(files->open_folder(files, root, named("a"), &a, &error), error);
    expect_ok(files->open_folder(files, a, named("b"), &b, &error), error);
    expect_ok(files->is_below(files, b, root, &below, &error), error);
    cr_assert(below);
    expect_ok(files->is_below(files, root, root, &below, &error), error);
    cr_assert(below);
    expect_ok(files->is_below(files, root, b, &below, &error), error);
    cr_assert_not(below);

    scratch_rename(here, "root/a", "outside");
    expect_ok(files->is_below(files, b, root, &below, &error), error);
    cr_assert_not(below);
    expect_ok(files->make_folder(files, b, named("c"), 0755, &error), error);
    cr_assert(scratch_exists(here, "outside/b/c"));
    files->close_folder(files, &b);
    files->close_folder(files, &a);
    files->close_folder(files, &root);
}

Test(files, says_so_when_a_held_directory_was_deleted)
{
    size_t count = 0;
    void *context[] = {&(cf_bytes){0}, &count};
    cf_file *file = NULL;

    scratch_mkdir(here, "d");
    cf_folder *folder = opened("d");
    scratch_remove(here, "d");
    expect_fails(files->list(files, folder, count_name, context, &error), CF_MISSING);
    expect_fails(files->create_file(files, folder, named("x"), 0644, &file, &error), CF_MISSING);
    files->close_folder(files, &folder);
}

Test(files, renames_over_nothing_and_exchanges_what_is_there)
{
    create(named("a"), "A");
    create(named("b"), "B");
    expect_fails(files->rename(files, here->folder, named("a"), here->folder, named("b"), &error),
                 CF_CHANGED);
    expect_ok(files->exchange(files, here->folder, named("a"), here->folder, named("b"), &error),
              error);
    cr_assert(scratch_holds(here, "a", "B") && scratch_holds(here, "b", "A"));
    expect_fails(files->exchange(files, here->folder, named("a"), here->folder, named("c"), &error),
                 CF_MISSING);
    expect_ok(files->replace(files, here->folder, named("a"), here->folder, named("b"), &error),
              error);
    cr_assert(scratch_holds(here, "b", "B") && !scratch_exists(here, "a"));
    expect_fails(files->rename(files, here->folder, named("a"), here->folder, named("c"), &error),
                 CF_MISSING);
}

Test(files, removes_only_empty_folders)
{
    scratch_mkdir(here, "d");
    scratch_write(here, "d/f", "");
    expect_fails(files->remove_folder(files, here->folder, named("d"), &error), CF_CHANGED);
    expect_fails(files->unlink(files, here->folder, named("d"), &error), CF_CHANGED);
    scratch_remove(here, "d/f");
    expect_ok(files->remove_folder(files, here->folder, named("d"), &error), error);
    expect_ok(files->make_folder(files, here->folder, named("x"), 0755, &error), error);
    expect_fails(files->make_folder(files, here->folder, named("x"), 0755, &error), CF_CHANGED);
}

Test(files, sees_who_has_a_file_open_for_writing)
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

Test(files, names_what_it_may_not_read)
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

Test(files, keeps_modes_and_times_to_the_nanosecond)
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

Test(files, tells_a_file_from_another_with_its_inode)
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
Test(files, sees_a_change_in_any_part_of_a_stat)
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

Test(files, finds_data_and_holes)
{
    cf_file *file = NULL;
    uint64_t from, to, size = UINT64_C(5) << 30;

    expect_ok(files->create_file(files, here->folder, named("f"), 0644, &file, &error), error);
    expect_ok(files->truncate(files, file, size, &error), error);
    expect_ok(files->next_data(files, file, 0, &from, &to, &error), error);
    cr_assert(from == size && to == size);
    expect_ok(files->write_at(files, file, 1 << 20, cf_bytes_of_text("data"), &error), error);
    expect_ok(files->next_data(files, file, 0, &from, &to, &error), error);
    cr_assert(from <= 1 << 20 && to >= (1 << 20) + 4 && to < size);
    expect_ok(files->next_data(files, file, to, &from, &to, &error), error);
    cr_assert(from == size && to == size);
    expect_ok(files->truncate(files, file, 3, &error), error);
    expect_ok(files->next_data(files, file, 3, &from, &to, &error), error);
    cr_assert(from == 3 && to == 3);
    files->close_file(files, &file);
}

Test(files, reads_up_to_the_end)
{
    cf_file *file = NULL;
    char text[16];
    size_t read;

    create(named("f"), "0123456789");
    expect_ok(files->open_file(files, here->folder, named("f"), &file, &error), error);
    expect_ok(files->read_at(files, file, 4, text, 16, &read, &error), error);
    cr_assert(read == 6 && memcmp(text, "456789", 6) == 0);
    expect_ok(files->read_at(files, file, 10, text, 16, &read, &error), error);
    cr_assert_eq(read, 0);
    expect_fails(files->write_at(files, file, 0, named("x"), &error), CF_IO);

    cf_file_bytes bytes = {.files = files, .file = file};
    cf_source source = cf_source_of_file(&bytes, 12);
    expect_ok(cf_source_read(&source, 2, text, 3, &error), error);
    cr_assert_eq(memcmp(text, "234", 3), 0);
    expect_fails(cf_source_read(&source, 8, text, 4, &error), CF_CHANGED);
    files->close_file(files, &file);
}

Test(files, writes_as_a_sink_from_an_offset_on)
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

Test(files, clones_or_leaves_the_target_empty)
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

Test(files, names_the_file_even_when_its_path_is_long)
{
    char longest[256];
    cf_folder *folder = NULL;
    cf_stat stat;

    memset(longest, 'd', 255);
    longest[255] = '\0';
    expect_ok(files->make_folder(files, here->folder, named(longest), 0755, &error), error);
    folder = opened(longest);
    expect_fails(files->stat(files, folder, named("the-name\xff"), &stat, &error), CF_MISSING);
    cr_assert_not_null(strstr(error.text, "/the-name\\xff: No such file or directory"), "%s",
                       error.text);
    cr_assert_not_null(strstr(error.text, here->path), "%s", error.text);
    files->close_folder(files, &folder);
}
