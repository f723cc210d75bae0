/* SPDX-License-Identifier: Apache-2.0 */
/* The database of the RocksDB store opened, closed and opened anew, and a log that somebody removed
 * written anew, see store_rocksdb.h. Renewing believes nothing in memory: users' positions and
 * epochs are read again, and where that fails, the database is opened to be read only. */
#include "broker/store/store_rocksdb.h"

#include "broker/store/store_format.h"
#include "broker/store/store_open_files.h"
#include "broker/store/store_room.h"
#include "codec/limits.h"

#include <inttypes.h>
#include <sys/stat.h>

static const char instance_key[] = "instance";

/* 0 when there is none. */
static cf_status load_epoch(const cf_rocks_store *self, const cf_hash *user, uint64_t *out,
                            cf_error *error)
{
    uint8_t key[CF_ROCKS_USER_KEY_SIZE];
    cf_buffer value = {0};

    cf_rocks_user_key(CF_ROCKS_EPOCH, user, key);
    cf_status status =
        cf_rocks_get(self->rocks, CF_ROCKS_DEFAULT, cf_bytes_of(key, sizeof key), &value, error);
    if (status == CF_OK && value.size != 8)
        status = cf_fail(error, CF_BROKEN, "the epoch of a user is damaged");
    else if (status == CF_OK)
        *out = cf_get_u64(value.data);
    cf_buffer_release(&value);
    return status == CF_MISSING ? CF_OK : status;
}

cf_status cf_rocks_store_load(const cf_rocks_store *self, const cf_hash *user,
                              cf_rocks_account *out, cf_error *error)
{
    cf_rocks_account loaded = {.user = *user};
    uint64_t last;

    cf_status status = load_epoch(self, user, &loaded.epoch, error);
    if (!status)
        status = cf_rocks_last(self->rocks, user, &last, error);
    if (!status)
        status = cf_rocks_size(self->rocks, user, &loaded.size, error);
    if (status)
        return status;
    loaded.next = last + 1;
    *out = loaded;
    return CF_OK;
}

static cf_status load_instance(cf_rocks_store *self, cf_error *error)
{
    cf_buffer value = {0};
    cf_bytes key = cf_bytes_of_text(instance_key);

    cf_status status = cf_rocks_get(self->rocks, CF_ROCKS_DEFAULT, key, &value, error);
    if (status == CF_OK && value.size == sizeof self->instance)
        memcpy(self->instance, value.data, sizeof self->instance);
    else if (status == CF_OK)
        status = cf_fail(error, CF_BROKEN, "the instance id of %s is damaged", self->path);
    else if (status == CF_BROKEN && self->options.salvages) {
        memcpy(self->instance, self->options.random, sizeof self->instance);
        status = CF_OK; /* nobody asks a salvaged store for it */
    } else if (status == CF_MISSING) {
        memcpy(self->instance, self->options.random, sizeof self->instance);
        status = self->options.reads_only
                     ? CF_OK
                     : cf_rocks_store_put(
                           self, key, cf_bytes_of(self->instance, sizeof self->instance), error);
    }
    cf_buffer_release(&value);
    return status;
}

cf_status cf_rocks_store_open(cf_rocks_store *self, cf_error *error)
{
    cf_status status = CF_OK;

    if (!self->options.reads_only && !cf_store_room_to_open(self->path))
        status = cf_fail(
            error, CF_FULL,
            "no room left on the disk: make room there; it needs %" PRIu64 " KiB, and has %" PRIu64,
            cf_store_room_needed(self->path) / CF_KIB, cf_store_room(self->path) / CF_KIB);
    if (!status)
        status = cf_rocks_open(&self->options, &self->rocks, error);
    if (status == CF_OK) {
        self->batch = rocksdb_writebatch_wi_create(0, 1);
        status = load_instance(self, error);
    }
    if (status)
        cf_error_while(error, "opening the store %s", self->path);
    if (status && !cf_store_format_is_newer(self->path))
        cf_rocks_store_advise(self, error);
    return status;
}

