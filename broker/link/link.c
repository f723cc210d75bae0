/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/link.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/link/link_inside.h"
#include "codec/clock.h"
#include "codec/deadlines.h"
#include "codec/limits.h"

enum {
    RETRY_MS = 500,
    RETRY_MS_MAX = 9000, /* where there may be an answer at any time */
    DENIED_RETRY_MS_MAX = 60000,
    HASTY_MS = 2000,
    DISTRUSTED_MS = 3000,
    UNASKED_MAX = 16, /* words that nobody asked for, while something else is awaited */
    EVADED_MS = 2 * CF_REQUEST_TIMEOUT_MS,
    CHECK_MS = 5000, /* that who asks whether all is in sync waits for a session that may be dead */
};

static cf_sends sends(const cf_link_options *options)
{
    return options->only_takes     ? CF_SENDS_NOTHING
           : options->only_members ? CF_SENDS_MEMBERS
                                   : CF_SENDS_ALL;
}

cf_link *cf_link_new(const cf_link_options *options)
{
    cf_link *link = cf_allocate(1, sizeof *link);

    assert(options->store || options->knock.size);
    link->options = *options;
    if (!link->options.credit)
        link->options.credit = CF_WINDOW;
    cf_buffer_append(&link->knock, options->knock.data, options->knock.size);
    link->options.knock = cf_buffer_view(&link->knock);
    link->transfer = cf_transfer_new(&link->options.events.blobs, link->options.events.context);
    if (options->store) {
        link->outgoing = cf_outgoing_new(options->store, &options->user, sends(options));
        cf_outgoing_withhold(link->outgoing, options->withholds, options->events.context);
    }
    link->guests = cf_guests_new();
    return link;
}

void cf_link_destroy(cf_link **link)
{
    if (!*link)
        return;
    cf_transfer_destroy(&(*link)->transfer);
    cf_outgoing_destroy(&(*link)->outgoing);
    cf_guests_destroy(&(*link)->guests);
    cf_heads_release(&(*link)->theirs);
    cf_heads_release(&(*link)->member_heads);
    cf_heads_release(&(*link)->owed);
    cf_heads_release(&(*link)->report);
    cf_arena_release(&(*link)->arena);
    cf_buffer_release(&(*link)->knock);
    free((*link)->collections.at);
    free((*link)->questions);
    free((*link)->asked);
    free((*link)->theirs_here);
    free((*link)->paused);
    free(*link);
    *link = NULL;
}

static void begin_anew(cf_link *link)
{
    link->state = CF_LINK_PAUSED;
    link->retry_ms = 0;
}

static void forget_came(cf_link *link)
{
    if (link->outgoing)
        cf_outgoing_forget_came(link->outgoing);
}

void cf_link_begin_anew(cf_link *link)
{
    begin_anew(link);
    forget_came(link);
}

void cf_link_start(cf_link *link)
{
    if (link->state == CF_LINK_STOPPED || link->state == CF_LINK_PAUSED)
        begin_anew(link);
}

void cf_link_stop(cf_link *link)
{
    link->state = CF_LINK_STOPPED;
    link->attempts = 0;
    forget_came(link);
}

bool cf_link_is_connected(const cf_link *link)
{
    return link->state == CF_LINK_SUBSCRIBING || link->state == CF_LINK_LIVE;
}

bool cf_link_has_received(const cf_link *link)
{
    return link->state == CF_LINK_LIVE && link->owed.count == 0 && link->uncommitted == 0 &&
           !link->places;
}

bool cf_link_is_idle(const cf_link *link)
{
    return cf_link_has_received(link) && !cf_link_is_kept_back(link) &&
           cf_outgoing_is_done(link->outgoing) && cf_transfer_is_idle(link->transfer) &&
           cf_link_asking_is_idle(link);
}

bool cf_link_waits_for_room(const cf_link *link)
{
    return link->outgoing && cf_outgoing_waits_for_room(link->outgoing);
}

void cf_link_try_room(cf_link *link)
{
    if (link->state != CF_LINK_LIVE || link->options.only_asks)
        return;
    cf_outgoing_try_room(link->outgoing);
    cf_transfer_try_room(link->transfer);
}

