/* SPDX-License-Identifier: Apache-2.0 */
/* Who knocks with an invitation of the operator: the invitation is marked before the user's first
 * entry is appended, and ADMIT goes out once that entry is durable. Below, guests of owners, who
 * knock with a pairing code. */
#include "broker/management/enrolment.h"

#include "broker/gateway/log_instance.h"
#include "broker/management/invitation.h"
#include "codec/deadlines.h"
#include "codec/hash_table.h"
#include "codec/pack.h"
#include "codec/pairing.h"
#include "codec/secret.h"

#include <stdlib.h>
#include <string.h>

/* Registrations of one user, and connections that wait for the answer to one code. */
enum { GUESTS_MAX = 16, KNOCKERS_MAX = 4 };

/* ---- Invitations ---- */

static cf_bytes bytes_of(const cf_routing_id *routing_id)
{
    return cf_bytes_of(routing_id->bytes, routing_id->size);
}

/* What is answered when the first entry of an invited user is durable. */
struct enrolling {
    cf_service *service;
    cf_quotas *quotas; /* or NULL */
    cf_routing_id guest;
    cf_hash key, user, knock;
    uint8_t secret[32];
    cf_head first;
    cf_user_name name;
};

static void audit(const cf_service *service, cf_audit_decision what, const cf_hash *user,
                  const cf_hash *key, const char *why)
{
    cf_audit_event event = {.what = what, .user = user, .key = key, .why = why};

    cf_service_note(service, &event);
}

static void turn_away(const cf_service *service, cf_bytes destination, const cf_hash *key,
                      const cf_refusal *refusal)
{
    cf_refusal told = *refusal;

    told.request = CF_COMMAND_KNOCK;
    told.name = cf_bytes_of(key->bytes, CF_HASH_SIZE);
    audit(service, CF_AUDIT_INVITATION_REFUSED, NULL, key, told.text);
    cf_refuse(service, destination, &told);
}

static void refuse_knock(cf_service *service, cf_bytes destination, const cf_hash *key, bool later,
                         const char *code, const char *text)
{
    const cf_refusal refusal = {.later = later, .code = code, .text = text};

    service->greeting_refused = !later;
    turn_away(service, destination, key, &refusal);
}

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
    cf_outbox_add(enrolling->service->outbox, bytes_of(&enrolling->guest), &message);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&pairing);
}

static void enrolled(void *context, cf_append_answer answer, uint64_t position,
                     const cf_error *error)
{
    struct enrolling *enrolling = context;
    cf_service *service = enrolling->service;

    (void)position;
    if (answer == CF_APPEND_STORED || answer == CF_APPEND_HAVE) {
        cf_users_refresh(service->users, &enrolling->user);
        if (enrolling->quotas) /* its first entry was not counted */
            cf_quotas_forget(enrolling->quotas, &enrolling->user);
        cf_service_note(service, &(cf_audit_event){.what = CF_AUDIT_INVITATION_USED,
                                                   .user = &enrolling->user,
                                                   .name = enrolling->name.text,
                                                   .key = &enrolling->key});
        send_admit(enrolling);
    } else {
        refuse_knock(service, bytes_of(&enrolling->guest), &enrolling->key, true, CF_REFUSED_BUSY,
                     answer == CF_APPEND_FAILED ? error->text : "the store is busy");
    }
    cf_wipe(enrolling, sizeof *enrolling);
    free(enrolling);
}

/* More of the member log, of a user that other brokers know. What doesn't fit is left out: a device
 * brings it. */
