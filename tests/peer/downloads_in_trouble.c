/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/depot.h"

#include "peer/transfer/download_landing.h"
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
    for (size_t i = patch; i < d.blob_count; i++) {
        d.blobs[i].lacks = true;
        cf_contents_lack(d.peer.contents, &d.blobs[i].id); /* as the broker wants it */
    }
    ask_until_it_ends(identity);
    for (size_t i = whole; i < d.blob_count; i++)
        d.blobs[i].lacks = false;
    cf_downloads_retry(d.downloads);
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
    for (size_t i = patch; i < only; i++) {
        d.blobs[i].lacks = true;
        cf_contents_lack(d.peer.contents, &d.blobs[i].id);
    }
    ask_until_it_ends(identity);
    for (size_t i = whole; i < only; i++)
        d.blobs[i].lacks = false;
    cf_downloads_retry(d.downloads);
    ask_until_it_ends(identity);
    expect_ready(&d, identity, some(third));
    free(first);
    free(second);
    free(third);
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

Test(downloads_in_trouble, goes_on_after_a_restart_from_its_note)
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

static uint64_t disk_left;

static cf_status play_room(cf_files *files, const cf_folder *folder, uint64_t *out, uint64_t *all,
                           cf_error *error)
{
    (void)files, (void)folder, (void)error;
    *out = disk_left;
    if (all)
        *all = 200 * CF_MIB; /* of which ten are kept free */
    return CF_OK;
}

static uint64_t allocated(const char *path)
{
    struct stat stat;
    int file = scratch_open(d.disk, path, O_RDONLY);

    cr_assert_eq(fstat(file, &stat), 0);
    close(file);
    return (uint64_t)stat.st_blocks * 512;
}

/* A stick that was pulled: what came by then took the room that the file itself waited for. */
Test(downloads_in_trouble, needs_no_room_for_what_is_there_of_it)
{
    uint8_t *bytes = noise(1, LARGE);
    cf_files files = *d.env.files, *real = d.env.files;
    cf_download got;
    char path[64];

    cf_bytes identity = interrupt_large(bytes);
    find_landing(path);
    const uint64_t here = allocated(path);
    cr_assert_gt(here, CF_MIB);
    d.env.files = &files;
    files.free_bytes = play_room;
    disk_left = 10 * CF_MIB + LARGE - here - 1;
    cr_expect_eq(depot_want(&d, identity, &got), CF_DOWNLOAD_FAILED);
    cf_downloads_retry(d.downloads);
    disk_left++;
    expect_ready(&d, identity, cf_bytes_of(bytes, LARGE));
    d.env.files = real;
    free(bytes);
}

Test(downloads_in_trouble, notes_durably_what_is_durable)
{
    uint8_t *bytes = noise(1, LARGE);
    char path[64], note[72];

    interrupt_large(bytes);
    find_landing(path);
    snprintf(note, sizeof note, "%s.done", path);
    cr_expect(syncs_had(path), "the bytes");
    cr_expect(syncs_had(note), "the note");
    free(bytes);
}

Test(downloads_in_trouble, begins_anew_when_what_was_fetched_is_spoiled)
{
    uint8_t *bytes = noise(1, LARGE);
    char path[64];

    cf_bytes identity = interrupt_large(bytes);
    find_landing(path);
    depot_spoil(&d, path, 1 << 20);
    expect_ready(&d, identity, cf_bytes_of(bytes, LARGE));
    free(bytes);
}

Test(downloads_in_trouble, never_writes_into_a_file_that_its_note_does_not_name)
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

Test(downloads_in_trouble, goes_on_in_no_other_file_of_that_name)
{
    uint8_t *bytes = noise(1, LARGE);
    char path[64];

    cf_bytes identity = interrupt_large(bytes);
    find_landing(path);
    scratch_remove(d.disk, path);
    scratch_write(d.disk, path, "another file");
    scratch_resize(d.disk, path, LARGE);
    expect_ready(&d, identity, cf_bytes_of(bytes, LARGE));
    cr_expect_leq(d.served, LARGE / (1 << 20) * MESSAGES, "it was filled up before it was begun");
    free(bytes);
}

Test(downloads_in_trouble, never_goes_on_in_a_file_that_has_another_name)
{
    uint8_t *bytes = noise(1, LARGE);
    char path[64], end[16];
    static const char nothing[sizeof end];

    cf_bytes identity = interrupt_large(bytes);
    find_landing(path);
    scratch_hard_link(d.disk, path, "folder/other");
    expect_ready(&d, identity, cf_bytes_of(bytes, LARGE));
    int file = scratch_open(d.disk, "folder/other", O_RDONLY);
    cr_assert_eq(pread(file, end, sizeof end, LARGE - sizeof end), sizeof end);
    close(file);
    cr_expect_arr_eq(end, nothing, sizeof end);
    free(bytes);
}

Test(downloads_in_trouble, goes_on_although_its_note_names_a_blob_that_there_is_not)
{
    uint8_t *bytes = noise(1, LARGE);
    char path[64], note[72];
    struct stat stat;

    cf_bytes identity = interrupt_large(bytes);
    find_landing(path);
    snprintf(note, sizeof note, "%s.done", path);
    int file = scratch_open(d.disk, note, O_WRONLY);
    cr_assert_eq(fstat(file, &stat), 0);
    cr_assert_eq(pwrite(file, "\x7f\xff\xff\xf0", 4, stat.st_size), 4);
    close(file);
    expect_ready(&d, identity, cf_bytes_of(bytes, LARGE));
    cr_expect_leq(d.served, 8 * MESSAGES);
    free(bytes);
}

Test(downloads_in_trouble, keeps_what_will_be_gone_on_with_for_a_week)
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

Test(downloads_in_trouble, throws_away_what_nobody_wants_any_more)
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

Test(downloads_in_trouble, leaves_alone_a_file_that_is_not_the_one_it_made)
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

Test(downloads_in_trouble, forgets_what_belongs_to_a_folder_that_ends)
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
