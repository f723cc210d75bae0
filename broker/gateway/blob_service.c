/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a piece is taken: the session's window has room, the disk has, the quota has; where disk
 * or quota has none, uploads that were abandoned give way first, and what is whole already is
 * answered as stored. A blob is checked before its last piece goes out, once an hour: a damaged one
 * is set aside, and asked for again. */
#include "broker/gateway/blob_service.h"

#include "broker/gateway/gateway.h"
#include "broker/gateway/prices.h"
#include "broker/gateway/publish.h"

#include <stdlib.h>
#include <string.h>

enum {
    MANY = 16, /* blobs in HAVE */
    CHECKED_MS = 3600000,
    BLOBS_FAIL_MS = 5000, /* within which a write that works says nothing of the disk */
};

static void send_missing(const cf_service *service, const cf_session *session,
                         const cf_partial *blobs, size_t count)
{
    cf_message message = {.command = CF_COMMAND_MISSING,
                          .missing = {.blobs = blobs, .blob_count = count}};

    cf_session_send(service, session, &message);
}

static void refuse(cf_service *service, const cf_session *session, cf_command request,
                   const cf_hash *blob, const cf_error *error)
{
    cf_refusal refusal = {.request = request,
                          .name = cf_bytes_of(blob->bytes, CF_HASH_SIZE),
                          .code = CF_REFUSED_BUSY,
                          .text = error->text};

    switch (error->status) {
    case CF_FORGED:
        refusal.code = CF_REFUSED_FORGED;
        break;
    case CF_MALFORMED:
    case CF_TOO_LARGE:
        refusal.code = CF_REFUSED_MALFORMED;
        break;
    case CF_FULL:
        cf_refuse_full(service, session, request, blob);
        return;
    case CF_IO:
        refusal.text = request == CF_COMMAND_PUT ? CF_TEXT_DISK : "the broker can't read its disk";
        refusal.later = true;
        break;
    default:
        refusal.later = true;
        break;
    }
    cf_refuse(service, cf_session_destination(session), &refusal);
}

/* Of those that many are asked after: what can't be here need not be looked for. */
static cf_blob_first_bytes places_worth_looking(const cf_service *service,
                                                const cf_session *session, size_t count)
{
    cf_blob_first_bytes bytes;
    cf_error ignored;

    if (count < MANY ||
        service->blobs->first_bytes(service->blobs, cf_log_user(session->log), &bytes, &ignored))
        memset(&bytes, 0xff, sizeof bytes);
    return bytes;
}

void cf_blob_service_have(cf_service *service, cf_session *session, const cf_message *message)
{
    const cf_blob_first_bytes places =
        places_worth_looking(service, session, message->have.id_count);
    cf_arena arena = {0};
    cf_partial *missing = cf_arena_allocate(&arena, message->have.id_count + 1, sizeof *missing);
    size_t count = 0;

    for (size_t i = 0; i < message->have.id_count; i++) {
        const cf_hash *blob = &message->have.ids[i];
        cf_blob_held held = {0};
        cf_error error;

        if (cf_blob_first_bytes_have(&places, blob) &&
            service->blobs->held(service->blobs, cf_log_user(session->log), blob, &held, &error))
            held = (cf_blob_held){0}; /* PUT will say what is wrong */
        if (!held.complete)
            missing[count++] = (cf_partial){*blob, held.size};
    }
    cf_session_charge(service, session,
                      (int64_t)count * CF_PRICE_BLOB +
                          (int64_t)(message->have.id_count - count) / CF_PRICE_HELD_BLOBS);
    send_missing(service, session, missing, count);
    cf_arena_release(&arena);
}

/* A piece on its way to the disk. */
struct putting {
    cf_request request;
    cf_hash user, blob;
};

static void note_stored(const cf_service *service, const cf_hash *user, const cf_hash *blob)
{
    cf_log *log = cf_users_find(service->users, user);
    cf_error error;

    if (log && cf_log_stored(log, blob, &error))
        cf_report(service->env, CF_REPORT_WARNING, "user %s: noting a blob: %s",
                  cf_user_shorten(user).text, error.text);
}

/* Once when writing begins to fail, and once when it works again: what was under way beside it may
 * still have come to an end. */
static void note_disk(cf_service *service, cf_status status, const cf_error *error)
{
    if (status == CF_IO && !service->blobs_fail)
        cf_report(service->env, CF_REPORT_ERROR, CF_BLOBS_FAIL_FORMAT, error->text);
    if (status == CF_IO) {
        service->blobs_fail = true;
        service->blobs_failure = *error;
        service->blobs_failed_ms = service->steady_ms;
    } else if (!status && service->blobs_fail &&
               service->steady_ms >= service->blobs_failed_ms + BLOBS_FAIL_MS) {
        service->blobs_fail = false;
        cf_report(service->env, CF_REPORT_NOTICE, "blobs are written again");
    }
}

