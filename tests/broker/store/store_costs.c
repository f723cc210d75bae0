/* SPDX-License-Identifier: Apache-2.0 */
/* What the RocksDB store reads for one question, counted beside few and many other things. */
#include "broker/store/store_rocksdb.h"
#include "tests/broker/store/store_fixture.h"
#include "tests/support/expect.h"

#include <rocksdb/c.h>
#include <stdio.h>

enum { COUNT_ONLY = 2 };

/* ---- Heads ---- */

/* Keys that are no longer there, and values that are not the latest, which asking for heads passes.
 */
static uint64_t passed_for_heads(stage *it)
{
    rocksdb_perfcontext_t *perf = rocksdb_perfcontext_create();

    rocksdb_set_perf_level(COUNT_ONLY);
    rocksdb_perfcontext_reset(perf);
    cf_heads heads = stage_heads(it);
    uint64_t passed = rocksdb_perfcontext_metric(perf, rocksdb_internal_delete_skipped_count) +
                      rocksdb_perfcontext_metric(perf, rocksdb_internal_key_skipped_count);
    cr_expect_eq(heads.count, 1);
    rocksdb_perfcontext_destroy(perf);
    cf_heads_release(&heads);
    return passed;
}

Test(store_costs, asks_for_heads_at_the_same_cost_however_many_entries_there_are)
{
    static const int tens[] = {1, 9, 90};
    stage it = a_stage(STORE_IN_ROCKSDB);
    author ann = an_author(1);

    for (size_t i = 0; i < sizeof tens / sizeof *tens; i++) {
        stage_append_tens(&it, &ann, tens[i]);
        uint64_t passed = passed_for_heads(&it);
        cr_expect_leq(passed, 20, "%llu", (unsigned long long)passed);
    }
    stage_end(&it);
}

/* ---- Values ---- */

enum { LONG_KEY = 300, ASKED = 16 };

/* What stands before the number makes an index of few values as large as one of many; in no order,
 * so that they come into one file. */
static cf_bytes long_key(size_t number, char text[LONG_KEY + 1])
{
    memset(text, 'k', LONG_KEY);
    snprintf(text + LONG_KEY - 10, 11, "%010u", (uint32_t)number * 2654435761U);
    return cf_bytes_of(text, LONG_KEY);
}

static void write_values(stage *it, size_t from, size_t to)
{
    char text[LONG_KEY + 1];

    for (; from < to; from++) {
        cf_kv record = {long_key(from, text), cf_bytes_of(text, LONG_KEY)};

        expect_ok(it->store->write(it->store, &ann_user, &record, 1, false, &it->error), it->error);
    }
}

/* RocksDB does by itself what it has time for. */
static void make_one_file(const stage *it)
{
    const cf_rocks *rocks = cf_rocks_store_of(it->store)->rocks;

    rocksdb_compact_range_cf(rocks->db, rocks->tables[CF_ROCKS_RECORDS], NULL, 0, NULL, 0);
}

static void ask_for_values(stage *it)
{
    cf_buffer value = {0};
    char text[LONG_KEY + 1];

    for (size_t i = 0; i < ASKED; i++)
        expect_ok(it->store->get(it->store, &ann_user, long_key(i, text), &value, &it->error),
                  it->error);
    cf_buffer_release(&value);
}

/* Bytes of the table files, by who asks for the same as a moment ago. */
static uint64_t read_again(stage *it)
{
    rocksdb_perfcontext_t *perf = rocksdb_perfcontext_create();

    ask_for_values(it);
    rocksdb_set_perf_level(COUNT_ONLY);
    rocksdb_perfcontext_reset(perf);
    ask_for_values(it);
    uint64_t read = rocksdb_perfcontext_metric(perf, rocksdb_block_read_byte);
    rocksdb_perfcontext_destroy(perf);
    return read;
}

/* A shard of the cache may be full by chance: then a value costs a part of the index, and its own
 * block. */
Test(store_costs, reads_few_blocks_for_a_value_however_many_there_are)
{
    enum { BLOCK = 4096, BLOCKS = 3 };
    static const size_t counts[] = {200, 2000, 20000};
    stage it = a_stage(STORE_IN_ROCKSDB);
    size_t written = 0;

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        write_values(&it, written, counts[i]);
        written = counts[i];
        stage_crash(&it);
        make_one_file(&it);
        uint64_t read = read_again(&it);
        cr_expect_leq(read, ASKED * BLOCKS * BLOCK, "%llu of %zu", (unsigned long long)read,
                      written);
    }
    stage_end(&it);
}
