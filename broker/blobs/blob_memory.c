/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs in memory, see blobs.h: complete blobs lie on a disk that outlives the cf_blobs, uploads
 * are lost with that, as in a crash. Visitors are called without the lock, so that they may drop
 * blobs. */
#include "broker/blobs/blobs.h"
#include "broker/store/memory_table.h"

#include "codec/bulk.h"

#include <pthread.h>
#include <stdlib.h>

enum { KEY_SIZE = 2 * CF_HASH_SIZE, TIME_SIZE = 8 };

/* user · id -> time · bytes */
struct cf_blob_memory_disk {
    cf_memory_table complete;
    cf_status failing;
};

typedef struct {
    cf_blobs base;
    cf_blob_memory_disk *disk;
    cf_memory_table uploads;
    pthread_mutex_t lock; /* of all */
} blob_memory;

typedef struct {
    uint8_t bytes[KEY_SIZE];
} blob_key;

cf_blob_memory_disk *cf_blob_memory_disk_new(void)
{
    return cf_allocate(1, sizeof(cf_blob_memory_disk));
}

void cf_blob_memory_disk_destroy(cf_blob_memory_disk **disk)
{
    if (*disk)
        cf_memory_table_release(&(*disk)->complete);
    free(*disk);
    *disk = NULL;
}

cf_blob_memory_disk *cf_blob_memory_disk_copy(const cf_blob_memory_disk *disk)
{
    cf_blob_memory_disk *copy = cf_blob_memory_disk_new();

    cf_memory_table_copy(&copy->complete, &disk->complete);
    return copy;
}

void cf_blob_memory_disk_fail(cf_blob_memory_disk *disk, cf_status status)
{
    disk->failing = status;
}

static blob_memory *self_of(cf_blobs *base)
{
    return (blob_memory *)base;
}

static blob_key key_of(const cf_hash *user, const cf_hash *id)
{
    blob_key key;

    memcpy(key.bytes, user->bytes, CF_HASH_SIZE);
    memcpy(key.bytes + CF_HASH_SIZE, id->bytes, CF_HASH_SIZE);
    return key;
}

static cf_bytes view_of(const blob_key *key)
{
    return cf_bytes_of(key->bytes, KEY_SIZE);
}

/* The blob's bytes; data NULL when it is not there. */
static cf_bytes blob_at(const cf_memory_table *table, const blob_key *key)
{
    const cf_memory_row *row = cf_memory_table_get(table, view_of(key));

    return row ? cf_bytes_of(row->value.data + TIME_SIZE, row->value.size - TIME_SIZE)
               : (cf_bytes){0};
}

/* Stores what is held up to the piece's offset, and the piece. */
static void put_upload(blob_memory *self, const blob_key *key, const cf_blob_put *put)
{
    cf_bytes before = blob_at(&self->uploads, key);
    cf_buffer whole = {0};
    uint8_t time[TIME_SIZE];

    cf_put_u64(time, put->now_ms);
    cf_buffer_append(&whole, time, TIME_SIZE);
    cf_buffer_append(&whole, before.data, (size_t)put->offset);
    cf_buffer_append(&whole, put->bytes.data, put->bytes.size);
    cf_memory_table_put(&self->uploads, view_of(key), cf_buffer_view(&whole));
    cf_buffer_release(&whole);
}

static cf_status finish_upload(blob_memory *self, const blob_key *key, const cf_hash *id,
                               cf_error *error)
{
    cf_hash found = cf_sha256_of(blob_at(&self->uploads, key));
    cf_status status = CF_OK;

    if (cf_hash_equal(&found, id))
        cf_memory_table_put(
            &self->disk->complete, view_of(key),
            cf_buffer_view(&cf_memory_table_get(&self->uploads, view_of(key))->value));
    else
        status = cf_fail(error, CF_FORGED, "the bytes of a blob are not what its name says");
    cf_memory_table_remove(&self->uploads, view_of(key));
    return status;
}

static cf_status put_piece(blob_memory *self, const cf_blob_put *put, cf_blob_held *held,
                           cf_error *error)
{
    blob_key key = key_of(&put->user, &put->id);
    uint64_t end = put->offset + put->bytes.size;

    cf_status status = cf_blob_put_check(put, error);
    if (status)
        return status;
    if (self->disk->failing)
        return cf_fail(error, self->disk->failing, "the disk in memory fails");
    cf_bytes complete = blob_at(&self->disk->complete, &key);
    *held = (cf_blob_held){.size = complete.size, .complete = complete.data != NULL};
    if (held->complete)
        return CF_OK;
    if (blob_at(&self->uploads, &key).size > put->total)
        cf_memory_table_remove(&self->uploads, view_of(&key));
    held->size = blob_at(&self->uploads, &key).size;
    if (put->offset > held->size || (end <= held->size && end < put->total))
        return CF_OK;
    put_upload(self, &key, put);
    *held = (cf_blob_held){.size = end, .complete = end == put->total};
    return held->complete ? finish_upload(self, &key, &put->id, error) : CF_OK;
}

