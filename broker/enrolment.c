/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enrolment.h"

#include "broker/invitation.h"
#include "broker/publish.h"
#include "codec/pairing.h"
#include "codec/pack.h"
#include "codec/secret.h"

#include <stdlib.h>
#include <string.h>

enum { GUESTS_MAX = 16 }; /* registrations of one user */

/* A pairing code's guest, whom an owner expects. */
struct guest {
    cf_hash key;
    cf_hash user;
    uint64_t expires_ms;
    cf_routing_id owner; /* the session that said so last */
    uint64_t owner_serial;
    cf_routing_id knocker; /* size 0: nobody knocked yet */
};

struct cf_enrolment {
    cf_service *service;
    bool takes_invitations, is_closed;
    struct guest *guests;
    size_t count, capacity;
};

cf_enrolment *cf_enrolment_new(cf_service *service, const cf_management *management)
{
    cf_enrolment *enrolment = cf_allocate(1, sizeof *enrolment);

    enrolment->service = service;
    enrolment->takes_invitations = management != NULL;
    enrolment->is_closed = management && cf_management_is_closed(management);
    return enrolment;
}

void cf_enrolment_destroy(cf_enrolment **enrolment)
{
    if (!*enrolment)
        return;
    free((*enrolment)->guests);
    free(*enrolment);
    *enrolment = NULL;
}

static void audit(const cf_service *service, cf_audit_decision what, const cf_hash *user,
                  const cf_hash *key, const char *why)
{
    cf_audit_event event = {.what = what, .user = user, .key = key, .why = why};

    cf_audit_note(service->audit, &event, service->now_ms);
}

static struct guest *find(const cf_enrolment *enrolment, const cf_hash *key)
{
    for (size_t i = 0; i < enrolment->count; i++)
        if (cf_hash_equal(&enrolment->guests[i].key, key))
            return &enrolment->guests[i];
    return NULL;
}

static void shut_out(cf_enrolment *enrolment, struct guest *guest)
{
    cf_users_deny(enrolment->service->users, guest->key.bytes);
    *guest = enrolment->guests[--enrolment->count];
}

static cf_bytes destination_of(const cf_routing_id *routing_id)
{
    return cf_bytes_of(routing_id->bytes, routing_id->size);
}

static bool is_owner(const cf_session *session)
{
    const cf_device *device = cf_registry_device(cf_log_registry(session->log), &session->device);

    return device && device->role == CF_ROLE_OWNER;
}

static size_t guests_of(const cf_enrolment *enrolment, const cf_hash *user)
{
    size_t count = 0;

    for (size_t i = 0; i < enrolment->count; i++)
        count += cf_hash_equal(&enrolment->guests[i].user, user);
    return count;
}

static void refuse_guest(const cf_service *service, const cf_session *session, const cf_hash *key,
                         bool later, const char *code, const char *text)
{
    cf_refusal refusal = {CF_COMMAND_GUEST, cf_bytes_of(key->bytes, CF_HASH_SIZE), later, code,
                          text};

    audit(service, CF_AUDIT_GUEST_REFUSED, cf_log_user(session->log), key, text);
    cf_refuse(service, cf_session_destination(session), &refusal);
}

static struct guest *add_guest(cf_enrolment *enrolment, const cf_hash *key, const cf_hash *user)
{
    struct guest *guest;

    enrolment->guests = cf_grow(enrolment->guests, &enrolment->capacity, enrolment->count + 1,
                                sizeof *enrolment->guests);
    guest = &enrolment->guests[enrolment->count++];
    *guest = (struct guest){.key = *key, .user = *user};
    cf_users_allow(enrolment->service->users, key->bytes);
    return guest;
}

