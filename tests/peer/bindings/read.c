/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/files_read.h"

#include <stdlib.h>
#include <string.h>

#include "codec/content.h"
#include "codec/limits.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

enum { LARGE = 3 << 20 };

static scratch *here;
static cf_error error;

static void arrive(void)
{
    here = scratch_new();
}

static void leave(void)
{
    scratch_destroy(&here);
}

TestSuite(read, .init = arrive, .fini = leave);

static cf_read_options options_of(const char *name)
{
    return (cf_read_options){.files = here->files,
                             .folder = here->folder,
                             .name = cf_bytes_of_text(name),
                             .now_ns = scratch_now_ns(here)};
}

static cf_status read_with(cf_read_options options, cf_read *out, cf_read_answer *answer)
{
    return cf_read_file(&options, out, answer, &error);
}

static void write_settled(const char *name, const char *text)
{
    scratch_write(here, name, text);
    scratch_settle(here, name);
}

static void expect_refusal(cf_read_options options, cf_status status, cf_read_answer expected)
{
    cf_read read = {0};
    cf_read_answer answer;

    expect_fails(read_with(options, &read, &answer), status);
    cr_assert_eq(answer, expected, "%d: %s", (int)answer, error.text);
    cr_assert_null(read.leaves.data);
}

Test(read, tells_content_leaves_and_bytes)
{
    cf_read read;
    cf_read_answer answer;

    write_settled("f", "some text");
    expect_ok(read_with(options_of("f"), &read, &answer), error);
    cr_assert_eq(answer, CF_READ_DONE);
    cf_hash hash = cf_content_hash(cf_bytes_of_text("some text"));
    cr_assert(cf_hash_equal(&read.content, &hash));
    cr_assert_eq(read.stat.size, 9);
    cr_assert_eq(read.leaves.size, 32);
    cr_assert(cf_bytes_equal(cf_buffer_view(&read.whole), cf_bytes_of_text("some text")));
    cr_assert_eq(read.writer, CF_WRITER_NONE);
    cf_read_release(&read);
}

Test(read, takes_an_empty_file)
{
    cf_read read;
    cf_read_answer answer;

    write_settled("f", "");
    expect_ok(read_with(options_of("f"), &read, &answer), error);
    cf_hash hash = cf_content_hash((cf_bytes){0});
    cr_assert(cf_hash_equal(&read.content, &hash));
    cr_assert_eq(read.stat.size, 0);
    cf_read_release(&read);
}

typedef struct {
    uint64_t next, holes;
    cf_content_hasher *hasher;
} follower;

static bool follow(void *context, uint64_t offset, cf_bytes bytes)
{
    follower *self = context;

    cr_expect_eq(offset, self->next);
    if (bytes.data) {
        cr_expect_leq(bytes.size, CF_READ_WINDOW);
        cf_content_hasher_update(self->hasher, bytes);
    } else {
        self->holes += bytes.size;
        cf_content_hasher_zeros(self->hasher, bytes.size);
    }
    self->next += bytes.size;
    return true;
}

Test(read, passes_windows_and_holes_in_order)
{
    enum { SIZE = 20 << 20 };
    static uint8_t bytes[3 << 20];
    follower seen = {.hasher = cf_content_hasher_new(NULL)};
    cf_read_options options;
    cf_read_answer answer;
    cf_read read;
    uint64_t size;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7919 >> 8);
    scratch_write(here, "f", "");
    scratch_resize(here, "f", SIZE);
    scratch_patch(here, "f", 5 << 20, cf_bytes_of(bytes, sizeof bytes));
    scratch_settle(here, "f");
    options = options_of("f");
    options.window = follow;
    options.context = &seen;
    expect_ok(cf_read_file(&options, &read, &answer, &error), error);
    cf_hash hash = cf_content_hasher_finish(seen.hasher, &size);
    cr_assert_eq(size, SIZE);
    cr_assert(cf_hash_equal(&hash, &read.content));
    cr_assert_eq(read.leaves.size, SIZE / CF_LEAF_SIZE * 32);
    cr_assert_eq(read.whole.size, 0);
    cr_assert_gt(seen.holes, 0);
    uint8_t *whole = cf_allocate(SIZE, 1);
    memcpy(whole + (5 << 20), bytes, sizeof bytes);
    hash = cf_content_hash(cf_bytes_of(whole, SIZE));
    cr_assert(cf_hash_equal(&hash, &read.content));
    free(whole);
    cf_content_hasher_destroy(&seen.hasher);
    cf_read_release(&read);
}

Test(read, waits_for_whoever_writes)
{
    write_settled("f", "text");
    scratch_hold *writer = scratch_open_for(here, "f", true);
    expect_refusal(options_of("f"), CF_CHANGED, CF_READ_WRITER);
    scratch_close(&writer);
    cf_read read;
    cf_read_answer answer;
    expect_ok(read_with(options_of("f"), &read, &answer), error);
    cf_read_release(&read);
}

