/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway/alone.h"

#include "broker/gateway/alone_blobs.h"
#include "broker/gateway/transfer_server.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    cf_hash user, holder;
    cf_id collection;
    cf_lease_token token;
    uint64_t until_ms;     /* these by the clock that nobody sets */
    uint64_t gone_ms;      /* when the holder's last session ended; 0: it has one */
    bool is_spent;         /* others go on, and it does not begin anew */
    cf_alone_blobs *blobs; /* NULL: nobody has asked for any */
} alone;

enum { GETS_MAX = 16 }; /* without an answer, of a session */

/* A GET or FETCH that waits until it is known whose the blob is. */
typedef struct {
    cf_request request;
    cf_message message;
} waiting_get;

struct cf_alones {
    cf_service *service;
    alone *all;
    size_t count, capacity;
    waiting_get *waiting;
    size_t waiting_count, waiting_capacity;
};

cf_alones *cf_alones_new(cf_service *service)
{
    cf_alones *alones = cf_allocate(1, sizeof *alones);

    alones->service = service;
    return alones;
}

void cf_alones_destroy(cf_alones **alones)
{
    if (!*alones)
        return;
    for (size_t i = 0; i < (*alones)->count; i++)
        cf_alone_blobs_destroy(&(*alones)->all[i].blobs);
    free((*alones)->all);
    free((*alones)->waiting);
    free(*alones);
    *alones = NULL;
}

static alone *find(const cf_alones *alones, const cf_hash *user, const cf_id *collection)
{
    for (size_t i = 0; i < alones->count; i++)
        if (cf_id_equal(&alones->all[i].collection, collection) &&
            cf_hash_equal(&alones->all[i].user, user))
            return &alones->all[i];
    return NULL;
}

static bool is_kept_from(const alone *it, const cf_session *session)
{
    return !it->is_spent && session->is_greeted && !cf_hash_equal(&it->holder, &session->device) &&
           cf_hash_equal(&it->user, cf_log_user(session->log));
}

static bool has_session(const cf_alones *alones, const alone *it, const cf_session *but)
{
    const cf_session *session = cf_sessions_first_of(alones->service->sessions, &it->user);

    while (session && (session == but || !session->is_greeted ||
                       !cf_hash_equal(&session->device, &it->holder)))
        session = cf_sessions_next_of(session);
    return session != NULL;
}

/* ---- What it means for a session ---- */

static void keep_from(const cf_alones *alones, const alone *it, cf_session *session)
{
    cf_replay_hold(session->replay, &it->collection);
    session->kept_count++;
    session->owes_paused = true;
    cf_sessions_make_due(alones->service->sessions, session);
}

static void let_go_on(const cf_alones *alones, const alone *it)
{
    cf_sessions *sessions = alones->service->sessions;

    for (cf_session *session = cf_sessions_first_of(sessions, &it->user); session;
         session = cf_sessions_next_of(session)) {
        if (!is_kept_from(it, session))
            continue;
        cf_replay_release(session->replay, &it->collection);
        session->kept_count--;
        session->owes_paused = session->is_behind = true;
        cf_sessions_make_due(sessions, session);
    }
}

void cf_alones_greet(cf_alones *alones, cf_session *session)
{
    for (size_t i = 0; i < alones->count; i++) {
        alone *it = &alones->all[i];

        if (is_kept_from(it, session))
            keep_from(alones, it, session);
        else if (cf_hash_equal(&it->holder, &session->device) &&
                 cf_hash_equal(&it->user, cf_log_user(session->log)))
            it->gone_ms = 0;
    }
}

void cf_alones_forget(cf_alones *alones, const cf_session *session)
{
    for (size_t i = 0; i < alones->count; i++) {
        alone *it = &alones->all[i];

        if (cf_hash_equal(&it->holder, &session->device) && !it->gone_ms &&
            !has_session(alones, it, session))
            it->gone_ms = alones->service->steady_ms;
    }
}