static void put(void *context, cf_status status, cf_blob_held held, const cf_error *error)
{
    struct putting *putting = context;
    cf_service *service = putting->request.service;
    cf_session *session = cf_request_session(&putting->request);
    cf_message stored = {.command = CF_COMMAND_STORED, .stored = {.id = putting->blob}};
    cf_partial partial = {putting->blob, held.size};

    service->policy->was_put(service->policy->context, &putting->user, putting->request.size,
                             &held);
    if (status == CF_FORGED || status == CF_MALFORMED || status == CF_TOO_LARGE)
        cf_service_charge(service, &putting->user, CF_PRICE_FORGED);
    else if (!status && held.complete && held.change > 0)
        cf_service_charge(service, &putting->user, -CF_PRICE_BLOB);
    if (!status && held.complete)
        note_stored(service, &putting->user, &putting->blob);
    note_disk(service, status, error);
    if (status && status != CF_IO)
        cf_report(service->env, CF_REPORT_WARNING, "user %s: taking a blob: %s",
                  cf_user_shorten(&putting->user).text, error->text);
    if (session) {
        session->under_way -= putting->request.size;
        if (status)
            refuse(service, session, CF_COMMAND_PUT, &putting->blob, error);
        else if (held.complete)
            cf_session_send(service, session, &stored);
        else
            send_missing(service, session, &partial, 1);
    }
    free(putting);
}

static cf_status take_of_quota(cf_service *service, cf_session *session, const cf_message *message,
                               uint64_t rest, cf_error *error)
{
    const cf_policy *policy = service->policy;
    const cf_hash *user = cf_log_user(session->log);
    const size_t size = message->put.bytes.size;

    cf_status status = policy->may_put(policy->context, user, size, rest, error);
    if (status == CF_FULL && policy->make_room(policy->context, session, &message->put.id))
        status = policy->may_put(policy->context, user, size, rest, error);
    return status;
}

/* Refuses when not. What is whole already takes nothing. */
static bool is_within_quota(cf_service *service, cf_session *session, const cf_message *message)
{
    const cf_hash *user = cf_log_user(session->log), *blob = &message->put.id;
    uint64_t total = message->put.total, offset = message->put.offset;
    uint64_t rest = total > offset ? total - offset : 0;
    cf_error error;
    cf_status status = take_of_quota(service, session, message, rest, &error);
    cf_refusal refusal = {.request = CF_COMMAND_PUT,
                          .name = cf_bytes_of(blob->bytes, CF_HASH_SIZE),
                          .later = true,
                          .code = status == CF_FULL ? CF_REFUSED_QUOTA : CF_REFUSED_BUSY};

    if (!status)
        return true;
    if (status == CF_FULL && cf_blob_is_stored(service->blobs, user, blob)) {
        cf_message stored = {.command = CF_COMMAND_STORED, .stored = {.id = *blob}};

        cf_session_send(service, session, &stored);
        return false;
    }
    refusal.text = cf_refusal_text(&error);
    cf_session_audit(service, session, CF_AUDIT_QUOTA_REFUSED, NULL, error.text);
    cf_refuse(service, cf_session_destination(session), &refusal);
    return false;
}

static bool takes_contents(const cf_service *service, size_t size)
{
    const cf_reserve left = service->room_left ? service->room_left(service->context)
                                               : (cf_reserve){.room = UINT64_MAX};

    return cf_reserve_takes_contents(&left, size);
}

/* Refuses when not. */
static bool has_room(cf_service *service, cf_session *session, const cf_message *message)
{
    const cf_hash *blob = &message->put.id;
    const size_t size = message->put.bytes.size;
    cf_message stored = {.command = CF_COMMAND_STORED, .stored = {.id = *blob}};
    cf_error error;

    if (takes_contents(service, size) ||
        (service->policy->make_room(service->policy->context, session, blob) &&
         takes_contents(service, size)))
        return true;
    cf_fail(&error, CF_FULL, CF_TEXT_FULL);
    if (cf_blob_is_stored(service->blobs, cf_log_user(session->log), blob))
        cf_session_send(service, session, &stored);
    else
        refuse(service, session, CF_COMMAND_PUT, blob, &error);
    return false;
}

void cf_blob_service_put(cf_service *service, cf_session *session, const cf_message *message)
{
    size_t size = message->put.bytes.size;
    struct putting *putting;
    cf_error error;

    if (session->under_way > CF_WINDOW) {
        cf_fail(&error, CF_LOCKED, "the window is full");
        refuse(service, session, CF_COMMAND_PUT, &message->put.id, &error);
        return;
    }
    if (!has_room(service, session, message) || !is_within_quota(service, session, message))
        return;
    putting = cf_allocate(1, sizeof *putting);
    putting->request = cf_request_of(service, session, size);
    putting->user = *cf_log_user(session->log);
    putting->blob = message->put.id;
    session->under_way += size;
    service->blobs->put(service->blobs, &(cf_blob_put){.user = putting->user,
                                                       .id = putting->blob,
                                                       .offset = message->put.offset,
                                                       .total = message->put.total,
                                                       .bytes = message->put.bytes,
                                                       .now_ms = service->now_ms,
                                                       .done = put,
                                                       .context = putting});
}

