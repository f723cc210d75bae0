/* SPDX-License-Identifier: Apache-2.0 */
/* A link: the client's side of log-to-log replication with one gateway. It outlives its
 * connections: a session is one connection, and when that is lost the link waits, asks for a new
 * one and goes on with HELLO; nothing is lost in between and the owner need not know.
 *
 * `now_ms` counts on a clock that nobody sets; what the time of day is the link asks of its env.
 *
 * A handler: no threads, no sockets. Its shell (link_zmq.h, or a world's transport) makes
 * a connection when cf_link_session changes, hands in what arrives, sends what is in the outbox on
 * that session's connection, and calls tick at the deadline. codec/PROTOCOL.md, "Sessions", is
 * normative. */
#ifndef CF_BROKER_LINK_LINK_H
#define CF_BROKER_LINK_LINK_H
#include "broker/link/transfer.h"
#include "broker/platform/env.h"
#include "broker/store/store.h"
#include "codec/heads.h"

typedef struct cf_link cf_link;

/* Without a byte of an answer that is owed. Where a line was half open for 20 s, an edit is
 * accepted within 10 s of its working again: that, the wait for the next session, and its greeting.
 */
enum { CF_LINK_PATIENCE_MS = 28000 };
static_assert(CF_LINK_PATIENCE_MS < CF_REQUEST_TIMEOUT_MS,
              "that the broker is silent is said before who asked has gone");
/* What is paused counts as lost after so long: longer than anybody communicates alone. */
enum { CF_LINK_PAUSED_MS = 660000 };

typedef struct {
    uint64_t version; /* of the protocol, spoken by the other */
    /* The other's clock minus ours. Beyond a day one of the two is wrong, and nothing is published
     * in this session: what is waits. */
    int64_t clock_difference_ms;
    uint8_t instance[16];  /* of the other's log */
    const cf_heads *heads; /* all that it has; borrowed for the call */
    bool is_crowded;       /* it has more than CF_HEADS_MAX: only the member log goes to and fro */
    bool is_confined;      /* the heads are of the collections alone that the link is confined to */
} cf_link_welcome;

typedef struct {
    cf_head entry;
    bool never;    /* false: it is sent again by itself, with backoff */
    cf_bytes code; /* CF_REFUSED_… of codec/message.h, or one of a newer version */
    cf_bytes text; /* for the person */
} cf_link_refusal;

/* Why there is no session. CF_UNREACHABLE: nobody answers, or the connection broke. CF_CHANGED: the
 * other has forgotten this session, and waits for a new one. CF_FORGED: the
 * broker's key is another than the address has (a program ends with 5 then, as if it could not be
 * reached). CF_DENIED: the other knows neither this key nor this user, or it has no version of the
 * protocol in common with us. CF_MALFORMED: it does not keep to the protocol. CF_BROKEN, CF_IO: our
 * own log can't be read. */
typedef struct {
    const cf_error *why;
    uint64_t retry_ms; /* when the link tries again, on the clock of `now_ms` */
    bool was_put_off;  /* CF_UNREACHABLE: the other answered, and lets nobody in for now */
    bool was_removed;  /* CF_DENIED: the other's operator removed the user from it */
} cf_link_loss;

/* It was there, and may be there again. */
bool cf_link_is_interrupted(const cf_link_loss *loss);

/* What the other answers to cf_link_ask; each NULL for who does not ask. The lists are borrowed for
 * the call. */
typedef struct {
    /* Where the log is: lines of codec/address.h, the best first. */
    void (*located)(void *context, const uint8_t instance[16], uint64_t position,
                    const cf_bytes *lines, size_t count);
    /* The heads that it holds of one collection, or some of them. */
    void (*holds)(void *context, const cf_id *collection, const cf_head *heads, size_t count);
    /* What a device has applied, or some of it. NULL for the device: none has reported. */
    void (*reported)(void *context, const cf_hash *device, uint64_t at_ms, const cf_head *heads,
                     size_t count);
    /* The heads that it holds of a device that was asked for, or some of them; the last of these
     * without `more`. */
    void (*ends)(void *context, const cf_hash *device, const cf_head *heads, size_t count,
                 bool more);
    void (*answered)(void *context); /* that was all, or it knows no such question */
} cf_link_answers;

/* All are called from cf_link_handle, _tick or _disconnected; none may be NULL except where it says
 * so. The owner may make any of the calls below from inside, except handle, tick and destroy. */
