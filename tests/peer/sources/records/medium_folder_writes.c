/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of vCards as a medium: what is written. */
#include "tests/peer/sources/records/book.h"
#include "tests/support/syncs.h"

#include <stdio.h>

Test(medium_folder_writes, names_new_files_by_what_is_safe)
{
    static const struct {
        const char *uid, *file;
    } names[] = {
        {"anna", "book/anna.vcf"},
        {"urn:uuid:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1",
         "book/4fbe8971-0bc3-424c-9c26-36c3e1eff6b1.vcf"},
        {"a@example.org", "book/a@example.org.vcf"},
        {"../evil", NULL},
        {".hidden", NULL},
        {"a/b", NULL},
        {"-rf", NULL},
        {"J\xc3\xbcrgen", NULL},
    };
    enum { COUNT = sizeof names / sizeof *names, LONGEST = 200 };
    cf_medium_outcome outcome;
    cf_arena arena = {0};
    cf_row rows[COUNT + 2];
    char longest[LONGEST + 1] = "", longer[LONGEST + 2] = "", path[LONGEST + 16];
    book b;

    book_open(&b);
    book_look(&b);
    memset(longest, 'l', LONGEST);
    memset(longer, 'm', LONGEST + 1);
    for (size_t i = 0; i < COUNT; i++)
        rows[i] = book_row(names[i].uid, "Name", &arena);
    rows[COUNT] = book_row(longest, "Name", &arena);
    rows[COUNT + 1] = book_row(longer, "Name", &arena);
    expect_ok(cf_medium_write(b.medium, rows, COUNT + 2, &outcome, &b.error), b.error);
    cr_expect_eq(outcome.count, 0);
    cr_expect(outcome.wrote);
    book_commit(&b);
    for (size_t i = 0; i < COUNT; i++)
        cr_expect(!names[i].file || scratch_exists(b.disk, names[i].file), "%s", names[i].uid);
    snprintf(path, sizeof path, "book/%s.vcf", longest);
    cr_expect(scratch_exists(b.disk, path));
    snprintf(path, sizeof path, "book/%s.vcf", longer);
    cr_expect_not(scratch_exists(b.disk, path));
    book_look(&b);
    cr_expect_eq(b.content.file.count, COUNT + 2);
    cr_expect_eq(b.content.file.trouble_count, 0);
    cf_medium_outcome_release(&outcome);
    cf_arena_release(&arena);
    book_close(&b);
}

Test(medium_folder_writes, refuses_what_a_user_was_faster_with_and_does_the_rest)
{
    cf_medium_outcome outcome;
    cf_arena arena = {0};
    book b;

    book_open(&b);
    book_put(&b, "one.vcf", "one", "One");
    book_put(&b, "two.vcf", "two", "Two");
    book_put(&b, "three.vcf", "three", "Three");
    book_look(&b);
    book_put(&b, "one.vcf", "one", "Quick");
    book_put(&b, "three.vcf", "three", "Quick");
    cf_row rows[] = {book_row("one", "Eins", &arena), book_row("two", "Zwei", &arena)};
    expect_ok(cf_medium_write(b.medium, rows, 2, &outcome, &b.error), b.error);
    cr_expect_eq(outcome.count, 2 + 1, "%zu: one as wanted and as it was, and three",
                 outcome.count);
    for (size_t i = 0; i < outcome.count; i++)
        cr_expect_eq(outcome.refusals[i].why, CF_CHANGED);
    book_look(&b);
    cr_expect(scratch_holds(b.disk, "book/one.vcf",
                            "BEGIN:VCARD\nVERSION:3.0\nUID:one\nFN:Quick\nEND:VCARD\n"));
    cr_expect(scratch_holds(b.disk, "book/two.vcf",
                            "BEGIN:VCARD\nVERSION:3.0\nUID:two\nFN:Zwei\nEND:VCARD\n"));
    cr_expect(book_shown(&b, "three"));
    cf_medium_outcome_release(&outcome);
    cf_arena_release(&arena);
    book_close(&b);
}

