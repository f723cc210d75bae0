/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/carried_order.h"

#include <stdlib.h>

#include "broker/store/store_room.h"
#include "codec/deadlines.h"
#include "codec/limits.h"

enum {
    IN_HAND = 16,      /* blobs that the link is asked for at once */
    AGAIN_MS = 600000, /* after the broker had something not */
};

/* ---- What the broker may have lost ---- */

/* A broker that lost blobs need not know it. So a relay offers it what is here, from the newest to
 * the oldest and then again, but few at a time: the broker's answer to HAVE says which it lacks,
 * and these are brought. */

enum {
    AT_ONCE = 256,          /* offered, as many as one HAVE has: 9 KB */
    EACH_MS = 3600000,      /* and not sooner again, in whatever session or process */
    COMPARED_SIZE = 32 + 8, /* the blob, then the time */
};

static const char name[] = "carried-compared";

static void recall_compared(cf_carried *self)
{
    cf_buffer value = {0};
    cf_error ignored; /* then the first ones are asked for once more */

    if (cf_home_get(self->options.peer->home, name, &value, &ignored) == CF_OK &&
        value.size == COMPARED_SIZE) {
        memcpy(self->compared.bytes, value.data, sizeof self->compared.bytes);
        self->compared_ms = cf_get_u64(value.data + sizeof self->compared.bytes);
    }
    cf_buffer_release(&value);
}

static void keep(cf_carried *self)
{
    uint8_t value[COMPARED_SIZE];
    cf_error error;

    memcpy(value, self->compared.bytes, sizeof self->compared.bytes);
    cf_put_u64(value + sizeof self->compared.bytes, self->compared_ms);
    if (cf_home_set(self->options.peer->home, name, cf_bytes_of(value, sizeof value), &error))
        cf_carried_in_trouble(self, &error);
}

/* After the last one; after the oldest, and where that one is not here any more, the newest. */
static cf_carried_blob *next(const cf_carried *self)
{
    const cf_carried_blob *last = cf_carried_find(self, &self->compared);

    return last && last->older ? last->older : self->newest;
}

/* Asks the broker, slowly, whether it still has what is here. */
static void compare(cf_carried *self, uint64_t now_ms, uint64_t *deadline)
{
    cf_transfer *transfer = cf_link_transfer(self->options.peer->link);
    const uint64_t time_ms = cf_env_now_ms(self->options.peer->env);
    size_t left = AT_ONCE;

    if (!cf_carried_is_through(self) || self->counts[CF_CARRIED_FETCHING] ||
        !self->counts[CF_CARRIED_HELD])
        return;
    if (self->compared_ms <= time_ms && time_ms - self->compared_ms < EACH_MS) {
        const uint64_t due_ms = now_ms + EACH_MS - (time_ms - self->compared_ms);

        cf_deadline_lower(deadline, due_ms);
        return;
    }
    for (cf_carried_blob *blob = next(self); blob && left; blob = blob->older, left--) {
        self->compared = blob->id;
        if (blob->state == CF_CARRIED_HELD)
            cf_transfer_offer(transfer, &blob->id, blob->size, CF_RANK_LARGE);
    }
    self->compared_ms = time_ms;
    keep(self);
}

/* ---- All that is carried ---- */

cf_carried *cf_carried_new(const cf_carried_options *options)
{
    cf_carried *carried = cf_allocate(1, sizeof *carried);

    carried->options = *options;
    cf_carried_recall_end(carried);
    recall_compared(carried);
    return carried;
}

void cf_carried_destroy(cf_carried **carried)
{
    if (!*carried)
        return;
    cf_carried_forget_all(*carried);
    free(*carried);
    *carried = NULL;
}

void cf_carried_allow(cf_carried *carried, uint64_t room)
{
    if (carried->options.room == room)
        return;
    carried->options.room = room;
    cf_carried_forget_all(carried);
    carried->end = (cf_hash){0};
    carried->ends_new = true;
}

