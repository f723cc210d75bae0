/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_memory.h"

#include "broker/store/store_keys.h"
#include "codec/heads.h"

#include <assert.h>
#include <stdlib.h>

cf_store_memory_disk *cf_store_memory_disk_new(const uint8_t instance[16])
{
    cf_store_memory_disk *disk = cf_allocate(1, sizeof *disk);

    memcpy(disk->instance, instance, sizeof disk->instance);
    return disk;
}

static void forget_formers(cf_store_memory_disk *disk)
{
    for (size_t i = 0; i < disk->unsynced_count; i++) {
        cf_buffer_release(&disk->unsynced[i].key);
        cf_buffer_release(&disk->unsynced[i].value);
    }
    disk->unsynced_count = 0;
}

/* Makes records what they were before the disk's writes that were not synced. */
static void put_back(cf_memory_table *records, const cf_store_memory_disk *disk)
{
    for (size_t i = disk->unsynced_count; i-- > 0;) {
        const cf_memory_former *it = &disk->unsynced[i];

        if (it->existed)
            cf_memory_table_put(records, cf_buffer_view(&it->key), cf_buffer_view(&it->value));
        else
            cf_memory_table_remove(records, cf_buffer_view(&it->key));
    }
}

/* What a crash does to writes that were not synced. */
static void undo_unsynced(cf_store_memory_disk *disk)
{
    put_back(&disk->tables[CF_MEMORY_RECORDS], disk);
    forget_formers(disk);
}

void cf_store_memory_disk_destroy(cf_store_memory_disk **disk)
{
    if (!*disk)
        return;
    forget_formers(*disk);
    free((*disk)->unsynced);
    for (size_t i = 0; i < CF_MEMORY_TABLES; i++)
        cf_memory_table_release(&(*disk)->tables[i]);
    free(*disk);
    *disk = NULL;
}

cf_store_memory_disk *cf_store_memory_disk_copy(const cf_store_memory_disk *disk)
{
    cf_store_memory_disk *copy = cf_store_memory_disk_new(disk->instance);

    for (size_t i = 0; i < CF_MEMORY_TABLES; i++)
        cf_memory_table_copy(&copy->tables[i], &disk->tables[i]);
    put_back(&copy->tables[CF_MEMORY_RECORDS], disk);
    return copy;
}

void cf_store_memory_disk_fail(cf_store_memory_disk *disk, cf_status status)
{
    disk->failing = status;
}

/* Whether the disk takes a write; what it refuses once, it refuses until reopen. */
static cf_status touch_disk(cf_memory_store *self, cf_error *error)
{
    if (self->failure.status == CF_OK && self->disk->failing)
        cf_fail(&self->failure, self->disk->failing, "the disk in memory fails");
    if (self->failure.status)
        *error = self->failure;
    return self->failure.status;
}

/* So, where nothing waits to be committed: a want of room is one of now. */
static cf_status touch_disk_alone(cf_memory_store *self, cf_error *error)
{
    if (self->failure.status == CF_OK && self->disk->failing == CF_FULL)
        return cf_fail(error, CF_FULL, "the disk in memory is full");
    return touch_disk(self, error);
}

static cf_bytes bytes_of_user(const cf_hash *user)
{
    return cf_bytes_of(user->bytes, CF_HASH_SIZE);
}

static void put_number(cf_memory_store *self, cf_memory_kind kind, cf_bytes key, uint64_t number)
{
    uint8_t bytes[8];

    cf_put_u64(bytes, number);
    cf_memory_table_put(&self->disk->tables[kind], key, cf_bytes_of(bytes, sizeof bytes));
}

static void memory_append(cf_store *base, const cf_append *append)
{
    cf_memory_queue *queue = &cf_memory_store_of(base)->queue;

    assert(!append->entry || append->entry->header.sequence > 0);
    *cf_one_more(queue->list, queue->count, queue->capacity) =
        (cf_memory_pending){.append = cf_append_copy(append)};
}

/* The key of a record, made in `key`. */
static cf_bytes record_key(cf_buffer *key, const cf_hash *user, cf_bytes own)
{
    cf_buffer_clear(key);
    cf_buffer_append(key, user->bytes, CF_HASH_SIZE);
    cf_buffer_append(key, own.data, own.size);
    return cf_buffer_view(key);
}

static void note_former(cf_store_memory_disk *disk, cf_bytes key)
{
    const cf_memory_row *row = cf_memory_table_get(&disk->tables[CF_MEMORY_RECORDS], key);
    cf_memory_former it = {.existed = row != NULL};

    cf_buffer_append(&it.key, key.data, key.size);
    if (row)
        cf_buffer_append(&it.value, row->value.data, row->value.size);
    *cf_one_more(disk->unsynced, disk->unsynced_count, disk->unsynced_capacity) = it;
}

