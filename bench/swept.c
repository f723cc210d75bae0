/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/swept.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/author.h"
#include "broker/upkeep/sweep.h"
#include "codec/bulk.h"
#include "codec/limits.h"

enum { UNNAMED = 16, PERSON = 77 };
#define LATER_MS (30 * CF_DAY_MS)

struct cf_swept {
    cf_env env;
    cf_store *store;
    cf_blobs *blobs;
    cf_users *users;
    cf_jobs *jobs;
    cf_hash user;
    cf_hash *named;
    size_t named_count, made; /* numbers blobs */
};

static void note_status(void *context, cf_status status, cf_blob_held held, const cf_error *error)
{
    (void)held, (void)error;
    *(cf_status *)context = status;
}

static cf_status put_blob(cf_swept *self, cf_hash *out, cf_error *error)
{
    cf_status status = CF_IO;
    char text[32];

    snprintf(text, sizeof text, "blob %zu", self->made++);
    *out = cf_sha256_of(cf_bytes_of_text(text));
    const cf_blob_put put = {.user = self->user,
                             .id = *out,
                             .total = strlen(text),
                             .bytes = cf_bytes_of_text(text),
                             .now_ms = self->env.now_ms(self->env.context),
                             .done = note_status,
                             .context = &status};
    self->blobs->put(self->blobs, &put);
    return status ? cf_fail(error, status, "storing a blob") : CF_OK;
}

static void note_answer(void *context, cf_append_answer answer, uint64_t position,
                        const cf_error *error)
{
    (void)position, (void)error;
    *(size_t *)context += answer == CF_APPEND_STORED;
}

static cf_status append_all(cf_swept *self, const cf_writings *writings, cf_error *error)
{
    cf_arena arena = {0};
    uint64_t epoch;
    size_t stored = 0;

    cf_status status = self->store->acquire(self->store, &self->user, &epoch, error);
    for (size_t i = 0; !status && i < writings->count; i++) {
        cf_entry entry;

        status = cf_entry_read(cf_writings_at(writings, i), &arena, &entry, error);
        if (!status)
            self->store->append(self->store, &(cf_append){.user = self->user,
                                                          .epoch = epoch,
                                                          .entry = &entry,
                                                          .done = note_answer,
                                                          .context = &stored});
        if (!status)
            status = self->store->commit(self->store, error);
    }
    if (!status && stored != writings->count)
        status =
            cf_fail(error, CF_BROKEN, "%zu of %zu entries were stored", stored, writings->count);
    cf_arena_release(&arena);
    return status;
}

static cf_status fill(cf_swept *self, size_t count, cf_error *error)
{
    cf_writings writings = {0};
    cf_status status = cf_writings_make(PERSON, 0, 0, &writings, error);

    self->user = writings.user;
    cf_writings_release(&writings);
    self->named = cf_allocate(count, sizeof *self->named);
    for (; !status && self->named_count < count; self->named_count++)
        status = put_blob(self, &self->named[self->named_count], error);
    if (!status)
        status = cf_writings_naming(PERSON, self->named, count, &writings, error);
    if (!status)
        status = append_all(self, &writings, error);
    cf_writings_release(&writings);
    return status;
}

static cf_status open_broker(cf_swept *self, const char *folder, cf_error *error)
{
    static const uint8_t random[16] = "a bench's store";
    char path[PATH_MAX];

    cf_env_system(&self->env, "counterfoil-bench", CF_REPORT_WARNING);
    self->jobs = cf_jobs_inline_new(0);
    snprintf(path, sizeof path, "%.4000s-log", folder);
    const cf_store_options options = {.path = path, .random = random};
    cf_status status = cf_store_rocksdb_open(&options, &self->store, error);
    snprintf(path, sizeof path, "%.4000s-blobs", folder);
    return status ? status : cf_blob_files_open(path, &self->blobs, error);
}

void cf_swept_destroy(cf_swept **swept)
{
    cf_swept *self = *swept;

    if (!self)
        return;
    cf_jobs_destroy(&self->jobs);
    cf_users_destroy(&self->users);
    if (self->blobs)
        self->blobs->destroy(self->blobs);
    cf_store_destroy(&self->store);
    free(self->named);
    free(self);
    *swept = NULL;
}

cf_status cf_swept_new(const char *folder, size_t count, cf_swept **out, cf_error *error)
{
    cf_swept *self = cf_allocate(1, sizeof *self);

    cf_status status = open_broker(self, folder, error);
    if (!status)
        status = fill(self, count, error);
    if (!status)
        status = cf_users_open(&(cf_users_options){.env = &self->env, .store = self->store},
                               &self->users, error);
    if (status)
        cf_swept_destroy(&self);
    else
        *out = self;
    return status;
}

static cf_status expect_held(cf_swept *self, const cf_hash *blob, bool expected, cf_error *error)
{
    cf_blob_held held;

    cf_status status = self->blobs->held(self->blobs, &self->user, blob, &held, error);
    if (!status && held.complete != expected)
        status = cf_fail(error, CF_BROKEN, "the sweep %s a blob",
                         expected ? "dropped a named" : "left an unnamed");
    return status;
}

/* By the time of day, which tells how old a blob is. */
static uint64_t (*today)(void *context);
static uint64_t later(void *context)
{
    return today(context) + LATER_MS;
}

cf_status cf_swept_sweep(cf_swept *self, cf_error *error)
{
    cf_env env = self->env;
    cf_hash unnamed[UNNAMED];
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < UNNAMED; i++)
        status = put_blob(self, &unnamed[i], error);
    today = env.now_ms;
    env.now_ms = later;
    cf_sweep *sweep = cf_sweep_new(&(cf_sweep_options){.env = &env,
                                                       .store = self->store,
                                                       .blobs = self->blobs,
                                                       .users = self->users,
                                                       .jobs = self->jobs});
    if (!status) /* it begins some minutes after its first tick */
        cf_sweep_tick(sweep, cf_sweep_tick(sweep, cf_env_steady_ms(&self->env)));
    while (self->jobs->deliver(self->jobs))
        ;
    cf_sweep_destroy(&sweep);
    for (size_t i = 0; !status && i < UNNAMED; i++)
        status = expect_held(self, &unnamed[i], false, error);
    return status ? status : expect_held(self, &self->named[self->named_count - 1], true, error);
}
