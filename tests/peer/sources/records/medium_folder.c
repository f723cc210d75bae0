/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of vCards as a medium: what it shows, what casts doubt on what, and what is read again.
 */
#include "tests/peer/sources/records/book.h"
#include "tests/support/syncs.h"

#include <stdio.h>

Test(medium_folder, reads_what_programs_of_its_sort_read)
{
    book b;

    book_open(&b);
    book_put(&b, "one.vcf", "one", "One");
    book_put(&b, "ONE.VCF", "two", "Two");
    book_put(&b, ".hidden.vcf", "hidden", "Hidden");
    book_put(&b, "one.vcf.tmp", "tmp", "Tmp");
    scratch_write(b.disk, "book/color", "#ff0000");
    scratch_mkdir(b.disk, "book/below");
    scratch_symlink(b.disk, "book/link.vcf", "one.vcf");
    book_look(&b);
    cr_expect_eq(b.content.file.count, 2);
    cr_expect(book_shown(&b, "one"));
    cr_expect(book_shown(&b, "two"));
    cr_expect(book_names(&b, "below"));
    cr_expect(book_names(&b, "link.vcf"));
    cr_expect_not(book_names(&b, "color"));
    cr_expect(b.content.there);
    book_close(&b);
}

Test(medium_folder, lets_the_first_of_two_with_one_uid_count)
{
    book b;

    book_open(&b);
    book_put(&b, "m.vcf", "one", "One");
    book_look(&b);
    book_put(&b, "a.vcf", "one", "Other");
    for (int i = 0; i < 2; i++) {
        book_look(&b);
        cr_assert_eq(b.content.file.count, 1);
        cr_expect(book_names(&b, "a.vcf"), "not the first by name: the one that was there first");
        book_restart(&b);
    }
    scratch_remove(b.disk, "book/m.vcf");
    book_look(&b);
    cr_expect_not(book_names(&b, "a.vcf"));
    cr_expect(book_shown(&b, "one"));
    book_close(&b);
}

Test(medium_folder, doubts_only_what_a_file_held)
{
    book b;

    book_open(&b);
    book_put(&b, "one.vcf", "one", "One");
    book_put(&b, "two.vcf", "two", "Two");
    book_look(&b);
    book_agree(&b);
    scratch_write(b.disk, "book/one.vcf", "BEGIN:VCARD\nVERSION:3.0\n");
    scratch_remove(b.disk, "book/two.vcf");
    for (int i = 0; i < 2; i++) {
        book_look(&b);
        cr_expect(book_names(&b, "one.vcf"));
        cr_expect(book_doubts(&b, "one"));
        cr_expect_not(book_doubts(&b, "two"));
        cr_expect(cf_record_file_certain(&b.content.file));
        book_restart(&b);
    }
    book_close(&b);
}

Test(medium_folder, doubts_what_is_missing_when_an_unknown_file_cannot_be_read)
{
    book b;

    book_open(&b);
    book_put(&b, "one.vcf", "one", "One");
    book_put(&b, "two.vcf", "two", "Two");
    book_look(&b);
    book_agree(&b);
    scratch_remove(b.disk, "book/one.vcf");
    scratch_write(b.disk, "book/moved.vcf", "BEGIN:VCARD\nVERSION:3.0\n");
    book_look(&b);
    cr_expect(book_doubts(&b, "one"));
    scratch_remove(b.disk, "book/two.vcf"); /* was there beside it */
    book_restart(&b);
    book_look(&b);
    cr_expect(book_doubts(&b, "one"));
    cr_expect_not(book_doubts(&b, "two"));
    book_put(&b, "moved.vcf", "one", "One");
    book_look(&b);
    cr_expect_not(book_doubts(&b, "one"));
    cr_expect(book_shown(&b, "one"));
    book_close(&b);
}

