/* SPDX-License-Identifier: Apache-2.0 */
/* What the disk of a device refuses, names and sizes of files, stays elsewhere and is named here.
 */
#include "tests/peer/small/two_spellings.h"

#include "tests/support/expect.h"

#include <errno.h>
#include <string.h>

TestSuite(engine_disk_refuses, .init = two_spellings_begin, .fini = two_spellings_end);

/* ---- Names ---- */

Test(engine_disk_refuses, a_name_that_is_refused_is_named_and_stays_elsewhere)
{
    user_writes_text(full, "a:b", "1");
    user_writes_text(full, "q?", "2");
    user_makes(full, "d:r");
    user_writes_text(full, "ok", "3");
    settle_without_news();
    cr_expect(user_reads_as(full, "a:b", "1"));
    cr_expect(user_reads_as(full, "q?", "2"));
    cr_expect(is_there(full, "d:r"));
    cr_expect(user_reads_as(folds, "ok", "3"));
    cr_expect(!is_there(folds, "a:b"));
    expect_reason(CF_PENDING_SKIPPED, "a:b", "this disk refuses the name");
    expect_reason(CF_PENDING_SKIPPED, "q?", "this disk refuses the name");
    expect_reason(CF_PENDING_SKIPPED, "d:r", "this disk refuses the name");
    cr_assert(user_moves(full, "a:b", "ab"));
    cr_assert(user_moves(full, "ok", "o:k"));
    settle_without_news();
    cr_expect(user_reads_as(folds, "ab", "1"));
    cr_expect(user_reads_as(folds, "ok", "3"));
    expect_reason(CF_PENDING_SKIPPED, "ok", "renaming it to o:k: this disk refuses the name");
}

static void expect_named(const char *path, const char *reason)
{
    user_writes_text(full, path, "1");
    settle_without_news();
    cr_expect(user_reads_as(full, path, "1"));
    cr_expect(!is_there(folds, path));
    expect_reason(CF_PENDING_SKIPPED, path, reason);
}

Test(engine_disk_refuses, whatever_the_disk_calls_it_a_name_is_refused)
{
    static const int words[] = {ENOENT, EINVAL, EILSEQ};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        folds->faults.lacks.refusal = words[i];
        expect_named("a:b", "this disk refuses the name");
        user_makes(full, "d?");
        user_writes_text(full, "ok", "3");
        settle_without_news();
        expect_reason(CF_PENDING_SKIPPED, "d?", "this disk refuses the name");
        cr_assert(user_moves(full, "ok", "o:k"));
        settle_without_news();
        expect_reason(CF_PENDING_SKIPPED, "ok", "renaming it to o:k: this disk refuses the name");
        user_removes(full, "a:b");
        user_removes(full, "d?");
        user_removes(full, "o:k");
        settle_without_news();
        cr_expect_eq(small_device_pending(folds, NULL, CF_PENDING_SKIPPED), 0);
        cr_expect(!is_there(folds, "ok"));
    }
}

Test(engine_disk_refuses, a_name_that_is_too_long_there_is_named_and_stays_elsewhere)
{
    char name[CF_NAME_MAX + 1];

    memset(name, 'n', CF_NAME_MAX);
    name[CF_NAME_MAX] = 0;
    folds->faults.lacks.longest = CF_NAME_MAX - 1;
    expect_named(name, "this disk refuses the name: it is too long");
    cr_assert(user_moves(full, "first", "another"));
    name[CF_NAME_MAX - 1] = 0;
    cr_assert(user_moves(full, "another", name));
    settle_without_news();
    cr_expect(user_reads_as(folds, name, "first"));
    cr_expect(!is_there(folds, "first"));
}

/* ---- Sizes ---- */

/* In one step, and with smaller ones beside it. */
static void expect_too_large(size_t largest, size_t size)
{
    cf_buffer bytes = small_world_noise(w, size), other = small_world_noise(w, largest);

    folds->faults.lacks.largest = largest;
    user_writes_text(full, "small", "s");
    user_writes(full, "large", bytes.data, bytes.size);
    user_writes(full, "first", bytes.data, bytes.size);
    user_writes(full, "at most", other.data, other.size);
    settle_without_news();
    cr_expect(user_reads_as(folds, "small", "s"));
    cr_expect(user_reads_as(folds, "first", "first"));
    cr_expect(is_there(folds, "at most"));
    cr_expect(!is_there(folds, "large"));
    expect_reason(CF_PENDING_SKIPPED, "large", "it is too large for this disk");
    expect_reason(CF_PENDING_SKIPPED, "first", "it is too large for this disk");
    user_writes_text(full, "large", "small by now");
    user_writes_text(folds, "first", "edited there");
    cr_assert(small_world_settle(w));
    cr_expect(user_reads_as(folds, "large", "small by now"));
    cr_expect(user_reads_as(full, "first", "edited there"));
    cr_expect_eq(small_device_pending(folds, NULL, CF_PENDING_SKIPPED), 1,
                 "the copy of the conflict");
    cf_buffer_release(&bytes);
    cf_buffer_release(&other);
}

Test(engine_disk_refuses, a_small_file_that_is_too_large_there_stays_elsewhere)
{
    expect_too_large(1000, 1001);
}

Test(engine_disk_refuses, a_file_that_is_too_large_there_stays_elsewhere)
{
    expect_too_large(150000, 150001);
    cf_buffer bytes = small_world_noise(w, 150001);
    user_writes(full, "shrinks", bytes.data, bytes.size);
    settle_without_news();
    user_writes(full, "shrinks", bytes.data, 149999);
    settle_without_news();
    expect_reason(CF_PENDING_SKIPPED, "shrinks", "what it is made from is too large for this disk");
    cf_buffer_release(&bytes);
    const cf_disk_traits *traits = &cf_engine_binding_at(folds->engine, 0)->traits;
    cr_expect_eq(traits->size_refused, 150001, "%llu", (unsigned long long)traits->size_refused);
    folds->faults.lacks.largest = 0;
    folds->faults.lacks.kind = 2; /* another disk */
    small_device_crash(folds);
    settle_without_news();
    cr_expect_eq(small_device_pending(folds, NULL, CF_PENDING_SKIPPED), 0);
}

/* A quota that grew, another file system program, or a limit of the process that once took the
 * file for too large. */
Test(engine_disk_refuses, what_was_too_large_there_is_tried_again_by_the_next_program)
{
    expect_too_large(150000, 150001);
    cf_buffer bytes = small_world_noise(w, 150001);
    user_writes(full, "late", bytes.data, bytes.size);
    settle_without_news();
    small_device_crash(folds);
    settle_without_news();
    expect_reason(CF_PENDING_SKIPPED, "late", "it is too large for this disk");
    folds->faults.lacks.largest = 0;
    small_device_crash(folds);
    settle_without_news();
    cr_expect(is_there(folds, "late"));
    cr_expect_eq(small_device_pending(folds, NULL, CF_PENDING_SKIPPED), 0);
    cr_expect_eq(cf_engine_binding_at(folds->engine, 0)->traits.size_refused, 0);
    cf_buffer_release(&bytes);
}
