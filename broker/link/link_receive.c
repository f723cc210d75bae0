/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives at a link: which state takes which command, what follows from each, and which
 * request a REFUSED answers. Of an entry only form and user are checked, and whether the store has
 * the entry already; the owner judges. */
#include "broker/link/link_inside.h"

#include <inttypes.h>

#include "codec/address.h"
#include "codec/clock.h"
#include "codec/limits.h"

enum { KNOCK_AGAIN_MS = 2000 };

static cf_status spoiled(cf_link *link, const cf_message *message, cf_error *error)
{
    const cf_link_events *events = &link->options.events;

    if (!events->spoiled) {
        cf_error_while(error, "the entry at position %" PRIu64, message->entry.position);
        return error->status = CF_MALFORMED;
    }
    link->is_distrusted = true;
    link->credit_due += message->entry.entry.size;
    events->spoiled(events->context, message->entry.position, error);
    return CF_OK;
}

static cf_status on_entry(cf_link *link, const cf_message *message, cf_error *error)
{
    const cf_link_events *events = &link->options.events;
    cf_store *store = link->options.store;
    cf_bytes wire = message->entry.entry;
    uint64_t position = 0;
    cf_entry entry;

    cf_status status = cf_entry_read(wire, &link->arena, &entry, error);
    if (status)
        return spoiled(link, message, error);
    if (!cf_hash_equal(&entry.header.user, &link->options.user))
        return cf_fail(error, CF_MALFORMED, "ENTRY of another user");
    cf_head head = cf_head_of(&entry);
    cf_heads_remove(&link->owed, &head);
    link->checks_again = link->checking == CF_LINK_SAID;
    status = store->find(store, &link->options.user, &head, &position, error);
    if (status && status != CF_MISSING)
        return status;
    bool is_beyond = link->is_crowded && entry.header.type != CF_ENTRY_MEMBER;
    if (status == CF_OK || is_beyond || cf_outgoing_came(link->outgoing, &entry.hash)) {
        link->credit_due += wire.size;
        return CF_OK;
    }
    link->uncommitted += wire.size;
    link->entry_position = message->entry.position;
    events->entry(events->context, &entry);
    return CF_OK;
}

static cf_status status_of_code(cf_bytes code)
{
    const bool is_not_understood = cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_MALFORMED)) ||
                                   cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_VERSION));

    return is_not_understood ? CF_MALFORMED : CF_DENIED;
}

static void why_of(const cf_message *refused, cf_error *why)
{
    cf_fail(why, refused->refused.later ? CF_FULL : status_of_code(refused->refused.code), "%.*s",
            (int)refused->refused.text.size, (const char *)refused->refused.text.data);
}

static void publish_refused(cf_link *link, const cf_message *message, uint64_t now_ms)
{
    const cf_link_events *events = &link->options.events;
    cf_link_refusal refusal = {.never = !message->refused.later,
                               .code = message->refused.code,
                               .text = message->refused.text};

    if (cf_outgoing_refused(link->outgoing, message, now_ms, &refusal.entry))
        events->refused(events->context, &refusal);
}

static void guest_refused(cf_link *link, const cf_message *message)
{
    const cf_link_events *events = &link->options.events;
    cf_hash key;
    cf_error why;

    if (message->refused.name.size != sizeof key.bytes)
        return;
    memcpy(key.bytes, message->refused.name.data, sizeof key.bytes);
    why_of(message, &why);
    if (cf_guests_answered(link->guests, &key, true) && events->guest)
        events->guest(events->context, &key, &why);
}

/* A newcomer knocks only where what it publishes then would be understood, and taken: what a KNOCK
 * spends is spent.
 * One from before there was CLOCK says nothing of its time. */
static void compared(cf_link *link, const cf_message *answer, cf_outbox *outbox)
{
    const cf_link_events *events = &link->options.events;
    const bool tells = answer->command == CF_COMMAND_CLOCK;
    cf_error why;

    if (tells && answer->clock.version != CF_PROTOCOL_VERSION) {
        cf_link_fail_version(answer->clock.version, &why);
        cf_link_stop(link);
        events->turned_away(events->context, &why);
        return;
    }
    const int64_t difference =
        tells ? cf_clock_difference_ms(answer->clock.now_ms, cf_env_now_ms(link->options.env)) : 0;
    if (!cf_clock_is_off(difference)) {
        cf_link_knock(link, outbox);
        return;
    }
    cf_link_stop(link);
    events->clock_off(events->context, difference);
}

/* Nobody is there who could answer: the same bytes again in a while. */
static void knock_refused(cf_link *link, const cf_message *message, uint64_t now_ms)
{
    const cf_link_events *events = &link->options.events;
    cf_error why;

    if (link->state != CF_LINK_KNOCKING)
        return;
    why_of(message, &why);
    if (message->refused.later) {
        link->knock_ms = now_ms + KNOCK_AGAIN_MS;
        events->put_off(events->context, &why);
        return;
    }
    cf_link_stop(link);
    events->turned_away(events->context, &why);
}

