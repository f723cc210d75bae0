/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of vCards as a medium: what it shows, what casts doubt on what, what is read again, and
 * what is written. */
#include "peer/sources/records/medium_folder.h"

#include "broker/jobs.h"
#include "codec/pack.h"
#include "peer/adapters/files_root.h"
#include "tests/peer/faulty_disk.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/support/syncs.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct {
    scratch *disk;
    disk_faults faults;
    cf_env env;
    cf_peer peer;
    cf_binding *binding;
    cf_medium *medium;
    cf_medium_content content;
    cf_error error;
} book;

static const uint64_t FUTURE_MS = INT64_MAX / 1000000;

static void some_random(void *context, void *out, size_t size)
{
    (void)context;
    memset(out, 7, size);
}

static uint64_t some_time(void *context)
{
    (void)context;
    return 1700000000000;
}

static void no_report(void *context, cf_report_level level, const char *text)
{
    (void)context, (void)level, (void)text;
}

static void begin(book *self)
{
    self->medium = cf_medium_folder_new(self->env.files, &self->peer, self->binding);
}

static void open_home(book *self)
{
    char path[96];
    cf_hash user;

    memset(user.bytes, 'u', CF_HASH_SIZE);
    snprintf(path, sizeof path, "%s/home", self->disk->path);
    self->peer.env = &self->env;
    expect_ok(cf_home_open(&(cf_home_options){.env = &self->env, .path = path, .create = true},
                           &self->peer.home, &self->error),
              self->error);
    expect_ok(cf_log_open(cf_home_store(self->peer.home), &user, &self->peer.log, &self->error),
              self->error);
}

static void open_book(book *self)
{
    cf_folder *root;
    char path[96];

    *self = (book){.disk = scratch_new()};
    self->env = (cf_env){NULL,
                         some_random,
                         some_time,
                         no_report,
                         faulty_files_new(self->disk->files, &self->faults),
                         cf_jobs_inline_new(0)};
    open_home(self);
    scratch_mkdir(self->disk, "book");
    snprintf(path, sizeof path, "%s/book", self->disk->path);
    cf_binding_options options = {.number = 1, .path = path};
    expect_ok(cf_binding_new(&options, &self->binding, &self->error), self->error);
    self->binding->format = CF_FORMAT_VCARD;
    memset(self->binding->instance.bytes, 'i', CF_ID_SIZE);
    expect_ok(self->disk->files->open_root(self->disk->files, path, &root, &self->error),
              self->error);
    expect_ok(cf_root_make(self->disk->files, root, &self->binding->instance, &self->error),
              self->error);
    self->disk->files->close_folder(self->disk->files, &root);
    begin(self);
}

static void close_book(book *self)
{
    cf_medium_content_release(&self->content);
    cf_medium_destroy(&self->medium);
    cf_binding_destroy(&self->binding, self->disk->files);
    cf_log_destroy(&self->peer.log);
    cf_home_close(&self->peer.home);
    cf_jobs_destroy(&self->env.jobs);
    free(self->env.files);
    scratch_destroy(&self->disk);
}

static void put(const book *self, const char *file, const char *uid, const char *name)
{
    char path[64], text[200];

    snprintf(path, sizeof path, "book/%s", file);
    snprintf(text, sizeof text, "BEGIN:VCARD\nVERSION:3.0\nUID:%s\nFN:%s\nEND:VCARD\n", uid, name);
    scratch_write(self->disk, path, text);
}

static void commit(book *self)
{
    cf_store *store = cf_home_store(self->peer.home);
    cf_records records = {0};

    cf_medium_settled(self->medium, &records);
    if (records.count)
        expect_ok(store->write(store, cf_peer_user(&self->peer), records.at, records.count, true,
                               &self->error),
                  self->error);
    cf_records_release(&records);
}

static void look_at(book *self, uint64_t now_ms)
{
    cf_medium_content_release(&self->content);
    expect_ok(cf_medium_read(self->medium, now_ms, &self->content, &self->error), self->error);
}

/* What it shows is agreed on, as after a look that published it. */
static void look(book *self)
{
    look_at(self, FUTURE_MS);
    commit(self);
}

static void agree(book *self)
{
    for (size_t i = 0; i < self->content.file.count; i++)
        cf_rows_put(self->binding->rows, &self->content.file.rows[i]);
}

