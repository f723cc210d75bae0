/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_rocksdb.h"

#include "broker/store/store_room.h"

/* Keys of the user lie from its id up to the next id. */
static cf_bytes end_of(const cf_hash *user, uint8_t out[CF_HASH_SIZE])
{
    size_t i = CF_HASH_SIZE;

    memcpy(out, user->bytes, CF_HASH_SIZE);
    while (i > 0 && ++out[i - 1] == 0)
        i--;
    return cf_bytes_of(out, CF_HASH_SIZE);
}

static bool has_end(const cf_hash *user)
{
    for (size_t i = 0; i < CF_HASH_SIZE; i++)
        if (user->bytes[i] != 0xff)
            return true;
    return false;
}

cf_status cf_rocks_store_forget(cf_store *base, const cf_hash *user, cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);
    uint8_t end[CF_HASH_SIZE], key[CF_ROCKS_USER_KEY_SIZE];
    char *text = NULL;

    if (!has_end(user))
        return cf_fail(error, CF_USAGE, "no user has this id");
    cf_status status = cf_rocks_store_settle(self, error);
    if (status)
        return status;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    cf_bytes after = end_of(user, end);
    for (cf_rocks_table table = CF_ROCKS_ENTRIES; table < CF_ROCKS_TABLES; table++)
        rocksdb_writebatch_delete_range_cf(batch, self->rocks->tables[table],
                                           (const char *)user->bytes, CF_HASH_SIZE,
                                           (const char *)after.data, after.size);
    static const uint8_t kinds[] = {CF_ROCKS_EPOCH, CF_ROCKS_SIZE};
    for (size_t i = 0; i < sizeof kinds; i++) {
        cf_rocks_user_key(kinds[i], user, key);
        rocksdb_writebatch_delete_cf(batch, self->rocks->tables[CF_ROCKS_DEFAULT],
                                     (const char *)key, sizeof key);
    }
    rocksdb_write(self->rocks->db, self->rocks->synced, batch, &text);
    rocksdb_writebatch_destroy(batch);
    if (text)
        return cf_rocks_store_give_up(self, text, error);
    cf_rocks_account_remove(&self->accounts, user);
    self->unsynced = false;
    return CF_OK;
}

/* Of what lies between, in tables; what it takes to write it again. */
static uint64_t size_between(const cf_rocks *rocks, cf_rocks_table table, cf_bytes from,
                             cf_bytes to)
{
    const char *start = (const char *)from.data, *limit = (const char *)to.data;
    char *text = NULL;
    uint64_t size = 0;

    rocksdb_approximate_sizes_cf(rocks->db, rocks->tables[table], 1, &start, &from.size, &limit,
                                 &to.size, &size, &text);
    rocksdb_free(text);
    return size;
}

/* Writes the tables anew where the user's keys were: what was deleted, and the deletions, are
 * dropped only when nothing older can lie below, hence down to the last level. */
static cf_status compact(const cf_rocks *rocks, cf_rocks_table table, cf_bytes from, cf_bytes to)
{
    rocksdb_compactoptions_t *options = rocksdb_compactoptions_create();

    rocksdb_compactoptions_set_bottommost_level_compaction(options, 2); /* always */
    rocksdb_compactoptions_set_exclusive_manual_compaction(options, 0);
    rocksdb_compact_range_cf_opt(rocks->db, rocks->tables[table], options, (const char *)from.data,
                                 from.size, (const char *)to.data, to.size);
    rocksdb_compactoptions_destroy(options);
    return CF_OK;
}

static cf_status flush(const cf_rocks *rocks, cf_error *error)
{
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    char *text = NULL;

    rocksdb_flushoptions_set_wait(options, 1);
    for (size_t table = 0; !text && table < CF_ROCKS_TABLES; table++)
        rocksdb_flush_cf(rocks->db, options, rocks->tables[table], &text);
    rocksdb_flushoptions_destroy(options);
    return text ? cf_rocks_fail(error, text) : CF_OK;
}

cf_status cf_rocks_store_purge(cf_store *base, const cf_hash *user, cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);
    uint8_t end[CF_HASH_SIZE], first[CF_ROCKS_USER_KEY_SIZE], last[CF_ROCKS_USER_KEY_SIZE];
    cf_bytes from = cf_bytes_of(user->bytes, CF_HASH_SIZE), to = end_of(user, end);
    uint64_t size = 0;

    pthread_rwlock_rdlock(&self->reopening);
    const cf_rocks *rocks = self->rocks;
    cf_status status = cf_rocks_store_fail_again(self, error);
    for (cf_rocks_table table = CF_ROCKS_ENTRIES; !status && table < CF_ROCKS_TABLES; table++)
        size += size_between(rocks, table, from, to);
    if (!status && !cf_store_room_to_write(self->path, size))
        status = cf_fail(error, CF_FULL, "no room left on the disk to write the tables anew");
    if (!status)
        status = flush(rocks, error);
    for (cf_rocks_table table = CF_ROCKS_ENTRIES; !status && table < CF_ROCKS_TABLES; table++)
        status = compact(rocks, table, from, to);
    cf_rocks_user_key(CF_ROCKS_SIZE, user, first);
    cf_rocks_user_key(CF_ROCKS_EPOCH, user, last);
    if (!status) /* from one of the two keys to the other */
        status = compact(rocks, CF_ROCKS_DEFAULT, cf_bytes_of(first, sizeof first),
                         cf_bytes_of(last, sizeof last));
    pthread_rwlock_unlock(&self->reopening);
    if (!status)
        atomic_store(&self->renews, true);
    return status;
}
