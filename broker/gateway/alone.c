/* SPDX-License-Identifier: Apache-2.0 */
/* When a device is alone no more: it says so, or its lease is over, or its right to write is.
 * Others also go on after CF_ALONE_MS, or CF_ALONE_GONE_MS after its last session; then it is
 * spent, and can't begin anew under that lease. Whether a blob is kept from others waits until it
 * is known what the collection names. */
#include "broker/gateway/alone.h"

#include "broker/gateway/alone_blobs.h"
#include "broker/gateway/blob_service.h"
#include "codec/deadlines.h"
#include "codec/hash_table.h"

#include <stdlib.h>
#include <string.h>

typedef struct alone alone;
struct alone {
    cf_hash_link by_user;
    cf_deadline end;          /* 0: it is looked at in the next round */
    alone *next_read, **read; /* what points to it, among those whose blobs are read; or NULL */
    cf_hash user, holder;
    cf_id collection;
    cf_lease_token token;
    uint64_t until_ms;     /* these by the clock that nobody sets */
    uint64_t gone_ms;      /* when the holder's last session ended; 0: it has one */
    bool is_spent;         /* others go on, and it does not begin anew */
    cf_alone_blobs *blobs; /* NULL: nobody has asked for any */
};

enum { GETS_MAX = 16 }; /* without an answer, of a session */

/* A GET or FETCH that waits until it is known whose the blob is. */
typedef struct {
    cf_request request;
    cf_message message;
} waiting_get;

struct cf_alones {
    cf_service *service;
    cf_hash_table by_user;
    cf_deadlines ends;
    alone *reading; /* whose blobs aren't known yet */
    waiting_get *waiting;
    size_t waiting_count, waiting_capacity;
};

cf_alones *cf_alones_new(cf_service *service)
{
    cf_alones *alones = cf_allocate(1, sizeof *alones);

    alones->service = service;
    return alones;
}

static void stop_reading(alone *it)
{
    if (!it->read)
        return;
    *it->read = it->next_read;
    if (it->next_read)
        it->next_read->read = it->read;
    it->read = NULL;
}

static void forget_blobs(alone *it)
{
    stop_reading(it);
    cf_alone_blobs_destroy(&it->blobs);
}

static void forget(cf_alones *alones, alone *it)
{
    forget_blobs(it);
    cf_deadlines_set(&alones->ends, &it->end, UINT64_MAX);
    cf_hash_table_remove(&alones->by_user, &it->by_user);
    free(it);
}

void cf_alones_destroy(cf_alones **alones)
{
    if (!*alones)
        return;
    for (cf_hash_link *link; (link = cf_hash_table_walk(&(*alones)->by_user, NULL));)
        forget(*alones, cf_container_of(link, alone, by_user));
    cf_hash_table_release(&(*alones)->by_user);
    cf_deadlines_release(&(*alones)->ends);
    free((*alones)->waiting);
    free(*alones);
    *alones = NULL;
}

/* One of the user's from this link on; NULL: no more. */
static alone *of_user(cf_hash_link *link, const cf_hash *user)
{
    while (link && !cf_hash_equal(&cf_container_of(link, alone, by_user)->user, user))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, alone, by_user) : NULL;
}

/* The user's, the latest first. */
static alone *first_of(const cf_alones *alones, const cf_hash *user)
{
    return of_user(cf_hash_table_first(&alones->by_user, cf_hash_hash(user)), user);
}

static alone *next_of(const alone *it)
{
    return of_user(cf_hash_table_next(&it->by_user), &it->user);
}

static alone *find(const cf_alones *alones, const cf_hash *user, const cf_id *collection)
{
    alone *it = first_of(alones, user);

    while (it && !cf_id_equal(&it->collection, collection))
        it = next_of(it);
    return it;
}

static void look_next_round(cf_alones *alones, alone *it)
{
    cf_deadlines_set(&alones->ends, &it->end, 0);
}

