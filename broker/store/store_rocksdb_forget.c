/* SPDX-License-Identifier: Apache-2.0 */
/* A user removed from the RocksDB store, see store_rocksdb.h: cf_rocks_store_forget deletes his
 * keys, cf_rocks_store_purge writes the tables anew and checks that nothing that was deleted is
 * left in them. */
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

static bool count_key(void *context, cf_bytes key, cf_bytes value)
{
    (void)key, (void)value;
    ++*(uint64_t *)context;
    return true;
}

/* A compaction says nothing of what it failed in, as a block of somebody else's: whoever writes
 * next is told. */
static cf_status fail_to_renew(cf_rocks_store *self, cf_error *error)
{
    char *text = NULL;

    cf_fail(error, CF_IO, "tables that have what was removed could not be written anew");
    cf_rocks_store_touch(self, &text);
    if (!text)
        return CF_IO;
    const bool is_damage = cf_rocks_fail(error, text) == CF_BROKEN;
    cf_rocks_store_advise(self, error);
    if (is_damage)
        cf_rocks_store_set_damage(self, error);
    if (error->status == CF_FULL) /* as in cf_rocks_store_give_up */
        error->status = CF_IO;
    return error->status;
}

/* Others may write meanwhile, of whom all is here: so it is counted anew. */
static cf_status check_gone(cf_rocks_store *self, cf_rocks_table table, cf_bytes user,
                            cf_error *error)
{
    uint64_t counts[2] = {0, 1}; /* of what is here, and of what tables have */
    cf_status status = CF_OK;

    for (int tries = 3; !status && tries && counts[0] < counts[1]; tries--)
        for (int deleted = 0; !status && deleted < 2; deleted++) {
            const cf_rocks_range range = {table, user, {0}, .once = true, .deleted = deleted};

            counts[deleted] = 0;
            status = cf_rocks_each(self->rocks, &range, count_key, &counts[deleted], error);
        }
    return !status && counts[0] < counts[1] ? fail_to_renew(self, error) : status;
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
        status = cf_rocks_flush(rocks, error);
    for (cf_rocks_table table = CF_ROCKS_ENTRIES; !status && table < CF_ROCKS_TABLES; table++)
        status = compact(rocks, table, from, to);
    for (cf_rocks_table table = CF_ROCKS_ENTRIES; !status && table < CF_ROCKS_TABLES; table++)
        status = check_gone(self, table, from, error);
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
