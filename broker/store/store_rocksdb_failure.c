/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the store takes a write, and what is known to have failed in it. */
#include "broker/store/store_rocksdb.h"

#include "broker/store/store_room.h"
#include "codec/limits.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

cf_status cf_rocks_store_fail_again(cf_rocks_store *self, cf_error *error)
{
    pthread_mutex_lock(&self->telling);
    if (self->failure.status)
        *error = self->failure;
    const cf_status status = self->failure.status;
    pthread_mutex_unlock(&self->telling);
    return status;
}

cf_status cf_rocks_store_set_failure(cf_rocks_store *self, const cf_error *failure)
{
    pthread_mutex_lock(&self->telling);
    self->failure = *failure;
    pthread_mutex_unlock(&self->telling);
    return failure->status;
}

void cf_rocks_store_set_damage(cf_rocks_store *self, const cf_error *found)
{
    pthread_mutex_lock(&self->telling);
    if (!found)
        self->damage = (cf_error){0};
    else if (!self->damage.status)
        self->damage = *found;
    pthread_mutex_unlock(&self->telling);
}

/* Its log can be closed then. What is not known to be a failed sync may be a failed write. */
static bool has_failed_to_sync(const char *text)
{
    return strstr(text, "While fdatasync") || strstr(text, "While fsync");
}

cf_status cf_rocks_store_give_up(cf_rocks_store *self, char *text, cf_error *error)
{
    const bool has_failed_alone = has_failed_to_sync(text);
    const bool is_hindered = cf_rocks_fail(error, text) == CF_BROKEN;

    cf_error_while(error, "writing to %s", self->path);
    cf_rocks_store_advise(self, error);
    if (is_hindered)
        cf_rocks_store_set_damage(self, error);
    /* A full disk is found before: where RocksDB itself meets one, room alone doesn't help. Damage
     * that it met is no user's, whose append this is. */
    if (error->status == CF_FULL || is_hindered)
        error->status = CF_IO;
    cf_rocks_store_set_failure(self, error);
    atomic_store(&self->is_hindered, is_hindered);
    atomic_store(&self->is_spoilt, !is_hindered && !has_failed_alone);
    return error->status;
}

bool cf_rocks_store_is_removed(const cf_rocks_store *self)
{
    struct stat folder;

    return self->folder >= 0 && fstat(self->folder, &folder) == 0 && folder.st_nlink == 0 &&
           stat(self->path, &folder) != 0;
}

cf_status cf_rocks_store_require_room(cf_rocks_store *self, size_t size, cf_error *error)
{
    size_t batch = 0;

    if (cf_rocks_store_is_removed(self)) {
        cf_fail(error, CF_IO, CF_ROCKS_REMOVED_FORMAT, self->path);
        atomic_store(&self->is_spoilt, true);
        return cf_rocks_store_set_failure(self, error);
    }
    rocksdb_writebatch_wi_data(self->batch, &batch);
    if (cf_store_room_to_write(self->path, batch + size))
        return CF_OK;
    cf_fail(error, CF_FULL,
            "no room left on the disk of %s: make room there; it needs %" PRIu64
            " KiB, and has %" PRIu64,
            self->path, cf_store_room_needed_to_write(self->path, batch + size) / CF_KIB,
            cf_store_room(self->path) / CF_KIB);
    return CF_FULL;
}

cf_status cf_rocks_store_put(cf_rocks_store *self, cf_bytes key, cf_bytes value, cf_error *error)
{
    char *text = NULL;

    cf_status status = cf_rocks_store_require_room(self, key.size + value.size, error);
    if (status)
        return status;
    rocksdb_put_cf(self->rocks->db, self->rocks->synced, self->rocks->tables[CF_ROCKS_DEFAULT],
                   (const char *)key.data, key.size, (const char *)value.data, value.size, &text);
    return text ? cf_rocks_store_give_up(self, text, error) : CF_OK;
}
