/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/blobs/blobs.h"

#include "codec/bulk.h"
#include "codec/limits.h"

#include <inttypes.h>
#include <stdlib.h>

void cf_blobs_destroy(cf_blobs **blobs)
{
    if (*blobs)
        (*blobs)->destroy(*blobs);
    *blobs = NULL;
}

cf_status cf_blob_put_check(const cf_blob_put *put, cf_error *error)
{
    if (put->total > CF_BLOB_MAX + CF_BLOB_OVERHEAD || put->bytes.size > CF_BLOB_STEP)
        return cf_fail(error, CF_TOO_LARGE, "a blob of %" PRIu64 " bytes in pieces of %zu",
                       put->total, put->bytes.size);
    if (put->bytes.size == 0 || put->offset > put->total ||
        put->total - put->offset < put->bytes.size)
        return cf_fail(error, CF_MALFORMED, "a piece beyond the end of its blob");
    return CF_OK;
}

/* The last byte comes again: with it a blob ends that was whole when its broker ended. */
uint64_t cf_blob_resume(uint64_t size)
{
    return size ? size - 1 : 0;
}

void cf_blob_held_note_change(cf_blob_held *held, cf_blob_usage before, cf_blob_usage after)
{
    held->change = (int64_t)after.size - (int64_t)before.size;
    held->count_change = (int64_t)after.count - (int64_t)before.count;
}

static bool add_usage(void *context, const cf_blob_info *blob)
{
    cf_blob_usage *usage = context;

    if (blob->is_aside)
        return true;
    usage->count++;
    usage->size += blob->size;
    return true;
}

cf_status cf_blobs_usage(cf_blobs *blobs, const cf_hash *user, cf_blob_usage *out, cf_error *error)
{
    cf_blob_usage usage = {0};

    cf_status status = blobs->list(blobs, user, 0, add_usage, &usage, error);
    if (status == CF_OK)
        *out = usage;
    return status;
}

cf_status cf_blob_check(cf_blobs *blobs, const cf_hash *user, const cf_hash *id, cf_error *error)
{
    cf_sha256 *hasher = cf_sha256_new();
    cf_buffer piece = {0};
    uint64_t offset = 0, total = 0;
    cf_status status;

    do {
        cf_buffer_clear(&piece);
        status = blobs->get(blobs, user, id, offset, CF_BLOB_STEP, &piece, &total, error);
        if (!status && piece.size == 0 && offset < total)
            status = cf_fail(error, CF_BROKEN, "cut short while it was read");
        if (!status)
            cf_sha256_update(hasher, cf_buffer_view(&piece));
        offset += piece.size;
    } while (!status && offset < total);
    cf_hash found = cf_sha256_finish(hasher);
    if (!status && !cf_hash_equal(&found, id))
        status = cf_fail(error, CF_FORGED, "its bytes are not what its name says");
    cf_sha256_destroy(&hasher);
    cf_buffer_release(&piece);
    return status;
}

typedef struct {
    cf_blobs *blobs;
    const cf_hash *user;
    cf_blob_damage_visit *damaged;
    void *context;
    cf_status status;
    cf_error *error;
} verification;

/* One that was dropped meanwhile is not damaged. */
static bool verify_one(void *context, const cf_blob_info *blob)
{
    verification *it = context;
    cf_error error;

    cf_status status =
        blob->complete ? cf_blob_check(it->blobs, it->user, &blob->id, &error) : CF_OK;
    if (status && status != CF_MISSING)
        it->damaged(it->context, it->user, &blob->id, &error);
    return true;
}

static bool verify_user(void *context, const cf_hash *user)
{
    verification *it = context;

    it->user = user;
    it->status = it->blobs->list(it->blobs, user, 0, verify_one, it, it->error);
    return it->status == CF_OK;
}

cf_status cf_blobs_verify(cf_blobs *blobs, cf_blob_damage_visit *damaged, void *context,
                          cf_error *error)
{
    verification it = {.blobs = blobs, .damaged = damaged, .context = context, .error = error};

    cf_status status = blobs->users(blobs, verify_user, &it, error);
    return status ? status : it.status;
}
