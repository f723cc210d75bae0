/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/transfer/depot.h"

#include "peer/transfer/partial_file.h"
#include "tests/support/syncs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Sizes: SOME is four blobs and fetched again when interrupted; of LARGE the first note comes after
 * 32 MiB. A blob of noise comes in five messages. */
enum { SOME = 3500000, MORE = 10 << 20, LARGE = 40 << 20, MESSAGES = 5 };

static depot d;

static void open_depot(void)
{
    depot_open(&d);
}

static void close_depot(void)
{
    depot_close(&d);
}

TestSuite(downloads_in_trouble, .init = open_depot, .fini = close_depot);

static cf_bytes some(uint8_t *bytes)
{
    return cf_bytes_of(bytes, SOME);
}

/* ---- What goes wrong ---- */

Test(downloads_in_trouble, waits_for_a_broker_and_goes_on_by_itself)
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

Test(downloads_in_trouble, goes_on_after_a_lost_connection_where_it_was)
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

/* ---- The part of a blob that had come, when the process ends ---- */

enum { ALL = 3 * MESSAGES + 2, SLOW_MS = 5000 };

/* Of SOME, so many messages of which each takes so long. */
static cf_bytes begun(const uint8_t *bytes, size_t messages, uint64_t message_ms)
{
    cf_download got;

    depot_connect(&d);
    d.serve_max = messages;
    d.message_ms = message_ms;
    cf_bytes identity = depot_whole(&d, cf_bytes_of(bytes, SOME));
    cr_assert_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_STARTED);
    return identity;
}

static void part_path(size_t blob, char out[160])
{
    char hex[2 * CF_HASH_SIZE + 1];

    cf_hex(cf_bytes_of(d.blobs[blob].id.bytes, CF_HASH_SIZE), hex);
    snprintf(out, 160, "home/tmp/parts/%s", hex);
}

static bool has_part(size_t blob)
{
    char path[160], full[300];

    part_path(blob, path);
    snprintf(full, sizeof full, "%s/%s", d.disk->path, path);
    return access(full, F_OK) == 0;
}

static void ends_after_restart(cf_bytes identity, uint8_t *bytes, size_t least, size_t most)
{
    depot_connect(&d);
    expect_ready(&d, identity, some(bytes));
    cr_expect_geq(d.served, least);
    cr_expect_leq(d.served, most);
    for (size_t i = 0; i < d.blob_count; i++)
        cr_expect_not(has_part(i));
    free(bytes);
}

/* Whole blobs count, too: nothing else has them of a content that is not noted. */
Test(downloads_in_trouble, goes_on_where_a_slow_blob_was_when_the_process_ended)
{
    for (size_t messages = 2; messages < ALL; messages += 7) {
        uint8_t *bytes = noise(messages, SOME);

        d.served = 0;
        cf_bytes identity = begun(bytes, messages, SLOW_MS);
        depot_restart(&d);
        ends_after_restart(identity, bytes, ALL, ALL + 1);
    }
}

Test(downloads_in_trouble, keeps_nothing_of_what_comes_fast)
{
    uint8_t *bytes = noise(1, SOME);
    cf_bytes identity = begun(bytes, 7, 1);

    depot_restart(&d);
    for (size_t i = 0; i < d.blob_count; i++)
        cr_expect_not(has_part(i));
    ends_after_restart(identity, bytes, ALL + 7, ALL + 7);
}

Test(downloads_in_trouble, takes_no_part_that_is_spoiled)
{
    uint8_t *bytes = noise(1, SOME);
    cf_bytes identity = begun(bytes, 4, SLOW_MS);
    char path[160];

    depot_restart(&d);
    cr_assert(has_part(0));
    part_path(0, path);
    depot_spoil(&d, path, 1000);
    ends_after_restart(identity, bytes, ALL + 1, ALL + MESSAGES + 1);
}

/* Its epoch is none that there is, and it is longer than the blob. */
Test(downloads_in_trouble, takes_no_part_that_is_no_part)
{
    static const char junk[] = "what somebody else put there";
    uint8_t *bytes = noise(1, SOME);
    cf_bytes identity = begun(bytes, 4, SLOW_MS);
    char path[160], full[300];

    depot_restart(&d);
    part_path(0, path);
    snprintf(full, sizeof full, "%s/%s", d.disk->path, path);
    for (int length = 0; length < 2; length++) {
        FILE *file = fopen(full, "w");

        cr_assert(file);
        fwrite(junk, 1, sizeof junk, file);
        cr_assert_eq(ftruncate(fileno(file), length ? 2000000 : 1000), 0);
        fclose(file);
        cf_download got;
        d.serve_max = length ? SIZE_MAX : d.served + 6;
        depot_connect(&d);
        if (!length) {
            depot_want(&d, identity, &got);
            depot_restart(&d);
        }
    }
    ends_after_restart(identity, bytes, ALL, 2 * ALL);
}

