/* SPDX-License-Identifier: Apache-2.0 */
/* New names on file systems that take flags, or links, or neither. */
#include "tests/broker/platform/files_here.h"
#include "tests/support/flagless.h"

static cf_error error;
static cf_files plain;

TestSuite(files_rename, .init = files_arrive, .fini = files_leave);

typedef cf_status renaming(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                           const cf_folder *to_folder, cf_bytes to, cf_error *error);

static renaming *const ways[] = {cf_files_rename, cf_files_place};

static bool is_there(const char *name)
{
    cf_stat stat;

    return files->stat(files, here->folder, named(name), &stat, &error) == CF_OK;
}

static void gives_new_names_only(cf_files *on)
{
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        create(named("a"), "A");
        create(named("b"), "B");
        expect_fails(ways[i](on, here->folder, named("a"), here->folder, named("b"), &error),
                     CF_CHANGED);
        cr_expect(scratch_holds(here, "a", "A"));
        cr_expect(scratch_holds(here, "b", "B"));
        expect_ok(ways[i](on, here->folder, named("a"), here->folder, named("c"), &error), error);
        cr_expect(!is_there("a"));
        cr_expect(scratch_holds(here, "c", "A"));
        expect_fails(ways[i](on, here->folder, named("a"), here->folder, named("d"), &error),
                     CF_MISSING);
        scratch_remove(here, "b");
        scratch_remove(here, "c");
    }
}

static void moves_folders_and_links(cf_files *on)
{
    cf_buffer target = {0};

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        scratch_mkdir(here, "d");
        scratch_mkdir(here, "d/in");
        expect_ok(files->make_link(files, here->folder, named("l"), named("to"), &error), error);
        expect_fails(ways[i](on, here->folder, named("l"), here->folder, named("d"), &error),
                     CF_CHANGED);
        expect_fails(ways[i](on, here->folder, named("d"), here->folder, named("l"), &error),
                     CF_CHANGED);
        expect_ok(ways[i](on, here->folder, named("d"), here->folder, named("e"), &error), error);
        expect_ok(ways[i](on, here->folder, named("l"), here->folder, named("m"), &error), error);
        cr_expect(!is_there("d"));
        cr_expect(!is_there("l"));
        cf_buffer_clear(&target);
        expect_ok(files->read_link(files, here->folder, named("m"), &target, &error), error);
        cr_expect(cf_bytes_equal(cf_buffer_view(&target), named("to")));
        expect_ok(files->unlink(files, here->folder, named("m"), &error), error);
        scratch_remove(here, "e/in");
        scratch_remove(here, "e");
    }
    cf_buffer_release(&target);
}

Test(files_rename, gives_new_names_only_with_flags)
{
    gives_new_names_only(files);
    moves_folders_and_links(files);
}

Test(files_rename, gives_new_names_only_with_links)
{
    plain = *files;
    make_flagless(&plain, true);
    gives_new_names_only(&plain);
    moves_folders_and_links(&plain);
}

Test(files_rename, gives_new_names_only_with_neither)
{
    plain = *files;
    make_flagless(&plain, false);
    gives_new_names_only(&plain);
    moves_folders_and_links(&plain);
}

/* ---- Somebody does something in between ---- */

static cf_status saves_and_replaces(cf_files *self, const cf_folder *from_folder, cf_bytes from,
                                    const cf_folder *to_folder, cf_bytes to, cf_error *why)
{
    (void)self;
    create(named("new"), "saved");
    expect_ok(files->replace(files, here->folder, named("new"), from_folder, from, &error), error);
    return files->replace(files, from_folder, from, to_folder, to, why);
}

/* The name that a file had gets what is saved there: that moves, and is never dropped. */
Test(files_rename, takes_along_what_is_saved_in_that_moment)
{
    plain = *files;
    make_flagless(&plain, true);
    plain.replace = saves_and_replaces;
    create(named("a"), "A");
    expect_ok(cf_files_rename(&plain, here->folder, named("a"), here->folder, named("b"), &error),
              error);
    cr_expect(!is_there("a"));
    cr_expect(scratch_holds(here, "b", "saved"));
}

static cf_status makes_and_links(cf_files *self, const cf_folder *from_folder, cf_bytes from,
                                 const cf_folder *to_folder, cf_bytes to, cf_error *why)
{
    (void)self;
    create(to, "made");
    return files->link(files, from_folder, from, to_folder, to, why);
}

Test(files_rename, places_nothing_over_what_is_made_in_that_moment)
{
    plain = *files;
    make_flagless(&plain, true);
    plain.link = makes_and_links;
    create(named("a"), "A");
    expect_fails(cf_files_place(&plain, here->folder, named("a"), here->folder, named("b"), &error),
                 CF_CHANGED);
    cr_expect(scratch_holds(here, "a", "A"));
    cr_expect(scratch_holds(here, "b", "made"));
}

static cf_status fails_to_unlink(cf_files *self, const cf_folder *folder, cf_bytes name,
                                 cf_error *why)
{
    (void)self;
    if (cf_bytes_equal(name, named("a")))
        return cf_fail(why, CF_IO, "removing a");
    return files->unlink(files, folder, name, why);
}

Test(files_rename, leaves_one_name_where_the_other_can_not_go)
{
    plain = *files;
    make_flagless(&plain, true);
    plain.unlink = fails_to_unlink;
    create(named("a"), "A");
    expect_fails(cf_files_place(&plain, here->folder, named("a"), here->folder, named("b"), &error),
                 CF_IO);
    cr_expect(scratch_holds(here, "a", "A"));
    cr_expect(!is_there("b"));
}

static cf_status stats_by_name(cf_files *self, const cf_folder *folder, cf_bytes name, cf_stat *out,
                               cf_error *why)
{
    (void)self;
    cf_status status = files->stat(files, folder, name, out, why);
    if (!status)
        out->inode = name.data[0];
    return status;
}

static cf_status links_for_a_while(cf_files *self, const cf_folder *folder, cf_bytes name,
                                   cf_error *why)
{
    (void)self;
    cr_expect(cf_bytes_equal(name, named("b")), "the file's own name goes");
    return files->unlink(files, folder, name, why);
}

/* Where each name has a number of its own, what is linked would be another file to the base. */
Test(files_rename, renames_where_a_link_seems_to_be_another_file)
{
    plain = *files;
    make_flagless(&plain, true);
    plain.stat = stats_by_name;
    plain.unlink = links_for_a_while;
    create(named("a"), "A");
    expect_ok(cf_files_place(&plain, here->folder, named("a"), here->folder, named("b"), &error),
              error);
    cr_expect(!is_there("a"));
    cr_expect(scratch_holds(here, "b", "A"));
}
