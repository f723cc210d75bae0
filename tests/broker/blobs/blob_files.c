/* SPDX-License-Identifier: Apache-2.0 */
/* What blobs in files do beyond what all do: outlive restarts, damage and full disks. */
#include "tests/broker/blobs/blob_fixture.h"
#include "tests/broker/store/small_disk.h"
#include "tests/support/calls.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { STEP = CF_BLOB_STEP, LAST = 1 /* comes again */ };

static int open_file(const shelf *it, const cf_hash *user, const char *folder, const cf_hash *id)
{
    char path[300], user_hex[65], id_hex[65];

    cf_hex(cf_bytes_of(user->bytes, CF_HASH_SIZE), user_hex);
    cf_hex(cf_bytes_of(id->bytes, CF_HASH_SIZE), id_hex);
    snprintf(path, sizeof path, "blobs/%s/%.*s/%s", user_hex, folder ? 64 : 2,
             folder ? folder : id_hex, id_hex);
    return scratch_open(it->folder, path, O_RDWR);
}

Test(blob_files, goes_on_with_an_upload_after_a_restart)
{
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob large = blob_of(4 * STEP);

    for (uint64_t offset = 0; offset < 3 * STEP; offset += STEP)
        expect_ok(shelf_put(&it, &ann_user, &large, offset), it.error);
    shelf_restart(&it);
    expect_held(&it, &ann_user, &large, 3 * STEP - LAST, false);
    shelf_put_all(&it, &ann_user, &large);
    expect_blob(&it, &ann_user, &large);
    blob_release(&large);
    shelf_end(&it);
}

Test(blob_files, goes_on_in_another_folder_where_its_own_was_removed)
{
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob first = blob_of(7), second = blob_of(2 * STEP + 3);

    shelf_put_all(&it, &ann_user, &first);
    for (int is_made = 0; is_made < 2; is_made++) {
        scratch_remove_tree(it.folder, "blobs");
        if (is_made)
            scratch_mkdir(it.folder, "blobs");
        expect_held(&it, &ann_user, &first, 0, false);
        shelf_put_all(&it, &ann_user, &second);
        expect_blob(&it, &ann_user, &second);
        shelf_restart(&it);
        expect_blob(&it, &ann_user, &second);
    }
    blob_release(&first);
    blob_release(&second);
    shelf_end(&it);
}

static bool count_blob(void *context, const cf_blob_info *blob)
{
    (void)blob;
    ++*(size_t *)context;
    return true;
}

Test(blob_files, takes_and_gives_all_though_interrupted_and_in_parts)
{
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob large = blob_of(2 * STEP + 3), small = blob_of(7);
    cf_blob_first_bytes bytes;
    size_t count = 0;

    calls_cut_short(it.folder->path);
    shelf_put_all(&it, &ann_user, &large);
    shelf_put_all(&it, &ann_user, &small);
    expect_blob(&it, &ann_user, &large);
    expect_ok(it.blobs->list(it.blobs, &ann_user, 0, count_blob, &count, &it.error), it.error);
    cr_expect_eq(count, 2);
    expect_ok(it.blobs->first_bytes(it.blobs, &ann_user, &bytes, &it.error), it.error);
    cr_expect(cf_blob_first_bytes_have(&bytes, &large.id));
    cr_expect(cf_blob_first_bytes_have(&bytes, &small.id));
    expect_ok(it.blobs->forget(it.blobs, &ann_user, &it.error), it.error);
    cr_expect_gt(calls_were_cut_short(), 10);
    calls_cut_short(NULL);
    expect_held(&it, &ann_user, &large, 0, false);
    blob_release(&large);
    blob_release(&small);
    shelf_end(&it);
}

/* What a listing doesn't tell may be there all the same. */
Test(blob_files, looks_everywhere_when_a_listing_breaks_off)
{
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob blob = blob_of(1000);
    cf_blob_first_bytes bytes;

    shelf_put_all(&it, &ann_user, &blob);
    calls_list_only(0);
    expect_ok(it.blobs->first_bytes(it.blobs, &ann_user, &bytes, &it.error), it.error);
    calls_list_only(-1);
    cr_expect(cf_blob_first_bytes_have(&bytes, &blob.id));
    blob_release(&blob);
    shelf_end(&it);
}

