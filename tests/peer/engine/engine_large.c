/* SPDX-License-Identifier: Apache-2.0 */
/* Large contents between two devices: what travels, and that it arrives. */
#include "tests/peer/small/small_checks.h"

#include "codec/content.h"
#include "codec/limits.h"
#include "peer/bindings/base.h"
#include "peer/engine/engine.h"
#include "tests/support/expect.h"
#include "tests/support/short_form.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Five pieces. */
enum { SIZE = 5 << 20, EDITS = 6 };

static uint8_t *noise(small_world *in, size_t size)
{
    return small_world_noise(in, size).data;
}

static uint64_t received(small_device *self)
{
    cf_traffic traffic;

    cf_engine_traffic(self->engine, &traffic);
    return traffic.bytes_received;
}

Test(engine_large, brings_a_large_file_and_then_only_what_was_edited)
{
    small_world *w = small_world_new(11, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    uint8_t *bytes = noise(w, SIZE);

    user_writes(a, "image", bytes, SIZE);
    settles_equal(w);
    cr_assert(holds_bytes(b, "image", cf_bytes_of(bytes, SIZE)));
    cr_expect_gt(received(b), SIZE);
    for (int i = 0; i < EDITS; i++) {
        uint64_t before = received(b) + received(a);

        memset(bytes + SIZE / (EDITS + 2) * (i + 1), 'a' + i, 3000);
        user_writes(i % 2 ? b : a, "image", bytes, SIZE);
        settles_equal(w);
        cr_assert(holds_bytes(i % 2 ? a : b, "image", cf_bytes_of(bytes, SIZE)), "edit %d", i);
        cr_expect_lt(received(a) + received(b) - before, 50000, "edit %d", i);
    }
    free(bytes);
    small_world_destroy(&w);
}

static void set_mode(const small_device *self, const char *path, mode_t mode)
{
    char whole[200];

    snprintf(whole, sizeof whole, "%s/%s", self->folder, path);
    cr_assert_eq(chmod(whole, mode), 0);
}

Test(engine_large, brings_equal_files_of_one_round_once)
{
    small_world *w = small_world_new(21, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    uint8_t *bytes = noise(w, SIZE);

    user_writes(a, "one", bytes, SIZE);
    user_writes(a, "two", bytes, SIZE);
    user_makes(a, "d");
    user_writes(a, "d/three", bytes, SIZE);
    set_mode(a, "one", 0600);
    set_mode(a, "two", 0640);
    settles_equal(w);
    cr_assert(holds_bytes(b, "one", cf_bytes_of(bytes, SIZE)));
    cr_assert(holds_bytes(b, "two", cf_bytes_of(bytes, SIZE)));
    cr_assert(holds_bytes(b, "d/three", cf_bytes_of(bytes, SIZE)));
    cr_expect_lt(received(b), SIZE + SIZE / 2);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(mode_of(&w->devices[i], "one"), 0600);
        cr_expect_eq(mode_of(&w->devices[i], "two"), 0640);
    }
    free(bytes);
    small_world_destroy(&w);
}

static void read_whole(const char *path, cf_buffer *out)
{
    FILE *file = fopen(path, "rb");

    cr_assert(file, "%s", path);
    out->size = fread(cf_buffer_reserve(out, SIZE + 1), 1, SIZE + 1, file);
    fclose(file);
}

/* Of each copy that is kept: whether its bytes are those that its name says. */
static size_t expect_good_copies(const small_device *self)
{
    char path[500], name[2 * CF_HASH_SIZE + 1];
    size_t count = 0;

    snprintf(path, sizeof path, "%s/base", self->home_path);
    DIR *folder = opendir(path);
    cr_assert(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        cf_buffer bytes = {0};

        if (strlen(entry->d_name) != sizeof name - 1)
            continue;
        snprintf(path, sizeof path, "%s/base/%s", self->home_path, entry->d_name);
        read_whole(path, &bytes);
        const cf_hash hash = cf_content_hash(cf_buffer_view(&bytes));
        cf_hex(cf_bytes_of(hash.bytes, sizeof hash.bytes), name);
        cr_expect_str_eq(name, entry->d_name, "a copy holds other bytes");
        cf_buffer_release(&bytes);
        count++;
    }
    closedir(folder);
    return count;
}

static void damage_copies(const small_device *self)
{
    char command[400];

    snprintf(command, sizeof command,
             "for f in %s/base/*; do printf oops | dd of=$f bs=1 seek=%d conv=notrunc "
             "status=none || exit 1; done",
             self->home_path, SIZE / 5 * 4);
    cr_assert_eq(system(command), 0);
}

/* What was damaged is not what the next copy is made of, though what changed lies elsewhere. */
Test(engine_large, sends_an_edit_whose_base_is_damaged_and_keeps_nothing_of_that)
{
    small_world *w = small_world_new(12, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    uint8_t *bytes = noise(w, SIZE);

    user_writes(a, "image", bytes, SIZE);
    settles_equal(w);
    cr_assert_eq(expect_good_copies(a), 1);
    damage_copies(a);
    for (int i = 0; i < 2; i++) {
        memset(bytes + SIZE / 8 * (i + 1), 'a' + i, 3000);
        user_writes(a, "image", bytes, SIZE);
        settles_equal(w);
        cr_assert(holds_bytes(b, "image", cf_bytes_of(bytes, SIZE)), "edit %d", i);
        expect_good_copies(a);
    }
    free(bytes);
    small_world_destroy(&w);
}

Test(engine_large, brings_edits_of_both_sides)
{
    small_world *w = small_world_new(13, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    uint8_t *bytes = noise(w, SIZE);
    cf_buffer tree = {0};

    user_writes(a, "image", bytes, SIZE);
    settles_equal(w);
    memset(bytes + 100, 'a', 100);
    user_writes(a, "image", bytes, SIZE);
    memset(bytes + SIZE / 5 * 4, 'b', 100);
    user_writes(b, "image", bytes, SIZE);
    settles_equal(w);
    small_device_tree(a, &tree);
    cf_buffer_append(&tree, "", 1);
    cr_expect_not_null(strstr((char *)tree.data, "(conflict "));
    cf_buffer_release(&tree);
    free(bytes);
    small_world_destroy(&w);
}

Test(engine_large, comes_through_with_broken_connections_and_crashes)
{
    small_world *w = small_world_new(14, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    uint8_t *bytes = noise(w, 3 * SIZE);

    w->loss = 20;
    user_writes(a, "image", bytes, 3 * SIZE);
    for (int i = 0; i < 5; i++) {
        small_device_sync(a);
        small_device_crash(i % 2 ? a : b);
        small_device_sync(b);
    }
    w->loss = 0;
    settles_equal(w);
    cr_assert(holds_bytes(b, "image", cf_bytes_of(bytes, 3 * SIZE)));
    free(bytes);
    small_world_destroy(&w);
}

Test(engine_large, follows_a_long_chain_on_a_device_that_has_nothing_yet)
{
    small_world *w = small_world_new(15, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    uint8_t *bytes = noise(w, SIZE);

    user_writes(a, "image", bytes, SIZE);
    cr_assert(small_device_sync(a));
    for (int i = 0; i < 20; i++) {
        memset(bytes + SIZE / 25 * (i + 1), 'a' + i, 3000);
        user_writes(a, "image", bytes, SIZE);
        cr_assert(small_device_sync(a));
    }
    settles_equal(w);
    cr_assert(holds_bytes(b, "image", cf_bytes_of(bytes, SIZE)));
    cr_expect_lt(received(b), 2 * SIZE, "a whole is sent once");
    free(bytes);
    small_world_destroy(&w);
}

static bool count_one(void *context, cf_bytes key, cf_bytes value)
{
    (void)key, (void)value;
    (*(size_t *)context)++;
    return true;
}

static size_t count_table(const small_device *self, uint8_t letter)
{
    cf_store *store = cf_home_store(self->home);
    size_t count = 0;
    cf_error error;

    expect_ok(store->scan(store, cf_peer_user(cf_engine_peer(self->engine)),
                          cf_bytes_of(&letter, 1), count_one, &count, &error),
              error);
    return count;
}

enum { PATCH = 2 * CF_INLINE_MAX };

/* Edits by turns, each of a patch that stands in blobs. */
static void edit_often(small_world *w, uint8_t *bytes, int count)
{
    for (int i = 0; i < count; i++) {
        uint8_t *fresh = noise(w, PATCH);

        memcpy(bytes + chance_below(&w->chance, SIZE - PATCH), fresh, PATCH);
        free(fresh);
        user_writes(&w->devices[i % 2], "image", bytes, SIZE);
        settles_equal(w);
    }
}

/* What is known of the versions of a file serves those of its chain: where a chain begins anew, it
 * goes with them. */
Test(engine_large, keeps_what_edits_go_by_of_one_chain_however_many_there_were)
{
    small_world *w = small_world_new(16, 2);
    uint8_t *bytes = noise(w, SIZE);

    user_writes(&w->devices[0], "image", bytes, SIZE);
    settles_equal(w);
    for (unsigned times = 1; times <= 3 / one_in_few(1, 3); times++) {
        edit_often(w, bytes, 2 * CF_DELTA_DEPTH_MAX + 4);
        for (int i = 0; i < w->count; i++) {
            const small_device *self = &w->devices[i];

            cr_expect_leq(count_table(self, CF_TABLE_LEAVES), CF_DELTA_DEPTH_MAX + 2,
                          "%u times, device %d: leaves", times, i);
            cr_expect_leq(count_table(self, CF_TABLE_KNOWN), CF_DELTA_DEPTH_MAX + 2,
                          "%u times, device %d: copies", times, i);
        }
    }
    free(bytes);
    small_world_destroy(&w);
}

static bool has_leaves(const small_device *self, const cf_hash *content)
{
    cf_buffer leaves = {0};
    cf_error ignored;

    cf_status status = cf_leaves_get(cf_engine_peer(self->engine), content, &leaves, &ignored);
    cf_buffer_release(&leaves);
    return status == CF_OK;
}

/* The image goes on to a chain of its own, its copy stands on the old one yet. */
Test(engine_large, keeps_what_edits_of_a_copy_go_by)
{
    small_world *w = small_world_new(17, 2);
    uint8_t *bytes = noise(w, SIZE);
    const cf_hash whole = cf_content_hash(cf_bytes_of(bytes, SIZE));

    user_writes(&w->devices[0], "image", bytes, SIZE);
    settles_equal(w);
    edit_often(w, bytes, 2);
    const cf_hash copy = cf_content_hash(cf_bytes_of(bytes, SIZE));
    user_writes(&w->devices[0], "copy", bytes, SIZE);
    settles_equal(w);
    edit_often(w, bytes, CF_DELTA_DEPTH_MAX + 4);
    for (int i = 0; i < w->count; i++) {
        cr_expect(has_leaves(&w->devices[i], &copy), "device %d", i);
        cr_expect(has_leaves(&w->devices[i], &whole), "device %d: what the copy stands on", i);
    }
    free(bytes);
    small_world_destroy(&w);
}

static uint64_t taken_by(const char *folder, const char *name)
{
    char path[700];
    struct stat stat;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert_eq(lstat(path, &stat), 0, "%s", path);
    return (uint64_t)stat.st_blocks * 512;
}

static uint64_t taken_by_copies(const small_device *self)
{
    char path[500];
    uint64_t taken = 0;

    snprintf(path, sizeof path, "%s/base", self->home_path);
    DIR *folder = opendir(path);
    cr_assert(folder, "%s", path);
    for (const struct dirent *one; (one = readdir(folder));)
        if (one->d_type == DT_REG)
            taken += taken_by(path, one->d_name);
    closedir(folder);
    return taken;
}

/* By a program that writes into the file. */
static void edit_in_place(const small_device *self, const char *name, off_t at, char byte,
                          off_t length)
{
    char path[500];

    snprintf(path, sizeof path, "%s/%s", self->folder, name);
    int file = open(path, O_WRONLY);
    cr_assert_geq(file, 0, "%s", path);
    cr_assert_eq(pwrite(file, &byte, 1, at), 1);
    cr_assert_eq(ftruncate(file, length), 0);
    close(file);
}

/* It grows by a hole three times; then what was written is zero again. */
Test(engine_large, keeps_the_holes_of_an_image_whoever_edits_it)
{
    enum { STEP = SIZE / 8 };
    small_world *w = small_world_new(18, 2);

    cr_assert(user_writes_sparse(&w->devices[0], "image", 2 * STEP, cf_bytes_of_text("end")));
    settles_equal(w);
    for (int i = 0; i < 6; i++) {
        edit_in_place(&w->devices[i % 2], "image", STEP / 4 * (i % 3 + 1), i < 3 ? 'x' : 0,
                      (i < 3 ? i + 3 : 5) * STEP);
        settles_equal(w);
        for (int k = 0; k < w->count; k++) {
            const small_device *self = &w->devices[k];

            cr_expect_lt(taken_by(self->folder, "image"), STEP, "edit %d, device %d", i, k);
            cr_expect_lt(taken_by_copies(self), STEP, "edit %d, device %d: copies", i, k);
            cr_expect_eq(expect_good_copies(self), 1, "edit %d, device %d", i, k);
        }
    }
    small_world_destroy(&w);
}
