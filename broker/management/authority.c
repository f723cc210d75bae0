/* SPDX-License-Identifier: Apache-2.0 */
/* Who answers which hook, and which message at which price; what is allowed the parts decide.
 * Without quotas everything may be published and put. A lease that is over ends before an entry is
 * judged, and pays what it kept back before the next one begins. */
#include "broker/management/authority.h"

#include "broker/gateway/alone.h"
#include "broker/gateway/prices.h"
#include "broker/management/abandoned.h"
#include "broker/management/enrolment.h"
#include "broker/management/lease_commands.h"
#include "broker/management/member_news.h"
#include "broker/management/reports.h"
#include "broker/management/work_budget.h"
#include "codec/deadlines.h"

#include <stdlib.h>

struct cf_authority {
    cf_authority_options options;
    cf_service *service; /* the gateway's */
    cf_policy policy;
    cf_enrolment *enrolment;
    cf_lease_commands *leases;
    cf_work_budget *budget;
};

static cf_authority *of(const cf_service *service)
{
    return service->policy->context;
}

/* ---- Messages ---- */

static void expect_guest(cf_service *service, cf_session *session, const cf_message *message)
{
    cf_enrolment_guest(of(service)->enrolment, session, message);
}

static void admit(cf_service *service, cf_session *session, const cf_message *message)
{
    cf_enrolment_admit(of(service)->enrolment, session, message);
}

static void lease(cf_service *service, cf_session *session, const cf_message *message)
{
    cf_lease_commands_handle(of(service)->leases, session, message);
}

static const cf_served_command commands[] = {
    {CF_COMMAND_GUEST, CF_PRICE_FREE, false, expect_guest},
    {CF_COMMAND_ADMIT, CF_PRICE_FREE, false, admit},
    {CF_COMMAND_LOCK, CF_PRICE_FREE, false, lease},
    {CF_COMMAND_RENEW, CF_PRICE_FREE, false, lease},
    {CF_COMMAND_UNLOCK, CF_PRICE_FREE, false, lease},
    {CF_COMMAND_LOCKS, CF_PRICE_FREE, true, lease},
    {CF_COMMAND_ALONE, CF_PRICE_FREE, false, lease},
    {CF_COMMAND_LOCATE, CF_PRICE_REPORT, true, cf_reports_locate},
    {CF_COMMAND_REPORT, CF_PRICE_REPORT, true, cf_reports_take},
    {CF_COMMAND_LACKING, CF_PRICE_REPORT, false, cf_reports_lacking},
    {CF_COMMAND_QUERY, CF_PRICE_QUESTION, true, cf_reports_answer},
    {CF_COMMAND_CHAINS, CF_PRICE_QUESTION, true, cf_reports_chains},
};

static void knock(cf_service *service, cf_bytes routing_id, const cf_hash *key,
                  const cf_message *message)
{
    cf_enrolment_knock(of(service)->enrolment, routing_id, key, message);
}

/* ---- May this be taken ---- */

static void end_leases(void *context, cf_log *log)
{
    const cf_authority *self = context;

    cf_lease_commands_expire(self->leases, log);
}

struct cf_taking {
    cf_hash user;
    size_t size;
    cf_member_news news; /* that the audit log tells when the entry is durable */
};

static cf_status may_publish(void *context, const cf_entry *entry, cf_taking **out, cf_error *error)
{
    const cf_authority *self = context;
    cf_quotas *quotas = self->options.quotas;
    cf_status status =
        quotas ? cf_quotas_publish(quotas, entry, self->service->steady_ms, error) : CF_OK;

    if (status)
        return status;
    *out = cf_allocate(1, sizeof **out);
    (*out)->user = entry->header.user;
    (*out)->size = entry->wire.size;
    if (entry->header.type == CF_ENTRY_MEMBER)
        cf_member_news_read(entry, &(*out)->news);
    return CF_OK;
}

static void tell_news(const cf_authority *self, const cf_taking *taking)
{
    const cf_service *service = self->service;
    const cf_log *log = cf_users_find(service->users, &taking->user);

    if (taking->news.is_any)
        cf_member_news_note(self->options.audit, &taking->news, &taking->user, service->now_ms);
    if (log && service->address->port)
        cf_member_news_note_move(self->options.audit, &taking->news, cf_log_registry(log),
                                 &taking->user, service->address->key, service->now_ms);
}

static void published(void *context, cf_taking **taking, cf_append_answer answer)
{
    const cf_authority *self = context;

    if (self->options.quotas)
        cf_quotas_published(self->options.quotas, &(*taking)->user, (*taking)->size, answer);
    if (answer == CF_APPEND_STORED)
        tell_news(self, *taking);
    free(*taking);
    *taking = NULL;
}

static cf_status may_put(void *context, const cf_hash *user, uint64_t size, uint64_t rest,
                         cf_error *error)
{
    const cf_authority *self = context;

    return self->options.quotas ? cf_quotas_put(self->options.quotas, user, size, rest, error)
                                : CF_OK;
}

