/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine's own files share. */
#ifndef CF_PEER_ENGINE_ENGINE_INSIDE_H
#define CF_PEER_ENGINE_ENGINE_INSIDE_H
#include "broker/platform/names.h"
#include "codec/address.h"
#include "peer/engine/engine.h"
#include "peer/engine/pauses.h"
#include "peer/log/acknowledged.h"
#include "peer/log/checkpoints.h"
#include "peer/log/unmade.h"
#include "peer/sources/source.h"
#include "peer/transfer/carried.h"
#include "peer/transfer/resupply.h"

/* What a broker sent that no honest one has. */
typedef struct {
    uint64_t session; /* in which it did so last; 0: it didn't */
    uint64_t again_ms;
    size_t count;
    unsigned sessions; /* in a row */
    char first[CF_ERROR_TEXT];
} cf_fault;

/* This device's word for what the broker shows it. */
typedef struct {
    cf_checkpoints own;
    bool is_due; /* `due` is to be said when nothing else is under way */
    cf_checkpoint due;
    uint64_t said_session, said_steady_ms; /* of the first one of `said` */
    unsigned said;
    uint64_t looked_session, looked_travelled; /* when the broker last said how far its log goes */
} cf_engine_checkpoint;

#define CF_ENGINE_CROWDED                                                                          \
    "it has more chains than a device takes: nothing but who is in is synced. Shut out the "       \
    "device that made them (`counterfoil devices revoke`)"

#define CF_ENGINE_REMOVED                                                                          \
    "the operator of the broker removed this user there; all that is here stays, and "             \
    "`counterfoil broker` on an owner's device, with a new invitation, brings it back"

/* Of which collections entries go to the broker, and come. */
typedef struct {
    cf_keeping keep;
    bool is_moving; /* see cf_engine_move */
    bool brings;    /* to where the user is now what a broker that it has left alone may have */
    cf_ids named;   /* by a verb: see cf_engine_confine */
    bool is_named;
    cf_ids wanted; /* see cf_engine_want */
    cf_ids at;     /* what that comes to, ascending, */
    bool is_all;   /* unless it is this */
    bool was_all;  /* this device kept all when that was found out */
    bool is_told;  /* the catalog says what this device has */
} cf_engine_scope;

/* What wrong patches make something else of (unmade.h). */
typedef struct {
    cf_unmade own;
    bool is_told;   /* the catalog says so */
    uint64_t heard; /* changes of the catalog that are heeded */
} cf_engine_unmade;

/* Which broker the link goes to, and where the user's home is (engine_broker.c). */
typedef struct {
    char line[CF_ADDRESS_TEXT];
    uint64_t number;
    bool awaits_addresses; /* it was asked in this session where it is, and has not said */
    uint64_t told_number;  /* rises as what the broker told of its addresses changes */
    uint64_t went_back_ms; /* from a broker that was not the user's new home */
} cf_engine_broker;

/* How the link to that broker fares: what a session ended with, and what this one said
 * (engine_link.c). */
typedef struct {
    bool connecting;       /* since the link was started nothing is known */
    bool catches_up;       /* entries of an own chain are to come: the home went back */
    uint64_t losses;       /* how often a session was lost or could not be had, */
    cf_error loss;         /* and why, the last time; CF_OK: there is a session */
    uint64_t retry_ms;     /* when another one is tried */
    unsigned denials;      /* in a row */
    bool was_removed;      /* from that broker, which said so once: until it lets this device in */
    uint64_t anew_ms;      /* when a session began anew that the broker had forgotten */
    bool crowded;          /* only the member log goes to and fro: see cf_link_welcome */
    bool is_told_some;     /* the session names heads of some collections alone */
    uint64_t told_lacking; /* of what the broker had acknowledged, by the heads of the session */
    cf_heads refusals;     /* entries that were refused for good, */
    char refusal[CF_ERROR_TEXT]; /* and why the last one was */
    cf_fault fault;
    char delay[CF_NAME_SHOWN]; /* why the broker takes no entries for now; empty: it does */
} cf_engine_session;

