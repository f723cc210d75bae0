/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/checkpoint.h"

#include "codec/bulk.h"

#include <sodium.h>

#define PURPOSE "checkpoint"

cf_hash cf_checkpoint_digest(const cf_heads *heads)
{
    cf_buffer list = {0};

    cf_heads_pack(&list, heads->heads, heads->count);
    const cf_bytes part = cf_buffer_view(&list);
    const cf_hash digest = cf_hash_of(PURPOSE, &part, 1);
    cf_buffer_release(&list);
    return digest;
}

static void signed_bytes(const cf_checkpoint *checkpoint, const cf_hash *user, cf_buffer *out)
{
    static const char domain[] = CF_DOMAIN PURPOSE; /* with its zero byte */
    uint8_t position[8];

    cf_put_u64(position, checkpoint->position);
    cf_buffer_append(out, domain, sizeof domain);
    cf_buffer_append(out, user->bytes, sizeof user->bytes);
    cf_buffer_append(out, checkpoint->instance, sizeof checkpoint->instance);
    cf_buffer_append(out, position, sizeof position);
    cf_buffer_append(out, checkpoint->digest.bytes, sizeof checkpoint->digest.bytes);
}

void cf_checkpoint_sign(cf_checkpoint *checkpoint, const cf_hash *user, const cf_keys *keys)
{
    cf_buffer message = {0};

    signed_bytes(checkpoint, user, &message);
    crypto_sign_detached(checkpoint->signature, NULL, message.data, message.size,
                         cf_keys_signing_secret(keys));
    cf_buffer_release(&message);
}

cf_status cf_checkpoint_check(const cf_checkpoint *checkpoint, const cf_hash *user,
                              const cf_public_keys *keys, cf_error *error)
{
    cf_buffer message = {0};

    signed_bytes(checkpoint, user, &message);
    const bool is_theirs = crypto_sign_verify_detached(checkpoint->signature, message.data,
                                                       message.size, keys->signing) == 0;
    cf_buffer_release(&message);
    return is_theirs ? CF_OK
                     : cf_fail(error, CF_FORGED, "a checkpoint that its device has not signed");
}

enum { ELEMENTS = 5 };

void cf_checkpoint_pack(cf_buffer *out, const cf_checkpoint *checkpoint)
{
    cf_pack_array(out, ELEMENTS);
    cf_pack_bin(out, cf_bytes_of(checkpoint->device.bytes, sizeof checkpoint->device.bytes));
    cf_pack_bin(out, cf_bytes_of(checkpoint->instance, sizeof checkpoint->instance));
    cf_pack_uint(out, checkpoint->position);
    cf_pack_bin(out, cf_bytes_of(checkpoint->digest.bytes, sizeof checkpoint->digest.bytes));
    cf_pack_bin(out, cf_bytes_of(checkpoint->signature, sizeof checkpoint->signature));
}

cf_status cf_checkpoint_read(cf_reader *reader, cf_checkpoint *out, cf_error *error)
{
    size_t count;

    cf_status status = cf_read_array(reader, &count, error);
    if (!status && count != ELEMENTS)
        status = cf_fail(error, CF_MALFORMED, "a checkpoint of %zu parts", count);
    if (!status)
        status = cf_read_bin_exact(reader, out->device.bytes, sizeof out->device.bytes, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->instance, sizeof out->instance, error);
    if (!status)
        status = cf_read_uint(reader, &out->position, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->digest.bytes, sizeof out->digest.bytes, error);
    return status ? status
                  : cf_read_bin_exact(reader, out->signature, sizeof out->signature, error);
}
