/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: keeps this device's sources and the user's log the same. It looks at the disk,
 * publishes what the user did, takes what others did, and brings it to the disk, in small steps,
 * each of which leaves everything whole. A handler: one thread, no sockets, no clock; the loop in
 * peer/program/loop.c pumps it. */
#ifndef CF_PEER_ENGINE_ENGINE_H
#define CF_PEER_ENGINE_ENGINE_H
#include "peer/engine/metered.h"
#include "peer/engine/told_addresses.h"
#include "peer/bindings/binding.h"
#include "peer/bindings/guard.h"
#include "peer/locks/locks.h"
#include "peer/log/keeping.h"
#include "peer/sources/context/probe.h"
#include "peer/sources/context/watch.h"
#include "peer/bindings/binding_report.h"
#include "peer/transfer/carried.h"
#include "peer/transfer/flow.h"

typedef struct cf_engine cf_engine;

typedef struct {
    const cf_env *env;
    cf_home *home;
    bool watch; /* look by itself, whenever something changes; else only when asked by a round */
} cf_engine_options;

/* CF_MISSING when the home has no user yet. */
cf_status cf_engine_open(const cf_engine_options *options, uint64_t now_ms, cf_engine **out,
                         cf_error *error);
void cf_engine_close(cf_engine **engine);

cf_peer *cf_engine_peer(cf_engine *engine);
cf_locks *cf_engine_locks(cf_engine *engine);
/* Of these collections alone, the member log and the catalog, entries go to the broker and come of
 * it, until NULL is said; the others wait. Copied. An engine that watches goes on with all. */
void cf_engine_confine(cf_engine *engine, const cf_id *collections, size_t count);
/* Whether it does so of this one; also where the device keeps no others. */
bool cf_engine_carries(const cf_engine *engine, const cf_id *collection);
/* Whether this device keeps all, as is kept in the home (keeping.h), or what it has left behind
 * (left_brokers.h), was set or changed. */
void cf_engine_use_keep(cf_engine *engine);
/* The user moves to another broker with this device, which brings all that the one before has: so
 * entries of all collections are carried, whatever is kept or named; and after that as long as
 * something is left behind. */
void cf_engine_move(cf_engine *engine, bool is_moving);
bool cf_engine_keeps_all(const cf_engine *engine);
/* What it keeps of the log now; in the arena. A relay keeps all. */
cf_kept cf_engine_kept(const cf_engine *engine, cf_arena *arena);
/* Keeps this collection, too, that it has no source of yet; NULL: none any more. */
void cf_engine_want(cf_engine *engine, const cf_id *collection);
/* Has the catalog say who this device is, what it keeps and of what it has sources, unless it does.
 */
cf_status cf_engine_introduce(cf_engine *engine, uint64_t now_ms, cf_error *error);
/* NULL while no broker is set. The loop gives it connections. */
cf_link *cf_engine_link(cf_engine *engine);
/* The broker's address line as kept in the home was set or changed: begins to use it. A link that
 * there was stops; who gives it a connection to the new one starts it. */
cf_status cf_engine_use_broker(cf_engine *engine, cf_error *error);
/* What is kept in the home of limits (limits.h) was set or changed: holds for the link. */
void cf_engine_use_limits(cf_engine *engine);
/* The size of what a relay carries was set or changed: holds for what it fetches. */
void cf_engine_use_carried(cf_engine *engine);
/* Of what a relay carries something was found damaged and taken away. */
void cf_engine_recheck_carried(cf_engine *engine);
/* What is paused (pauses.h) was changed. */
void cf_engine_use_pauses(cf_engine *engine);
/* What is done over metered networks (metered.h) was changed. */
void cf_engine_use_metered(cf_engine *engine);
/* Somebody who asks NetworkManager is wanted now. He says when he begins to, and what he heard:
 * until then contents wait for a while. */
bool cf_engine_asks_network(const cf_engine *engine);
void cf_engine_ask_network(cf_engine *engine);
void cf_engine_network_is(cf_engine *engine, cf_network network);
/* Nothing is to go to a broker, or to come: its link is stopped. */
bool cf_engine_is_paused(const cf_engine *engine);
/* Rises with each change of the broker. */
uint64_t cf_engine_broker_number(const cf_engine *engine);
/* Other addresses of it; `out` may be NULL. Returns a number that rises as they change. */
uint64_t cf_engine_elsewhere(cf_engine *engine, cf_told_addresses *out);
/* Whether the user's home is the broker of that address: as the member log says, and where it says
 * nothing, as this device is set. */