Test(read, looks_again_at_what_was_changed_just_now)
{
    cf_read_options options;
    cf_read read;
    cf_read_answer answer;

    scratch_write(here, "f", "text");
    expect_refusal(options_of("f"), CF_CHANGED, CF_READ_FRESH);
    scratch_settle(here, "f");
    options = options_of("f");
    options.now_ns -= INT64_C(3600000000000); /* the clock was set back */
    expect_ok(read_with(options, &read, &answer), error);
    cf_read_release(&read);
}

static bool stop(void *context, uint64_t offset, cf_bytes bytes)
{
    (void)context, (void)offset, (void)bytes;
    return false;
}

Test(read, can_be_ended)
{
    write_settled("f", "text");
    cf_read_options options = options_of("f");
    options.window = stop;
    expect_refusal(options, CF_CHANGED, CF_READ_CHANGED);
}

static bool append_meanwhile(void *context, uint64_t offset, cf_bytes bytes)
{
    (void)context, (void)bytes;
    if (offset == 0)
        scratch_patch(here, "f", LARGE, cf_bytes_of_text("x"));
    return true;
}

static bool cut_meanwhile(void *context, uint64_t offset, cf_bytes bytes)
{
    (void)context, (void)offset, (void)bytes;
    scratch_resize(here, "f", 0);
    return true;
}

static bool cut_the_rest_meanwhile(void *context, uint64_t offset, cf_bytes bytes)
{
    (void)context;
    if (offset == 0)
        scratch_resize(here, "f", bytes.size);
    return true;
}

static bool replace_meanwhile(void *context, uint64_t offset, cf_bytes bytes)
{
    (void)context, (void)offset, (void)bytes;
    scratch_write(here, "g", "other");
    scratch_rename(here, "g", "f");
    return true;
}

static bool open_meanwhile(void *context, uint64_t offset, cf_bytes bytes)
{
    (void)offset, (void)bytes;
    *(scratch_hold **)context = scratch_open_for(here, "f", true);
    return true;
}

static void make_large(void)
{
    static uint8_t bytes[LARGE] = {1};

    scratch_write(here, "f", "");
    scratch_patch(here, "f", 0, cf_bytes_of(bytes, sizeof bytes));
    scratch_settle(here, "f");
}

Test(read, notices_every_change_meanwhile)
{
    cf_read_options options = options_of("f");
    scratch_hold *held = NULL;

    options.context = here;
    bool (*const changes[])(void *, uint64_t, cf_bytes) = {append_meanwhile, cut_meanwhile,
                                                           replace_meanwhile};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        make_large();
        options.now_ns = options_of("f").now_ns;
        options.window = changes[i];
        expect_refusal(options, CF_CHANGED, CF_READ_CHANGED);
    }
    write_settled("f", "short");
    options.now_ns = options_of("f").now_ns;
    options.window = open_meanwhile;
    options.context = &held;
    expect_refusal(options, CF_CHANGED, CF_READ_WRITER);
    scratch_close(&held);
}

/* Where the file ended, no data followed and no hole: it was asked for them for ever. */
Test(read, notices_an_end_that_came_closer_behind_a_hole, .timeout = 30)
{
    static uint8_t bytes[CF_READ_WINDOW] = {1};
    cf_read_options options = options_of("f");

    scratch_write(here, "f", "");
    scratch_resize(here, "f", 2 * LARGE);
    scratch_patch(here, "f", 0, cf_bytes_of(bytes, sizeof bytes));
    scratch_settle(here, "f");
    options.now_ns = options_of("f").now_ns;
    options.window = cut_the_rest_meanwhile;
    expect_refusal(options, CF_CHANGED, CF_READ_CHANGED);
}

Test(read, tells_gone_from_unreadable)
{
    scratch_be_nobody(here);
    expect_refusal(options_of("none"), CF_CHANGED, CF_READ_CHANGED);
    scratch_mkdir(here, "d");
    expect_refusal(options_of("d"), CF_CHANGED, CF_READ_CHANGED);
    scratch_symlink(here, "l", "d");
    expect_refusal(options_of("l"), CF_CHANGED, CF_READ_CHANGED);
    write_settled("f", "text");
    expect_ok(here->files->set_mode(here->files, here->folder, cf_bytes_of_text("f"), 0, &error),
              error);
    scratch_settle(here, "f");
    expect_refusal(options_of("f"), CF_IO, CF_READ_FAILED);
}

static cf_status sync_fails(cf_files *files, const cf_file *file, cf_error *failed)
{
    (void)files, (void)file;
    return cf_fail(failed, CF_IO, "making f durable: Input/output error");
}