/* ---- Damaged ones ---- */

/* Asks the devices for it, as for one that is gone. */
static void set_aside(cf_service *service, cf_session *session, const cf_hash *blob)
{
    const cf_hash *user = cf_log_user(session->log);
    char user_hex[2 * CF_HASH_SIZE + 1], blob_hex[2 * CF_HASH_SIZE + 1];
    cf_error error;

    cf_hex(cf_bytes_of(user->bytes, CF_HASH_SIZE), user_hex);
    cf_hex(cf_bytes_of(blob->bytes, CF_HASH_SIZE), blob_hex);
    cf_status status = service->blobs->set_aside(service->blobs, user, blob, &error);
    if (status == CF_CHANGED) /* a device brought it meanwhile */
        return;
    if (status) {
        cf_report(service->env, CF_REPORT_ERROR, "user %.12s: blob %s is damaged: %s", user_hex,
                  blob_hex, error.text);
        return;
    }
    cf_report(service->env, CF_REPORT_WARNING,
              "user %.12s: blob %s is damaged: it was set aside, and the devices are asked for it",
              user_hex, blob_hex);
    cf_log_want(session->log, blob);
    service->policy->set_aside(service->policy->context, user);
    cf_send_wanted_to_all(service, user, blob, 1);
    service->set_aside++;
}

/* Reads the whole, at most once an hour. */
static bool is_damaged(cf_service *service, cf_session *session, const cf_hash *blob, uint64_t size)
{
    const cf_hash *user = cf_log_user(session->log);
    cf_checked_blob *slot = &service->checked[cf_get_u32(blob->bytes) % CF_CHECKED_BLOBS];
    cf_error error;

    if (service->steady_ms < slot->until_ms && cf_hash_equal(&slot->blob, blob) &&
        cf_hash_equal(&slot->user, user))
        return false;
    cf_session_charge(service, session, (int64_t)(size / CF_MIB + 1) * CF_PRICE_CHECKED_MIB);
    cf_status status = cf_blob_check(service->blobs, user, blob, &error);
    if (!status)
        *slot = (cf_checked_blob){*user, *blob, service->steady_ms + CHECKED_MS};
    return cf_blob_is_damaged(status);
}

/* One that is wanted never came, or is known to be gone. */
static void note_absent(cf_service *service, const cf_session *session, const cf_hash *blob)
{
    const cf_hash *user = cf_log_user(session->log);

    cf_session_charge(service, session, CF_PRICE_ABSENT);
    if (service->absent && !cf_log_wants(service->store, user, blob))
        service->absent(service->context, user);
}

static void report_unreadable(const cf_service *service, const cf_session *session,
                              const cf_hash *blob, const cf_error *why)
{
    char hex[2 * CF_HASH_SIZE + 1];

    cf_hex(cf_bytes_of(blob->bytes, CF_HASH_SIZE), hex);
    cf_report(service->env, CF_REPORT_ERROR,
              "user %s: the disk fails where blob %s is: %s: look at the disk; `counterfoild "
              "verify` has the devices bring what can't be read",
              cf_user_shorten(cf_log_user(session->log)).text, hex, why->text);
}

void cf_blob_service_get(cf_service *service, cf_session *session, const cf_message *message)
{
    const cf_hash *blob = &message->get.id;
    const size_t most = message->command == CF_COMMAND_GET ? CF_BLOB_STEP : message->get.size;
    cf_message absent = {.command = CF_COMMAND_ABSENT, .absent = {.id = *blob}};
    cf_buffer piece = {0};
    cf_error error;
    uint64_t total;
    cf_status status = service->blobs->get(service->blobs, cf_log_user(session->log), blob,
                                           message->get.offset, most, &piece, &total, &error);

    /* Before the last piece, so that nobody has all of a damaged one. */
    if (!status && message->get.offset + piece.size >= total &&
        is_damaged(service, session, blob, total)) {
        set_aside(service, session, blob);
        status = CF_MISSING;
    }
    if (!status && piece.size == 0)
        status = cf_fail(&error, CF_MALFORMED, "it ends before that offset");
    if (status == CF_MISSING) {
        cf_session_send(service, session, &absent);
        note_absent(service, session, blob);
    } else if (status) {
        if (status == CF_IO)
            report_unreadable(service, session, blob, &error);
        refuse(service, session, message->command, blob, &error);
    } else {
        cf_message message_out = {.command = CF_COMMAND_BLOB,
                                  .blob = {.id = *blob,
                                           .offset = message->get.offset,
                                           .total = total,
                                           .bytes = cf_buffer_view(&piece)}};
        cf_session_send(service, session, &message_out);
    }
    cf_buffer_release(&piece);
}
