/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/depot.h"

#include "broker/jobs.h"
#include "peer/download_hand.h"
#include "peer/download_landing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Sizes: SOME is four blobs and fetched again when interrupted; of LARGE the first note comes after
 * 32 MiB. A blob of noise comes in five messages. */
enum { SOME = 3500000, MORE = 10 << 20, LARGE = 40 << 20, PIECE = 1 << 20, MESSAGES = 5 };

static depot d;

static void open_depot(void)
{
    depot_open(&d);
}

static void close_depot(void)
{
    depot_close(&d);
}

TestSuite(downloads, .init = open_depot, .fini = close_depot);

static cf_bytes some(uint8_t *bytes)
{
    return cf_bytes_of(bytes, SOME);
}

/* The same bytes but for a few that are the version's. */
static uint8_t *version(uint8_t number)
{
    uint8_t *bytes = noise(1, SOME);

    memset(bytes + 70000 * (size_t)number, number, 500);
    return bytes;
}

static void spoil(const char *path, size_t at)
{
    int file = scratch_open(d.disk, path, O_WRONLY);

    cr_assert_eq(pwrite(file, "spoiled", 7, (off_t)at), 7);
    close(file);
}

/* ---- Wholes ---- */

Test(downloads, fetches_a_whole_and_leaves_zero_runs_as_holes)
{
    uint8_t *bytes = noise(1, 8 * PIECE + 100);
    cf_bytes content = cf_bytes_of(bytes, 8 * PIECE + 100);
    struct stat stat;
    cf_download got;
    char path[200];

    memset(bytes + 2 * PIECE, 0, 4 * PIECE);
    depot_connect(&d);
    cf_bytes identity = depot_whole(&d, content);
    cr_expect_eq(d.blob_count, 5);
    expect_ready(&d, identity, content);
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_READY);
    snprintf(path, sizeof path, "%s/folder/tmp/%.*s", d.disk->path, (int)got.name.size,
             (const char *)got.name.data);
    cr_assert_eq(lstat(path, &stat), 0);
    cr_expect_leq(stat.st_blocks * 512, 5 * PIECE);
    free(bytes);
}

Test(downloads, reads_a_whole_that_stands_in_the_log)
{
    uint8_t *bytes = noise(1, 5000);

    expect_ready(&d, depot_whole(&d, cf_bytes_of(bytes, 5000)), cf_bytes_of(bytes, 5000));
    free(bytes);
}

Test(downloads, copies_what_is_here_under_another_name)
{
    uint8_t *bytes = noise(1, SOME);

    depot_lay(&d, "twin", some(bytes));
    expect_ready(&d, depot_whole(&d, some(bytes)), some(bytes));
    cr_expect_eq(d.served, 0);
    free(bytes);
}

Test(downloads, works_with_threads)
{
    uint8_t *bytes = noise(1, MORE);
    cf_error error;

    cf_jobs_destroy(&d.env.jobs);
    expect_ok(cf_jobs_threads_new(4, 64 << 20, &d.env.jobs, &error), error);
    depot_connect(&d);
    expect_ready(&d, depot_whole(&d, cf_bytes_of(bytes, MORE)), cf_bytes_of(bytes, MORE));
    free(bytes);
}

Test(downloads, fetches_more_than_three_one_after_the_other)
{
    uint8_t *bytes[6];
    cf_buffer identities[6] = {{0}};
    cf_download got;

    depot_connect(&d);
    for (uint8_t i = 0; i < 6; i++) {
        bytes[i] = noise(i, SOME);
        cf_bytes identity = depot_whole(&d, some(bytes[i]));
        cf_buffer_append(&identities[i], identity.data, identity.size);
        cr_expect_eq(
            cf_downloads_want(d.downloads, d.bindings[0], cf_buffer_view(&identities[i]), &got),
            CF_DOWNLOAD_STARTED);
    }
    depot_run(&d);
    cr_expect(cf_downloads_busy(d.downloads), "some have ended and nobody was told");
    cr_expect_eq(cf_downloads_finished(d.downloads), d.bindings[0]);
    cr_expect_null(cf_downloads_finished(d.downloads));
    for (int i = 0; i < 6; i++) {
        expect_ready(&d, cf_buffer_view(&identities[i]), some(bytes[i]));
        cf_downloads_take(d.downloads, d.bindings[0], cf_buffer_view(&identities[i]));
        free(bytes[i]);
        cf_buffer_release(&identities[i]);
    }
    cr_expect_eq(depot_temporaries(&d), 0);
}

