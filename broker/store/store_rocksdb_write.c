/* SPDX-License-Identifier: Apache-2.0 */
/* Writes of the RocksDB store, see store_rocksdb.h. An append is judged against batch and database
 * together, and waits in the batch; the commit writes the batch once, synced, and only then calls
 * each `done`. */
#include "broker/store/store_rocksdb.h"

#include "broker/store/store_keys.h"
#include "codec/heads.h"

#include <assert.h>
#include <stdlib.h>

/* The position of an entry in the batch or the database; 0 when it is in neither. */
static cf_status look_up(cf_rocks_store *self, const cf_hash *user, const cf_head *head,
                         uint64_t *position, cf_error *error)
{
    char *text = NULL;
    size_t size;
    cf_head_key key = cf_head_key_of(user, head);
    char *value = rocksdb_writebatch_wi_get_from_batch_and_db_cf(
        self->batch, self->rocks->db, self->rocks->reading, self->rocks->tables[CF_ROCKS_CHAIN],
        (const char *)key.bytes, sizeof key.bytes, &size, &text);

    if (text)
        return cf_rocks_fail(error, text);
    if (value && size != 8) {
        rocksdb_free(value);
        return cf_fail(error, CF_BROKEN, "a position in the chain index is damaged");
    }
    *position = value ? cf_get_u64((const uint8_t *)value) : 0;
    rocksdb_free(value);
    return CF_OK;
}

static void batch_put(cf_rocks_store *self, cf_rocks_table table, cf_bytes key, cf_bytes value)
{
    rocksdb_writebatch_wi_put_cf(self->batch, self->rocks->tables[table], (const char *)key.data,
                                 key.size, (const char *)value.data, value.size);
}

static void batch_entry(cf_rocks_store *self, const cf_hash *user, const cf_entry *entry,
                        uint64_t position)
{
    cf_head head = cf_head_of(entry);
    cf_position_key at = cf_position_key_of(user, position);
    cf_head_key name = cf_head_key_of(user, &head);
    uint8_t number[8];

    cf_put_u64(number, position);
    batch_put(self, CF_ROCKS_ENTRIES, cf_bytes_of(at.bytes, sizeof at.bytes), entry->wire);
    batch_put(self, CF_ROCKS_CHAIN, cf_bytes_of(name.bytes, sizeof name.bytes),
              cf_bytes_of(number, sizeof number));
}

/* With its entries, so that it is right whenever they are there. */
static void batch_size(cf_rocks_store *self, const cf_rocks_account *account)
{
    uint8_t key[CF_ROCKS_USER_KEY_SIZE], value[8];

    cf_rocks_user_key(CF_ROCKS_SIZE, &account->user, key);
    cf_put_u64(value, account->size);
    batch_put(self, CF_ROCKS_DEFAULT, cf_bytes_of(key, sizeof key),
              cf_bytes_of(value, sizeof value));
}

static void batch_records(cf_rocks_store *self, const cf_hash *user, const cf_kv *records,
                          size_t count)
{
    cf_buffer key = {0};

    for (size_t i = 0; i < count; i++) {
        cf_buffer_clear(&key);
        cf_buffer_append(&key, user->bytes, CF_HASH_SIZE);
        cf_buffer_append(&key, records[i].key.data, records[i].key.size);
        if (records[i].value.data)
            batch_put(self, CF_ROCKS_RECORDS, cf_buffer_view(&key), records[i].value);
        else
            rocksdb_writebatch_wi_delete_cf(self->batch, self->rocks->tables[CF_ROCKS_RECORDS],
                                            (const char *)key.data, key.size);
    }
    cf_buffer_release(&key);
}

/* With what the batch has done to them. */
static cf_status compare_records(cf_rocks_store *self, const cf_append *append, bool *same,
                                 cf_error *error)
{
    cf_buffer key = {0};
    char *text = NULL;

    *same = true;
    for (size_t i = 0; *same && !text && i < append->expected_count; i++) {
        const cf_kv *expected = &append->expected[i];
        size_t size = 0;

        cf_buffer_clear(&key);
        cf_buffer_append(&key, append->user.bytes, CF_HASH_SIZE);
        cf_buffer_append(&key, expected->key.data, expected->key.size);
        char *value = rocksdb_writebatch_wi_get_from_batch_and_db_cf(
            self->batch, self->rocks->db, self->rocks->reading,
            self->rocks->tables[CF_ROCKS_RECORDS], (const char *)key.data, key.size, &size, &text);
        *same = value ? expected->value.data &&
                            cf_bytes_equal(cf_bytes_of(value, size), expected->value)
                      : !expected->value.data;
        rocksdb_free(value);
    }
    cf_buffer_release(&key);
    return text ? cf_rocks_fail(error, text) : CF_OK;
}

/* Puts the append into the batch, when it may go there. */
static cf_append_answer place(cf_rocks_store *self, const cf_append *append, uint64_t *position,
                              cf_error *error)
{
    cf_rocks_account *account = cf_rocks_account_of(&self->accounts, &append->user);
    uint64_t predecessor = 0;
    bool same;

    if (self->failure.status) {
        cf_rocks_store_fail_again(self, error);
        return CF_APPEND_FAILED;
    }
    if (!account || account->epoch != append->epoch)
        return CF_APPEND_FENCED;
    if (append->entry) {
        cf_head head = cf_head_of(append->entry), before = cf_head_before(&append->entry->header);

        if (look_up(self, &append->user, &head, position, error))
            return CF_APPEND_FAILED;
        if (*position)
            return CF_APPEND_HAVE;
        if (before.sequence > 0 && look_up(self, &append->user, &before, &predecessor, error))
            return CF_APPEND_FAILED;
        if (before.sequence > 0 && !predecessor)
            return CF_APPEND_GAP;
    }
    if (compare_records(self, append, &same, error))
        return CF_APPEND_FAILED;
    if (!same)
        return CF_APPEND_CHANGED;
    if (append->entry && cf_rocks_heads_batch(self, &append->user, append->entry, error))
        return CF_APPEND_FAILED;
    if (append->entry) {
        *position = account->next++;
        account->size += append->entry->wire.size;
        batch_entry(self, &append->user, append->entry, *position);
        batch_size(self, account);
    }
    batch_records(self, &append->user, append->records, append->record_count);
    return CF_APPEND_STORED;
}

