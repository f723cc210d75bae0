/* SPDX-License-Identifier: Apache-2.0 */
/* A peer: one user's log in one home, this device as its author, and the collections that the log's
 * entries make. What all parts of the engine share. Owned by the engine's thread. */
#ifndef CF_PEER_LOG_PEER_H
#define CF_PEER_LOG_PEER_H
#include "broker/link/link.h"
#include "broker/members/registry.h"
#include "codec/member.h"
#include "peer/log/author.h"
#include "peer/log/collection.h"
#include "peer/log/home.h"

/* What became of an entry that came from elsewhere: it is held, or it was refused and left out. For
 * who wants to know, and then tells it; each may be NULL. */
typedef struct {
    void (*taken)(void *context, const cf_entry *entry);
    void (*refused)(void *context, const cf_entry *entry, const char *why);
    void *context;
} cf_intake_events;

typedef struct {
    const cf_env *env;
    cf_home *home;
    cf_keys *keys;
    cf_ring *ring;
    cf_log *log;
    cf_author *author;
    cf_withheld withheld; /* own entries that are sent to nobody */
    cf_contents *contents;
    bool keys_unsaved; /* some of these keys are not in the home yet */
    cf_rules rules;
    cf_link *link;          /* NULL: no broker */
    const cf_keys *account; /* borrowed, while its phrase is in hand: opens what is sealed to it */
    cf_collection **collections;
    size_t collection_count, collection_capacity;
    cf_hash_table collection_table;
    cf_collection *changed; /* collections whose view has changes that nobody took */
    cf_intake_events intake;
} cf_peer;

/* CF_MISSING when the home has no user yet. `env` and `home` outlive the peer. */
cf_status cf_peer_open(const cf_env *env, cf_home *home, cf_peer **out, cf_error *error);
void cf_peer_close(cf_peer **peer);

const cf_hash *cf_peer_user(const cf_peer *peer);
const cf_hash *cf_peer_device(const cf_peer *peer);
/* The collection, read when it is first asked for. */
cf_status cf_peer_collection(cf_peer *peer, const cf_id *id, cf_collection **out, cf_error *error);
/* NULL: nobody has asked for it. */
cf_collection *cf_peer_known_collection(const cf_peer *peer, const cf_id *id);
/* The next collection whose view has changes, to take them; NULL: no more. */
cf_collection *cf_peer_next_changed(cf_peer *peer);
/* Whether this device has a part in writing at all; CF_DENIED, and why: it was shut out, or its
 * role is another. */
cf_status cf_peer_may_write(const cf_peer *peer, cf_error *error);
/* As the member log has it; NULL: it tells nothing of it. Borrowed, until the log takes more. */
const cf_device *cf_peer_self(const cf_peer *peer);
/* It was shut out, or has left. */
bool cf_peer_is_out(const cf_peer *peer);
/* Its role is to read, and nothing else keeps it from writing. */
bool cf_peer_only_reads(const cf_peer *peer);
/* It carries the log, and can read none of it: all that waits for a key waits for ever. */
bool cf_peer_is_relay(const cf_peer *peer);
/* The epoch that this device seals under; CF_DENIED while there is none that it may use. */
cf_status cf_peer_epoch(const cf_peer *peer, cf_hash *epoch, cf_error *error);

/* ---- Entries of others ---- */

/* Takes entries that came from elsewhere, in this order: judged, appended and folded in one commit.
 * Those that are refused are reported and left out. A failed commit leaves the peer unusable: close
 * and open it again. */
cf_status cf_peer_take(cf_peer *peer, const cf_bytes *wires, size_t count, cf_error *error);

/* ---- Own entries ---- */

/* How large entries are made, about: see cf_link_entry_size. */
uint64_t cf_peer_entry_size(const cf_peer *peer);
/* Entries of one collection that are committed together. */
typedef struct cf_publication cf_publication;
cf_publication *cf_publication_new(cf_peer *peer, cf_collection *collection);
void cf_publication_destroy(cf_publication **publication);
/* The time of the entries to come. */
cf_time cf_publication_time(const cf_publication *publication, uint64_t now_ms);
/* Builds the next entry; `dot` names it. CF_DENIED, only for the first: this device has no key to
 * seal with, or its log takes no such entry; then nothing was added, and all is as before. Any
 * other failure leaves the peer unusable where entries were added. */
cf_status cf_publication_add(cf_publication *publication, const cf_body *body, const cf_hash *blobs,
                             size_t blob_count, cf_dot *dot, cf_error *error);
/* Commits the entries, and `records` with them, which are empty then, and tells the link. A failure
 * leaves the peer unusable. */
cf_status cf_publication_commit(cf_publication *publication, cf_kv_list *records, cf_error *error);

/* An entry of the member log, by this device, committed at return. CF_DENIED: the log takes no such
 * entry, and all is as before. */
cf_status cf_peer_publish_member(cf_peer *peer, const cf_member *member, cf_error *error);
/* The same, by this device or by peer->account; `head` names it. */
cf_status cf_peer_sign(cf_peer *peer, const cf_member *member, bool as_account, cf_head *head,
                       cf_error *error);
/* One entry with these changes, which fit it: the catalog's. CF_DENIED as above. */
cf_status cf_peer_publish_changes(cf_peer *peer, cf_collection *collection,
                                  const cf_change *changes, size_t count, uint64_t now_ms,
                                  cf_error *error);

/* ---- How entries come into the log: for peer.c, publication.c and refold.c ---- */

/* Entries on their way into one commit. */
typedef struct {
    cf_peer *peer;
    size_t failed;
    cf_error error;  /* why, when some failed */
    bool keys_kept;  /* new ones */
    cf_hash void_of; /* whose void entry was told last */
} cf_intake;

/* How entries are folded into collections here. */
cf_folding cf_peer_folding(cf_peer *peer);
/* Judges an entry, folds it in and queues it, with `records` which become more. */
cf_status cf_intake_take(cf_intake *in, const cf_entry *entry, cf_bringer bringer,
                         cf_kv_list *records, bool *taken, cf_error *error);
/* Commits what was queued, which answers to `in`, also where taking ended with a failure: `taken`,
 * which is returned then. */
cf_status cf_intake_finish(cf_intake *in, cf_status taken, cf_error *error);

#endif
