/* SPDX-License-Identifier: Apache-2.0 */
/* What an edit has of the whole that the last version's chain of patches stands on. A reader goes
 * over so many patches in a row and no more (cf_content_depth_max), so a chain that is full begins
 * anew: with a content in whole whose slices are the old whole's, but for what is new since.
 *
 *     whole: abcdefgh in one blob; patches made aXbcdefgh, aXbcdfgh; the edit: aXbcYdfgh
 *     its slices: a of the old blob, X of a new one, bc of the old, Y of a new one, d, fgh
 *
 * A patch that stands in the log says what it copies; of one in blobs this device made that is
 * kept. Owned by the engine's thread. */
#ifndef CF_PEER_TRANSFER_KNOWN_COPIES_H
#define CF_PEER_TRANSFER_KNOWN_COPIES_H
#include "codec/delta_copies.h"
#include "peer/log/peer.h"

/* A content's copies of a whole that the log has in blobs. The whole is in an arena. */
typedef struct {
    cf_content_source whole;
    cf_delta_copies copies;
} cf_known; /* {0}: nothing */
void cf_known_release(cf_known *known);

/* The whole that a content of the log stands on, at the end of its chain; false: some of that can't
 * be had. */
bool cf_known_whole(cf_peer *peer, const cf_id *collection, const cf_hash *content, cf_arena *arena,
                    cf_content_source *out);

/* False: what a patch copies isn't known, or the whole is in no blob. */
bool cf_known_find(cf_peer *peer, const cf_id *collection, const cf_hash *content, cf_arena *arena,
                   cf_known *out);

/* From what is known of `base_size` bytes to what is known of the `size` that `patch` makes of
 * them. */
cf_status cf_known_go_on(cf_known *known, const cf_reader_at *patch, uint64_t base_size,
                         uint64_t size, cf_error *error);

/* Leaves out those that are shorter than it takes to say so; gives the bytes of the rest. */
uint64_t cf_known_leave_out_short(cf_known *known);

/* To be kept of a content whose patch is in blobs. */
void cf_known_put(const cf_hash *content, const cf_known *known, cf_kv_list *records);

#endif
