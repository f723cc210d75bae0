/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/leases/contest.h"

#include <stdlib.h>
#include <string.h>

uint64_t contest_random(contest *self)
{
    self->seed ^= self->seed << 13;
    self->seed ^= self->seed >> 7;
    self->seed ^= self->seed << 17;
    return self->seed >> 8;
}

static void seeded_random(void *context, void *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (uint8_t)contest_random(context);
}

void contest_id(contest *self, cf_id *out)
{
    seeded_random(self, out->bytes, CF_ID_SIZE);
}

static void no_report(void *context, cf_report_level level, const char *text)
{
    (void)context;
    (void)level;
    (void)text;
}

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
    self->authority = cf_authority_new(&(cf_authority_options){.gateway = self->gateway});
}

static void stop(contest *self)
{
    cf_error error;

    cf_store_memory_disk_fail(self->disk, CF_IO);
    self->store->commit(self->store, &error);
    cf_store_memory_disk_fail(self->disk, CF_OK);
    cf_authority_destroy(&self->authority);
    cf_gateway_destroy(&self->gateway);
    cf_users_destroy(&self->users);
    cf_outbox_destroy(&self->outbox);
    cf_blobs_destroy(&self->blobs);
    cf_store_destroy(&self->store);
}

void contest_restart(contest *self)
{
    stop(self);
    self->crashes++;
    start(self);
}

void contest_say(contest *self, contender *from, const cf_message *message)
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

static void seat(contest *self, cf_log *log, person *author)
{
    cf_error error;

    append_entry(log, author);
    expect_ok(self->store->commit(self->store, &error), error);
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
    write_change(&self->account, "what there is to lock", NULL, 0);
    seat(self, log, &self->account);
    cf_users_refresh(self->users, &self->account.user);
    expect_ok(self->store->last(self->store, &self->account.user, &self->position, &error), error);
}

contest *a_contest(uint64_t seed)
{
    static const uint8_t instance[16] = "a contest";
    contest *self = cf_allocate(1, sizeof *self);

    self->seed = seed;
    self->env = (cf_env){.context = self, .random = seeded_random, .report = no_report};
    self->now_ms = 1700000000000;
    self->disk = cf_store_memory_disk_new(instance);
    self->blob_disk = cf_blob_memory_disk_new();
    self->account = an_account(1);
    start(self);
    let_all_in(self);
    return self;
}

void contest_end(contest **self)
{
    contest *ended = *self;

    stop(ended);
    for (size_t i = 0; i < CONTENDERS; i++)
        person_end(&ended->all[i].who);
    person_end(&ended->account);
    cf_store_memory_disk_destroy(&ended->disk);
    cf_blob_memory_disk_destroy(&ended->blob_disk);
    cf_buffer_release(&ended->record);
    free(ended);
    *self = NULL;
}
