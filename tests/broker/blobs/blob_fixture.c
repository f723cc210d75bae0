/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/blobs/blob_fixture.h"

#include "codec/bulk.h"

#include <stdio.h>

static void open_blobs(shelf *self, const char *path)
{
    cf_blobs *inner = NULL;
    cf_error error;

    if (self->disk)
        inner = cf_blob_memory_new(self->disk);
    else
        expect_ok(cf_blob_files_open(path, &inner, &error), error);
    self->blobs = inner;
    if (self->kind == BLOB_ACTOR_OF_MEMORY || self->kind == BLOB_ACTOR_OF_FILES) {
        expect_ok(cf_blob_actor_new(&inner, 3, &self->actor, &error), error);
        self->blobs = cf_blob_actor_blobs(self->actor);
    }
}

static void open_in_folder(shelf *self)
{
    char path[128] = "";

    if (self->folder)
        snprintf(path, sizeof path, "%s/blobs", self->folder->path);
    open_blobs(self, path);
}

static void close_blobs(shelf *self)
{
    if (self->actor)
        cf_blob_actor_destroy(&self->actor);
    else
        cf_blobs_destroy(&self->blobs);
}

shelf a_shelf(blobs_kind kind)
{
    shelf made = {.kind = kind};

    if (kind == BLOBS_IN_MEMORY || kind == BLOB_ACTOR_OF_MEMORY)
        made.disk = cf_blob_memory_disk_new();
    else
        made.folder = scratch_new();
    open_in_folder(&made);
    return made;
}

shelf a_shelf_at(const char *path)
{
    shelf made = {.kind = BLOBS_IN_FILES};

    open_blobs(&made, path);
    return made;
}

void shelf_restart(shelf *self)
{
    close_blobs(self);
    open_in_folder(self);
}

void shelf_end(shelf *self)
{
    close_blobs(self);
    cf_blob_memory_disk_destroy(&self->disk);
    if (self->folder)
        scratch_destroy(&self->folder);
}

a_blob blob_of(size_t size)
{
    a_blob made = {0};
    uint64_t state = size;
    uint8_t *at = cf_buffer_reserve(&made.bytes, size);

    for (size_t i = 0; i < size; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        at[i] = (uint8_t)(state >> 56);
    }
    made.bytes.size = size;
    made.id = cf_sha256_of(cf_buffer_view(&made.bytes));
    return made;
}

void blob_release(a_blob *blob)
{
    cf_buffer_release(&blob->bytes);
}

static void note_answer(void *context, cf_status status, cf_blob_held held, const cf_error *error)
{
    shelf *self = context;

    self->status = status;
    self->held = held;
    self->error = *error;
    self->answered++;
}

void shelf_put_raw(shelf *self, const cf_blob_put *put)
{
    cf_blob_put copy = *put;
    size_t before = self->answered;

    copy.done = note_answer;
    copy.context = self;
    self->blobs->put(self->blobs, &copy);
    if (self->actor)
        cf_blob_actor_finish(self->actor);
    cr_assert_eq(self->answered, before + 1);
}

cf_status shelf_put(shelf *self, const cf_hash *user, const a_blob *blob, uint64_t offset)
{
    size_t rest = blob->bytes.size - (size_t)offset;
    size_t size = rest < CF_BLOB_STEP ? rest : CF_BLOB_STEP;
    cf_blob_put put = {.user = *user,
                       .id = blob->id,
                       .offset = offset,
                       .total = blob->bytes.size,
                       .bytes = cf_bytes_of(blob->bytes.data + offset, size),
                       .now_ms = 1000};

    shelf_put_raw(self, &put);
    return self->status;
}

void shelf_put_all(shelf *self, const cf_hash *user, const a_blob *blob)
{
    cf_blob_held held;
    cf_error error;

    expect_ok(self->blobs->held(self->blobs, user, &blob->id, &held, &error), error);
    while (!held.complete) {
        expect_ok(shelf_put(self, user, blob, held.size), self->error);
        cr_assert(self->held.size > held.size || self->held.complete);
        held = self->held;
    }
    cr_assert_eq(held.size, blob->bytes.size);
}

void expect_held(shelf *self, const cf_hash *user, const a_blob *blob, uint64_t size, bool complete)
{
    cf_blob_held held;
    cf_error error;

    expect_ok(self->blobs->held(self->blobs, user, &blob->id, &held, &error), error);
    cr_assert_eq(held.size, size, "%lu bytes held", held.size);
    cr_assert_eq(held.complete, complete);
}

void expect_blob(shelf *self, const cf_hash *user, const a_blob *blob)
{
    cf_buffer got = {0};
    uint64_t total = 1;
    cf_error error;

    while (got.size < total) {
        size_t before = got.size;

        expect_ok(self->blobs->get(self->blobs, user, &blob->id, got.size, CF_BLOB_STEP, &got,
                                   &total, &error),
                  error);
        cr_assert(got.size > before);
    }
    cr_assert(cf_bytes_equal(cf_buffer_view(&got), cf_buffer_view(&blob->bytes)));
    cf_buffer_release(&got);
}