static cf_paused paused_of(const cf_alones *alones, const alone *it, const cf_session *session)
{
    const cf_service *service = alones->service;
    const uint64_t left = it->until_ms > service->steady_ms ? it->until_ms - service->steady_ms : 0;

    return (cf_paused){it->collection, service->now_ms + left,
                       cf_replay_kept_back(session->replay, &it->collection) > 0};
}

void cf_alones_tell(const cf_alones *alones, cf_session *session)
{
    cf_paused *list;
    size_t count = 0;

    if (!session->hears_leases) /* told once it asks */
        return;
    session->owes_paused = false;
    list = cf_allocate(session->kept_count, sizeof *list);
    for (size_t i = 0; i < alones->count && count < session->kept_count; i++)
        if (is_kept_from(&alones->all[i], session))
            list[count++] = paused_of(alones, &alones->all[i], session);
    cf_message message = {.command = CF_COMMAND_PAUSED, .paused = {list, count}};
    cf_session_send(alones->service, session, &message);
    free(list);
}

/* ---- Beginning and ending ---- */

static bool may_write(const cf_log *log, const cf_hash *device)
{
    const cf_device *found = cf_registry_device(cf_log_registry(log), device);

    return found && cf_registry_is_valid(cf_log_registry(log), device) &&
           (found->role == CF_ROLE_OWNER || found->role == CF_ROLE_MEMBER);
}

static void drop(cf_alones *alones, alone *it)
{
    if (!it->is_spent)
        let_go_on(alones, it);
    cf_alone_blobs_destroy(&it->blobs);
    *it = alones->all[--alones->count];
}

bool cf_alones_begin(cf_alones *alones, const cf_session *session, const cf_lease_held *held)
{
    const cf_hash *user = cf_log_user(session->log);
    alone *it = find(alones, user, &held->collection);

    if (!may_write(session->log, &session->device))
        return false;
    if (it && cf_lease_token_is(&it->token, &held->token))
        return false;
    if (it)
        drop(alones, it);
    it = cf_one_more(alones->all, alones->count, alones->capacity);
    *it = (alone){.user = *user,
                  .holder = session->device,
                  .collection = held->collection,
                  .token = held->token,
                  .until_ms = alones->service->steady_ms + CF_ALONE_MS};
    for (cf_session *other = cf_sessions_first_of(alones->service->sessions, user); other;
         other = cf_sessions_next_of(other))
        if (is_kept_from(it, other))
            keep_from(alones, it, other);
    return true;
}

void cf_alones_end(cf_alones *alones, const cf_session *session, const cf_id *collection)
{
    alone *it = find(alones, cf_log_user(session->log), collection);

    if (it && cf_hash_equal(&it->holder, &session->device))
        drop(alones, it);
}

/* The lease under which it began, and the right to have it. */
static bool has_lease(const cf_alones *alones, const alone *it)
{
    cf_log *log = cf_users_find(alones->service->users, &it->user);
    cf_leases *leases = log ? cf_log_leases(log) : NULL;
    cf_lease_held by;

    if (!log)
        return false;
    if (!leases) /* the store is being opened again */
        return true;
    return may_write(log, &it->holder) &&
           cf_leases_fence(leases, &it->collection, &it->holder, &it->token, &by) == CF_FENCE_OPEN;
}

static uint64_t end_of(const alone *it)
{
    const uint64_t gone_ms = it->gone_ms ? it->gone_ms + CF_ALONE_GONE_MS : UINT64_MAX;

    if (it->is_spent)
        return UINT64_MAX;
    return gone_ms < it->until_ms ? gone_ms : it->until_ms;
}

/* Others go on; that it began is forgotten with the lease. */
static void spend(cf_alones *alones, alone *it)
{
    let_go_on(alones, it);
    it->is_spent = true;
    cf_alone_blobs_destroy(&it->blobs);
}

/* ---- Blobs ---- */

static size_t blobs_of_user(const cf_alones *alones, const cf_hash *user)
{
    size_t count = 0;

    for (size_t i = 0; i < alones->count; i++)
        if (alones->all[i].blobs && cf_hash_equal(&alones->all[i].user, user))
            count += cf_alone_blobs_count(alones->all[i].blobs);
    return count;
}

