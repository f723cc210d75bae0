/* SPDX-License-Identifier: Apache-2.0 */
/* Contenders for one lease, over a broker that is killed again and again: 50 devices of one user
 * lock, publish, pause for longer than the lease lasts, and use and give back what they think they
 * have. While one has the lock nothing enters by another's session, no overtaken token ever is
 * good, and in the end all that was written is there. 2,000 cycles, or CONTEST_CYCLES of the
 * environment, or as many as CONTEST_SECONDS have room for; with CONTEST_SEED other ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/gateway.h"
#include "broker/registry.h"
#include "tests/broker/people.h"

enum { CONTENDERS = 50, CYCLES = 2000, LEASE_MS = 2000, PAUSE_MS = 3 * LEASE_MS };

typedef enum { IDLE, ASKED, HOLDS } contender_state;

/* A device, and what it believes. */
typedef struct {
    person who;
    uint64_t session; /* number of its connection; 0: none */
    contender_state state;
    cf_id request;
    cf_lease_token token; /* the last that it was given */
    uint64_t until_ms;    /* till when it has it for sure */
    uint64_t wakes_ms;
    bool has_given_back;
    bool sent_before; /* in this step, before it gave back */
    bool owes;        /* its last entry is not accepted */
    size_t written;
} contender;

typedef struct {
    cf_store_memory_disk *disk;
    cf_blob_memory_disk *blob_disk;
    cf_store *store;
    cf_blobs *blobs;
    cf_users *users;
    cf_gateway *gateway;
    cf_outbox *outbox;
    cf_env env;
    uint64_t seed, now_ms, sessions;
    person account;
    contender all[CONTENDERS];
    cf_lease_token highest; /* of all that were granted */
    contender *holder;      /* who was given that one; NULL: nobody yet */
    uint64_t position;      /* of the log as far as it was looked at */
    cf_buffer record;       /* of the lease, as it was on the disk before */
    size_t cycles, crashes, entered, refused;
} contest;

static uint64_t next_random(contest *self)
{
    self->seed ^= self->seed << 13;
    self->seed ^= self->seed >> 7;
    self->seed ^= self->seed << 17;
    return self->seed >> 8;
}

static void seeded_random(void *context, void *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (uint8_t)next_random(context);
}

static void no_report(void *context, cf_report_level level, const char *text)
{
    (void)context;
    (void)level;
    (void)text;
}

/* ---- The broker ---- */

static void start(contest *self)
{
    cf_error error;

    self->store = cf_store_memory_new(self->disk);
    self->blobs = cf_blob_memory_new(self->blob_disk);
    self->outbox = cf_outbox_new();
    cf_users_options users = {.env = &self->env, .store = self->store};
    expect_ok(cf_users_open(&users, &self->users, &error), error);
    self->gateway = cf_gateway_new(&(cf_gateway_options){.env = &self->env,
                                                         .store = self->store,
                                                         .blobs = self->blobs,
                                                         .users = self->users,
                                                         .outbox = self->outbox});
}

/* What isn't committed is lost, and what isn't sent. */
static void stop(contest *self)
{
    cf_error error;

    cf_store_memory_disk_fail(self->disk, CF_IO);
    self->store->commit(self->store, &error);
    cf_store_memory_disk_fail(self->disk, CF_OK);
    cf_gateway_destroy(&self->gateway);
    cf_users_destroy(&self->users);
    cf_outbox_destroy(&self->outbox);
    cf_blobs_destroy(&self->blobs);
    cf_store_destroy(&self->store);
}

static void say(contest *self, contender *from, const cf_message *message)
{
    cf_frames frames = {0};
    cf_bytes wire[CF_MESSAGE_FRAMES];
    cf_gateway_peer peer = {cf_bytes_of(&from->session, sizeof from->session), {{0}}, "contender"};

    memcpy(peer.key.bytes, cf_keys_public(from->who.keys)->curve, CF_HASH_SIZE);
    cf_message_write(message, &frames);
    for (size_t i = 0; i < frames.count; i++)
        wire[i] = cf_buffer_view(&frames.frame[i]);
    cf_gateway_handle(self->gateway, &peer, wire, frames.count, self->now_ms);
    cf_frames_release(&frames);
}

/* ---- What must hold ---- */

static bool is_same(cf_lease_token a, cf_lease_token b)
{
    return a.generation == b.generation && a.counter == b.counter;
}

static bool is_later(cf_lease_token a, cf_lease_token b)
{
    return a.generation > b.generation || (a.generation == b.generation && a.counter > b.counter);
}

/* Whom the disk had as the holder, and under this token. */
static bool was_on_disk(const contest *self, const contender *who)
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
    cr_assert(was_on_disk(self, author), "an entry passed by the lease");
    cr_assert(!author->has_given_back || author->sent_before,
              "a token that was given back was good");
    cr_assert(is_same(author->token, self->highest), "an overtaken token was good");
    cr_assert(self->holder == author, "something entered while another had the lock");
    return true;
}