typedef struct {
    void (*connected)(void *context, const cf_link_welcome *welcome);
    void (*lost)(void *context, const cf_link_loss *loss);
    /* An entry that the own log does not hold, in the other's order. Nothing about it was checked
     * but its form. When it is committed, or dropped, the owner calls cf_link_credit. */
    void (*entry)(void *context, const cf_entry *entry);
    /* An entry that nobody can read; it is dropped. NULL: the session ends. */
    void (*spoiled)(void *context, uint64_t position, const cf_error *why);
    /* The other has this entry of ours, durably. */
    void (*accepted)(void *context, const cf_head *entry);
    void (*refused)(void *context, const cf_link_refusal *refusal);
    /* Blobs that entries name and the other lacks: who has the content seals it again and offers
     * it. */
    void (*wanted)(void *context, const cf_hash *blobs, size_t count);
    /* LEASE, BUSY, LEASES, PAUSED, or REFUSED of what cf_link_ask asked; NULL when nobody asks. */
    void (*lease)(void *context, const cf_message *answer);
    /* Each time it becomes true: everything of ours is there, everything that WELCOME named is here
     * and committed, no blob is under way. With some collections only, writers of whom nothing is
     * held here are not waited for, but where the link is confined to these: the other is asked. */
    void (*idle)(void *context);
    /* The other does not keep this user any more, and says where it is now. The session is lost
     * unless the link is stopped here. NULL: nobody goes there. */
    void (*moved)(void *context, cf_bytes address);
    /* The other does not know this command, and had the user pay for being asked: see
     * cf_link_without. NULL: nobody keeps that. */
    void (*unsupported)(void *context, cf_command command);
    /* Others' checkpoints, in answer to cf_link_checkpoint. Nothing about them was checked. NULL
     * for who says none. */
    void (*checkpoints)(void *context, const cf_checkpoint *checkpoints, size_t count);
    /* For an owner that pairs; NULL for others. The other took a guest's registration (`why` is
     * NULL) or refused it; then the guest's KNOCK came. */
    void (*guest)(void *context, const cf_hash *guest_key, const cf_error *why);
    void (*knock)(void *context, const cf_hash *guest_key, cf_bytes sealed);
    /* For a newcomer; NULL for others. The other's clock is that far ahead of ours, over a day: no
     * KNOCK was said, and none will be. */
    void (*clock_off)(void *context, int64_t difference_ms);
    /* For a newcomer; NULL for others. The answer to its KNOCK: `sealed`, or, for good, CF_DENIED
     * because the code was used, has expired or is unknown. CF_MALFORMED: the other speaks another
     * version; no KNOCK was said, and none will be. */
    void (*admit)(void *context, cf_bytes sealed);
    void (*turned_away)(void *context, const cf_error *why);
    /* The same; the KNOCK was refused for now, and is said again. */
    void (*put_off)(void *context, const cf_error *why);
    cf_link_answers answers;
    cf_transfer_events blobs;
    void *context;
} cf_link_events;

typedef struct {
    const cf_env *env;
    cf_store *store;   /* the own log, only read; NULL for a newcomer */
    cf_hash user;      /* all zero with an invitation */
    cf_bytes knock;    /* not empty: a newcomer, that says this instead of HELLO. Copied */
    cf_hash guest_key; /* the newcomer's CURVE key */
    bool only_asks;    /* no entry is sent or taken: only cf_link_ask is of use */
    bool only_members; /* only entries of the member log are sent, and nothing is waited for */
    bool only_takes;   /* no entry is sent */
    uint64_t credit;   /* bytes of entries that may be under way to us; 0: CF_WINDOW */
    /* In which collection an entry of the own log lies, where the owner knows; else, and where this
     * is NULL, the entry is read. With the context of the events. */
    bool (*collection_of)(void *context, const cf_head *head, cf_id *out);
    /* Whether an entry of the own log is sent to nobody. NULL: none is. With the same context. */
    bool (*withholds)(void *context, const cf_head *entry);
    cf_link_events events;
} cf_link_options;

cf_link *cf_link_new(const cf_link_options *options);
void cf_link_destroy(cf_link **link);

/* CF_FULL, and says whose clock is how far ahead. */
cf_status cf_link_fail_clock(int64_t difference_ms, cf_error *error);
/* CF_MALFORMED: that the other speaks this version. */
cf_status cf_link_fail_version(uint64_t version, cf_error *error);

/* Connect, now and again until cf_link_stop. Starting a link that waits for its next try makes it
 * try at once. */
