/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/leases/contest.h"
#include "tests/support/frames.h"

#include "broker/leases/leases_pack.h"

#include <string.h>

static bool is_same(cf_lease_token a, cf_lease_token b)
{
    return a.generation == b.generation && a.counter == b.counter;
}

static bool is_later(cf_lease_token a, cf_lease_token b)
{
    return a.generation > b.generation || (a.generation == b.generation && a.counter > b.counter);
}

bool contest_was_on_disk(const contest *self, const contender *who)
{
    static const cf_id whole;
    cf_leases *leases = cf_leases_new();
    cf_lease_held by;
    cf_error error;

    if (self->record.size)
        expect_ok(cf_leases_read(leases, &papers, &whole, cf_buffer_view(&self->record), &error),
                  error);
    bool was = self->record.size &&
               cf_leases_fence(leases, &papers, &who->who.id, &who->token, &by) == CF_FENCE_OPEN;
    cf_leases_destroy(&leases);
    return was;
}

static contender *author_of(contest *self, cf_bytes wire)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;
    contender *author = NULL;

    expect_ok(cf_entry_read(wire, &arena, &entry, &error), error);
    for (size_t i = 0; i < CONTENDERS; i++)
        if (cf_hash_equal(&self->all[i].who.id, &entry.header.device))
            author = &self->all[i];
    cf_arena_release(&arena);
    return author;
}

static bool check_entry(void *context, uint64_t position, cf_bytes wire)
{
    contest *self = context;
    contender *author = author_of(self, wire);

    self->position = position;
    self->entered++;
    cr_assert(author, "nobody wrote entry %zu", (size_t)position);
    cr_assert(contest_was_on_disk(self, author), "an entry passed by the lease");
    cr_assert(!author->has_given_back || author->sent_before,
              "a token that was given back was good");
    cr_assert(is_same(author->token, self->highest), "an overtaken token was good");
    cr_assert(self->holder == author, "something entered while another had the lock");
    return true;
}

void contest_check_entries(contest *self)
{
    cf_error error;

    expect_ok(self->broker.store->read(self->broker.store, &self->account.user, self->position + 1,
                                       check_entry, self, &error),
              error);
}

void contest_note_record(contest *self)
{
    uint8_t key[2 + 2 * CF_ID_SIZE] = {'l', 'c'};
    cf_error error;

    memcpy(key + 2, papers.bytes, CF_ID_SIZE);
    cf_buffer_clear(&self->record);
    self->broker.store->get(self->broker.store, &self->account.user, cf_bytes_of(key, sizeof key),
                            &self->record, &error);
}

static void hear_lease(contest *self, contender *who, const cf_message *message)
{
    cf_lease_token token = message->lease.token;

    if (!message->lease.until_ms || !cf_id_equal(&message->lease.request, &who->request) ||
        (who->state != ASKED && who->state != HOLDS))
        return;
    cr_assert_not(is_later(self->highest, token), "a token went back");
    cr_assert(is_later(token, self->highest) || self->holder == who, "two have one token");
    if (is_later(token, self->highest)) {
        cr_assert(!self->holder || self->holder == who || self->holder->has_given_back ||
                      self->now_ms >= self->holder->until_ms,
                  "one was given what another has");
        self->cycles++;
    }
    if (who->state == ASKED) /* now and then it falls asleep with the lease in its hand */
        who->wakes_ms =
            self->now_ms +
            chance_below(&self->chance, chance_below(&self->chance, 4) ? 300 : PAUSE_MS);
    self->highest = who->token = token;
    self->holder = who;
    who->has_given_back = false;
    who->until_ms = message->lease.until_ms;
    who->state = HOLDS;
}

static void hear(contest *self, contender *who, const cf_message *message)
{
    bool refused = message->command == CF_COMMAND_REFUSED;

    if (message->command == CF_COMMAND_LEASE) {
        hear_lease(self, who, message);
    } else if (message->command == CF_COMMAND_ACCEPTED) {
        who->owes = false;
    } else if (message->command == CF_COMMAND_BUSY && who->state == ASKED) {
        who->state = IDLE;
    } else if (refused && cf_bytes_equal(message->refused.request, cf_bytes_of_text("PUBLISH"))) {
        cr_assert(message->refused.later, "%.*s", (int)message->refused.text.size,
                  (const char *)message->refused.text.data);
        self->refused++;
        who->state = IDLE;
    } else if (refused) {
        who->state = IDLE;
    }
}

static cf_send_answer deliver(void *context, cf_bytes destination, cf_frames *frames)
{
    contest *self = context;
    cf_arena arena = {0};
    cf_message message;
    cf_error error;

    for (size_t i = 0; i < CONTENDERS; i++) {
        contender *who = &self->all[i];

        if (!who->session ||
            !cf_bytes_equal(destination, cf_bytes_of(&who->session, sizeof who->session)))
            continue;
        expect_ok(frames_read(frames, &arena, &message, &error), error);
        hear(self, who, &message);
        cf_arena_release(&arena);
        return CF_SEND_DONE;
    }
    return CF_SEND_GONE;
}

/* Entries first: they were there before anybody heard of what came after. */
void contest_settle(contest *self)
{
    cf_error error;

    contest_note_record(self);
    for (int round = 0; round < 2; round++) {
        self->broker.store->commit(self->broker.store, &error);
        contest_check_entries(self);
        contest_note_record(self);
        cf_gateway_tick(self->broker.gateway, self->now_ms);
        cf_outbox_send(self->broker.outbox, deliver, self);
    }
}
