/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/bulk.h"
#include "tests/broker/people/meeting.h"
#include "tests/support/frames.h"

static void append_to(cf_store *store, cf_bytes wire)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;
    cf_append append = {.entry = &entry};

    expect_ok(cf_entry_read(wire, &arena, &entry, &error), error);
    append.user = entry.header.user;
    expect_ok(store->acquire(store, &append.user, &append.epoch, &error), error);
    store->append(store, &append);
    expect_ok(store->commit(store, &error), error);
    cf_arena_release(&arena);
}

/* ---- The outside ---- */

static void own_random(void *context, void *out, size_t size)
{
    const cf_env *env = &((attendee *)context)->at->env;

    env->random(env->context, out, size);
}

static uint64_t own_clock(void *context)
{
    const attendee *self = context;

    return cf_env_now_ms(&self->at->env) + self->clock_ahead_ms;
}

static void own_report(void *context, cf_report_level level, const char *text)
{
    const cf_env *env = &((attendee *)context)->at->env;

    env->report(env->context, level, text);
}

/* ---- What a link tells ---- */

static void on_connected(void *context, const cf_link_welcome *welcome)
{
    attendee *self = context;

    cr_expect_lt(llabs(welcome->clock_difference_ms + (int64_t)self->clock_ahead_ms), 1000);
    self->connected++;
    self->is_crowded = welcome->is_crowded;
    self->is_confined = welcome->is_confined;
    self->named = welcome->heads->count;
}

static void on_lost(void *context, const cf_link_loss *loss)
{
    attendee *self = context;

    self->lost++;
    self->last_loss = loss->why->status;
    snprintf(self->loss, sizeof self->loss, "%s", loss->why->text);
    self->retry_ms = loss->retry_ms;
}

static void on_entry(void *context, const cf_entry *entry)
{
    attendee *self = context;

    self->entries++;
    if (self->refers && !cf_id_equal(&entry->header.writer, &self->who->changes.writer))
        cf_heads_advance(&self->who->changes_after, entry);
    append_to(self->store, entry->wire);
    if (self->withholds_credit)
        self->uncredited += entry->wire.size;
    else
        cf_link_credit(self->link, entry->wire.size);
}

static void on_accepted(void *context, const cf_head *entry)
{
    (void)entry;
    ((attendee *)context)->accepted++;
}

static void on_refused(void *context, const cf_link_refusal *refusal)
{
    attendee *self = context;

    self->refused++;
    self->refusal = *refusal;
    snprintf(self->refusal_code, sizeof self->refusal_code, "%.*s", (int)refusal->code.size,
             (const char *)refusal->code.data);
}

static void on_wanted(void *context, const cf_hash *blobs, size_t count)
{
    attendee *self = context;

    self->wanted += count;
    self->wanted_blob = blobs[0];
}

static void on_idle(void *context)
{
    ((attendee *)context)->idle++;
}

static void on_guest(void *context, const cf_hash *guest_key, const cf_error *why)
{
    (void)guest_key;
    cr_expect_null(why);
    ((attendee *)context)->guests++;
}

static void on_knock(void *context, const cf_hash *guest_key, cf_bytes sealed)
{
    attendee *self = context;

    self->knocker = *guest_key;
    cf_buffer_clear(&self->knock);
    cf_buffer_append(&self->knock, sealed.data, sealed.size);
}

static void on_admit(void *context, cf_bytes sealed)
{
    cf_buffer_append(&((attendee *)context)->admit, sealed.data, sealed.size);
}

static void on_clock_off(void *context, int64_t difference_ms)
{
    ((attendee *)context)->clock_off_ms = difference_ms;
}

static void on_turned_away(void *context, const cf_error *why)
{
    ((attendee *)context)->turned_away = why->status;
}

static void on_put_off(void *context, const cf_error *why)
{
    (void)why;
    ((attendee *)context)->put_off++;
}

static cf_hash name_of(const cf_buffer *blob)
{
    return cf_sha256_of(cf_buffer_view(blob));
}

static bool on_piece(void *context, const cf_hash *blob, uint64_t offset, size_t size,
                     cf_buffer *out)
{
    attendee *self = context;

    for (size_t i = 0; i < self->blob_count; i++) {
        cf_hash name = name_of(&self->blobs[i]);
        if (self->has_no_pieces || !cf_hash_equal(&name, blob))
            continue;
        cr_assert_leq(offset + size, self->blobs[i].size);
        cf_buffer_append(out, self->blobs[i].data + offset, size);
        return true;
    }
    return false;
}

static void on_stored(void *context, const cf_hash *blob)
{
    attendee *self = context;

    self->stored_blobs[self->stored++ % BLOBS_MAX] = *blob;
}

static void on_blob_refused(void *context, const cf_hash *blob, const cf_error *why)
{
    (void)blob;
    ((attendee *)context)->turned_away = why->status;
}

static void on_blob_delayed(void *context, const cf_hash *blob, cf_bytes code, cf_bytes text)
{
    attendee *self = context;

    (void)blob;
    self->delays++;
    snprintf(self->delay, sizeof self->delay, "%.*s: %.*s", (int)code.size, (const char *)code.data,
             (int)text.size, (const char *)text.data);
}

static void on_received(void *context, const cf_hash *blob, uint64_t offset, uint64_t total,
                        cf_bytes bytes)
{
    attendee *self = context;

    (void)blob;
    (void)total;
    cr_expect_eq(offset % (4 * CF_KIB), 0);
    cf_buffer_append(&self->received, bytes.data, bytes.size);
}

