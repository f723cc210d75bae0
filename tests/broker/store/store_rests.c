/* SPDX-License-Identifier: Apache-2.0 */
/* A table of the RocksDB store that is damaged, beside those of others, and under what is written
 * anew in the background. */
#include "tests/broker/store/store_fixture.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define REMEDY "a remedy"
#define BODY "what a device wrote, so long that it begins before the place that is flipped"

static const cf_hash carol_user = {"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"};

enum { TABLES = 6, ENTRIES = 30, WRITES_MAX = 100000 };

static cf_store *open_resting(const scratch *folder)
{
    static const uint8_t instance[16] = "instance of test";
    const cf_store_options options = {
        .path = folder->path, .random = instance, .rests = true, .remedy = REMEDY};
    cf_store *store = NULL;
    cf_error error;

    expect_ok(cf_store_rocksdb_open(&options, &store, &error), error);
    return store;
}

/* A session in which each of these users writes an entry, which comes into a table at the next. */
static void live(const scratch *folder, author *writer, const cf_hash *const *users, size_t count)
{
    stage here = {.kind = STORE_IN_ROCKSDB, .store = open_resting(folder)};
    cf_buffer wire = {0};
    uint64_t epoch;
    cf_error error;

    author_write(writer, cf_bytes_of_text(BODY), &wire);
    for (size_t i = 0; i < count; i++) {
        expect_ok(here.store->acquire(here.store, users[i], &epoch, &error), error);
        stage_append_wire(&here, users[i], epoch, cf_buffer_view(&wire));
        expect_commit(&here);
        cr_assert_eq(here.answer, CF_APPEND_STORED);
    }
    cf_buffer_release(&wire);
    cf_store_destroy(&here.store);
}

/* The largest table: that of entries, where all have one. */
static void find_entries(const scratch *folder, char path[512])
{
    char pattern[512];
    off_t size = 0;
    struct stat found;
    glob_t names;

    snprintf(pattern, sizeof pattern, "%s/*.sst", folder->path);
    cr_assert_eq(glob(pattern, 0, NULL, &names), 0);
    for (size_t i = 0; i < names.gl_pathc; i++)
        if (stat(names.gl_pathv[i], &found) == 0 && found.st_size > size) {
            size = found.st_size;
            snprintf(path, 512, "%s", names.gl_pathv[i]);
        }
    globfree(&names);
}

static void flip(const char *path, off_t at)
{
    const int file = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte;

    cr_assert_eq(pread(file, &byte, 1, at), 1);
    byte ^= 0x10;
    cr_assert_eq(pwrite(file, &byte, 1, at), 1);
    close(file);
}

/* The first entries of ann and bob are in a table that is damaged, among those which are written
 * anew; carol's is in another. */
static scratch *a_damaged_store(void)
{
    const cf_hash *const both[] = {&ann_user, &bob_user}, *const carol[] = {&carol_user};
    author writer = an_author(1), other = an_author(2);
    scratch *folder = scratch_new();
    char entries[512];

    live(folder, &writer, both, 2);
    live(folder, &other, carol, 1);
    find_entries(folder, entries);
    for (int i = 0; i < TABLES; i++)
        live(folder, &writer, both, 1);
    flip(entries, 100);
    return folder;
}

Test(store_rests, serves_who_has_nothing_in_a_damaged_table)
{
    scratch *folder = a_damaged_store();
    stage here = {.kind = STORE_IN_ROCKSDB, .store = open_resting(folder)};
    cf_error error;
    uint64_t epoch;

    expect_ok(here.store->acquire(here.store, &carol_user, &epoch, &error), error);
    expect_positions(&here, &carol_user, 1, 1);
    expect_ok(here.store->damage(here.store, &error), error);
    expect_fails(here.store->acquire(here.store, &bob_user, &epoch, &error), CF_BROKEN);
    cf_store_destroy(&here.store);
    scratch_destroy(&folder);
}

static void count_damage(void *context, const cf_hash *user, const cf_error *what)
{
    int *count = context;

    *count += !user && strstr(what->text, "table entries");
}

/* A session in which ann writes so much that her table has blocks that begin and end with hers. */
static void write_much(const scratch *folder, author *writer)
{
    stage here = {.kind = STORE_IN_ROCKSDB, .store = open_resting(folder)};
    uint8_t body[3000] = {0};
    cf_buffer wire = {0};
    cf_error error;

    expect_ok(here.store->acquire(here.store, &ann_user, &here.epoch, &error), error);
    for (int i = 0; i < ENTRIES; i++) {
        wire.size = 0;
        author_write(writer, cf_bytes_of(body, sizeof body), &wire);
        stage_append_wire(&here, &ann_user, here.epoch, cf_buffer_view(&wire));
    }
    expect_commit(&here);
    cr_assert_eq(here.answer, CF_APPEND_STORED);
    cf_buffer_release(&wire);
    cf_store_destroy(&here.store);
}

/* Who looks for what is there goes past such a block; what is written anew reads it. */
Test(store_rests, finds_a_damaged_block_in_which_all_is_removed)
{
    author writer = an_author(1);
    scratch *folder = scratch_new();
    char entries[512];
    cf_error error;
    int count = 0;

    write_much(folder, &writer);
    cf_store *store = open_resting(folder);
    cf_store_destroy(&store);
    find_entries(folder, entries);
    flip(entries, ENTRIES / 2 * 3000);
    store = open_resting(folder);
    expect_ok(store->forget(store, &ann_user, &error), error);
    expect_ok(store->verify(store, count_damage, &count, &error), error);
    cr_expect_eq(count, 1);
    cf_store_destroy(&store);
    scratch_destroy(&folder);
}

/* Until it has met the damage. */
static void write_until_hindered(cf_store *store)
{
    const cf_kv record = {cf_bytes_of_text("key"), cf_bytes_of_text("before")};
    cf_error error;
    int count = 0;

    while (store->write(store, &carol_user, &record, 1, true, &error) == CF_OK)
        cr_assert_lt(++count, WRITES_MAX);
    cr_assert_eq(error.status, CF_IO, "%s", error.text);
}

Test(store_rests, goes_on_writing_when_damage_was_met_in_the_background)
{
    scratch *folder = a_damaged_store();
    stage here = {.kind = STORE_IN_ROCKSDB, .store = open_resting(folder)};
    bool for_good;
    cf_error error;

    expect_ok(here.store->acquire(here.store, &carol_user, &here.epoch, &error), error);
    here.store->compact(here.store);
    write_until_hindered(here.store);
    here.store->commit(here.store, &error);
    expect_fails(here.store->damage(here.store, &error), CF_BROKEN);
    cr_assert(strstr(error.text, REMEDY), "%s", error.text);
    cr_assert(strstr(error.text, ".sst"), "%s", error.text);
    expect_ok(here.store->failure(here.store, &for_good, &error), error);
    here.store->compact(here.store);
    stage_write(&here, &carol_user, "key", "after", true);
    expect_record(&here, &carol_user, "key", "after");
    expect_positions(&here, &carol_user, 1, 1);
    cf_store_destroy(&here.store);
    scratch_destroy(&folder);
}