static cf_status bring_members(cf_log *log, cf_bytes members, cf_error *error)
{
    cf_offer offer = {.bringer = CF_BRINGER_ANOTHER};
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

/* Whether the user's log takes its first entry, or has it already from the same KNOCK. */
static cf_status check_first(cf_service *service, const cf_entry *first, const cf_offer *offer,
                             cf_log **log, cf_error *error)
{
    const cf_hash *user = &first->header.user;
    cf_verdict verdict;

    cf_status status = cf_users_add(service->users, user, log, error);
    if (!status)
        status = cf_log_check(*log, first, offer, &verdict, error);
    if (status == CF_BROKEN || status == CF_MALFORMED || status == CF_FORGED) {
        cf_report(service->env, CF_REPORT_ERROR, "user %s: reading the log: %s",
                  cf_user_shorten(user).text, error->text);
        return cf_fail(error, CF_BROKEN, CF_LOG_DAMAGED);
    }
    if (!status && (verdict.answer == CF_OFFER_NEVER || verdict.answer == CF_OFFER_LATER))
        status = cf_fail(error, CF_MALFORMED, "%s", verdict.text);
    return status;
}

/* The invitation is marked before the entry is appended: after a crash in between the same KNOCK
 * goes on, and no other. What is refused leaves it unused. */
static cf_status enrol(cf_service *service, const cf_entry *first, cf_bytes members,
                       cf_invitation *invitation, const struct enrolling *request, cf_error *error)
{
    cf_offer offer = {.bringer = CF_BRINGER_AUTHOR};
    struct enrolling *enrolling;
    cf_log *log = NULL;
    cf_status status = check_first(service, first, &offer, &log, error);
    uint8_t quota[8];
    uint8_t instance[CF_LOG_INSTANCE_SIZE];
    cf_kv records[3];
    size_t record_count = 0;

    if (!status && !invitation->is_used) {
        invitation->is_used = true;
        invitation->knock = request->knock;
        invitation->user = first->header.user;
        status = cf_invitation_keep(service->store, &request->key, invitation, error);
    }
    if (status)
        return status;
    enrolling = cf_allocate(1, sizeof *enrolling);
    *enrolling = *request;
    enrolling->user = first->header.user;
    enrolling->first = cf_head_of(first);
    memcpy(enrolling->secret, invitation->secret, sizeof enrolling->secret);
    enrolling->name = invitation->name;
    service->env->random(service->env->context, instance, sizeof instance);
    records[record_count++] = cf_log_instance_record(instance);
    if (invitation->quota)
        records[record_count++] = cf_quotas_record(invitation->quota, quota);
    if (invitation->name.text[0])
        records[record_count++] = cf_user_name_record(&invitation->name);
    if (!members.size) {
        cf_log_append(log, first, &offer, records, record_count, enrolled, enrolling);
        return CF_OK;
    }
    cf_log_append(log, first, &offer, records, record_count, NULL, NULL);
    status = bring_members(log, members, error);
    /* Answered when all before it are: it is held then. */
    cf_log_append(log, first, &offer, NULL, 0, enrolled, enrolling);
    return status;
}

/* Of a newer version nobody could say here that it is refused before its user's log is made. */
static bool is_first_member(const cf_header *header)
{
    return header->version == CF_ENTRY_VERSION && header->type == CF_ENTRY_MEMBER &&
           header->sequence == 1 && cf_id_equal(&header->collection, &cf_member_log_id);
}

/* Opens the KNOCK of an invited, checks that it holds a first entry, and enrols its user. */
static cf_status open_invited(cf_service *service, cf_invitation *invitation,
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
    if (!status && !is_first_member(&first.header))
        status = cf_fail(error, CF_MALFORMED, "it brings no first entry");
    if (!status) {
        registry = cf_registry_new(&first.header.user);
        status = cf_registry_check(registry, &first, &counts, error);
    }
    if (!status)
        status = enrol(service, &first, knock.members, invitation, request, error);
    cf_registry_destroy(&registry);
    cf_arena_release(&arena);
    cf_pairing_destroy(&pairing);
    return status;
}

static void knock_invited(cf_service *service, cf_quotas *quotas, cf_bytes routing_id,
                          const cf_hash *key, cf_bytes sealed)
{
    struct enrolling request = {
        .service = service, .quotas = quotas, .key = *key, .knock = cf_knock_hash(sealed)};
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
                     "the invitation was used before: a new one is made by `counterfoild invite`");
    else if (!status && invitation.expires_ms && invitation.expires_ms <= service->now_ms)
        refuse_knock(service, routing_id, key, false, CF_REFUSED_EXPIRED,
                     "the invitation has expired: a new one is made by `counterfoild invite`");
    else if (!status)
        status = open_invited(service, &invitation, &request, sealed, &error);
    if (status == CF_MALFORMED || status == CF_FORGED)
        refuse_knock(service, routing_id, key, false,
                     status == CF_FORGED ? CF_REFUSED_FORGED : CF_REFUSED_MALFORMED, error.text);
    else if (status)
        refuse_knock(service, routing_id, key, true, CF_REFUSED_BUSY, error.text);
    cf_wipe(&invitation, sizeof invitation);
}

/* ---- Guests of owners ---- */

