/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway does without management: whatever its log and disk take is taken, uncounted and
 * for nothing; messages that only management serves are refused as unsupported, and nobody who
 * knocks is let in. */
#include "broker/gateway/policy.h"

#include "broker/gateway/prices.h"
#include "broker/gateway/session.h"

static void refuse(cf_service *service, cf_session *session, const cf_message *message)
{
    cf_refuse(service, cf_session_destination(session),
              &(cf_refusal){.request = message->command,
                            .code = CF_REFUSED_UNSUPPORTED,
                            .text = "nobody manages users, locks and reports here"});
}

static const cf_served_command refused[] = {
    {CF_COMMAND_GUEST, CF_PRICE_FREE, false, refuse},
    {CF_COMMAND_ADMIT, CF_PRICE_FREE, false, refuse},
    {CF_COMMAND_LOCK, CF_PRICE_FREE, false, refuse},
    {CF_COMMAND_RENEW, CF_PRICE_FREE, false, refuse},
    {CF_COMMAND_UNLOCK, CF_PRICE_FREE, false, refuse},
    {CF_COMMAND_LOCKS, CF_PRICE_FREE, true, refuse},
    {CF_COMMAND_ALONE, CF_PRICE_FREE, false, refuse},
    {CF_COMMAND_LOCATE, CF_PRICE_REPORT, true, refuse},
    {CF_COMMAND_REPORT, CF_PRICE_REPORT, true, refuse},
    {CF_COMMAND_LACKING, CF_PRICE_REPORT, false, refuse},
    {CF_COMMAND_QUERY, CF_PRICE_QUESTION, true, refuse},
    {CF_COMMAND_CHAINS, CF_PRICE_QUESTION, true, refuse},
};

static void turn_away(cf_service *service, cf_bytes routing_id, const cf_hash *key,
                      const cf_message *message)
{
    (void)message;
    service->greeting_refused = true;
    cf_refuse(service, routing_id,
              &(cf_refusal){.request = CF_COMMAND_KNOCK,
                            .name = cf_bytes_of(key->bytes, CF_HASH_SIZE),
                            .code = CF_REFUSED_UNSUPPORTED,
                            .text = "nobody is let in here"});
}

static void end_no_leases(void *context, cf_log *log)
{
    (void)context, (void)log;
}

static cf_status always_publish(void *context, const cf_entry *entry, cf_taking **out,
                                cf_error *error)
{
    (void)context, (void)entry, (void)error;
    *out = NULL;
    return CF_OK;
}

static void published_uncounted(void *context, cf_taking **taking, cf_append_answer answer)
{
    (void)context, (void)taking, (void)answer;
}

static cf_status always_put(void *context, const cf_hash *user, uint64_t size, uint64_t rest,
                            cf_error *error)
{
    (void)context, (void)user, (void)size, (void)rest, (void)error;
    return CF_OK;
}

static void put_uncounted(void *context, const cf_hash *user, uint64_t size,
                          const cf_blob_held *held)
{
    (void)context, (void)user, (void)size, (void)held;
}

static bool make_no_room(void *context, cf_session *session, const cf_hash *blob)
{
    (void)context, (void)session, (void)blob;
    return false;
}

static void ignore_user(void *context, const cf_hash *user)
{
    (void)context, (void)user;
}

static void charge_nothing(void *context, const cf_hash *user, int64_t points)
{
    (void)context, (void)user, (void)points;
}

static bool hear_all(void *context, const cf_hash *user)
{
    (void)context, (void)user;
    return true;
}

static uint64_t wait_never(void *context, const cf_hash *user)
{
    (void)context, (void)user;
    return 0;
}

static void note_nothing(void *context, const cf_audit_event *event)
{
    (void)context, (void)event;
}

static void ignore_session(void *context, const cf_session *session)
{
    (void)context, (void)session;
}

static void ignore_clock(void *context, int64_t later_ms)
{
    (void)context, (void)later_ms;
}

static uint64_t do_nothing(void *context)
{
    (void)context;
    return UINT64_MAX;
}

const cf_policy cf_policy_none = {
    .commands = refused,
    .command_count = sizeof refused / sizeof *refused,
    .knock = turn_away,
    .end_leases = end_no_leases,
    .may_publish = always_publish,
    .published = published_uncounted,
    .may_put = always_put,
    .was_put = put_uncounted,
    .make_room = make_no_room,
    .set_aside = ignore_user,
    .charge = charge_nothing,
    .is_heard = hear_all,
    .wait_ms = wait_never,
    .note = note_nothing,
    .greeted = ignore_session,
    .ending = ignore_session,
    .members_changed = ignore_user,
    .expelled = ignore_user,
    .clock_set = ignore_clock,
    .begin_round = do_nothing,
    .end_round = do_nothing,
};