/* What this device last said, or noted, when all was calm (engine_report.c). */
typedef struct {
    cf_heads applied;           /* as it was reported last */
    bool knows_applied;         /* since this start it was gathered of all collections */
    cf_ids behind;              /* collections that were not applied when that was last gathered */
    uint64_t session, activity; /* in which it was reported */
    uint64_t gone_session;      /* in which what is gone was noted; 0: never */
    uint64_t gone_ms;           /* then, */
    size_t gone_lacking;        /* when so many blobs were lacking */
} cf_engine_reports;

struct cf_engine {
    const cf_env *env;
    cf_home *home;
    cf_peer *peer;
    cf_source_context context;
    cf_resupply *resupply;
    cf_carried *carried;  /* of a relay; NULL: no blobs are carried here */
    bool carries_nothing; /* and they can't be, as was told */
    uint64_t looks;       /* the context's, of which the resupply knows */
    cf_source *sources;
    cf_binding **bindings; /* of the sources, in their order */
    size_t count, capacity, bindings_capacity;
    cf_round *rounds;
    cf_engine_scope scope;
    cf_engine_unmade unmade;
    uint64_t now_ms;    /* the time of day; and */
    uint64_t steady_ms; /* the clock that nobody sets, by which all deadlines here are */
    int64_t apart_ms;   /* the first less the second, when a jump was last looked for */

    cf_buffer *inbox; /* entries that came and are not taken yet */
    size_t inbox_count, inbox_capacity;
    cf_pauses pauses;
    bool is_paused; /* and the link is stopped for that */
    cf_metered metered;
    uint64_t most;         /* bytes that may travel for one content, as transfers know; */
    bool tells_metered;    /* and that this is for a metered network was told */
    uint64_t locks_due_ms; /* till when it is waited for what is locked; 0: it isn't */
    cf_error clock;        /* what context.silent says */
    cf_engine_broker broker;
    cf_engine_session session;
    cf_engine_reports reports;
    cf_acknowledged acknowledged;
    cf_engine_checkpoint checkpoint;
    cf_lease *told_locks; /* of others, that something of ours waits for, as `serve` told */
    size_t told_count, told_capacity;
    cf_traffic traffic;
    cf_flow up, down; /* of contents */
    bool may_seal;    /* there was a key to seal under at the last step */
    size_t kept; /* entries of the member log when own writes that are void were last looked for */
    size_t handed_out; /* entries of the member log when the others' keys were last seen to */
};

struct cf_round {
    cf_engine *engine;
    cf_round_options options;
    cf_id *collections;
    uint64_t losses;      /* when it began */
    uint64_t activity;    /* at the last look */
    uint64_t progress_ms; /* when something last moved */
    bool is_checked;      /* since it last moved the broker answered */
    bool gave_up;         /* nothing moved for too long */
    bool is_locked_out;   /* only what waits for locks of others was left at the last look */
    cf_round *next;
};

/* Finds out anew of which collections entries go and come, after sources came or went; */
void cf_engine_rescope(cf_engine *engine);
/* the same where this device became a relay, or is none any more; */
void cf_engine_follow_role(cf_engine *engine);
/* and has the link know. */
void cf_engine_use_scope(cf_engine *engine);
void cf_engine_release_scope(cf_engine_scope *scope);
/* Contents that wrong patches make something else of: begins with what is known of them. */
void cf_engine_load_unmade(cf_engine *engine);
/* The event of the downloads. */
bool cf_engine_note_unmade(void *context, const cf_id *collection, const cf_hash *content);
/* The log grew: others may ask for some, or have supplied what was asked for. */
void cf_engine_follow_unmade(cf_engine *engine);
/* Has the catalog say which they are here, unless it does. */
cf_status cf_engine_tell_unmade(cf_engine *engine, uint64_t now_ms, cf_error *error);
/* When it has waited for long enough if nothing moves any more. */
uint64_t cf_round_deadline(const cf_round *round);

