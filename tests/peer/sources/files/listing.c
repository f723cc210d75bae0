/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/files_listing_walk.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/platform/names.h"
#include "codec/limits.h"
#include "tests/support/folding_disk.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

static scratch *here;
static cf_listing listing;
static cf_listing_options options;
static cf_error error;

static void arrive(void)
{
    here = scratch_new();
    listing = (cf_listing){0};
    options = (cf_listing_options){.files = here->files, .root = here->folder};
}

static void leave(void)
{
    cf_listing_release(&listing);
    scratch_destroy(&here);
}

TestSuite(listing, .init = arrive, .fini = leave);

static void list_all(void)
{
    expect_ok(cf_listing_add(&listing, &options, (cf_listing_start){0}, &error), error);
}

/* "path kind" of all entries, in order; ! for one that is skipped, - for one not asked for. */
static void expect_entries(const char *expected)
{
    cf_buffer text = {0};

    for (size_t i = 0; i < listing.entry_count; i++) {
        const cf_listed *entry = &listing.entries[i];

        if (i)
            cf_buffer_append(&text, ", ", 2);
        cf_listing_entry_path(&listing, i, &text);
        cf_buffer_append_text(&text, " %c%s%s", entry->kind ? entry->kind : '?',
                              entry->skipped ? "!" : "", entry->excluded ? "-" : "");
    }
    cr_assert(cf_bytes_equal(cf_buffer_view(&text), cf_bytes_of_text(expected)),
              "\n  found    %.*s\n  expected %s", (int)text.size, (const char *)text.data,
              expected);
    cf_buffer_release(&text);
}

static const cf_listed *entry_named(const char *name)
{
    for (size_t i = 0; i < listing.entry_count; i++)
        if (cf_bytes_equal(listing.entries[i].name, cf_bytes_of_text(name)))
            return &listing.entries[i];
    return NULL;
}

Test(listing, has_everything_in_order)
{
    scratch_write(here, "b", "");
    scratch_write(here, "a", "text");
    scratch_mkdir(here, "d");
    scratch_mkdir(here, "d/e");
    scratch_mkdir(here, "empty");
    scratch_write(here, "d/e/-rf", "");
    scratch_symlink(here, "d/link", "../nowhere");
    list_all();
    expect_entries("a f, b f, d d, empty d, d/e d, d/link l, d/e/-rf f");
    cr_assert_eq(listing.folder_count, 4);
    cr_assert_eq(entry_named("a")->stat.size, 4);
    cr_assert(cf_bytes_equal(entry_named("link")->target, cf_bytes_of_text("../nowhere")));
    for (size_t i = 0; i < listing.folder_count; i++) {
        cr_assert(listing.folders[i].complete);
        cr_assert(!listing.folders[i].restless);
    }
}

Test(listing, names_what_can_not_be_synced)
{
    scratch_socket(here, "socket");
    scratch_fifo(here, "fifo");
    scratch_write(here, "file", "");
    list_all();
    expect_entries("fifo ?!, file f, socket ?!");
    cr_assert_str_eq(entry_named("fifo")->skipped,
                     "a FIFO, which is not synced: move it elsewhere");
    cr_assert_str_eq(entry_named("socket")->skipped,
                     "a socket, which is not synced: move it elsewhere");
    cr_assert(listing.folders[0].complete);
}

Test(listing, names_what_is_too_large)
{
    scratch_write(here, "f", "");
    scratch_write(here, "g", "");
    scratch_resize(here, "f", CF_FILE_MAX);
    scratch_resize(here, "g", CF_FILE_MAX + 1);
    list_all();
    expect_entries("f f, g f!");
    cr_expect_not(entry_named("g")->readable);
}

Test(listing, names_what_can_not_be_read)
{
    scratch_be_nobody(here);
    scratch_write(here, "locked", "x");
    scratch_mkdir(here, "shut");
    scratch_write(here, "shut/x", "");
    scratch_chmod(here, "locked", 0);
    scratch_chmod(here, "shut", 0);
    list_all();
    expect_entries("locked f!, shut d!");
    cr_assert_not(entry_named("locked")->readable);
    cr_assert_eq(listing.folder_count, 2);
    cr_assert(listing.folders[0].complete);
    cr_assert_not(listing.folders[1].complete);
    cr_assert_not_null(strstr(listing.folders[1].trouble, "/shut: Permission denied"), "%s",
                       listing.folders[1].trouble);
    scratch_chmod(here, "shut", 0700);
}