static void put_records(cf_memory_store *self, const cf_hash *user, const cf_kv *records,
                        size_t count, bool synced)
{
    cf_memory_table *table = &self->disk->tables[CF_MEMORY_RECORDS];
    cf_buffer buffer = {0};

    for (size_t i = 0; i < count; i++) {
        cf_bytes key = record_key(&buffer, user, records[i].key);

        if (!synced)
            note_former(self->disk, key);
        if (records[i].value.data)
            cf_memory_table_put(table, key, records[i].value);
        else
            cf_memory_table_remove(table, key);
    }
    cf_buffer_release(&buffer);
}

static void put_entry(cf_memory_store *self, const cf_hash *user, const cf_entry *entry,
                      uint64_t position)
{
    cf_memory_table *tables = self->disk->tables;
    cf_head head = cf_head_of(entry), predecessor = cf_head_before(&entry->header);
    cf_position_key at = cf_position_key_of(user, position);
    cf_head_key name = cf_head_key_of(user, &head), before = cf_head_key_of(user, &predecessor);

    cf_memory_table_put(&tables[CF_MEMORY_ENTRIES], cf_bytes_of(at.bytes, sizeof at.bytes),
                        entry->wire);
    put_number(self, CF_MEMORY_CHAIN, cf_bytes_of(name.bytes, sizeof name.bytes), position);
    cf_memory_table_remove(&tables[CF_MEMORY_HEADS],
                           cf_bytes_of(before.bytes, sizeof before.bytes));
    cf_memory_table_put(&tables[CF_MEMORY_HEADS], cf_bytes_of(name.bytes, sizeof name.bytes),
                        (cf_bytes){0});
}

static bool is_as_expected(const cf_memory_store *self, const cf_append *append)
{
    const cf_memory_table *table = &self->disk->tables[CF_MEMORY_RECORDS];
    cf_buffer key = {0};
    bool same = true;

    for (size_t i = 0; same && i < append->expected_count; i++) {
        const cf_kv *expected = &append->expected[i];
        const cf_memory_row *row =
            cf_memory_table_get(table, record_key(&key, &append->user, expected->key));

        same = row ? expected->value.data &&
                         cf_bytes_equal(cf_buffer_view(&row->value), expected->value)
                   : !expected->value.data;
    }
    cf_buffer_release(&key);
    return same;
}

static cf_append_answer place(cf_memory_store *self, const cf_append *append, uint64_t *position)
{
    uint64_t epoch =
        cf_memory_number_at(self->disk, CF_MEMORY_EPOCHS, bytes_of_user(&append->user));

    if (epoch == 0 || epoch != append->epoch)
        return CF_APPEND_FENCED;
    if (append->entry) {
        cf_head head = cf_head_of(append->entry), before = cf_head_before(&append->entry->header);

        *position = cf_memory_position_of(self->disk, &append->user, &head);
        if (*position)
            return CF_APPEND_HAVE;
        if (before.sequence > 0 && !cf_memory_position_of(self->disk, &append->user, &before))
            return CF_APPEND_GAP;
    }
    if (!is_as_expected(self, append))
        return CF_APPEND_CHANGED;
    if (append->entry) {
        *position = cf_memory_last(self->disk, &append->user) + 1;
        put_entry(self, &append->user, append->entry, *position);
    }
    put_records(self, &append->user, append->records, append->record_count, true);
    return CF_APPEND_STORED;
}

static cf_status memory_commit(cf_store *base, cf_error *error)
{
    static const cf_error none;
    cf_memory_store *self = cf_memory_store_of(base);
    cf_memory_queue queue = self->queue; /* `done` may append */

    self->queue = (cf_memory_queue){0};
    pthread_mutex_lock(&self->lock);
    cf_status status = queue.count ? touch_disk(self, error) : touch_disk_alone(self, error);
    for (size_t i = 0; i < queue.count; i++) {
        cf_memory_pending *it = &queue.list[i];

        it->answer = status ? CF_APPEND_FAILED : place(self, it->append, &it->position);
    }
    if (status == CF_OK)
        forget_formers(self->disk);
    pthread_mutex_unlock(&self->lock);
    for (size_t i = 0; i < queue.count; i++) {
        const cf_memory_pending *it = &queue.list[i];

        if (it->append->done)
            it->append->done(it->append->context, it->answer, it->position,
                             status ? &self->failure : &none);
        free(it->append);
    }
    free(queue.list);
    return status;
}