/* A pairing code's guest, whom an owner expects. */
struct guest {
    cf_hash_link by_key, by_user;
    cf_deadline expiry;
    cf_hash key;
    cf_hash user;
    uint64_t expires_ms;
    cf_hash device;      /* of the owner that said so last */
    cf_routing_id owner; /* its session */
    uint64_t owner_serial;
    cf_routing_id knockers[KNOCKERS_MAX]; /* who waits for an answer, the latest last */
    size_t knocker_count;
};

struct cf_enrolment {
    cf_service *service;
    const cf_management *management; /* asked at each knock: SIGHUP may close it; NULL: none */
    cf_quotas *quotas;               /* or NULL */
    cf_hash_table by_key, by_user;   /* guests */
    cf_deadlines expiries;
};

cf_enrolment *cf_enrolment_new(cf_service *service, const cf_management *management,
                               cf_quotas *quotas)
{
    cf_enrolment *enrolment = cf_allocate(1, sizeof *enrolment);

    enrolment->service = service;
    enrolment->management = management;
    enrolment->quotas = quotas;
    return enrolment;
}

static void forget_guest(cf_enrolment *enrolment, struct guest *guest)
{
    cf_hash_table_remove(&enrolment->by_key, &guest->by_key);
    cf_hash_table_remove(&enrolment->by_user, &guest->by_user);
    cf_deadlines_set(&enrolment->expiries, &guest->expiry, UINT64_MAX);
    free(guest);
}

void cf_enrolment_destroy(cf_enrolment **enrolment)
{
    if (!*enrolment)
        return;
    for (cf_hash_link *link; (link = cf_hash_table_walk(&(*enrolment)->by_key, NULL));)
        forget_guest(*enrolment, cf_container_of(link, struct guest, by_key));
    cf_hash_table_release(&(*enrolment)->by_key);
    cf_hash_table_release(&(*enrolment)->by_user);
    cf_deadlines_release(&(*enrolment)->expiries);
    free(*enrolment);
    *enrolment = NULL;
}

static struct guest *find(const cf_enrolment *enrolment, const cf_hash *key)
{
    cf_hash_link *link = cf_hash_table_first(&enrolment->by_key, cf_hash_hash(key));

    while (link && !cf_hash_equal(&cf_container_of(link, struct guest, by_key)->key, key))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, struct guest, by_key) : NULL;
}

/* One of the user's from this link on; NULL: no more. */
static struct guest *of_user(cf_hash_link *link, const cf_hash *user)
{
    while (link && !cf_hash_equal(&cf_container_of(link, struct guest, by_user)->user, user))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, struct guest, by_user) : NULL;
}

static struct guest *first_of(const cf_enrolment *enrolment, const cf_hash *user)
{
    return of_user(cf_hash_table_first(&enrolment->by_user, cf_hash_hash(user)), user);
}

static struct guest *next_of(const struct guest *guest)
{
    return of_user(cf_hash_table_next(&guest->by_user), &guest->user);
}

/* Who knocked and was not answered hears why nobody will. */
static void shut_out(cf_enrolment *enrolment, struct guest *guest, const char *code,
                     const char *text)
{
    const cf_refusal why = {.code = code, .text = text};

    for (size_t i = 0; i < guest->knocker_count; i++)
        turn_away(enrolment->service, bytes_of(&guest->knockers[i]), &guest->key, &why);
    cf_users_deny(enrolment->service->users, guest->key.bytes);
    forget_guest(enrolment, guest);
}

static bool is_closed(const cf_enrolment *enrolment)
{
    return enrolment->management && cf_management_is_closed(enrolment->management);
}

static bool is_owners(const cf_log *log, const cf_hash *device)
{
    const cf_device *known = cf_registry_device(cf_log_registry(log), device);

    return known && known->is_valid && known->role == CF_ROLE_OWNER;
}

static bool is_owner(const cf_session *session)
{
    return is_owners(session->log, &session->device);
}