/* False: something is to be read before that is known of the blob. */
static bool look_up(cf_alones *alones, const cf_session *session, const cf_hash *blob, bool *kept)
{
    bool is_known = true;

    *kept = false;
    for (size_t i = 0; i < alones->count; i++) {
        alone *it = &alones->all[i];

        if (!is_kept_from(it, session))
            continue;
        if (!it->blobs)
            it->blobs = cf_alone_blobs_new(session->log, &it->collection);
        *kept |= cf_alone_blobs_have(it->blobs, blob);
        is_known &= cf_alone_blobs_are_known(it->blobs);
    }
    return is_known || *kept;
}

static void refuse_get(const cf_alones *alones, const cf_session *session,
                       const cf_message *message, const char *code, const char *text)
{
    const cf_refusal refusal = {.request = message->command,
                                .name = cf_bytes_of(message->get.id.bytes, CF_HASH_SIZE),
                                .later = true,
                                .code = code,
                                .text = text};

    cf_refuse(alones->service, cf_session_destination(session), &refusal);
}

static size_t waiting_of(const cf_alones *alones, const cf_session *session)
{
    size_t count = 0;

    for (size_t i = 0; i < alones->waiting_count; i++)
        count += alones->waiting[i].request.serial == session->serial;
    return count;
}

bool cf_alones_keep_back(cf_alones *alones, cf_session *session, const cf_message *message)
{
    bool kept;

    if (!session->kept_count)
        return false;
    if (look_up(alones, session, &message->get.id, &kept)) {
        if (kept)
            refuse_get(alones, session, message, CF_REFUSED_LOCKED,
                       "another device communicates alone there");
        return kept;
    }
    if (waiting_of(alones, session) >= GETS_MAX) {
        refuse_get(alones, session, message, CF_REFUSED_BUSY, "too many GETs wait");
        return true;
    }
    *cf_one_more(alones->waiting, alones->waiting_count, alones->waiting_capacity) =
        (waiting_get){cf_request_of(alones->service, session, 0), *message};
    return true;
}

/* True: there is more to read. */
static bool read_on(cf_alones *alones)
{
    bool more = false;

    for (size_t i = 0; i < alones->count; i++) {
        alone *it = &alones->all[i];

        if (!it->blobs || cf_alone_blobs_are_known(it->blobs))
            continue;
        const size_t others = blobs_of_user(alones, &it->user) - cf_alone_blobs_count(it->blobs);
        cf_alone_blobs_read(it->blobs,
                            others < CF_ALONE_BLOBS_MAX ? CF_ALONE_BLOBS_MAX - others : 0);
        more |= !cf_alone_blobs_are_known(it->blobs);
    }
    return more;
}

static void answer_waiting(cf_alones *alones)
{
    size_t left = alones->waiting_count;

    for (size_t i = 0; i < left;) {
        const waiting_get get = alones->waiting[i];
        cf_session *session = cf_request_session(&get.request);
        bool kept;

        if (session && session->kept_count &&
            !look_up(alones, session, &get.message.get.id, &kept)) {
            i++;
            continue;
        }
        memmove(&alones->waiting[i], &alones->waiting[i + 1],
                (alones->waiting_count - i - 1) * sizeof *alones->waiting);
        alones->waiting_count--;
        left--;
        if (session && !cf_alones_keep_back(alones, session, &get.message))
            cf_transfer_get(alones->service, session, &get.message);
    }
}

uint64_t cf_alones_tick(cf_alones *alones)
{
    const uint64_t now_ms = alones->service->steady_ms;
    uint64_t next = UINT64_MAX;
    bool changed = false;

    for (size_t i = alones->count; i-- > 0;) {
        alone *it = &alones->all[i];

        if (!has_lease(alones, it)) {
            changed |= !it->is_spent;
            drop(alones, it);
        } else if (end_of(it) <= now_ms) {
            spend(alones, it);
            changed = true;
        } else if (end_of(it) < next) {
            next = end_of(it);
        }
    }
    changed |= read_on(alones);
    if (alones->waiting_count)
        answer_waiting(alones);
    return changed ? now_ms : next;
}
