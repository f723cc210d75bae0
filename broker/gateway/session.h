/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of a gateway: one for each connection that said HELLO, named by the routing id that the
 * ROUTER gave. What the parts of a gateway and its management share lies here. */
#ifndef CF_BROKER_GATEWAY_SESSION_H
#define CF_BROKER_GATEWAY_SESSION_H
#include "codec/address.h"
#include "codec/id_list.h"
#include "broker/blobs/blobs.h"
#include "broker/platform/env.h"
#include "broker/wire/outbox.h"
#include "broker/gateway/policy.h"
#include "broker/members/registry.h"
#include "broker/store/store_room.h"
#include "broker/log/replay.h"
#include "broker/gateway/users.h"
#include "codec/hash_table.h"

typedef struct {
    uint8_t bytes[32];
    size_t size;
} cf_routing_id;

typedef struct cf_user_sessions cf_user_sessions;
typedef struct cf_alones cf_alones;       /* broker/gateway/alone.h */
typedef struct cf_evictions cf_evictions; /* broker/gateway/eviction.h */

struct cf_session {
    cf_hash_link by_routing_id;
    cf_user_sessions *user; /* with those of the same user */
    cf_session *before, *beside;
    cf_session *next_due, **due; /* what points to it; NULL: it isn't due */
    uint64_t serial;             /* no other session of this gateway has it */
    cf_routing_id routing_id;
    cf_hash key; /* CURVE */
    cf_hash device;
    cf_log *log;
    char address[64];
    bool is_greeted;    /* its last HELLO page came */
    bool brings_more;   /* HELLO named a head that is not held here */
    bool is_confined;   /* it said CONFINE: of these alone it is told */
    cf_ids confined;    /* sorted */
    size_t named;       /* heads and rungs so far */
    cf_replay *replay;  /* from the first HELLO page on */
    cf_heads held;      /* its rungs that are held here */
    bool told_clock;    /* it said CLOCK; else its clock agrees as soon as it says SUBSCRIBE */
    bool is_subscribed; /* its last SUBSCRIBE page came */
    bool is_behind;     /* there may be entries to send */
    uint64_t credit;    /* bytes of entries */
    cf_heads report;    /* its pages so far */
    uint64_t under_way; /* bytes of PUBLISH and PUT that aren't answered */
    bool hears_leases;  /* it asked once: it is told of changes */
    size_t owed_leases; /* answers that are durable, and wait for what it has to be sent before */
    size_t kept_count;  /* collections that others communicate alone in */
    bool owes_paused;   /* that has changed since it was told */
    bool is_replaying;  /* it shares the replay lock */
    bool was_replayed;  /* it has caught up once */
    bool has_sent;      /* it was sent an entry */
    bool has_asked;     /* it asked for more than whether there is something new */
    uint64_t begun_ms;
    uint64_t looked_ms; /* for uploads that were given up; 0: never */
};

typedef struct cf_sessions cf_sessions;

cf_sessions *cf_sessions_new(void);
void cf_sessions_destroy(cf_sessions **sessions);
cf_session *cf_sessions_find(const cf_sessions *sessions, cf_bytes routing_id);
/* A fresh one, instead of an earlier one of the same connection. */
cf_session *cf_sessions_add(cf_sessions *sessions, cf_bytes routing_id, cf_log *log,
                            const cf_hash *device);
void cf_sessions_remove(cf_sessions *sessions, cf_session *session);
/* Told of each that is about to be removed, unless all are destroyed. */
typedef void cf_session_ending(void *context, cf_session *session);
void cf_sessions_watch(cf_sessions *sessions, cf_session_ending *ending, void *context);
size_t cf_sessions_count(const cf_sessions *sessions);
/* Devices that have sessions, each once for each of its users; known without looking at any. */
size_t cf_sessions_count_devices(const cf_sessions *sessions);
/* How many began or ended: the same again while all connections have the sessions they had. */
uint64_t cf_sessions_changes(const cf_sessions *sessions);
/* One after the other, beginning with NULL; removing the one in hand is allowed when the next was
 * taken before. */
cf_session *cf_sessions_next(const cf_sessions *sessions, const cf_session *session);
/* One of a user's sessions after the other. */
cf_session *cf_sessions_first_of(const cf_sessions *sessions, const cf_hash *user);
cf_session *cf_sessions_next_of(const cf_session *session);
/* Whether the user has any of this device. */
bool cf_sessions_has_device(const cf_sessions *sessions, const cf_hash *user,
                            const cf_hash *device);

/* A session for which there may be something to do is due, until it is taken: so a round costs what
 * happened in it, and not what is connected. */
void cf_sessions_make_due(cf_sessions *sessions, cf_session *session);
size_t cf_sessions_count_due(const cf_sessions *sessions);
/* The one that has been due for longest; NULL: none. */
cf_session *cf_sessions_take_due(cf_sessions *sessions);

/* Blobs whose bytes were compared with their names lately, each in the slot of its id. */
enum { CF_CHECKED_BLOBS = 1024 };
typedef struct {
    cf_hash user, blob;
    uint64_t until_ms; /* 0: none */
} cf_checked_blob;