Test(downloads, has_few_blobs_in_hand_whatever_the_jobs_do)
{
    uint8_t *bytes = noise(1, LARGE);
    cf_download got;

    depot_connect(&d);
    cf_bytes identity = depot_whole(&d, cf_bytes_of(bytes, LARGE));
    cf_downloads_want(d.downloads, d.bindings[0], identity, &got);
    for (int i = 0; i < 200; i++)
        depot_pass(&d); /* nothing is opened */
    cr_expect_gt(d.served_bytes, 3 << 20);
    cr_expect_leq(d.served_bytes, CF_HAND_BYTES + CF_HAND_MAX * CF_BLOB_OVERHEAD);
    expect_ready(&d, identity, cf_bytes_of(bytes, LARGE));
    free(bytes);
}

/* ---- Patches ---- */

Test(downloads, applies_a_patch_to_a_file_that_is_here_without_a_broker)
{
    uint8_t *base = version(0), *next = version(1);

    depot_whole(&d, some(base));
    depot_lay(&d, "base", some(base));
    expect_ready(&d, depot_patch(&d, some(base), some(next), false), some(next));
    cr_expect_eq(d.served, 0);
    free(base);
    free(next);
}

static void publish_chain(uint8_t *versions[4])
{
    for (uint8_t i = 0; i < 4; i++)
        versions[i] = version(i);
    depot_whole(&d, some(versions[0]));
    depot_patch(&d, some(versions[0]), some(versions[1]), false);
    depot_patch(&d, some(versions[1]), some(versions[2]), true);
    depot_patch(&d, some(versions[2]), some(versions[3]), false);
}

static void free_chain(uint8_t *versions[4])
{
    for (int i = 0; i < 4; i++)
        free(versions[i]);
}

Test(downloads, follows_a_chain_of_patches_down_to_a_whole)
{
    uint8_t *versions[4];

    publish_chain(versions);
    depot_connect(&d);
    expect_ready(&d, depot_named(&d, some(versions[3])), some(versions[3]));
    cr_expect_eq(d.served, 3 * MESSAGES + 2 + 1);
    cr_expect_eq(depot_temporaries(&d), 1);
    free_chain(versions);
}

Test(downloads, follows_a_chain_only_to_the_nearest_file_that_is_here)
{
    uint8_t *versions[4];

    publish_chain(versions);
    depot_lay(&d, "old", some(versions[0]));
    depot_lay(&d, "near", some(versions[2]));
    expect_ready(&d, depot_named(&d, some(versions[3])), some(versions[3]));
    cr_expect_eq(d.served, 0);
    free_chain(versions);
}

Test(downloads, looks_for_bases_in_the_cache)
{
    uint8_t *base = version(0), *next = version(1);
    char name[2 * CF_HASH_SIZE + 1];
    cf_hash hash = cf_content_hash(some(base));
    cf_file *file;
    cf_error error;

    depot_whole(&d, some(base));
    depot_patch(&d, some(base), some(next), false);
    cf_hex(cf_bytes_of(hash.bytes, CF_HASH_SIZE), name);
    const cf_folder *cache = cf_home_base(d.peer.home);
    expect_ok(d.disk->files->create_file(d.disk->files, cache, cf_bytes_of_text(name), 0600, &file,
                                         &error),
              error);
    expect_ok(d.disk->files->write_at(d.disk->files, file, 0, some(base), &error), error);
    expect_ready(&d, depot_named(&d, some(next)), some(next));
    cr_expect_eq(d.served, 0);

    cf_downloads_take(d.downloads, d.bindings[0], depot_named(&d, some(next)));
    expect_ok(d.disk->files->write_at(d.disk->files, file, 777, cf_bytes_of("oops", 4), &error),
              error);
    d.disk->files->close_file(d.disk->files, &file);
    depot_connect(&d);
    expect_ready(&d, depot_named(&d, some(next)), some(next));
    cr_expect_gt(d.served, 0);
    cr_expect_eq(cf_base_open(&d.env, d.peer.home, &hash, &file, &error), CF_MISSING,
                 "the damaged copy is still there");
    free(base);
    free(next);
}

