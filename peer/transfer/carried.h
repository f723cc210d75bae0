/* SPDX-License-Identifier: Apache-2.0 */
/* The blobs that a relay carries. It can read none, but has them all as bytes: those that the log's
 * entries name, the newest first, as many as the size that its user allows holds. It fetches what
 * it lacks, and brings a broker what that lacks, also when nobody is there any more who has the
 * files: what the broker asks for, and what the broker turns out to have lost when it is asked,
 * once an hour, of some.
 *
 * Newest is what the newest entry names. Those that are kept are the first of this order: where the
 * next one would be too many, it and all older ones are dropped. So a blob that has come makes room
 * by the oldest ones: not before it is whole, since until then its size, and that there is such a
 * blob, is only what the broker says. So while some are on their way they take up to one largest
 * blob beyond the room. One that is larger than all the room is never begun. Owned by the engine's
 * thread. */
#ifndef CF_PEER_TRANSFER_CARRIED_H
#define CF_PEER_TRANSFER_CARRIED_H
#include "broker/blobs/blobs.h"
#include "peer/log/peer.h"

#define CF_CARRIED_ALL UINT64_MAX

typedef struct cf_carried cf_carried;

typedef struct {
    cf_peer *peer;
    cf_blobs *blobs; /* both borrowed */
    uint64_t room;   /* bytes at most; CF_CARRIED_ALL: no limit; 0: none is carried */
} cf_carried_options;

cf_carried *cf_carried_new(const cf_carried_options *options);
void cf_carried_destroy(cf_carried **carried);

/* The user allows another size: all is looked at again. */
void cf_carried_allow(cf_carried *carried, uint64_t room);
/* Somebody else took something away there. */
void cf_carried_look_anew(cf_carried *carried);
/* The log has more entries. */
void cf_carried_grew(cf_carried *carried);
/* The broker may have by now what it did not have: in a new session, or when a user syncs. */
void cf_carried_ask_again(cf_carried *carried);
/* The broker lacks these: those that are here are offered. */
void cf_carried_wanted(cf_carried *carried, const cf_hash *blobs, size_t count);

/* Goes on; `may_ask`: what is lacking is fetched. `deadline` is lowered to when to call again.
 * Fails when the log can't be read. */
cf_status cf_carried_step(cf_carried *carried, bool may_ask, uint64_t now_ms, uint64_t *deadline,
                          cf_error *error);
/* There is something to be done that waits for nobody. */
bool cf_carried_works(const cf_carried *carried);

/* The link's transfer events. False: that blob is none of these. */
bool cf_carried_piece(cf_carried *carried, const cf_hash *blob, uint64_t offset, size_t size,
                      cf_buffer *out);
bool cf_carried_received(cf_carried *carried, const cf_hash *blob, uint64_t offset, uint64_t total,
                         cf_bytes bytes);
bool cf_carried_absent(cf_carried *carried, const cf_hash *blob);
bool cf_carried_refused(cf_carried *carried, const cf_hash *blob, const cf_error *why);

typedef struct {
    uint64_t count, size; /* that are here, whole */
    uint64_t room;        /* as allowed, for these */
    uint64_t lacks;       /* that are to be here, and are not */
    uint64_t absent;      /* of these, that the broker does not have either */
    bool drops_older;     /* there are older ones for which there is no room */
    bool is_known;        /* the whole log was looked at, or all for which there is room */
    const char *trouble;  /* why nothing is fetched for now; NULL: nothing prevents it */
} cf_carried_shown;
void cf_carried_show(const cf_carried *carried, cf_carried_shown *out);

#endif