Test(listing, names_what_it_may_not_enter)
{
    scratch_be_nobody(here);
    scratch_mkdir(here, "dark");
    scratch_write(here, "dark/x", "");
    scratch_write(here, "light", "");
    scratch_chmod(here, "dark", 0400);
    list_all();
    expect_entries("dark d, light f");
    cr_assert_not(listing.folders[1].complete);
    scratch_chmod(here, "dark", 0700);
}

Test(listing, does_not_see_what_is_our_own)
{
    scratch_mkdir(here, ".counterfoil");
    scratch_write(here, ".counterfoil/root", "");
    scratch_mkdir(here, "d");
    scratch_mkdir(here, "d/.counterfoil");
    scratch_write(here, "d/.counterfoils", "");
    list_all();
    expect_entries("d d, d/.counterfoils f");
}

Test(listing, never_lists_through_a_link)
{
    scratch_mkdir(here, "d");
    scratch_write(here, "d/x", "");
    scratch_symlink(here, "l", "d");
    list_all();
    expect_entries("d d, l l, d/x f");
}

Test(listing, keeps_few_descriptors_however_deep_it_goes)
{
    char name[8];

    cf_folder *at = NULL, *next = NULL;
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "%d", i);
        const cf_folder *parent = at ? at : here->folder;
        expect_ok(
            here->files->make_folder(here->files, parent, cf_bytes_of_text(name), 0700, &error),
            error);
        expect_ok(
            here->files->open_folder(here->files, parent, cf_bytes_of_text(name), &next, &error),
            error);
        here->files->close_folder(here->files, &at);
        at = next;
    }
    here->files->close_folder(here->files, &at);
    int lowest = dup(0);
    close(lowest);
    struct rlimit before, few;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){.rlim_cur = (rlim_t)lowest + 5, .rlim_max = before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    list_all();
    cr_assert_eq(listing.folder_count, 301);
    for (size_t i = 0; i < listing.folder_count; i++)
        cr_assert(listing.folders[i].complete, "%s", listing.folders[i].trouble);
    setrlimit(RLIMIT_NOFILE, &before);
}

static bool descend_into(void *context, const cf_listing *in, size_t entry)
{
    return cf_bytes_equal(in->entries[entry].name, cf_bytes_of_text(context));
}

static size_t entered;

static int watch_entered(cf_files *files, int watching, const cf_folder *held)
{
    (void)files;
    cr_assert_not_null(held);
    return watching;
}

static void count_entered(void *context, const cf_listing *in, size_t folder)
{
    (void)context;
    cr_assert_eq(in->folders[folder].watch, 7);
    entered++;
}

Test(listing, goes_down_only_where_it_is_told_to)
{
    scratch_mkdir(here, "d");
    scratch_mkdir(here, "e");
    scratch_write(here, "d/x", "");
    scratch_write(here, "e/y", "");
    options.descend = descend_into;
    options.watch = watch_entered;
    options.watching = 7;
    options.enter = count_entered;
    options.context = "e";
    list_all();
    cr_assert_eq(entered, 2);
    expect_entries("d d, e d, e/y f");

    cf_listing_step step = {.node = 7, .name = cf_bytes_of_text("d")};
    cf_listing_start start = {.steps = &step, .count = 1};
    expect_ok(cf_listing_add(&listing, &options, start, &error), error);
    expect_entries("d d, e d, e/y f, d/x f");
    cr_assert_eq(listing.folders[2].node, 7);
    cr_assert_eq(listing.folders[2].entry, CF_LISTED_START);
    expect_ok(cf_listing_add(&listing, &options, start, &error), error);
    cr_assert_eq(listing.folder_count, 3);
}