/* More than are made at one time; the program's numbers of them begin with 1. */
Test(medium_folder_writes, puts_nothing_in_place_that_is_not_durable)
{
    enum { COUNT = 70, FAILS = 66 };
    cf_medium_outcome outcome;
    cf_arena arena = {0};
    cf_row rows[COUNT];
    char text[32];
    book b;

    book_open(&b);
    book_look(&b);
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, "uid%d", i + 1);
        rows[i] = book_row(cf_arena_text(&arena, cf_bytes_of_text(text)), "Name", &arena);
    }
    syncs_forget();
    syncs_fail("/record-66");
    expect_ok(cf_medium_write(b.medium, rows, COUNT, &outcome, &b.error), b.error);
    cr_assert_eq(outcome.count, 1);
    cr_expect_eq(outcome.refusals[0].why, CF_IO);
    cr_expect(cf_bytes_equal(outcome.refusals[0].key, rows[FAILS - 1].key));
    cr_expect(syncs_had("/book"), "the names are not durable");
    for (int i = 1; i <= COUNT; i++) {
        snprintf(text, sizeof text, "/record-%d", i);
        cr_expect_eq(syncs_had(text), i != FAILS, "%s", text);
        snprintf(text, sizeof text, "book/uid%d.vcf", i);
        cr_expect_eq(scratch_exists(b.disk, text), i != FAILS, "%s", text);
        snprintf(text, sizeof text, "book/.counterfoil/tmp/record-%d", i);
        cr_expect_not(scratch_exists(b.disk, text), "%s", text);
    }
    cf_medium_outcome_release(&outcome);
    cf_arena_release(&arena);
    book_close(&b);
}

/* As a disk that takes its time: what is put in its place then has another change time. Many ticks,
 * as the kernel may stamp the one time finely and the other by a tick that came late. */
static void sync_slowly(cf_files *files, cf_file_sync *syncs, size_t count)
{
    scratch *clock = scratch_new();
    int64_t began_ns = scratch_now_ns(clock);

    cf_files_sync_each(files, syncs, count);
    while (scratch_now_ns(clock) - began_ns <= 10 * files->tick_ns)
        continue;
    scratch_destroy(&clock);
}

static void write_two(book *self, const char *name)
{
    cf_medium_outcome outcome;
    cf_arena arena = {0};

    cf_row rows[] = {book_row("one", name, &arena), book_row("two", name, &arena)};
    expect_ok(cf_medium_write(self->medium, rows, 2, &outcome, &self->error), self->error);
    cr_assert_eq(outcome.count, 0);
    book_commit(self);
    cf_medium_outcome_release(&outcome);
    cf_arena_release(&arena);
}

Test(medium_folder_writes, makes_not_durable_again_what_it_wrote)
{
    book b;

    book_open(&b);
    b.env.files->sync_files = sync_slowly;
    book_put(&b, "one.vcf", "one", "Uno");
    book_look(&b);
    write_two(&b, "Eins");
    for (int i = 0; i < 2; i++) {
        syncs_forget();
        book_restart(&b);
        book_look(&b);
        cr_expect_eq(b.content.file.count, 2);
        cr_expect_not(syncs_had("one.vcf") || syncs_had("two.vcf"));
    }
    book_put(&b, "two.vcf", "two", "Zwei");
    syncs_forget();
    book_look(&b);
    cr_expect(syncs_had("two.vcf"));
    cr_expect(!syncs_had("one.vcf"));
    book_close(&b);
}

/* Then a user who saves at once leaves no trace in the times. */
Test(medium_folder_writes, trusts_nothing_that_it_put_in_place_at_once)
{
    book b;

    book_open(&b);
    book_look(&b);
    b.env.files->tick_ns = 3600LL * 1000000000;
    write_two(&b, "Eins");
    syncs_forget();
    book_look(&b);
    cr_expect_eq(b.content.file.count, 2);
    cr_expect(syncs_had("one.vcf"));
    cr_expect(syncs_had("two.vcf"));
    book_close(&b);
}

Test(medium_folder_writes, puts_nothing_beside_a_file_that_cannot_be_read)
{
    cf_medium_outcome outcome;
    cf_arena arena = {0};
    book b;

    book_open(&b);
    scratch_write(b.disk, "book/one.vcf", "BEGIN:VCARD\n");
    scratch_write(b.disk, "book/two.vcf", "");
    book_put(&b, "three.vcf", "other", "Other");
    book_look(&b);
    cf_row rows[] = {book_row("one", "One", &arena), book_row("three", "Three", &arena),
                     *book_shown(&b, "other")};
    expect_ok(cf_medium_write(b.medium, rows, 3, &outcome, &b.error), b.error);
    cr_assert_eq(outcome.count, 1);
    cr_expect_eq(outcome.refusals[0].why, CF_IO);
    book_commit(&b);
    book_look(&b);
    cr_expect(book_shown(&b, "three"), "under another name than three.vcf, which is taken");
    cr_expect(scratch_holds(b.disk, "book/one.vcf", "BEGIN:VCARD\n"));
    cr_expect(scratch_holds(b.disk, "book/two.vcf", ""));
    cf_medium_outcome_release(&outcome);
    cf_arena_release(&arena);
    book_close(&b);
}