static void check_entries(contest *self)
{
    cf_error error;

    expect_ok(self->store->read(self->store, &self->account.user, self->position + 1, check_entry,
                                self, &error),
              error);
}

/* What the disk says of the lease now. */
static void note_record(contest *self)
{
    uint8_t key[2 + 2 * CF_ID_SIZE] = {'l', 'c'};
    cf_error error;

    memcpy(key + 2, papers.bytes, CF_ID_SIZE);
    cf_buffer_clear(&self->record);
    self->store->get(self->store, &self->account.user, cf_bytes_of(key, sizeof key), &self->record,
                     &error);
}

/* ---- What the contenders hear ---- */

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
        who->wakes_ms = self->now_ms + next_random(self) % (next_random(self) % 4 ? 300 : PAUSE_MS);
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
    cf_bytes wire[CF_MESSAGE_FRAMES];
    cf_arena arena = {0};
    cf_message message;
    cf_error error;

    for (size_t i = 0; i < CONTENDERS; i++) {
        contender *who = &self->all[i];

        if (!who->session ||
            !cf_bytes_equal(destination, cf_bytes_of(&who->session, sizeof who->session)))
            continue;
        for (size_t k = 0; k < frames->count; k++)
            wire[k] = cf_buffer_view(&frames->frame[k]);
        expect_ok(cf_message_read(wire, frames->count, &arena, &message, &error), error);
        hear(self, who, &message);
        cf_arena_release(&arena);
        return CF_SEND_DONE;
    }
    return CF_SEND_GONE;
}

/* Entries first: they were there before anybody heard of what came after. */
static void settle(contest *self)
{
    cf_error error;

    note_record(self);
    for (int round = 0; round < 2; round++) {
        self->store->commit(self->store, &error);
        check_entries(self);
        note_record(self);
        cf_gateway_tick(self->gateway, self->now_ms);
        cf_outbox_send(self->outbox, deliver, self);
    }
}

/* ---- What they do ---- */

static void connect(contest *self, contender *who)
{
    cf_message hello = {.command = CF_COMMAND_HELLO,
                        .hello = {.version = CF_PROTOCOL_VERSION, .user = self->account.user}};

    who->session = ++self->sessions;
    say(self, who, &hello);
}

static void ask(contest *self, contender *who, bool anew)
{
    cf_message lock = {.command = CF_COMMAND_LOCK,
                       .lock = {.collection = papers, .for_ms = LEASE_MS}};

    if (anew)
        seeded_random(self, who->request.bytes, CF_ID_SIZE);
    lock.lock.request = who->request;
    lock.lock.wait = next_random(self) % 4 > 0;
    who->state = ASKED;
    say(self, who, &lock);
}

/* With the token that it was given, however long ago, or with none. */
static void publish(contest *self, contender *who, bool with_token)
{
    cf_message message = {.command = CF_COMMAND_PUBLISH};

    if (!who->owes) {
        write_change(&who->who, "some body", NULL, 0);
        who->owes = true;
        who->written++;
    }
    who->sent_before |= !who->has_given_back;
    if (with_token)
        message.publish.token = &who->token;
    message.publish.entry = cf_buffer_view(&who->who.wire);
    say(self, who, &message);
}

static void give_back(contest *self, contender *who)
{
    cf_message unlock = {.command = CF_COMMAND_UNLOCK,
                         .unlock = {who->request, papers, {{0}}, &who->token}};

    who->has_given_back = true;
    say(self, who, &unlock);
    if (next_random(self) % 8 == 0)
        publish(self, who, true); /* too late */
    who->state = IDLE;
}

static void renew(contest *self, contender *who)
{
    cf_message message = {.command = CF_COMMAND_RENEW,
                          .renew = {who->request, who->token, LEASE_MS}};

    say(self, who, &message);
}

static void use(contest *self, contender *who)
{
    switch (next_random(self) % 8) {
    case 0:
        renew(self, who);
        break;
    case 1: /* it forgets it */
        who->state = IDLE;
        break;
    case 2:
    case 3:
        give_back(self, who);
        break;
    default:
        publish(self, who, true);
        break;
    }
}

static void act(contest *self, contender *who)
{
    bool has_token = who->token.counter > 0;

    if (!who->session)
        connect(self, who);
    if (who->state == ASKED && next_random(self) % 16 == 0)
        ask(self, who, false);
    else if (who->state == IDLE && has_token && next_random(self) % 64 == 0)
        publish(self, who, true); /* what it had once */
    else if (who->state == IDLE)
        ask(self, who, true);
    else if (who->state == HOLDS && self->now_ms >= who->wakes_ms)
        use(self, who);
}

/* Who waited for an answer asks the same again, or thinks of something else. */
static void crash(contest *self)
{
    stop(self);
    self->crashes++;
    start(self);
    check_entries(self);
    note_record(self);
    for (size_t i = 0; i < CONTENDERS; i++) {
        contender *who = &self->all[i];

        who->session = 0;
        who->has_given_back &= !was_on_disk(self, who); /* nobody heard of it */
        if (who->state != ASKED)
            continue;
        connect(self, who);
        if (next_random(self) % 2)
            ask(self, who, false);
        else
            who->state = IDLE;
    }
}

