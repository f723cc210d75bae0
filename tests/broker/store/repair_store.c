/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of a store on a disk that can't give parts of it, and which store opens. */
#include "tests/broker/store/damaged_store.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/calls.h"
#include "tests/support/expect.h"
#include "tests/support/short_form.h"

enum { RECORDS = 3000, VALUE = 1000, SECTOR = 4096, TIMES = 3 };

/* A log is read in blocks of 32 KiB: what stands in that of the sector, and what begins or ends
 * there, is lost with it. */
Test(repair, loses_a_sector_of_a_log_and_nothing_else)
{
    scratch *here = arrive();

    make_store(RECORDS, VALUE, false);
    const off_t size = find_file(".log");
    cr_assert_gt(size, RECORDS * VALUE);
    for (off_t at = 0; at < size; at += size / 3) {
        const off_t sector = at / SECTOR * SECTOR;

        calls_give_eio(file, sector + 512, sector + 1024, -1);
        const size_t left = salvaged();
        cr_expect_geq(left, RECORDS - 40, "%zu of them, sector at %lld", left, (long long)sector);
        cr_expect_lt(left, RECORDS);
    }
    calls_give_eio(NULL, 0, 0, 0);
    cr_expect_eq(salvaged(), RECORDS);
    scratch_destroy(&here);
}

/* RocksDB itself ends where the next one is in parts: see cf_store_tail_keep_whole. */
Test(repair, loses_a_record_in_parts_and_nothing_behind_it)
{
    enum { COUNT = 30, LARGE = 100000, BLOCK = 32768 };
    scratch *here = arrive();

    make_store(COUNT, LARGE, false);
    const off_t size = find_file(".log");
    cr_assert_gt(size, COUNT * LARGE);
    const off_t begins[] = {BLOCK, 10 * BLOCK, 20 * BLOCK - 100, size / BLOCK * BLOCK};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        flip(begins[i] + 20);
        const size_t left = salvaged();
        cr_expect(left >= COUNT - 2, "%zu of them, damage at %lld", left, (long long)begins[i]);
        cr_expect(left < COUNT, "%zu of them, damage at %lld", left, (long long)begins[i]);
        flip(begins[i] + 20); /* back */
    }
    cr_expect_eq(salvaged(), COUNT);
    scratch_destroy(&here);
}

/* The manifest would be taken for one of an older state, and what it doesn't name be removed. */
Test(repair, makes_a_manifest_where_it_can_not_read_it_whole)
{
    scratch *here = arrive();

    make_store(100, 10, true);
    const off_t size = find_file("MANIFEST-");
    cr_assert_gt(size, 2 * SECTOR, "%lld", (long long)size);
    for (off_t at = 0; at < size; at += SECTOR * one_in(1, 3, 6)) {
        calls_give_eio(file, at, at + 1, -1);
        cr_expect_eq(salvaged(), 100, "sector at %lld", (long long)at);
        /* Whoever reads the sector later sees it whole. */
        for (int times = 1; times <= TIMES; times += (int)one_in(1, 2, 2)) {
            calls_give_eio(file, at, at + 1, times);
            cr_expect_eq(salvaged(), 100, "sector at %lld, %d times", (long long)at, times);
        }
    }
    scratch_destroy(&here);
}

/* Into a log. */
static void write_one(void)
{
    const cf_store_options options = {
        .path = path, .existing = true, .random = instance, .has_inventory = true};
    const cf_kv record = {cf_bytes_of_text("one"), cf_bytes_of_text("more")};
    cf_store *store = NULL;
    cf_error error;

    expect_ok(cf_store_rocksdb_open(&options, &store, &error), error);
    expect_ok(store->write(store, &store_user, &record, 1, true, &error), error);
    cf_store_destroy(&store);
}

/* Data, filter, index, properties, and what leads to them: the table is set aside, or not needed
 * whole. */
Test(repair, opens_a_store_whatever_part_of_a_table_is_damaged)
{
    scratch *here = arrive();
    size_t whole = 0, count = 0;

    make_store(30, 10, false);
    cf_error error;
    expect_ok(reopen(false, &error), error); /* into a table */
    const off_t size = find_file(".sst");
    for (off_t at = 0; at < size; at += 64 * one_in(1, 2, 2)) {
        flip(at);
        whole += salvaged_by(false) == 30;
        count++;
        flip(at);
    }
    cr_expect_gt(count, 15 / one_in(1, 2, 2));
    cr_expect_gt(whole, 0, "of the filter nothing is needed");
    cr_expect_eq(salvaged(), 30);
    scratch_destroy(&here);
}