Test(listing, asks_once_for_each_level)
{
    static const char *const names[] = {"d", "e", "d/in", "e/in", "d/in/deep"};
    const cf_listing_start all = {0};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        scratch_mkdir(here, names[i]);
    for (int stops = 0; stops < 2; stops++) {
        cf_listing_walk *walk = cf_listing_walk_new(&listing, &options);
        size_t turns = 0;

        cf_listing_walk_from(walk, all);
        cf_listing_walk_from(walk, all); /* what is listed already needs no turn */
        do {
            if (stops && turns == 2)
                cf_listing_walk_stop(walk);
            cf_listing_walk_read(walk);
            turns++;
        } while (cf_listing_walk_decide(walk) && turns < 10);
        expect_ok(cf_listing_walk_end(&walk, &listing, &error), error);
        cr_expect_eq(turns, stops ? 10 : 4, "%zu", turns);
        cr_expect_eq(listing.entry_count, stops ? 4 : 5);
        cf_listing_release(&listing);
    }
}

static cf_status look_for(const cf_listing_step *steps, size_t count, const char *name)
{
    const cf_bytes names[] = {cf_bytes_of_text(name)};
    const cf_listing_start start = {
        .steps = steps, .count = count, .names = names, .name_count = 1};

    return cf_listing_add(&listing, &options, start, &error);
}

/* In the folder that was added last. */
static bool is_sure_of(const char *name)
{
    const cf_listed_folder *folder = &listing.folders[listing.folder_count - 1];

    cr_assert_eq(folder->asked_count, 1);
    cr_assert(cf_bytes_equal(folder->asked[0], cf_bytes_of_text(name)));
    cr_assert_not(folder->complete);
    return folder->sure[0];
}

Test(listing, looks_for_names_alone)
{
    cf_listing_step steps[] = {{5, cf_bytes_of_text("d")}, {6, cf_bytes_of_text("gone")}};

    scratch_mkdir(here, "d");
    scratch_mkdir(here, "d/new");
    scratch_write(here, "d/new/inside", "");
    scratch_write(here, "d/x", "");
    scratch_write(here, "d/other", "");
    expect_ok(look_for(steps, 1, "x"), error);
    expect_entries("d/x f");
    cr_assert(is_sure_of("x"));
    expect_ok(look_for(steps, 1, "missing"), error);
    cr_assert(is_sure_of("missing"));
    cr_assert_not(listing.folders[1].restless);
    expect_ok(look_for(steps, 1, "x"), error);
    expect_entries("d/x f");
    cr_assert(is_sure_of("x"));
    expect_ok(look_for(steps, 2, "deep"), error); /* the way there ends in d */
    cr_assert(is_sure_of("gone"));
    cr_assert_eq(listing.folders[3].node, 5);
    expect_ok(look_for(steps, 1, "new"), error);
    expect_entries("d/x f, d/new d, d/new/inside f");
}

/* Only where it is asked for, and something is missing, does that cost a call. */
Test(listing, dates_a_directory_that_misses_a_name)
{
    cf_listing_step step = {5, cf_bytes_of_text("d")};

    scratch_mkdir(here, "d");
    scratch_write(here, "d/x", "");
    for (int dates = 0; dates < 2; dates++) {
        options.dates = dates;
        expect_ok(look_for(&step, 1, "x"), error);
        cr_expect_eq(listing.folders[0].changed_ns, 0);
        expect_ok(look_for(&step, 1, "missing"), error);
        cr_expect_eq(listing.folders[1].changed_ns != 0, dates);
        cf_listing_release(&listing);
    }
    expect_ok(cf_listing_add(&listing, &options, (cf_listing_start){0}, &error), error);
    cr_expect_neq(listing.folders[0].changed_ns, 0, "one that was listed as a whole");
}

Test(listing, begins_where_the_way_ends)
{
    cf_listing_step steps[] = {{5, cf_bytes_of_text("d")}, {6, cf_bytes_of_text("gone")}};
    cf_listing_start start = {.steps = steps, .count = 2};

    scratch_mkdir(here, "d");
    scratch_write(here, "d/x", "");
    expect_ok(cf_listing_add(&listing, &options, start, &error), error);
    expect_entries("d/x f");
    cr_assert_eq(listing.folders[0].node, 5);

    scratch_symlink(here, "l", "d");
    steps[0].name = cf_bytes_of_text("l");
    expect_ok(cf_listing_add(&listing, &options, start, &error), error);
    expect_entries("d/x f, d d, l l");
    cr_assert_eq(listing.folders[1].node, 0);
}

