/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_actor.h"

#include "broker/platform/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { REOPEN_EVERY_S = 1 };

typedef struct request request;

/* What the thread is asked for. Appends come back as letters; who asks for anything else waits. */
struct request {
    cf_letter letter;
    void (*run)(cf_store_actor *actor, request *request);
    cf_append *append; /* a copy, owned */
    cf_append_answer answer;
    uint64_t position;
    cf_error error;
    cf_store_actor *actor;
    sem_t finished; /* of those that wait */
    cf_status status;
    const cf_hash *user;
    uint64_t *epoch;
    const cf_kv *records;
    size_t record_count;
    bool synced;
};

struct cf_store_actor {
    cf_store base; /* the proxy */
    cf_store *inner;
    cf_mailbox *requests;
    cf_mailbox *answers;
    pthread_t thread;
    bool stopping;     /* the thread's, as what follows */
    cf_status failure; /* of the last commit */
    time_t last_try_s; /* when the store failed, or was last opened again */
};

static void answered(void *context, cf_append_answer answer, uint64_t position,
                     const cf_error *error)
{
    request *it = context;

    it->answer = answer;
    it->position = position;
    it->error = *error;
    cf_mailbox_put(it->actor->answers, &it->letter);
}

static time_t seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* The failure has to be seen before the store is opened again, which is tried now and then. */
static void note_status(cf_store_actor *actor, cf_status status)
{
    if (status && !actor->failure)
        actor->last_try_s = seconds();
    actor->failure = status;
}

static void reopen_now_and_then(cf_store_actor *actor)
{
    cf_error error;

    if (!actor->failure || seconds() - actor->last_try_s < REOPEN_EVERY_S)
        return;
    actor->last_try_s = seconds();
    actor->failure = actor->inner->reopen(actor->inner, &error);
}

static void run_append(cf_store_actor *actor, request *it)
{
    cf_append append = *it->append;

    append.done = answered;
    append.context = it;
    actor->inner->append(actor->inner, &append);
}

static void run_commit(cf_store_actor *actor, request *it)
{
    it->status = actor->inner->commit(actor->inner, &it->error);
    note_status(actor, it->status);
    sem_post(&it->finished);
}

static void run_acquire(cf_store_actor *actor, request *it)
{
    it->status = actor->inner->acquire(actor->inner, it->user, it->epoch, &it->error);
    sem_post(&it->finished);
}

static void run_write(cf_store_actor *actor, request *it)
{
    it->status = actor->inner->write(actor->inner, it->user, it->records, it->record_count,
                                     it->synced, &it->error);
    sem_post(&it->finished);
}

static void run_forget(cf_store_actor *actor, request *it)
{
    it->status = actor->inner->forget(actor->inner, it->user, &it->error);
    sem_post(&it->finished);
}

static void run_reopen(cf_store_actor *actor, request *it)
{
    it->status = actor->inner->reopen(actor->inner, &it->error);
    note_status(actor, it->status);
    sem_post(&it->finished);
}

static void run_stop(cf_store_actor *actor, request *it)
{
    (void)it;
    actor->stopping = true;
}

/* Everything that has come goes into one commit. */
static void *serve(void *context)
{
    cf_store_actor *actor = context;
    cf_error error;

    while (!actor->stopping) {
        cf_letter *next, *letter = cf_mailbox_wait(actor->requests);

        reopen_now_and_then(actor);
        for (; letter; letter = next) {
            request *it = (request *)letter;

            next = letter->next; /* `it` may be gone, or a letter elsewhere, once it was run */
            it->run(actor, it);
        }
        note_status(actor, actor->inner->commit(actor->inner, &error));
    }
    return NULL;
}

static void send_append(cf_store *base, const cf_append *append)
{
    cf_store_actor *actor = (cf_store_actor *)base;
    request *it = cf_allocate(1, sizeof *it);

    it->run = run_append;
    it->actor = actor;
    it->append = cf_append_copy(append);
    cf_mailbox_put(actor->requests, &it->letter);
}

static cf_status ask(cf_store *base, request *it, cf_error *error)
{
    sem_init(&it->finished, 0, 0);
    cf_mailbox_put(((cf_store_actor *)base)->requests, &it->letter);
    while (sem_wait(&it->finished) != 0 && errno == EINTR)
        ;
    sem_destroy(&it->finished);
    if (it->status)
        *error = it->error;
    return it->status;
}

static cf_status ask_commit(cf_store *base, cf_error *error)
{
    request it = {.run = run_commit};
    cf_status status = ask(base, &it, error);

    cf_store_actor_deliver((cf_store_actor *)base);
    return status;
}

static cf_status ask_acquire(cf_store *base, const cf_hash *user, uint64_t *epoch, cf_error *error)
{
    request it = {.run = run_acquire, .user = user, .epoch = epoch};

    return ask(base, &it, error);
}

static cf_status ask_write(cf_store *base, const cf_hash *user, const cf_kv *records, size_t count,
                           bool synced, cf_error *error)
{
    request it = {.run = run_write,
                  .user = user,
                  .records = records,
                  .record_count = count,
                  .synced = synced};

    return ask(base, &it, error);
}

static cf_status ask_forget(cf_store *base, const cf_hash *user, cf_error *error)
{
    request it = {.run = run_forget, .user = user};

    return ask(base, &it, error);
}

static cf_status ask_reopen(cf_store *base, cf_error *error)
{
    request it = {.run = run_reopen};

    return ask(base, &it, error);
}

static cf_store *inner_of(cf_store *base)
{
    return ((cf_store_actor *)base)->inner;
}

static cf_status pass_failure(cf_store *base, bool *for_good, cf_error *error)
{
    return inner_of(base)->failure(inner_of(base), for_good, error);
}