Test(downloads, does_not_believe_a_file_that_was_changed)
{
    uint8_t *base = version(0), *next = version(1);

    depot_whole(&d, some(base));
    depot_lay(&d, "base", some(base));
    depot_patch(&d, some(base), some(next), false);
    spoil("folder/base", 400000);
    depot_connect(&d);
    expect_ready(&d, depot_named(&d, some(next)), some(next));
    cr_expect_gt(d.served, 0);
    free(base);
    free(next);
}

/* The stat says nothing: as if it were changed while the patch was applied. */
Test(downloads, makes_it_again_without_a_base_that_is_not_what_it_seemed)
{
    uint8_t *base = version(0), *next = version(1);

    depot_whole(&d, some(base));
    depot_patch(&d, some(base), some(next), false);
    depot_lay(&d, "base", some(base));
    spoil("folder/base", 400000);
    cf_node node = *cf_nodes_find(d.bindings[0]->nodes, 1);
    struct stat stat;
    char path[100];
    snprintf(path, sizeof path, "%s/folder/base", d.disk->path);
    cr_assert_eq(lstat(path, &stat), 0);
    node.stat.mtime_ns = stat.st_mtim.tv_sec * 1000000000 + stat.st_mtim.tv_nsec;
    node.stat.ctime_ns = stat.st_ctim.tv_sec * 1000000000 + stat.st_ctim.tv_nsec;
    cf_nodes_put(d.bindings[0]->nodes, &node);
    depot_connect(&d);
    expect_ready(&d, depot_named(&d, some(next)), some(next));
    cr_expect_gt(d.served, 0);
    free(base);
    free(next);
}

Test(downloads, makes_two_versions_of_one_base_at_the_same_time)
{
    uint8_t *base = noise(1, MORE), *left = noise(1, MORE), *right = noise(1, MORE);
    cf_bytes whole = cf_bytes_of(base, MORE);
    cf_bytes sides[2] = {cf_bytes_of(left, MORE), cf_bytes_of(right, MORE)};
    cf_download got;

    memset(left + 5, 1, 100);
    memset(right + 500, 2, 100);
    depot_whole(&d, whole);
    depot_connect(&d);
    for (int i = 0; i < 2; i++)
        cr_expect_eq(cf_downloads_want(d.downloads, d.bindings[0],
                                       depot_patch(&d, whole, sides[i], false), &got),
                     CF_DOWNLOAD_STARTED);
    depot_run(&d);
    expect_ready(&d, depot_named(&d, sides[0]), sides[0]);
    expect_ready(&d, depot_named(&d, sides[1]), sides[1]);
    cr_expect_eq(depot_temporaries(&d), 2);
    free(base);
    free(left);
    free(right);
}

/* ---- What goes wrong ---- */

Test(downloads, waits_for_a_broker_and_goes_on_by_itself)
{
    uint8_t *bytes = noise(1, SOME);
    cf_download got;

    cf_bytes identity = depot_whole(&d, some(bytes));
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_WAITS);
    cr_expect_str_eq(got.reason, "waits for a broker");
    cr_expect_not(cf_downloads_busy(d.downloads));
    depot_connect(&d);
    cr_expect(cf_downloads_busy(d.downloads));
    depot_run(&d);
    cr_expect_eq(cf_downloads_finished(d.downloads), d.bindings[0]);
    expect_ready(&d, identity, some(bytes));
    free(bytes);
}

Test(downloads, goes_on_after_a_lost_connection_where_it_was)
{
    uint8_t *bytes = noise(1, SOME);
    cf_download got;

    depot_connect(&d);
    d.serve_max = 3;
    cf_bytes identity = depot_whole(&d, some(bytes));
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_STARTED);
    depot_cut(&d);
    depot_run(&d);
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_WAITS);
    cr_expect_not(cf_downloads_busy(d.downloads));
    d.serve_max = SIZE_MAX;
    depot_connect(&d);
    expect_ready(&d, identity, some(bytes));
    cr_expect_eq(d.served, 3 * MESSAGES + 2);
    free(bytes);
}

Test(downloads, asks_another_link_for_what_it_still_lacks)
{
    uint8_t *bytes = noise(1, SOME);
    cf_download got;

    depot_connect(&d);
    d.serve_max = 3;
    cf_bytes identity = depot_whole(&d, some(bytes));
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_STARTED);
    d.serve_max = SIZE_MAX;
    depot_replace_link(&d);
    depot_connect(&d);
    expect_ready(&d, identity, some(bytes));
    free(bytes);
}

