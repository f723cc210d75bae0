/* SPDX-License-Identifier: Apache-2.0 */
/* What a device keeps of the user's log: all of it, or, besides the member log and the catalog, the
 * collections that it has sources of, or wrote to. The home knows which of the two; the catalog
 * tells the other devices, and of which collections the device has sources (codec/PROTOCOL.md,
 * section 3). */
#ifndef CF_PEER_LOG_KEEPING_H
#define CF_PEER_LOG_KEEPING_H
#include "codec/id_list.h"
#include "peer/log/peer.h"

typedef enum { CF_KEEPING_ALL, CF_KEEPING_BOUND } cf_keeping;

/* "all" or "bound". CF_USAGE for another text. */
cf_status cf_keeping_read(const char *text, cf_keeping *out, cf_error *error);
const char *cf_keeping_name(cf_keeping keep);
/* What the home says: CF_KEEPING_ALL where it says nothing. CF_BROKEN: it is damaged. */
cf_status cf_keeping_recall(cf_home *home, cf_keeping *out, cf_error *error);
cf_status cf_keeping_set(cf_home *home, cf_keeping keep, cf_error *error);

/* The collections that a device keeps besides the member log and the catalog. */
typedef struct {
    bool is_all;
    const cf_id *at; /* ascending, each once */
    size_t count;
} cf_kept;

/* The list is sorted. In the arena. */
cf_kept cf_kept_copy(bool is_all, cf_ids *ids, cf_arena *arena);
bool cf_kept_has(const cf_kept *kept, const cf_id *collection);
/* What the catalog says that a device keeps; in the arena. All, where it says nothing, and of a
 * relay. */
cf_kept cf_kept_of(cf_peer *peer, const cf_hash *device, cf_arena *arena);
/* What any device that is in is known to keep: this one as `own` says. A reader says nothing of it.
 * In the arena. */
cf_kept cf_kept_by_any(cf_peer *peer, const cf_kept *own, cf_arena *arena);
/* Of which collections the catalog says that a device has sources; in the arena. False: it doesn't
 * say, as of a reader, a relay, or a program from before. */
bool cf_kept_sources_of(cf_peer *peer, const cf_hash *device, cf_arena *arena, cf_kept *out);
/* Whether this device may say what it keeps: not while it has no content key, nor where it may not
 * write. */
bool cf_kept_may_tell(cf_peer *peer);
/* What a device has. */
typedef struct {
    cf_kept kept;
    cf_kept sources; /* the collections of its sources */
} cf_kept_here;
/* Has the catalog say what this device, which may, has, unless it says so; `*told`: it does. Not
 * while there is no name of the device. */
cf_status cf_kept_tell(cf_peer *peer, const cf_kept_here *here, uint64_t now_ms, bool *told,
                       cf_error *error);

#endif
