/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/files_read.h"

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