void cf_link_start(cf_link *link);
/* Ends the session, if any, without a `lost`. */
void cf_link_stop(cf_link *link);
/* Ends it so, and begins another with the next tick. What failed before counts on: the next try
 * after a loss comes no sooner. */
void cf_link_begin_anew(cf_link *link);
bool cf_link_is_connected(const cf_link *link);
bool cf_link_is_idle(const cf_link *link);
/* The same of one collection: what is kept back of others, or waits for their locks, is not
 * awaited. NULL: of none that is locked. */
bool cf_link_is_idle_in(const cf_link *link, const cf_id *collection);
/* An entry was refused for want of room, and goes again later. */
bool cf_link_waits_for_room(const cf_link *link);
/* Who asks for it now wants a fresh answer: what was refused for want of room goes again. */
void cf_link_try_room(cf_link *link);
/* Nothing is left to do but what the other has no room for. */
bool cf_link_lacks_room(const cf_link *link);
/* It would be, but for what waits for others' leases of collections. */
bool cf_link_is_locked_out(const cf_link *link,
                           bool (*is_anothers)(void *context, const cf_id *collection),
                           void *context);
/* Everything that WELCOME named is here and committed. */
bool cf_link_has_received(const cf_link *link);
/* Another communicates alone in this collection: nothing of it comes. */
bool cf_link_is_paused(const cf_link *link, const cf_id *collection);
/* Entries are kept back so. */
bool cf_link_is_kept_back(const cf_link *link);
/* All is here but these. */
bool cf_link_has_all_but_paused(const cf_link *link);
/* The other owes an answer, or entries that it named. */
bool cf_link_is_unanswered(const cf_link *link);
/* How many heads of those that it named did not come yet. */
size_t cf_link_owed(const cf_link *link);

/* Only these collections (and always the member log and the catalog) are received; without a call,
 * all are. At most CF_COLLECTIONS_MAX - 2. A session that is live begins anew. */
void cf_link_subscribe(cf_link *link, const cf_id *collections, size_t count);
/* The same, and no entry of others is sent; nor does either side name heads of others, where the
 * other knows CONFINE. NULL: all are received and sent again. */
void cf_link_confine(cf_link *link, const cf_id *collections, size_t count);
/* The own log has grown: its new entries go out. A link that waits for its next try since it was
 * interrupted waits no more than 2 s from then. */
void cf_link_publish(cf_link *link);
/* `size` bytes of entries that came by the `entry` event are committed or dropped. */
void cf_link_credit(cf_link *link, size_t size);
/* The own log does not take this entry, which came: it may come again. An honest log has none such,
 * so what else this one owes is not awaited for as long as that of another. */
void cf_link_distrust(cf_link *link, const cf_hash *entry);
/* This blob can't be made again: entries that name it are published without it. */
void cf_link_publish_without(cf_link *link, const cf_hash *blob);
/* More blobs will be offered soon: entries that were refused for theirs, and what comes after them,
 * are not brought again before, but for those whose time to be tried again has come. */
void cf_link_await_blobs(cf_link *link, bool awaits);
/* Offers and wants of blobs. */
cf_transfer *cf_link_transfer(cf_link *link);
/* Lets in, until `expires_ms`, who has this CURVE key; said on each session until it expires. Said
 * again after cf_link_admit, its `guest` event tells that the other has the admission, too. */
void cf_link_guest(cf_link *link, const cf_hash *guest_key, uint64_t expires_ms);
/* Takes a registration back; its `guest` event tells when the other knows. */
void cf_link_guest_end(cf_link *link, const cf_hash *guest_key);
/* The answer to a knock, once its `add` is accepted. */
void cf_link_admit(cf_link *link, const cf_hash *guest_key, cf_bytes sealed);

/* Tells the other what of the log is applied here; said once, in this session or the next one.
 * Until it is answered the link is not idle. */
void cf_link_report(cf_link *link, const cf_heads *applied);
/* Tells the other that so many entries are gone that it had acknowledged; said once, in this
 * session or the next one. */
void cf_link_lacking(cf_link *link, uint64_t count);
/* Asks where the log is, what the other holds, and what devices have reported, in this session or
 * the next one; see cf_link_answers. */
void cf_link_ask(cf_link *link);
/* Asks for the heads of these devices instead, CF_CHAINS_DEVICES_MAX at most; copied. */
void cf_link_ask_chains(cf_link *link, const cf_hash *devices, size_t count);
/* Asks something of a session that is live: once it is answered, what the other had before has
 * come. One that doesn't answer within 5 s, while nothing moves on the line, is lost as CF_CHANGED.
 * A session that begins later has been answered by then. */
