/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of blobs that come slowly, kept in the home so that a program that is started again goes on
 * where they end. Sealed as they came, and not synced: a part that a crash spoiled makes a blob
 * that is not what its name says, and is dropped then. No more is kept than CF_KEPT_PARTS_SIZE_MAX
 * bytes, in CF_KEPT_PARTS_MAX parts: the oldest go first; and each for a week. Who keeps none pays
 * one look at the folder. Owned by the engine's thread. */
#ifndef CF_PEER_TRANSFER_DOWNLOAD_PARTS_H
#define CF_PEER_TRANSFER_DOWNLOAD_PARTS_H
#include "peer/log/home.h"

typedef struct cf_parts cf_parts;

/* Both are borrowed. */
cf_parts *cf_parts_new(const cf_env *env, const cf_home *home);
void cf_parts_destroy(cf_parts **parts);

/* Once a day those go of which nothing has come for a week. */
void cf_parts_step(cf_parts *parts);
/* What is kept of a blob; `*out`, which is empty, stays so where that is nothing. */
void cf_parts_load(cf_parts *parts, const cf_hash *blob, cf_buffer *out);
/* Further bytes of it, from `offset` on, before which all is kept, unless that was dropped to make
 * room: then these are not. Where the disk doesn't take them nothing is kept of the blob. */
void cf_parts_keep(cf_parts *parts, const cf_hash *blob, uint64_t offset, cf_bytes bytes);
/* All of the blob has come, or what is kept of it is wrong. */
void cf_parts_drop(cf_parts *parts, const cf_hash *blob);

#endif
