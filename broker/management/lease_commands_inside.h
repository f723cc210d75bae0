/* SPDX-License-Identifier: Apache-2.0 */
/* What lease_commands.c (the commands) and lease_timers.c (what happens by itself, and what is said
 * when it is durable) share. Nobody else includes this. */
#ifndef CF_BROKER_MANAGEMENT_LEASE_COMMANDS_INSIDE_H
#define CF_BROKER_MANAGEMENT_LEASE_COMMANDS_INSIDE_H
#include "broker/management/lease_commands.h"
#include "codec/deadlines.h"
#include "codec/hash_table.h"

/* A user whose leases are looked after. */
typedef struct cf_lease_timer cf_lease_timer;
struct cf_lease_timer {
    cf_hash_link by_user;
    cf_lease_timer *next, **at; /* of all, what points to it */
    cf_lease_timer *next_due;
    bool is_due;          /* to be looked after in the next round, */
    cf_deadline deadline; /* or then */
    cf_hash user;
    size_t members; /* entries of the member log when the holders were last looked at */
    bool is_news;   /* LEASES has changed, durably, since it was last sent */
};

/* An answer that is durable and waits for the session to have seen the log as far as this. */
typedef struct {
    cf_request request;
    cf_hash user;
    cf_message lease;
    uint64_t position;
} cf_owed_lease;

struct cf_lease_commands {
    cf_service *service;
    cf_hash_table by_user;
    cf_lease_timer *timers, *first_due, **end_of_due;
    cf_deadlines deadlines;
    cf_owed_lease *owed;
    size_t owed_count, owed_capacity;
    struct cf_lease_keeping *keepings;
};

/* The user's, which is due then: for whoever is about to change its leases. */
cf_lease_timer *cf_lease_timer_open(cf_lease_commands *commands, const cf_hash *user);
/* Ends what is over, and lets in who is next. */
void cf_lease_timer_look_after(cf_lease_commands *commands, cf_lease_timer *in, cf_log *log,
                               cf_leases *leases);
void cf_lease_timer_serve_next(cf_lease_commands *commands, cf_log *log, cf_leases *leases);

/* Commits what has changed; `asker` (or NULL) hears the answer then. */
void cf_lease_keep(cf_lease_commands *commands, cf_log *log, const cf_session *asker,
                   cf_command command, const cf_message *answer);
cf_message cf_lease_message(const cf_id *request, const cf_lease_token *token, uint64_t until_ms);
void cf_lease_refuse(const cf_service *service, const cf_session *session, cf_command command,
                     const cf_id *request, const char *code, const char *text);
void cf_lease_note(const cf_service *service, cf_audit_decision what, const cf_hash *user,
                   const cf_lease_held *held, const char *why);
void cf_lease_send_all(const cf_lease_commands *commands, const cf_session *session,
                       cf_leases *leases, const cf_id *request);

#endif