void cf_link_check(cf_link *link);
/* Nothing of that is outstanding. */
bool cf_link_is_checked(const cf_link *link);
/* When, by the time of day, anything came of the other; 0: never. */
uint64_t cf_link_heard_at(const cf_link *link);
/* Asks where the broker may be reached, in this session alone; `located` tells. */
void cf_link_locate(cf_link *link);
/* The same; until it is answered the link is not idle. */
void cf_link_locate_first(cf_link *link);
/* Says this in this session, and until it is answered the link is not idle. Only while it is. */
void cf_link_checkpoint(cf_link *link, const cf_checkpoint *checkpoint);
/* LOCK, RENEW, UNLOCK or LOCKS, to go out as soon as the session is live. What has no answer when
 * it ends is forgotten: ask again when connected. */
void cf_link_ask_lease(cf_link *link, const cf_message *message);
/* What is published to the collection carries this token; NULL: none. Dropped when the other says
 * that it is overtaken. */
void cf_link_token(cf_link *link, const cf_id *collection, const cf_lease_token *token);
/* Leases have changed: what was refused as locked goes out again. */
void cf_link_locks_changed(cf_link *link);
/* Whether something of ours waits for another's lease of this collection to end, or something of
 * the other's while another communicates alone. */
bool cf_link_is_locked(const cf_link *link, const cf_id *collection);

/* For the shell. The number of the session that wants a connection of its own; 0: none. When it
 * changes, the old connection is closed and nothing of it is handed in any more. */
uint64_t cf_link_session(const cf_link *link);
/* Bytes of what was asked for and may come, beside answers that a frame or two hold. */
uint64_t cf_link_expects(const cf_link *link);
/* Says something that is answered and changes nothing, where the session is live; else false. */
bool cf_link_beat(cf_link *link, cf_outbox *outbox);
/* A newcomer's, that knocks. */
bool cf_link_is_of_newcomer(const cf_link *link);
/* Bytes move on the session's connection: who waits for whole messages waits on. */
void cf_link_moved(cf_link *link, uint64_t now_ms);
/* Anything was read of the other, such as a heartbeat. */
void cf_link_heard(cf_link *link);
/* What the line takes in half a second, as a PUT, what may be under way of entries and PUTs
 * together, and how large an entry may be, see line.h. */
void cf_link_carries(cf_link *link, uint64_t step, uint64_t window, uint64_t entry);
/* What may be asked for at a time of contents, see cf_transfer_brings, and whether any is. */
void cf_link_brings(cf_link *link, uint64_t step, uint64_t window);
bool cf_link_fetches(const cf_link *link);
/* The other was found not to know this command, by an earlier process: it is not said before that
 * time; 0: it may be. Of those that `unsupported` may name. */
void cf_link_without(cf_link *link, cf_command command, uint64_t until_ms);
/* So it was, or in this process. */
bool cf_link_is_without(const cf_link *link, cf_command command, uint64_t now_ms);
/* In the `entry` event: where the entry stands in the other's log. */
uint64_t cf_link_entry_position(const cf_link *link);
/* The same, or contents are sent that were not answered yet. */
bool cf_link_moves_contents(const cf_link *link);
/* Bytes in a second at most, over all sessions, see rate_limit.h; 0: no limit. Entries are not held
 * back, and contents make up for them. */
void cf_link_limit(cf_link *link, uint64_t up, uint64_t down);
/* What is left waits for that, and will go. */
bool cf_link_is_held_back(const cf_link *link);
/* How large the entries of a changeset are made, about: less than CF_PART_SIZE on a slow line,
 * since one that is cut with its connection goes again whole. */
uint64_t cf_link_entry_size(const cf_link *link);
/* A whole message of the session's connection. */
void cf_link_handle(cf_link *link, const cf_bytes *frames, size_t count, uint64_t now_ms,
                    cf_outbox *outbox);
/* The connection could not be made, or broke; see cf_link_loss for the statuses. */
void cf_link_disconnected(cf_link *link, const cf_error *why, uint64_t now_ms);
/* Also after any of the owner's calls above. Returns when to call again, UINT64_MAX for never. */
uint64_t cf_link_tick(cf_link *link, uint64_t now_ms, cf_outbox *outbox);

#endif
