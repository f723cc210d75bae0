/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/message_shape.h"

#include "codec/limits.h"
#include "codec/message.h"

enum { NAME_MAX_SIZE = 64 };

static void write_number(cf_buffer *out, const void *element)
{
    cf_pack_uint(out, *(const uint64_t *)element);
}

static cf_status read_number(cf_reader *reader, void *element, cf_error *error)
{
    return cf_read_uint(reader, element, error);
}

static cf_status read_step(cf_reader *reader, void *element, cf_error *error)
{
    uint64_t *size = element;
    cf_status status = cf_read_uint(reader, size, error);

    if (!status && (*size == 0 || *size > CF_BLOB_STEP))
        status = cf_fail(error, CF_MALFORMED, "a piece of a size that none has");
    return status;
}

static void write_flag(cf_buffer *out, const void *element)
{
    cf_pack_bool(out, *(const bool *)element);
}

static cf_status read_flag(cf_reader *reader, void *element, cf_error *error)
{
    return cf_read_bool(reader, element, error);
}

static void write_later(cf_buffer *out, const void *element)
{
    cf_pack_text(out, cf_bytes_of_text(*(const bool *)element ? "later" : "never"));
}

static cf_status read_later(cf_reader *reader, void *element, cf_error *error)
{
    cf_bytes word;
    cf_status status = cf_read_text(reader, &word, error);

    if (status)
        return status;
    *(bool *)element = cf_bytes_equal(word, cf_bytes_of_text("later"));
    if (!*(bool *)element && !cf_bytes_equal(word, cf_bytes_of_text("never")))
        return cf_fail(error, CF_MALFORMED, "neither later nor never");
    return CF_OK;
}

static void write_hash(cf_buffer *out, const void *element)
{
    cf_pack_bin(out, cf_bytes_of(element, CF_HASH_SIZE));
}

static cf_status read_hash(cf_reader *reader, void *element, cf_error *error)
{
    return cf_read_bin_exact(reader, element, CF_HASH_SIZE, error);
}

static void write_id(cf_buffer *out, const void *element)
{
    cf_pack_bin(out, cf_bytes_of(element, CF_ID_SIZE));
}

static cf_status read_id(cf_reader *reader, void *element, cf_error *error)
{
    return cf_read_bin_exact(reader, element, CF_ID_SIZE, error);
}

static void write_text(cf_buffer *out, const void *element)
{
    cf_pack_text(out, *(const cf_bytes *)element);
}

static cf_status read_text(cf_reader *reader, void *element, cf_error *error)
{
    cf_bytes *text = element;
    cf_status status = cf_read_text(reader, text, error);

    if (!status && text->size > CF_TEXT_MAX)
        status = cf_fail(error, CF_TOO_LARGE, "a text of %zu bytes", text->size);
    return status;
}

static void write_name(cf_buffer *out, const void *element)
{
    cf_pack_bin(out, *(const cf_bytes *)element);
}

static cf_status read_name(cf_reader *reader, void *element, cf_error *error)
{
    cf_bytes *name = element;
    cf_status status = cf_read_bin(reader, name, error);

    if (!status && name->size > NAME_MAX_SIZE)
        status = cf_fail(error, CF_TOO_LARGE, "a name of %zu bytes", name->size);
    return status;
}

/* An array of exactly `count` elements begins here. */
static cf_status read_tuple(cf_reader *reader, size_t count, cf_error *error)
{
    size_t found;
    cf_status status = cf_read_array(reader, &found, error);

    if (!status && found != count)
        status = cf_fail(error, CF_MALFORMED, "an array of %zu instead of %zu", found, count);
    return status;
}

static void write_head(cf_buffer *out, const void *element)
{
    const cf_head *head = element;

    cf_pack_array(out, 3);
    write_id(out, &head->writer);
    cf_pack_uint(out, head->sequence);
    write_hash(out, &head->hash);
}

static cf_status read_head(cf_reader *reader, void *element, cf_error *error)
{
    cf_head *head = element;
    cf_status status = read_tuple(reader, 3, error);

    if (!status)
        status = read_id(reader, &head->writer, error);
    if (!status)
        status = cf_read_uint(reader, &head->sequence, error);
    if (!status)
        status = read_hash(reader, &head->hash, error);
    if (!status && (head->sequence == 0 || head->sequence > CF_SEQUENCE_MAX))
        status = cf_fail(error, CF_MALFORMED, "a sequence out of its range");
    return status;
}