static cf_status pass_damage(cf_store *base, cf_error *error)
{
    return inner_of(base)->damage(inner_of(base), error);
}

static void pass_compact(cf_store *base)
{
    inner_of(base)->compact(inner_of(base));
}

static void pass_instance(cf_store *base, uint8_t out[16])
{
    inner_of(base)->instance(inner_of(base), out);
}

static cf_status pass_read(cf_store *base, const cf_hash *user, uint64_t position,
                           cf_entry_visit *visit, void *context, cf_error *error)
{
    return inner_of(base)->read(inner_of(base), user, position, visit, context, error);
}

static cf_status pass_last(cf_store *base, const cf_hash *user, uint64_t *position, cf_error *error)
{
    return inner_of(base)->last(inner_of(base), user, position, error);
}

static cf_status pass_size(cf_store *base, const cf_hash *user, uint64_t *size, cf_error *error)
{
    return inner_of(base)->size(inner_of(base), user, size, error);
}

/* What remains is done by the thread, with a commit. */
static cf_status pass_purge(cf_store *base, const cf_hash *user, cf_error *error)
{
    request it = {.run = run_commit};
    cf_status status = inner_of(base)->purge(inner_of(base), user, error);

    return status ? status : ask(base, &it, error);
}

static cf_status pass_find(cf_store *base, const cf_hash *user, const cf_head *entry,
                           uint64_t *position, cf_error *error)
{
    return inner_of(base)->find(inner_of(base), user, entry, position, error);
}

static cf_status pass_chain(cf_store *base, const cf_hash *user, const cf_id *writer,
                            uint64_t sequence, cf_chain_visit *visit, void *context,
                            cf_error *error)
{
    return inner_of(base)->chain(inner_of(base), user, writer, sequence, visit, context, error);
}

static cf_status pass_heads(cf_store *base, const cf_hash *user, cf_head_visit *visit,
                            void *context, cf_error *error)
{
    return inner_of(base)->heads(inner_of(base), user, visit, context, error);
}

static cf_status pass_get(cf_store *base, const cf_hash *user, cf_bytes key, cf_buffer *value,
                          cf_error *error)
{
    return inner_of(base)->get(inner_of(base), user, key, value, error);
}

static cf_status pass_scan(cf_store *base, const cf_hash *user, cf_bytes prefix,
                           cf_record_visit *visit, void *context, cf_error *error)
{
    return inner_of(base)->scan(inner_of(base), user, prefix, visit, context, error);
}

static cf_status pass_users(cf_store *base, cf_user_visit *visit, void *context, cf_error *error)
{
    return inner_of(base)->users(inner_of(base), visit, context, error);
}

static cf_status pass_verify(cf_store *base, cf_damage_visit *damaged, void *context,
                             cf_error *error)
{
    return inner_of(base)->verify(inner_of(base), damaged, context, error);
}

static const cf_store proxy = {
    .reopen = ask_reopen,
    .failure = pass_failure,
    .damage = pass_damage,
    .compact = pass_compact,
    .instance = pass_instance,
    .acquire = ask_acquire,
    .append = send_append,
    .commit = ask_commit,
    .write = ask_write,
    .forget = ask_forget,
    .purge = pass_purge,
    .read = pass_read,
    .last = pass_last,
    .size = pass_size,
    .find = pass_find,
    .chain = pass_chain,
    .heads = pass_heads,
    .get = pass_get,
    .scan = pass_scan,
    .users = pass_users,
    .verify = pass_verify,
};

static void free_actor(cf_store_actor *actor)
{
    cf_store_destroy(&actor->inner);
    cf_mailbox_destroy(&actor->requests);
    cf_mailbox_destroy(&actor->answers);
    free(actor);
}

/* Signals belong to the main loop. */
static int start_thread(cf_store_actor *actor)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&actor->thread, NULL, serve, actor);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}

cf_status cf_store_actor_new(cf_store **inner, cf_store_actor **out, cf_error *error)
{
    cf_store_actor *actor = cf_allocate(1, sizeof *actor);

    actor->base = proxy;
    actor->base.remedy = (*inner)->remedy;
    actor->inner = *inner;
    *inner = NULL;
    cf_status status = cf_mailbox_new(&actor->requests, error);
    if (status == CF_OK)
        status = cf_mailbox_new(&actor->answers, error);
    if (status == CF_OK) {
        int number = start_thread(actor);
        if (number)
            status = cf_fail_errno(error, number, "starting the store's thread");
    }
    if (status) {
        free_actor(actor);
        return status;
    }
    *out = actor;
    return CF_OK;
}

static void free_request(request *it)
{
    free(it->append);
    free(it);
}

void cf_store_actor_destroy(cf_store_actor **actor)
{
    cf_store_actor *it = *actor;
    request stop = {.run = run_stop};
    cf_letter *next;

    if (!it)
        return;
    cf_mailbox_put(it->requests, &stop.letter);
    pthread_join(it->thread, NULL);
    for (cf_letter *letter = cf_mailbox_take(it->answers); letter; letter = next) {
        next = letter->next;
        free_request((request *)letter);
    }
    free_actor(it);
    *actor = NULL;
}

cf_store *cf_store_actor_store(cf_store_actor *actor)
{
    return &actor->base;
}

int cf_store_actor_descriptor(const cf_store_actor *actor)
{
    return cf_mailbox_descriptor(actor->answers);
}

size_t cf_store_actor_deliver(cf_store_actor *actor)
{
    size_t count = 0;
    cf_letter *next;

    for (cf_letter *letter = cf_mailbox_take(actor->answers); letter; letter = next, count++) {
        request *it = (request *)letter;

        next = letter->next;
        if (it->append->done)
            it->append->done(it->append->context, it->answer, it->position, &it->error);
        free_request(it);
    }
    return count;
}
