/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/entry.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "codec/bulk.h"
#include "codec/heads.h"
#include "codec/limits.h"
#include "codec/pack.h"

/* Elements of a header: those before the epoch are in every version, as is the last. */
enum { ELEMENTS_BEFORE_EPOCH = 9, ELEMENTS = 12, RANDOM_SIZE = 16 };

static const char signature_domain[] = CF_DOMAIN "entry"; /* with its zero byte */

const cf_id cf_member_log_id = {"member log"};
const cf_id cf_catalog_id = {"catalog"};

bool cf_collection_is_common(const cf_id *collection)
{
    return cf_id_equal(collection, &cf_member_log_id) || cf_id_equal(collection, &cf_catalog_id);
}

static cf_hash hash_of_bytes(const char *purpose, cf_bytes bytes)
{
    return cf_hash_of(purpose, &bytes, 1);
}

cf_hash cf_device_id(const uint8_t signing_key[32])
{
    return hash_of_bytes("device", cf_bytes_of(signing_key, crypto_sign_PUBLICKEYBYTES));
}

cf_id cf_writer_id(const cf_hash *user, const cf_hash *device, const cf_id *collection,
                   const uint8_t random[16])
{
    const cf_bytes parts[] = {
        cf_bytes_of(user->bytes, CF_HASH_SIZE),
        cf_bytes_of(device->bytes, CF_HASH_SIZE),
        cf_bytes_of(collection->bytes, CF_ID_SIZE),
        cf_bytes_of(random, RANDOM_SIZE),
    };
    cf_hash hash = cf_hash_of("writer", parts, sizeof parts / sizeof *parts);
    cf_id writer;

    memcpy(writer.bytes, hash.bytes, sizeof writer.bytes);
    return writer;
}

static cf_status read_previous(cf_reader *reader, cf_header *header, cf_error *error)
{
    size_t size = header->sequence == 1 ? RANDOM_SIZE : CF_HASH_SIZE;

    memset(&header->previous, 0, sizeof header->previous);
    return cf_read_bin_exact(reader, header->previous.bytes, size, error);
}

static cf_status read_after(cf_reader *reader, cf_arena *arena, cf_header *header, cf_error *error)
{
    cf_heads after = {0};
    size_t count;
    cf_status status = cf_heads_read(reader, CF_ENTRY_AFTER_MAX, &after, error);

    if (status)
        return status;
    if (cf_heads_of_writer(&after, &header->writer, &count)) {
        status = cf_fail(error, CF_MALFORMED, "`after` names the entry's own writer");
    } else if (after.count) {
        cf_head *heads = cf_arena_allocate(arena, after.count, sizeof *heads);

        memcpy(heads, after.heads, after.count * sizeof *heads);
        header->after = heads;
        header->after_count = after.count;
    }
    cf_heads_release(&after);
    return status;
}

