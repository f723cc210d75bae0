/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/store/damaged_store.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "broker/store/store_salvage.h"
#include "tests/support/expect.h"

const cf_hash store_user = {"uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"};
const uint8_t instance[16] = "instance of test";
char path[128], copy[128], file[512];

off_t find_file(const char *part)
{
    DIR *names = opendir(path);
    const struct dirent *entry;
    struct stat found;
    char best[256] = "";

    cr_assert(names);
    while ((entry = readdir(names)))
        if (strstr(entry->d_name, part) && strcmp(entry->d_name, best) > 0)
            snprintf(best, sizeof best, "%s", entry->d_name);
    closedir(names);
    cr_assert(best[0], "no file %s", part);
    snprintf(file, sizeof file, "%s/%s", path, best);
    cr_assert_eq(stat(file, &found), 0);
    return found.st_size;
}

scratch *arrive(void)
{
    scratch *here = scratch_new();

    snprintf(path, sizeof path, "%s/store", here->path);
    snprintf(copy, sizeof copy, "%s/store.copy", here->path);
    return here;
}

void make_store(size_t count, size_t size, bool flushed)
{
    const cf_store_options options = {.path = path, .random = instance};
    rocksdb_flushoptions_t *flushing = rocksdb_flushoptions_create();
    cf_buffer value = {0};
    cf_store *store = NULL;
    cf_error error;

    memset(cf_buffer_reserve(&value, size), 'v', size);
    expect_ok(cf_store_rocksdb_open(&options, &store, &error), error);
    cf_rocks *rocks = cf_rocks_store_of(store)->rocks;
    for (size_t i = 0; i < count; i++) {
        const uint8_t key[] = {1, (uint8_t)(i >> 8), (uint8_t)i};
        const cf_kv record = {cf_bytes_of(key, sizeof key), cf_bytes_of(value.data, size)};
        char *text = NULL;

        expect_ok(store->write(store, &store_user, &record, 1, i + 1 == count, &error), error);
        for (size_t table = 0; flushed && !text && table < CF_ROCKS_TABLES; table++)
            rocksdb_flush_cf(rocks->db, flushing, rocks->tables[table], &text);
        cr_assert_null(text);
    }
    cf_store_destroy(&store);
    rocksdb_flushoptions_destroy(flushing);
    cf_buffer_release(&value);
}

bool count_record(void *context, cf_bytes key, cf_bytes value)
{
    size_t *count = context;

    (void)key, (void)value;
    ++*count;
    return true;
}

size_t salvaged_by(bool readable)
{
    cf_store *store = NULL;
    size_t count = 0;
    cf_error error;

    expect_ok(cf_store_salvage_open(path, copy, &store, &error), error);
    const cf_status status =
        store->scan(store, &store_user, (cf_bytes){0}, count_record, &count, &error);
    if (readable)
        expect_ok(status, error);
    cf_store_destroy(&store);
    return count;
}

size_t salvaged(void)
{
    return salvaged_by(true);
}

void flip(off_t at)
{
    FILE *damaged = fopen(file, "r+");
    uint8_t bytes[4];

    cr_assert(damaged);
    cr_assert_eq(fseek(damaged, at, SEEK_SET), 0);
    const size_t count = fread(bytes, 1, sizeof bytes, damaged);
    for (size_t i = 0; i < count; i++)
        bytes[i] ^= 0x5a;
    cr_assert_eq(fseek(damaged, at, SEEK_SET), 0);
    cr_assert_eq(fwrite(bytes, 1, count, damaged), count);
    cr_assert_eq(fclose(damaged), 0);
}

size_t count_tables(void)
{
    DIR *names = opendir(path);
    const struct dirent *entry;
    size_t count = 0;

    cr_assert(names);
    while ((entry = readdir(names)))
        count += strstr(entry->d_name, ".sst") != NULL;
    closedir(names);
    return count;
}

cf_status reopen(bool has_inventory, cf_error *error)
{
    const cf_store_options options = {
        .path = path, .existing = true, .random = instance, .has_inventory = has_inventory};
    cf_store *store = NULL;

    const cf_status status = cf_store_rocksdb_open(&options, &store, error);
    cf_store_destroy(&store);
    return status;
}

bool count_entry(void *context, uint64_t position, cf_bytes wire)
{
    (void)position;
    return count_record(context, wire, wire);
}
