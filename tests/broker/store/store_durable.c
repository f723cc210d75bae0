/* SPDX-License-Identifier: Apache-2.0 */
/* What is told to be durable was synced: bytes, and the names that lead to them. */
#include "broker/store/store_format.h"
#include "broker/store/store_tail.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/broker/store/store_fixture.h"
#include "tests/support/calls.h"
#include "tests/support/syncs.h"

#define expect_synced(path) cr_assert(syncs_had(path), "%s was not synced", path)

static cf_status open_store(const char *path, cf_store **out, cf_error *error)
{
    static const uint8_t instance[16];
    cf_store_options options = {
        .path = path, .random = instance, .write_buffer = 1 << 20, .cache = 1 << 20};

    return cf_store_rocksdb_open(&options, out, error);
}

Test(store_durable, a_new_store_is_with_its_format_and_its_folder)
{
    scratch *here = scratch_new();
    cf_store *store = NULL;
    cf_error error;
    char path[128];

    snprintf(path, sizeof path, "%s/store", here->path);
    expect_ok(open_store(path, &store, &error), error);
    expect_synced(here->path);
    expect_synced("/store");
    expect_synced("/" CF_STORE_FORMAT_FILE ".new");
    cf_store_destroy(&store);
    scratch_destroy(&here);
}

Test(store_durable, a_commit_is)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);

    syncs_forget();
    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    expect_synced(".log");
    stage_end(&it);
}

Test(store_durable, a_commit_is_with_what_was_written_without_before)
{
    stage it = a_stage(STORE_IN_ROCKSDB);

    syncs_forget();
    stage_write(&it, &ann_user, "a note", "of no hurry", false);
    cr_assert_not(syncs_had(".log"));
    expect_commit(&it);
    expect_synced(".log");
    stage_end(&it);
}

/* A block in the middle of its last write didn't reach the disk; it is the only log here. */
static void tear_the_log(const stage *it)
{
    char command[256];

    snprintf(command, sizeof command,
             "cd %s && dd if=/dev/zero of=$(echo *.log) bs=1 count=50 conv=notrunc status=none "
             "seek=$(($(stat -c %%s *.log) - 100))",
             it->folder->path);
    cr_assert_eq(system(command), 0);
}

Test(store_durable, a_torn_end_is_cut_off)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);

    for (uint64_t i = 1; i <= 10; i++)
        expect_append(&it, &ann, CF_APPEND_STORED, i);
    cf_store_destroy(&it.store);
    tear_the_log(&it);
    syncs_forget();
    expect_ok(open_store(it.folder->path, &it.store, &it.error), it.error);
    expect_synced(".log");
    expect_positions(&it, &ann_user, 1, 9);
    stage_end(&it);
}

Test(store_durable, a_torn_end_is_cut_off_though_interrupted_and_read_in_parts)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);
    size_t cut;

    for (uint64_t i = 1; i <= 10; i++)
        expect_append(&it, &ann, CF_APPEND_STORED, i);
    cf_store_destroy(&it.store);
    tear_the_log(&it);
    calls_cut_short(it.folder->path);
    expect_ok(cf_store_tail_mend(it.folder->path, &cut, &it.error), it.error);
    cr_expect_gt(calls_were_cut_short(), 10);
    calls_cut_short(NULL);
    cr_expect_gt(cut, 0);
    expect_ok(open_store(it.folder->path, &it.store, &it.error), it.error);
    expect_positions(&it, &ann_user, 1, 9);
    stage_end(&it);
}

/* Of an older log that were cut off which is whole. */
Test(store_durable, no_torn_end_is_cut_off_where_the_newest_log_is_not_known)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);
    size_t cut;

    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    cf_store_destroy(&it.store);
    tear_the_log(&it);
    calls_list_only(0);
    expect_fails(cf_store_tail_mend(it.folder->path, &cut, &it.error), CF_IO);
    calls_list_only(-1);
    expect_ok(open_store(it.folder->path, &it.store, &it.error), it.error);
    stage_end(&it);
}

/* What a failed sync left on the disk is unknown: nothing more goes there until it was read again.
 */