Test(read, publishes_nothing_that_is_not_durable)
{
    cf_files failing = *here->files;
    cf_read_options options;

    failing.sync_file = sync_fails;
    write_settled("f", "text");
    options = options_of("f");
    options.files = &failing;
    expect_refusal(options, CF_IO, CF_READ_FAILED);
}

/* ---- Files that are no more what they were a moment ago ---- */

static typeof(here->files->stat) real_stat;
static typeof(here->files->stat_file) real_stat_file;

static cf_status stat_of_another(cf_files *files, const cf_folder *folder, cf_bytes name,
                                 cf_stat *out, cf_error *why)
{
    cf_status status = real_stat(files, folder, name, out, why);

    out->inode++;
    return status;
}

static cf_status stat_of_a_giant(cf_files *files, const cf_file *file, cf_stat *out, cf_error *why)
{
    cf_status status = real_stat_file(files, file, out, why);

    out->size = CF_FILE_MAX + 1;
    return status;
}

/* Where a rename leaves no trace in the times of what it replaced. */
Test(read, notices_another_file_under_the_name)
{
    write_settled("f", "some text");
    real_stat = here->files->stat;
    here->files->stat = stat_of_another;
    expect_refusal(options_of("f"), CF_CHANGED, CF_READ_CHANGED);
    here->files->stat = real_stat;
}

/* It was listed while it was smaller. */
Test(read, refuses_what_has_grown_beyond_all_bounds)
{
    write_settled("f", "some text");
    real_stat_file = here->files->stat_file;
    here->files->stat_file = stat_of_a_giant;
    cf_read_options options = options_of("f");
    options.window = stop;
    expect_refusal(options, CF_TOO_LARGE, CF_READ_FAILED);
    here->files->stat_file = real_stat_file;
}

/* ---- Files that change without rest ---- */

static cf_read_past known_as(size_t size)
{
    cf_buffer bytes = {0};

    scratch_read(here, "f", &bytes);
    cr_assert_leq(size, bytes.size);
    cf_read_past past = {.may_be_open = true,
                         .known = cf_content_hash(cf_bytes_of(bytes.data, size)),
                         .known_size = size};
    cf_buffer_release(&bytes);
    return past;
}

static void expect_moment(cf_read_options options, size_t size, bool moves)
{
    cf_buffer bytes = {0};
    cf_read read;
    cf_read_answer answer;

    expect_ok(read_with(options, &read, &answer), error);
    scratch_read(here, "f", &bytes);
    cf_hash hash = cf_content_hash(cf_bytes_of(bytes.data, size));
    cr_expect_eq(read.stat.size, size);
    cr_expect(cf_hash_equal(&read.content, &hash));
    cr_expect_eq(read.moves, moves);
    cr_expect_eq(read.racy_ms > 0, moves, "it is read again");
    cr_expect_eq(read.whole.size, size <= CF_INLINE_MAX ? size : 0);
    expect_ok(cf_leaves_check(cf_buffer_view(&read.leaves), size, &hash, &error), error);
    cf_buffer_release(&bytes);
    cf_read_release(&read);
}

typedef struct {
    uint64_t bytes;
    cf_bytes appends; /* with the next so many reads */
    size_t times, at, size;
} meanwhile;

static meanwhile reads;
static typeof(here->files->read_at) real_read_at;

static cf_status append_and_read(cf_files *files, const cf_file *file, uint64_t offset, void *into,
                                 size_t size, size_t *got, cf_error *why)
{
    cf_status status = real_read_at(files, file, offset, into, size, got, why);

    reads.bytes += *got;
    if (reads.times) {
        scratch_patch(here, "f", reads.at, reads.appends);
        reads.at = reads.at == reads.size ? reads.size += reads.appends.size : reads.at;
        reads.times--;
    }
    return status;
}

static void write_sized(size_t size)
{
    uint8_t *bytes = cf_allocate(size, 1);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7919 >> 8);
    scratch_write(here, "f", "");
    scratch_patch(here, "f", 0, cf_bytes_of(bytes, size));
    scratch_settle(here, "f");
    reads = (meanwhile){.at = size, .size = size};
    free(bytes);
}

static void hook(void)
{
    real_read_at = here->files->read_at;
    here->files->read_at = append_and_read;
}

static void unhook(void)
{
    here->files->read_at = real_read_at;
}