/* Stops what is paused at engine->now_ms, and goes on with what isn't; the deadline is when the
 * next pause ends. */
void cf_engine_follow_pauses(cf_engine *engine, uint64_t *deadline);
/* Large contents wait, or go on, as it follows from engine->metered at engine->steady_ms; the
 * deadline is when the patience with the question ends. */
void cf_engine_follow_metered(cf_engine *engine, uint64_t *deadline);
/* What a relay carries: opened where there is any, or is to be; */
void cf_engine_open_carried(cf_engine *engine);
/* and gone on with. */
cf_status cf_engine_step_carried(cf_engine *engine, uint64_t *deadline, cf_error *error);
/* Looks how far contents are on their way. */
void cf_engine_look_flows(cf_engine *engine);
/* The link's events, all to the engine. */
cf_link_events cf_engine_link_events(cf_engine *engine);
/* Entries that the broker sent and that can't be taken, see engine_checkpoint.c. */
void cf_engine_fault(cf_engine *engine, const char *text);
void cf_engine_watch_intake(cf_engine *engine);
/* Everything came that the broker has. */
void cf_engine_end_fault(cf_engine *engine);
/* Asks for it again after a while. */
void cf_engine_step_fault(cf_engine *engine, uint64_t *deadline);
/* False: there is nothing to say. */
bool cf_engine_tell_fault(const cf_engine *engine, char out[CF_ERROR_TEXT]);
/* Reports what waits for the user's word from now on, or no longer. */
void cf_engine_tell_held(cf_engine *engine);
/* Tells the broker what is applied here, when everything is calm. */
void cf_engine_report(cf_engine *engine);
/* Keeps, when everything is calm, which versions nobody has brought back so far. That takes all of
 * the log, and so, while blobs come and go, it is done once a minute; that nothing lacks any more
 * is kept at once. */
void cf_engine_note_gone(cf_engine *engine, uint64_t *due_ms);
void cf_engine_load_applied(cf_engine *engine);
/* The member log has grown: goes where the user has moved. */
cf_status cf_engine_follow_home(cf_engine *engine, cf_error *error);
/* The broker says that the user is at this address now. */
void cf_engine_moved(cf_engine *engine, cf_bytes address);
/* The broker does not know this command; and the link is told which those are (unsupported.h). */
void cf_engine_note_unsupported(cf_engine *engine, cf_command command);
void cf_engine_recall_unsupported(cf_engine *engine);
/* The broker said where it may be reached. Taken once in a session. */
void cf_engine_told_addresses(cf_engine *engine, const cf_bytes *lines, size_t count);
/* Whether the operator of the broker in use removed the user from it: kept. */
void cf_engine_note_removed(cf_engine *engine, bool was_removed);
/* Goes back if a broker was followed and the member log does not say the same. */
void cf_engine_check_move(cf_engine *engine);
/* The broker's endpoint, for people. */
void cf_engine_name_broker(cf_engine *engine, char text[CF_ADDRESS_TEXT]);
/* The broker said how far its log goes; what follows from that is said as soon as nothing else is
 * under way; it is asked again, where entries came or went since; and what others say. */
void cf_engine_located(cf_engine *engine, const uint8_t instance[16], uint64_t position);
bool cf_engine_owes_checkpoint(const cf_engine *engine);
void cf_engine_say_checkpoint(cf_engine *engine);
void cf_engine_ask_position(cf_engine *engine);
void cf_engine_hear_checkpoints(cf_engine *engine, const cf_checkpoint *others, size_t count);
/* Writes what the broker has acknowledged; a failure is reported. */
void cf_engine_save_acknowledged(cf_engine *engine);
/* Takes what came, in one commit. */
cf_status cf_engine_take_inbox(cf_engine *engine, cf_error *error);

/* What follows from the member log: other devices get the keys that this one owes them, and what
 * waited here for a key goes on. */
cf_status cf_engine_hand_out_keys(cf_engine *engine, cf_error *error);

#endif
