/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/transfer/depot_inside.h"
#include "tests/support/frames.h"

#include "broker/platform/jobs.h"

#include <poll.h>
#include <stdlib.h>

/* ---- The link's events ---- */

static void on_connected(void *context, const cf_link_welcome *welcome)
{
    (void)context, (void)welcome;
}

static void on_lost(void *context, const cf_link_loss *loss)
{
    (void)context, (void)loss;
}

static void on_entry(void *context, const cf_entry *entry)
{
    (void)context, (void)entry;
}

static void on_accepted(void *context, const cf_head *entry)
{
    (void)context, (void)entry;
}

static void on_refused(void *context, const cf_link_refusal *refusal)
{
    (void)context, (void)refusal;
}

static void on_wanted(void *context, const cf_hash *blobs, size_t count)
{
    depot *self = context;

    if (self->carried)
        cf_carried_wanted(self->carried, blobs, count);
}

static void on_idle(void *context)
{
    (void)context;
}

static bool on_piece(void *context, const cf_hash *blob, uint64_t offset, size_t size,
                     cf_buffer *out)
{
    depot *self = context;

    return self->carried && cf_carried_piece(self->carried, blob, offset, size, out);
}

static void on_stored(void *context, const cf_hash *blob)
{
    (void)context, (void)blob;
}

static void on_blob_refused(void *context, const cf_hash *blob, const cf_error *why)
{
    depot *self = context;

    if (!self->carried || !cf_carried_refused(self->carried, blob, why))
        cf_downloads_refused(self->downloads, blob, why);
}

static void on_delayed(void *context, const cf_hash *blob, cf_bytes code, cf_bytes text)
{
    (void)context, (void)blob, (void)code, (void)text;
}

static void on_received(void *context, const cf_hash *blob, uint64_t offset, uint64_t total,
                        cf_bytes bytes)
{
    depot *self = context;

    if (!self->carried || !cf_carried_received(self->carried, blob, offset, total, bytes))
        cf_downloads_received(self->downloads, blob, offset, total, bytes);
}

static void on_absent(void *context, const cf_hash *blob)
{
    depot *self = context;

    if (!self->carried || !cf_carried_absent(self->carried, blob))
        cf_downloads_absent(self->downloads, blob);
}

cf_link *depot_link(depot *self)
{
    cf_link_options options = {
        .env = &self->env,
        .store = self->store,
        .user = *cf_peer_user(&self->peer),
        .events = {.connected = on_connected,
                   .lost = on_lost,
                   .entry = on_entry,
                   .accepted = on_accepted,
                   .refused = on_refused,
                   .wanted = on_wanted,
                   .idle = on_idle,
                   .blobs = {on_piece, on_stored, on_blob_refused, on_delayed, on_received,
                             on_absent},
                   .context = self},
    };

    return cf_link_new(&options);
}

/* ---- The broker ---- */

void depot_damage(depot *self, size_t blob)
{
    self->blobs[blob].sealed.data[self->blobs[blob].sealed.size / 2] ^= 1;
}

void depot_say(depot *self, const cf_message *message)
{
    link_hears(self->peer.link, message, 0, self->outbox);
}

static size_t number_of(const depot *self, const cf_hash *id)
{
    size_t i = 0;

    while (i < self->blob_count && !cf_hash_equal(&self->blobs[i].id, id))
        i++;
    return i;
}

static void serve(depot *self, const cf_hash *id, uint64_t offset)
{
    const size_t i = number_of(self, id);

    if (self->served == self->serve_max)
        return;
    if (i == self->blob_count || self->blobs[i].lacks) {
        depot_say(self, &(cf_message){.command = CF_COMMAND_ABSENT, .absent = {.id = *id}});
        return;
    }
    cf_bytes sealed = cf_buffer_view(&self->blobs[i].sealed);
    const uint64_t said = self->blobs[i].said;
    if (said && offset >= sealed.size)
        return;
    if (offset >= sealed.size) {
        depot_say(self, &(cf_message){.command = CF_COMMAND_REFUSED,
                                      .refused = {.request = cf_bytes_of_text("GET"),
                                                  .name = cf_bytes_of(id->bytes, CF_HASH_SIZE),
                                                  .code = cf_bytes_of_text(CF_REFUSED_MALFORMED),
                                                  .text = cf_bytes_of_text("it ends before")}});
        return;
    }
    size_t left = sealed.size - offset, size = left < CF_BLOB_STEP ? left : CF_BLOB_STEP;
    self->served++;
    self->served_bytes += size;
    self->steady_ms += self->message_ms;
    depot_say(self, &(cf_message){.command = CF_COMMAND_BLOB,
                                  .blob = {.id = *id,
                                           .offset = offset,
                                           .total = said ? said : sealed.size,
                                           .bytes = cf_bytes_of(sealed.data + offset, size)}});
}