bool cf_rocks_store_is_in_place(const cf_rocks_store *self)
{
    struct stat opened, there;

    return self->folder < 0 || fstat(self->folder, &opened) ||
           (stat(self->path, &there) == 0 && there.st_dev == opened.st_dev &&
            there.st_ino == opened.st_ino);
}

void cf_rocks_store_touch(const cf_rocks_store *self, char **text)
{
    rocksdb_put(self->rocks->db, self->rocks->unsynced, instance_key, strlen(instance_key),
                (const char *)self->instance, sizeof self->instance, text);
}

/* A log in which something stands is needed for a flush to begin another one. */
static cf_status begin_log(const cf_rocks_store *self, cf_error *error)
{
    char *text = NULL;

    cf_rocks_store_touch(self, &text);
    return text ? cf_rocks_fail(error, text) : cf_rocks_flush(self->rocks, error);
}

cf_status cf_rocks_store_save_log(cf_rocks_store *self, cf_error *error)
{
    cf_store_lost_files lost;

    *error = (cf_error){0};
    if (!self->rocks || self->folder < 0 || self->options.reads_only || self->is_spoilt ||
        !cf_rocks_store_is_in_place(self))
        return CF_OK;
    cf_store_find_lost(self->folder, &lost);
    if (lost.manifest)
        return cf_fail(error, CF_BROKEN, "the MANIFEST of %s was removed, cut or damaged",
                       self->path);
    if (!lost.log)
        return CF_OK;
    if (begin_log(self, error)) {
        error->status = cf_error_is_lack(error) ? CF_IO : CF_BROKEN;
        cf_error_while(
            error, "writing anew what stood in the log of %s, which was removed, cut or damaged",
            self->path);
        return error->status;
    }
    return cf_fail(
        error, CF_CHANGED,
        "the log of %s was removed, cut or damaged: what stood there was written anew, and "
        "nothing of it is lost",
        self->path);
}

void cf_rocks_store_close(cf_rocks_store *self)
{
    cf_error lost;

    if (cf_rocks_store_save_log(self, &lost) && self->options.lost)
        *self->options.lost = lost;
    if (self->batch)
        rocksdb_writebatch_wi_destroy(self->batch);
    self->batch = NULL;
    cf_rocks_close(&self->rocks);
}

/* Another process may have had the store in between: epochs and positions are the disk's. Our own
 * epoch stays what it was when nobody has. */
static cf_status reload_accounts(cf_rocks_store *self, cf_error *error)
{
    cf_rocks_account *list = self->accounts.list;
    cf_status status = CF_OK;

    for (size_t i = 0; status == CF_OK && i < self->accounts.count; i++)
        status = cf_rocks_store_load(self, &list[i].user, &list[i], error);
    return status;
}

/* A disk that can't be written to may still be read. */
static void read_on(cf_rocks_store *self)
{
    cf_store_options options = self->options;
    cf_error ignored;

    options.reads_only = true;
    if (!cf_rocks_open(&options, &self->rocks, &ignored))
        self->batch = rocksdb_writebatch_wi_create(0, 1);
}

cf_status cf_rocks_store_renew(cf_rocks_store *self, cf_error *error)
{
    static const cf_error none;

    if (!cf_rocks_store_is_in_place(self))
        return cf_fail(error, CF_IO, "%s is gone, or another one lies in its place", self->path);
    pthread_rwlock_wrlock(&self->reopening);
    /* Where damage was met in the background nothing is written anew there from now on: what files
     * have that is whole can be read, and more is written beside them. */
    self->has_met_damage |= atomic_exchange(&self->is_hindered, false);
    self->options.rests |= self->has_met_damage;
    cf_rocks_store_close(self);
    cf_status status = cf_rocks_store_open(self, error);
    if (status == CF_OK)
        status = reload_accounts(self, error);
    if (status && self->is_spoilt)
        cf_rocks_leave_open(&self->rocks);
    if (status) {
        cf_rocks_store_close(self);
        read_on(self);
    }
    /* What was recovered has been written to tables and synced anew: durable whatever became of
     * the log that it was read from. */
    cf_rocks_store_set_failure(self, status ? error : &none);
    self->unsynced = false;
    pthread_rwlock_unlock(&self->reopening);
    return status;
}