Test(downloads, refuses_wrong_bytes_and_tries_again_when_asked)
{
    uint8_t *bytes = noise(1, SOME);
    cf_download got;

    depot_connect(&d);
    cf_bytes identity = depot_whole(&d, some(bytes));
    depot_damage(&d, 2);
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_FAILED);
    cr_expect_gt(strlen(got.reason), 0);
    cr_expect_not(cf_downloads_busy(d.downloads) && !cf_downloads_finished(d.downloads));
    depot_damage(&d, 2);
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_FAILED, "nobody asked");
    cf_downloads_retry(d.downloads);
    expect_ready(&d, identity, some(bytes));
    free(bytes);
}

Test(downloads, gives_up_a_patch_that_makes_something_else)
{
    uint8_t *base = version(0), *next = version(1), *claimed = version(2);
    cf_download got;

    depot_whole(&d, some(base));
    depot_lay(&d, "base", some(base));
    cf_bytes identity = depot_liar(&d, some(base), some(next), some(claimed));
    depot_connect(&d);
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_FAILED);
    cr_expect_eq(depot_temporaries(&d), 0);
    cr_expect_gt(d.served, 0, "it was not tried without the file that is here");
    free(base);
    free(next);
    free(claimed);
}

Test(downloads, fails_when_the_log_does_not_have_the_base)
{
    uint8_t *base = version(0), *next = version(1);
    cf_download got;

    depot_connect(&d);
    cr_expect_eq(depot_want(&d, depot_patch(&d, some(base), some(next), false), &got),
                 CF_DOWNLOAD_FAILED);
    depot_whole(&d, some(base));
    cf_downloads_retry(d.downloads);
    expect_ready(&d, depot_named(&d, some(next)), some(next));
    free(base);
    free(next);
}

Test(downloads, waits_for_a_blob_that_is_absent_and_fetches_all_others)
{
    uint8_t *bytes = noise(1, MORE);
    cf_download got;

    depot_connect(&d);
    cf_bytes identity = depot_whole(&d, cf_bytes_of(bytes, MORE));
    d.blobs[7].lacks = true;
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_WAITS);
    while (cf_downloads_finished(d.downloads))
        ;
    cr_expect_not(cf_downloads_busy(d.downloads));
    d.served = 0;
    cf_downloads_retry(d.downloads);
    cr_expect(cf_downloads_busy(d.downloads));
    depot_run(&d);
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_WAITS);
    d.blobs[7].lacks = false;
    cf_downloads_retry(d.downloads);
    depot_run(&d);
    expect_ready(&d, identity, cf_bytes_of(bytes, MORE));
    cr_expect_eq(d.served, MESSAGES);
    free(bytes);
}

Test(downloads, asks_again_for_what_was_absent_on_a_new_connection)
{
    uint8_t *bytes = noise(1, SOME);
    cf_download got;

    depot_connect(&d);
    cf_bytes identity = depot_whole(&d, some(bytes));
    d.blobs[1].lacks = true;
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_WAITS);
    d.blobs[1].lacks = false;
    depot_cut(&d);
    depot_connect(&d);
    depot_run(&d);
    expect_ready(&d, identity, some(bytes));
    free(bytes);
}

/* ---- Interruptions ---- */

static cf_bytes interrupt_large(uint8_t *bytes)
{
    cf_download got;

    depot_connect(&d);
    cf_bytes identity = depot_whole(&d, cf_bytes_of(bytes, LARGE));
    d.serve_max = 35 * MESSAGES;
    cr_assert_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_STARTED);
    depot_restart(&d);
    cr_expect_eq(depot_temporaries(&d), 2);
    depot_connect(&d);
    d.served = 0;
    return identity;
}

Test(downloads, goes_on_after_a_restart_from_its_note)
{
    uint8_t *bytes = noise(1, LARGE);

    cf_bytes identity = interrupt_large(bytes);
    expect_ready(&d, identity, cf_bytes_of(bytes, LARGE));
    cr_expect_leq(d.served, 8 * MESSAGES);
    cf_downloads_take(d.downloads, d.bindings[0], identity);
    cr_expect_eq(depot_temporaries(&d), 0);
    free(bytes);
}

static void find_landing(char path[64])
{
    cf_hash hash;
    uint64_t size;
    cf_error error;
    char name[CF_LANDING_NAME];

    expect_ok(cf_content_identity_read(cf_buffer_view(&d.identity), &hash, &size, &error), error);
    cf_landing_name(&hash, false, name);
    snprintf(path, 64, "folder/tmp/%s", name);
}