bool cf_link_lacks_room(const cf_link *link)
{
    return cf_link_has_received(link) && cf_link_asking_is_idle(link) &&
           cf_transfer_lacks_room(link->transfer) &&
           (cf_outgoing_lacks_room(link->outgoing) || cf_outgoing_is_done(link->outgoing)) &&
           !(cf_outgoing_is_done(link->outgoing) && cf_transfer_is_idle(link->transfer));
}

bool cf_link_is_unanswered(const cf_link *link)
{
    if (link->state != CF_LINK_LIVE)
        return link->state > CF_LINK_PAUSED && !link->knock_ms;
    return cf_transfer_is_waiting(link->transfer) || cf_outgoing_is_waiting(link->outgoing) ||
           !cf_link_is_checked(link) || cf_guests_is_waiting(link->guests) ||
           !cf_link_asking_is_idle(link) ||
           (link->owed.count && !link->uncommitted && !cf_link_is_any_paused(link));
}

size_t cf_link_owed(const cf_link *link)
{
    return link->state == CF_LINK_LIVE ? link->owed.count : 0;
}

void cf_link_subscribe(cf_link *link, const cf_id *collections, size_t count)
{
    assert(count <= CF_COLLECTIONS_MAX - 2);
    link->collections.count = 0;
    cf_ids_add(&link->collections, &cf_member_log_id);
    cf_ids_add(&link->collections, &cf_catalog_id);
    cf_ids_add_all(&link->collections, collections, count);
    cf_ids_sort(&link->collections);
    if (cf_link_is_connected(link))
        begin_anew(link);
}

void cf_link_confine(cf_link *link, const cf_id *collections, size_t count)
{
    const bool is_said = link->state > CF_LINK_PAUSED; /* HELLO, with or without CONFINE */

    link->is_confined = collections != NULL;
    if (collections)
        cf_link_subscribe(link, collections, count);
    else
        link->collections.count = 0;
    if (is_said)
        begin_anew(link);
}

void cf_link_publish(cf_link *link)
{
    cf_outgoing_wake(link->outgoing);
    if (link->state == CF_LINK_PAUSED && link->hasty_ms < link->retry_ms)
        link->retry_ms = link->hasty_ms;
}

void cf_link_credit(cf_link *link, size_t size)
{
    assert(size <= link->uncommitted);
    link->uncommitted -= size;
    link->credit_due += size;
    cf_outgoing_wake(link->outgoing); /* what is committed now came from the other */
}

void cf_link_distrust(cf_link *link, const cf_hash *entry)
{
    cf_outgoing_forget_entry(link->outgoing, entry);
    link->is_distrusted = true;
}

void cf_link_publish_without(cf_link *link, const cf_hash *blob)
{
    cf_outgoing_without(link->outgoing, blob);
}

void cf_link_await_blobs(cf_link *link, bool awaits)
{
    link->awaits_blobs = awaits;
}

cf_transfer *cf_link_transfer(cf_link *link)
{
    return link->transfer;
}

void cf_link_guest(cf_link *link, const cf_hash *guest_key, uint64_t expires_ms)
{
    cf_guests_allow(link->guests, guest_key, expires_ms);
}

void cf_link_guest_end(cf_link *link, const cf_hash *guest_key)
{
    cf_guests_allow(link->guests, guest_key, 0);
}

void cf_link_admit(cf_link *link, const cf_hash *guest_key, cf_bytes sealed)
{
    cf_guests_admit(link->guests, guest_key, sealed);
}

uint64_t cf_link_session(const cf_link *link)
{
    return link->state > CF_LINK_PAUSED ? link->sessions : 0;
}

uint64_t cf_link_expects(const cf_link *link)
{
    uint64_t credit = link->options.credit, used = link->uncommitted + link->credit_due;

    if (!cf_link_is_connected(link))
        return 0;
    return (credit > used ? credit - used : 0) + cf_transfer_expects(link->transfer);
}

bool cf_link_beat(cf_link *link, cf_outbox *outbox)
{
    if (link->state != CF_LINK_LIVE)
        return false;
    cf_link_say_locate(link, outbox);
    return true;
}

bool cf_link_is_of_newcomer(const cf_link *link)
{
    return link->options.knock.size > 0;
}

void cf_link_moved(cf_link *link, uint64_t now_ms)
{
    link->heard_ms = now_ms;
}

