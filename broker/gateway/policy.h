/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway asks of whoever manages its users, and tells: which messages are served besides
 * its own, what may be taken, which leases count, what work for nothing costs, what the audit log
 * is to say. A broker's is cf_authority. With none, which is cf_policy_none, a gateway is a
 * device's own: nothing is counted, nobody has a lease or is let in, and what only management
 * serves the gateway refuses by itself. The hooks are called in the gateway's thread, and answer at
 * once. */
#ifndef CF_BROKER_GATEWAY_POLICY_H
#define CF_BROKER_GATEWAY_POLICY_H
#include "broker/blobs/blobs.h"
#include "broker/gateway/audit_event.h"
#include "broker/log/log.h"
#include "codec/message.h"

typedef struct cf_service cf_service; /* broker/gateway/session.h, as the next */
typedef struct cf_session cf_session;

typedef void cf_serve_message(cf_service *service, cf_session *session, const cf_message *message);

/* How a message of a greeted session is served. */
typedef struct {
    cf_command command;
    int64_t price;   /* before anything is looked at, in points of prices.h */
    bool is_routine; /* every `sync` says it, also one that finds nothing to do */
    cf_serve_message *serve;
} cf_served_command;

/* An entry that may be taken, until published() is told what became of it. */
typedef struct cf_taking cf_taking;

typedef struct {
    void *context; /* of all that follow, none of which is NULL */

    /* Served besides the gateway's own. */
    const cf_served_command *commands;
    size_t command_count;
    /* KNOCK of a connection without a session; `key` is its CURVE key. */
    void (*knock)(cf_service *service, cf_bytes routing_id, const cf_hash *key,
                  const cf_message *message);

    /* ---- May this be taken ---- */
    /* Before an entry of this log is judged: leases that are over don't count any more. */
    void (*end_leases)(void *context, cf_log *log);
    /* CF_FULL: over the quota; CF_LOCKED: for now; both with a text for the user. */
    cf_status (*may_publish)(void *context, const cf_entry *entry, cf_taking **out,
                             cf_error *error);
    /* Ends what the other call began. */
    void (*published)(void *context, cf_taking **taking, cf_append_answer answer);
    /* `rest` bytes of a blob are still to come, of which `size` come now; statuses as above. */
    cf_status (*may_put)(void *context, const cf_hash *user, uint64_t size, uint64_t rest,
                         cf_error *error);
    void (*was_put)(void *context, const cf_hash *user, uint64_t size, const cf_blob_held *held);
    /* A piece of this blob finds no room. True: something went, so that there may be some now. */
    bool (*make_room)(void *context, cf_session *session, const cf_hash *blob);
    /* A blob of the user was set aside. */
    void (*set_aside)(void *context, const cf_hash *user);

    /* ---- What work for nothing costs, in points of prices.h ---- */
    void (*charge)(void *context, const cf_hash *user, int64_t points);
    bool (*is_heard)(void *context, const cf_hash *user);
    /* Until a session of the user may begin; 0: one may now. */
    uint64_t (*wait_ms)(void *context, const cf_hash *user);

    /* ---- What happens ---- */
    void (*note)(void *context, const cf_audit_event *event);
    void (*greeted)(void *context, const cf_session *session);
    void (*ending)(void *context, const cf_session *session); /* it is there yet */
    void (*members_changed)(void *context, const cf_hash *user);
    void (*expelled)(void *context, const cf_hash *user); /* its sessions are there yet */
    void (*clock_set)(void *context, int64_t later_ms);
    /* In each round: before anything is sent to sessions, and after it. When to call again, by the
     * clock that nobody sets; UINT64_MAX: never. */
    uint64_t (*begin_round)(void *context);
    uint64_t (*end_round)(void *context);
} cf_policy;

/* A device's own gateway. */
extern const cf_policy cf_policy_none;

#endif