static size_t guests_of(const cf_enrolment *enrolment, const cf_hash *user)
{
    size_t count = 0;

    for (const struct guest *guest = first_of(enrolment, user); guest; guest = next_of(guest))
        count++;
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
    struct guest *guest = cf_allocate(1, sizeof *guest);

    guest->key = *key;
    guest->user = *user;
    cf_hash_table_add(&enrolment->by_key, &guest->by_key, cf_hash_hash(key));
    cf_hash_table_add(&enrolment->by_user, &guest->by_user, cf_hash_hash(user));
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
            shut_out(enrolment, guest, CF_REFUSED_USED,
                     "the code was used by another device, or taken back");
    } else {
        if (!guest && guests_of(enrolment, user) == GUESTS_MAX) {
            refuse_guest(service, session, key, true, CF_REFUSED_BUSY, "too many codes are open");
            return;
        }
        if (!guest)
            guest = add_guest(enrolment, key, user);
        guest->expires_ms =
            cf_deadline_earlier(message->guest.expires_ms, service->now_ms + CF_GUEST_MS_MAX);
        cf_deadlines_set(&enrolment->expiries, &guest->expiry, guest->expires_ms);
        guest->device = session->device;
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
        !guest->knocker_count)
        return; /* the guest knocks again, if it still waits */
    audit(enrolment->service, CF_AUDIT_GUEST_ADMITTED, &guest->user, &guest->key, NULL);
    for (size_t i = 0; i < guest->knocker_count; i++)
        cf_outbox_add(enrolment->service->outbox, bytes_of(&guest->knockers[i]), message);
    guest->knocker_count = 0;
}

/* Several may have one code, and which of them the owner lets in is told to none but them. Of more
 * than can be kept the one that has waited longest is forgotten. */
static void note_knocker(struct guest *guest, cf_bytes routing_id)
{
    cf_routing_id *knockers = guest->knockers;
    size_t at = 0;

    while (at < guest->knocker_count && !cf_bytes_equal(bytes_of(&knockers[at]), routing_id))
        at++;
    if (at == guest->knocker_count && at < KNOCKERS_MAX)
        guest->knocker_count++;
    else if (at == KNOCKERS_MAX)
        at = 0;
    const size_t last = guest->knocker_count - 1;
    memmove(knockers + at, knockers + at + 1, (last - at) * sizeof *knockers);
    memcpy(knockers[last].bytes, routing_id.data, routing_id.size);
    knockers[last].size = routing_id.size;
}

static void knock_at_owner(cf_enrolment *enrolment, cf_bytes routing_id, struct guest *guest,
                           const cf_message *message)
{
    cf_service *service = enrolment->service;
    const cf_session *owner = cf_sessions_find(service->sessions, bytes_of(&guest->owner));

    if (!owner || owner->serial != guest->owner_serial) {
        refuse_knock(service, routing_id, &guest->key, true, CF_REFUSED_ABSENT,
                     "the other device isn't connected");
        return;
    }
    note_knocker(guest, routing_id);
    cf_session_send(service, owner, message);
}

void cf_enrolment_knock(cf_enrolment *enrolment, cf_bytes routing_id, const cf_hash *key,
                        const cf_message *message)
{
    cf_service *service = enrolment->service;
    struct guest *guest = find(enrolment, key);

    if (!cf_hash_equal(&message->knock.key, key))
        refuse_knock(service, routing_id, key, false, CF_REFUSED_FORGED,
                     "the key isn't this connection's");
    else if (!message->knock.user && is_closed(enrolment))
        refuse_knock(service, routing_id, key, false, CF_REFUSED_UNKNOWN,
                     "this broker takes no new users now");
    else if (!message->knock.user && enrolment->management)
        knock_invited(enrolment->service, enrolment->quotas, routing_id, key,
                      message->knock.sealed);
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
    for (struct guest *guest; (guest = first_of(enrolment, user));)
        shut_out(enrolment, guest, CF_REFUSED_UNKNOWN, "there is no such code here");
}

/* What an owner allowed goes with its being one. */
static bool is_withdrawn(cf_enrolment *enrolment, const struct guest *guest)
{
    const cf_log *log = cf_users_find(enrolment->service->users, &guest->user);

    if (log && is_owners(log, &guest->device))
        return false;
    audit(enrolment->service, CF_AUDIT_GUEST_REFUSED, &guest->user, &guest->key,
          "who let it in is no owner any more");
    return true;
}

void cf_enrolment_members_changed(cf_enrolment *enrolment, const cf_hash *user)
{
    for (struct guest *guest = first_of(enrolment, user), *after; guest; guest = after) {
        after = next_of(guest);
        if (is_withdrawn(enrolment, guest))
            shut_out(enrolment, guest, CF_REFUSED_UNKNOWN, "there is no such code here");
    }
}

uint64_t cf_enrolment_tick(cf_enrolment *enrolment, uint64_t now_ms)
{
    for (cf_deadline *due; (due = cf_deadlines_due(&enrolment->expiries, now_ms));)
        shut_out(enrolment, cf_container_of(due, struct guest, expiry), CF_REFUSED_EXPIRED,
                 "the code has expired");
    return cf_deadlines_next(&enrolment->expiries);
}