void cf_enrolment_guest(cf_enrolment *enrolment, cf_session *session, const cf_message *message)
{
    const cf_service *service = enrolment->service;
    const cf_hash *key = &message->guest.key, *user = cf_log_user(session->log);
    struct guest *guest = find(enrolment, key);

    if (!is_owner(session)) {
        refuse_guest(service, session, key, false, CF_REFUSED_ROLE, "only owners let others in");
        return;
    }
    if (guest && !cf_hash_equal(&guest->user, user)) {
        refuse_guest(service, session, key, false, CF_REFUSED_USED, "the key is another's");
        return;
    }
    if (message->guest.expires_ms <= service->now_ms) { /* taken back, or over already */
        if (guest)
            shut_out(enrolment, guest);
    } else {
        if (!guest && guests_of(enrolment, user) == GUESTS_MAX) {
            refuse_guest(service, session, key, true, CF_REFUSED_BUSY, "too many codes are open");
            return;
        }
        if (!guest)
            guest = add_guest(enrolment, key, user);
        guest->expires_ms = message->guest.expires_ms;
        guest->owner = session->routing_id;
        guest->owner_serial = session->serial;
    }
    audit(service, CF_AUDIT_GUEST_REGISTERED, user, key,
          message->guest.expires_ms <= service->now_ms ? "taken back" : NULL);
    cf_session_send(service, session, message);
}

void cf_enrolment_admit(cf_enrolment *enrolment, cf_session *session, const cf_message *message)
{
    struct guest *guest = find(enrolment, &message->admit.key);

    if (!guest || !is_owner(session) || !cf_hash_equal(&guest->user, cf_log_user(session->log)) ||
        guest->knocker.size == 0)
        return; /* the guest knocks again, if it still waits */
    audit(enrolment->service, CF_AUDIT_GUEST_ADMITTED, &guest->user, &guest->key, NULL);
    cf_outbox_add(enrolment->service->outbox, destination_of(&guest->knocker), message);
}

static void refuse_knock(const cf_service *service, cf_bytes destination, const cf_hash *key,
                         bool later, const char *code, const char *text)
{
    cf_refusal refusal = {CF_COMMAND_KNOCK, cf_bytes_of(key->bytes, CF_HASH_SIZE), later, code,
                          text};

    audit(service, CF_AUDIT_INVITATION_REFUSED, NULL, key, text);
    cf_refuse(service, destination, &refusal);
}

static void knock_at_owner(cf_enrolment *enrolment, cf_bytes routing_id, struct guest *guest,
                           const cf_message *message)
{
    const cf_service *service = enrolment->service;
    const cf_session *owner = cf_sessions_find(service->sessions, destination_of(&guest->owner));

    if (!owner || owner->serial != guest->owner_serial) {
        refuse_knock(service, routing_id, &guest->key, true, CF_REFUSED_ABSENT,
                     "the other device isn't connected");
        return;
    }
    memcpy(guest->knocker.bytes, routing_id.data, routing_id.size);
    guest->knocker.size = routing_id.size;
    cf_session_send(service, owner, message);
}

/* What is answered when the first entry of an invited user is durable. */
struct enrolling {
    cf_enrolment *enrolment;
    cf_routing_id guest;
    cf_hash key, user, knock;
    uint8_t secret[32];
    cf_head first;
};

static void send_admit(const struct enrolling *enrolling)
{
    cf_pairing *pairing = cf_pairing_new(enrolling->secret);
    cf_admit admit = {.knock = enrolling->knock,
                      .user = enrolling->user,
                      .role = CF_ROLE_OWNER,
                      .heads = &enrolling->first,
                      .head_count = 1};
    cf_buffer sealed = {0};
    cf_message message = {.command = CF_COMMAND_ADMIT, .admit = {.key = enrolling->key}};

    cf_admit_seal(pairing, &admit, &sealed);
    message.admit.sealed = cf_buffer_view(&sealed);
    cf_outbox_add(enrolling->enrolment->service->outbox, destination_of(&enrolling->guest),
                  &message);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&pairing);
}

static void enrolled(void *context, cf_append_answer answer, uint64_t position,
                     const cf_error *error)
{
    struct enrolling *enrolling = context;
    const cf_service *service = enrolling->enrolment->service;

    (void)position;
    if (answer == CF_APPEND_STORED || answer == CF_APPEND_HAVE) {
        cf_users_refresh(service->users, &enrolling->user);
        if (service->quotas) /* its first entry was not counted */
            cf_quotas_forget(service->quotas, &enrolling->user);
        audit(service, CF_AUDIT_INVITATION_USED, &enrolling->user, &enrolling->key, NULL);
        send_admit(enrolling);
    } else {
        refuse_knock(service, destination_of(&enrolling->guest), &enrolling->key, true,
                     CF_REFUSED_BUSY,
                     answer == CF_APPEND_FAILED ? error->text : "the store is busy");
    }
    cf_wipe(enrolling, sizeof *enrolling);
    free(enrolling);
}