static cf_status memory_acquire(cf_store *base, const cf_hash *user, uint64_t *epoch,
                                cf_error *error)
{
    cf_memory_store *self = cf_memory_store_of(base);

    cf_status status = self->queue.count ? memory_commit(base, error) : CF_OK;
    if (status)
        return status;
    pthread_mutex_lock(&self->lock);
    status = touch_disk_alone(self, error);
    if (status == CF_OK) {
        *epoch = cf_memory_number_at(self->disk, CF_MEMORY_EPOCHS, bytes_of_user(user)) + 1;
        put_number(self, CF_MEMORY_EPOCHS, bytes_of_user(user), *epoch);
        forget_formers(self->disk);
    }
    pthread_mutex_unlock(&self->lock);
    return status;
}

static cf_status memory_write(cf_store *base, const cf_hash *user, const cf_kv *records,
                              size_t count, bool synced, cf_error *error)
{
    cf_memory_store *self = cf_memory_store_of(base);

    cf_status status = self->queue.count ? memory_commit(base, error) : CF_OK;
    if (status)
        return status;
    pthread_mutex_lock(&self->lock);
    status = touch_disk_alone(self, error);
    if (status == CF_OK) {
        put_records(self, user, records, count, synced);
        if (synced)
            forget_formers(self->disk);
    }
    pthread_mutex_unlock(&self->lock);
    return status;
}

static void remove_user(cf_memory_table *table, const cf_hash *user)
{
    cf_bytes prefix = bytes_of_user(user);
    const cf_memory_row *row;

    while ((row = cf_memory_table_from(table, prefix)) &&
           memcmp(row->key.data, user->bytes, CF_HASH_SIZE) == 0)
        cf_memory_table_remove(table, cf_buffer_view(&row->key));
}

static cf_status memory_forget(cf_store *base, const cf_hash *user, cf_error *error)
{
    cf_memory_store *self = cf_memory_store_of(base);

    cf_status status = self->queue.count ? memory_commit(base, error) : CF_OK;
    if (status)
        return status;
    pthread_mutex_lock(&self->lock);
    status = touch_disk(self, error);
    for (size_t kind = 0; status == CF_OK && kind < CF_MEMORY_TABLES; kind++)
        remove_user(&self->disk->tables[kind], user);
    if (status == CF_OK)
        forget_formers(self->disk);
    pthread_mutex_unlock(&self->lock);
    return status;
}

static cf_status memory_purge(cf_store *base, const cf_hash *user, cf_error *error)
{
    (void)base, (void)user, (void)error;
    return CF_OK; /* nothing is left behind */
}

static cf_status memory_failure(cf_store *base, bool *for_good, cf_error *error)
{
    (void)base;
    *for_good = false;
    (void)error;
    return CF_OK; /* reopen helps always */
}

static cf_status memory_damage(cf_store *base, cf_error *error)
{
    (void)base;
    (void)error;
    return CF_OK; /* a disk in memory keeps what it has */
}

static cf_status memory_reopen(cf_store *base, cf_error *error)
{
    cf_memory_store *self = cf_memory_store_of(base);

    if (self->failure.status == CF_OK)
        return CF_OK;
    if (self->queue.count) /* answers all of it CF_APPEND_FAILED */
        memory_commit(base, error);
    pthread_mutex_lock(&self->lock);
    self->failure = (cf_error){0};
    cf_status status = touch_disk(self, error);
    if (status == CF_OK)
        undo_unsynced(self->disk);
    pthread_mutex_unlock(&self->lock);
    return status;
}

static void memory_instance(cf_store *base, uint8_t out[16])
{
    memcpy(out, cf_memory_store_of(base)->disk->instance, 16);
}

static void memory_destroy(cf_store *base)
{
    cf_memory_store *self = cf_memory_store_of(base);

    undo_unsynced(self->disk);
    for (size_t i = 0; i < self->queue.count; i++)
        free(self->queue.list[i].append);
    free(self->queue.list);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

cf_store *cf_store_memory_new(cf_store_memory_disk *disk)
{
    cf_memory_store *self = cf_allocate(1, sizeof *self);

    self->base = (cf_store){
        .destroy = memory_destroy,
        .reopen = memory_reopen,
        .failure = memory_failure,
        .damage = memory_damage,
        .instance = memory_instance,
        .acquire = memory_acquire,
        .append = memory_append,
        .commit = memory_commit,
        .write = memory_write,
        .forget = memory_forget,
        .purge = memory_purge,
    };
    cf_memory_store_set_reads(&self->base);
    self->disk = disk;
    pthread_mutex_init(&self->lock, NULL);
    return &self->base;
}