static void compare(depot *self, const cf_hash *blobs, size_t count)
{
    cf_partial missing[DEPOT_BLOBS];
    size_t lacks = 0;

    self->asked += count;
    for (size_t i = 0; i < count; i++)
        if (self->blobs[number_of(self, &blobs[i])].lacks)
            missing[lacks++] = (cf_partial){.id = blobs[i]};
    depot_say(self, &(cf_message){.command = CF_COMMAND_MISSING,
                                  .missing = {.blobs = missing, .blob_count = lacks}});
}

static void take(depot *self, const cf_hash *id, uint64_t offset, uint64_t total, cf_bytes bytes)
{
    const size_t i = number_of(self, id);

    cr_assert_lt(i, self->blob_count);
    cr_assert_eq(total, self->blobs[i].sealed.size);
    cr_assert(cf_bytes_equal(bytes, cf_bytes_of(self->blobs[i].sealed.data + offset, bytes.size)));
    self->brought += offset == 0;
    self->blobs[i].lacks = false;
    depot_say(self, &(cf_message){.command = CF_COMMAND_STORED, .stored = {.id = *id}});
}

typedef struct {
    cf_frames *at;
    size_t count, capacity;
} letters;

static cf_send_answer keep_letter(void *context, cf_bytes destination, cf_frames *frames)
{
    letters *all = context;

    (void)destination;
    *cf_one_more(all->at, all->count, all->capacity) = *frames;
    *frames = (cf_frames){0};
    return CF_SEND_DONE;
}

static void answer(depot *self, const cf_frames *frames)
{
    cf_arena arena = {0};
    cf_message message;
    cf_error error;

    expect_ok(frames_read(frames, &arena, &message, &error), error);
    if (message.command == CF_COMMAND_HELLO)
        depot_say(self,
                  &(cf_message){.command = CF_COMMAND_WELCOME,
                                .welcome = {.version = CF_PROTOCOL_VERSION, .window = CF_WINDOW}});
    else if (message.command == CF_COMMAND_SUBSCRIBE)
        depot_say(self, &(cf_message){.command = CF_COMMAND_SUBSCRIBED});
    else if (message.command == CF_COMMAND_GET)
        serve(self, &message.get.id, message.get.offset);
    else if (message.command == CF_COMMAND_HAVE)
        compare(self, message.have.ids, message.have.id_count);
    else if (message.command == CF_COMMAND_PUT)
        take(self, &message.put.id, message.put.offset, message.put.total, message.put.bytes);
    cf_arena_release(&arena);
}

void depot_pass(depot *self)
{
    letters all = {0};

    cf_downloads_step(self->downloads);
    cf_link_tick(self->peer.link, 0, self->outbox);
    cf_outbox_send(self->outbox, keep_letter, &all);
    for (size_t i = 0; i < all.count; i++) {
        answer(self, &all.at[i]);
        cf_frames_release(&all.at[i]);
    }
    free(all.at);
}

void depot_connect(depot *self)
{
    cf_link_start(self->peer.link);
    for (int i = 0; i < 4; i++)
        depot_pass(self);
    cr_assert(cf_link_is_connected(self->peer.link));
}

void depot_cut(depot *self)
{
    cf_link_stop(self->peer.link);
    cf_outbox_discard(self->outbox, (cf_bytes){0});
}

static bool wait_for_jobs(depot *self)
{
    struct pollfd at = {self->env.jobs->descriptor(self->env.jobs), POLLIN, 0};

    return at.fd >= 0 && cf_downloads_busy(self->downloads) && poll(&at, 1, 1000) > 0;
}

/* As the program's loop does it: a step only when something came. */
void depot_run(depot *self)
{
    bool moved;

    do {
        size_t served = self->served;

        depot_pass(self);
        moved = self->env.jobs->deliver(self->env.jobs) > 0 || self->served > served ||
                wait_for_jobs(self);
    } while (moved);
}