void cf_carried_look_anew(cf_carried *carried)
{
    cf_carried_forget_all(carried);
}

void cf_carried_grew(cf_carried *carried)
{
    carried->grew = true;
}

static void ask_again(cf_carried *self)
{
    self->again_ms = 0;
    for (cf_carried_blob *blob = self->newest; blob && self->counts[CF_CARRIED_ABSENT];
         blob = blob->older)
        if (blob->state == CF_CARRIED_ABSENT)
            cf_carried_become(self, blob, CF_CARRIED_LACKING);
}

void cf_carried_ask_again(cf_carried *carried)
{
    ask_again(carried);
}

/* ---- What this device lacks ---- */

static cf_carried_blob *next_lacking(cf_carried *self)
{
    cf_carried_blob *blob = self->next ? self->next : self->newest;

    while (blob && blob->state != CF_CARRIED_LACKING)
        blob = blob->older;
    self->next = blob;
    return blob;
}

static bool may_ask_more(const cf_carried *self)
{
    return self->counts[CF_CARRIED_LACKING] && self->counts[CF_CARRIED_FETCHING] < IN_HAND &&
           !self->is_crowded;
}

/* What the broker said it lacks is asked for once in a while all the same: it doesn't say when that
 * has come. */
static void ask(cf_carried *self)
{
    cf_transfer *transfer = cf_link_transfer(self->options.peer->link);

    while (may_ask_more(self)) {
        cf_carried_blob *blob = next_lacking(self);

        cf_carried_become(self, blob, CF_CARRIED_FETCHING);
        cf_transfer_want(transfer, &blob->id, blob->from, CF_RANK_LARGE);
    }
}

static bool is_connected(const cf_carried *self)
{
    const cf_link *link = self->options.peer->link;

    return link && cf_link_is_connected(link);
}

cf_status cf_carried_step(cf_carried *carried, bool may_ask, uint64_t now_ms, uint64_t *deadline,
                          cf_error *error)
{
    carried->may_ask = may_ask && is_connected(carried);
    if (carried->retry_ms && carried->retry_ms <= now_ms)
        carried->retry_ms = 0;
    if (carried->again_ms && carried->again_ms <= now_ms)
        ask_again(carried);
    cf_status status = cf_carried_look(carried, error);
    if (status)
        return status;
    if (carried->may_ask && !carried->retry_ms)
        ask(carried);
    if (!carried->retry_ms && !carried->counts[CF_CARRIED_LACKING] &&
        !carried->counts[CF_CARRIED_FETCHING])
        carried->trouble = (cf_error){0}; /* nothing waits for the disk any more */
    if (carried->counts[CF_CARRIED_ABSENT] && !carried->again_ms)
        carried->again_ms = now_ms + AGAIN_MS;
    if (carried->ends_new)
        cf_carried_keep_end(carried);
    if (carried->may_ask)
        compare(carried, now_ms, deadline);
    if (carried->retry_ms)
        cf_deadline_lower(deadline, carried->retry_ms);
    if (carried->again_ms)
        cf_deadline_lower(deadline, carried->again_ms);
    if (cf_carried_looks(carried))
        *deadline = now_ms;
    return CF_OK;
}

bool cf_carried_works(const cf_carried *carried)
{
    return cf_carried_looks(carried) || (carried->may_ask && is_connected(carried) &&
                                         !carried->retry_ms && may_ask_more(carried));
}

/* ---- What comes ---- */

typedef struct {
    cf_status status;
    cf_blob_held held;
    cf_error error;
} put_answer;

static void note_put(void *context, cf_status status, cf_blob_held held, const cf_error *error)
{
    put_answer *answer = context;

    answer->status = status;
    answer->held = held;
    if (status)
        answer->error = *error;
}