Test(downloads_in_trouble, keeps_no_part_for_more_than_a_week)
{
    uint8_t *bytes = noise(1, SOME);
    cf_bytes identity = begun(bytes, 4, SLOW_MS);
    const struct timespec week_ago[2] = {{.tv_sec = 1700000000 - 8 * 86400},
                                         {.tv_sec = 1700000000 - 8 * 86400}};
    char path[160], full[300];

    depot_restart(&d);
    part_path(0, path);
    snprintf(full, sizeof full, "%s/%s", d.disk->path, path);
    cr_assert_eq(utimensat(AT_FDCWD, full, week_ago, 0), 0);
    ends_after_restart(identity, bytes, ALL + 2,
                       ALL + 2); /* that one, and what was kept of no other */
}

Test(downloads_in_trouble, asks_another_link_for_what_it_still_lacks)
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

Test(downloads_in_trouble, refuses_wrong_bytes_and_tries_again_when_asked)
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

Test(downloads_in_trouble, gives_up_a_patch_that_makes_something_else)
{
    uint8_t *base = version_of_noise(SOME, 0), *next = version_of_noise(SOME, 1),
            *claimed = version_of_noise(SOME, 2);
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

Test(downloads_in_trouble, fails_when_the_log_does_not_have_the_base)
{
    uint8_t *base = version_of_noise(SOME, 0), *next = version_of_noise(SOME, 1);
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

Test(downloads_in_trouble, waits_for_a_blob_that_is_absent_and_fetches_all_others)
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

Test(downloads_in_trouble, asks_again_for_what_was_absent_on_a_new_connection)
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

static void ask_until_it_ends(cf_bytes identity)
{
    cf_download got;

    while (depot_want(&d, identity, &got) == CF_DOWNLOAD_STARTED)
        ;
}

/* Blobs that no broker has, as the link was told. */
static void lack(size_t from, size_t end)
{
    for (size_t i = from; i < end; i++) {
        d.blobs[i].lacks = true;
        cf_contents_lack(d.peer.contents, &d.blobs[i].id);
    }
}

/* They come back, which nobody tells. */
static void bring_back(size_t from, size_t end)
{
    for (size_t i = from; i < end; i++)
        d.blobs[i].lacks = false;
    cf_downloads_retry(d.downloads);
}

/* World 4093: a broker was emptied, and whoever has the content brought it as a whole; nobody can
 * bring the patch, which was asked for over and over. */
Test(downloads_in_trouble, finds_the_way_that_came_back_though_all_were_lacking)
{
    uint8_t *base = version_of_noise(SOME, 1), *next = noise(2, SOME);

    depot_connect(&d);
    depot_whole(&d, some(base));
    depot_lay(&d, "base", some(base));
    const size_t patch = d.blob_count;
    depot_patch(&d, some(base), some(next), true);
    const size_t whole = d.blob_count;
    cf_bytes identity = depot_whole(&d, some(next));
    lack(patch, d.blob_count);
    ask_until_it_ends(identity);
    bring_back(whole, d.blob_count);
    ask_until_it_ends(identity);
    expect_ready(&d, identity, some(next));
    free(base);
    free(next);
}

/* The same of what the only way to a content is a patch on. */
Test(downloads_in_trouble, finds_the_way_that_came_back_to_a_base)
{
    uint8_t *first = version_of_noise(SOME, 1), *second = version_of_noise(SOME, 2);
    uint8_t *third = version_of_noise(SOME, 3);

    depot_connect(&d);
    depot_whole(&d, some(first));
    depot_lay(&d, "base", some(first));
    const size_t patch = d.blob_count;
    depot_patch(&d, some(first), some(second), true);
    const size_t whole = d.blob_count;
    depot_whole(&d, some(second));
    const size_t only = d.blob_count;
    cf_bytes identity = depot_patch(&d, some(second), some(third), true);
    lack(patch, only);
    ask_until_it_ends(identity);
    bring_back(whole, only);
    ask_until_it_ends(identity);
    expect_ready(&d, identity, some(third));
    free(first);
    free(second);
    free(third);
}