static void step(contest *self)
{
    size_t acts = next_random(self) % 4 ? 1 : 2 + next_random(self) % 5;

    self->now_ms += next_random(self) % 300;
    for (size_t i = 0; i < CONTENDERS; i++)
        self->all[i].sent_before = false;
    for (size_t i = 0; i < acts; i++) {
        size_t chosen = next_random(self) % CONTENDERS;
        bool the_holder = self->holder && next_random(self) % 2;

        act(self, the_holder ? self->holder : &self->all[chosen]);
    }
    if (next_random(self) % 400 == 0) {
        note_record(self);
        crash(self);
    }
    settle(self);
}

/* ---- Beginning and end ---- */

static bool seat(void *context, cf_log *log, person *author)
{
    cf_offer offer = {.bringer = CF_BRINGER_DEVICE};
    contest *self = context;
    cf_error error;
    cf_arena arena = {0};
    cf_entry entry;
    cf_verdict verdict;

    expect_ok(cf_entry_read(cf_buffer_view(&author->wire), &arena, &entry, &error), error);
    expect_ok(cf_log_check(log, &entry, &offer, &verdict, &error), error);
    cr_assert_eq(verdict.answer, CF_OFFER_NEW, "%s", verdict.text);
    cf_log_append(log, &entry, &offer, NULL, 0, NULL, NULL);
    expect_ok(self->store->commit(self->store, &error), error);
    cf_arena_release(&arena);
    return true;
}

static void let_all_in(contest *self)
{
    cf_error error;
    cf_log *log;

    expect_ok(cf_users_add(self->users, &self->account.user, &log, &error), error);
    first_entry(&self->account);
    seat(self, log, &self->account);
    for (size_t i = 0; i < CONTENDERS; i++) {
        contender *who = &self->all[i];

        who->who = a_device((uint8_t)(i + 2), &self->account.user);
        learn(&who->who, &self->account);
        let_in(&self->account, &who->who, CF_ROLE_MEMBER);
        seat(self, log, &self->account);
        learn(&who->who, &self->account);
    }
    cf_users_refresh(self->users, &self->account.user);
    expect_ok(self->store->last(self->store, &self->account.user, &self->position, &error), error);
}

/* When all leases are over, everybody publishes what is left, without a token. */
static bool count_only(void *context, uint64_t position, cf_bytes wire)
{
    contest *self = context;

    (void)wire;
    self->position = position;
    self->entered++;
    return true;
}

static void publish_the_rest(contest *self)
{
    cf_error error;
    size_t written = 0;

    self->now_ms += 2 * PAUSE_MS;
    settle(self);
    for (size_t i = 0; i < CONTENDERS; i++) {
        cf_gateway_gone(self->gateway, cf_bytes_of(&self->all[i].session, 8));
        connect(self, &self->all[i]);
    }
    self->now_ms += 2 * PAUSE_MS;
    for (size_t i = 0; i < CONTENDERS; i++) {
        written += self->all[i].written;
        self->all[i].state = IDLE;
        if (self->all[i].owes)
            publish(self, &self->all[i], false);
    }
    expect_ok(self->store->commit(self->store, &error), error);
    expect_ok(self->store->read(self->store, &self->account.user, self->position + 1, count_only,
                                self, &error),
              error);
    cr_expect_eq(self->entered, written, "%zu of %zu entries are there", self->entered, written);
}

Test(lease_contest, lets_nothing_in_by_another_and_no_overtaken_token)
{
    static const uint8_t instance[16] = "a contest";
    const char *seconds = getenv("CONTEST_SECONDS"), *seed = getenv("CONTEST_SEED");
    const char *cycles = getenv("CONTEST_CYCLES");
    size_t most = cycles ? strtoull(cycles, NULL, 10) : CYCLES;
    time_t end = time(NULL) + (seconds ? atoi(seconds) : 0);
    contest *self = cf_allocate(1, sizeof *self);

    self->seed = seed ? strtoull(seed, NULL, 10) : 20261120;
    self->env = (cf_env){.context = self, .random = seeded_random, .report = no_report};
    self->now_ms = 1700000000000;
    self->disk = cf_store_memory_disk_new(instance);
    self->blob_disk = cf_blob_memory_disk_new();
    self->account = an_account(1);
    start(self);
    let_all_in(self);
    while (seconds ? time(NULL) < end : self->cycles < most)
        step(self);
    publish_the_rest(self);
    printf("%zu cycles, %zu kills, %zu entries entered, %zu were refused\n", self->cycles,
           self->crashes, self->entered, self->refused);
    cr_expect_gt(self->refused, 0);
    cr_expect_gt(self->crashes, 10);
    stop(self);
    for (size_t i = 0; i < CONTENDERS; i++)
        person_end(&self->all[i].who);
    person_end(&self->account);
    cf_store_memory_disk_destroy(&self->disk);
    cf_blob_memory_disk_destroy(&self->blob_disk);
    cf_buffer_release(&self->record);
    free(self);
}