Test(downloads, begins_anew_when_what_was_fetched_is_spoiled)
{
    uint8_t *bytes = noise(1, LARGE);
    char path[64];

    cf_bytes identity = interrupt_large(bytes);
    find_landing(path);
    spoil(path, 1 << 20);
    expect_ready(&d, identity, cf_bytes_of(bytes, LARGE));
    free(bytes);
}

Test(downloads, never_writes_into_a_file_that_its_note_does_not_name)
{
    uint8_t *bytes = noise(1, LARGE);
    char path[64];

    cf_bytes identity = interrupt_large(bytes);
    find_landing(path);
    scratch_remove(d.disk, path);
    scratch_write(d.disk, "folder/other", "another file");
    cr_assert_eq(ftruncate(scratch_open(d.disk, "folder/other", O_WRONLY), LARGE), 0);
    scratch_hard_link(d.disk, "folder/other", path);
    expect_ready(&d, identity, cf_bytes_of(bytes, LARGE));
    char start[13] = {0};
    int file = scratch_open(d.disk, "folder/other", O_RDONLY);
    cr_assert_eq(read(file, start, 12), 12);
    close(file);
    cr_expect_str_eq(start, "another file");
    free(bytes);
}

Test(downloads, keeps_what_will_be_gone_on_with_for_a_week)
{
    uint8_t *bytes = noise(1, LARGE);
    char path[64];
    struct stat stat;
    cf_files *files = d.disk->files;
    const cf_folder *folder = d.bindings[0]->temporary;

    interrupt_large(bytes);
    find_landing(path);
    cf_bytes name = cf_bytes_of_text(strrchr(path, '/') + 1);
    cr_assert_eq(fstatat(files->descriptor(files, d.disk->folder), path, &stat, 0), 0);
    uint64_t now_ms = (uint64_t)stat.st_mtime * 1000;
    cr_expect(cf_landing_is_awaited(files, folder, name, now_ms));
    cr_expect_not(cf_landing_is_awaited(files, folder, name, now_ms + 8 * CF_DAY_MS));
    cr_expect_not(cf_landing_is_awaited(files, folder, cf_bytes_of_text("make-1"), now_ms));
    cr_expect_not(cf_landing_is_awaited(files, folder, cf_bytes_of_text("get-0123456789"), now_ms));
    free(bytes);
}

Test(downloads, throws_away_what_nobody_wants_any_more)
{
    uint8_t *bytes = noise(1, MORE);
    cf_download got;

    depot_connect(&d);
    cf_bytes identity = depot_whole(&d, cf_bytes_of(bytes, MORE));
    cf_downloads_want(d.downloads, d.bindings[0], identity, &got);
    for (int i = 0; i < 3; i++)
        depot_pass(&d); /* jobs are under way */
    cf_downloads_take(d.downloads, d.bindings[0], identity);
    depot_run(&d);
    cr_expect_not(cf_downloads_busy(d.downloads));
    cr_expect_eq(depot_temporaries(&d), 0);
    expect_ready(&d, identity, cf_bytes_of(bytes, MORE));
    free(bytes);
}

Test(downloads, leaves_alone_a_file_that_is_not_the_one_it_made)
{
    uint8_t *bytes = noise(1, SOME);
    char path[64];
    cf_download got;

    depot_connect(&d);
    cf_bytes identity = depot_whole(&d, some(bytes));
    expect_ready(&d, identity, some(bytes));
    find_landing(path);
    scratch_rename(d.disk, path, "folder/placed");
    scratch_write(d.disk, path, "what stood there before");
    cf_downloads_take(d.downloads, d.bindings[0], identity);
    cr_expect(scratch_holds(d.disk, path, "what stood there before"));
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_READY);
    free(bytes);
}

Test(downloads, forgets_what_belongs_to_a_folder_that_ends)
{
    uint8_t *bytes = noise(1, MORE);
    cf_download got;

    depot_connect(&d);
    cf_downloads_want(d.downloads, d.bindings[0], depot_whole(&d, cf_bytes_of(bytes, MORE)), &got);
    depot_pass(&d);
    cf_downloads_forget(d.downloads, d.bindings[0]);
    cr_expect_not(cf_downloads_busy(d.downloads));
    cr_expect_null(cf_downloads_finished(d.downloads));
    depot_run(&d);
    free(bytes);
}