/* As the next process. */
static void restart(book *self)
{
    cf_medium_content_release(&self->content);
    cf_medium_destroy(&self->medium);
    begin(self);
}

static cf_bytes key_of(const char *uid, cf_buffer *out)
{
    cf_buffer_clear(out);
    cf_pack_text(out, cf_bytes_of_text(uid));
    return cf_buffer_view(out);
}

static const cf_row *shown(const book *self, const char *uid)
{
    cf_buffer key = {0};
    const cf_row *found = NULL;

    key_of(uid, &key);
    for (size_t i = 0; i < self->content.file.count; i++)
        if (cf_bytes_equal(self->content.file.rows[i].key, cf_buffer_view(&key)))
            found = &self->content.file.rows[i];
    cf_buffer_release(&key);
    return found;
}

/* Whether this card may be in a file that can't be read. */
static bool is_doubted(const book *self, const char *uid)
{
    cf_buffer key = {0};
    bool found = false;

    key_of(uid, &key);
    for (size_t i = 0; i < self->content.file.trouble_count; i++)
        found |= self->content.file.troubles[i].known &&
                 cf_bytes_equal(self->content.file.troubles[i].key, cf_buffer_view(&key));
    cf_buffer_release(&key);
    return found;
}

static bool is_named(const book *self, const char *file)
{
    for (size_t i = 0; i < self->content.file.trouble_count; i++)
        if (cf_bytes_equal(self->content.file.troubles[i].where, cf_bytes_of_text(file)))
            return true;
    return false;
}

/* ---- What it shows ---- */

Test(medium_folder, reads_what_programs_of_its_sort_read)
{
    book b;

    open_book(&b);
    put(&b, "one.vcf", "one", "One");
    put(&b, "ONE.VCF", "two", "Two");
    put(&b, ".hidden.vcf", "hidden", "Hidden");
    put(&b, "one.vcf.tmp", "tmp", "Tmp");
    scratch_write(b.disk, "book/color", "#ff0000");
    scratch_mkdir(b.disk, "book/below");
    scratch_symlink(b.disk, "book/link.vcf", "one.vcf");
    look(&b);
    cr_expect_eq(b.content.file.count, 2);
    cr_expect(shown(&b, "one") && shown(&b, "two"));
    cr_expect(is_named(&b, "below"));
    cr_expect(is_named(&b, "link.vcf"));
    cr_expect_not(is_named(&b, "color"));
    cr_expect(b.content.there);
    close_book(&b);
}

Test(medium_folder, lets_the_first_of_two_with_one_uid_count)
{
    book b;

    open_book(&b);
    put(&b, "m.vcf", "one", "One");
    look(&b);
    put(&b, "a.vcf", "one", "Other");
    for (int i = 0; i < 2; i++) {
        look(&b);
        cr_assert_eq(b.content.file.count, 1);
        cr_expect(is_named(&b, "a.vcf"), "not the first by name: the one that was there first");
        restart(&b);
    }
    scratch_remove(b.disk, "book/m.vcf");
    look(&b);
    cr_expect_not(is_named(&b, "a.vcf"));
    cr_expect(shown(&b, "one"));
    close_book(&b);
}

Test(medium_folder, doubts_only_what_a_file_held)
{
    book b;

    open_book(&b);
    put(&b, "one.vcf", "one", "One");
    put(&b, "two.vcf", "two", "Two");
    look(&b);
    agree(&b);
    scratch_write(b.disk, "book/one.vcf", "BEGIN:VCARD\nVERSION:3.0\n");
    scratch_remove(b.disk, "book/two.vcf");
    for (int i = 0; i < 2; i++) {
        look(&b);
        cr_expect(is_named(&b, "one.vcf"));
        cr_expect(is_doubted(&b, "one"));
        cr_expect_not(is_doubted(&b, "two"));
        cr_expect(cf_record_file_certain(&b.content.file));
        restart(&b);
    }
    close_book(&b);
}

