/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/message.h"

#include "codec/message_shape.h"
#include "codec/pack.h"

#include <assert.h>
#include <stddef.h>

enum { FIELDS_MAX = 7 };

/* Where an element, or a pointer to elements, lies in the message. */
typedef struct {
    const cf_shape *shape; /* NULL: no more fields */
    enum { ONE, MAYBE_ONE, MANY, MAYBE_MANY } many;
    size_t at;
    size_t count_at;
    size_t limit;
} slot;

typedef struct {
    const char *name;
    size_t bulk_at, bulk_max; /* 0: no bulk frame */
    slot fields[FIELDS_MAX];
} layout;

#define AT(member) offsetof(cf_message, member)
#define NO_BULK 0, 0
#define BULK(member, limit) AT(member), limit
#define FIELD(shape, member)                                                                       \
    {                                                                                              \
        &(shape), ONE, AT(member), 0, 0                                                            \
    }
#define MAYBE(shape, member)                                                                       \
    {                                                                                              \
        &(shape), MAYBE_ONE, AT(member), 0, 0                                                      \
    }
#define LIST(shape, member, count, limit)                                                          \
    {                                                                                              \
        &(shape), MANY, AT(member), AT(count), limit                                               \
    }
#define MAYBE_LIST(shape, member, count, limit)                                                    \
    {                                                                                              \
        &(shape), MAYBE_MANY, AT(member), AT(count), limit                                         \
    }

