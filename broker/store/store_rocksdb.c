/* SPDX-License-Identifier: Apache-2.0 */
/* The store in RocksDB from its opening to its end. */
#include "broker/store/store_rocksdb.h"

#include "broker/store/store_room.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Where it fails files lie as they are until the next start, and can be read. */
static void compact_in_background(const cf_rocks *rocks)
{
    static const char *const names[] = {"disable_auto_compactions"}, *const values[] = {"false"};

    for (size_t i = 0; i < CF_ROCKS_TABLES; i++) {
        char *text = NULL;

        rocksdb_set_options_cf(rocks->db, rocks->tables[i], 1, names, values, &text);
        rocksdb_free(text);
    }
}

static void rocks_compact(cf_store *base)
{
    cf_rocks_store *self = cf_rocks_store_of(base);

    pthread_rwlock_rdlock(&self->reopening);
    if (self->rocks && !self->options.reads_only && !self->has_met_damage) {
        self->options.rests = false;
        compact_in_background(self->rocks);
    }
    pthread_rwlock_unlock(&self->reopening);
}

static cf_status rocks_reopen(cf_store *base, cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);

    if (self->failure.status == CF_OK)
        return CF_OK;
    if (self->options.reads_only)
        return cf_rocks_store_fail_again(self, error);
    cf_rocks_store_answer(self, &self->failure);
    if (self->rocks && self->failure.status == CF_FULL && !cf_store_room_to_open(self->path))
        return cf_rocks_store_fail_again(self, error);
    if (self->is_spoilt)
        return cf_rocks_store_fail_again(self, error);
    return cf_rocks_store_renew(self, error);
}

static cf_status rocks_failure(cf_store *base, bool *for_good, cf_error *error)
{
    cf_rocks_store *self = cf_rocks_store_of(base);
    const cf_status status = cf_rocks_store_fail_again(self, error);

    *for_good = status && atomic_load(&self->is_spoilt);
    return status == CF_FULL ? CF_OK : status;
}

static void rocks_instance(cf_store *base, uint8_t out[16])
{
    memcpy(out, cf_rocks_store_of(base)->instance, 16);
}

static void rocks_destroy(cf_store *base)
{
    cf_rocks_store *self = cf_rocks_store_of(base);

    for (size_t i = 0; i < self->queue.count; i++)
        free(self->queue.list[i].error);
    free(self->queue.list);
    if (self->is_spoilt || !cf_rocks_store_is_in_place(self))
        cf_rocks_leave_open(&self->rocks);
    cf_rocks_store_close(self);
    if (self->folder >= 0)
        close(self->folder);
    pthread_rwlock_destroy(&self->reopening);
    pthread_mutex_destroy(&self->telling);
    free(self->accounts.list);
    free(self->path);
    free(self);
}

cf_status cf_store_rocksdb_open(const cf_store_options *options, cf_store **out, cf_error *error)
{
    cf_rocks_store *self = cf_allocate(1, sizeof *self);

    self->base = (cf_store){
        .destroy = rocks_destroy,
        .reopen = rocks_reopen,
        .failure = rocks_failure,
        .compact = rocks_compact,
        .instance = rocks_instance,
        .forget = cf_rocks_store_forget,
        .purge = cf_rocks_store_purge,
    };
    cf_rocks_store_set_writes(&self->base);
    cf_rocks_store_set_reads(&self->base);
    self->path = cf_text_copy(options->path);
    self->options = *options;
    self->options.path = self->path;
    self->base.remedy = options->remedy;
    pthread_rwlock_init(&self->reopening, NULL);
    pthread_mutex_init(&self->telling, NULL);
    self->folder = -1;
    cf_status status = cf_rocks_store_open(self, error);
    self->folder = open(self->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (self->options.reads_only && options->unwritable)
        cf_fail(&self->failure, CF_IO, "%s", options->unwritable->text);
    else if (self->options.reads_only)
        cf_fail(&self->failure, CF_IO, "%s is only read: nothing can be written to it", self->path);
    /* What is the caller's ends with this call; only a new store needs the random bytes. */
    self->options.random = self->instance;
    self->options.cut = NULL;
    self->options.unwritable = NULL;
    self->options.existing = true;
    if (status) {
        rocks_destroy(&self->base);
        return status;
    }
    *out = &self->base;
    return CF_OK;
}
