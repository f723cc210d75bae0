/* SPDX-License-Identifier: Apache-2.0 */
/* A peer's home, and a broker's directory, on a simulated disk: nothing of them is anywhere else,
 * and what is said to be durable is. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/program/datadir.h"
#include "peer/log/birth.h"
#include "peer/log/home.h"
#include "tests/support/expect.h"
#include "tests/support/quiet.h"
#include "tests/worlds/disk_users.h"

enum { SEEDS = 100 };
static const char path[] = "/somewhere/deep/home";

typedef struct {
    uint64_t now_ms, seed;
    disk *disk;
    cf_store_memory_disk *store_disk;
    cf_env env;
    cf_home *home;
    cf_error error;
} device;

static void fill(void *context, void *out, size_t size)
{
    device *self = context;
    uint8_t *bytes = out;

    for (size_t i = 0; i < size; i++) {
        self->seed = self->seed * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (uint8_t)(self->seed >> 56);
    }
}

static uint64_t now(void *context)
{
    return ((device *)context)->now_ms;
}

static device *a_device(uint64_t seed)
{
    device *self = cf_allocate(1, sizeof *self);
    uint8_t id[16] = "disk of a device";

    cr_assert_geq(sodium_init(), 0);
    self->now_ms = UINT64_C(1795176000000);
    self->seed = seed;
    self->disk = disk_new(&(disk_options){.seed = seed, .now_ms = &self->now_ms});
    self->store_disk = cf_store_memory_disk_new(id);
    self->env = (cf_env){.context = self,
                         .random = fill,
                         .now_ms = now,
                         .report = no_report,
                         .files = disk_files(self->disk)};
    return self;
}

static void device_ends(device **self)
{
    cf_home_close(&(*self)->home);
    cf_store_memory_disk_destroy(&(*self)->store_disk);
    disk_destroy(&(*self)->disk);
    free(*self);
    *self = NULL;
}

static cf_status open_home(device *self, bool create, cf_home **out)
{
    cf_home_options options = {.env = &self->env,
                               .path = path,
                               .create = create,
                               .store = cf_store_memory_new(self->store_disk)};

    return cf_home_open(&options, out, &self->error);
}

/* A user is born in it. */
static device *a_household(uint64_t seed)
{
    device *self = a_device(seed);
    uint8_t secret[CF_PHRASE_SECRET];

    expect_ok(open_home(self, true, &self->home), self->error);
    cf_birth birth = {&self->env, self->home, "desk", self->now_ms};
    expect_ok(cf_birth_user(&birth, secret, &self->error), self->error);
    return self;
}

Test(disk_home, lies_on_its_disk_alone)
{
    device *self = a_household(1);
    cf_home *other = NULL;
    cf_buffer tree = {0};

    cr_assert(access(path, F_OK) != 0);
    cr_assert(disk_dump(self->disk, "/somewhere", &(disk_dump_options){0}, &tree));
    cf_buffer_append(&tree, "", 1);
    static const char *const parts[] = {"deep/home/keys 600", "deep/home/format", "deep/home/base",
                                        "deep/home/tmp", "deep/home/lock"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_assert(strstr((const char *)tree.data, parts[i]), "%s", parts[i]);
    expect_fails(open_home(self, false, &other), CF_LOCKED);
    cr_assert_str_eq(self->error.text,
                     "/somewhere/deep/home is in use by another process (simulated)");
    cf_buffer_release(&tree);
    device_ends(&self);
}

Test(disk_home, is_there_after_a_power_cut)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        device *self = a_household(seed);
        cf_keys *keys = NULL;
        cf_ring *ring = NULL;

        disk_crash(self->disk);
        cf_home_close(&self->home);
        expect_ok(open_home(self, false, &self->home), self->error);
        expect_ok(cf_home_load_secrets(self->home, &keys, &ring, &self->error), self->error);
        cf_keys_destroy(&keys);
        cf_ring_destroy(&ring);
        device_ends(&self);
    }
}

Test(disk_home, leaves_what_others_put_beside_it)
{
    for (int beside = 0; beside < 2; beside++) {
        device *self = a_household(1);
        cf_stat stat;

        disk_user_writes(self->disk, "/somewhere/deep/home/tmp/half", "text");
        if (beside)
            disk_user_writes(self->disk, "/somewhere/deep/home/mine", "text");
        expect_ok(cf_home_wipe(&self->home, &self->error), self->error);
        cr_assert_not(disk_user_stat(self->disk, "/somewhere/deep/home/keys", &stat));
        cr_assert_not(disk_user_stat(self->disk, "/somewhere/deep/home/tmp", &stat));
        cr_assert_eq(disk_user_stat(self->disk, path, &stat), beside);
        cr_assert_eq(disk_user_stat(self->disk, "/somewhere/deep/home/mine", &stat), beside);
        cr_assert(disk_user_stat(self->disk, "/somewhere/deep", &stat));
        device_ends(&self);
    }
}