/* Some of it ends within a leaf, some would be kept whole and then is too long for that. */
Test(read, reads_what_was_only_appended_to_as_it_was_at_one_moment)
{
    static const size_t sizes[] = {100, CF_INLINE_MAX - 5, CF_LEAF_SIZE * 3, CF_READ_WINDOW + 1,
                                   LARGE};

    hook();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t times = 1; times <= 3; times++) {
            write_sized(sizes[i]);
            cf_read_options options = options_of("f");
            options.past = known_as(sizes[i] - 7);
            reads.appends = cf_bytes_of_text("a line of the log");
            reads.times = times;
            expect_moment(options, reads.size + times * reads.appends.size, true);
            cr_expect_leq(reads.bytes, 2 * reads.size + CF_LEAF_SIZE, "%zu: read %llu", sizes[i],
                          (unsigned long long)reads.bytes);
        }
    unhook();
}

/* The page at the front is written after the one behind it: read once, both would be one that never
 * was. */
Test(read, reads_no_mixture_of_two_moments)
{
    static const size_t sizes[] = {3000, LARGE, 2 * LARGE};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        write_sized(sizes[i]);
        cf_read_options options = options_of("f");
        options.past = known_as(sizes[i] / 2);
        options.past.insists = true;
        reads.appends = cf_bytes_of_text("another page");
        reads.times = 1;
        reads.at = 1;
        hook();
        expect_refusal(options, CF_CHANGED, CF_READ_CHANGED);
        unhook();
    }
}

Test(read, reads_an_open_file_that_was_only_appended_to)
{
    write_settled("f", "one line\nand another\n");
    cf_read_options options = options_of("f");
    options.past = known_as(9);
    scratch_hold *writer = scratch_open_for(here, "f", true);
    expect_moment(options, 21, false);
    options.past.known = cf_content_hash(cf_bytes_of_text("another\n\n"));
    expect_refusal(options, CF_CHANGED, CF_READ_WRITER);
    options.past = known_as(21);
    expect_refusal(options, CF_CHANGED, CF_READ_WRITER);
    options.past.known_size = 0;
    expect_refusal(options, CF_CHANGED, CF_READ_WRITER);
    options.past.insists = true;
    expect_moment(options, 21, false);
    scratch_close(&writer);
}

Test(read, reads_an_open_file_that_has_rested)
{
    write_settled("f", "an image");
    scratch_hold *writer = scratch_open_for(here, "f", true);
    cf_stat stat;
    expect_ok(here->files->stat(here->files, here->folder, cf_bytes_of_text("f"), &stat, &error),
              error);
    cf_read_options options = options_of("f");
    options.now_ns = stat.ctime_ns + INT64_C(1000000) * CF_READ_REST_MS;
    expect_refusal(options, CF_CHANGED, CF_READ_WRITER);
    options.past.may_be_open = true;
    expect_moment(options, 8, false);
    options.now_ns--;
    expect_refusal(options, CF_CHANGED, CF_READ_WRITER);
    scratch_close(&writer);
}

Test(read, reads_what_was_changed_just_now_when_it_has_waited_for_long)
{
    scratch_write(here, "f", "text");
    cf_read_options options = options_of("f");
    expect_refusal(options, CF_CHANGED, CF_READ_FRESH);
    options.past.insists = true;
    options.now_ns = scratch_now_ns(here);
    expect_moment(options, 4, true);
}

/* What lies beside it is of another moment. */
Test(read, waits_for_who_has_a_database_open)
{
    static const char *const heads[] = {"SQLite format 3", "\x37\x7f\x06\x82", "\x37\x7f\x06\x83",
                                        "\x18\xe2\x2d", "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"};

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        write_settled("f", heads[i]);
        scratch_patch(here, "f", strlen(heads[i]), cf_bytes_of("\0more", 5));
        scratch_settle(here, "f");
        cf_read_options options = options_of("f");
        options.past = known_as(3);
        options.past.insists = true;
        scratch_hold *writer = scratch_open_for(here, "f", true);
        expect_refusal(options, CF_CHANGED, CF_READ_WRITER);
        scratch_close(&writer);
        expect_moment(options, strlen(heads[i]) + 5, false);
    }
}

/* ---- What was stored through a mapping ---- */

static size_t syncs;
static typeof(here->files->sync_file) real_sync_file;

static cf_status count_sync(cf_files *files, const cf_file *file, cf_error *why)
{
    syncs++;
    return real_sync_file(files, file, why);
}

/* It shows in the times after a sync, and from then on at once: one that is open is synced before,
 * any one after it is read. */
Test(read, has_mappings_written_before_an_open_file_is_read)
{
    write_settled("f", "an image");
    scratch_hold *writer = scratch_open_for(here, "f", true);
    cf_read_options options = options_of("f");
    options.past = (cf_read_past){.may_be_open = true, .insists = true};
    real_sync_file = here->files->sync_file;
    here->files->sync_file = count_sync;
    expect_moment(options, 8, false);
    cr_expect_eq(syncs, 2);
    scratch_close(&writer);
    expect_moment(options, 8, false);
    cr_expect_eq(syncs, 3);
    here->files->sync_file = real_sync_file;
}
