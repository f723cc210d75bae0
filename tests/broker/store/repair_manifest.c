/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of a store that lost its manifest. */
#include "broker/store/store_salvage.h"
#include "tests/broker/store/damaged_store.h"
#include "tests/broker/people/people.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/calls.h"
#include "tests/support/expect.h"

enum { RECORDS = 3000, VALUE = 1000 };

/* Of one that was killed: its entries fill many tables, and stand in its logs, too, since the other
 * tables, of small things, were not written for a long time. One record is written again and again,
 * and one is removed at last. */
enum { WRITES = 200, LARGE = 7000, KILLED_BUFFER = 128 << 10 };

static const uint8_t often[] = {200, 1}, gone[] = {200, 2};

static void write_record(cf_store *store, const cf_hash *of, cf_bytes key, cf_bytes value)
{
    const cf_kv record = {key, value};
    cf_error error;

    expect_ok(store->write(store, of, &record, 1, true, &error), error);
}

static void write_much(void)
{
    const cf_store_options options = {
        .path = path, .random = instance, .write_buffer = KILLED_BUFFER, .has_inventory = true};
    person account = an_account(1), device;
    char body[LARGE + 1];
    cf_store *store = NULL;
    cf_log *log = NULL;
    cf_error error;

    memset(body, 'b', LARGE);
    body[LARGE] = '\0';
    expect_ok(cf_store_rocksdb_open(&options, &store, &error), error);
    device = a_device(2, &account.user);
    expect_ok(cf_log_open(store, &account.user, NULL, &log, &error), error);
    first_entry(&account);
    append_entry(log, &account);
    let_in(&account, &device, CF_ROLE_OWNER);
    append_entry(log, &account);
    learn(&device, &account);
    for (uint32_t i = 0; i < WRITES; i++) {
        write_change(&device, body, NULL, 0);
        append_entry(log, &device);
        expect_ok(store->commit(store, &error), error);
        write_record(store, &account.user, cf_bytes_of(often, sizeof often),
                     cf_bytes_of(&i, sizeof i));
        write_record(store, &account.user, cf_bytes_of(gone, sizeof gone),
                     i + 1 < WRITES ? cf_bytes_of(&i, sizeof i) : (cf_bytes){0});
    }
}