static bool refuses(const cf_message *message, cf_command command)
{
    return cf_bytes_equal(message->refused.request, cf_bytes_of_text(cf_command_name(command)));
}

/* What the other doesn't know is refused without its name. */
static bool refuses_nameless(const cf_message *message)
{
    return !message->refused.request.size &&
           cf_bytes_equal(message->refused.code, cf_bytes_of_text(CF_REFUSED_UNSUPPORTED));
}

static bool refuses_unknown(cf_link *link, const cf_message *message, uint64_t now_ms)
{
    const cf_link_events *events = &link->options.events;
    cf_command which;

    if (!refuses_nameless(message))
        return false;
    (cf_transfer_tries_fetch(link->transfer) ? cf_unknown_said : cf_unknown_answered)(
        &link->unknown, CF_COMMAND_FETCH);
    if (!cf_unknown_refused(&link->unknown, now_ms, &which))
        return false;
    if (which == CF_COMMAND_FETCH)
        cf_transfer_fetch_unsupported(link->transfer, now_ms + CF_UNKNOWN_FOR_MS);
    else if (which == CF_COMMAND_CHECKPOINT)
        cf_link_checkpoint_unsupported(link);
    else if (which == CF_COMMAND_CHAINS)
        cf_link_asking_unsupported(link);
    if (events->unsupported)
        events->unsupported(events->context, which);
    return true;
}

static cf_status on_refused(cf_link *link, const cf_message *message, uint64_t now_ms,
                            cf_error *error)
{
    if (refuses(message, CF_COMMAND_KNOCK)) {
        knock_refused(link, message, now_ms);
        return CF_OK;
    }
    if (refuses(message, CF_COMMAND_HELLO) || link->state == CF_LINK_GREETING ||
        refuses(message, CF_COMMAND_SUBSCRIBE)) {
        link->was_removed =
            cf_bytes_equal(message->refused.code, cf_bytes_of_text(CF_REFUSED_REMOVED));
        link->was_put_off = message->refused.later;
        why_of(message, error);
        if (link->was_put_off)
            error->status = CF_UNREACHABLE;
        return error->status;
    }
    if (refuses_unknown(link, message, now_ms) || link->state != CF_LINK_LIVE)
        return CF_OK;
    if (refuses(message, CF_COMMAND_LOCATE))
        cf_link_located(link);
    bool refuses_question = refuses(message, CF_COMMAND_LOCATE) && link->asking == CF_LINK_SAID;
    if (!message->refused.request.size || refuses_question)
        cf_link_asking_unsupported(link);
    if (refuses(message, CF_COMMAND_PUBLISH))
        publish_refused(link, message, now_ms);
    else if (refuses(message, CF_COMMAND_GUEST))
        guest_refused(link, message);
    else if (refuses(message, CF_COMMAND_LOCK) || refuses(message, CF_COMMAND_RENEW) ||
             refuses(message, CF_COMMAND_UNLOCK) || refuses(message, CF_COMMAND_LOCKS))
        cf_link_lease_answered(link, message);
    else if (refuses(message, CF_COMMAND_PUT) || refuses(message, CF_COMMAND_GET) ||
             refuses(message, CF_COMMAND_FETCH))
        return cf_transfer_handle(link->transfer, message, now_ms, error);
    return CF_OK;
}

/* Something got through. A session in which nothing does is one more try that failed, however well
 * it was greeted. */
static void note_progress(cf_link *link, const cf_message *message, uint64_t progress)
{
    if (message->command == CF_COMMAND_ENTRY || message->command == CF_COMMAND_ACCEPTED ||
        message->command == CF_COMMAND_STORED || message->command == CF_COMMAND_BLOB ||
        cf_transfer_progress(link->transfer) != progress)
        link->attempts = 0;
}

