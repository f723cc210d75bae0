/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/blobs/blob_actor.h"

#include "broker/platform/mailbox.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* A put on its way there and back. */
typedef struct {
    cf_letter letter;
    cf_blob_put put; /* data NULL: the thread ends */
    cf_status status;
    cf_blob_held held;
    cf_error error;
    cf_mailbox *answers;
    uint8_t bytes[]; /* of the piece */
} request;

typedef struct {
    cf_blobs *inner;
    cf_mailbox *requests;
    pthread_t thread;
    bool started;
} worker;

struct cf_blob_actor {
    cf_blobs base; /* the proxy */
    cf_blobs *inner;
    cf_mailbox *answers;
    size_t under_way;
    size_t count;
    worker workers[];
};

static void answered(void *context, cf_status status, cf_blob_held held, const cf_error *error)
{
    request *it = context;

    it->status = status;
    it->held = held;
    it->error = *error;
    cf_mailbox_put(it->answers, &it->letter);
}

static void *serve(void *context)
{
    const worker *self = context;

    for (;;) {
        cf_letter *next, *letter = cf_mailbox_wait(self->requests);

        for (; letter; letter = next) {
            const request *it = (const request *)letter;

            next = letter->next; /* once put, it is a letter elsewhere */
            if (!it->put.bytes.data)
                return NULL;
            cf_blob_put put = it->put;
            put.done = answered;
            put.context = letter;
            self->inner->put(self->inner, &put);
        }
    }
}

/* All pieces of one blob go to one thread, which keeps them in order. */
static worker *worker_of(cf_blob_actor *actor, const cf_hash *id)
{
    return &actor->workers[cf_get_u32(id->bytes) % actor->count];
}

static void send_put(cf_blobs *base, const cf_blob_put *put)
{
    cf_blob_actor *actor = (cf_blob_actor *)base;
    request *it = cf_allocate(1, sizeof *it + put->bytes.size + 1);

    it->put = *put;
    it->answers = actor->answers;
    if (put->bytes.size)
        memcpy(it->bytes, put->bytes.data, put->bytes.size);
    it->put.bytes = cf_bytes_of(it->bytes, put->bytes.size);
    actor->under_way++;
    cf_mailbox_put(worker_of(actor, &put->id)->requests, &it->letter);
}

static cf_blobs *inner_of(cf_blobs *base)
{
    return ((cf_blob_actor *)base)->inner;
}

static cf_status pass_held(cf_blobs *base, const cf_hash *user, const cf_hash *id,
                           cf_blob_held *out, cf_error *error)
{
    return inner_of(base)->held(inner_of(base), user, id, out, error);
}

static cf_status pass_first_bytes(cf_blobs *base, const cf_hash *user, cf_blob_first_bytes *out,
                                  cf_error *error)
{
    return inner_of(base)->first_bytes(inner_of(base), user, out, error);
}

static cf_status pass_get(cf_blobs *base, const cf_hash *user, const cf_hash *id, uint64_t offset,
                          size_t size, cf_buffer *out, uint64_t *total, cf_error *error)
{
    return inner_of(base)->get(inner_of(base), user, id, offset, size, out, total, error);
}

static cf_status pass_list(cf_blobs *base, const cf_hash *user, uint8_t first, cf_blob_visit *visit,
                           void *context, cf_error *error)
{
    return inner_of(base)->list(inner_of(base), user, first, visit, context, error);
}

static cf_status pass_users(cf_blobs *base, cf_blob_user_visit *visit, void *context,
                            cf_error *error)
{
    return inner_of(base)->users(inner_of(base), visit, context, error);
}

static cf_status pass_drop(cf_blobs *base, const cf_hash *user, const cf_hash *id, cf_error *error)
{
    return inner_of(base)->drop(inner_of(base), user, id, error);
}

static cf_status pass_drop_upload(cf_blobs *base, const cf_hash *user, const cf_hash *id,
                                  cf_error *error)
{
    return inner_of(base)->drop_upload(inner_of(base), user, id, error);
}

static cf_status pass_set_aside(cf_blobs *base, const cf_hash *user, const cf_hash *id,
                                cf_error *error)
{
    return inner_of(base)->set_aside(inner_of(base), user, id, error);
}

static cf_status pass_forget(cf_blobs *base, const cf_hash *user, cf_error *error)
{
    return inner_of(base)->forget(inner_of(base), user, error);
}

static const cf_blobs proxy = {
    .put = send_put,
    .held = pass_held,
    .first_bytes = pass_first_bytes,
    .get = pass_get,
    .list = pass_list,
    .users = pass_users,
    .drop = pass_drop,
    .drop_upload = pass_drop_upload,
    .set_aside = pass_set_aside,
    .forget = pass_forget,
};

/* Signals belong to the main loop. */
static cf_status start_worker(worker *self, cf_error *error)
{
    sigset_t all, before;

    cf_status status = cf_mailbox_new(&self->requests, error);
    if (status)
        return status;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&self->thread, NULL, serve, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number)
        return cf_fail_errno(error, number, "starting a thread for blobs");
    self->started = true;
    return CF_OK;
}

cf_status cf_blob_actor_new(cf_blobs **inner, size_t threads, cf_blob_actor **out, cf_error *error)
{
    cf_blob_actor *actor = cf_allocate(1, sizeof *actor + threads * sizeof *actor->workers);

    actor->base = proxy;
    actor->inner = *inner;
    actor->count = threads;
    *inner = NULL;
    cf_status status = cf_mailbox_new(&actor->answers, error);
    for (size_t i = 0; status == CF_OK && i < threads; i++) {
        actor->workers[i].inner = actor->inner;
        status = start_worker(&actor->workers[i], error);
    }
    if (status) {
        cf_blob_actor_destroy(&actor);
        return status;
    }
    *out = actor;
    return CF_OK;
}

static void stop_worker(worker *self)
{
    request stop = {0};

    if (self->started) {
        cf_mailbox_put(self->requests, &stop.letter);
        pthread_join(self->thread, NULL);
    }
    cf_mailbox_destroy(&self->requests);
}

void cf_blob_actor_destroy(cf_blob_actor **actor)
{
    cf_blob_actor *it = *actor;

    if (!it)
        return;
    for (size_t i = 0; i < it->count; i++)
        stop_worker(&it->workers[i]);
    cf_letter *next, *letter = it->answers ? cf_mailbox_take(it->answers) : NULL;
    for (; letter; letter = next) {
        next = letter->next;
        free(letter);
    }
    cf_mailbox_destroy(&it->answers);
    cf_blobs_destroy(&it->inner);
    free(it);
    *actor = NULL;
}

cf_blobs *cf_blob_actor_blobs(cf_blob_actor *actor)
{
    return &actor->base;
}

int cf_blob_actor_descriptor(const cf_blob_actor *actor)
{
    return cf_mailbox_descriptor(actor->answers);
}

static size_t deliver(cf_blob_actor *actor, cf_letter *letter)
{
    size_t count = 0;
    cf_letter *next;

    for (; letter; letter = next, count++) {
        request *it = (request *)letter;

        next = letter->next;
        actor->under_way--;
        if (it->put.done)
            it->put.done(it->put.context, it->status, it->held, &it->error);
        free(it);
    }
    return count;
}

size_t cf_blob_actor_deliver(cf_blob_actor *actor)
{
    return deliver(actor, cf_mailbox_take(actor->answers));
}

void cf_blob_actor_finish(cf_blob_actor *actor)
{
    while (actor->under_way)
        deliver(actor, cf_mailbox_wait(actor->answers));
}