static void was_put(void *context, const cf_hash *user, uint64_t size, const cf_blob_held *held)
{
    const cf_authority *self = context;

    if (self->options.quotas)
        cf_quotas_was_put(self->options.quotas, user, size, held);
}

static bool make_room(void *context, cf_session *session, const cf_hash *blob)
{
    const cf_authority *self = context;

    return cf_abandoned_drop(self->service, self->options.quotas, session, blob);
}

static void set_aside(void *context, const cf_hash *user)
{
    const cf_authority *self = context;

    if (self->options.quotas)
        cf_quotas_doubt(self->options.quotas, user);
}

/* ---- What work for nothing costs ---- */

static void charge(void *context, const cf_hash *user, int64_t points)
{
    const cf_authority *self = context;

    cf_work_budget_charge(self->budget, user, points, self->service->steady_ms);
}

static bool is_heard(void *context, const cf_hash *user)
{
    const cf_authority *self = context;

    return !cf_work_budget_is_over(self->budget, user, self->service->steady_ms);
}

static uint64_t wait_ms(void *context, const cf_hash *user)
{
    const cf_authority *self = context;

    return cf_work_budget_wait_ms(self->budget, user, self->service->steady_ms);
}

/* ---- What happens ---- */

static void note(void *context, const cf_audit_event *event)
{
    const cf_authority *self = context;

    cf_audit_note(self->options.audit, event, self->service->now_ms);
}

static void greeted(void *context, const cf_session *session)
{
    const cf_authority *self = context;

    if (self->options.quotas)
        cf_quotas_seen(self->options.quotas, session->log, self->service->now_ms);
}

static void ending(void *context, const cf_session *session)
{
    const cf_authority *self = context;

    cf_lease_commands_forget(self->leases, session);
}

static void members_changed(void *context, const cf_hash *user)
{
    const cf_authority *self = context;

    cf_enrolment_members_changed(self->enrolment, user);
    cf_lease_commands_members_changed(self->leases, user);
}

static void expelled(void *context, const cf_hash *user)
{
    const cf_authority *self = context;

    cf_enrolment_forget(self->enrolment, user);
}

static void clock_set(void *context, int64_t later_ms)
{
    const cf_authority *self = context;

    cf_lease_commands_clock_set(self->leases, later_ms);
}

static uint64_t begin_round(void *context)
{
    const cf_authority *self = context;
    const uint64_t now_ms = self->service->now_ms;
    uint64_t next = cf_enrolment_tick(self->enrolment, now_ms);

    if (self->options.management)
        cf_deadline_lower(&next, cf_management_tick(self->options.management, now_ms));
    return cf_service_steady_of(self->service, next);
}

static uint64_t end_round(void *context)
{
    const cf_authority *self = context;
    uint64_t next = cf_service_steady_of(self->service, cf_lease_commands_tick(self->leases));

    /* What a lease that is over kept back goes before the next one. */
    cf_deadline_lower(&next, cf_alones_tick(self->service->alones));
    cf_lease_commands_pay(self->leases);
    return next;
}

/* ---- Beginning and end ---- */

static cf_policy policy_of(cf_authority *self)
{
    return (cf_policy){
        .context = self,
        .commands = commands,
        .command_count = sizeof commands / sizeof *commands,
        .knock = knock,
        .end_leases = end_leases,
        .may_publish = may_publish,
        .published = published,
        .may_put = may_put,
        .was_put = was_put,
        .make_room = make_room,
        .set_aside = set_aside,
        .charge = charge,
        .is_heard = is_heard,
        .wait_ms = wait_ms,
        .note = note,
        .greeted = greeted,
        .ending = ending,
        .members_changed = members_changed,
        .expelled = expelled,
        .clock_set = clock_set,
        .begin_round = begin_round,
        .end_round = end_round,
    };
}

cf_authority *cf_authority_new(const cf_authority_options *options)
{
    cf_authority *self = cf_allocate(1, sizeof *self);

    self->options = *options;
    self->service = cf_gateway_service(options->gateway);
    self->budget = cf_work_budget_new(options->waste_per_second);
    self->enrolment = cf_enrolment_new(self->service, options->management, options->quotas);
    self->leases = cf_lease_commands_new(self->service);
    self->policy = policy_of(self);
    cf_gateway_manage(options->gateway, &self->policy);
    return self;
}

void cf_authority_destroy(cf_authority **authority)
{
    if (!*authority)
        return;
    cf_gateway_manage((*authority)->options.gateway, NULL);
    cf_enrolment_destroy(&(*authority)->enrolment);
    cf_lease_commands_destroy(&(*authority)->leases);
    cf_work_budget_destroy(&(*authority)->budget);
    free(*authority);
    *authority = NULL;
}

void cf_authority_set_allowance(cf_authority *authority, uint64_t waste_per_second)
{
    cf_work_budget_set(authority->budget, waste_per_second);
}

uint64_t cf_authority_owed(cf_authority *authority, const cf_hash *user, uint64_t steady_ms)
{
    return cf_work_budget_owed(authority->budget, user, steady_ms);
}