Test(medium_folder, waits_for_a_file_that_is_being_written)
{
    book b;

    book_open(&b);
    book_put(&b, "one.vcf", "one", "One");
    book_look(&b);
    book_agree(&b);
    scratch_hold *hold = scratch_open_for(b.disk, "book/one.vcf", true);
    scratch_patch(b.disk, "book/one.vcf", 0, cf_bytes_of_text("BEGIN"));
    book_look(&b);
    cr_expect(book_doubts(&b, "one"));
    cr_expect(b.content.file.troubles[0].passes);
    scratch_close(&hold);
    book_look(&b);
    cr_expect(book_shown(&b, "one"));
    book_look_at(&b, (uint64_t)(scratch_now_ns(b.disk) / 1000000)); /* fresh, but known as it is */
    cr_expect(book_shown(&b, "one"));
    book_put(&b, "two.vcf", "two", "Two");
    book_look_at(&b, (uint64_t)(scratch_now_ns(b.disk) / 1000000));
    cr_expect(book_names(&b, "two.vcf"), "what was written just now may go on being written");
    book_close(&b);
}

Test(medium_folder, reads_again_only_what_changed)
{
    book b;

    book_open(&b);
    for (char name[] = "a.vcf"; name[0] <= 'z'; name[0]++)
        book_put(&b, name, name, name);
    book_look(&b);
    b.faults.reads = true;
    uint64_t before = b.faults.calls;
    book_look(&b);
    uint64_t unchanged = b.faults.calls - before;
    book_put(&b, "c.vcf", "other", "Other");
    before = b.faults.calls;
    book_look(&b);
    uint64_t changed = b.faults.calls - before;
    cr_expect_lt(unchanged, 26 + 20, "%lu", (unsigned long)unchanged);
    cr_expect_gt(changed, unchanged);
    cr_expect_lt(changed, unchanged + 12, "%lu", (unsigned long)changed);
    cr_expect(book_shown(&b, "other"));
    cr_expect_not(book_shown(&b, "c.vcf"));
    book_close(&b);
}

/* Files are made durable before anything of them is published, once. */
Test(medium_folder, makes_durable_only_what_changed)
{
    book b;

    book_open(&b);
    book_put(&b, "one.vcf", "one", "One");
    book_put(&b, "two.vcf", "two", "Two");
    b.medium->only_looks = true;
    syncs_forget();
    book_look_at(&b, BOOK_LATER_MS);
    cr_expect_not(syncs_had("one.vcf"));
    b.medium->only_looks = false;
    book_look(&b);
    cr_expect(syncs_had("one.vcf"), "nothing was published before");
    cr_expect(syncs_had("two.vcf"), "nothing was published before");
    book_put(&b, "two.vcf", "two", "Zwei");
    for (int i = 0; i < 2; i++) {
        syncs_forget();
        book_look(&b);
        cr_expect_not(syncs_had("one.vcf"));
        cr_expect_eq(syncs_had("two.vcf"), i == 0);
        book_restart(&b);
    }
    book_close(&b);
}

/* A name that came within a tick of the disk's clock may have left the folder's times as they were
 * when it was synced. */
Test(medium_folder, makes_names_durable_again_until_the_folder_rests)
{
    static const struct {
        bool later, syncs;
    } looks[] = {{false, true}, {false, true}, {true, true}, {true, false}};
    book b;

    book_open(&b);
    b.env.files->tick_ns = 3600LL * 1000000000;
    book_put(&b, "one.vcf", "one", "One");
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        const uint64_t now_ms = (uint64_t)(scratch_now_ns(b.disk) / 1000000);

        syncs_forget();
        book_look_at(&b, looks[i].later ? BOOK_LATER_MS : now_ms);
        cr_expect_eq(syncs_had("/book"), looks[i].syncs, "look %zu", i);
    }
    book_close(&b);
}

static size_t together_calls, together_files;

static void sync_together(cf_files *files, cf_file_sync *syncs, size_t count)
{
    together_calls += count > 0;
    together_files += count;
    cf_files_sync_each(files, syncs, count);
}

Test(medium_folder, makes_many_durable_together)
{
    enum { COUNT = 70 };
    char name[16];
    book b;

    book_open(&b);
    b.env.files->sync_files = sync_together;
    together_calls = together_files = 0;
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "%02d.vcf", i);
        book_put(&b, name, name, name);
    }
    syncs_fail("/66.vcf");
    book_look(&b);
    cr_expect_eq(together_files, COUNT);
    cr_expect_leq(together_calls, 2);
    cr_expect(book_names(&b, "66.vcf"), "it is not durable");
    cr_expect(!book_shown(&b, "66.vcf"), "it is not durable");
    cr_expect_eq(b.content.file.count, COUNT - 1);
    book_look(&b);
    cr_expect_eq(b.content.file.count, COUNT);
    book_close(&b);
}

