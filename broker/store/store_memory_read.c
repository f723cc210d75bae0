/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of the store in memory, see store_memory.h. A visitor gets each row copied, without the
 * lock held, so that it may write. */
#include "broker/store/store_memory.h"

#include "broker/store/store_keys.h"
#include "broker/store/store_verify.h"

static bool begins_with(const cf_buffer *key, cf_bytes prefix)
{
    return key->size >= prefix.size && cf_bytes_equal(cf_bytes_of(key->data, prefix.size), prefix);
}

/* Visits row by row, each copied out of the lock: a visitor may write. */
typedef struct {
    cf_memory_kind kind;
    cf_bytes prefix;
    cf_bytes from;
} row_range;

uint64_t cf_memory_number_at(const cf_store_memory_disk *disk, cf_memory_kind kind, cf_bytes key)
{
    const cf_memory_row *row = cf_memory_table_get(&disk->tables[kind], key);

    return row ? cf_get_u64(row->value.data) : 0;
}

uint64_t cf_memory_last(const cf_store_memory_disk *disk, const cf_hash *user)
{
    const cf_memory_table *entries = &disk->tables[CF_MEMORY_ENTRIES];
    cf_position_key end = cf_position_key_of(user, UINT64_MAX);
    const cf_memory_row *row =
        cf_memory_table_from(entries, cf_bytes_of(end.bytes, sizeof end.bytes));
    size_t index = row ? (size_t)(row - entries->rows) : entries->count;

    if (index == 0 || memcmp(entries->rows[index - 1].key.data, user->bytes, CF_HASH_SIZE) != 0)
        return 0;
    return cf_position_of_key(cf_buffer_view(&entries->rows[index - 1].key));
}

uint64_t cf_memory_position_of(const cf_store_memory_disk *disk, const cf_hash *user,
                               const cf_head *head)
{
    cf_head_key key = cf_head_key_of(user, head);

    return cf_memory_number_at(disk, CF_MEMORY_CHAIN, cf_bytes_of(key.bytes, sizeof key.bytes));
}

static void each(cf_memory_store *self, const row_range *range, cf_record_visit *visit,
                 void *context)
{
    cf_buffer key = {0}, value = {0}, at = {0};
    bool wanted = true;

    cf_buffer_append(&at, range->from.data, range->from.size);
    while (wanted) {
        pthread_mutex_lock(&self->lock);
        const cf_memory_row *row =
            cf_memory_table_from(&self->disk->tables[range->kind], cf_buffer_view(&at));
        wanted = row && begins_with(&row->key, range->prefix);
        if (wanted) {
            cf_buffer_clear(&key);
            cf_buffer_clear(&value);
            cf_buffer_append(&key, row->key.data, row->key.size);
            cf_buffer_append(&value, row->value.data, row->value.size);
        }
        pthread_mutex_unlock(&self->lock);
        if (wanted)
            wanted = visit(context, cf_buffer_view(&key), cf_buffer_view(&value));
        cf_buffer_clear(&at);
        cf_buffer_append(&at, key.data, key.size);
        cf_buffer_append(&at, "", 1); /* the next key there can be */
    }
    cf_buffer_release(&key);
    cf_buffer_release(&value);
    cf_buffer_release(&at);
}

/* A visitor of rows that turns them into what the caller's visitor wants. */
typedef struct {
    union {
        cf_entry_visit *entry;
        cf_chain_visit *chain;
        cf_head_visit *head;
        cf_record_visit *record;
        cf_user_visit *user;
    } visit;
    void *context;
} translation;

static cf_bytes bytes_of_user(const cf_hash *user)
{
    return cf_bytes_of(user->bytes, CF_HASH_SIZE);
}

static bool visit_entry(void *context, cf_bytes key, cf_bytes value)
{
    translation *to = context;

    return to->visit.entry(to->context, cf_position_of_key(key), value);
}

static cf_status memory_read(cf_store *base, const cf_hash *user, uint64_t position,
                             cf_entry_visit *visit, void *context, cf_error *error)
{
    cf_position_key from = cf_position_key_of(user, position);
    row_range range = {CF_MEMORY_ENTRIES, bytes_of_user(user),
                       cf_bytes_of(from.bytes, sizeof from.bytes)};
    translation to = {{.entry = visit}, context};
    (void)error;

    each(cf_memory_store_of(base), &range, visit_entry, &to);
    return CF_OK;
}

static cf_status memory_last(cf_store *base, const cf_hash *user, uint64_t *position,
                             cf_error *error)
{
    cf_memory_store *self = cf_memory_store_of(base);
    (void)error;

    pthread_mutex_lock(&self->lock);
    *position = cf_memory_last(self->disk, user);
    pthread_mutex_unlock(&self->lock);
    return CF_OK;
}

static bool add_size(void *context, uint64_t position, cf_bytes wire)
{
    uint64_t *sum = context;

    (void)position;
    *sum += wire.size;
    return true;
}

static cf_status memory_size(cf_store *base, const cf_hash *user, uint64_t *size, cf_error *error)
{
    *size = 0;
    return memory_read(base, user, 1, add_size, size, error);
}