Test(store_durable, a_commit_that_could_not_be_is_not_tried_again)
{
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);
    cf_buffer wire = {0};
    cf_error error;
    bool for_good = true;

    stage_append(&it, &ann, &wire);
    syncs_fail(".log");
    expect_fails(it.store->commit(it.store, &error), CF_IO);
    cr_expect_eq(it.answer, CF_APPEND_FAILED);
    expect_fails(it.store->commit(it.store, &error), CF_IO);
    expect_fails(it.store->failure(it.store, &for_good, &error), CF_IO);
    cr_expect(!for_good); /* it goes on by itself */
    expect_ok(it.store->reopen(it.store, &error), error);
    expect_ok(it.store->failure(it.store, &for_good, &error), error);
    expect_commit(&it);
    cf_buffer_release(&wire);
    stage_end(&it);
}

Test(store_durable, a_format_is_written_whole_though_interrupted_and_then_it_is_a_store)
{
    scratch *here = scratch_new();
    bool absent = false;
    cf_error error;

    syncs_forget();
    expect_ok(cf_store_format_begin(here->path, &error), error);
    expect_synced(here->path);
    scratch_write(here, "CURRENT", "MANIFEST-000001\n");
    scratch_write(here, "MANIFEST-000001", "");
    expect_ok(cf_store_format_check(here->path, &absent, &error), error);
    cr_expect(absent);
    calls_cut_short(here->path);
    syncs_forget();
    expect_ok(cf_store_format_finish(here->path, &error), error);
    expect_synced("/" CF_STORE_FORMAT_FILE ".new");
    cr_expect_eq(syncs_count(here->path), 2, "with the format's name, and without the mark");
    expect_ok(cf_store_format_check(here->path, &absent, &error), error);
    calls_cut_short(NULL);
    cr_expect_not(absent);
    cr_expect(scratch_holds(here, CF_STORE_FORMAT_FILE, "counterfoil store 2\n"));
    scratch_destroy(&here);
}

Test(store_durable, what_an_interrupted_making_has_left_is_no_part_of_a_store)
{
    scratch *here = scratch_new();
    cf_error error;

    expect_ok(cf_store_format_begin(here->path, &error), error);
    scratch_write(here, "CURRENT", "MANIFEST-000001\n");
    scratch_write(here, CF_STORE_FORMAT_FILE, "counterfoil store 2\n");
    expect_ok(cf_store_format_begin(here->path, &error), error);
    cr_expect_not(scratch_exists(here, "CURRENT") || scratch_exists(here, CF_STORE_FORMAT_FILE));
    scratch_destroy(&here);
}

Test(store_durable, no_store_is_made_where_one_has_to_be)
{
    scratch *here = scratch_new();
    char path[128];
    cf_store *store = NULL;
    cf_error error;

    snprintf(path, sizeof path, "%s/store", here->path);
    const cf_store_options options = {.path = path, .existing = true};
    expect_fails(cf_store_rocksdb_open(&options, &store, &error), CF_BROKEN);
    cr_expect_not(scratch_exists(here, "store"));
    scratch_mkdir(here, "store");
    expect_fails(cf_store_rocksdb_open(&options, &store, &error), CF_BROKEN);
    scratch_remove(here, "store");
    scratch_destroy(&here);
}

/* RocksDB would begin anew over the rest. */
Test(store_durable, a_store_of_which_a_file_is_gone_is_refused_and_left_alone)
{
    static const char *const needed[] = {"CURRENT", CF_STORE_FORMAT_FILE};

    for (size_t i = 0; i < 2; i++) {
        stage it = a_stage(STORE_IN_ROCKSDB);
        cf_buffer kept = {0};
        bool absent = false;

        cf_store_destroy(&it.store);
        scratch_read(it.folder, needed[i], &kept);
        cf_buffer_append(&kept, "", 1);
        scratch_remove(it.folder, needed[i]);
        for (int times = 0; times < 2; times++) {
            expect_fails(open_store(it.folder->path, &it.store, &it.error), CF_BROKEN);
            cr_expect(strstr(it.error.text, needed[i]), "%s", it.error.text);
            cr_expect_not(scratch_exists(it.folder, needed[i]));
        }
        scratch_write(it.folder, needed[i], (const char *)kept.data);
        expect_ok(cf_store_format_check(it.folder->path, &absent, &it.error), it.error);
        expect_ok(open_store(it.folder->path, &it.store, &it.error), it.error);
        cf_buffer_release(&kept);
        stage_end(&it);
    }
}
