/* SPDX-License-Identifier: Apache-2.0 */
/* Names, links and folders. */
#include "broker/platform/files.h"

#include <string.h>

#include "tests/broker/platform/files_here.h"

static cf_error error;

TestSuite(files, .init = files_arrive, .fini = files_leave);

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
        cr_assert(stat.kind == CF_FILE_REGULAR);
        cr_assert(stat.size == 1);
        cr_assert(stat.links == 1);
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
    cr_assert(scratch_holds(here, "a", "B"));
    cr_assert(scratch_holds(here, "b", "A"));
    expect_fails(files->exchange(files, here->folder, named("a"), here->folder, named("c"), &error),
                 CF_MISSING);
    expect_ok(files->replace(files, here->folder, named("a"), here->folder, named("b"), &error),
              error);
    cr_assert(scratch_holds(here, "b", "B"));
    cr_assert(!scratch_exists(here, "a"));
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