Test(medium_folder, says_when_it_may_show_something_else)
{
    book b;

    book_open(&b);
    book_put(&b, "one.vcf", "one", "One");
    book_look(&b);
    cf_medium_rest(b.medium);
    cr_expect_not(cf_medium_changed(b.medium));
    scratch_patch(b.disk, "book/one.vcf", 30, cf_bytes_of_text("x"));
    cr_expect(cf_medium_changed(b.medium), "in place: no time of the folder shows it");
    book_look(&b);
    cr_expect_not(cf_medium_changed(b.medium));
    book_put(&b, "two.vcf", "two", "Two");
    cr_expect(cf_medium_changed(b.medium));
    book_look(&b);
    scratch_rename(b.disk, "book", "aside");
    cr_expect(cf_medium_changed(b.medium));
    cr_expect_not(cf_medium_changed(b.medium), "told once");
    cf_medium_content_release(&b.content);
    expect_fails(cf_medium_read(b.medium, BOOK_LATER_MS, &b.content, &b.error), CF_MISSING);
    scratch_mkdir(b.disk, "book");
    cr_expect(cf_medium_changed(b.medium));
    cf_medium_content_release(&b.content);
    expect_fails(cf_medium_read(b.medium, BOOK_LATER_MS, &b.content, &b.error), CF_UNSAFE);
    book_close(&b);
}

Test(medium_folder, takes_no_empty_file_for_a_deletion)
{
    book b;

    book_open(&b);
    book_put(&b, "one.vcf", "one", "One");
    book_look(&b);
    book_agree(&b);
    scratch_write(b.disk, "book/one.vcf", "");
    book_look(&b);
    cr_expect(book_doubts(&b, "one"));
    cr_expect(book_names(&b, "one.vcf"));
    book_close(&b);
}

typedef struct {
    book *book;
    bool saves;
    cf_buffer kept;
} keeping_book;

static cf_status keep(void *context, cf_bytes name, cf_bytes bytes, cf_error *error)
{
    keeping_book *self = context;

    (void)name, (void)error;
    cf_buffer_clear(&self->kept);
    cf_buffer_append(&self->kept, bytes.data, bytes.size);
    if (self->saves)
        book_put(self->book, "one.vcf", "one", "Saved just now");
    return CF_OK;
}

Test(medium_folder, takes_away_no_card_that_was_saved_since_it_was_kept)
{
    book b;
    keeping_book kept = {.book = &b, .saves = true};
    const cf_medium_keeping keeping = {keep, &kept};

    book_open(&b);
    scratch_write(b.disk, "book/one.vcf", "BEGIN:VCARD\nVERSION:3.0\n");
    book_look(&b);
    expect_fails(cf_medium_mend(b.medium, &keeping, &b.error), CF_CHANGED);
    book_look(&b);
    cr_expect(book_shown(&b, "one"), "what was saved is there");
    kept.saves = false;
    scratch_write(b.disk, "book/one.vcf", "BEGIN:VCARD\nVERSION:3.0\n");
    book_look(&b);
    expect_ok(cf_medium_mend(b.medium, &keeping, &b.error), b.error);
    book_look(&b);
    cr_expect_eq(b.content.file.count + b.content.file.trouble_count, 0);
    cf_buffer_release(&kept.kept);
    book_close(&b);
}

/* ---- Cards without a UID ---- */

static const char nobody[] = "BEGIN:VCARD\nVERSION:3.0\nFN:Nobody\nEND:VCARD\n";

static bool has_uid(const book *self, const char *path)
{
    cf_buffer text = {0};

    scratch_read(self->disk, path, &text);
    cf_buffer_append(&text, "", 1);
    const bool has = strstr((const char *)text.data, "\nUID:") != NULL;
    cf_buffer_release(&text);
    return has;
}

Test(medium_folder, gives_each_card_a_uid)
{
    book b;

    book_open(&b);
    scratch_write(b.disk, "book/a.vcf", nobody);
    scratch_write(b.disk, "book/b.vcf", nobody);
    book_put(&b, "c.vcf", "one", "One");
    for (int i = 0; i < 2; i++) {
        book_look(&b);
        cr_assert_eq(b.content.file.count, 3, "two that say the same are two");
        cr_assert_eq(b.content.file.trouble_count, 0);
        cr_expect(has_uid(&b, "book/a.vcf"));
        cr_expect(has_uid(&b, "book/b.vcf"));
        book_agree(&b);
        book_restart(&b);
    }
    scratch_write(b.disk, "book/d.vcf", nobody);
    book_look(&b);
    cr_expect_eq(b.content.file.count, 4, "a third one is none of the two");
    book_close(&b);
}