/* All bytes were written, but not yet checked, synced and named. */
Test(blob_files, finishes_an_upload_that_only_lacked_its_name)
{
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob large = blob_of(2 * STEP);

    expect_ok(shelf_put(&it, &ann_user, &large, 0), it.error);
    int file = open_file(&it, &ann_user, "uploads", &large.id);
    cr_assert_eq(pwrite(file, large.bytes.data + STEP, STEP, STEP), STEP);
    close(file);
    shelf_restart(&it);
    expect_held(&it, &ann_user, &large, 2 * STEP - LAST, false);
    expect_ok(shelf_put(&it, &ann_user, &large, STEP), it.error);
    cr_assert(it.held.complete);
    expect_blob(&it, &ann_user, &large);
    blob_release(&large);
    shelf_end(&it);
}

Test(blob_files, goes_on_where_the_disk_lost_the_end_of_an_upload)
{
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob large = blob_of(4 * STEP);

    for (uint64_t offset = 0; offset < 3 * STEP; offset += STEP)
        expect_ok(shelf_put(&it, &ann_user, &large, offset), it.error);
    int file = open_file(&it, &ann_user, "uploads", &large.id);
    cr_assert_eq(ftruncate(file, STEP + 100), 0);
    close(file);
    shelf_restart(&it);
    expect_held(&it, &ann_user, &large, STEP + 100 - LAST, false);
    shelf_put_all(&it, &ann_user, &large);
    expect_blob(&it, &ann_user, &large);
    blob_release(&large);
    shelf_end(&it);
}

Test(blob_files, starts_over_where_the_disk_lost_the_middle_of_an_upload)
{
    static const uint8_t zeros[100];
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob large = blob_of(4 * STEP);

    for (uint64_t offset = 0; offset < 3 * STEP; offset += STEP)
        expect_ok(shelf_put(&it, &ann_user, &large, offset), it.error);
    int file = open_file(&it, &ann_user, "uploads", &large.id);
    cr_assert_eq(pwrite(file, zeros, sizeof zeros, STEP), sizeof zeros);
    close(file);
    shelf_restart(&it);
    expect_ok(shelf_put(&it, &ann_user, &large, 2 * STEP), it.error);
    expect_fails(shelf_put(&it, &ann_user, &large, 3 * STEP), CF_FORGED);
    shelf_put_all(&it, &ann_user, &large);
    expect_blob(&it, &ann_user, &large);
    blob_release(&large);
    shelf_end(&it);
}

typedef struct {
    size_t count;
    cf_hash id;
    cf_status status;
} damages;

static void note_damage(void *context, const cf_hash *user, const cf_hash *id,
                        const cf_error *error)
{
    damages *seen = context;

    cr_expect(cf_hash_equal(user, &ann_user));
    *seen = (damages){seen->count + 1, *id, error->status};
}

Test(blob_files, finds_a_damaged_blob)
{
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob large = blob_of(4 * STEP), other = blob_of(2 * STEP);
    damages seen = {0};
    uint8_t byte;

    shelf_put_all(&it, &ann_user, &large);
    shelf_put_all(&it, &ann_user, &other);
    int file = open_file(&it, &ann_user, NULL, &large.id);
    cr_assert_eq(pread(file, &byte, 1, 3 * STEP), 1);
    byte ^= 1;
    cr_assert_eq(pwrite(file, &byte, 1, 3 * STEP), 1);
    close(file);
    expect_ok(cf_blobs_verify(it.blobs, note_damage, &seen, &it.error), it.error);
    cr_assert_eq(seen.count, 1);
    cr_assert_eq(seen.status, CF_FORGED);
    cr_assert(cf_hash_equal(&seen.id, &large.id));
    expect_ok(it.blobs->drop(it.blobs, &ann_user, &large.id, &it.error), it.error);
    shelf_put_all(&it, &ann_user, &large);
    seen.count = 0;
    expect_ok(cf_blobs_verify(it.blobs, note_damage, &seen, &it.error), it.error);
    cr_assert_eq(seen.count, 0);
    blob_release(&large);
    blob_release(&other);
    shelf_end(&it);
}