static const layout forms[] = {
    [CF_COMMAND_HELLO] = {"HELLO",
                          NO_BULK,
                          {FIELD(cf_shape_number, hello.version), FIELD(cf_shape_hash, hello.user),
                           LIST(cf_shape_head, hello.heads, hello.head_count, CF_HEADS_PAGE),
                           FIELD(cf_shape_flag, hello.more)}},
    [CF_COMMAND_WELCOME] = {"WELCOME",
                            NO_BULK,
                            {FIELD(cf_shape_number, welcome.version),
                             FIELD(cf_shape_id, welcome.instance),
                             FIELD(cf_shape_number, welcome.now_ms),
                             FIELD(cf_shape_number, welcome.window),
                             LIST(cf_shape_head, welcome.heads, welcome.head_count, CF_HEADS_PAGE),
                             FIELD(cf_shape_flag, welcome.more)}},
    [CF_COMMAND_AGAIN] = {"AGAIN", NO_BULK, {{0}}},
    [CF_COMMAND_MOVED] = {"MOVED", NO_BULK, {FIELD(cf_shape_text, moved.endpoint)}},
    [CF_COMMAND_SUBSCRIBE] = {"SUBSCRIBE",
                              NO_BULK,
                              {LIST(cf_shape_head, subscribe.rungs, subscribe.rung_count,
                                    CF_HEADS_PAGE),
                               MAYBE_LIST(cf_shape_id, subscribe.collections,
                                          subscribe.collection_count, CF_COLLECTIONS_MAX),
                               FIELD(cf_shape_number, subscribe.credit),
                               FIELD(cf_shape_flag, subscribe.more)}},
    [CF_COMMAND_SUBSCRIBED] = {"SUBSCRIBED",
                               NO_BULK,
                               {LIST(cf_shape_head, subscribed.held, subscribed.held_count,
                                     CF_HEADS_PAGE),
                                FIELD(cf_shape_flag, subscribed.more)}},
    [CF_COMMAND_ENTRY] = {"ENTRY",
                          BULK(entry.entry, CF_ENTRY_MAX),
                          {FIELD(cf_shape_number, entry.position)}},
    [CF_COMMAND_CREDIT] = {"CREDIT", NO_BULK, {FIELD(cf_shape_number, credit.bytes)}},
    [CF_COMMAND_PUBLISH] = {"PUBLISH",
                            BULK(publish.entry, CF_ENTRY_MAX),
                            {MAYBE(cf_shape_token, publish.token),
                             LIST(cf_shape_hash, publish.without, publish.without_count,
                                  CF_ENTRY_BLOBS_MAX)}},
    [CF_COMMAND_ACCEPTED] = {"ACCEPTED", NO_BULK, {FIELD(cf_shape_head, accepted.head)}},
    [CF_COMMAND_REFUSED] = {"REFUSED",
                            NO_BULK,
                            {FIELD(cf_shape_text, refused.request),
                             FIELD(cf_shape_name, refused.name),
                             FIELD(cf_shape_later, refused.later),
                             FIELD(cf_shape_text, refused.code),
                             FIELD(cf_shape_text, refused.text)}},
    [CF_COMMAND_HAVE] =
        {"HAVE", NO_BULK, {LIST(cf_shape_hash, have.ids, have.id_count, CF_ENTRY_BLOBS_MAX)}},
    [CF_COMMAND_MISSING] =
        {"MISSING",
         NO_BULK,
         {LIST(cf_shape_partial, missing.blobs, missing.blob_count, CF_ENTRY_BLOBS_MAX)}},
    [CF_COMMAND_PUT] = {"PUT",
                        BULK(put.bytes, CF_BLOB_STEP),
                        {FIELD(cf_shape_hash, put.id), FIELD(cf_shape_number, put.offset),
                         FIELD(cf_shape_number, put.total)}},
    [CF_COMMAND_STORED] = {"STORED", NO_BULK, {FIELD(cf_shape_hash, stored.id)}},
    [CF_COMMAND_GET] =
        {"GET", NO_BULK, {FIELD(cf_shape_hash, get.id), FIELD(cf_shape_number, get.offset)}},
    [CF_COMMAND_BLOB] = {"BLOB",
                         BULK(blob.bytes, CF_BLOB_STEP),
                         {FIELD(cf_shape_hash, blob.id), FIELD(cf_shape_number, blob.offset),
                          FIELD(cf_shape_number, blob.total)}},
    [CF_COMMAND_ABSENT] = {"ABSENT", NO_BULK, {FIELD(cf_shape_hash, absent.id)}},
    [CF_COMMAND_WANTED] =
        {"WANTED", NO_BULK, {LIST(cf_shape_hash, wanted.ids, wanted.id_count, CF_ENTRY_BLOBS_MAX)}},
    [CF_COMMAND_LOCK] =
        {"LOCK",
         NO_BULK,
         {FIELD(cf_shape_id, lock.request), FIELD(cf_shape_id, lock.collection),
          FIELD(cf_shape_id, lock.name), FIELD(cf_shape_number, lock.for_ms),
          FIELD(cf_shape_flag, lock.shared), FIELD(cf_shape_flag, lock.wait)}},
    [CF_COMMAND_RENEW] =
        {"RENEW",
         NO_BULK,
         {FIELD(cf_shape_id, renew.request), FIELD(cf_shape_token, renew.token),
          FIELD(cf_shape_number, renew.for_ms)}},
    [CF_COMMAND_UNLOCK] =
        {"UNLOCK",
         NO_BULK,
         {FIELD(cf_shape_id, unlock.request), FIELD(cf_shape_id, unlock.collection),
          FIELD(cf_shape_id, unlock.name), MAYBE(cf_shape_token, unlock.token)}},
    [CF_COMMAND_LOCKS] = {"LOCKS", NO_BULK, {FIELD(cf_shape_id, locks.request)}},
    [CF_COMMAND_LEASE] =
        {"LEASE",
         NO_BULK,
         {FIELD(cf_shape_id, lease.request), FIELD(cf_shape_token, lease.token),
          FIELD(cf_shape_number, lease.until_ms)}},
    [CF_COMMAND_BUSY] =
        {"BUSY",
         NO_BULK,
         {FIELD(cf_shape_id, busy.request), FIELD(cf_shape_hash, busy.holder),
          FIELD(cf_shape_number, busy.until_ms)}},
    [CF_COMMAND_LEASES] =
        {"LEASES",
         NO_BULK,
         {FIELD(cf_shape_id, leases.request),
          LIST(cf_shape_lease, leases.leases, leases.lease_count, CF_LEASES_MAX)}},
    [CF_COMMAND_LOCATE] = {"LOCATE", NO_BULK, {FIELD(cf_shape_hash, locate.user)}},
    [CF_COMMAND_ENDPOINTS] =
        {"ENDPOINTS",
         NO_BULK,
         {FIELD(cf_shape_id, endpoints.instance), FIELD(cf_shape_number, endpoints.position),
          LIST(cf_shape_text, endpoints.endpoints, endpoints.endpoint_count, CF_ENDPOINTS_MAX)}},
    [CF_COMMAND_GUEST] =
        {"GUEST",
         NO_BULK,
         {FIELD(cf_shape_hash, guest.key), FIELD(cf_shape_number, guest.expires_ms)}},
    [CF_COMMAND_KNOCK] = {"KNOCK",
                          BULK(knock.sealed, CF_KNOCK_MAX),
                          {MAYBE(cf_shape_hash, knock.user), FIELD(cf_shape_hash, knock.key)}},
    [CF_COMMAND_ADMIT] = {"ADMIT",
                          BULK(admit.sealed, CF_KNOCK_MAX),
                          {FIELD(cf_shape_hash, admit.key)}},
    [CF_COMMAND_REPORT] =
        {"REPORT",
         NO_BULK,
         {LIST(cf_shape_head, report.heads, report.head_count, CF_HEADS_PAGE),
          FIELD(cf_shape_flag, report.more)}},
    [CF_COMMAND_QUERY] = {"QUERY", NO_BULK, {{0}}},
    [CF_COMMAND_HOLDS] =
        {"HOLDS",
         NO_BULK,
         {FIELD(cf_shape_id, holds.collection),
          LIST(cf_shape_head, holds.heads, holds.head_count, CF_HEADS_PAGE)}},
    [CF_COMMAND_REPORTED] =
        {"REPORTED",
         NO_BULK,
         {MAYBE(cf_shape_hash, reported.device), FIELD(cf_shape_number, reported.at_ms),
          LIST(cf_shape_head, reported.heads, reported.head_count, CF_HEADS_PAGE),
          FIELD(cf_shape_flag, reported.more)}},
    [CF_COMMAND_ALONE] =
        {"ALONE",
         NO_BULK,
         {FIELD(cf_shape_id, alone.collection), FIELD(cf_shape_flag, alone.begins)}},
    [CF_COMMAND_PAUSED] =
        {"PAUSED",
         NO_BULK,
         {LIST(cf_shape_paused, paused.collections, paused.count, CF_LEASES_MAX)}},
    [CF_COMMAND_CLOCK] =
        {"CLOCK",
         NO_BULK,
         {FIELD(cf_shape_number, clock.version), FIELD(cf_shape_number, clock.now_ms)}},
    [CF_COMMAND_LACKING] = {"LACKING", NO_BULK, {FIELD(cf_shape_number, lacking.count)}},
    [CF_COMMAND_FETCH] =
        {"FETCH",
         NO_BULK,
         {FIELD(cf_shape_hash, get.id), FIELD(cf_shape_number, get.offset),
          FIELD(cf_shape_step, get.size)}},
    [CF_COMMAND_CHAINS] =
        {"CHAINS",
         NO_BULK,
         {LIST(cf_shape_hash, chains.devices, chains.count, CF_CHAINS_DEVICES_MAX)}},
    [CF_COMMAND_ENDS] =
        {"ENDS",
         NO_BULK,
         {FIELD(cf_shape_hash, ends.device),
          LIST(cf_shape_head, ends.heads, ends.head_count, CF_HEADS_PAGE),
          FIELD(cf_shape_flag, ends.more)}},
    [CF_COMMAND_CHECKPOINT] = {"CHECKPOINT", NO_BULK, {FIELD(cf_shape_checkpoint, checkpoint)}},
    [CF_COMMAND_CHECKPOINTS] =
        {"CHECKPOINTS",
         NO_BULK,
         {LIST(cf_shape_checkpoint, checkpoints.at, checkpoints.count, CF_CHECKPOINTS_MAX)}},
    [CF_COMMAND_CONFINE] =
        {"CONFINE",
         NO_BULK,
         {FIELD(cf_shape_hash, confine.user),
          LIST(cf_shape_id, confine.collections, confine.count, CF_COLLECTIONS_MAX)}},
    [CF_COMMAND_CONFINED] = {"CONFINED", NO_BULK, {{0}}},
};

