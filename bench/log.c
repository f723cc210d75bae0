/* SPDX-License-Identifier: Apache-2.0 */
/* What does a log cost over the database it lies in: durable appends, alone and in groups, and
 * replay, beside a bare RocksDB with the same entries under the same keys? */
#include "broker/log/log.h"

#include <stdio.h>
#include <string.h>

#include "bench/author.h"
#include "bench/bench.h"
#include "bench/workload.h"
#include "broker/store/rocks.h"
#include "broker/store/store_keys.h"

enum { RUNS = 3, BODY = 1024, GROUP_MAX = 256 };

typedef struct {
    const cf_bench *bench;
    cf_writings writings;
    size_t group;            /* entries to a commit */
    size_t count;            /* entries to write */
    bool judged;             /* ours: read, verified and judged by cf_log, as a gateway does */
    cf_samples ours, theirs; /* entries a second */
    cf_samples our_replay, their_replay;
} trial;

static void add_rate(cf_samples *samples, size_t count, double start)
{
    cf_samples_add(samples, (double)count / (cf_measure_now() - start));
}

/* ---- Ours ---- */

typedef struct {
    cf_store *store;
    cf_log *log;
    cf_hash user;
    uint64_t epoch;
    size_t stored;
} shelf;

static void stored(void *context, cf_append_answer answer, uint64_t position, const cf_error *error)
{
    (void)position;
    (void)error;
    ((shelf *)context)->stored += answer == CF_APPEND_STORED;
}

static cf_status append(shelf *it, const cf_entry *entry, bool judged, cf_error *error)
{
    static const cf_offer offer = {.bringer = CF_BRINGER_AUTHOR};
    cf_verdict verdict;

    if (!judged) {
        it->store->append(it->store, &(cf_append){.user = it->user,
                                                  .epoch = it->epoch,
                                                  .entry = entry,
                                                  .done = stored,
                                                  .context = it});
        return CF_OK;
    }
    cf_status status = cf_log_check(it->log, entry, &offer, &verdict, error);
    if (!status && verdict.answer != CF_OFFER_NEW)
        status = cf_fail(error, CF_BROKEN, "an entry is refused: %s", verdict.text);
    if (!status)
        cf_log_append(it->log, entry, &offer, NULL, 0, stored, it);
    return status;
}

static cf_status publish(trial *it, shelf *to, cf_error *error)
{
    double start = cf_measure_now();
    cf_arena arena = {0};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < it->count; i++) {
        cf_entry entry;

        status = cf_entry_read(cf_writings_at(&it->writings, i), &arena, &entry, error);
        if (!status)
            status = append(to, &entry, it->judged, error);
        if (!status && ((i + 1) % it->group == 0 || i + 1 == it->count))
            status = to->store->commit(to->store, error);
        cf_arena_release(&arena);
    }
    add_rate(&it->ours, it->count, start);
    if (!status && to->stored != it->count)
        status = cf_fail(error, CF_BROKEN, "%zu of %zu entries were stored", to->stored, it->count);
    return status;
}

typedef struct {
    size_t count, bytes;
} seen;

static bool see_entry(void *context, uint64_t position, cf_bytes wire)
{
    seen *it = context;

    (void)position;
    it->count++;
    it->bytes += wire.size;
    return true;
}

static cf_status check_seen(const trial *it, const seen *found, cf_error *error)
{
    if (found->count == it->count && found->bytes == it->writings.ends[it->count - 1])
        return CF_OK;
    return cf_fail(error, CF_BROKEN, "replay gave %zu of %zu entries", found->count, it->count);
}

static cf_status replay(trial *it, shelf *from, cf_error *error)
{
    double start = cf_measure_now();
    seen found = {0};

    cf_status status = from->store->read(from->store, &from->user, 1, see_entry, &found, error);
    add_rate(&it->our_replay, it->count, start);
    return status ? status : check_seen(it, &found, error);
}

static cf_status try_ours(trial *it, const char *path, cf_error *error)
{
    static const uint8_t random[16] = "a bench's store";
    const cf_store_options options = {.path = path, .random = random};
    shelf at = {.user = it->writings.user};

    cf_status status = cf_store_rocksdb_open(&options, &at.store, error);
    if (status)
        return status;
    if (it->judged)
        status = cf_log_open(at.store, &at.user, NULL, &at.log, error);
    else
        status = at.store->acquire(at.store, &at.user, &at.epoch, error);
    if (!status)
        status = publish(it, &at, error);
    cf_log_destroy(&at.log);
    cf_store_destroy(&at.store);
    if (!status)
        status = cf_store_rocksdb_open(&options, &at.store, error);
    if (!status)
        status = replay(it, &at, error);
    cf_store_destroy(&at.store);
    return status;
}

/* ---- RocksDB alone, with the same settings ---- */