/* More of the member log, of a user that other brokers know. What doesn't fit is left out: a device
 * brings it. */
static cf_status bring_members(cf_log *log, cf_bytes members, cf_error *error)
{
    cf_offer offer = {.bringer = CF_BRINGER_DEVICE};
    cf_reader reader = cf_reader_of(members);
    cf_verdict verdict;
    cf_bytes wire;
    size_t left = 0;
    cf_status status = cf_read_array(&reader, &left, error);

    for (; !status && left; left--) {
        cf_arena arena = {0};
        cf_entry entry;
        cf_error unfit;

        status = cf_read_bin(&reader, &wire, error);
        if (!status && !cf_entry_read(wire, &arena, &entry, &unfit) &&
            entry.header.type == CF_ENTRY_MEMBER &&
            cf_hash_equal(&entry.header.user, cf_log_user(log))) {
            status = cf_log_check(log, &entry, &offer, &verdict, error);
            if (!status && verdict.answer == CF_OFFER_NEW)
                cf_log_append(log, &entry, &offer, NULL, 0, NULL, NULL);
        }
        cf_arena_release(&arena);
    }
    return status;
}

/* The user's log takes its first entry, or has it already from the same KNOCK. */
static cf_status enrol(cf_enrolment *enrolment, const cf_entry *first, cf_bytes members,
                       const cf_invitation *invitation, const struct enrolling *request,
                       cf_error *error)
{
    cf_offer offer = {.bringer = CF_BRINGER_AUTHOR};
    struct enrolling *enrolling;
    cf_verdict verdict;
    cf_log *log = NULL;
    cf_status status = cf_users_add(enrolment->service->users, &first->header.user, &log, error);
    uint8_t quota[8];
    cf_record record = cf_quotas_record(invitation->quota, quota);

    if (!status)
        status = cf_log_check(log, first, &offer, &verdict, error);
    if (status)
        return status;
    if (verdict.answer == CF_OFFER_NEVER || verdict.answer == CF_OFFER_LATER)
        return cf_fail(error, CF_MALFORMED, "%s", verdict.text);
    enrolling = cf_allocate(1, sizeof *enrolling);
    *enrolling = *request;
    enrolling->user = first->header.user;
    enrolling->first = cf_head_of(first);
    memcpy(enrolling->secret, invitation->secret, sizeof enrolling->secret);
    size_t records = invitation->quota ? 1 : 0;
    if (!members.size) {
        cf_log_append(log, first, &offer, &record, records, enrolled, enrolling);
        return CF_OK;
    }
    cf_log_append(log, first, &offer, &record, records, NULL, NULL);
    status = bring_members(log, members, error);
    /* Answered when all before it are: it is held then. */
    cf_log_append(log, first, &offer, NULL, 0, enrolled, enrolling);
    return status;
}

/* Opens the KNOCK of an invited, checks that it holds a first entry, and enrols its user. The
 * invitation is marked before the entry is appended: after a crash in between the same KNOCK goes
 * on, and no other. */
static cf_status open_invited(cf_enrolment *enrolment, cf_invitation *invitation,
                              const struct enrolling *request, cf_bytes sealed, cf_error *error)
{
    cf_pairing *pairing = cf_pairing_new(invitation->secret);
    cf_arena arena = {0};
    cf_knock knock;
    cf_entry first;
    cf_registry *registry = NULL;
    bool counts;
    cf_status status = cf_knock_open(pairing, NULL, sealed, &arena, &knock, error);

    if (!status)
        status = cf_entry_read(knock.first_entry, &arena, &first, error);
    if (!status && (first.header.type != CF_ENTRY_MEMBER || first.header.sequence != 1))
        status = cf_fail(error, CF_MALFORMED, "it brings no first entry");
    if (!status) {
        registry = cf_registry_new(&first.header.user);
        status = cf_registry_check(registry, &first, &counts, error);
    }
    if (!status && !invitation->is_used) {
        invitation->is_used = true;
        invitation->knock = request->knock;
        invitation->user = first.header.user;
        status = cf_invitation_keep(enrolment->service->store, &request->key, invitation, error);
    }
    if (!status)
        status = enrol(enrolment, &first, knock.members, invitation, request, error);
    cf_registry_destroy(&registry);
    cf_arena_release(&arena);
    cf_pairing_destroy(&pairing);
    return status;
}

