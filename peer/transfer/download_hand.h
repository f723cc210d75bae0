/* SPDX-License-Identifier: Apache-2.0 */
/* The blobs in hand over all downloads: asked for, or being opened. Few enough that memory stays
 * bounded whatever there is to fetch. Owned by the engine's thread. */
#ifndef CF_PEER_TRANSFER_DOWNLOAD_HAND_H
#define CF_PEER_TRANSFER_DOWNLOAD_HAND_H
#include "codec/ids.h"
#include "codec/limits.h"

#include <stddef.h>

enum { CF_HAND_MAX = 32 };
#define CF_HAND_BYTES (16 * CF_MIB)

typedef struct {
    struct {
        cf_hash blob;
        uint64_t size;
    } at[CF_HAND_MAX];
    size_t count;
    uint64_t bytes;
} cf_hand; /* {0} is empty */

/* False when there is no room, or somebody has it in hand. One alone may be of any size. */
bool cf_hand_take(cf_hand *hand, const cf_hash *blob, uint64_t size);
/* Its size is known now. */
void cf_hand_resize(cf_hand *hand, const cf_hash *blob, uint64_t size);
void cf_hand_drop(cf_hand *hand, const cf_hash *blob);

#endif