enum { FORM_COUNT = sizeof forms / sizeof *forms };

bool cf_message_is_for_room(cf_bytes code)
{
    return cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_FULL)) ||
           cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_QUOTA));
}

const char *cf_command_name(cf_command command)
{
    assert(command >= CF_COMMAND_HELLO && (size_t)command < FORM_COUNT);
    return forms[command].name;
}

void cf_frames_release(cf_frames *frames)
{
    for (size_t i = 0; i < CF_MESSAGE_FRAMES; i++)
        cf_buffer_release(&frames->frame[i]);
    frames->count = 0;
}

static size_t field_count(const layout *form)
{
    size_t count = 0;

    while (count < FIELDS_MAX && form->fields[count].shape)
        count++;
    return count;
}

static void write_field(cf_buffer *out, const slot *field, const cf_message *message)
{
    const uint8_t *at = (const uint8_t *)message + field->at;
    const uint8_t *elements;
    size_t count = 1;

    if (field->many == ONE) {
        field->shape->write(out, at);
        return;
    }
    memcpy(&elements, at, sizeof elements);
    if ((field->many == MAYBE_ONE || field->many == MAYBE_MANY) && !elements) {
        cf_pack_nil(out);
        return;
    }
    if (field->many != MAYBE_ONE) {
        memcpy(&count, (const uint8_t *)message + field->count_at, sizeof count);
        assert(count <= field->limit);
        cf_pack_array(out, count);
    }
    for (size_t i = 0; i < count; i++)
        field->shape->write(out, elements + i * field->shape->size);
}

