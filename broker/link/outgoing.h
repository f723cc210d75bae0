/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the own log on their way out over one link: PUBLISH in the log's arrival order, as
 * many as the window allows, until each is accepted. What is refused for now goes again with
 * backoff, and holds up only its own writer; what is refused for good ends its writer's chain for
 * this session. Not thread-safe; owned by a link. */
#ifndef CF_BROKER_LINK_OUTGOING_H
#define CF_BROKER_LINK_OUTGOING_H
#include "broker/log/replay.h"
#include "broker/store/store.h"
#include "broker/wire/outbox.h"

typedef struct cf_outgoing cf_outgoing;

typedef enum {
    CF_SENDS_ALL,
    CF_SENDS_MEMBERS, /* nothing but the member log */
    CF_SENDS_NOTHING,
} cf_sends;

cf_outgoing *cf_outgoing_new(cf_store *store, const cf_hash *user, cf_sends sends);
void cf_outgoing_destroy(cf_outgoing **outgoing);

/* Entries that are sent to nobody; NULL: there are none. */
typedef bool cf_outgoing_withholds(void *context, const cf_head *entry);
void cf_outgoing_withhold(cf_outgoing *outgoing, cf_outgoing_withholds *withholds, void *context);

/* A new session: all that was under way is forgotten. `window` is what the other grants PUBLISH. */
void cf_outgoing_begin(cf_outgoing *outgoing, uint64_t window);
/* No more than `window` bytes are under way, or one entry; in later sessions, too. */
void cf_outgoing_carries(cf_outgoing *outgoing, uint64_t window);
/* Bytes that are under way. */
uint64_t cf_outgoing_sent(const cf_outgoing *outgoing);
/* In this session no more than the member log is sent, whatever was asked for; or all of that. */
void cf_outgoing_confine(cf_outgoing *outgoing, bool to_members);
/* Where what the other holds is said, before the first pump; cf_replay_begin is called there, too.
 */
cf_replay *cf_outgoing_replay(cf_outgoing *outgoing);
/* An entry that the other brought itself need not go back. True when it has come before. */
bool cf_outgoing_came(cf_outgoing *outgoing, const cf_hash *entry);
bool cf_outgoing_has_come(const cf_outgoing *outgoing, const cf_hash *entry);
/* It was not taken: it may come again. */
void cf_outgoing_forget_entry(cf_outgoing *outgoing, const cf_hash *entry);
/* Forgets what came: it will be asked for again. */
void cf_outgoing_forget_came(cf_outgoing *outgoing);
/* The own log has grown. */
void cf_outgoing_wake(cf_outgoing *outgoing);
/* Blobs that were missing are there now, or `blob` will never be (then entries say so). */
void cf_outgoing_blobs_changed(cf_outgoing *outgoing);
void cf_outgoing_without(cf_outgoing *outgoing, const cf_hash *blob);

/* What goes to this collection carries the token of its lease from now on; NULL: none. */
void cf_outgoing_token(cf_outgoing *outgoing, const cf_id *collection, const cf_lease_token *token);
/* Leases have changed: what was locked may be free now. */
void cf_outgoing_locks_changed(cf_outgoing *outgoing);

/* Sends what the window allows. Fails when the own log can't be read. */
cf_status cf_outgoing_pump(cf_outgoing *outgoing, uint64_t now_ms, cf_outbox *outbox,
                           cf_error *error);
/* The answers. False: nobody asked, or the entry's writer has ended; there is nothing to tell. */
bool cf_outgoing_accepted(cf_outgoing *outgoing, const cf_head *entry);
bool cf_outgoing_refused(cf_outgoing *outgoing, const cf_message *refused, uint64_t now_ms,
                         cf_head *entry);

/* Whether something waits for another's lease of this collection to end. */
bool cf_outgoing_is_locked(const cf_outgoing *outgoing, const cf_id *collection);
/* Nothing is left to go out but what waits for leases of collections, at least one, all of which
 * are another's. */
bool cf_outgoing_is_locked_out(const cf_outgoing *outgoing,
                               bool (*is_anothers)(void *context, const cf_id *collection),
                               void *context);
/* One of them was refused for that. */
bool cf_outgoing_waits_for_room(const cf_outgoing *outgoing);
/* Those go again now, before their time. */
void cf_outgoing_try_room(cf_outgoing *outgoing);
/* Nothing is left to go out but what the other has no room for, and what comes after that. */
bool cf_outgoing_lacks_room(const cf_outgoing *outgoing);
/* Everything is there, but for what was refused for good. */
bool cf_outgoing_is_done(const cf_outgoing *outgoing);
/* Answers are outstanding. */
bool cf_outgoing_is_waiting(const cf_outgoing *outgoing);
/* When pump has something to do again, UINT64_MAX if only an event brings it. */
uint64_t cf_outgoing_deadline(const cf_outgoing *outgoing, uint64_t now_ms);

#endif