void cf_link_heard(cf_link *link)
{
    link->heard_at_ms = cf_env_now_ms(link->options.env);
}

uint64_t cf_link_heard_at(const cf_link *link)
{
    return link->heard_at_ms;
}

void cf_link_carries(cf_link *link, uint64_t step, uint64_t window, uint64_t entry)
{
    link->step = step;
    link->window = window;
    link->entry = entry;
    if (link->outgoing)
        cf_outgoing_carries(link->outgoing, window);
}

void cf_link_brings(cf_link *link, uint64_t step, uint64_t window)
{
    cf_transfer_brings(link->transfer, step, window);
}

bool cf_link_fetches(const cf_link *link)
{
    return link->state == CF_LINK_LIVE && cf_transfer_fetches(link->transfer);
}

void cf_link_without(cf_link *link, cf_command command, uint64_t until_ms)
{
    link->unknown.until_ms[command] = until_ms;
    if (command == CF_COMMAND_FETCH)
        cf_transfer_without_fetch(link->transfer, until_ms);
}

bool cf_link_is_without(const cf_link *link, cf_command command, uint64_t now_ms)
{
    return cf_unknown_is(&link->unknown, command, now_ms);
}

bool cf_link_moves_contents(const cf_link *link)
{
    return link->state == CF_LINK_LIVE && cf_transfer_is_waiting(link->transfer);
}

void cf_link_limit(cf_link *link, uint64_t up, uint64_t down)
{
    cf_transfer_limit(link->transfer, up, down);
}

bool cf_link_is_held_back(const cf_link *link)
{
    return link->state == CF_LINK_LIVE && cf_transfer_is_held_back(link->transfer);
}

uint64_t cf_link_entry_position(const cf_link *link)
{
    return link->entry_position;
}

uint64_t cf_link_entry_size(const cf_link *link)
{
    return link->entry ? link->entry : CF_PART_SIZE;
}

/* Twice as long after each failure, and never two links at once. */
static uint64_t delay_ms(cf_link *link, bool is_interrupted)
{
    const cf_env *env = link->options.env;
    const uint64_t most = is_interrupted ? RETRY_MS_MAX : DENIED_RETRY_MS_MAX;
    uint64_t delay = (uint64_t)RETRY_MS << (link->attempts < 7 ? link->attempts : 7);
    uint8_t random[8];

    link->attempts++;
    env->random(env->context, random, sizeof random);
    if (delay > most)
        delay = most;
    return delay / 2 + cf_get_u64(random) % (delay / 2);
}

bool cf_link_is_interrupted(const cf_link_loss *loss)
{
    return !loss->was_put_off &&
           (loss->why->status == CF_UNREACHABLE || loss->why->status == CF_CHANGED);
}

void cf_link_lose(cf_link *link, const cf_error *why, uint64_t now_ms)
{
    const cf_link_events *events = &link->options.events;

    link->state = CF_LINK_PAUSED;
    cf_link_loss loss = {
        .why = why, .was_put_off = link->was_put_off, .was_removed = link->was_removed};
    link->was_put_off = link->was_removed = false;
    link->retry_ms = loss.retry_ms = now_ms + delay_ms(link, cf_link_is_interrupted(&loss));
    link->hasty_ms = cf_link_is_interrupted(&loss) ? now_ms + HASTY_MS : link->retry_ms;
    events->lost(events->context, &loss);
}

void cf_link_disconnected(cf_link *link, const cf_error *why, uint64_t now_ms)
{
    if (cf_link_session(link))
        cf_link_lose(link, why, now_ms);
}

static void begin_waiting(cf_link *link, uint64_t now_ms)
{
    link->heard_ms = link->answered_ms = now_ms;
    link->idle_words = 0;
}

/* Answers that nobody waits for, and commands that nobody knows: no sign that who sends them does
 * what it was asked. */
static bool is_idle_word(const cf_link *link, cf_command command)
{
    return (command == CF_COMMAND_ENDPOINTS && !link->locates_out) ||
           (command == CF_COMMAND_CLOCK && !cf_unknown_is_out(&link->unknown, command)) ||
           (command == CF_COMMAND_CHECKPOINTS && link->checkpointing != CF_LINK_SAID) ||
           ((command == CF_COMMAND_REPORTED || command == CF_COMMAND_HOLDS ||
             command == CF_COMMAND_ENDS) &&
            link->reporting != CF_LINK_SAID && link->asking != CF_LINK_SAID);
}