void cf_message_write(const cf_message *message, cf_frames *out)
{
    const char *command = cf_command_name(message->command);
    const layout *form = &forms[message->command];
    size_t fields = field_count(form);

    cf_buffer_clear(&out->frame[0]);
    cf_buffer_clear(&out->frame[1]);
    cf_pack_array(&out->frame[0], 1 + fields);
    cf_pack_text(&out->frame[0], cf_bytes_of_text(command));
    for (size_t i = 0; i < fields; i++)
        write_field(&out->frame[0], &form->fields[i], message);
    out->count = 1;
    if (form->bulk_max) {
        const cf_bytes *bulk = (const void *)((const uint8_t *)message + form->bulk_at);

        assert(bulk->size > 0 && bulk->size <= form->bulk_max);
        cf_buffer_append(&out->frame[1], bulk->data, bulk->size);
        out->count = 2;
    }
}

static cf_status read_many(cf_reader *reader, const slot *field, cf_arena *arena,
                           cf_message *message, void **elements, cf_error *error)
{
    uint8_t *array = NULL;
    size_t count;
    cf_status status = cf_read_array(reader, &count, error);

    if (!status && count > field->limit)
        status = cf_fail(error, CF_TOO_LARGE, "%zu elements, %zu are allowed", count, field->limit);
    if (status)
        return status;
    array = cf_arena_allocate(arena, count ? count : 1, field->shape->size);
    for (size_t i = 0; !status && i < count; i++)
        status = field->shape->read(reader, array + i * field->shape->size, error);
    *elements = array;
    memcpy((uint8_t *)message + field->count_at, &count, sizeof count);
    return status;
}

static cf_status read_field(cf_reader *reader, const slot *field, cf_arena *arena,
                            cf_message *message, cf_error *error)
{
    uint8_t *at = (uint8_t *)message + field->at;
    void *elements = NULL;
    cf_type type;
    cf_status status = CF_OK;

    if (field->many == ONE)
        return field->shape->read(reader, at, error);
    if (field->many != MANY) {
        status = cf_read_type(reader, &type, error);
        if (status)
            return status;
        if (type == CF_TYPE_NIL)
            return cf_read_nil(reader, error);
    }
    if (field->many == MAYBE_ONE) {
        elements = cf_arena_allocate(arena, 1, field->shape->size);
        status = field->shape->read(reader, elements, error);
    } else {
        status = read_many(reader, field, arena, message, &elements, error);
    }
    memcpy(at, &elements, sizeof elements);
    return status;
}

