/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an entry is taken, in this order: it can be read, the session's window has room, the log
 * takes it (log/acceptance.h, then the lease), the disk has room, the quota allows it. What may fit
 * another time is refused for later, the rest for good; a forgery costs its user most. */
#include "broker/gateway/publish.h"

#include "broker/gateway/prices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry on its way into the store. */
struct publishing {
    cf_request request;
    cf_hash user;
    cf_head head;
    bool is_member;
    cf_taking *taking;
    size_t blob_count; /* that it names */
    size_t lacking_count;
    cf_hash lacking[]; /* of these blobs, those that aren't here */
};

bool cf_blob_is_stored(void *blobs, const cf_hash *user, const cf_hash *blob)
{
    cf_blobs *from = blobs;
    cf_blob_held held;
    cf_error error;

    return !from->held(from, user, blob, &held, &error) && held.complete;
}

void cf_send_wanted(const cf_service *service, const cf_session *session, const cf_hash *blobs,
                    size_t count)
{
    while (count) {
        size_t page = count < CF_ENTRY_BLOBS_MAX ? count : CF_ENTRY_BLOBS_MAX;
        cf_message message = {.command = CF_COMMAND_WANTED,
                              .wanted = {.ids = blobs, .id_count = page}};

        cf_session_send(service, session, &message);
        blobs += page;
        count -= page;
    }
}

void cf_send_wanted_to_all(const cf_service *service, const cf_hash *user, const cf_hash *blobs,
                           size_t count)
{
    const cf_session *session = cf_sessions_first_of(service->sessions, user);

    for (; session; session = cf_sessions_next_of(session))
        if (session->is_greeted)
            cf_send_wanted(service, session, blobs, count);
}

/* A device that hears that its entry is here hears which of its blobs are not. */
static void accept(const cf_service *service, const cf_session *session, const cf_head *head,
                   const cf_hash *lacking, size_t lacking_count)
{
    cf_message message = {.command = CF_COMMAND_ACCEPTED, .accepted = {.head = *head}};

    cf_send_wanted(service, session, lacking, lacking_count);
    cf_session_send(service, session, &message);
}

static void refuse(const cf_service *service, const cf_session *session, const cf_hash *entry,
                   bool later, const char *code, const char *text)
{
    cf_refusal refusal = {
        .request = CF_COMMAND_PUBLISH, .later = later, .code = code, .text = text};

    if (entry)
        refusal.name = cf_bytes_of(entry->bytes, CF_HASH_SIZE);
    cf_refuse(service, cf_session_destination(session), &refusal);
}

static void answer_session(const struct publishing *publishing, cf_append_answer answer,
                           uint64_t position, const cf_error *error)
{
    cf_service *service = publishing->request.service;
    cf_session *session = cf_request_session(&publishing->request);

    if (!session)
        return;
    session->under_way -= publishing->request.size;
    switch (answer) {
    case CF_APPEND_STORED:
    case CF_APPEND_HAVE:
        if (answer == CF_APPEND_STORED && session->replay && session->is_subscribed)
            cf_replay_skip(session->replay, position);
        accept(service, session, &publishing->head, publishing->lacking, publishing->lacking_count);
        break;
    case CF_APPEND_GAP:
        refuse(service, session, &publishing->head.hash, true, CF_REFUSED_GAP,
               "its predecessor isn't here");
        break;
    case CF_APPEND_CHANGED:
        refuse(service, session, &publishing->head.hash, true, CF_REFUSED_LOCKED,
               "its collection's lease has changed");
        break;
    case CF_APPEND_FENCED:
        refuse(service, session, &publishing->head.hash, true, CF_REFUSED_BUSY,
               "another broker keeps this user");
        break;
    case CF_APPEND_FAILED:
        if (error->status == CF_FULL)
            cf_refuse_full(service, session, CF_COMMAND_PUBLISH, &publishing->head.hash);
        else
            refuse(service, session, &publishing->head.hash, true, CF_REFUSED_BUSY,
                   cf_refusal_text(error));
        break;
    }
}

static int64_t price_of_size(size_t size)
{
    return (int64_t)(size / CF_PRICE_HELD_SIZE);
}