Test(medium_folder, doubts_what_is_missing_when_an_unknown_file_cannot_be_read)
{
    book b;

    open_book(&b);
    put(&b, "one.vcf", "one", "One");
    put(&b, "two.vcf", "two", "Two");
    look(&b);
    agree(&b);
    scratch_remove(b.disk, "book/one.vcf");
    scratch_write(b.disk, "book/moved.vcf", "BEGIN:VCARD\nVERSION:3.0\n");
    look(&b);
    cr_expect(is_doubted(&b, "one"));
    scratch_remove(b.disk, "book/two.vcf"); /* was there beside it */
    restart(&b);
    look(&b);
    cr_expect(is_doubted(&b, "one"));
    cr_expect_not(is_doubted(&b, "two"));
    put(&b, "moved.vcf", "one", "One");
    look(&b);
    cr_expect_not(is_doubted(&b, "one"));
    cr_expect(shown(&b, "one"));
    close_book(&b);
}

Test(medium_folder, waits_for_a_file_that_is_being_written)
{
    book b;

    open_book(&b);
    put(&b, "one.vcf", "one", "One");
    look(&b);
    agree(&b);
    scratch_hold *hold = scratch_open_for(b.disk, "book/one.vcf", true);
    scratch_patch(b.disk, "book/one.vcf", 0, cf_bytes_of_text("BEGIN"));
    look(&b);
    cr_expect(is_doubted(&b, "one"));
    cr_expect(b.content.file.troubles[0].passes);
    scratch_close(&hold);
    look(&b);
    cr_expect(shown(&b, "one"));
    look_at(&b, (uint64_t)(scratch_now_ns(b.disk) / 1000000)); /* fresh, but known as it is */
    cr_expect(shown(&b, "one"));
    put(&b, "two.vcf", "two", "Two");
    look_at(&b, (uint64_t)(scratch_now_ns(b.disk) / 1000000));
    cr_expect(is_named(&b, "two.vcf"), "what was written just now may go on being written");
    close_book(&b);
}

Test(medium_folder, reads_again_only_what_changed)
{
    book b;

    open_book(&b);
    for (char name[] = "a.vcf"; name[0] <= 'z'; name[0]++)
        put(&b, name, name, name);
    look(&b);
    b.faults.reads = true;
    uint64_t before = b.faults.calls;
    look(&b);
    uint64_t unchanged = b.faults.calls - before;
    put(&b, "c.vcf", "other", "Other");
    before = b.faults.calls;
    look(&b);
    uint64_t changed = b.faults.calls - before;
    cr_expect_lt(unchanged, 26 + 20, "%lu", (unsigned long)unchanged);
    cr_expect_gt(changed, unchanged);
    cr_expect_lt(changed, unchanged + 12, "%lu", (unsigned long)changed);
    cr_expect(shown(&b, "other"));
    cr_expect_not(shown(&b, "c.vcf"));
    close_book(&b);
}

/* Files are made durable before anything of them is published, once. */
Test(medium_folder, makes_durable_only_what_changed)
{
    book b;

    open_book(&b);
    put(&b, "one.vcf", "one", "One");
    put(&b, "two.vcf", "two", "Two");
    b.medium->only_looks = true;
    syncs_forget();
    look_at(&b, FUTURE_MS);
    cr_expect_not(syncs_had("one.vcf"));
    b.medium->only_looks = false;
    look(&b);
    cr_expect(syncs_had("one.vcf") && syncs_had("two.vcf"), "nothing was published before");
    put(&b, "two.vcf", "two", "Zwei");
    for (int i = 0; i < 2; i++) {
        syncs_forget();
        look(&b);
        cr_expect_not(syncs_had("one.vcf"));
        cr_expect_eq(syncs_had("two.vcf"), i == 0);
        restart(&b);
    }
    close_book(&b);
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

    open_book(&b);
    b.env.files->sync_files = sync_together;
    together_calls = together_files = 0;
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "%02d.vcf", i);
        put(&b, name, name, name);
    }
    syncs_fail("/66.vcf");
    look(&b);
    cr_expect_eq(together_files, COUNT);
    cr_expect_leq(together_calls, 2);
    cr_expect(is_named(&b, "66.vcf") && !shown(&b, "66.vcf"), "it is not durable");
    cr_expect_eq(b.content.file.count, COUNT - 1);
    look(&b);
    cr_expect_eq(b.content.file.count, COUNT);
    close_book(&b);
}