static cf_status (*open_any)(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                             cf_error *error);
static const char *unreadable;

static cf_status open_others(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                             cf_error *error)
{
    if (unreadable && cf_bytes_equal(name, cf_bytes_of_text(unreadable)))
        return cf_fail(error, CF_IO, "opening %s: Input/output error", unreadable);
    return open_any(files, folder, name, out, error);
}

static void expect_refused(book *self, const cf_row *rows, size_t count, const char *uid)
{
    cf_medium_outcome outcome;
    cf_buffer key = {0};

    expect_ok(cf_medium_write(self->medium, rows, count, &outcome, &self->error), self->error);
    cr_assert_eq(outcome.count, 1);
    cr_expect_eq(outcome.refusals[0].why, CF_IO, "it is named, with the reason");
    cr_expect(cf_bytes_equal(outcome.refusals[0].key, book_key(uid, &key)));
    cr_expect(strstr(outcome.refusals[0].text, unreadable), "%s", outcome.refusals[0].text);
    book_commit(self);
    cf_buffer_release(&key);
    cf_medium_outcome_release(&outcome);
}

static void expect_written(book *self, const cf_row *row, const char *path)
{
    cf_medium_outcome outcome;

    expect_ok(cf_medium_write(self->medium, row, 1, &outcome, &self->error), self->error);
    cr_expect_eq(outcome.count, 0);
    cr_expect(scratch_exists(self->disk, path), "%s", path);
    book_commit(self);
    cf_medium_outcome_release(&outcome);
}

/* Of what was never read nobody knows which card it is: it may be the one that comes, even where
 * one that is missing may be it, too. */
Test(medium_folder_writes, adds_nothing_while_a_file_that_was_never_read_cannot_be)
{
    cf_arena arena = {0};
    book b;

    book_open(&b);
    open_any = b.env.files->open_file;
    b.env.files->open_file = open_others;
    book_put(&b, "one.vcf", "one", "One");
    book_put(&b, "two.vcf", "two", "Two");
    book_look(&b);
    book_agree(&b);
    scratch_rename(b.disk, "book/one.vcf", "book/x.vcf");
    unreadable = "x.vcf";
    for (int i = 0; i < 3; i++) {
        cf_row rows[] = {book_row("new", "New", &arena),
                         book_row("two", i ? "Zwei" : "Two", &arena)};

        book_look(&b);
        expect_refused(&b, rows, 2, "new");
        cr_expect_not(scratch_exists(b.disk, "book/new.vcf"));
        cr_expect_eq(scratch_holds(b.disk, "book/two.vcf",
                                   "BEGIN:VCARD\nVERSION:3.0\nUID:two\nFN:Zwei\nEND:VCARD\n"),
                     i > 0, "what has its place is written");
        if (i)
            book_restart(&b);
    }
    unreadable = NULL;
    book_look(&b);
    cr_expect(book_shown(&b, "one"));
    book_restart(&b);
    unreadable = "x.vcf";
    book_look(&b);
    cr_expect(book_doubts(&b, "one"));
    cr_expect(!book_doubts(&b, "two"));
    cf_row one = book_row("new", "New", &arena);
    expect_written(&b, &one, "book/new.vcf"); /* which it isn't: that is known by now */
    cf_arena_release(&arena);
    book_close(&b);
}