static cf_blob_usage taken_by(blob_memory *self, const cf_blob_put *put)
{
    blob_key key = key_of(&put->user, &put->id);
    cf_bytes complete = blob_at(&self->disk->complete, &key);
    cf_bytes upload = blob_at(&self->uploads, &key);

    return (cf_blob_usage){(uint64_t)(complete.data != NULL) + (upload.data != NULL),
                           complete.size + upload.size};
}

static void memory_put(cf_blobs *base, const cf_blob_put *put)
{
    blob_memory *self = self_of(base);
    cf_blob_held held = {0};
    cf_error error = {0};

    pthread_mutex_lock(&self->lock);
    cf_blob_usage before = taken_by(self, put);
    cf_status status = put_piece(self, put, &held, &error);
    cf_blob_held_note_change(&held, before, taken_by(self, put));
    pthread_mutex_unlock(&self->lock);
    if (put->done)
        put->done(put->context, status, held, &error);
}

static cf_status memory_held(cf_blobs *base, const cf_hash *user, const cf_hash *id,
                             cf_blob_held *out, cf_error *error)
{
    blob_memory *self = self_of(base);
    blob_key key = key_of(user, id);
    (void)error;

    pthread_mutex_lock(&self->lock);
    cf_bytes complete = blob_at(&self->disk->complete, &key);
    if (complete.data)
        *out = (cf_blob_held){.size = complete.size, .complete = true};
    else
        *out = (cf_blob_held){.size = cf_blob_resume(blob_at(&self->uploads, &key).size)};
    pthread_mutex_unlock(&self->lock);
    return CF_OK;
}

static cf_status memory_get(cf_blobs *base, const cf_hash *user, const cf_hash *id, uint64_t offset,
                            size_t size, cf_buffer *out, uint64_t *total, cf_error *error)
{
    blob_memory *self = self_of(base);
    blob_key key = key_of(user, id);
    cf_status status = CF_OK;

    pthread_mutex_lock(&self->lock);
    cf_bytes blob = blob_at(&self->disk->complete, &key);
    if (!blob.data)
        status = cf_fail(error, CF_MISSING, "no such blob");
    else if (offset < blob.size)
        cf_buffer_append(out, blob.data + offset,
                         blob.size - offset < size ? (size_t)(blob.size - offset) : size);
    if (status == CF_OK)
        *total = blob.size;
    pthread_mutex_unlock(&self->lock);
    return status;
}

/* The first blob at or after `key`, copied out of the lock, so that a visitor may drop. */
static bool next_blob(blob_memory *self, bool complete, blob_key *key, cf_blob_info *blob)
{
    pthread_mutex_lock(&self->lock);
    const cf_memory_row *row =
        cf_memory_table_from(complete ? &self->disk->complete : &self->uploads, view_of(key));
    if (row) {
        memcpy(key->bytes, row->key.data, KEY_SIZE);
        memcpy(blob->id.bytes, row->key.data + CF_HASH_SIZE, CF_HASH_SIZE);
        blob->size = row->value.size - TIME_SIZE;
        blob->stored_ms = cf_get_u64(row->value.data);
        blob->complete = complete;
    }
    pthread_mutex_unlock(&self->lock);
    return row != NULL;
}

/* The key after this one; false when there can be none. */
static bool advance(blob_key *key)
{
    for (size_t i = KEY_SIZE; i-- > 0;)
        if (++key->bytes[i] != 0)
            return true;
    return false;
}

static bool list_table(blob_memory *self, bool complete, const cf_hash *user, uint8_t first,
                       cf_blob_visit *visit, void *context)
{
    cf_hash from = {{first}};
    blob_key key = key_of(user, &from);
    cf_blob_info blob = {0};

    while (next_blob(self, complete, &key, &blob) &&
           memcmp(key.bytes, user->bytes, CF_HASH_SIZE) == 0) {
        if (!visit(context, &blob))
            return false;
        if (!advance(&key))
            break;
    }
    return true;
}

static cf_status memory_list(cf_blobs *base, const cf_hash *user, uint8_t first,
                             cf_blob_visit *visit, void *context, cf_error *error)
{
    (void)error;
    if (first || list_table(self_of(base), false, user, 0, visit, context))
        list_table(self_of(base), true, user, first, visit, context);
    return CF_OK;
}