Test(medium_folder, says_when_it_may_show_something_else)
{
    book b;

    open_book(&b);
    put(&b, "one.vcf", "one", "One");
    look(&b);
    cf_medium_rest(b.medium);
    cr_expect_not(cf_medium_changed(b.medium));
    scratch_patch(b.disk, "book/one.vcf", 30, cf_bytes_of_text("x"));
    cr_expect(cf_medium_changed(b.medium), "in place: no time of the folder shows it");
    look(&b);
    cr_expect_not(cf_medium_changed(b.medium));
    put(&b, "two.vcf", "two", "Two");
    cr_expect(cf_medium_changed(b.medium));
    look(&b);
    scratch_rename(b.disk, "book", "aside");
    cr_expect(cf_medium_changed(b.medium));
    cr_expect_not(cf_medium_changed(b.medium), "told once");
    cf_medium_content_release(&b.content);
    expect_fails(cf_medium_read(b.medium, FUTURE_MS, &b.content, &b.error), CF_MISSING);
    scratch_mkdir(b.disk, "book");
    cr_expect(cf_medium_changed(b.medium));
    cf_medium_content_release(&b.content);
    expect_fails(cf_medium_read(b.medium, FUTURE_MS, &b.content, &b.error), CF_UNSAFE);
    close_book(&b);
}

Test(medium_folder, takes_no_empty_file_for_a_deletion)
{
    book b;

    open_book(&b);
    put(&b, "one.vcf", "one", "One");
    look(&b);
    agree(&b);
    scratch_write(b.disk, "book/one.vcf", "");
    look(&b);
    cr_expect(is_doubted(&b, "one"));
    cr_expect(is_named(&b, "one.vcf"));
    close_book(&b);
}

/* ---- What is written ---- */

static cf_row a_row(const char *uid, const char *name, cf_arena *arena)
{
    static const char full[] = "/name/full";
    cf_buffer packed = {0};
    cf_row_field *field = cf_arena_allocate(arena, 1, sizeof *field);
    cf_bytes *value = cf_arena_allocate(arena, 1, sizeof *value);
    cf_row row = {.table = cf_bytes_of_text(CF_TABLE_CONTACTS), .fields = field, .field_count = 1};

    row.key = cf_arena_copy(arena, key_of(uid, &packed));
    *value = cf_arena_copy(arena, key_of(name, &packed));
    *field = (cf_row_field){cf_bytes_of_text(full), value, 1};
    cf_buffer_release(&packed);
    return row;
}

Test(medium_folder, names_new_files_by_what_is_safe)
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

    open_book(&b);
    look(&b);
    memset(longest, 'l', LONGEST);
    memset(longer, 'm', LONGEST + 1);
    for (size_t i = 0; i < COUNT; i++)
        rows[i] = a_row(names[i].uid, "Name", &arena);
    rows[COUNT] = a_row(longest, "Name", &arena);
    rows[COUNT + 1] = a_row(longer, "Name", &arena);
    expect_ok(cf_medium_write(b.medium, rows, COUNT + 2, &outcome, &b.error), b.error);
    cr_expect_eq(outcome.count, 0);
    cr_expect(outcome.wrote);
    commit(&b);
    for (size_t i = 0; i < COUNT; i++)
        cr_expect(!names[i].file || scratch_exists(b.disk, names[i].file), "%s", names[i].uid);
    snprintf(path, sizeof path, "book/%s.vcf", longest);
    cr_expect(scratch_exists(b.disk, path));
    snprintf(path, sizeof path, "book/%s.vcf", longer);
    cr_expect_not(scratch_exists(b.disk, path));
    look(&b);
    cr_expect_eq(b.content.file.count, COUNT + 2);
    cr_expect_eq(b.content.file.trouble_count, 0);
    cf_medium_outcome_release(&outcome);
    cf_arena_release(&arena);
    close_book(&b);
}

Test(medium_folder, refuses_what_a_user_was_faster_with_and_does_the_rest)
{
    cf_medium_outcome outcome;
    cf_arena arena = {0};
    book b;

    open_book(&b);
    put(&b, "one.vcf", "one", "One");
    put(&b, "two.vcf", "two", "Two");
    put(&b, "three.vcf", "three", "Three");
    look(&b);
    put(&b, "one.vcf", "one", "Quick");
    put(&b, "three.vcf", "three", "Quick");
    cf_row rows[] = {a_row("one", "Eins", &arena), a_row("two", "Zwei", &arena)};
    expect_ok(cf_medium_write(b.medium, rows, 2, &outcome, &b.error), b.error);
    cr_expect_eq(outcome.count, 2 + 1, "%zu: one as wanted and as it was, and three",
                 outcome.count);
    for (size_t i = 0; i < outcome.count; i++)
        cr_expect_eq(outcome.refusals[i].why, CF_CHANGED);
    look(&b);
    cr_expect(scratch_holds(b.disk, "book/one.vcf",
                            "BEGIN:VCARD\nVERSION:3.0\nUID:one\nFN:Quick\nEND:VCARD\n"));
    cr_expect(scratch_holds(b.disk, "book/two.vcf",
                            "BEGIN:VCARD\nVERSION:3.0\nUID:two\nFN:Zwei\nEND:VCARD\n"));
    cr_expect(shown(&b, "three"));
    cf_medium_outcome_release(&outcome);
    cf_arena_release(&arena);
    close_book(&b);
}

