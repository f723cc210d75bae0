/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/management/enrolment_inside.h"

#include "codec/deadlines.h"
#include "codec/hash_table.h"

#include <stdlib.h>
#include <string.h>

/* Registrations of one user, and connections that wait for the answer to one code. */
enum { GUESTS_MAX = 16, KNOCKERS_MAX = 4 };

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
        cf_enrolment_turn_away(enrolment->service, cf_routing_id_bytes(&guest->knockers[i]),
                               &guest->key, &why);
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

    cf_enrolment_audit(service, CF_AUDIT_GUEST_REFUSED, cf_log_user(session->log), key, text);
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
    cf_enrolment_audit(service, CF_AUDIT_GUEST_REGISTERED, user, key,
                       message->guest.expires_ms <= service->now_ms ? "taken back" : NULL);
    cf_session_send(service, session, message);
}

void cf_enrolment_admit(cf_enrolment *enrolment, cf_session *session, const cf_message *message)
{
    struct guest *guest = find(enrolment, &message->admit.key);

    if (!guest || !is_owner(session) || !cf_hash_equal(&guest->user, cf_log_user(session->log)) ||
        !guest->knocker_count)
        return; /* the guest knocks again, if it still waits */
    cf_enrolment_audit(enrolment->service, CF_AUDIT_GUEST_ADMITTED, &guest->user, &guest->key,
                       NULL);
    for (size_t i = 0; i < guest->knocker_count; i++)
        cf_outbox_add(enrolment->service->outbox, cf_routing_id_bytes(&guest->knockers[i]),
                      message);
    guest->knocker_count = 0;
}

/* Several may have one code, and which of them the owner lets in is told to none but them. Of more
 * than can be kept the one that has waited longest is forgotten. */
static void note_knocker(struct guest *guest, cf_bytes routing_id)
{
    cf_routing_id *knockers = guest->knockers;
    size_t at = 0;

    while (at < guest->knocker_count &&
           !cf_bytes_equal(cf_routing_id_bytes(&knockers[at]), routing_id))
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
    const cf_session *owner =
        cf_sessions_find(service->sessions, cf_routing_id_bytes(&guest->owner));

    if (!owner || owner->serial != guest->owner_serial) {
        cf_enrolment_refuse_knock(service, routing_id, &guest->key, true, CF_REFUSED_ABSENT,
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
        cf_enrolment_refuse_knock(service, routing_id, key, false, CF_REFUSED_FORGED,
                                  "the key isn't this connection's");
    else if (!message->knock.user && is_closed(enrolment))
        cf_enrolment_refuse_knock(service, routing_id, key, false, CF_REFUSED_UNKNOWN,
                                  "this broker takes no new users now");
    else if (!message->knock.user && enrolment->management)
        cf_enrolment_knock_invited(enrolment->service, enrolment->quotas, routing_id, key,
                                   message->knock.sealed);
    else if (!message->knock.user || !guest || !cf_hash_equal(&guest->user, message->knock.user))
        cf_enrolment_refuse_knock(service, routing_id, key, false, CF_REFUSED_UNKNOWN,
                                  "there is no such code here");
    else if (guest->expires_ms <= service->now_ms)
        cf_enrolment_refuse_knock(service, routing_id, key, false, CF_REFUSED_EXPIRED,
                                  "the code has expired");
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
    cf_enrolment_audit(enrolment->service, CF_AUDIT_GUEST_REFUSED, &guest->user, &guest->key,
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