Test(listing, fails_when_the_source_is_deleted_under_it)
{
    cf_folder *root = NULL;

    scratch_mkdir(here, "root");
    expect_ok(here->files->open_folder(here->files, here->folder, cf_bytes_of_text("root"), &root,
                                       &error),
              error);
    scratch_remove(here, "root");
    options.root = root;
    expect_fails(cf_listing_add(&listing, &options, (cf_listing_start){0}, &error), CF_MISSING);
    cr_assert_not(listing.folders[0].complete);
    here->files->close_folder(here->files, &root);
}

Test(listing, marks_what_is_not_asked_for)
{
    static const char *const patterns[] = {"*.jpg", "/all/"};
    cf_include *include;

    expect_ok(cf_include_new(patterns, 2, &include, &error), error);
    options.include = include;
    scratch_mkdir(here, "all");
    scratch_write(here, "all/x", "");
    scratch_mkdir(here, "d");
    scratch_mkdir(here, "d/e");
    scratch_write(here, "d/e/a.jpg", "");
    scratch_write(here, "d/b.png", "");
    scratch_mkdir(here, "none");
    scratch_write(here, "c.png", "");
    list_all();
    expect_entries("all d, c.png f-, d d, none d-, all/x f, d/b.png f-, d/e d, d/e/a.jpg f");
    cf_include_destroy(&include);
}

/* A file system in which a directory changes under every look. */
static cf_status list_and_disturb(cf_files *files, const cf_folder *folder, cf_name_visit *visit,
                                  void *context, cf_error *failed)
{
    static unsigned count;
    char name[32];

    cf_status status = here->files->list(files, folder, visit, context, failed);
    snprintf(name, sizeof name, "new-%u", count++);
    scratch_write(here, name, "");
    scratch_settle(here, name);
    return status;
}

Test(listing, says_so_when_a_directory_does_not_come_to_rest)
{
    cf_files restless = *here->files;

    restless.list = list_and_disturb;
    options.files = &restless;
    scratch_write(here, "x", "");
    scratch_settle(here, "x");
    list_all();
    cr_assert(listing.folders[0].restless);
    cr_assert_not(listing.folders[0].complete);
    cr_assert_not_null(entry_named("x"));
    cr_assert_null(listing.folders[0].trouble);
}

static cf_status stat_fails(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                            cf_error *failed)
{
    if (cf_bytes_equal(name, cf_bytes_of_text("bad")))
        return cf_fail(failed, CF_IO, "examining bad: Input/output error");
    return here->files->stat(files, folder, name, out, failed);
}

Test(listing, is_not_sure_of_a_name_that_can_not_be_examined)
{
    cf_files failing = *here->files;

    failing.stat = stat_fails;
    options.files = &failing;
    expect_ok(look_for(NULL, 0, "bad"), error);
    cr_assert_not(is_sure_of("bad"));
    cr_assert_str_eq(listing.folders[0].trouble, "examining bad: Input/output error");
    cf_listing_give_up(&listing, 5, cf_bytes_of_text("x"));
    cr_assert_not(is_sure_of("x"));
}

Test(listing, goes_on_beside_one_bad_file)
{
    cf_files failing = *here->files;

    failing.stat = stat_fails;
    options.files = &failing;
    scratch_write(here, "bad", "");
    scratch_write(here, "good", "");
    list_all();
    expect_entries("bad ?!, good f");
    cr_assert_not(listing.folders[0].complete);
    cr_assert_str_eq(listing.folders[0].trouble, "examining bad: Input/output error");
}

/* Asked for by name, as by somebody who watches: both spellings lead to the file, and it has one.
 */
Test(listing, finds_a_thing_under_the_name_that_it_is_spelled_as)
{
    const cf_bytes names[] = {cf_bytes_of_text("Case"), cf_bytes_of_text("cASE")};
    folding_files folding;
    cf_file *file = NULL;

    folding_files_put(&folding, here->files, NULL);
    expect_ok(here->files->create_file(here->files, here->folder, names[1], 0600, &file, &error),
              error);
    here->files->close_file(here->files, &file);
    options.files = &folding.base;
    options.folds = true;
    expect_ok(cf_listing_add(&listing, &options,
                             (cf_listing_start){.names = names, .name_count = 2}, &error),
              error);
    cr_assert_eq(listing.entry_count, 1);
    cr_expect(cf_bytes_equal(listing.entries[0].name, names[1]));
    cr_expect(listing.folders[0].sure[0], "Case is missing for sure");
    cr_expect(listing.folders[0].sure[1], "Case is missing for sure");
}