Test(blob_files, goes_on_when_a_full_disk_has_room_again)
{
    scratch *place = scratch_new();
    a_blob first = blob_of(4 * STEP), second = blob_of(6 * STEP);

    small_disk_mount(place->path, 8 << 20);
    shelf it = a_shelf_at(place->path);
    shelf_put_all(&it, &ann_user, &first);
    small_disk_fill(place->path, 3 * STEP);
    uint64_t offset = 0;
    while (shelf_put(&it, &ann_user, &second, offset) == CF_OK && !it.held.complete)
        offset = it.held.size;
    cr_assert_eq(it.status, CF_FULL, "%s", it.error.text);
    cr_assert(offset > 0);
    expect_held(&it, &ann_user, &second, cf_blob_resume(offset), false);
    expect_blob(&it, &ann_user, &first);
    small_disk_make_room(place->path);
    shelf_put_all(&it, &ann_user, &second);
    expect_blob(&it, &ann_user, &second);
    shelf_end(&it);
    small_disk_unmount(place->path);
    scratch_destroy(&place);
    blob_release(&first);
    blob_release(&second);
}

static void damage(shelf *it, const a_blob *blob)
{
    int file = open_file(it, &ann_user, NULL, &blob->id);

    cr_assert_eq(pwrite(file, "?", 1, 1), 1);
    close(file);
}

static bool count_aside(void *context, const cf_blob_info *blob)
{
    *(size_t *)context += blob->is_aside && !blob->complete;
    return true;
}

static size_t aside(shelf *it)
{
    size_t count = 0;

    expect_ok(it->blobs->list(it->blobs, &ann_user, 0, count_aside, &count, &it->error), it->error);
    return count;
}

Test(blob_files, misses_what_is_set_aside_until_it_is_put_again)
{
    shelf it = a_shelf(BLOBS_IN_FILES);
    a_blob large = blob_of(3 * STEP), other = blob_of(STEP);
    cf_blob_usage usage;

    shelf_put_all(&it, &ann_user, &large);
    shelf_put_all(&it, &ann_user, &other);
    damage(&it, &large);
    for (int twice = 0; twice < 2; twice++) {
        expect_ok(it.blobs->set_aside(it.blobs, &ann_user, &large.id, &it.error), it.error);
        expect_held(&it, &ann_user, &large, 0, false);
        expect_fails(cf_blob_check(it.blobs, &ann_user, &large.id, &it.error), CF_MISSING);
        cr_expect_eq(aside(&it), 1);
    }
    expect_held(&it, &ann_user, &other, other.bytes.size, true);
    expect_ok(cf_blobs_usage(it.blobs, &ann_user, &usage, &it.error), it.error);
    cr_expect_eq(usage.size, other.bytes.size);
    shelf_put_all(&it, &ann_user, &large);
    expect_blob(&it, &ann_user, &large);
    cr_expect_eq(aside(&it), 0);
    damage(&it, &other);
    expect_ok(it.blobs->set_aside(it.blobs, &ann_user, &other.id, &it.error), it.error);
    expect_ok(it.blobs->drop(it.blobs, &ann_user, &other.id, &it.error), it.error);
    cr_expect_eq(aside(&it), 0);
    damage(&it, &large);
    expect_ok(it.blobs->set_aside(it.blobs, &ann_user, &large.id, &it.error), it.error);
    expect_ok(it.blobs->forget(it.blobs, &ann_user, &it.error), it.error);
    cr_expect_eq(aside(&it), 0);
    blob_release(&large);
    blob_release(&other);
    shelf_end(&it);
}