static void on_absent(void *context, const cf_hash *blob)
{
    (void)blob;
    ((attendee *)context)->absent++;
}

static void on_located(void *context, const uint8_t instance[16], uint64_t position,
                       const cf_bytes *lines, size_t count)
{
    (void)instance;
    (void)position;
    (void)lines;
    (void)count;
    ((attendee *)context)->located++;
}

static void on_checkpoints(void *context, const cf_checkpoint *checkpoints, size_t count)
{
    (void)checkpoints;
    ((attendee *)context)->checkpoints += 1 + count;
}

static void on_lease(void *context, const cf_message *answer)
{
    ((attendee *)context)->leases[answer ? answer->command : 0]++;
}

static void on_unsupported(void *context, cf_command command)
{
    ((attendee *)context)->unsupported[command]++;
}

static const cf_link_events events = {
    .connected = on_connected,
    .lost = on_lost,
    .entry = on_entry,
    .accepted = on_accepted,
    .refused = on_refused,
    .wanted = on_wanted,
    .idle = on_idle,
    .guest = on_guest,
    .knock = on_knock,
    .admit = on_admit,
    .clock_off = on_clock_off,
    .turned_away = on_turned_away,
    .put_off = on_put_off,
    .blobs = {on_piece, on_stored, on_blob_refused, on_blob_delayed, on_received, on_absent},
    .checkpoints = on_checkpoints,
    .unsupported = on_unsupported,
    .lease = on_lease,
    .answers.located = on_located,
};

/* ---- Attendees ---- */

static attendee *add(meeting *at, const cf_link_options *options)
{
    attendee *self = cf_allocate(1, sizeof *self);
    cf_link_options given = *options;

    cr_assert_lt(at->count, GUESTS_MAX);
    at->attendees[at->count++] = self;
    self->at = at;
    self->env =
        (cf_env){.context = self, .random = own_random, .now_ms = own_clock, .report = own_report};
    given.env = &self->env;
    given.events = events;
    given.events.context = self;
    if (!options->knock.size) {
        uint8_t instance[16] = {(uint8_t)at->count};
        uint64_t epoch = 0;
        cf_error error;
        self->disk = cf_store_memory_disk_new(instance);
        self->store = given.store = cf_store_memory_new(self->disk);
        expect_ok(self->store->acquire(self->store, &given.user, &epoch, &error), error);
    }
    self->outbox = cf_outbox_new();
    self->link = cf_link_new(&given);
    return self;
}

attendee *attend(meeting *at, person *who)
{
    cf_link_options options = {.user = who->user};
    attendee *self = add(at, &options);

    self->who = who;
    memcpy(self->curve.bytes, cf_keys_public(who->keys)->curve, sizeof self->curve.bytes);
    return self;
}

attendee *knock(meeting *at, const cf_hash *curve, const cf_hash *user, cf_bytes sealed)
{
    static const cf_hash nobody;
    cf_link_options options = {.user = user ? *user : nobody, .knock = sealed, .guest_key = *curve};
    attendee *self = add(at, &options);

    self->curve = *curve;
    return self;
}

void attendee_writes(attendee *self, const char *body, const cf_hash *blobs, size_t count)
{
    write_change(self->who, body, blobs, count);
    append_to(self->store, cf_buffer_view(&self->who->wire));
    cf_link_publish(self->link);
}

void append_wire_of(attendee *self, const person *author)
{
    append_to(self->store, cf_buffer_view(&author->wire));
    cf_link_publish(self->link);
}

cf_hash attendee_has_blob(attendee *self, size_t size)
{
    cf_buffer *blob = &self->blobs[self->blob_count++];

    cr_assert_leq(self->blob_count, BLOBS_MAX);
    blob->size = 0;
    self->at->env.random(self->at, cf_buffer_reserve(blob, size), size);
    blob->size = size;
    return name_of(blob);
}

uint64_t attendee_last(attendee *self)
{
    uint64_t position = 0;
    cf_error error;

    expect_ok(self->store->last(self->store, &self->at->account.user, &position, &error), error);
    return position;
}

void attendee_leave(attendee **leaving)
{
    attendee *self = *leaving;

    cf_link_destroy(&self->link);
    cf_outbox_destroy(&self->outbox);
    cf_store_destroy(&self->store);
    cf_store_memory_disk_destroy(&self->disk);
    for (size_t i = 0; i < self->blob_count; i++)
        cf_buffer_release(&self->blobs[i]);
    cf_buffer_release(&self->received);
    cf_buffer_release(&self->knock);
    cf_buffer_release(&self->admit);
    free(self);
    *leaving = NULL;
}

void attendee_hears_cut(attendee *self, const cf_message *message, size_t last_size)
{
    cf_frames frames = {0};
    cf_bytes views[CF_MESSAGE_FRAMES];

    cf_message_write(message, &frames);
    frames_view(&frames, views);
    if (views[frames.count - 1].size > last_size)
        views[frames.count - 1].size = last_size;
    cf_link_handle(self->link, views, frames.count, self->at->now_ms, self->outbox);
    cf_frames_release(&frames);
}

void attendee_hears(attendee *self, const cf_message *message)
{
    link_hears(self->link, message, self->at->now_ms, self->outbox);
}