/* What is here of it stays, and is gone on with. */
static void begin_again(cf_carried *self, cf_carried_blob *blob, uint64_t from)
{
    cf_transfer_forget_want(cf_link_transfer(self->options.peer->link), &blob->id);
    cf_carried_set_size(self, blob, 0);
    blob->from = from;
    cf_carried_become(self, blob, CF_CARRIED_LACKING);
}

static void end_put(cf_carried *self, cf_carried_blob *blob, const put_answer *answer,
                    uint64_t expected)
{
    if (answer->status == CF_FORGED) { /* the broker's bytes are not what their name says */
        cf_report(self->options.peer->env, CF_REPORT_WARNING, "a blob that the broker gave: %s",
                  answer->error.text);
        begin_again(self, blob, 0);
        cf_carried_become(self, blob, CF_CARRIED_ABSENT);
    } else if (answer->status) {
        begin_again(self, blob, 0);
        cf_carried_in_trouble(self, &answer->error);
    } else if (answer->held.complete) {
        cf_carried_become(self, blob, CF_CARRIED_HELD);
        self->trouble = (cf_error){0};
        cf_carried_make_room(self);            /* by the oldest, maybe this one */
    } else if (answer->held.size < expected) { /* somebody took away what was here of it */
        begin_again(self, blob, 0);
    }
}

/* What this device needs itself to open its store again, and to take more entries, stays free. */
static cf_status leave_reserve(const cf_carried *self, size_t size, cf_error *error)
{
    const cf_peer *peer = self->options.peer;
    cf_files *files = peer->env->files;
    uint64_t left, whole;

    cf_status status =
        files->free_bytes(files, cf_home_temporary(peer->home), &left, &whole, error);
    if (status || left >= cf_reserve_of_contents(whole) + size)
        return status;
    return cf_fail(error, CF_FULL,
                   "the disk of this device's home has no more room than the device needs itself: "
                   "make room there, or `counterfoil limit --max-size SIZE`");
}

/* A size is the broker's word until the blob is whole, so nothing is dropped for one that is on its
 * way. Beyond the room there may be what the largest blob takes, and one is fetched at any rate:
 *
 *     room 100 MiB, held 100, on their way 9 and 9 MiB    the second has to wait for the first
 *     room 100 MiB, held 90, on their way 9 and 9 MiB     both come, and the oldest go */
static bool is_crowded_by(const cf_carried *self)
{
    const uint64_t most = CF_BLOB_MAX + CF_BLOB_OVERHEAD;

    return self->used > most && self->used - most > self->options.room &&
           self->counts[CF_CARRIED_FETCHING] > 1;
}

static void leave_too_large(cf_carried *self, cf_carried_blob *blob)
{
    begin_again(self, blob, 0);
    cf_carried_become(self, blob, CF_CARRIED_TOO_LARGE);
}

bool cf_carried_received(cf_carried *carried, const cf_hash *id, uint64_t offset, uint64_t total,
                         cf_bytes bytes)
{
    const cf_peer *peer = carried->options.peer;
    cf_carried_blob *blob = cf_carried_find(carried, id);
    cf_blobs *blobs = carried->options.blobs;
    put_answer answer = {0};

    if (!blob || blob->state != CF_CARRIED_FETCHING)
        return false;
    if (total > carried->options.room) {
        leave_too_large(carried, blob);
        return true;
    }
    cf_carried_set_size(carried, blob, total);
    if (is_crowded_by(carried)) {
        begin_again(carried, blob, offset);
        carried->is_crowded = true;
        return true;
    }
    if (leave_reserve(carried, bytes.size, &answer.error)) {
        begin_again(carried, blob, offset);
        cf_carried_in_trouble(carried, &answer.error);
        return true;
    }
    blobs->put(blobs, &(cf_blob_put){.user = *cf_peer_user(peer),
                                     .id = *id,
                                     .offset = offset,
                                     .total = total,
                                     .bytes = bytes,
                                     .now_ms = cf_env_now_ms(peer->env),
                                     .done = note_put,
                                     .context = &answer});
    end_put(carried, blob, &answer, offset + bytes.size);
    return true;
}