static void write_token(cf_buffer *out, const void *element)
{
    const cf_lease_token *token = element;

    cf_pack_array(out, 2);
    cf_pack_uint(out, token->generation);
    cf_pack_uint(out, token->counter);
}

static cf_status read_token(cf_reader *reader, void *element, cf_error *error)
{
    cf_lease_token *token = element;
    cf_status status = read_tuple(reader, 2, error);

    if (!status)
        status = cf_read_uint(reader, &token->generation, error);
    if (!status)
        status = cf_read_uint(reader, &token->counter, error);
    return status;
}

static void write_partial(cf_buffer *out, const void *element)
{
    const cf_partial *partial = element;

    cf_pack_array(out, 2);
    write_hash(out, &partial->id);
    cf_pack_uint(out, partial->held);
}

static cf_status read_partial(cf_reader *reader, void *element, cf_error *error)
{
    cf_partial *partial = element;
    cf_status status = read_tuple(reader, 2, error);

    if (!status)
        status = read_hash(reader, &partial->id, error);
    if (!status)
        status = cf_read_uint(reader, &partial->held, error);
    return status;
}

static void write_lease(cf_buffer *out, const void *element)
{
    const cf_lease *lease = element;

    cf_pack_array(out, 6);
    write_id(out, &lease->collection);
    write_id(out, &lease->name);
    write_hash(out, &lease->holder);
    cf_pack_uint(out, lease->until_ms);
    cf_pack_bool(out, lease->shared);
    cf_pack_uint(out, lease->since_ms);
}

static cf_status read_lease(cf_reader *reader, void *element, cf_error *error)
{
    cf_lease *lease = element;
    cf_status status = read_tuple(reader, 6, error);

    if (!status)
        status = read_id(reader, &lease->collection, error);
    if (!status)
        status = read_id(reader, &lease->name, error);
    if (!status)
        status = read_hash(reader, &lease->holder, error);
    if (!status)
        status = cf_read_uint(reader, &lease->until_ms, error);
    if (!status)
        status = cf_read_bool(reader, &lease->shared, error);
    if (!status)
        status = cf_read_uint(reader, &lease->since_ms, error);
    return status;
}

static void write_paused(cf_buffer *out, const void *element)
{
    const cf_paused *paused = element;

    cf_pack_array(out, 3);
    write_id(out, &paused->collection);
    cf_pack_uint(out, paused->until_ms);
    cf_pack_bool(out, paused->waits);
}

static cf_status read_paused(cf_reader *reader, void *element, cf_error *error)
{
    cf_paused *paused = element;
    cf_status status = read_tuple(reader, 3, error);

    if (!status)
        status = read_id(reader, &paused->collection, error);
    if (!status)
        status = cf_read_uint(reader, &paused->until_ms, error);
    if (!status)
        status = cf_read_bool(reader, &paused->waits, error);
    return status;
}

static void write_checkpoint(cf_buffer *out, const void *element)
{
    cf_checkpoint_pack(out, element);
}

static cf_status read_checkpoint(cf_reader *reader, void *element, cf_error *error)
{
    return cf_checkpoint_read(reader, element, error);
}

const cf_shape cf_shape_number = {sizeof(uint64_t), write_number, read_number};
const cf_shape cf_shape_step = {sizeof(uint64_t), write_number, read_step};
const cf_shape cf_shape_flag = {sizeof(bool), write_flag, read_flag};
const cf_shape cf_shape_later = {sizeof(bool), write_later, read_later};
const cf_shape cf_shape_hash = {sizeof(cf_hash), write_hash, read_hash};
const cf_shape cf_shape_id = {sizeof(cf_id), write_id, read_id};
const cf_shape cf_shape_text = {sizeof(cf_bytes), write_text, read_text};
const cf_shape cf_shape_name = {sizeof(cf_bytes), write_name, read_name};
const cf_shape cf_shape_head = {sizeof(cf_head), write_head, read_head};
const cf_shape cf_shape_token = {sizeof(cf_lease_token), write_token, read_token};
const cf_shape cf_shape_partial = {sizeof(cf_partial), write_partial, read_partial};
const cf_shape cf_shape_lease = {sizeof(cf_lease), write_lease, read_lease};
const cf_shape cf_shape_paused = {sizeof(cf_paused), write_paused, read_paused};
const cf_shape cf_shape_checkpoint = {sizeof(cf_checkpoint), write_checkpoint, read_checkpoint};
