/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted goes away, and is mounted anew. */
#include <string.h>

#include "tests/worlds/disk_program.h"

static program p;
static cf_buffer text;

static void begin(disk_options options)
{
    program_begins(&p, options);
    disk_mount(p.disk, "/card");
    disk_user_makes_folder(p.disk, "/card/d");
    disk_user_writes(p.disk, "/card/d/f", "one");
    disk_user_links(p.disk, "/card/d/f", "/card/g");
    disk_user_writes(p.disk, "/home/own", "mine");
}

static void leave(void)
{
    cf_buffer_release(&text);
    program_ends(&p);
}

TestSuite(disk_mounts, .fini = leave);

static void expect_card(const char *expected)
{
    text.size = 0;
    cr_assert(disk_dump(p.disk, "/card", &(disk_dump_options){0}, &text));
    cr_assert(cf_bytes_equal(cf_buffer_view(&text), cf_bytes_of_text(expected)), "%.*s",
              (int)text.size, (const char *)text.data);
}

static const char CARD[] = "d d 755\nf d/f 644 3 1a08aa1921ca5caf one\nf g 644 3 "
                           "1a08aa1921ca5caf one\n";

static cf_stat stat_of(const char *path)
{
    cf_stat stat;

    cr_assert(disk_user_stat(p.disk, path, &stat), "%s", path);
    return stat;
}

Test(disk_mounts, take_away_what_is_mounted)
{
    cf_folder *card = NULL;
    cf_file *file = NULL;
    cf_stat stat;
    uint8_t byte;
    size_t read;

    begin((disk_options){.seed = 1});
    cr_assert_not(disk_take_out(p.disk, "/home", false), "nothing is mounted there");
    expect_ok(p.files->open_root(p.files, "/card", &card, &p.error), p.error);
    expect_ok(p.files->open_file(p.files, card, named("g"), &file, &p.error), p.error);
    cr_assert(disk_take_out(p.disk, "/card", false));
    cr_assert_not(disk_take_out(p.disk, "/card", false), "it is out");
    cr_assert_not(program_has(&p, "/card"));
    expect_card(CARD);
    for (int i = 0; i < 2; i++) { /* nor when it is back */
        expect_fails(p.files->stat(p.files, card, named("g"), &stat, &p.error), CF_IO);
        expect_fails(p.files->make_folder(p.files, card, named("n"), 0755, &p.error), CF_IO);
        expect_fails(p.files->read_at(p.files, file, 0, &byte, 1, &read, &p.error), CF_IO);
        disk_put_in(p.disk, "/card");
    }
    p.files->close_file(p.files, &file);
    p.files->close_folder(p.files, &card);
    expect_card(CARD);
    cr_assert_eq(stat_of("/card/g").links, 2);
    cr_assert(disk_user_writes(p.disk, "/card/d/f", "more"));
    cr_assert(disk_take_out(p.disk, "/card", false), "and again");
}

Test(disk_mounts, let_something_else_stand_there)
{
    begin((disk_options){.seed = 2});
    cr_assert(disk_take_out(p.disk, "/card", false));
    disk_make_folder(p.disk, "/card");
    disk_user_writes(p.disk, "/card/strange", "another's");
    expect_card(CARD);
    text.size = 0;
    cr_assert(disk_dump(p.disk, "/card", &(disk_dump_options){.as_mounted = true}, &text));
    cr_assert_not_null(memmem(text.data, text.size, "strange", strlen("strange")));
    program_crashes(&p);
    expect_card(CARD);
    disk_put_in(p.disk, "/card");
    cr_assert_not(program_has(&p, "/card/strange"));
    expect_card(CARD);
    program_crashes(&p);
    expect_card(CARD);
}

Test(disk_mounts, number_things_anew_where_numbers_do_not_last)
{
    for (int births = 0; births < 2; births++)
        for (int renumbers = 0; renumbers < 2; renumbers++) {
            begin((disk_options){.seed = 3, .births_unknown = !births, .renumbers = renumbers});
            const cf_stat folder = stat_of("/card/d"), file = stat_of("/card/g");
            cr_assert(disk_take_out(p.disk, "/card", false));
            disk_put_in(p.disk, "/card");
            const cf_stat folder_now = stat_of("/card/d"), now = stat_of("/card/g");
            cr_assert_eq(cf_stat_same_file(&file, &now), !renumbers);
            cr_assert_eq(cf_stat_same_file(&folder, &folder_now), !renumbers);
            cr_assert_eq(file.device == now.device, !renumbers && !births);
            cr_assert_eq(now.mtime_ns, file.mtime_ns);
            cr_assert_eq(now.inode, stat_of("/card/d/f").inode);
            cr_assert_neq(now.inode, folder_now.inode);
            leave();
        }
    begin((disk_options){.seed = 3});
}

/* Of the card nothing but what was synced is sure; of what lies beside it all is as it was. */
Test(disk_mounts, lose_what_was_not_synced_when_they_are_pulled)
{
    size_t lost = 0, kept = 0;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        begin((disk_options){.seed = seed});
        disk_user_syncs(p.disk, "/card/d/f");
        disk_user_syncs(p.disk, "/card/d");
        disk_user_syncs(p.disk, "/card");
        disk_user_writes(p.disk, "/card/new", "two");
        disk_user_writes(p.disk, "/card/d/f", "three");
        cr_assert(disk_take_out(p.disk, "/card", true));
        cr_assert(program_has(&p, "/home/own"));
        disk_put_in(p.disk, "/card");
        cr_assert(program_has(&p, "/card/d/f"));
        lost += !program_has(&p, "/card/new");
        kept += program_has(&p, "/card/new");
        leave();
    }
    cr_assert(lost);
    cr_assert(kept);
    begin((disk_options){.seed = 1});
}