bool cf_engine_is_home(const cf_engine *engine, const char *address);
/* Says in the member log that the user's home is there now: an owner's. Again, too, since a log
 * that others have may say otherwise; a user that never moved need not say it. */
cf_status cf_engine_publish_home(cf_engine *engine, const char *address, cf_error *error);
/* NULL unless options.watch. */
cf_watch *cf_engine_watch(cf_engine *engine);
/* Something was mounted at this place, an absolute path, or is there no more: what a source has
 * there is to be looked at, and a source that lies there itself may be another disk, or the right
 * one again. */
void cf_engine_mounted(cf_engine *engine, const char *place);

/* Goes on with everything that can go on. Call after anything came: frames, finished jobs (deliver
 * them first), watch events, the deadline. Returns when to call again, UINT64_MAX: only when
 * something comes. CF_OK, or what made the engine useless: close it and open it again (CF_FULL:
 * when there is room). */
cf_status cf_engine_step(cf_engine *engine, uint64_t now_ms, uint64_t *deadline, cf_error *error);
/* The disk of some source does not answer (peer/sources/context/probe.h): what reads from it may
 * never end.
 */
bool cf_engine_is_any_silent(const cf_engine *engine);
/* Of its disk; for who touches the source beside the engine (cf_probe_heard). */
cf_probe *cf_engine_probe(cf_engine *engine, const cf_binding *binding);

/* ---- Rounds ---- */

typedef enum {
    CF_ROUND_SYNC,  /* look, send, receive, apply */
    CF_ROUND_LOOK,  /* look only: nothing is published, received or applied */
    CF_ROUND_TELL,  /* the same for `status`; where the engine watches, what it was told of and has
                       not looked at yet is all that is looked at */
    CF_ROUND_AGREE, /* look where nothing was looked at yet: what is equal becomes the base */
    CF_ROUND_LEARN, /* take what the broker has into the log: nothing is looked at or applied */
} cf_round_kind;

typedef struct {
    cf_round_kind kind;
    const cf_id *collections; /* copied; none: all */
    size_t collection_count;
    cf_delete_word word;  /* the user's word for a mass delete */
    uint64_t patience_ms; /* how long it waits while nothing comes of the broker; 0: 30 s */
    bool leaves_locked;   /* it is over when only what others have locked is left */
} cf_round_options;

typedef struct cf_round cf_round;

cf_round *cf_round_begin(cf_engine *engine, const cf_round_options *options);
/* True when nothing is left to do that can be done now. A sync round waits for the broker until it
 * is known to be unreachable or nothing came for as long as it has patience. */
bool cf_round_over(cf_round *round, uint64_t now_ms);
/* All that is left waits for locks of others. */
bool cf_round_is_locked_out(const cf_round *round);
/* The round was over because the broker, though connected, owes it an answer. */
bool cf_round_is_unanswered(const cf_round *round);
/* Always to be called. */
void cf_round_end(cf_round **round);

/* ---- For who needs the broker ---- */

/* Tries to connect at once where there is no connection. The mark is for cf_engine_reached. */
uint64_t cf_engine_reach(cf_engine *engine);
/* As cf_engine_reach, and makes sure of a connection that there is: it may be dead, and nobody has
 * noticed. */
void cf_engine_check(cf_engine *engine);
typedef enum {
    CF_CONNECTION_TRYING,
    CF_CONNECTION_CAUGHT_UP, /* all that the broker had at the beginning of the session is taken */
    CF_CONNECTION_LOST,      /* not to be had since the mark: see cf_engine_broker_status */
} cf_connection_state;
cf_connection_state cf_engine_reached(const cf_engine *engine, uint64_t mark);
/* Content that was missing may have come to the broker by another way than this link. */
void cf_engine_try_again(cf_engine *engine);
/* Where an entry of this home's is. */
typedef enum {
    CF_DELIVERY_UNDER_WAY,
    CF_DELIVERY_ACCEPTED, /* the broker has it, durably */
    CF_DELIVERY_REFUSED,  /* for good; the broker status says why */
} cf_delivery;
cf_delivery cf_engine_delivered(cf_engine *engine, const cf_head *entry);

/* ---- Bindings ---- */

size_t cf_engine_binding_count(const cf_engine *engine);
cf_binding *cf_engine_binding_at(const cf_engine *engine, size_t index);
/* A binding that was made (cf_binding_new) and saved: taken into the engine. Its next round looks
 * at everything. */