static void write_and_be_killed(void)
{
    int status;
    const pid_t child = fork();

    cr_assert(child >= 0);
    if (child == 0) {
        alarm(120);
        write_much();
        _exit(0); /* with the store open */
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}

static void expect_all_that_was_written(void)
{
    const person account = an_account(1);
    cf_store *store = NULL;
    cf_buffer value = {0};
    size_t count = 0;
    uint32_t last_written = 0;
    cf_error error;

    expect_ok(cf_store_salvage_open(path, copy, &store, &error), error);
    expect_ok(store->read(store, &account.user, 1, count_entry, &count, &error), error);
    cr_expect_eq(count, 2 + WRITES, "%zu", count);
    expect_ok(store->get(store, &account.user, cf_bytes_of(often, sizeof often), &value, &error),
              error);
    cr_assert_eq(value.size, sizeof last_written);
    memcpy(&last_written, value.data, sizeof last_written);
    cr_expect_eq(last_written, WRITES - 1, "%u", last_written);
    count = 0;
    expect_ok(store->scan(store, &account.user, cf_bytes_of(gone, 1), count_record, &count, &error),
              error);
    cr_expect_eq(count, 1, "what was removed is there");
    cf_buffer_release(&value);
    cf_store_destroy(&store);
}

static void remove_manifest(void)
{
    find_file("MANIFEST-");
    cr_assert_eq(remove(file), 0);
}

/* RocksDB's own repair makes tables of the logs, which overlap with those that are there. */
Test(repair_manifest, loses_nothing_of_one_that_was_killed_and_has_no_manifest)
{
    scratch *here = arrive();

    write_and_be_killed();
    cr_assert_gt(count_tables(), 3, "%zu", count_tables());
    cr_assert_gt(find_file(".log"), 0);
    expect_all_that_was_written();
    remove_manifest();
    expect_all_that_was_written();
    scratch_destroy(&here);
}

/* As a compaction leaves them: each has keys of its own, and changes of all times. */
Test(repair_manifest, makes_a_manifest_of_tables_that_do_not_follow_each_other_in_time)
{
    enum { COMPACTED = 40, OF_RECORD = 5000 };
    static const char *const names[] = {"target_file_size_base", "max_bytes_for_level_base"};
    static const char *const sizes[] = {"20000", "1000"};
    const cf_store_options options = {.path = path, .random = instance};
    scratch *here = arrive();
    rocksdb_flushoptions_t *flushing = rocksdb_flushoptions_create();
    uint8_t value[OF_RECORD];
    cf_store *store = NULL;
    char *text = NULL;
    cf_error error;

    randombytes_buf(value, sizeof value);
    expect_ok(cf_store_rocksdb_open(&options, &store, &error), error);
    cf_rocks *rocks = cf_rocks_store_of(store)->rocks;
    rocksdb_column_family_handle_t *records = rocks->tables[CF_ROCKS_RECORDS];
    const rocksdb_snapshot_t *all = rocksdb_create_snapshot(rocks->db); /* keeps the numbers */
    rocksdb_set_options_cf(rocks->db, records, 2, names, sizes, &text);
    cr_assert_null(text, "%s", text);
    for (uint8_t round = 0; round < 2; round++) {
        for (uint8_t i = 0; i < COMPACTED; i++) {
            const uint8_t key[] = {1, (uint8_t)(i * 7 % COMPACTED)};

            value[0] = round;
            write_record(store, &store_user, cf_bytes_of(key, sizeof key),
                         cf_bytes_of(value, sizeof value));
        }
        rocksdb_flush_cf(rocks->db, flushing, records, &text);
        cr_assert_null(text, "%s", text);
    }
    rocksdb_compact_range_cf(rocks->db, records, NULL, 0, NULL, 0);
    rocksdb_release_snapshot(rocks->db, all);
    rocksdb_flushoptions_destroy(flushing);
    cf_store_destroy(&store);
    cr_assert_gt(count_tables(), 5, "%zu", count_tables());
    remove_manifest();
    cr_expect_eq(salvaged(), COMPACTED);
    scratch_destroy(&here);
}

/* A compaction of what is old may have ended after what is new was flushed: its tables have the
 * higher numbers then, by which RocksDB looks for one key. */
Test(repair_manifest, reads_what_was_written_last_whatever_the_tables_are_called)
{
    const cf_store_options options = {.path = path, .random = instance};
    scratch *here = arrive();
    rocksdb_flushoptions_t *flushing = rocksdb_flushoptions_create();
    char later[sizeof path + 16], *text = NULL;
    cf_buffer value = {0};
    cf_store *store = NULL;
    cf_error error;

    expect_ok(cf_store_rocksdb_open(&options, &store, &error), error);
    const cf_rocks *rocks = cf_rocks_store_of(store)->rocks;
    for (uint8_t i = 0; i < 2; i++) {
        write_record(store, &store_user, cf_bytes_of(often, sizeof often),
                     cf_bytes_of(&i, sizeof i));
        rocksdb_flush_cf(rocks->db, flushing, rocks->tables[CF_ROCKS_RECORDS], &text);
        cr_assert_null(text, "%s", text);
        if (i == 0)
            find_file(".sst");
    }
    snprintf(later, sizeof later, "%s/000900.sst", path);
    cf_store_destroy(&store);
    cr_assert_eq(rename(file, later), 0);
    remove_manifest();
    for (int i = 0; i < 2; i++) { /* the values stand there, too */
        find_file(".log");
        cr_assert_eq(remove(file), 0);
    }

    expect_ok(cf_store_salvage_open(path, copy, &store, &error), error);
    expect_ok(store->get(store, &store_user, cf_bytes_of(often, sizeof often), &value, &error),
              error);
    cr_assert_eq(value.size, 1);
    cr_expect_eq(value.data[0], 1, "what was written before it");
    cf_store_destroy(&store);
    cf_buffer_release(&value);
    rocksdb_flushoptions_destroy(flushing);
    scratch_destroy(&here);
}

/* Nor does one bad block take the rest of its table with it. */
Test(repair_manifest, reads_what_is_whole_of_a_table_without_a_manifest)
{
    scratch *here = arrive();
    cf_error error;

    make_store(RECORDS, VALUE, false);
    expect_ok(reopen(false, &error), error); /* into a table */
    remove_manifest();
    const off_t size = find_file(".sst");
    flip(size / 2);
    const size_t left = salvaged_by(false);
    cr_expect_gt(left, 0);
    cr_expect_lt(left, RECORDS);
    scratch_destroy(&here);
}

/* The last bytes of a table: ..., places of blocks, version, magic. */
enum { FOOTER = 53, FOOTER_VERSION = 41 };

static void use_footer(const char *mode, off_t size, uint8_t footer[FOOTER])
{
    FILE *table = fopen(file, mode);

    cr_assert(table);
    cr_assert_eq(fseek(table, size - FOOTER, SEEK_SET), 0);
    cr_assert_eq(strchr(mode, '+') ? fwrite(footer, 1, FOOTER, table)
                                   : fread(footer, 1, FOOTER, table),
                 FOOTER);
    cr_assert_eq(fclose(table), 0);
}

static void make_tables(void)
{
    cf_error error;

    make_store(30, 10, false);
    expect_ok(reopen(false, &error), error); /* into tables */
    remove_manifest();
}

static cf_status salvage(cf_error *error)
{
    cf_store *store = NULL;

    const cf_status status = cf_store_salvage_open(path, copy, &store, error);
    cf_store_destroy(&store);
    return status;
}

/* A newer RocksDB may write others unless it is told, and its own default changes. */
Test(repair_manifest, refuses_tables_of_a_format_that_it_does_not_read)
{
    scratch *here = arrive();
    uint8_t footer[FOOTER], newer[FOOTER];
    cf_error error;

    make_tables();
    const off_t size = find_file(".sst");
    use_footer("r", size, footer);
    cr_expect_eq(footer[FOOTER_VERSION], 5);
    memcpy(newer, footer, sizeof newer);
    memset(newer + 1, 0, FOOTER_VERSION - 1); /* what stands there in version 6 is no place */
    newer[FOOTER_VERSION] = 6;
    use_footer("r+", size, newer);
    expect_fails(salvage(&error), CF_BROKEN);
    cr_expect(strstr(error.text, "format 6, and this program reads up to 5"), "%s", error.text);
    /* But one bit that was flipped. */
    footer[FOOTER_VERSION] = 7;
    use_footer("r+", size, footer);
    expect_ok(salvage(&error), error);
    footer[FOOTER_VERSION] = 5;
    use_footer("r+", size, footer);
    cr_expect_eq(salvaged(), 30);
    scratch_destroy(&here);
}

/* Or all that stands in it would be gone of the mended store. */
Test(repair_manifest, leaves_out_no_table_that_the_disk_does_not_give)
{
    static const char *const folders[] = {"", ".trial"}; /* of ours, and of RocksDB's look */
    char at[sizeof copy + 64];
    scratch *here = arrive();
    cf_error error;

    make_tables();
    const off_t size = find_file(".sst");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(at, sizeof at, "%s%s%s", copy, folders[i], strrchr(file, '/'));
        calls_give_eio(at, size - FOOTER, size, -1);
        expect_fails(salvage(&error), CF_IO);
        cr_expect(strstr(error.text, ".sst"), "%s", error.text);
    }
    calls_give_eio(NULL, 0, 0, 0);
    cr_expect_eq(salvaged(), 30);
    scratch_destroy(&here);
}