enum { KEY_SIZE = CF_HASH_SIZE + 8 };

static void put(const trial *it, const cf_rocks *rocks, rocksdb_writebatch_t *batch, size_t index)
{
    cf_bytes wire = cf_writings_at(&it->writings, index);
    uint8_t key[KEY_SIZE];

    memcpy(key, it->writings.user.bytes, CF_HASH_SIZE);
    cf_put_u64(key + CF_HASH_SIZE, index + 1);
    rocksdb_writebatch_put_cf(batch, rocks->tables[CF_ROCKS_ENTRIES], (const char *)key, KEY_SIZE,
                              (const char *)wire.data, wire.size);
}

static cf_status write_bare(trial *it, const cf_rocks *rocks, cf_error *error)
{
    double start = cf_measure_now();
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    char *text = NULL;

    for (size_t i = 0; !text && i < it->count; i++) {
        put(it, rocks, batch, i);
        if ((i + 1) % it->group && i + 1 < it->count)
            continue;
        rocksdb_write(rocks->db, rocks->synced, batch, &text);
        rocksdb_writebatch_clear(batch);
    }
    add_rate(&it->theirs, it->count, start);
    rocksdb_writebatch_destroy(batch);
    return text ? cf_rocks_fail(error, text) : CF_OK;
}

static cf_status read_bare(trial *it, const cf_rocks *rocks, cf_error *error)
{
    double start = cf_measure_now();
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(rocks->db, rocks->reading, rocks->tables[CF_ROCKS_ENTRIES]);
    seen found = {0};
    char *text = NULL;
    size_t size;

    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator);
         rocksdb_iter_next(iterator)) {
        const char *value = rocksdb_iter_value(iterator, &size);

        see_entry(&found, 0, cf_bytes_of(value, size));
    }
    rocksdb_iter_get_error(iterator, &text);
    rocksdb_iter_destroy(iterator);
    add_rate(&it->their_replay, it->count, start);
    return text ? cf_rocks_fail(error, text) : check_seen(it, &found, error);
}

static cf_status try_bare(trial *it, const char *path, cf_error *error)
{
    const cf_store_options options = {.path = path};
    cf_rocks *rocks = NULL;

    cf_status status = cf_rocks_open(&options, &rocks, error);
    if (!status)
        status = write_bare(it, rocks, error);
    cf_rocks_close(&rocks);
    if (!status)
        status = cf_rocks_open(&options, &rocks, error);
    if (!status)
        status = read_bare(it, rocks, error);
    cf_rocks_close(&rocks);
    return status;
}

/* ---- The question ---- */

static void tell(const trial *it)
{
    char what[96];

    snprintf(what, sizeof what, "durable appends, %zu to a commit%s", it->group,
             it->judged ? ", each verified" : "");
    cf_results_compare(it->bench->results,
                       &(cf_comparison){what, CF_UNIT_PER_SECOND,
                                        it->judged ? "cf_log over cf_store" : "cf_store", &it->ours,
                                        "bare RocksDB", &it->theirs});
    if (it->group == GROUP_MAX && !it->judged)
        cf_results_compare(it->bench->results,
                           &(cf_comparison){"replay of the whole log", CF_UNIT_PER_SECOND,
                                            "cf_store", &it->our_replay, "bare RocksDB",
                                            &it->their_replay});
}

static cf_status try_group(trial *it, cf_error *error)
{
    cf_bench_path ours = cf_bench_path_of(it->bench, "ours"),
                  theirs = cf_bench_path_of(it->bench, "theirs");
    cf_status status = CF_OK;

    for (int i = 0; !status && i < (it->bench->quick ? 1 : RUNS); i++) {
        status = try_ours(it, ours.text, error);
        if (!status)
            status = try_bare(it, theirs.text, error);
        cf_workload_remove(ours.text);
        cf_workload_remove(theirs.text);
        cf_workload_settle();
    }
    if (!status)
        tell(it);
    cf_samples_release(&it->ours);
    cf_samples_release(&it->theirs);
    cf_samples_release(&it->our_replay);
    cf_samples_release(&it->their_replay);
    return status;
}

cf_status cf_bench_log(const cf_bench *bench, cf_error *error)
{
    static const size_t groups[] = {1, 16, GROUP_MAX};
    trial it = {.bench = bench};
    const size_t alone = bench->quick ? 50 : 500;
    const size_t all = bench->quick ? 1000 : 50000;

    cf_status status = cf_writings_make(0, all, BODY, &it.writings, error);
    for (size_t i = 0; !status && i < sizeof groups / sizeof *groups; i++) {
        it.group = groups[i];
        it.count = groups[i] == 1 ? alone : all;
        status = try_group(&it, error);
    }
    it.judged = true;
    if (!status)
        status = try_group(&it, error);
    cf_writings_release(&it.writings);
    return status;
}
