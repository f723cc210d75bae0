/* SPDX-License-Identifier: Apache-2.0 */
/* What the store does when the disk fails under it. */
#include "tests/broker/store/bad_disk.h"
#include "tests/broker/store/store_fixture.h"
#include "tests/support/calls.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint8_t instance[16] = "instance of test";
static const char remedy[] = "the store is damaged: it is mended";

static void open_store(stage *it)
{
    const cf_store_options options = {.random = instance,
                                      .path = it->folder->path,
                                      .write_buffer = 1 << 20,
                                      .cache = 1 << 20,
                                      .remedy = remedy};
    bool for_good;

    expect_ok(cf_store_rocksdb_open(&options, &it->store, &it->error), it->error);
    expect_ok(it->store->acquire(it->store, &ann_user, &it->epoch, &it->error), it->error);
    expect_ok(it->store->failure(it->store, &for_good, &it->error), it->error);
}

/* What fails in a child is seen by its status; RocksDB is open there alone. */
static void in_a_child(stage *it, void (*act)(stage *it))
{
    int status;
    pid_t child = fork();

    cr_assert(child >= 0);
    if (child == 0) {
        alarm(20); /* an assertion that fails in a child doesn't end it */
        open_store(it);
        act(it);
        cf_store_destroy(&it->store);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "it ended with %d, signal %d", WEXITSTATUS(status), WTERMSIG(status));
}

static void expect_error_of_the_disk(const stage *it, const cf_error *error, const char *words)
{
    cr_assert_eq(error->status, CF_IO, "%s", error->text);
    cr_assert(strstr(error->text, words), "%s", error->text);
    cr_assert(strstr(error->text, it->folder->path), "%s", error->text);
    cr_assert_not(strstr(error->text, remedy), "%s", error->text);
}

static void expect_refused(stage *it, author *writer, const char *words)
{
    cf_buffer wire = {0};
    cf_error error;

    stage_append(it, writer, &wire);
    expect_fails(it->store->commit(it->store, &error), CF_IO);
    cr_assert_eq(it->answer, CF_APPEND_FAILED);
    expect_error_of_the_disk(it, &it->error, words);
    expect_error_of_the_disk(it, &error, words);
    cf_buffer_release(&wire);
}

static void expect_nothing_is_written(stage *it, const char *words)
{
    const cf_kv record = {.key = cf_bytes_of_text("a"), .value = cf_bytes_of_text("b")};
    cf_error error;
    uint64_t epoch;
    bool for_good = false;

    expect_fails(it->store->write(it->store, &ann_user, &record, 1, true, &error), CF_IO);
    expect_error_of_the_disk(it, &error, words);
    expect_fails(it->store->acquire(it->store, &bob_user, &epoch, &error), CF_IO);
    expect_error_of_the_disk(it, &error, words);
    expect_fails(it->store->forget(it->store, &ann_user, &error), CF_IO);
    expect_fails(it->store->purge(it->store, &ann_user, &error), CF_IO);
    expect_error_of_the_disk(it, &error, words);
    expect_fails(it->store->reopen(it->store, &error), CF_IO);
    expect_error_of_the_disk(it, &error, words);
    expect_fails(it->store->failure(it->store, &for_good, &error), CF_IO);
    cr_expect(for_good);
    expect_error_of_the_disk(it, &error, words);
    expect_positions(it, &ann_user, 1, 3); /* reading goes on */
}

static void fail_under_it(stage *it)
{
    author ann = an_author(1), late;

    for (uint64_t position = 1; position <= 3; position++)
        expect_append(it, &ann, CF_APPEND_STORED, position);
    late = ann;
    bad_disk_fail(it->folder->path);
    for (int i = 0; i < 3; i++) {
        ann = late;
        expect_refused(it, &ann, "IO error");
        expect_nothing_is_written(it, "IO error");
    }
}

Test(store_bad_disk, refuses_writes_and_reads_on_where_the_file_system_became_read_only)
{
    stage it = {.kind = STORE_IN_ROCKSDB, .folder = scratch_new()};

    bad_disk_mount(it.folder->path);
    in_a_child(&it, fail_under_it);
    bad_disk_unmount(it.folder->path);
    scratch_destroy(&it.folder);
}

static void refuse_for_a_while(stage *it)
{
    author ann = an_author(1), late;

    for (uint64_t position = 1; position <= 3; position++)
        expect_append(it, &ann, CF_APPEND_STORED, position);
    late = ann;
    bad_disk_refuse(it->folder->path, true);
    expect_refused(it, &ann, "Operation not permitted");
    expect_nothing_is_written(it, "Operation not permitted");
    bad_disk_refuse(it->folder->path, false);
    ann = late;
    expect_refused(it, &ann, "Operation not permitted");
    expect_nothing_is_written(it, "Operation not permitted");
}

Test(store_bad_disk, goes_on_in_another_process_once_the_disk_takes_writes_again)
{
    stage it = {.kind = STORE_IN_ROCKSDB, .folder = scratch_new()};
    author ann = an_author(1);
    cf_buffer wire = {0};
    char text[CF_ERROR_TEXT];

    bad_disk_mount(it.folder->path);
    in_a_child(&it, refuse_for_a_while);
    for (int i = 0; i < 3; i++) /* what the child wrote */
        author_write(&ann, cf_bytes_of_text("body"), &wire);
    open_store(&it);
    expect_positions(&it, &ann_user, 1, 3);
    expect_append(&it, &ann, CF_APPEND_STORED, 4);
    expect_positions(&it, &ann_user, 1, 4);
    cr_assert_eq(stage_damages(&it, text), 0, "%s", text);
    cf_buffer_release(&wire);
    cf_store_destroy(&it.store);
    bad_disk_unmount(it.folder->path);
    scratch_destroy(&it.folder);
}

