/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/link_state.h"

typedef struct cf_lease_question {
    cf_message message;
    cf_lease_token token; /* where UNLOCK has one */
} question;

void cf_link_ask_lease(cf_link *link, const cf_message *message)
{
    question *it;

    link->questions = cf_grow(link->questions, &link->question_capacity, link->question_count + 1,
                              sizeof *link->questions);
    it = &link->questions[link->question_count++];
    it->message = *message;
    if (message->command == CF_COMMAND_UNLOCK && message->unlock.token)
        it->token = *message->unlock.token;
}

void cf_link_leases_begin(cf_link *link)
{
    link->question_count = 0;
}

void cf_link_leases_pump(cf_link *link, cf_outbox *outbox)
{
    for (size_t i = 0; i < link->question_count; i++) {
        question *it = &link->questions[i];

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

bool cf_link_is_locked(const cf_link *link, const cf_id *collection)
{
    return cf_outgoing_is_locked(link->outgoing, collection);
}