static cf_status memory_find(cf_store *base, const cf_hash *user, const cf_head *entry,
                             uint64_t *position, cf_error *error)
{
    cf_memory_store *self = cf_memory_store_of(base);

    pthread_mutex_lock(&self->lock);
    uint64_t found = cf_memory_position_of(self->disk, user, entry);
    pthread_mutex_unlock(&self->lock);
    if (!found)
        return cf_fail(error, CF_MISSING, "no such entry");
    *position = found;
    return CF_OK;
}

static bool visit_chain(void *context, cf_bytes key, cf_bytes value)
{
    translation *to = context;
    cf_head head = cf_head_of_key(key);

    return to->visit.chain(to->context, &head, cf_get_u64(value.data));
}

static cf_status memory_chain(cf_store *base, const cf_hash *user, const cf_id *writer,
                              uint64_t sequence, cf_chain_visit *visit, void *context,
                              cf_error *error)
{
    cf_head first = {.writer = *writer, .sequence = sequence};
    cf_head_key from = cf_head_key_of(user, &first);
    row_range range = {CF_MEMORY_CHAIN, cf_bytes_of(from.bytes, CF_WRITER_KEY_SIZE),
                       cf_bytes_of(from.bytes, sizeof from.bytes)};
    translation to = {{.chain = visit}, context};
    (void)error;

    each(cf_memory_store_of(base), &range, visit_chain, &to);
    return CF_OK;
}

static bool visit_head(void *context, cf_bytes key, cf_bytes value)
{
    translation *to = context;
    cf_head head = cf_head_of_key(key);
    (void)value;

    return to->visit.head(to->context, &head);
}

static cf_status memory_heads(cf_store *base, const cf_hash *user, cf_head_visit *visit,
                              void *context, cf_error *error)
{
    row_range range = {CF_MEMORY_HEADS, bytes_of_user(user), bytes_of_user(user)};
    translation to = {{.head = visit}, context};
    (void)error;

    each(cf_memory_store_of(base), &range, visit_head, &to);
    return CF_OK;
}

static cf_status memory_get(cf_store *base, const cf_hash *user, cf_bytes key, cf_buffer *value,
                            cf_error *error)
{
    cf_memory_store *self = cf_memory_store_of(base);
    cf_buffer whole = {0};

    cf_buffer_append(&whole, user->bytes, CF_HASH_SIZE);
    cf_buffer_append(&whole, key.data, key.size);
    pthread_mutex_lock(&self->lock);
    const cf_memory_row *row =
        cf_memory_table_get(&self->disk->tables[CF_MEMORY_RECORDS], cf_buffer_view(&whole));
    if (row)
        cf_buffer_append(value, row->value.data, row->value.size);
    pthread_mutex_unlock(&self->lock);
    cf_buffer_release(&whole);
    return row ? CF_OK : cf_fail(error, CF_MISSING, "no such record");
}

static bool visit_record(void *context, cf_bytes key, cf_bytes value)
{
    translation *to = context;
    cf_bytes own = {key.data + CF_HASH_SIZE, key.size - CF_HASH_SIZE};

    return to->visit.record(to->context, own, value);
}

static cf_status memory_scan(cf_store *base, const cf_hash *user, cf_bytes prefix,
                             cf_record_visit *visit, void *context, cf_error *error)
{
    cf_buffer whole = {0};
    translation to = {{.record = visit}, context};
    (void)error;

    cf_buffer_append(&whole, user->bytes, CF_HASH_SIZE);
    cf_buffer_append(&whole, prefix.data, prefix.size);
    row_range range = {CF_MEMORY_RECORDS, cf_buffer_view(&whole), cf_buffer_view(&whole)};
    each(cf_memory_store_of(base), &range, visit_record, &to);
    cf_buffer_release(&whole);
    return CF_OK;
}

static bool visit_user(void *context, cf_bytes key, cf_bytes value)
{
    translation *to = context;
    cf_hash user;
    (void)value;

    memcpy(user.bytes, key.data, CF_HASH_SIZE);
    return to->visit.user(to->context, &user);
}

static cf_status memory_users(cf_store *base, cf_user_visit *visit, void *context, cf_error *error)
{
    row_range range = {CF_MEMORY_EPOCHS, {0}, {0}};
    translation to = {{.user = visit}, context};
    (void)error;

    each(cf_memory_store_of(base), &range, visit_user, &to);
    return CF_OK;
}

static cf_status memory_verify(cf_store *base, cf_damage_visit *damaged, void *context,
                               cf_error *error)
{
    return cf_store_verify_all(base, damaged, context, error);
}

void cf_memory_store_set_reads(cf_store *base)
{
    base->read = memory_read;
    base->last = memory_last;
    base->size = memory_size;
    base->find = memory_find;
    base->chain = memory_chain;
    base->heads = memory_heads;
    base->get = memory_get;
    base->scan = memory_scan;
    base->users = memory_users;
    base->verify = memory_verify;
}