/* More than are made at one time; the program's numbers of them begin with 1. */
Test(medium_folder, puts_nothing_in_place_that_is_not_durable)
{
    enum { COUNT = 70, FAILS = 66 };
    cf_medium_outcome outcome;
    cf_arena arena = {0};
    cf_row rows[COUNT];
    char text[32];
    book b;

    open_book(&b);
    look(&b);
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, "uid%d", i + 1);
        rows[i] = a_row(cf_arena_text(&arena, cf_bytes_of_text(text)), "Name", &arena);
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
    close_book(&b);
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

    cf_row rows[] = {a_row("one", name, &arena), a_row("two", name, &arena)};
    expect_ok(cf_medium_write(self->medium, rows, 2, &outcome, &self->error), self->error);
    cr_assert_eq(outcome.count, 0);
    commit(self);
    cf_medium_outcome_release(&outcome);
    cf_arena_release(&arena);
}

Test(medium_folder, makes_not_durable_again_what_it_wrote)
{
    book b;

    open_book(&b);
    b.env.files->sync_files = sync_slowly;
    put(&b, "one.vcf", "one", "Uno");
    look(&b);
    write_two(&b, "Eins");
    for (int i = 0; i < 2; i++) {
        syncs_forget();
        restart(&b);
        look(&b);
        cr_expect_eq(b.content.file.count, 2);
        cr_expect_not(syncs_had("one.vcf") || syncs_had("two.vcf"));
    }
    put(&b, "two.vcf", "two", "Zwei");
    syncs_forget();
    look(&b);
    cr_expect(syncs_had("two.vcf") && !syncs_had("one.vcf"));
    close_book(&b);
}

/* Then a user who saves at once leaves no trace in the times. */
Test(medium_folder, trusts_nothing_that_it_put_in_place_at_once)
{
    book b;

    open_book(&b);
    look(&b);
    b.env.files->tick_ns = 3600LL * 1000000000;
    write_two(&b, "Eins");
    syncs_forget();
    look(&b);
    cr_expect_eq(b.content.file.count, 2);
    cr_expect(syncs_had("one.vcf") && syncs_had("two.vcf"));
    close_book(&b);
}

Test(medium_folder, puts_nothing_beside_a_file_that_cannot_be_read)
{
    cf_medium_outcome outcome;
    cf_arena arena = {0};
    book b;

    open_book(&b);
    scratch_write(b.disk, "book/one.vcf", "BEGIN:VCARD\n");
    scratch_write(b.disk, "book/two.vcf", "");
    put(&b, "three.vcf", "other", "Other");
    look(&b);
    cf_row rows[] = {a_row("one", "One", &arena), a_row("three", "Three", &arena),
                     *shown(&b, "other")};
    expect_ok(cf_medium_write(b.medium, rows, 3, &outcome, &b.error), b.error);
    cr_assert_eq(outcome.count, 1);
    cr_expect_eq(outcome.refusals[0].why, CF_IO);
    commit(&b);
    look(&b);
    cr_expect(shown(&b, "three"), "under another name than three.vcf, which is taken");
    cr_expect(scratch_holds(b.disk, "book/one.vcf", "BEGIN:VCARD\n"));
    cr_expect(scratch_holds(b.disk, "book/two.vcf", ""));
    cf_medium_outcome_release(&outcome);
    cf_arena_release(&arena);
    close_book(&b);
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
    cr_expect(cf_bytes_equal(outcome.refusals[0].key, key_of(uid, &key)));
    cr_expect(strstr(outcome.refusals[0].text, unreadable), "%s", outcome.refusals[0].text);
    commit(self);
    cf_buffer_release(&key);
    cf_medium_outcome_release(&outcome);
}