/* What will never be read as it is holds no card: else one such file would hold up all. */
Test(medium_folder_writes, adds_cards_beside_what_is_none)
{
    cf_arena arena = {0};
    book b;

    book_open(&b);
    scratch_mkdir(b.disk, "book/folder.vcf");
    scratch_symlink(b.disk, "book/link.vcf", "gone");
    scratch_write(b.disk, "book/damaged.vcf", "BEGIN:VCARD\n");
    scratch_write(b.disk, "book/large.vcf", "");
    scratch_resize(b.disk, "book/large.vcf", (64 << 20) + 1);
    book_look(&b);
    cr_expect(book_names(&b, "folder.vcf"));
    cr_expect(book_names(&b, "link.vcf"));
    cr_expect(book_names(&b, "damaged.vcf"));
    cr_expect(book_names(&b, "large.vcf"));
    cf_row one = book_row("one", "One", &arena);
    expect_written(&b, &one, "book/one.vcf");
    cf_arena_release(&arena);
    book_close(&b);
}

/* Another one's card in a file of several, which doesn't count there, stays in it. */
Test(medium_folder_writes, leaves_in_a_file_what_does_not_count_there)
{
    static const char both[] = "BEGIN:VCARD\nVERSION:3.0\nUID:one\nFN:One\nEND:VCARD\n"
                               "BEGIN:VCARD\nVERSION:3.0\nUID:two\nFN:Two\nEND:VCARD\n";
    cf_medium_outcome outcome;
    cf_arena arena = {0};
    book b;

    book_open(&b);
    book_put(&b, "a.vcf", "one", "First");
    scratch_write(b.disk, "book/b.vcf", both);
    book_look(&b);
    cf_row rows[] = {*book_shown(&b, "one"), book_row("two", "Zwei", &arena)};
    expect_ok(cf_medium_write(b.medium, rows, 2, &outcome, &b.error), b.error);
    cr_expect_eq(outcome.count, 0);
    cr_expect(scratch_holds(b.disk, "book/b.vcf",
                            "BEGIN:VCARD\nVERSION:3.0\nUID:one\nFN:One\nEND:VCARD\n"
                            "BEGIN:VCARD\nVERSION:3.0\nUID:two\nFN:Zwei\nEND:VCARD\n"));
    cf_medium_outcome_release(&outcome);
    cf_arena_release(&arena);
    book_close(&b);
}

/* A card's file that holds a note beside the card, which no other device has. */
Test(medium_folder_writes, leaves_what_is_never_synced_where_its_card_was)
{
    static const char note[] = "BEGIN:X-NOTE\nX-TEXT:mine\nEND:X-NOTE\n";
    static const char both[] = "BEGIN:VCARD\nVERSION:3.0\nUID:one\nFN:One\nEND:VCARD\n"
                               "BEGIN:X-NOTE\nX-TEXT:mine\nEND:X-NOTE\n";
    cf_medium_outcome outcome;
    book b;

    book_open(&b);
    scratch_write(b.disk, "book/one.vcf", both);
    book_look(&b);
    cr_expect(book_shown(&b, "one"));
    cr_assert(book_names(&b, "one.vcf"));
    cr_expect(b.content.file.troubles[0].harmless);
    expect_ok(cf_medium_write(b.medium, NULL, 0, &outcome, &b.error), b.error);
    cr_expect_eq(outcome.count, 0);
    cr_expect(scratch_holds(b.disk, "book/one.vcf", note));
    book_look(&b);
    cr_expect_not(book_shown(&b, "one"));
    cr_expect_not(book_doubts(&b, "one"));
    cr_expect(book_names(&b, "one.vcf"));
    cf_medium_outcome_release(&outcome);
    book_close(&b);
}

/* What is wanted of a file of several, and is as it is there, is no reason to leave the rest. */
Test(medium_folder_writes, takes_out_of_a_file_of_several_what_is_not_wanted)
{
    static const char both[] = "BEGIN:VCARD\nVERSION:3.0\nUID:one\nFN:One\nEND:VCARD\n"
                               "BEGIN:VCARD\nVERSION:3.0\nUID:two\nFN:Two\nEND:VCARD\n";
    cf_medium_outcome outcome;
    book b;

    book_open(&b);
    scratch_write(b.disk, "book/b.vcf", both);
    book_look(&b);
    const cf_row one = *book_shown(&b, "one");
    expect_ok(cf_medium_write(b.medium, &one, 1, &outcome, &b.error), b.error);
    cr_expect_eq(outcome.count, 0);
    cr_expect(scratch_holds(b.disk, "book/b.vcf",
                            "BEGIN:VCARD\nVERSION:3.0\nUID:one\nFN:One\nEND:VCARD\n"));
    cf_medium_outcome_release(&outcome);
    book_close(&b);
}