/* What a thief reads of the disk after the power was cut. */
Test(disk_home, leaves_no_keys_in_a_file_that_comes_back)
{
    int came_back = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        device *self = a_household(seed);
        cf_buffer keys = {0};

        expect_ok(cf_home_wipe(&self->home, &self->error), self->error);
        disk_crash(self->disk);
        if (disk_user_reads(self->disk, "/somewhere/deep/home/keys", &keys)) {
            came_back++;
            for (size_t i = 0; i < keys.size; i++)
                cr_assert_eq(keys.data[i], 0);
        }
        cf_buffer_release(&keys);
        device_ends(&self);
    }
    cr_assert_gt(came_back, 0);
}

/* What a broker has beside its key is made by others. */
static void make_folders(device *self)
{
    static const char *const names[] = {"store", "blobs"};
    cf_folder *folder = NULL;

    expect_ok(self->env.files->open_root(self->env.files, path, &folder, &self->error),
              self->error);
    for (size_t i = 0; i < 2; i++)
        expect_ok(self->env.files->make_folder(self->env.files, folder, cf_bytes_of_text(names[i]),
                                               0700, &self->error),
                  self->error);
    self->env.files->close_folder(self->env.files, &folder);
}

static void finish_store(device *self)
{
    cf_files *files = self->env.files;
    cf_folder *folder = NULL, *store = NULL;

    expect_ok(files->open_root(files, path, &folder, &self->error), self->error);
    expect_ok(files->open_folder(files, folder, cf_bytes_of_text("store"), &store, &self->error),
              self->error);
    expect_ok(cf_files_write(files, store, cf_bytes_of_text("FORMAT"), 0600, cf_bytes_of_text("1"),
                             &self->error),
              self->error);
    files->close_folder(files, &store);
    files->close_folder(files, &folder);
}

Test(disk_home, of_a_broker_is_there_after_a_power_cut)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        device *self = a_device(seed);
        cf_datadir *datadir = NULL, *other = NULL;
        cf_hash first, again;

        expect_fails(cf_datadir_open(&self->env, path, CF_DATADIR_EXISTING, &datadir, &self->error),
                     CF_MISSING);
        expect_ok(cf_datadir_open(&self->env, path, CF_DATADIR_NEW, &datadir, &self->error),
                  self->error);
        make_folders(self);
        expect_fails(cf_datadir_open(&self->env, path, CF_DATADIR_NEW, &other, &self->error),
                     CF_LOCKED);
        finish_store(self);
        expect_ok(cf_datadir_finish(datadir, &self->error), self->error);
        expect_fails(cf_datadir_open(&self->env, path, CF_DATADIR_EXISTING, &other, &self->error),
                     CF_LOCKED);
        memcpy(first.bytes, cf_keys_public(cf_datadir_keys(datadir))->curve, CF_HASH_SIZE);
        disk_crash(self->disk);
        cf_datadir_destroy(&datadir);
        expect_ok(cf_datadir_open(&self->env, path, CF_DATADIR_EXISTING, &datadir, &self->error),
                  self->error);
        memcpy(again.bytes, cf_keys_public(cf_datadir_keys(datadir))->curve, CF_HASH_SIZE);
        cr_assert(cf_hash_equal(&first, &again));
        cf_datadir_destroy(&datadir);
        device_ends(&self);
    }
}

/* Whatever of it is on the disk, who makes a broker next finishes it: nobody knows the key. */
Test(disk_home, of_a_broker_is_made_again_after_a_power_cut_in_the_midst)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        device *self = a_device(seed);
        cf_datadir *datadir = NULL;

        expect_ok(cf_datadir_open(&self->env, path, CF_DATADIR_EITHER, &datadir, &self->error),
                  self->error);
        if (seed % 2)
            make_folders(self);
        disk_crash(self->disk);
        cf_datadir_destroy(&datadir);
        expect_fails(cf_datadir_open(&self->env, path, CF_DATADIR_EXISTING, &datadir, &self->error),
                     CF_MISSING);
        expect_ok(cf_datadir_open(&self->env, path, CF_DATADIR_EITHER, &datadir, &self->error),
                  self->error);
        cr_assert(cf_datadir_is_new(datadir));
        cf_datadir_destroy(&datadir);
        device_ends(&self);
    }
}
