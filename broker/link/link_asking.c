/* SPDX-License-Identifier: Apache-2.0 */
/* What a link says and asks beside the replay: what is applied here, and what there is elsewhere.
 */
#include "broker/link/link_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/limits.h"

void cf_link_report(cf_link *link, const cf_heads *applied)
{
    cf_heads_release(&link->report);
    cf_heads_add_new(&link->report, applied, NULL);
    link->reporting = CF_LINK_DUE;
}

void cf_link_ask(cf_link *link)
{
    free(link->asked);
    link->asked = NULL;
    link->asking = CF_LINK_DUE;
}

void cf_link_ask_chains(cf_link *link, const cf_hash *devices, size_t count)
{
    assert(count > 0 && count <= CF_CHAINS_DEVICES_MAX);
    cf_link_ask(link);
    link->asked = cf_allocate(count, sizeof *link->asked);
    memcpy(link->asked, devices, count * sizeof *devices);
    link->asked_count = count;
}

void cf_link_place(cf_link *link)
{
    cf_link_ask(link);
    link->places = true;
    link->placed = link->here_count = 0;
}

/* Kept in the order of their coming until all have come: sorting each page in would let small pages
 * cost much. */
cf_status cf_link_placed(cf_link *link, const cf_message *message, cf_error *error)
{
    const size_t count = message->holds.head_count;

    if (!link->places || link->asking != CF_LINK_SAID)
        return CF_OK;
    link->placed += count ? count : 1;
    if (link->placed > CF_HEADS_MAX)
        return cf_fail(error, CF_TOO_LARGE, "HOLDS names too many heads");
    if (!count || !cf_ids_has(&link->collections, &message->holds.collection))
        return CF_OK;
    link->theirs_here = cf_grow(link->theirs_here, &link->here_capacity, link->here_count + count,
                                sizeof *link->theirs_here);
    memcpy(link->theirs_here + link->here_count, message->holds.heads, count * sizeof(cf_head));
    link->here_count += count;
    return CF_OK;
}

/* What came meanwhile is not owed any more; what can't be looked up is, so that nobody takes it for
 * all. */
static void await_placed(cf_link *link)
{
    cf_store *store = link->options.store;
    size_t left = 0;
    uint64_t position;
    cf_error ignored;

    for (size_t i = 0; i < link->here_count; i++) {
        const cf_head *head = &link->theirs_here[i];

        if (store->find(store, &link->options.user, head, &position, &ignored) &&
            !cf_outgoing_has_come(link->outgoing, &head->hash))
            link->theirs_here[left++] = *head;
    }
    cf_heads_add(&link->owed, link->theirs_here, left);
    link->here_count = 0;
}

void cf_link_locate(cf_link *link)
{
    link->locates = true;
}

void cf_link_locate_first(cf_link *link)
{
    link->locates = link->awaits_located = true;
}

void cf_link_checkpoint(cf_link *link, const cf_checkpoint *checkpoint)
{
    link->checkpoint = *checkpoint;
    link->checkpointing = CF_LINK_DUE;
}

/* A session that is not live yet has still to hear what it asks for first. */
void cf_link_check(cf_link *link)
{
    if (link->checking == CF_LINK_SAID)
        link->checks_again = true;
    else if (link->state == CF_LINK_LIVE)
        link->checking = CF_LINK_DUE;
}

bool cf_link_is_checked(const cf_link *link)
{
    return link->checking == CF_LINK_NOTHING;
}

/* An answer to a LOCATE. All answers come in the order of the questions. */
void cf_link_located(cf_link *link)
{
    link->locates_out -= link->locates_out > 0;
    link->awaits_located &= link->locates_out > 0;
    if (link->checking == CF_LINK_SAID && !link->locates_out)
        link->checking = link->checks_again ? CF_LINK_DUE : CF_LINK_NOTHING;
}

void cf_link_say_locate(cf_link *link, cf_outbox *outbox)
{
    const cf_message locate = {.command = CF_COMMAND_LOCATE,
                               .locate = {.user = link->options.user}};

    cf_outbox_add(outbox, (cf_bytes){0}, &locate);
    link->locates_out++;
}

void cf_link_asking_begin(cf_link *link)
{
    link->locates = link->awaits_located = false;
    link->locates_out = 0;
    link->checkpointing = CF_LINK_NOTHING;
    link->checking = CF_LINK_NOTHING;
    if (link->places)
        link->asking = CF_LINK_NOTHING;
    link->places = false;
    if (link->reporting)
        link->reporting = CF_LINK_DUE;
    if (link->asking)
        link->asking = CF_LINK_DUE;
}

static void say_report(cf_link *link, cf_outbox *outbox)
{
    size_t said = 0;
    bool more;

    do {
        size_t left = link->report.count - said;

        more = left > CF_HEADS_PAGE;
        cf_message message = {.command = CF_COMMAND_REPORT,
                              .report = {.heads = link->report.heads + said,
                                         .head_count = more ? CF_HEADS_PAGE : left,
                                         .more = more}};
        cf_outbox_add(outbox, (cf_bytes){0}, &message);
        said += message.report.head_count;
    } while (more);
}

/* What is said by one command: not to who does not know that. */
static bool say(cf_link *link, const cf_message *message, uint64_t now_ms, cf_outbox *outbox)
{
    if (cf_unknown_is(&link->unknown, message->command, now_ms))
        return false;
    cf_outbox_add(outbox, (cf_bytes){0}, message);
    cf_unknown_said(&link->unknown, message->command);
    return true;
}