/* In that of the default table stands what is read first. */
Test(repair_manifest, opens_a_store_whichever_table_has_a_damaged_block)
{
    scratch *here = arrive();
    size_t count = 0;
    cf_error error;

    make_store(30, 10, false);
    expect_ok(reopen(false, &error), error); /* into tables */
    for (int has_manifest = 1; has_manifest >= 0; has_manifest--)
        for (int number = 1; number < 60; number++) {
            snprintf(file, sizeof file, "%s/%06d.sst", path, number);
            if (access(file, F_OK) == 0) {
                flip(0);
                count += salvaged_by(false) == 30;
                flip(0);
            }
            if (has_manifest && number == 59)
                remove_manifest();
        }
    cr_expect_geq(count, 2, "%zu", count);
    scratch_destroy(&here);
}

static size_t number_at(const uint8_t **at)
{
    size_t number = 0;

    for (unsigned shift = 0;; shift += 7) {
        number |= (size_t)(**at & 0x7f) << shift;
        if (!(*(*at)++ & 0x80))
            return number;
    }
}

/* The index of what stands beside a table's keys names no properties, and ends behind its end. */
Test(repair_manifest, reads_nothing_behind_a_block_that_is_shorter_than_it_says)
{
    static const char wanted[] = "rocksdb.properties";
    scratch *here = arrive();
    uint8_t footer[FOOTER], block[4096];
    cf_error error;

    make_tables();
    const off_t size = find_file(".sst");
    use_footer("r", size, footer);
    const uint8_t *place = footer + 1;
    const size_t at = number_at(&place), length = number_at(&place);
    FILE *table = fopen(file, "r+");
    cr_assert(table);
    cr_assert(length <= sizeof block);
    cr_assert_eq(fseek(table, (long)at, SEEK_SET), 0);
    cr_assert_eq(fread(block, 1, length, table), length);
    uint8_t *key = memmem(block, length, wanted, strlen(wanted));
    cr_assert(key);
    *key = 'R';
    memcpy(block + length - 4, "\0\x7f\0", 4); /* which a reader takes for one more pair */
    cr_assert_eq(fseek(table, (long)at, SEEK_SET), 0);
    cr_assert_eq(fwrite(block, 1, length, table), length);
    cr_assert_eq(fclose(table), 0);
    expect_ok(salvage(&error), error);
    scratch_destroy(&here);
}