/* What serving a session needs. */
struct cf_service {
    const cf_env *env;
    const cf_policy *policy;
    cf_store *store;
    cf_blobs *blobs;
    cf_users *users;
    cf_outbox *outbox;
    cf_sessions *sessions;
    size_t sessions_of_user; /* 0: any number */
    cf_alones *alones;
    cf_evictions *evictions;
    const cf_address *address; /* the broker's own; port 0: not told yet */
    cf_room_left *room_left;   /* or NULL */
    cf_blob_absent *absent;    /* or NULL */
    void *context;             /* of these two */
    cf_checked_blob *checked;  /* CF_CHECKED_BLOBS */
    uint64_t now_ms;           /* of the message in hand, or the last one: the time of day, */
    uint64_t steady_ms;        /* and by a clock that nobody sets, for deadlines */
    int64_t ahead_ms;          /* the first of the second, when that was last looked at */
    bool blobs_fail;           /* a piece could not be written: the disk failed, */
    cf_error blobs_failure;    /* with this, */
    uint64_t blobs_failed_ms;  /* the last time then */
    uint64_t set_aside;        /* blobs that were damaged when a device asked for them */
    uint64_t full_ms;      /* when somebody was refused for want of room on the disk; 0: never */
    uint64_t full_count;   /* how often in all, */
    cf_hash full_user;     /* and whom */
    bool greeting_refused; /* for good: a HELLO or KNOCK */
};

/* When a time of day comes, by the clock that nobody sets: the other one may be set before. */
uint64_t cf_service_steady_of(const cf_service *service, uint64_t at_ms);
/* Tells the audit log. */
static inline void cf_service_note(const cf_service *service, const cf_audit_event *event)
{
    service->policy->note(service->policy->context, event);
}
/* What the user owes for it; see prices.h. Negative: it is given back. */
static inline void cf_service_charge(const cf_service *service, const cf_hash *user, int64_t points)
{
    service->policy->charge(service->policy->context, user, points);
}

static inline cf_bytes cf_session_destination(const cf_session *session)
{
    return cf_bytes_of(session->routing_id.bytes, session->routing_id.size);
}
void cf_session_send(const cf_service *service, const cf_session *session,
                     const cf_message *message);

/* Waiting bytes beyond which somebody is not reading: answers to all that may be asked at once. */
#define CF_UNREAD_MAX (4 * CF_WINDOW)
/* Answers that a session may be owed: to LOCK, RENEW and UNLOCK of all that a device may have, and
 * more, which a slow disk may answer at once. */
#define CF_OWED_LEASES_MAX 4096
/* To be asked before a session is told what it did not ask for just now. True: so much waits for
 * it; that is forgotten, and the session has ended. */
bool cf_session_drop_unread(const cf_service *service, cf_session *session);

/* What a refusal says; the text is for the person. */
typedef struct {
    cf_command request;
    cf_bytes name;
    bool later;
    const char *code;
    const char *text;
} cf_refusal;
void cf_refuse(const cf_service *service, cf_bytes destination, const cf_refusal *refusal);
/* Refuses for want of room on the disk, which is the operator's to know. */
void cf_refuse_full(cf_service *service, const cf_session *session, cf_command request,
                    const cf_hash *name);
#define CF_TEXT_DISK "the broker can't write to its disk"
#define CF_TEXT_FULL "the broker has no room" /* what exactly failed is the operator's to know */

/* For the person, of a disk that fails too. */
static inline const char *cf_refusal_text(const cf_error *why)
{
    return why->status == CF_IO ? CF_TEXT_DISK : why->text;
}

/* Says in the audit log what was decided of the session's device; `entry` and `why` may be NULL. */
void cf_session_audit(const cf_service *service, const cf_session *session, cf_audit_decision what,
                      const cf_hash *entry, const char *why);
/* As cf_service_charge, of the session's user. */
void cf_session_charge(const cf_service *service, const cf_session *session, int64_t points);
/* Ends a session, saying why to the operator. */
void cf_session_end(const cf_service *service, cf_session *session, const char *why);
/* Ends a session whose connection is gone: a detail, where the session did nothing and began less
 * than a minute ago, so that of a `sync` with nothing to do only the beginning is in the log. */
void cf_session_gone(const cf_service *service, cf_session *session);
/* Ends a session as cf_session_end does, and says AGAIN to who may wait for an answer. */
void cf_session_dismiss(const cf_service *service, cf_session *session, const char *why);
/* Ends a session whose log can't be read; the operator is told why, and whoever waits, that the log
 * is damaged if it is: REFUSED as to a HELLO. */
void cf_session_end_unread(const cf_service *service, cf_session *session, const cf_error *error);
#define CF_LOG_DAMAGED                                                                             \
    "what the broker has of this user is damaged, until whoever runs it types `counterfoild "      \
    "verify --repair`"
#define CF_STORE_UNWRITTEN "the broker can't write to its disk, as its operator is told"
#define CF_LOG_UNREAD "the broker can't read the log, as its operator is told"
/* Lets the user's subscribers look for new entries. */
void cf_sessions_wake(cf_sessions *sessions, const cf_hash *user);

/* A request whose answer comes when the store or the blobs are done; its session may be gone then.
 */
typedef struct {
    cf_service *service;
    cf_routing_id routing_id;
    uint64_t serial;
    size_t size; /* bytes that count in a window */
} cf_request;
cf_request cf_request_of(cf_service *service, const cf_session *session, size_t size);
/* NULL when it is gone. */
cf_session *cf_request_session(const cf_request *request);

#endif
