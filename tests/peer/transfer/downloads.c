/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/transfer/depot.h"
#include "tests/support/played_room.h"

#include "broker/platform/jobs.h"
#include "peer/transfer/in_hand.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Sizes: SOME is four blobs. */
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

/* ---- The reserve ---- */

static cf_download_answer want_of(const uint8_t *bytes, size_t size)
{
    cf_download got;
    cf_bytes identity = depot_whole(&d, cf_bytes_of(bytes, size));
    cf_download_answer answer = depot_want(&d, identity, &got);

    if (answer == CF_DOWNLOAD_FAILED)
        cr_expect(strstr(got.reason, "the disk has no room for it"), "%s", got.reason);
    cf_downloads_take(d.downloads, d.bindings[0], identity);
    return answer;
}

Test(downloads, leave_a_reserve_on_the_disk_but_for_small_ones)
{
    static const struct {
        uint64_t whole, reserve;
    } disks[] = {{200 * CF_MIB, 10 * CF_MIB}, {1000 * CF_GIB, CF_GIB}};
    uint8_t *bytes = noise(1, SOME);
    cf_files files = *d.env.files, *real = d.env.files;

    d.env.files = &files;
    files.free_bytes = play_room;
    depot_connect(&d);
    for (size_t i = 0; i < 2; i++) {
        played_whole = disks[i].whole;
        played_left = disks[i].reserve + SOME - 1;
        cr_expect_eq(want_of(bytes, SOME), CF_DOWNLOAD_FAILED);
        cr_expect_eq(want_of(bytes, CF_MIB), CF_DOWNLOAD_READY);
        played_left++;
        cr_expect_eq(want_of(bytes, SOME), CF_DOWNLOAD_READY);
        played_left = 0;
        cr_expect_eq(want_of(bytes, CF_MIB), CF_DOWNLOAD_READY);
        bytes[0] ^= 1;
    }
    cr_expect_eq(depot_temporaries(&d), 0);
    d.env.files = real;
    free(bytes);
}

/* By the numbers that are said there is no room. */
Test(downloads, say_what_the_room_is_for_that_is_free)
{
    cf_files files = *d.env.files, *real = d.env.files;
    cf_error error;

    d.env.files = &files;
    files.free_bytes = play_room;
    depot_connect(&d);
    played_whole = 20 * CF_MIB;
    played_left = 19 * CF_MIB + 1;
    expect_fails(
        cf_downloads_leave_reserve(d.downloads, d.bindings[0], 8 * CF_MIB, 15 * CF_MIB + 1, &error),
        CF_FULL);
    cr_expect(strstr(error.text, "it takes 8 MiB, and of 19 that are free 1 are kept so and 16 are "
                                 "for others that come: "),
              "%s", error.text);
    played_left = 9 * CF_MIB - 1;
    expect_fails(cf_downloads_leave_reserve(d.downloads, d.bindings[0], 8 * CF_MIB, 0, &error),
                 CF_FULL);
    cr_expect(strstr(error.text, "it takes 8 MiB, and of 8 that are free 1 are kept so: "), "%s",
              error.text);
    d.env.files = real;
}

/* ---- Wholes ---- */

/* The file that is ready takes no more of the disk. */
static void expect_small(cf_bytes identity, cf_bytes content, int64_t most)
{
    struct stat stat;
    cf_download got;
    char path[200];

    expect_ready(&d, identity, content);
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_READY);
    snprintf(path, sizeof path, "%s/folder/tmp/%.*s", d.disk->path, (int)got.name.size,
             (const char *)got.name.data);
    cr_assert_eq(lstat(path, &stat), 0);
    cr_expect_leq(stat.st_blocks * 512, most);
}

Test(downloads, fetches_a_whole_and_leaves_zero_runs_as_holes)
{
    uint8_t *bytes = noise(1, 8 * PIECE + 100);
    cf_bytes content = cf_bytes_of(bytes, 8 * PIECE + 100);

    memset(bytes + 2 * PIECE, 0, 4 * PIECE);
    memset(bytes + 7 * PIECE + 1000, 0, PIECE / 2); /* in a blob with something else */
    depot_connect(&d);
    cf_bytes identity = depot_whole(&d, content);
    cr_expect_eq(d.blob_count, 5);
    expect_small(identity, content, 4 * PIECE);
    free(bytes);
}

/* Both have zeros where the disk has bytes, as after a program that wrote them. */
Test(downloads, leaves_zero_runs_of_copies_and_patches_as_holes)
{
    uint8_t *bytes = noise(1, MORE);
    cf_bytes content = cf_bytes_of(bytes, MORE);

    memset(bytes + PIECE, 0, MORE - PIECE);
    depot_lay(&d, "twin", content);
    expect_small(depot_whole(&d, content), content, 2 * PIECE);
    uint8_t *edited = noise(1, MORE);
    memset(edited + PIECE, 0, MORE - PIECE);
    edited[5 * PIECE] = 1;
    expect_small(depot_patch(&d, content, cf_bytes_of(edited, MORE), false),
                 cf_bytes_of(edited, MORE), 2 * PIECE);
    expect_small(depot_patch(&d, content, cf_bytes_of(edited, MORE - PIECE / 2), false),
                 cf_bytes_of(edited, MORE - PIECE / 2), 2 * PIECE);
    cr_expect_eq(d.served, 0);
    free(bytes);
    free(edited);
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
    cr_expect_leq(d.served_bytes, CF_IN_HAND_BYTES + CF_IN_HAND_COUNT * CF_BLOB_OVERHEAD);
    expect_ready(&d, identity, cf_bytes_of(bytes, LARGE));
    free(bytes);
}