cf_status cf_engine_take_binding(cf_engine *engine, cf_binding *binding, cf_error *error);
/* Stops syncing it and forgets its base; the user's data stay. */
cf_status cf_engine_drop_binding(cf_engine *engine, cf_binding *binding, cf_error *error);
/* The home's cache of bases, and those elsewhere, hold nothing that is not shown; soon, where
 * copies are under way. */
void cf_engine_tidy_bases(cf_engine *engine);
/* Gives files the write permission back that others' locks took here: no lock counts any more. */
void cf_engine_unguard(cf_engine *engine);
/* The binding's options, path or root changed. */
void cf_engine_touch_binding(cf_engine *engine, cf_binding *binding);

/* Before the first round: for `add`. A folder that would be made has nothing in it. */
cf_status cf_engine_compare(cf_engine *engine, const cf_binding *binding, cf_comparison *out,
                            cf_error *error);
/* Compares a folder of files where no engine is at work; `own` is told of each thing that lies
 * there and is no version in the log, folders before what is in them. `is_known`: the log has a
 * file of that content, under another name. */
typedef void cf_compare_own(void *context, cf_bytes path, bool is_folder, bool is_known);
cf_status cf_compare_folder(cf_peer *peer, const cf_binding *binding, cf_compare_own *own,
                            void *context, cf_comparison *out, cf_error *error);

/* Whether something lies in the folder, or is in the collection, and `--include` asks for none of
 * it. A folder that isn't there has nothing in it, nor has a collection that is to be made: then
 * only patterns that begin with '!', all of them, ask for none, as nothing to come would be. */
cf_status cf_compare_asks_for_none(cf_peer *peer, const cf_binding *binding, bool is_new, bool *out,
                                   cf_error *error);

/* ---- What is not in sync ---- */

/* As known after the last look; in the arena. What is held is reported as well, where the engine
 * watches. */
void cf_engine_status(cf_engine *engine, const cf_binding *binding, cf_arena *arena,
                      cf_binding_status *out);

typedef struct {
    bool set, connected;
    cf_status trouble; /* why the last try failed; CF_OK while trying or connected */
    char text[CF_ERROR_TEXT];
    size_t unsent;             /* entries that the broker does not have yet, and is to have now */
    uint64_t retry_ms;         /* of the next try, by cf_env_steady_ms; 0: none */
    uint64_t heard_at_ms;      /* when anything last came of it, by the time of day; 0: not known */
    unsigned denials;          /* how often in a row the broker did not let this device in */
    bool is_faulty;            /* what it sends can't be taken; see the text */
    bool refused;              /* an entry was refused for good; see the text */
    char delay[CF_ERROR_TEXT]; /* why it takes nothing for now, in its words; empty: it does */
} cf_broker_status;
void cf_engine_broker_status(cf_engine *engine, cf_broker_status *out);
/* Entries of these collections, and of the member log and the catalog, that are not at the broker
 * yet; without any, of all. */
size_t cf_engine_unsent(cf_engine *engine, const cf_id *collections, size_t count);

/* What of contents is on its way between this device and the broker, as of now. */
typedef struct {
    cf_flow_shown up, down;
} cf_flows;
void cf_engine_flows(cf_engine *engine, cf_flows *out);

/* The blobs that this device carries as a relay, or did; false: none. */
bool cf_engine_carried(const cf_engine *engine, cf_carried_shown *out);
/* The broker lacks some of that, and does not have it yet. */
bool cf_engine_brings_carried(const cf_engine *engine);

/* Another's lease of the whole collection, which this device has no share in; NULL: none. */
const cf_lease *cf_engine_lock_of(cf_engine *engine, const cf_id *collection);
/* Something waits for that to end: of ours to be published, or, while its holder communicates
 * alone, of others' to come. */
bool cf_engine_is_locked(const cf_engine *engine, const cf_id *collection);

typedef struct {
    cf_metered_choice choice;
    cf_network network; /* as far as anybody was asked */
    size_t deferred;    /* contents that wait because they are too large for it */
} cf_metered_status;
void cf_engine_metered(const cf_engine *engine, cf_metered_status *out);

/* What travelled since the engine was opened. */
typedef struct {
    uint64_t entries_sent, entries_received;
    uint64_t bytes_sent, bytes_received; /* of entries and blobs */
    uint64_t deltas, delta_bytes, blobs_sent, files_applied;
} cf_traffic;
void cf_engine_traffic(const cf_engine *engine, cf_traffic *out);

#endif