/* The elements that every version has, up to `after`. */
static cf_status read_fixed(cf_reader *reader, cf_arena *arena, cf_header *out, cf_error *error)
{
    cf_status status = cf_read_uint(reader, &out->version, error);

    if (!status && out->version == 0)
        status = cf_fail(error, CF_MALFORMED, "there is no version 0");
    if (!status)
        status = cf_read_uint(reader, &out->type, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->user.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->device.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->collection.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->writer.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_uint(reader, &out->sequence, error);
    if (!status && (out->sequence == 0 || out->sequence > CF_SEQUENCE_MAX))
        status = cf_fail(error, CF_MALFORMED, "a sequence is 0 or over 2^63 - 1");
    if (!status)
        status = read_previous(reader, out, error);
    if (!status)
        status = read_after(reader, arena, out, error);
    return status;
}

static cf_status read_epoch(cf_reader *reader, cf_header *out, cf_error *error)
{
    if (out->type == CF_ENTRY_MEMBER)
        return cf_read_nil(reader, error);
    return cf_read_bin_exact(reader, out->epoch.bytes, CF_HASH_SIZE, error);
}

static cf_status read_blobs(cf_reader *reader, cf_header *out, cf_error *error)
{
    cf_bytes ids;
    cf_status status = cf_read_bin(reader, &ids, error);

    if (status)
        return status;
    if (ids.size % CF_HASH_SIZE)
        return cf_fail(error, CF_MALFORMED, "the blob ids are cut short");
    if (ids.size / CF_HASH_SIZE > CF_ENTRY_BLOBS_MAX)
        return cf_fail(error, CF_TOO_LARGE, "more than %d blobs in one entry", CF_ENTRY_BLOBS_MAX);
    static_assert(_Alignof(cf_hash) == 1, "ids are used where they lie");
    out->blobs = (const cf_hash *)ids.data;
    out->blob_count = ids.size / CF_HASH_SIZE;
    return CF_OK;
}

/* What version 1 says of type, collection, epoch and blobs together. */
static cf_status check_type(const cf_header *header, cf_error *error)
{
    bool in_member_log = cf_id_equal(&header->collection, &cf_member_log_id);

    if (header->type < CF_ENTRY_CHANGE || header->type > CF_ENTRY_SNAPSHOT)
        return cf_fail(error, CF_MALFORMED, "version 1 has no entries of this type");
    if (in_member_log != (header->type == CF_ENTRY_MEMBER))
        return cf_fail(error, CF_MALFORMED, "member entries, and no others, are in the member log");
    return CF_OK;
}

static cf_status read_version_1(cf_reader *reader, cf_header *out, cf_error *error)
{
    cf_status status = check_type(out, error);

    if (!status)
        status = read_epoch(reader, out, error);
    if (!status)
        status = read_blobs(reader, out, error);
    if (!status && out->type == CF_ENTRY_MEMBER && out->blob_count)
        status = cf_fail(error, CF_MALFORMED, "a member entry has no blobs");
    return status;
}

static cf_status skip_values(cf_reader *reader, size_t count, cf_error *error)
{
    cf_status status = CF_OK;
    cf_bytes value;

    for (size_t i = 0; i < count && !status; i++)
        status = cf_read_value(reader, &value, error);
    return status;
}

static cf_status read_header(cf_reader *reader, cf_arena *arena, cf_entry *out, cf_error *error)
{
    const uint8_t *start = reader->at;
    size_t count;
    cf_status status = cf_read_array(reader, &count, error);

    if (status)
        return status;
    if (count < ELEMENTS_BEFORE_EPOCH + 1)
        return cf_fail(error, CF_MALFORMED, "a header has only %zu elements", count);
    status = read_fixed(reader, arena, &out->header, error);
    if (status)
        return status;
    if (out->header.version > CF_ENTRY_VERSION)
        status = skip_values(reader, count - ELEMENTS_BEFORE_EPOCH - 1, error);
    else if (count != ELEMENTS)
        status = cf_fail(error, CF_MALFORMED, "a header has %zu elements instead of %d", count,
                         ELEMENTS);
    else
        status = read_version_1(reader, &out->header, error);
    if (status)
        return status;
    out->sealed_under = cf_bytes_of(start, (size_t)(reader->at - start));
    status = cf_read_bin_exact(reader, out->header.body.bytes, CF_HASH_SIZE, error);
    out->header_wire = cf_bytes_of(start, (size_t)(reader->at - start));
    return status;
}

static cf_status check_bindings(const cf_entry *entry, cf_error *error)
{
    const cf_header *header = &entry->header;
    cf_hash body = hash_of_bytes("body", entry->body);

    if (!cf_hash_equal(&body, &header->body))
        return cf_fail(error, CF_FORGED, "the body is not the one that the header names");
    if (header->sequence == 1) {
        cf_id writer = cf_writer_id(&header->user, &header->device, &header->collection,
                                    header->previous.bytes);

        if (!cf_id_equal(&writer, &header->writer))
            return cf_fail(error, CF_FORGED, "the writer's id is not bound to what it names");
    }
    return CF_OK;
}

cf_status cf_entry_read(cf_bytes wire, cf_arena *arena, cf_entry *out, cf_error *error)
{
    cf_entry entry = {.wire = wire};
    cf_reader reader = cf_reader_of(wire);

    if (wire.size > CF_ENTRY_MAX)
        return cf_fail(error, CF_TOO_LARGE, "an entry of %zu bytes", wire.size);
    cf_status status = read_header(&reader, arena, &entry, error);
    if (status)
        return status;
    if (reader.end - reader.at < CF_SIGNATURE_SIZE)
        return cf_fail(error, CF_MALFORMED, "an entry ends before its signature does");
    entry.signature = cf_bytes_of(reader.at, CF_SIGNATURE_SIZE);
    reader.at += CF_SIGNATURE_SIZE;
    entry.body = cf_bytes_of(reader.at, (size_t)(reader.end - reader.at));
    status = check_bindings(&entry, error);
    if (status)
        return status;
    entry.hash = hash_of_bytes("header", entry.header_wire);
    *out = entry;
    return CF_OK;
}

cf_dot cf_entry_dot(const cf_entry *entry)
{
    cf_dot dot = {entry->header.writer, entry->header.sequence, {0}};

    memcpy(dot.hash, entry->hash.bytes, sizeof dot.hash);
    return dot;
}

/* The domain and the header in one piece, as libsodium signs it. */
static void pack_signed(cf_bytes header, cf_buffer *out)
{
    cf_buffer_append(out, signature_domain, sizeof signature_domain);
    cf_buffer_append(out, header.data, header.size);
}

cf_status cf_entry_verify(const cf_entry *entry, const uint8_t signing_key[32], cf_error *error)
{
    cf_hash device = cf_device_id(signing_key);
    cf_buffer message = {0};

    if (!cf_hash_equal(&device, &entry->header.device))
        return cf_fail(error, CF_FORGED, "the key is not the one that the device is named by");
    pack_signed(entry->header_wire, &message);
    int refused =
        crypto_sign_verify_detached(entry->signature.data, message.data, message.size, signing_key);
    cf_buffer_release(&message);
    if (refused)
        return cf_fail(error, CF_FORGED, "the signature does not fit");
    return CF_OK;
}

void cf_header_pack_open(const cf_header *header, cf_buffer *out)
{
    assert(header->version == CF_ENTRY_VERSION);
    cf_pack_array(out, ELEMENTS);
    cf_pack_uint(out, header->version);
    cf_pack_uint(out, header->type);
    cf_pack_bin(out, cf_bytes_of(header->user.bytes, CF_HASH_SIZE));
    cf_pack_bin(out, cf_bytes_of(header->device.bytes, CF_HASH_SIZE));
    cf_pack_bin(out, cf_bytes_of(header->collection.bytes, CF_ID_SIZE));
    cf_pack_bin(out, cf_bytes_of(header->writer.bytes, CF_ID_SIZE));
    cf_pack_uint(out, header->sequence);
    cf_pack_bin(out, cf_bytes_of(header->previous.bytes,
                                 header->sequence == 1 ? RANDOM_SIZE : CF_HASH_SIZE));
    cf_heads_pack(out, header->after, header->after_count);
    if (header->type == CF_ENTRY_MEMBER)
        cf_pack_nil(out);
    else
        cf_pack_bin(out, cf_bytes_of(header->epoch.bytes, CF_HASH_SIZE));
    cf_pack_bin(out, cf_bytes_of(header->blobs, header->blob_count * CF_HASH_SIZE));
}

static cf_status check_room(const cf_header *header, size_t body_size, cf_error *error)
{
    if (header->after_count > CF_ENTRY_AFTER_MAX)
        return cf_fail(error, CF_TOO_LARGE, "%zu heads in one entry", header->after_count);
    if (header->blob_count > CF_ENTRY_BLOBS_MAX)
        return cf_fail(error, CF_TOO_LARGE, "%zu blobs in one entry", header->blob_count);
    if (body_size > CF_ENTRY_MAX)
        return cf_fail(error, CF_TOO_LARGE, "a body of %zu bytes", body_size);
    return CF_OK;
}

static void sign(cf_bytes header, const uint8_t secret[64], cf_buffer *out)
{
    cf_buffer message = {0};

    pack_signed(header, &message);
    crypto_sign_detached(cf_buffer_reserve(out, CF_SIGNATURE_SIZE), NULL, message.data,
                         message.size, secret);
    out->size += CF_SIGNATURE_SIZE;
    cf_buffer_release(&message);
}

cf_status cf_entry_build(cf_header *header, cf_bytes body, const uint8_t secret[64], cf_buffer *out,
                         cf_hash *hash, cf_error *error)
{
    cf_buffer open = {0};
    cf_status status = check_room(header, body.size, error);

    if (status)
        return status;
    header->body = hash_of_bytes("body", body);
    cf_header_pack_open(header, &open);
    cf_pack_bin(&open, cf_bytes_of(header->body.bytes, CF_HASH_SIZE));
    size_t size = open.size + CF_SIGNATURE_SIZE + body.size;
    if (size > CF_ENTRY_MAX) {
        status = cf_fail(error, CF_TOO_LARGE, "an entry of %zu bytes", size);
    } else {
        cf_pack_raw(out, cf_buffer_view(&open));
        sign(cf_buffer_view(&open), secret, out);
        cf_buffer_append(out, body.data, body.size);
        *hash = hash_of_bytes("header", cf_buffer_view(&open));
    }
    cf_buffer_release(&open);
    return status;
}
