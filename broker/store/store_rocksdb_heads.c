/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of branches, kept by writer in one value that each entry changes: keys that come and go
 * with each entry would be passed again, though they are gone, by whoever asks for heads. A store
 * of format 1 has a key for each end; a writer's are turned into its value by its next entry. */
#include "broker/store/store_rocksdb.h"

#include "broker/store/store_keys.h"
#include "codec/heads.h"

#include <stdlib.h>

enum { END_SIZE = 8 + CF_HASH_SIZE }; /* sequence, hash; in their order in the value */

static cf_bytes writer_part(const cf_head_key *key)
{
    return cf_bytes_of(key->bytes, CF_WRITER_KEY_SIZE);
}

static cf_head end_of(const cf_id *writer, const uint8_t *end)
{
    cf_head head = {.writer = *writer, .sequence = cf_get_u64(end)};

    memcpy(head.hash.bytes, end + 8, CF_HASH_SIZE);
    return head;
}

bool cf_rocks_heads_visit(cf_bytes key, cf_bytes value, cf_head_visit *visit, void *context,
                          bool *damaged)
{
    cf_id writer;
    bool wanted = true;

    if (key.size == CF_HEAD_KEY_SIZE) {
        cf_head head = cf_head_of_key(key);

        return visit(context, &head);
    }
    *damaged = key.size != CF_WRITER_KEY_SIZE || !value.size || value.size % END_SIZE;
    if (*damaged)
        return false;
    memcpy(writer.bytes, key.data + CF_HASH_SIZE, CF_ID_SIZE);
    for (size_t at = 0; wanted && at < value.size; at += END_SIZE) {
        cf_head head = end_of(&writer, value.data + at);

        wanted = visit(context, &head);
    }
    return wanted;
}

typedef struct {
    cf_heads heads;
    bool damaged;
} reading;

static bool add_head(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

static bool read_old(void *context, cf_bytes key, cf_bytes value)
{
    reading *self = context;

    return cf_rocks_heads_visit(key, value, add_head, &self->heads, &self->damaged);
}

/* As the batch and the database have them. `is_old`: under keys of their own. */
static cf_status read_heads(cf_rocks_store *self, const cf_head_key *key, cf_heads *out,
                            bool *is_old, cf_error *error)
{
    const cf_rocks_range range = {CF_ROCKS_HEADS, writer_part(key), {0}, .once = false};
    reading found = {0};
    char *text = NULL;
    size_t size = 0;
    char *value = rocksdb_writebatch_wi_get_from_batch_and_db_cf(
        self->batch, self->rocks->db, self->rocks->reading, self->rocks->tables[CF_ROCKS_HEADS],
        (const char *)key->bytes, CF_WRITER_KEY_SIZE, &size, &text);

    if (text)
        return cf_rocks_fail(error, text);
    *is_old = !value;
    cf_status status = CF_OK;
    if (value)
        cf_rocks_heads_visit(writer_part(key), cf_bytes_of(value, size), add_head, &found.heads,
                             &found.damaged);
    else
        status = cf_rocks_each(self->rocks, &range, read_old, &found, error);
    rocksdb_free(value);
    if (!status && found.damaged)
        status = cf_fail(error, CF_BROKEN, "the heads of a writer are damaged");
    if (status)
        cf_heads_release(&found.heads);
    else
        *out = found.heads;
    return status;
}

static void delete_old(cf_rocks_store *self, const cf_hash *user, const cf_heads *heads)
{
    for (size_t i = 0; i < heads->count; i++) {
        cf_head_key key = cf_head_key_of(user, &heads->heads[i]);

        rocksdb_writebatch_wi_delete_cf(self->batch, self->rocks->tables[CF_ROCKS_HEADS],
                                        (const char *)key.bytes, sizeof key.bytes);
    }
}

static void put_heads(cf_rocks_store *self, const cf_head_key *key, const cf_heads *heads)
{
    cf_buffer value = {0};

    for (size_t i = 0; i < heads->count; i++) {
        uint8_t sequence[8];

        cf_put_u64(sequence, heads->heads[i].sequence);
        cf_buffer_append(&value, sequence, sizeof sequence);
        cf_buffer_append(&value, heads->heads[i].hash.bytes, CF_HASH_SIZE);
    }
    rocksdb_writebatch_wi_put_cf(self->batch, self->rocks->tables[CF_ROCKS_HEADS],
                                 (const char *)key->bytes, CF_WRITER_KEY_SIZE,
                                 (const char *)value.data, value.size);
    cf_buffer_release(&value);
}

cf_status cf_rocks_heads_batch(cf_rocks_store *self, const cf_hash *user, const cf_entry *entry,
                               cf_error *error)
{
    cf_head head = cf_head_of(entry), before = cf_head_before(&entry->header);
    cf_head_key key = cf_head_key_of(user, &head);
    cf_heads heads = {0};
    bool is_old = false;

    cf_status status = read_heads(self, &key, &heads, &is_old, error);
    if (status)
        return status;
    if (is_old)
        delete_old(self, user, &heads);
    if (before.sequence > 0)
        cf_heads_remove(&heads, &before);
    cf_heads_insert(&heads, &head);
    put_heads(self, &key, &heads);
    cf_heads_release(&heads);
    return CF_OK;
}