static cf_status read_command(cf_reader *reader, cf_command *out, size_t *elements, cf_error *error)
{
    cf_bytes word;
    cf_status status = cf_read_array(reader, elements, error);

    if (!status && *elements == 0)
        status = cf_fail(error, CF_MALFORMED, "no command");
    if (!status)
        status = cf_read_text(reader, &word, error);
    if (status)
        return status;
    for (size_t i = CF_COMMAND_HELLO; i < FORM_COUNT; i++)
        if (cf_bytes_equal(word, cf_bytes_of_text(forms[i].name))) {
            *out = (cf_command)i;
            return CF_OK;
        }
    return cf_fail(error, CF_DENIED, "an unknown command");
}

static cf_status read_bulk(const layout *form, const cf_bytes *frames, size_t count,
                           cf_message *message, cf_error *error)
{
    if (count != (form->bulk_max ? 2 : 1))
        return cf_fail(error, CF_MALFORMED, "%zu frames", count);
    if (!form->bulk_max)
        return CF_OK;
    if (frames[1].size == 0)
        return cf_fail(error, CF_MALFORMED, "an empty frame");
    if (frames[1].size > form->bulk_max)
        return cf_fail(error, CF_TOO_LARGE, "%zu bytes", frames[1].size);
    memcpy((uint8_t *)message + form->bulk_at, &frames[1], sizeof frames[1]);
    return CF_OK;
}

/* In every version of the protocol their first element is the version. What follows is that
 * version's own. */
static bool says_version(cf_command command)
{
    return command == CF_COMMAND_HELLO || command == CF_COMMAND_WELCOME ||
           command == CF_COMMAND_CLOCK;
}

bool cf_message_is_of_this_version(const cf_message *message)
{
    uint64_t version = CF_PROTOCOL_VERSION;

    if (says_version(message->command))
        memcpy(&version, (const uint8_t *)message + forms[message->command].fields[0].at,
               sizeof version);
    return version == CF_PROTOCOL_VERSION;
}

static cf_status read_fields(const layout *form, cf_reader *reader, size_t elements,
                             cf_arena *arena, cf_message *message, cf_error *error)
{
    cf_status status = CF_OK;

    if (elements != 1 + field_count(form))
        status = cf_fail(error, CF_MALFORMED, "%zu elements", elements);
    for (size_t i = 0; !status && i < field_count(form); i++)
        status = read_field(reader, &form->fields[i], arena, message, error);
    return status ? status : cf_read_end(reader, error);
}

cf_status cf_message_read(const cf_bytes *frames, size_t count, cf_arena *arena, cf_message *out,
                          cf_error *error)
{
    cf_message message;
    cf_reader reader;
    const layout *form;
    size_t elements;
    cf_status status;

    memset(&message, 0, sizeof message); /* the whole union */
    if (count == 0)
        return cf_fail(error, CF_MALFORMED, "a message of no frames");
    if (frames[0].size > CF_FRAME_MAX)
        return cf_fail(error, CF_TOO_LARGE, "a frame of %zu bytes", frames[0].size);
    reader = cf_reader_of(frames[0]);
    status = read_command(&reader, &message.command, &elements, error);
    if (status)
        return status;
    form = &forms[message.command];
    cf_reader ahead = reader;
    if (says_version(message.command))
        status = read_field(&ahead, &form->fields[0], arena, &message, error);
    const bool is_known = cf_message_is_of_this_version(&message);
    if (!status && is_known)
        status = read_fields(form, &reader, elements, arena, &message, error);
    if (!status && is_known)
        status = read_bulk(form, frames, count, &message, error);
    if (status)
        cf_error_while(error, "reading %s", form->name);
    else
        *out = message;
    return status;
}