static void knock_invited(cf_enrolment *enrolment, cf_bytes routing_id, const cf_hash *key,
                          cf_bytes sealed)
{
    const cf_service *service = enrolment->service;
    struct enrolling request = {
        .enrolment = enrolment, .key = *key, .knock = cf_knock_hash(sealed)};
    cf_invitation invitation;
    cf_error error;
    cf_status status = cf_invitation_find(service->store, key, &invitation, &error);

    memcpy(request.guest.bytes, routing_id.data, routing_id.size);
    request.guest.size = routing_id.size;
    if (status == CF_MISSING) {
        refuse_knock(service, routing_id, key, false, CF_REFUSED_UNKNOWN,
                     "there is no such invitation");
        return;
    }
    if (!status && invitation.is_used && !cf_hash_equal(&invitation.knock, &request.knock))
        refuse_knock(service, routing_id, key, false, CF_REFUSED_USED,
                     "the invitation was used before");
    else if (!status && invitation.expires_ms && invitation.expires_ms <= service->now_ms)
        refuse_knock(service, routing_id, key, false, CF_REFUSED_EXPIRED,
                     "the invitation has expired");
    else if (!status)
        status = open_invited(enrolment, &invitation, &request, sealed, &error);
    if (status == CF_MALFORMED || status == CF_FORGED)
        refuse_knock(service, routing_id, key, false,
                     status == CF_FORGED ? CF_REFUSED_FORGED : CF_REFUSED_MALFORMED, error.text);
    else if (status)
        refuse_knock(service, routing_id, key, true, CF_REFUSED_BUSY, error.text);
    cf_wipe(&invitation, sizeof invitation);
}

void cf_enrolment_knock(cf_enrolment *enrolment, cf_bytes routing_id, const cf_hash *key,
                        const cf_message *message)
{
    const cf_service *service = enrolment->service;
    struct guest *guest = find(enrolment, key);

    if (!cf_hash_equal(&message->knock.key, key))
        refuse_knock(service, routing_id, key, false, CF_REFUSED_FORGED,
                     "the key isn't this connection's");
    else if (!message->knock.user && enrolment->is_closed)
        refuse_knock(service, routing_id, key, false, CF_REFUSED_UNKNOWN,
                     "this broker takes no new users now");
    else if (!message->knock.user && enrolment->takes_invitations)
        knock_invited(enrolment, routing_id, key, message->knock.sealed);
    else if (!message->knock.user || !guest || !cf_hash_equal(&guest->user, message->knock.user))
        refuse_knock(service, routing_id, key, false, CF_REFUSED_UNKNOWN,
                     "there is no such code here");
    else if (guest->expires_ms <= service->now_ms)
        refuse_knock(service, routing_id, key, false, CF_REFUSED_EXPIRED, "the code has expired");
    else
        knock_at_owner(enrolment, routing_id, guest, message);
}

void cf_enrolment_forget(cf_enrolment *enrolment, const cf_hash *user)
{
    for (size_t i = enrolment->count; i-- > 0;)
        if (cf_hash_equal(&enrolment->guests[i].user, user))
            shut_out(enrolment, &enrolment->guests[i]);
}

uint64_t cf_enrolment_tick(cf_enrolment *enrolment, uint64_t now_ms)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = enrolment->count; i-- > 0;) {
        struct guest *guest = &enrolment->guests[i];

        if (guest->expires_ms <= now_ms)
            shut_out(enrolment, guest);
        else if (guest->expires_ms < next)
            next = guest->expires_ms;
    }
    return next;
}
