/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about leases on their way to the broker: a new session forgets those that were not
 * said, and their owner asks again. And what stands still while another device communicates alone:
 * whether a link is idle but for that, kept back, or locked out. */
#include "broker/link/link_inside.h"

typedef struct cf_lease_question {
    cf_message message;
    cf_lease_token token; /* where UNLOCK has one */
} question;

void cf_link_ask_lease(cf_link *link, const cf_message *message)
{
    question *it;

    it = cf_one_more(link->questions, link->question_count, link->question_capacity);
    it->message = *message;
    if (message->command == CF_COMMAND_UNLOCK && message->unlock.token)
        it->token = *message->unlock.token;
}

void cf_link_leases_begin(cf_link *link)
{
    link->question_count = 0;
    link->paused_count = 0;
}

void cf_link_leases_pump(cf_link *link, uint64_t now_ms, cf_outbox *outbox)
{
    for (size_t i = 0; i < link->question_count; i++) {
        question *it = &link->questions[i];

        if (it->message.command == CF_COMMAND_ALONE) { /* which has no answer where it is known */
            if (cf_unknown_is(&link->unknown, CF_COMMAND_ALONE, now_ms))
                continue;
            cf_unknown_said(&link->unknown, CF_COMMAND_ALONE);
        }
        if (it->message.command == CF_COMMAND_UNLOCK && it->message.unlock.token)
            it->message.unlock.token = &it->token;
        cf_outbox_add(outbox, (cf_bytes){0}, &it->message);
    }
    link->question_count = 0;
}

void cf_link_lease_answered(cf_link *link, const cf_message *answer)
{
    const cf_link_events *events = &link->options.events;

    if (events->lease)
        events->lease(events->context, answer);
}

void cf_link_token(cf_link *link, const cf_id *collection, const cf_lease_token *token)
{
    cf_outgoing_token(link->outgoing, collection, token);
}

void cf_link_locks_changed(cf_link *link)
{
    cf_outgoing_locks_changed(link->outgoing);
}

/* ---- While another communicates alone ---- */

void cf_link_take_paused(cf_link *link, const cf_message *message, uint64_t now_ms)
{
    const size_t count = message->paused.count;

    link->paused_ms = now_ms;
    link->paused = cf_grow(link->paused, &link->paused_capacity, count, sizeof *link->paused);
    if (count)
        memcpy(link->paused, message->paused.collections, count * sizeof *link->paused);
    link->paused_count = count;
    cf_link_lease_answered(link, message);
}

bool cf_link_is_any_paused(const cf_link *link)
{
    return link->state == CF_LINK_LIVE && link->paused_count > 0;
}

static const cf_paused *find_paused(const cf_link *link, const cf_id *collection)
{
    for (size_t i = 0; cf_link_is_any_paused(link) && i < link->paused_count; i++)
        if (cf_id_equal(&link->paused[i].collection, collection))
            return &link->paused[i];
    return NULL;
}

bool cf_link_is_paused(const cf_link *link, const cf_id *collection)
{
    return find_paused(link, collection) != NULL;
}

bool cf_link_is_kept_back(const cf_link *link)
{
    bool waits = link->owed.count > 0;

    for (size_t i = 0; !waits && i < link->paused_count; i++)
        waits = link->paused[i].waits;
    return waits && cf_link_is_any_paused(link);
}

bool cf_link_has_all_but_paused(const cf_link *link)
{
    return cf_link_has_received(link) || (cf_link_is_any_paused(link) && link->uncommitted == 0);
}

/* To which of them the heads belong that WELCOME named is not known: to any. */
bool cf_link_is_locked(const cf_link *link, const cf_id *collection)
{
    const cf_paused *paused = find_paused(link, collection);

    return cf_outgoing_is_locked(link->outgoing, collection) ||
           (paused && (paused->waits || link->owed.count > 0));
}

static bool whosever(void *context, const cf_id *collection)
{
    (void)context;
    (void)collection;
    return true;
}

bool cf_link_is_idle_in(const cf_link *link, const cf_id *collection)
{
    return cf_link_has_all_but_paused(link) &&
           !(collection && cf_link_is_locked(link, collection)) &&
           (cf_outgoing_is_done(link->outgoing) ||
            cf_outgoing_is_locked_out(link->outgoing, whosever, NULL)) &&
           cf_transfer_is_idle(link->transfer) && cf_link_asking_is_idle(link);
}

static bool is_heard_of(const cf_link *link,
                        bool (*is_anothers)(void *context, const cf_id *collection), void *context)
{
    bool heard = true;

    for (size_t i = 0; heard && i < link->paused_count; i++)
        heard = is_anothers(context, &link->paused[i].collection);
    return heard;
}

bool cf_link_is_locked_out(const cf_link *link,
                           bool (*is_anothers)(void *context, const cf_id *collection),
                           void *context)
{
    const bool is_kept_back = cf_link_is_kept_back(link) && is_heard_of(link, is_anothers, context);

    if (!(is_kept_back ? cf_link_has_all_but_paused(link) : cf_link_has_received(link)) ||
        !cf_transfer_is_idle(link->transfer) || !cf_link_asking_is_idle(link))
        return false;
    return cf_outgoing_is_done(link->outgoing)
               ? is_kept_back
               : cf_outgoing_is_locked_out(link->outgoing, is_anothers, context);
}
