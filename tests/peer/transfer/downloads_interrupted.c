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

TestSuite(downloads_interrupted, .init = open_depot, .fini = close_depot);

static cf_bytes some(uint8_t *bytes)
{
    return cf_bytes_of(bytes, SOME);
}

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

Test(downloads_interrupted, goes_on_after_a_restart_from_its_note)
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
    char name[CF_PARTIAL_FILE_NAME];

    expect_ok(cf_content_identity_read(cf_buffer_view(&d.identity), &hash, &size, &error), error);
    cf_partial_file_name(&hash, false, name);
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
Test(downloads_interrupted, needs_no_room_for_what_is_there_of_it)
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

Test(downloads_interrupted, notes_durably_what_is_durable)
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

Test(downloads_interrupted, begins_anew_when_what_was_fetched_is_spoiled)
{
    uint8_t *bytes = noise(1, LARGE);
    char path[64];

    cf_bytes identity = interrupt_large(bytes);
    find_landing(path);
    depot_spoil(&d, path, 1 << 20);
    expect_ready(&d, identity, cf_bytes_of(bytes, LARGE));
    free(bytes);
}

Test(downloads_interrupted, never_writes_into_a_file_that_its_note_does_not_name)
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

Test(downloads_interrupted, goes_on_in_no_other_file_of_that_name)
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

Test(downloads_interrupted, never_goes_on_in_a_file_that_has_another_name)
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

Test(downloads_interrupted, goes_on_although_its_note_names_a_blob_that_there_is_not)
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

Test(downloads_interrupted, keeps_what_will_be_gone_on_with_for_a_week)
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
    cr_expect(cf_partial_file_is_awaited(files, folder, name, now_ms));
    cr_expect_not(cf_partial_file_is_awaited(files, folder, name, now_ms + 8 * CF_DAY_MS));
    cr_expect_not(cf_partial_file_is_awaited(files, folder, cf_bytes_of_text("make-1"), now_ms));
    cr_expect_not(
        cf_partial_file_is_awaited(files, folder, cf_bytes_of_text("get-0123456789"), now_ms));
    free(bytes);
}

Test(downloads_interrupted, throws_away_what_nobody_wants_any_more)
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

Test(downloads_interrupted, leaves_alone_a_file_that_is_not_the_one_it_made)
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

Test(downloads_interrupted, forgets_what_belongs_to_a_folder_that_ends)
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