static void expect_refused_and_unharmed(off_t at, size_t tables)
{
    cf_error error;

    flip(at);
    expect_fails(reopen(false, &error), CF_BROKEN);
    cr_assert_eq(count_tables(), tables, "at %lld", (long long)at);
    cr_expect_eq(salvaged(), 10, "at %lld", (long long)at);
    flip(at);
}

/* Where the next record of a log as RocksDB writes it begins: four bytes of a checksum,
 * two of the length, one of the kind. */
static off_t next_record(off_t at)
{
    uint8_t head[7];
    FILE *from = fopen(file, "rb");

    cr_assert(from);
    cr_assert_eq(fseeko(from, at, SEEK_SET), 0);
    cr_assert_eq(fread(head, 1, sizeof head, from), sizeof head);
    fclose(from);
    return at + (off_t)sizeof head + head[4] + 256 * head[5];
}

/* Of a length that is wrong, RocksDB takes what follows for a write that was interrupted, and
 * removes the tables that it knows no more. Of a store that was not closed the last record may be
 * one. */
Test(repair, refuses_a_manifest_that_was_flipped_and_removes_no_table)
{
    enum { CHECKSUM = 0, LENGTH = 5, IN_IT = 9 };
    static const off_t flipped[] = {CHECKSUM, LENGTH, IN_IT};
    scratch *here = arrive();
    size_t records = 0;
    cf_error error;

    make_store(10, 10, true);
    const off_t size = find_file("MANIFEST-");
    const size_t tables = count_tables();
    for (off_t at = 0, next; (next = next_record(at)) < size; at = next, records++) {
        const unsigned each = one_in(1, 3, 3);

        for (size_t i = records % each; i < sizeof flipped / sizeof *flipped; i += each)
            expect_refused_and_unharmed(at + flipped[i], tables);
    }
    cr_expect_gt(records, 2);
    expect_ok(reopen(false, &error), error);
    scratch_destroy(&here);
}

/* The power went while a table was written into it. */
Test(repair, opens_a_store_whose_manifest_ends_in_a_torn_write)
{
    static const char torn[27] = "\x11\x22\x33\x44\x3c\x00\x01 of 60 bytes";
    scratch *here = arrive();
    cf_error error;

    make_store(10, 10, true);
    find_file("MANIFEST-");
    FILE *to = fopen(file, "ab");
    cr_assert(to);
    cr_assert(fwrite(torn, 1, sizeof torn, to) == sizeof torn);
    cr_assert(!fclose(to));
    expect_ok(reopen(false, &error), error);
    cr_expect_eq(salvaged(), 10);
    scratch_destroy(&here);
}

/* Of what was acknowledged: a store that was closed has no write that a power cut tore. */
Test(repair, cuts_nothing_off_a_store_that_was_closed)
{
    scratch *here = arrive();
    cf_error error;
    char list[192];

    make_store(10, 10, false);
    expect_ok(reopen(true, &error), error);
    write_one();
    snprintf(list, sizeof list, "%s/INVENTORY", path);
    for (int i = 0; i < 2; i++) {
        const off_t size = find_file(i ? ".log" : "MANIFEST-");

        cr_assert_gt(size, 4);
        flip(size - 4);
        expect_fails(reopen(true, &error), CF_BROKEN);
        cr_expect(strstr(error.text, "damaged behind"), "%s", error.text);
        flip(size - 4);
    }
    char aside[600];
    find_file(".log");
    snprintf(aside, sizeof aside, "%s.aside", file);
    cr_assert_eq(rename(file, aside), 0);
    expect_fails(reopen(true, &error), CF_BROKEN);
    cr_assert_eq(rename(aside, file), 0);
    /* But one that was killed. */
    find_file("MANIFEST-");
    FILE *torn = fopen(file, "a");
    fwrite("torn", 1, 4, torn);
    fclose(torn);
    expect_fails(reopen(true, &error), CF_BROKEN);
    cr_assert_eq(remove(list), 0);
    expect_ok(reopen(true, &error), error);
    cr_expect_eq(salvaged(), 11);
    scratch_destroy(&here);
}