void cf_alones_leases_changed(cf_alones *alones, const cf_hash *user)
{
    for (alone *it = first_of(alones, user); it; it = next_of(it))
        look_next_round(alones, it);
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
    for (alone *it = first_of(alones, cf_log_user(session->log)); it; it = next_of(it)) {
        if (is_kept_from(it, session)) {
            keep_from(alones, it, session);
        } else if (cf_hash_equal(&it->holder, &session->device)) {
            it->gone_ms = 0;
            look_next_round(alones, it);
        }
    }
}

void cf_alones_forget(cf_alones *alones, const cf_session *session)
{
    for (alone *it = first_of(alones, cf_log_user(session->log)); it; it = next_of(it))
        if (cf_hash_equal(&it->holder, &session->device) && !it->gone_ms &&
            !has_session(alones, it, session)) {
            it->gone_ms = alones->service->steady_ms;
            look_next_round(alones, it);
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
    const size_t count = session->kept_count;
    cf_paused *list;
    size_t left = count;

    if (!session->hears_leases) /* told once it asks */
        return;
    session->owes_paused = false;
    list = cf_allocate(count, sizeof *list);
    for (alone *it = first_of(alones, cf_log_user(session->log)); it && left; it = next_of(it))
        if (is_kept_from(it, session))
            list[--left] = paused_of(alones, it, session);
    cf_message message = {.command = CF_COMMAND_PAUSED,
                          .paused = {.collections = list + left, .count = count - left}};
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
    forget(alones, it);
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
    it = cf_allocate(1, sizeof *it);
    *it = (alone){.user = *user,
                  .holder = session->device,
                  .collection = held->collection,
                  .token = held->token,
                  .until_ms = alones->service->steady_ms + CF_ALONE_MS};
    cf_hash_table_add(&alones->by_user, &it->by_user, cf_hash_hash(user));
    look_next_round(alones, it);
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
    forget_blobs(it);
}

/* ---- Blobs ---- */

static size_t blobs_of_user(const cf_alones *alones, const cf_hash *user)
{
    size_t count = 0;

    for (const alone *it = first_of(alones, user); it; it = next_of(it))
        if (it->blobs)
            count += cf_alone_blobs_count(it->blobs);
    return count;
}

static void start_reading(cf_alones *alones, alone *it, cf_log *log)
{
    it->blobs = cf_alone_blobs_new(log, &it->collection);
    it->next_read = alones->reading;
    it->read = &alones->reading;
    if (it->next_read)
        it->next_read->read = &it->next_read;
    alones->reading = it;
}

/* False: something is to be read before that is known of the blob. */
static bool look_up(cf_alones *alones, const cf_session *session, const cf_hash *blob, bool *kept)
{
    bool is_known = true;

    *kept = false;
    for (alone *it = first_of(alones, cf_log_user(session->log)); it; it = next_of(it)) {
        if (!is_kept_from(it, session))
            continue;
        if (!it->blobs)
            start_reading(alones, it, session->log);
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
    for (alone *it = alones->reading, *next; it; it = next) {
        next = it->next_read;
        const size_t others = blobs_of_user(alones, &it->user) - cf_alone_blobs_count(it->blobs);
        cf_alone_blobs_read(it->blobs,
                            others < CF_ALONE_BLOBS_MAX ? CF_ALONE_BLOBS_MAX - others : 0);
        if (cf_alone_blobs_are_known(it->blobs))
            stop_reading(it);
    }
    return alones->reading != NULL;
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
            cf_blob_service_get(alones->service, session, &get.message);
    }
}

uint64_t cf_alones_tick(cf_alones *alones)
{
    const uint64_t now_ms = alones->service->steady_ms;
    bool changed = false;

    for (cf_deadline *due; (due = cf_deadlines_due(&alones->ends, now_ms));) {
        alone *it = cf_container_of(due, alone, end);

        if (!has_lease(alones, it)) {
            changed |= !it->is_spent;
            drop(alones, it);
            continue;
        }
        if (end_of(it) <= now_ms) {
            spend(alones, it);
            changed = true;
        }
        cf_deadlines_set(&alones->ends, &it->end, end_of(it));
    }
    changed |= read_on(alones);
    if (alones->waiting_count)
        answer_waiting(alones);
    return changed ? now_ms : cf_deadlines_next(&alones->ends);
}
