/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs that the broker lacks though entries name them: what this device's sources show and can't
 * be had any more is sealed again out of the files. Where the same blobs come out they are brought;
 * where others do, a supply says that the content is found there, too. Owned by the engine's
 * thread. */
#ifndef CF_PEER_TRANSFER_RESUPPLY_H
#define CF_PEER_TRANSFER_RESUPPLY_H
#include "peer/bindings/binding.h"
#include "peer/log/peer.h"

typedef struct cf_resupply cf_resupply;

typedef struct {
    cf_peer *peer;
    /* The bindings as they are now. */
    cf_binding *const *(*bindings)(void *context, size_t *count);
    void *context;
} cf_resupply_options;

cf_resupply *cf_resupply_new(const cf_resupply_options *options);
/* Waits for jobs. */
void cf_resupply_destroy(cf_resupply **resupply);

/* A new session: what is lacking is told anew. */
void cf_resupply_begin(cf_resupply *resupply);
/* The broker lacks these. */
void cf_resupply_wanted(cf_resupply *resupply, const cf_hash *blobs, size_t count, uint64_t now_ms);
/* Somebody asks for the whole of contents that patches don't make. */
void cf_resupply_asked(cf_resupply *resupply, uint64_t now_ms);
/* An entry of this device's is refused until its blobs are there. Those that can't be made again it
 * is published without. */
void cf_resupply_blocked(cf_resupply *resupply, const cf_head *entry, uint64_t now_ms);
/* Another that waits for one of those: soon its own blobs will be asked for. */
void cf_resupply_behind(cf_resupply *resupply, const cf_head *entry, uint64_t now_ms);
/* All of a source was looked at: what could not be opened before, or wasn't known, may be found. */
void cf_resupply_looked(cf_resupply *resupply, uint64_t now_ms, uint64_t *deadline);

/* Goes on; `silent`: nothing may be published now. A failure leaves the peer unusable. `deadline`
 * is lowered to when to call again. */
cf_status cf_resupply_step(cf_resupply *resupply, bool silent, uint64_t now_ms, uint64_t *deadline,
                           cf_error *error);
/* Something is under way, or will be, and there is a broker. */
bool cf_resupply_busy(const cf_resupply *resupply);
/* The bytes of this content are being read, wherever they lie. */
bool cf_resupply_reads(const cf_resupply *resupply, const cf_hash *hash);

/* The link's transfer events for offers. */
bool cf_resupply_piece(cf_resupply *resupply, const cf_hash *blob, uint64_t offset, size_t size,
                       cf_buffer *out);
void cf_resupply_stored(cf_resupply *resupply, const cf_hash *blob);
void cf_resupply_refused(cf_resupply *resupply, const cf_hash *blob, const cf_error *why);

/* ---- Elsewhere ---- */

/* Whether somebody else has a content. What users removed or replaced goes, whoever has it; what
 * lives on, and only isn't asked for here any more, goes when this device's is not the last of it.
 */

/* Of a content's identity: it is in the own log, or the broker has it, as far as it says: it has
 * all entries, and has named all blobs that it lacks, of which the content needs none. */
bool cf_has_other_copies(const cf_peer *peer, const cf_id *collection, cf_bytes identity);

#endif