/* What is written beside the calls of the store: tables, and the manifest that names them. */
typedef struct {
    const char *part;
    bool syncs;
    int number;
} bad_write;

static bad_write bad;

enum { PIECE = 100 << 10, PIECES = 60 };

/* What can't be synced can be closed, and is opened again once the disk is well; until then what
 * is there is read. */
static void expect_not_reopened(stage *it)
{
    cf_error error;

    expect_fails(it->store->reopen(it->store, &error), CF_IO);
    expect_error_of_the_disk(it, &error, "IO error");
    expect_positions(it, &ann_user, 1, 3);
}

static void fail_behind_it(stage *it)
{
    static uint8_t piece[PIECE];
    const cf_kv record = {cf_bytes_of_text("a"), cf_bytes_of(piece, sizeof piece)};
    author ann = an_author(1);
    cf_error error = {0};
    int written = 0;

    for (uint64_t position = 1; position <= 3; position++)
        expect_append(it, &ann, CF_APPEND_STORED, position);
    calls_fail_writes(bad.part, bad.syncs, bad.number);
    while (written < PIECES && !it->store->write(it->store, &ann_user, &record, 1, true, &error))
        written++;
    cr_assert_lt(written, PIECES, "nothing failed");
    cr_assert_gt(calls_failed(), 0);
    expect_error_of_the_disk(it, &error, "IO error");
    for (int i = 0; i < 2; i++) {
        author late = ann;
        expect_refused(it, &late, "IO error");
        if (!bad.syncs)
            expect_nothing_is_written(it, "IO error");
        else
            expect_not_reopened(it);
    }
    if (!bad.syncs)
        return;
    calls_fail_writes(NULL, false, 0);
    expect_ok(it->store->reopen(it->store, &error), error);
    expect_ok(it->store->acquire(it->store, &ann_user, &it->epoch, &error), error);
    expect_append(it, &ann, CF_APPEND_STORED, 4);
}

static void expect_told(const bad_write *of)
{
    stage it = {.kind = STORE_IN_ROCKSDB, .folder = scratch_new()};
    char text[CF_ERROR_TEXT];

    bad = *of;
    in_a_child(&it, fail_behind_it);
    open_store(&it);
    expect_positions(&it, &ann_user, 1, bad.syncs ? 4 : 3);
    cr_assert_eq(stage_damages(&it, text), 0, "%s", text);
    cf_store_destroy(&it.store);
    scratch_destroy(&it.folder);
}

Test(store_bad_disk, tells_of_a_table_that_can_not_be_written)
{
    expect_told(&(bad_write){".sst", false, EIO});
}

Test(store_bad_disk, tells_of_a_table_that_can_not_be_synced)
{
    expect_told(&(bad_write){".sst", true, EIO});
}

Test(store_bad_disk, tells_of_a_manifest_that_can_not_be_written)
{
    expect_told(&(bad_write){"MANIFEST-", false, EIO});
}

Test(store_bad_disk, tells_of_a_manifest_that_can_not_be_synced)
{
    expect_told(&(bad_write){"MANIFEST-", true, EIO});
}

/* What is in the logs is written into tables then. */
static void fail_to_open(const char *path, const bad_write *of)
{
    const cf_store_options options = {
        .path = path, .random = instance, .existing = true, .remedy = remedy};
    cf_store *store = NULL;
    cf_error error;
    int status;
    const pid_t child = fork();

    cr_assert(child >= 0);
    if (child == 0) {
        calls_fail_writes(of->part, of->syncs, of->number);
        const bool is_told = cf_store_rocksdb_open(&options, &store, &error) == CF_IO &&
                             !strstr(error.text, remedy) && strstr(error.text, path);
        _exit(is_told ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "%s %d %d: it ended with %d, signal %d", of->part, of->syncs,
                 of->number, WEXITSTATUS(status), WTERMSIG(status));
}

static void append_three(stage *it)
{
    author ann = an_author(1);

    for (uint64_t position = 1; position <= 3; position++)
        expect_append(it, &ann, CF_APPEND_STORED, position);
}

Test(store_bad_disk, tells_of_a_disk_that_fails_while_it_is_opened)
{
    static const bad_write all[] = {
        {".sst", false, EIO},
        {".sst", true, EIO},
        {"MANIFEST-", false, EIO},
        {"MANIFEST-", true, EIO},
    };
    stage it = {.kind = STORE_IN_ROCKSDB, .folder = scratch_new()};

    in_a_child(&it, append_three);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        fail_to_open(it.folder->path, &all[i]);
    open_store(&it);
    expect_positions(&it, &ann_user, 1, 3);
    cf_store_destroy(&it.store);
    scratch_destroy(&it.folder);
}

Test(store_bad_disk, tells_of_a_table_that_there_is_no_room_for)
{
    expect_told(&(bad_write){".sst", false, ENOSPC});
}

Test(store_bad_disk, tells_of_a_manifest_that_there_is_no_room_for)
{
    expect_told(&(bad_write){"MANIFEST-", false, ENOSPC});
}
