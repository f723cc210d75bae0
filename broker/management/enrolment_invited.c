/* SPDX-License-Identifier: Apache-2.0 */
/* A KNOCK with an invitation of the operator, see enrolment_inside.h, and how anybody who knocks is
 * turned away. The invitation is marked before the user's first entry is appended, and ADMIT goes
 * out once that entry is durable. */
#include "broker/management/enrolment_inside.h"

#include "broker/gateway/log_instance.h"
#include "broker/management/invitation.h"
#include "codec/pack.h"
#include "codec/pairing.h"
#include "codec/secret.h"

#include <stdlib.h>
#include <string.h>

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

void cf_enrolment_audit(const cf_service *service, cf_audit_decision what, const cf_hash *user,
                        const cf_hash *key, const char *why)
{
    cf_audit_event event = {.what = what, .user = user, .key = key, .why = why};

    cf_service_note(service, &event);
}

void cf_enrolment_turn_away(const cf_service *service, cf_bytes destination, const cf_hash *key,
                            const cf_refusal *refusal)
{
    cf_refusal told = *refusal;

    told.request = CF_COMMAND_KNOCK;
    told.name = cf_bytes_of(key->bytes, CF_HASH_SIZE);
    cf_enrolment_audit(service, CF_AUDIT_INVITATION_REFUSED, NULL, key, told.text);
    cf_refuse(service, destination, &told);
}

void cf_enrolment_refuse_knock(cf_service *service, cf_bytes destination, const cf_hash *key,
                               bool later, const char *code, const char *text)
{
    const cf_refusal refusal = {.later = later, .code = code, .text = text};

    service->in_vain = !later;
    cf_enrolment_turn_away(service, destination, key, &refusal);
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
    cf_outbox_add(enrolling->service->outbox, cf_routing_id_bytes(&enrolling->guest), &message);
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
        cf_enrolment_refuse_knock(service, cf_routing_id_bytes(&enrolling->guest), &enrolling->key,
                                  true, CF_REFUSED_BUSY,
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

void cf_enrolment_knock_invited(cf_service *service, cf_quotas *quotas, cf_bytes routing_id,
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
        cf_enrolment_refuse_knock(service, routing_id, key, false, CF_REFUSED_UNKNOWN,
                                  "there is no such invitation");
        return;
    }
    if (!status && invitation.is_used && !cf_hash_equal(&invitation.knock, &request.knock))
        cf_enrolment_refuse_knock(service, routing_id, key, false, CF_REFUSED_USED,
                                  "the invitation was used before");
    else if (!status && invitation.expires_ms && invitation.expires_ms <= service->now_ms)
        cf_enrolment_refuse_knock(service, routing_id, key, false, CF_REFUSED_EXPIRED,
                                  "the invitation has expired");
    else if (!status)
        status = open_invited(service, &invitation, &request, sealed, &error);
    if (status == CF_MALFORMED || status == CF_FORGED)
        cf_enrolment_refuse_knock(service, routing_id, key, false,
                                  status == CF_FORGED ? CF_REFUSED_FORGED : CF_REFUSED_MALFORMED,
                                  error.text);
    else if (status)
        cf_enrolment_refuse_knock(service, routing_id, key, true, CF_REFUSED_BUSY, error.text);
    cf_wipe(&invitation, sizeof invitation);
}