/* The store can write nothing: the operator is told once, by the look at the store. */
static bool cannot_write(const cf_service *service)
{
    cf_error failure;
    bool for_good;

    return service->store->failure(service->store, &for_good, &failure) != CF_OK;
}

static void published(void *context, cf_append_answer answer, uint64_t position,
                      const cf_error *error)
{
    struct publishing *publishing = context;
    cf_service *service = publishing->request.service;

    service->policy->published(service->policy->context, &publishing->taking, answer);
    if (answer == CF_APPEND_STORED) {
        cf_service_charge(service, &publishing->user,
                          CF_PRICE_ENTRY - price_of_size(publishing->request.size) -
                              (int64_t)publishing->blob_count * CF_PRICE_BLOB);
        if (publishing->is_member)
            cf_users_refresh(service->users, &publishing->user);
        cf_sessions_wake(service->sessions, &publishing->user);
    } else if (answer != CF_APPEND_HAVE) {
        cf_report(service->env, cannot_write(service) ? CF_REPORT_DETAIL : CF_REPORT_WARNING,
                  "user %s: an entry was not appended: %s", cf_user_shorten(&publishing->user).text,
                  answer == CF_APPEND_FAILED ? error->text : "it doesn't fit any more");
    }
    answer_session(publishing, answer, position, error);
    free(publishing);
}

static size_t find_lacking(const cf_service *service, const cf_header *header, cf_hash *out)
{
    size_t count = 0;

    for (size_t i = 0; i < header->blob_count; i++)
        if (!cf_blob_is_stored(service->blobs, &header->user, &header->blobs[i]))
            out[count++] = header->blobs[i];
    return count;
}

/* Another may have brought the entry meanwhile, and lack the contents that this device has. */
static void accept_known(const cf_service *service, const cf_session *session,
                         const cf_entry *entry)
{
    cf_hash *lacking = cf_allocate(entry->header.blob_count, sizeof *lacking);
    cf_head head = cf_head_of(entry);

    cf_session_charge(service, session, CF_PRICE_HELD + price_of_size(entry->wire.size));
    accept(service, session, &head, lacking, find_lacking(service, &entry->header, lacking));
    free(lacking);
}

static struct publishing *begin(cf_service *service, cf_session *session, const cf_entry *entry,
                                cf_taking *taking)
{
    const cf_header *header = &entry->header;
    struct publishing *publishing =
        cf_allocate(1, sizeof *publishing + header->blob_count * sizeof(cf_hash));

    publishing->request = cf_request_of(service, session, entry->wire.size);
    publishing->user = header->user;
    publishing->head = cf_head_of(entry);
    publishing->is_member = header->type == CF_ENTRY_MEMBER;
    publishing->blob_count = header->blob_count;
    publishing->lacking_count = find_lacking(service, header, publishing->lacking);
    publishing->taking = taking;
    session->under_way += entry->wire.size;
    return publishing;
}

static void refuse_audited(const cf_service *service, const cf_session *session,
                           const cf_hash *entry, const cf_refusal *refusal)
{
    bool is_quota = strcmp(refusal->code, CF_REFUSED_QUOTA) == 0;
    bool is_sound = entry && strcmp(refusal->code, CF_REFUSED_FORGED) != 0;
    char why[CF_ERROR_TEXT + 32];

    snprintf(why, sizeof why, "%s: %s", refusal->code, refusal->text);
    cf_session_charge(service, session, is_sound ? CF_PRICE_UNTAKEN : CF_PRICE_FORGED);
    cf_session_audit(service, session, is_quota ? CF_AUDIT_QUOTA_REFUSED : CF_AUDIT_PUBLISH_REFUSED,
                     entry, why);
    refuse(service, session, entry, refusal->later, refusal->code, refusal->text);
}

/* That another has the lease is a decision, and is in the audit log; that something is missing is
 * not. */
static void refuse_for_now(const cf_service *service, const cf_session *session,
                           const cf_hash *entry, const cf_verdict *verdict)
{
    const cf_refusal refusal = {.later = true, .code = verdict->code, .text = verdict->text};

    if (strcmp(verdict->code, CF_REFUSED_LOCKED) == 0) {
        refuse_audited(service, session, entry, &refusal);
    } else {
        cf_session_charge(service, session, CF_PRICE_UNTAKEN);
        refuse(service, session, entry, true, verdict->code, verdict->text);
    }
}