static void rocks_append(cf_store *base, const cf_append *append)
{
    cf_rocks_store *self = cf_rocks_store_of(base);
    cf_rocks_queue *queue = &self->queue;
    cf_rocks_pending pending = {.done = append->done, .context = append->context};
    cf_error error;

    assert(!append->entry || append->entry->header.sequence > 0);
    pending.answer = place(self, append, &pending.position, &error);
    if (pending.answer == CF_APPEND_FAILED) {
        pending.error = cf_allocate(1, sizeof error);
        *pending.error = error;
    }
    *cf_one_more(queue->list, queue->count, queue->capacity) = pending;
}

void cf_rocks_store_answer(cf_rocks_store *self, const cf_error *failed)
{
    static const cf_error none;
    cf_rocks_queue queue = self->queue; /* `done` may append */

    self->queue = (cf_rocks_queue){0};
    for (size_t i = 0; i < queue.count; i++) {
        cf_rocks_pending *it = &queue.list[i];
        bool hit = failed && (it->answer == CF_APPEND_STORED || it->answer == CF_APPEND_HAVE);

        if (it->done && hit)
            it->done(it->context, CF_APPEND_FAILED, 0, failed);
        else if (it->done)
            it->done(it->context, it->answer, it->position, it->error ? it->error : &none);
        free(it->error);
    }
    free(queue.list);
}

static cf_status write_batch(cf_rocks_store *self, bool synced, cf_error *error)
{
    const bool is_empty = rocksdb_writebatch_wi_count(self->batch) == 0;
    char *text = NULL;

    cf_status status = cf_rocks_store_require_room(self, 0, error);
    if (status && !(status == CF_FULL && is_empty)) {
        rocksdb_writebatch_wi_clear(self->batch);
        return status;
    }
    if (!is_empty)
        rocksdb_write_writebatch_wi(self->rocks->db,
                                    synced ? self->rocks->synced : self->rocks->unsynced,
                                    self->batch, &text);
    else if (synced && self->unsynced)
        rocksdb_flush_wal(self->rocks->db, 1, &text);
    rocksdb_writebatch_wi_clear(self->batch);
    if (text)
        return cf_rocks_store_give_up(self, text, error);
    self->unsynced = !synced;
    return CF_OK;
}

static cf_status rocks_commit(cf_store *base, cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);
    cf_error ignored;

    cf_status status = self->failure.status ? cf_rocks_store_fail_again(self, error)
                                            : write_batch(self, true, error);
    if (status == CF_FULL) /* the accounts count what is in the queue until they are read anew */
        cf_rocks_store_set_failure(self, error);
    cf_rocks_store_answer(self, status ? &self->failure : NULL);
    if (!status && self->queue.count == 0 && atomic_exchange(&self->renews, false))
        status = cf_rocks_store_renew(self, error);
    else if (self->is_hindered)
        cf_rocks_store_renew(self, &ignored);
    return status;
}

cf_status cf_rocks_store_settle(cf_rocks_store *self, cf_error *error)
{
    if (self->failure.status)
        return cf_rocks_store_fail_again(self, error);
    return self->queue.count ? rocks_commit(&self->base, error) : CF_OK;
}

static cf_status rocks_acquire(cf_store *base, const cf_hash *user, uint64_t *epoch,
                               cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);
    cf_rocks_account loaded, *account = cf_rocks_account_of(&self->accounts, user);
    uint8_t key[CF_ROCKS_USER_KEY_SIZE], value[8];
    const bool reads_only = self->options.reads_only;

    cf_status status = reads_only ? CF_OK : cf_rocks_store_settle(self, error);
    if (status)
        return status;
    if (!account) {
        status = cf_rocks_store_load(self, user, &loaded, error);
        if (status)
            return status;
    } else {
        loaded = *account;
    }
    loaded.epoch++;
    cf_rocks_user_key(CF_ROCKS_EPOCH, user, key);
    cf_put_u64(value, loaded.epoch);
    if (!reads_only)
        status = cf_rocks_store_put(self, cf_bytes_of(key, sizeof key),
                                    cf_bytes_of(value, sizeof value), error);
    if (status)
        return status;
    if (account)
        *account = loaded;
    else
        cf_rocks_account_add(&self->accounts, &loaded);
    self->unsynced = false;
    *epoch = loaded.epoch;
    return CF_OK;
}

static cf_status rocks_write(cf_store *base, const cf_hash *user, const cf_kv *records,
                             size_t count, bool synced, cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);

    cf_status status = cf_rocks_store_settle(self, error);
    if (status)
        return status;
    batch_records(self, user, records, count);
    return write_batch(self, synced, error);
}

void cf_rocks_store_set_writes(cf_store *base)
{
    base->acquire = rocks_acquire;
    base->append = rocks_append;
    base->commit = rocks_commit;
    base->write = rocks_write;
}