Test(medium_folder, writes_no_uid_in_a_look_that_publishes_nothing)
{
    book b;

    book_open(&b);
    scratch_write(b.disk, "book/a.vcf", nobody);
    scratch_write(b.disk, "book/b.vcf", nobody);
    b.medium->only_looks = true;
    for (int i = 0; i < 2; i++) {
        book_look(&b);
        cr_expect_eq(b.content.file.count, 2);
        cr_expect_eq(b.content.file.trouble_count, 0);
        cr_expect_not(has_uid(&b, "book/a.vcf"));
    }
    b.medium->only_looks = false;
    book_look(&b);
    cr_expect(has_uid(&b, "book/a.vcf"));
    cr_expect_eq(b.content.file.count, 2);
    book_close(&b);
}

/* It may be the one that is missing, with an edit. */
Test(medium_folder, gives_no_uid_while_a_card_is_missing)
{
    book b;

    book_open(&b);
    book_put(&b, "a.vcf", "one", "One");
    book_put(&b, "b.vcf", "two", "Two");
    book_look(&b);
    book_agree(&b);
    scratch_write(b.disk, "book/a.vcf", nobody);
    scratch_write(b.disk, "book/c.vcf", nobody);
    book_look(&b);
    cr_expect(book_names(&b, "a.vcf"));
    cr_expect(book_names(&b, "c.vcf"));
    cr_expect(book_doubts(&b, "one"));
    cr_expect_not(has_uid(&b, "book/a.vcf"));
    book_put(&b, "a.vcf", "one", "One");
    book_look(&b);
    cr_expect(has_uid(&b, "book/c.vcf"));
    cr_expect_eq(b.content.file.count, 3);
    book_close(&b);
}

Test(medium_folder, leaves_a_card_without_a_uid_where_it_cannot_be_written)
{
    book b;

    book_open(&b);
    scratch_write(b.disk, "book/a.vcf", nobody);
    b.faults = (disk_faults){.moves = true, .at = 1, .status = CF_IO};
    book_look(&b);
    cr_expect(book_names(&b, "a.vcf"));
    cr_expect_not(has_uid(&b, "book/a.vcf"));
    b.faults = (disk_faults){0};
    book_look(&b);
    cr_expect(has_uid(&b, "book/a.vcf"));
    book_close(&b);
}

static void save_over(void *context)
{
    const scratch *disk = context;
    char from[96], to[96];

    scratch_write(disk, "book/.saving",
                  "BEGIN:VCARD\nVERSION:3.0\nFN:Nobody\nNOTE:new\nEND:VCARD\n");
    snprintf(from, sizeof from, "%s/book/.saving", disk->path);
    snprintf(to, sizeof to, "%s/book/a.vcf", disk->path);
    cr_assert_eq(rename(from, to), 0);
}

Test(medium_folder, gives_a_uid_to_what_a_user_saved_meanwhile)
{
    bool is_over = false;
    uint64_t at = 0;

    while (!is_over) {
        cf_buffer text = {0};
        book b;

        book_open(&b);
        scratch_write(b.disk, "book/a.vcf", nobody);
        b.faults =
            (disk_faults){.reads = true, .at = ++at, .meanwhile = save_over, .context = b.disk};
        cf_medium_content_release(&b.content);
        if (cf_medium_read(b.medium, BOOK_LATER_MS, &b.content, &b.error) == CF_OK)
            book_commit(&b);
        is_over = b.faults.calls < at;
        b.faults = (disk_faults){0};
        for (int i = 0; i < 2; i++)
            book_look(&b);
        scratch_read(b.disk, "book/a.vcf", &text);
        cf_buffer_append(&text, "", 1);
        cr_expect(is_over || strstr((const char *)text.data, "NOTE:new"), "%d", (int)at);
        cr_expect(has_uid(&b, "book/a.vcf"), "%d", (int)at);
        cf_buffer_release(&text);
        book_close(&b);
    }
    cr_assert_geq(at, 10);
}
