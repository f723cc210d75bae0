/* SPDX-License-Identifier: Apache-2.0 */
/* The blobs in hand over all downloads: asked for, or being opened; as many as turns.h has room
 * for. Owned by the engine's thread. */
#ifndef CF_PEER_TRANSFER_DOWNLOAD_HAND_H
#define CF_PEER_TRANSFER_DOWNLOAD_HAND_H
#include "codec/ids.h"
#include "peer/transfer/turns.h"

typedef struct {
    struct {
        cf_hash blob;
        uint64_t size;
        cf_transfer_rank rank;
    } at[CF_IN_HAND_MAX];
    size_t count;
    cf_in_hand in_hand;
    uint64_t brought; /* bytes of contents that were opened, and are on the disk */
} cf_hand;            /* {0} is empty */

/* False when there is no room, or somebody has it in hand. */
bool cf_hand_take(cf_hand *hand, const cf_hash *blob, uint64_t size, cf_transfer_rank rank);
/* Its size is known now. */
void cf_hand_resize(cf_hand *hand, const cf_hash *blob, uint64_t size);
void cf_hand_drop(cf_hand *hand, const cf_hash *blob);

#endif