static bool add_first_byte(void *context, const cf_blob_info *blob)
{
    cf_blob_first_bytes_add(context, &blob->id);
    return true;
}

static cf_status memory_first_bytes(cf_blobs *base, const cf_hash *user, cf_blob_first_bytes *out,
                                    cf_error *error)
{
    *out = (cf_blob_first_bytes){0};
    return memory_list(base, user, 0, add_first_byte, out, error);
}

static cf_status memory_users(cf_blobs *base, cf_blob_user_visit *visit, void *context,
                              cf_error *error)
{
    blob_memory *self = self_of(base);
    blob_key of_complete = {0}, of_upload = {0}, key = {0};
    cf_blob_info blob = {0};
    cf_hash user;
    (void)error;

    for (bool more = true; more; more = advance(&key)) {
        of_complete = of_upload = key;
        bool complete = next_blob(self, true, &of_complete, &blob);
        bool upload = next_blob(self, false, &of_upload, &blob);

        if (!complete && !upload)
            break;
        bool first =
            complete && (!upload || memcmp(of_complete.bytes, of_upload.bytes, CF_HASH_SIZE) <= 0);
        memcpy(user.bytes, first ? of_complete.bytes : of_upload.bytes, CF_HASH_SIZE);
        if (!visit(context, &user))
            break;
        memcpy(key.bytes, user.bytes, CF_HASH_SIZE);
        memset(key.bytes + CF_HASH_SIZE, 0xFF, CF_HASH_SIZE);
    }
    return CF_OK;
}

static cf_status memory_drop(cf_blobs *base, const cf_hash *user, const cf_hash *id,
                             cf_error *error)
{
    blob_memory *self = self_of(base);
    blob_key key = key_of(user, id);
    (void)error;

    pthread_mutex_lock(&self->lock);
    cf_memory_table_remove(&self->disk->complete, view_of(&key));
    cf_memory_table_remove(&self->uploads, view_of(&key));
    pthread_mutex_unlock(&self->lock);
    return CF_OK;
}

static cf_status memory_drop_upload(cf_blobs *base, const cf_hash *user, const cf_hash *id,
                                    cf_error *error)
{
    blob_memory *self = self_of(base);
    blob_key key = key_of(user, id);
    (void)error;

    pthread_mutex_lock(&self->lock);
    cf_memory_table_remove(&self->uploads, view_of(&key));
    pthread_mutex_unlock(&self->lock);
    return CF_OK;
}

static cf_status memory_set_aside(cf_blobs *base, const cf_hash *user, const cf_hash *id,
                                  cf_error *error)
{
    blob_memory *self = self_of(base);
    blob_key key = key_of(user, id);

    if (cf_blob_check(base, user, id, error) == CF_OK)
        return cf_fail(error, CF_CHANGED, "the blob is whole");
    pthread_mutex_lock(&self->lock);
    cf_memory_table_remove(&self->disk->complete, view_of(&key));
    pthread_mutex_unlock(&self->lock);
    return CF_OK;
}

static void forget_in(cf_memory_table *table, const cf_hash *user)
{
    cf_hash none = {0};
    blob_key first = key_of(user, &none);
    const cf_memory_row *row;

    while ((row = cf_memory_table_from(table, view_of(&first))) &&
           memcmp(row->key.data, user->bytes, CF_HASH_SIZE) == 0)
        cf_memory_table_remove(table, cf_buffer_view(&row->key));
}

static cf_status memory_forget(cf_blobs *base, const cf_hash *user, cf_error *error)
{
    blob_memory *self = self_of(base);
    (void)error;

    pthread_mutex_lock(&self->lock);
    forget_in(&self->disk->complete, user);
    forget_in(&self->uploads, user);
    pthread_mutex_unlock(&self->lock);
    return CF_OK;
}

static void memory_destroy(cf_blobs *base)
{
    blob_memory *self = self_of(base);

    cf_memory_table_release(&self->uploads);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

cf_blobs *cf_blob_memory_new(cf_blob_memory_disk *disk)
{
    blob_memory *self = cf_allocate(1, sizeof *self);

    self->base = (cf_blobs){
        .destroy = memory_destroy,
        .put = memory_put,
        .held = memory_held,
        .first_bytes = memory_first_bytes,
        .get = memory_get,
        .list = memory_list,
        .users = memory_users,
        .drop = memory_drop,
        .drop_upload = memory_drop_upload,
        .set_aside = memory_set_aside,
        .forget = memory_forget,
    };
    self->disk = disk;
    pthread_mutex_init(&self->lock, NULL);
    return &self->base;
}