static void end_asking(cf_link *link)
{
    const cf_link_events *events = &link->options.events;

    link->asking = CF_LINK_NOTHING;
    if (link->places)
        await_placed(link);
    else if (events->answers.answered)
        events->answers.answered(events->context);
    link->places = false;
}

static void ask(cf_link *link, uint64_t now_ms, cf_outbox *outbox)
{
    const cf_message query = {.command = CF_COMMAND_QUERY},
                     chains = {.command = CF_COMMAND_CHAINS,
                               .chains = {.devices = link->asked, .count = link->asked_count}};

    if (link->asked && cf_unknown_is(&link->unknown, CF_COMMAND_CHAINS, now_ms)) {
        end_asking(link);
        return;
    }
    link->asking = CF_LINK_SAID;
    link->ended_count = 0;
    cf_link_say_locate(link, outbox);
    if (link->asked)
        say(link, &chains, now_ms, outbox);
    else
        cf_outbox_add(outbox, (cf_bytes){0}, &query);
}

void cf_link_asking_pump(cf_link *link, uint64_t now_ms, cf_outbox *outbox)
{
    if (link->reporting == CF_LINK_DUE && !link->places) {
        say_report(link, outbox);
        link->reporting = CF_LINK_SAID;
    }
    if ((link->locates || link->checking == CF_LINK_DUE) && link->asking != CF_LINK_DUE)
        cf_link_say_locate(link, outbox);
    if (link->checking == CF_LINK_DUE) {
        link->checking = CF_LINK_SAID;
        link->checks_again = false;
    }
    link->locates = false;
    if (link->lacking) {
        const cf_message lacking = {.command = CF_COMMAND_LACKING,
                                    .lacking = {.count = link->lacking}};

        say(link, &lacking, now_ms, outbox);
        link->lacking = 0;
    }
    if (link->checkpointing == CF_LINK_DUE) {
        const cf_message said = {.command = CF_COMMAND_CHECKPOINT, .checkpoint = link->checkpoint};

        link->checkpointing = say(link, &said, now_ms, outbox) ? CF_LINK_SAID : CF_LINK_NOTHING;
    }
    if (link->asking == CF_LINK_DUE)
        ask(link, now_ms, outbox);
}

bool cf_link_asking_is_idle(const cf_link *link)
{
    return link->reporting == CF_LINK_NOTHING && link->asking == CF_LINK_NOTHING &&
           link->checkpointing == CF_LINK_NOTHING && !link->awaits_located;
}

static void on_reported(cf_link *link, const cf_message *message)
{
    const cf_link_events *events = &link->options.events;

    if (link->asking != CF_LINK_SAID || link->asked) { /* the answer to a report */
        if (link->reporting == CF_LINK_SAID)
            link->reporting = CF_LINK_NOTHING;
        return;
    }
    if (events->answers.reported && !link->places)
        events->answers.reported(events->context, message->reported.device, message->reported.at_ms,
                                 message->reported.heads, message->reported.head_count);
    if (message->reported.more)
        return;
    end_asking(link);
}

static void on_ends(cf_link *link, const cf_message *message)
{
    const cf_link_events *events = &link->options.events;

    if (link->asking != CF_LINK_SAID || !link->asked ||
        !cf_hash_equal(&message->ends.device, &link->asked[link->ended_count]))
        return;
    if (events->answers.ends)
        events->answers.ends(events->context, &message->ends.device, message->ends.heads,
                             message->ends.head_count, message->ends.more);
    cf_unknown_answered(&link->unknown, CF_COMMAND_CHAINS);
    link->ended_count += !message->ends.more;
    if (link->ended_count < link->asked_count)
        return;
    end_asking(link);
}

/* Those that nobody asked for say nothing. */
static void on_checkpoints(cf_link *link, const cf_message *message)
{
    const cf_link_events *events = &link->options.events;

    if (link->checkpointing != CF_LINK_SAID)
        return;
    link->checkpointing = CF_LINK_NOTHING;
    cf_unknown_answered(&link->unknown, CF_COMMAND_CHECKPOINT);
    if (events->checkpoints)
        events->checkpoints(events->context, message->checkpoints.at, message->checkpoints.count);
}

void cf_link_answered(cf_link *link, const cf_message *message)
{
    const cf_link_events *events = &link->options.events;

    if (message->command == CF_COMMAND_ENDPOINTS)
        cf_link_located(link);
    if (message->command == CF_COMMAND_REPORTED)
        on_reported(link, message);
    else if (message->command == CF_COMMAND_ENDS)
        on_ends(link, message);
    else if (message->command == CF_COMMAND_CHECKPOINTS)
        on_checkpoints(link, message);
    else if (message->command == CF_COMMAND_HOLDS && events->answers.holds && !link->places)
        events->answers.holds(events->context, &message->holds.collection, message->holds.heads,
                              message->holds.head_count);
    else if (message->command == CF_COMMAND_ENDPOINTS && events->answers.located)
        events->answers.located(events->context, message->endpoints.instance,
                                message->endpoints.position, message->endpoints.endpoints,
                                message->endpoints.endpoint_count);
}

void cf_link_lacking(cf_link *link, uint64_t count)
{
    link->lacking = count;
}

void cf_link_checkpoint_unsupported(cf_link *link)
{
    link->checkpointing = CF_LINK_NOTHING;
}

void cf_link_asking_unsupported(cf_link *link)
{
    const bool asked = link->asking == CF_LINK_SAID;

    link->reporting = link->asking = link->checking = CF_LINK_NOTHING;
    if (asked)
        end_asking(link);
}