static void expect_written(book *self, const cf_row *row, const char *path)
{
    cf_medium_outcome outcome;

    expect_ok(cf_medium_write(self->medium, row, 1, &outcome, &self->error), self->error);
    cr_expect_eq(outcome.count, 0);
    cr_expect(scratch_exists(self->disk, path), "%s", path);
    commit(self);
    cf_medium_outcome_release(&outcome);
}

/* Of what was never read nobody knows which card it is: it may be the one that comes, even where
 * one that is missing may be it, too. */
Test(medium_folder, adds_nothing_while_a_file_that_was_never_read_cannot_be)
{
    cf_arena arena = {0};
    book b;

    open_book(&b);
    open_any = b.env.files->open_file;
    b.env.files->open_file = open_others;
    put(&b, "one.vcf", "one", "One");
    put(&b, "two.vcf", "two", "Two");
    look(&b);
    agree(&b);
    scratch_rename(b.disk, "book/one.vcf", "book/x.vcf");
    unreadable = "x.vcf";
    for (int i = 0; i < 3; i++) {
        cf_row rows[] = {a_row("new", "New", &arena), a_row("two", i ? "Zwei" : "Two", &arena)};

        look(&b);
        expect_refused(&b, rows, 2, "new");
        cr_expect_not(scratch_exists(b.disk, "book/new.vcf"));
        cr_expect_eq(scratch_holds(b.disk, "book/two.vcf",
                                   "BEGIN:VCARD\nVERSION:3.0\nUID:two\nFN:Zwei\nEND:VCARD\n"),
                     i > 0, "what has its place is written");
        if (i)
            restart(&b);
    }
    unreadable = NULL;
    look(&b);
    cr_expect(shown(&b, "one"));
    restart(&b);
    unreadable = "x.vcf";
    look(&b);
    cr_expect(is_doubted(&b, "one") && !is_doubted(&b, "two"));
    cf_row one = a_row("new", "New", &arena);
    expect_written(&b, &one, "book/new.vcf"); /* which it isn't: that is known by now */
    cf_arena_release(&arena);
    close_book(&b);
}

/* What will never be read as it is holds no card: else one such file would hold up all. */
Test(medium_folder, adds_cards_beside_what_is_none)
{
    cf_arena arena = {0};
    book b;

    open_book(&b);
    scratch_mkdir(b.disk, "book/folder.vcf");
    scratch_symlink(b.disk, "book/link.vcf", "gone");
    scratch_write(b.disk, "book/damaged.vcf", "BEGIN:VCARD\n");
    scratch_write(b.disk, "book/large.vcf", "");
    scratch_resize(b.disk, "book/large.vcf", (64 << 20) + 1);
    look(&b);
    cr_expect(is_named(&b, "folder.vcf") && is_named(&b, "link.vcf") &&
              is_named(&b, "damaged.vcf") && is_named(&b, "large.vcf"));
    cf_row one = a_row("one", "One", &arena);
    expect_written(&b, &one, "book/one.vcf");
    cf_arena_release(&arena);
    close_book(&b);
}

/* Another one's card in a file of several, which doesn't count there, stays in it. */
Test(medium_folder, leaves_in_a_file_what_does_not_count_there)
{
    static const char both[] = "BEGIN:VCARD\nVERSION:3.0\nUID:one\nFN:One\nEND:VCARD\n"
                               "BEGIN:VCARD\nVERSION:3.0\nUID:two\nFN:Two\nEND:VCARD\n";
    cf_medium_outcome outcome;
    cf_arena arena = {0};
    book b;

    open_book(&b);
    put(&b, "a.vcf", "one", "First");
    scratch_write(b.disk, "book/b.vcf", both);
    look(&b);
    cf_row rows[] = {*shown(&b, "one"), a_row("two", "Zwei", &arena)};
    expect_ok(cf_medium_write(b.medium, rows, 2, &outcome, &b.error), b.error);
    cr_expect_eq(outcome.count, 0);
    cr_expect(scratch_holds(b.disk, "book/b.vcf",
                            "BEGIN:VCARD\nVERSION:3.0\nUID:one\nFN:One\nEND:VCARD\n"
                            "BEGIN:VCARD\nVERSION:3.0\nUID:two\nFN:Zwei\nEND:VCARD\n"));
    cf_medium_outcome_release(&outcome);
    cf_arena_release(&arena);
    close_book(&b);
}