/* Whether the user may bring so much, so fast. */
static bool may_publish(const cf_service *service, const cf_session *session, const cf_entry *entry,
                        cf_taking **out)
{
    cf_refusal refusal = {.later = true};
    cf_error error;
    cf_status status = service->policy->may_publish(service->policy->context, entry, out, &error);

    if (!status)
        return true;
    refusal.code = status == CF_FULL ? CF_REFUSED_QUOTA : CF_REFUSED_BUSY;
    refusal.text = cf_refusal_text(&error);
    refuse_audited(service, session, &entry->hash, &refusal);
    return false;
}

/* The rest of the disk is for who frees some of it. */
static bool has_room(cf_service *service, const cf_session *session, const cf_entry *entry)
{
    const cf_reserve left = service->room_left ? service->room_left(service->context)
                                               : (cf_reserve){.room = UINT64_MAX};

    if (cf_reserve_takes_entries(&left, entry->wire.size))
        return true;
    cf_refuse_full(service, session, CF_COMMAND_PUBLISH, &entry->hash);
    return false;
}

static void refuse_unjudged(cf_service *service, cf_session *session, const cf_hash *entry,
                            const cf_error *error)
{
    const bool is_unwritten = cannot_write(service);

    cf_report(service->env, is_unwritten ? CF_REPORT_DETAIL : CF_REPORT_ERROR,
              "user %s: judging an entry: %s", cf_user_shorten(cf_log_user(session->log)).text,
              error->text);
    if (error->status == CF_FULL)
        cf_refuse_full(service, session, CF_COMMAND_PUBLISH, entry);
    else
        refuse(service, session, entry, true, CF_REFUSED_BUSY,
               is_unwritten ? CF_STORE_UNWRITTEN : CF_LOG_UNREAD);
}

/* Parsed; whether the log takes it. */
static void offer_entry(cf_service *service, cf_session *session, const cf_entry *entry,
                        const cf_message *message)
{
    cf_offer offer = {
        .bringer = cf_hash_equal(&entry->header.device, &session->device) ? CF_BRINGER_AUTHOR
                                                                          : CF_BRINGER_ANOTHER,
        .stored = cf_blob_is_stored,
        .context = service->blobs,
        .without = message->publish.without,
        .without_count = message->publish.without_count,
        .session = &session->device,
        .token = message->publish.token,
    };
    cf_head head = cf_head_of(entry);
    cf_taking *taking;
    cf_verdict verdict;
    cf_error error;

    if (cf_log_check(session->log, entry, &offer, &verdict, &error)) {
        refuse_unjudged(service, session, &head.hash, &error);
        return;
    }
    switch (verdict.answer) {
    case CF_OFFER_HAVE:
        accept_known(service, session, entry);
        break;
    case CF_OFFER_NEW:
        if (has_room(service, session, entry) && may_publish(service, session, entry, &taking))
            cf_log_append(session->log, entry, &offer, NULL, 0, published,
                          begin(service, session, entry, taking));
        break;
    case CF_OFFER_NEVER:
        refuse_audited(service, session, &head.hash,
                       &(cf_refusal){.code = verdict.code, .text = verdict.text});
        break;
    case CF_OFFER_LATER:
        refuse_for_now(service, session, &head.hash, &verdict);
        break;
    }
}

void cf_publish(cf_service *service, cf_session *session, const cf_message *message)
{
    cf_bytes wire = message->publish.entry;
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    service->policy->end_leases(service->policy->context, session->log);
    if (cf_entry_read(wire, &arena, &entry, &error)) {
        refuse_audited(service, session, NULL,
                       &(cf_refusal){.code = error.status == CF_FORGED ? CF_REFUSED_FORGED
                                                                       : CF_REFUSED_MALFORMED,
                                     .text = error.text});
    } else if (session->under_way > CF_WINDOW) {
        refuse(service, session, &entry.hash, true, CF_REFUSED_BUSY, "the window is full");
    } else {
        offer_entry(service, session, &entry, message);
    }
    cf_arena_release(&arena);
}