/* What is here of it may be longer than the blob is: the next time all of it is asked for. */
static void take_as_absent(cf_carried *self, cf_carried_blob *blob)
{
    cf_carried_become(self, blob, CF_CARRIED_ABSENT);
    cf_carried_set_size(self, blob, 0);
    blob->from = 0;
}

bool cf_carried_absent(cf_carried *carried, const cf_hash *id)
{
    cf_carried_blob *blob = cf_carried_find(carried, id);

    if (!blob || blob->state != CF_CARRIED_FETCHING)
        return false;
    take_as_absent(carried, blob);
    return true;
}

/* ---- What the broker lacks ---- */

void cf_carried_wanted(cf_carried *carried, const cf_hash *blobs, size_t count)
{
    cf_blobs *here = carried->options.blobs;
    cf_link *link = carried->options.peer->link;
    cf_blob_held held = {0};
    cf_error error;

    for (size_t i = 0; i < count; i++)
        if (here->held(here, cf_peer_user(carried->options.peer), &blobs[i], &held, &error))
            cf_carried_in_trouble(carried, &error);
        else if (held.complete)
            cf_transfer_offer(cf_link_transfer(link), &blobs[i], held.size, CF_RANK_LARGE);
}

bool cf_carried_piece(cf_carried *carried, const cf_hash *id, uint64_t offset, size_t size,
                      cf_buffer *out)
{
    cf_blobs *blobs = carried->options.blobs;
    uint64_t total;
    cf_error error;

    cf_status status = blobs->get(blobs, cf_peer_user(carried->options.peer), id, offset, size, out,
                                  &total, &error);
    if (!status)
        return true;
    if (status != CF_MISSING)
        cf_carried_in_trouble(carried, &error);
    cf_transfer_forget_offer(cf_link_transfer(carried->options.peer->link), id);
    return false;
}

/* What was damaged here is put aside, and fetched once somebody has brought it. */
static void doubt(cf_carried *self, const cf_hash *id)
{
    const cf_peer *peer = self->options.peer;
    cf_carried_blob *blob = cf_carried_find(self, id);
    cf_blobs *blobs = self->options.blobs;
    cf_blob_held held = {0};
    cf_error error;

    if (blobs->set_aside(blobs, cf_peer_user(peer), id, &error) == CF_CHANGED ||
        blobs->held(blobs, cf_peer_user(peer), id, &held, &error) || held.complete)
        return;
    cf_report(peer->env, CF_REPORT_WARNING,
              "a blob that is carried here was damaged: it is fetched anew");
    if (blob && blob->state == CF_CARRIED_HELD)
        take_as_absent(self, blob); /* the broker wanted it */
}

bool cf_carried_refused(cf_carried *carried, const cf_hash *id, const cf_error *why)
{
    cf_carried_blob *blob = cf_carried_find(carried, id);

    if (!blob)
        return false;
    if (blob->state == CF_CARRIED_FETCHING) {
        take_as_absent(carried, blob);
        return true;
    }
    if (why->status == CF_FORGED)
        doubt(carried, id);
    return false; /* it may be an upload, too */
}

void cf_carried_show(const cf_carried *carried, cf_carried_shown *out)
{
    const uint64_t *counts = carried->counts;

    *out = (cf_carried_shown){
        .count = counts[CF_CARRIED_HELD],
        .size = carried->held_size,
        .room = carried->options.room,
        .lacks = counts[CF_CARRIED_LACKING] + counts[CF_CARRIED_FETCHING] +
                 counts[CF_CARRIED_ABSENT] + counts[CF_CARRIED_TOO_LARGE],
        .absent = counts[CF_CARRIED_ABSENT],
        .drops_older = carried->drops_older,
        .is_known = cf_carried_is_through(carried),
        .trouble = carried->trouble.status ? carried->trouble.text : NULL,
    };
}