static void note_word(cf_link *link, bool is_idle, uint64_t now_ms)
{
    if (is_idle && link->idle_words <= UNASKED_MAX)
        link->idle_words++;
    else if (!is_idle) {
        link->idle_words = 0;
        link->answered_ms = now_ms;
    }
}

/* It talks, and does not answer. */
static bool is_evasive(const cf_link *link)
{
    return link->idle_words > UNASKED_MAX;
}

void cf_link_handle(cf_link *link, const cf_bytes *frames, size_t count, uint64_t now_ms,
                    cf_outbox *outbox)
{
    cf_message message;
    cf_error error = {0};

    if (!cf_link_session(link))
        return;
    link->heard_ms = now_ms;
    cf_link_heard(link);
    for (size_t i = 0; i < count; i++)
        cf_transfer_passed(link->transfer, 0, frames[i].size);
    cf_arena_release(&link->arena);
    cf_status status = cf_message_read(frames, count, &link->arena, &message, &error);
    note_word(link, status ? status == CF_DENIED : is_idle_word(link, message.command), now_ms);
    if (status == CF_DENIED) /* a command of a newer version */
        return;
    if (!status)
        status = cf_link_receive(link, &message, now_ms, outbox, &error);
    if (status && cf_link_session(link))
        cf_link_lose(link, &error, now_ms);
}

static void begin(cf_link *link, uint64_t now_ms, cf_outbox *outbox)
{
    cf_outbox_discard(outbox, (cf_bytes){0});
    link->sessions++;
    link->is_distrusted = false;
    link->checking = CF_LINK_NOTHING;
    begin_waiting(link, now_ms);
    cf_link_greet(link, now_ms, outbox);
}

static void grant(cf_link *link, cf_outbox *outbox)
{
    cf_message message = {.command = CF_COMMAND_CREDIT, .credit = {.bytes = link->credit_due}};

    if (!link->credit_due)
        return;
    cf_outbox_add(outbox, (cf_bytes){0}, &message);
    link->credit_due = 0;
}

static void note_offers(cf_link *link)
{
    const bool is_offering = link->awaits_blobs || cf_transfer_is_offering(link->transfer);

    if (link->was_offering && !is_offering)
        cf_outgoing_blobs_changed(link->outgoing);
    link->was_offering = is_offering;
}

/* Contents take what entries leave of the line. */
static void pump_contents(cf_link *link, uint64_t now_ms, cf_outbox *outbox)
{
    const uint64_t entries = link->outgoing ? cf_outgoing_sent(link->outgoing) : 0;

    if (link->window)
        cf_transfer_carries(link->transfer, link->step,
                            entries < link->window ? link->window - entries : 1);
    cf_transfer_pump(link->transfer, now_ms, outbox);
}

static cf_status pump(cf_link *link, uint64_t now_ms, cf_outbox *outbox, cf_error *error)
{
    const bool begins_check = link->checking == CF_LINK_DUE;

    grant(link, outbox);
    cf_guests_pump(link->guests, cf_env_now_ms(link->options.env), outbox);
    cf_link_asking_pump(link, now_ms, outbox);
    if (begins_check)
        link->heard_ms = now_ms;
    cf_link_leases_pump(link, now_ms, outbox);
    if (link->options.only_asks)
        return CF_OK;
    note_offers(link);
    const size_t waiting = cf_outbox_size(outbox);
    const cf_status status =
        link->is_clock_off ? CF_OK : cf_outgoing_pump(link->outgoing, now_ms, outbox, error);
    cf_transfer_passed(link->transfer, cf_outbox_size(outbox) - waiting, 0);
    if (!status)
        pump_contents(link, now_ms, outbox);
    return status;
}

static uint64_t patience_ms(const cf_link *link)
{
    return link->is_distrusted && link->owed.count ? DISTRUSTED_MS
           : link->checking == CF_LINK_SAID        ? CHECK_MS
                                                   : CF_LINK_PATIENCE_MS;
}