/* A film fills the room there is in hand, and a photo is wanted. */
Test(downloads, a_photo_does_not_wait_for_a_film)
{
    enum { FILM = 20 << 20, PHOTO = 300000, PIECES = 10 };
    uint8_t *film = noise(1, FILM), *photo = noise(2, PHOTO);
    cf_buffer identity = {0};
    cf_download got;

    depot_connect(&d);
    cf_link_brings(d.peer.link, CF_BLOB_STEP, 1);
    cf_downloads_want(d.downloads, d.bindings[0], depot_whole(&d, cf_bytes_of(film, FILM)), &got);
    for (int i = 0; i < 4; i++)
        depot_pass(&d);
    cf_bytes named = depot_whole(&d, cf_bytes_of(photo, PHOTO));
    cf_buffer_append(&identity, named.data, named.size);
    d.serve_max = d.served + PIECES;
    cr_expect_eq(depot_want(&d, cf_buffer_view(&identity), &got), CF_DOWNLOAD_READY,
                 "%d pieces came, and none of what is lighter", PIECES);
    cf_buffer_release(&identity);
    free(film);
    free(photo);
}

/* Twenty are on their way, or wait to be begun. */
Test(downloads, what_is_small_is_begun_and_told_beside_many_that_are_not)
{
    enum { MANY = 20, PHOTO = 300000, PAGE = 100000 };
    uint8_t *bytes;
    cf_buffer identity = {0};
    cf_download got;

    depot_connect(&d);
    cf_link_brings(d.peer.link, CF_BLOB_STEP, 1);
    for (uint64_t i = 0; i < MANY; i++) {
        bytes = noise(i, PHOTO);
        cf_downloads_want(d.downloads, d.bindings[0], depot_whole(&d, cf_bytes_of(bytes, PHOTO)),
                          &got);
        free(bytes);
    }
    depot_pass(&d);
    bytes = noise(MANY, PAGE);
    cf_bytes named = depot_whole(&d, cf_bytes_of(bytes, PAGE));
    cf_buffer_append(&identity, named.data, named.size);
    cr_expect_null(cf_downloads_finished(d.downloads));
    d.serve_max = d.served + 4;
    cr_expect_eq(depot_want(&d, cf_buffer_view(&identity), &got), CF_DOWNLOAD_READY);
    cr_expect_eq(cf_downloads_finished(d.downloads), d.bindings[0], "nobody is told");
    cf_buffer_release(&identity);
    free(bytes);
}

/* ---- Patches ---- */

Test(downloads, applies_a_patch_to_a_file_that_is_here_without_a_broker)
{
    uint8_t *base = version_of_noise(SOME, 0), *next = version_of_noise(SOME, 1);

    depot_whole(&d, some(base));
    depot_lay(&d, "base", some(base));
    expect_ready(&d, depot_patch(&d, some(base), some(next), false), some(next));
    cr_expect_eq(d.served, 0);
    free(base);
    free(next);
}

Test(downloads, does_not_try_a_patch_on_a_file_that_was_touched_since)
{
    uint8_t *base = version_of_noise(SOME, 0), *next = version_of_noise(SOME, 1);
    cf_download got;

    depot_whole(&d, some(base));
    depot_lay(&d, "base", some(base));
    scratch_settle(d.disk, "folder/base");
    depot_spoil(&d, "folder/base", 1 << 20);
    cf_bytes identity = depot_patch(&d, some(base), some(next), false);
    cr_expect_eq(cf_downloads_want(d.downloads, d.bindings[0], identity, &got), CF_DOWNLOAD_WAITS,
                 "it is made of what is no base of it");
    depot_connect(&d);
    expect_ready(&d, identity, some(next));
    free(base);
    free(next);
}

static void publish_chain(uint8_t *versions[4])
{
    for (uint8_t i = 0; i < 4; i++)
        versions[i] = version_of_noise(SOME, i);
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
    uint8_t *base = version_of_noise(SOME, 0), *next = version_of_noise(SOME, 1);
    char name[2 * CF_HASH_SIZE + 1];
    cf_hash hash = cf_content_hash(some(base));
    cf_file *file;
    cf_error error;

    depot_whole(&d, some(base));
    depot_patch(&d, some(base), some(next), false);
    cf_hex(cf_bytes_of(hash.bytes, CF_HASH_SIZE), name);
    const cf_folder *cache = cf_home_base(d.peer.home);
    const cf_base_place place = {0};
    const cf_base_cache home = {&d.env, d.peer.home, &place};
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
    cr_expect_eq(cf_base_open(&home, &hash, &file, &error), CF_MISSING,
                 "the damaged copy is still there");
    free(base);
    free(next);
}

Test(downloads, does_not_believe_a_file_that_was_changed)
{
    uint8_t *base = version_of_noise(SOME, 0), *next = version_of_noise(SOME, 1);

    depot_whole(&d, some(base));
    depot_lay(&d, "base", some(base));
    depot_patch(&d, some(base), some(next), false);
    depot_spoil(&d, "folder/base", 400000);
    depot_connect(&d);
    expect_ready(&d, depot_named(&d, some(next)), some(next));
    cr_expect_gt(d.served, 0);
    free(base);
    free(next);
}

/* The stat says nothing: as if it were changed while the patch was applied. */
Test(downloads, makes_it_again_without_a_base_that_is_not_what_it_seemed)
{
    uint8_t *base = version_of_noise(SOME, 0), *next = version_of_noise(SOME, 1);

    depot_whole(&d, some(base));
    depot_patch(&d, some(base), some(next), false);
    depot_lay(&d, "base", some(base));
    depot_spoil(&d, "folder/base", 400000);
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