/* In a session that is live, or that is about to be: the other begins to send with SUBSCRIBED. */
static cf_status receive_live(cf_link *link, const cf_message *message, uint64_t now_ms,
                              cf_error *error)
{
    const cf_link_events *events = &link->options.events;

    switch (message->command) {
    case CF_COMMAND_ENTRY:
        return on_entry(link, message, error);
    case CF_COMMAND_ACCEPTED:
        if (cf_outgoing_accepted(link->outgoing, &message->accepted.head))
            events->accepted(events->context, &message->accepted.head);
        return CF_OK;
    case CF_COMMAND_WANTED:
        events->wanted(events->context, message->wanted.ids, message->wanted.id_count);
        return CF_OK;
    case CF_COMMAND_MISSING:
    case CF_COMMAND_STORED:
    case CF_COMMAND_BLOB:
    case CF_COMMAND_ABSENT:
        return cf_transfer_handle(link->transfer, message, now_ms, error);
    case CF_COMMAND_HOLDS:
        if (cf_link_placed(link, message, error))
            return error->status;
        cf_link_answered(link, message);
        return CF_OK;
    case CF_COMMAND_ENDPOINTS:
    case CF_COMMAND_REPORTED:
    case CF_COMMAND_ENDS:
    case CF_COMMAND_CHECKPOINTS:
        cf_link_answered(link, message);
        return CF_OK;
    case CF_COMMAND_GUEST:
        if (cf_guests_answered(link->guests, &message->guest.key, false) && events->guest)
            events->guest(events->context, &message->guest.key, NULL);
        return CF_OK;
    case CF_COMMAND_KNOCK:
        if (events->knock)
            events->knock(events->context, &message->knock.key, message->knock.sealed);
        return CF_OK;
    case CF_COMMAND_CLOCK:
        cf_unknown_answered(&link->unknown, CF_COMMAND_CLOCK);
        return CF_OK;
    case CF_COMMAND_PAUSED:
        cf_link_take_paused(link, message, now_ms);
        return CF_OK;
    case CF_COMMAND_LEASE:
    case CF_COMMAND_BUSY:
    case CF_COMMAND_LEASES:
        cf_link_lease_answered(link, message);
        return CF_OK;
    default: /* of no concern to this link */
        return CF_OK;
    }
}

/* CONFINED, or what a broker says that doesn't know CONFINE: it names all heads. */
static cf_status on_confined(cf_link *link, bool is_known, cf_error *error)
{
    if (link->state != CF_LINK_GREETING || !link->awaits_confined)
        return cf_fail(error, CF_MALFORMED, "CONFINED to nobody's CONFINE");
    link->awaits_confined = false;
    link->is_told_these = is_known;
    return CF_OK;
}

static cf_status on_again(cf_link *link, cf_error *error)
{
    if (link->state == CF_LINK_GREETING && link->awaits_confined)
        return on_confined(link, false, error);
    if (link->state == CF_LINK_KNOCKING)
        return cf_fail(error, CF_DENIED, "the broker does not know this code, or not yet");
    return cf_fail(error, CF_CHANGED, "the broker wants a new session");
}

static cf_status on_admit(cf_link *link, const cf_message *message, cf_error *error)
{
    const cf_link_events *events = &link->options.events;

    if (link->state != CF_LINK_KNOCKING)
        return cf_fail(error, CF_MALFORMED, "ADMIT to nobody's KNOCK");
    cf_link_stop(link);
    events->admit(events->context, message->admit.sealed);
    return CF_OK;
}

static cf_status receive(cf_link *link, const cf_message *message, uint64_t now_ms, cf_error *error)
{
    const uint64_t progress = cf_transfer_progress(link->transfer);

    cf_status status = receive_live(link, message, now_ms, error);
    if (!status)
        note_progress(link, message, progress);
    return status;
}

/* The error says where the user is now, as far as that can be read. */
static cf_status on_moved(cf_link *link, const cf_message *message, cf_error *error)
{
    const cf_bytes endpoint = message->moved.endpoint;
    char text[CF_ADDRESS_TEXT] = "";
    cf_address address;
    cf_error ignored;

    if (link->options.events.moved)
        link->options.events.moved(link->options.events.context, endpoint);
    if (endpoint.size && endpoint.size < sizeof text)
        memcpy(text, endpoint.data, endpoint.size);
    if (cf_address_read(text, &address, &ignored))
        return cf_fail(error, CF_UNREACHABLE, "the user has moved to another broker");
    cf_address_write(&address, text);
    return cf_fail(error, CF_UNREACHABLE, "the user has moved to another broker, %s", text);
}

cf_status cf_link_receive(cf_link *link, const cf_message *message, uint64_t now_ms,
                          cf_outbox *outbox, cf_error *error)
{
    const bool compares = link->state == CF_LINK_COMPARING;

    if (compares && (message->command == CF_COMMAND_CLOCK || message->command == CF_COMMAND_AGAIN ||
                     message->command == CF_COMMAND_REFUSED)) {
        compared(link, message, outbox);
        return CF_OK;
    }
    switch (message->command) {
    case CF_COMMAND_AGAIN:
        return on_again(link, error);
    case CF_COMMAND_MOVED:
        return on_moved(link, message, error);
    case CF_COMMAND_REFUSED:
        return on_refused(link, message, now_ms, error);
    case CF_COMMAND_ADMIT:
        return on_admit(link, message, error);
    case CF_COMMAND_CONFINED:
        return on_confined(link, true, error);
    case CF_COMMAND_WELCOME:
        return cf_link_welcomed(link, message, outbox, error);
    case CF_COMMAND_SUBSCRIBED:
        return cf_link_subscribed(link, message, error);
    default:
        if (link->state != CF_LINK_LIVE && link->state != CF_LINK_SUBSCRIBING)
            return cf_fail(error, CF_MALFORMED, "%s before WELCOME",
                           cf_command_name(message->command));
        return receive(link, message, now_ms, error);
    }
}