/* What is waited for did not come. */
static void give_up(cf_link *link, uint64_t now_ms)
{
    unsigned seconds = (unsigned)(patience_ms(link) / 1000);
    cf_error error;

    if (link->state == CF_LINK_LIVE && link->owed.count)
        cf_fail(&error, CF_UNREACHABLE,
                "no answer for %u seconds: it names entries (%zu heads) that it does not send",
                seconds, link->owed.count);
    else if (is_evasive(link) && now_ms < link->heard_ms + patience_ms(link))
        cf_fail(&error, CF_UNREACHABLE,
                "no answer for %u seconds: it sends what nobody asked for, and does not what it is "
                "asked",
                EVADED_MS / 1000);
    else if (link->checking == CF_LINK_SAID) /* another connection may do */
        cf_fail(&error, CF_CHANGED, "no answer for %u seconds", seconds);
    else
        cf_fail(&error, CF_UNREACHABLE, "no answer for %u seconds", seconds);
    cf_link_lose(link, &error, now_ms);
}

static void tell_idle(cf_link *link)
{
    bool idle = cf_link_is_idle(link);

    if (idle)
        link->attempts = 0;
    if (idle && !link->idle_told)
        link->options.events.idle(link->options.events.context);
    link->idle_told = idle;
}

/* When what is waited for should have come. */
static uint64_t answer_due(const cf_link *link)
{
    const uint64_t due_ms = link->heard_ms + patience_ms(link);

    return is_evasive(link) ? cf_deadline_earlier(due_ms, link->answered_ms + EVADED_MS) : due_ms;
}

static uint64_t deadline(const cf_link *link, uint64_t now_ms)
{
    uint64_t next = UINT64_MAX;

    if (link->state == CF_LINK_STOPPED)
        return UINT64_MAX;
    if (link->state == CF_LINK_PAUSED)
        return link->retry_ms;
    if (link->state == CF_LINK_KNOCKING && link->knock_ms)
        return link->knock_ms;
    if (cf_link_is_unanswered(link))
        next = answer_due(link);
    if (cf_link_is_any_paused(link))
        cf_deadline_lower(&next, link->paused_ms + CF_LINK_PAUSED_MS);
    if (link->state != CF_LINK_LIVE)
        return next;
    cf_deadline_lower(&next, cf_transfer_deadline(link->transfer, now_ms));
    cf_deadline_lower(&next, cf_outgoing_deadline(link->outgoing, now_ms));
    return next;
}

/* An owner that was busy beyond the deadline has not looked yet at what came meanwhile. */
static void excuse_silence(cf_link *link, uint64_t now_ms)
{
    uint64_t patience = patience_ms(link);

    if (link->due_ms && now_ms > link->due_ms && now_ms - link->due_ms >= CF_DEADLINE_LATE_MS &&
        now_ms + CF_DEADLINE_GRACE_MS > link->heard_ms + patience)
        link->heard_ms = now_ms + CF_DEADLINE_GRACE_MS - patience;
}

uint64_t cf_link_tick(cf_link *link, uint64_t now_ms, cf_outbox *outbox)
{
    const cf_message over = {.command = CF_COMMAND_PAUSED};
    cf_error error = {0};

    excuse_silence(link, now_ms);
    if (link->state == CF_LINK_PAUSED && now_ms >= link->retry_ms)
        begin(link, now_ms, outbox);
    if (link->state == CF_LINK_KNOCKING && link->knock_ms && now_ms >= link->knock_ms) {
        link->heard_ms = now_ms;
        cf_link_knock(link, outbox);
    }
    if (cf_link_is_any_paused(link) && now_ms >= link->paused_ms + CF_LINK_PAUSED_MS)
        cf_link_take_paused(link, &over, now_ms); /* whatever it says, it owes */
    if (!link->waits || !cf_link_is_unanswered(link))
        begin_waiting(link, now_ms);
    if (link->state == CF_LINK_LIVE && pump(link, now_ms, outbox, &error))
        cf_link_lose(link, &error, now_ms);
    link->waits = cf_link_is_unanswered(link);
    if (cf_link_is_unanswered(link) && now_ms >= answer_due(link))
        give_up(link, now_ms);
    tell_idle(link);
    return link->due_ms = deadline(link, now_ms);
}
