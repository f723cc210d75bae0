/* SPDX-License-Identifier: Apache-2.0 */
/* Folders whose owner may not write in them, as ro/ of mode 555, and in which something is to be
 * done: they are lifted, that is, get a mode with all of the owner's bits, and get the base's mode
 * back when nothing is left to do. Which are lifted, and to which mode, is durable before it is
 * done, so nobody takes that mode for the user's doing:
 *
 *     base 555, disk 755, lifted to 755: 555 is meant, and is set at the end of the run
 *     base 555, disk 700, lifted to 755: the user's own change
 *     base 755, disk 555, not lifted: the user's own change; nothing is lifted
 *     base none (the folder came from a disk that keeps no modes), disk 555: no change of the
 * user's will ever be sent. Lifted from 555, which is durable with it, and gets 555 back
 */
#ifndef CF_PEER_BINDINGS_LIFTED_H
#define CF_PEER_BINDINGS_LIFTED_H
#include "peer/bindings/binding.h"
#include "peer/merge/node_set.h"

enum { CF_OWNER_BITS = 0700 };

cf_status cf_lifted_load(cf_peer *peer, cf_binding *binding, cf_error *error);
bool cf_lifted_has(const cf_binding *binding, uint64_t folder);
/* The mode that a folder with this one on the disk has as far as the user is concerned. */
uint32_t cf_lifted_meant(const cf_binding *binding, uint64_t folder, uint32_t mode);
/* A look found that mode, as far as the user is concerned, on a folder. */
void cf_lifted_see(cf_binding *binding, uint64_t folder, uint32_t mode);

/* ---- Before anything is done, in records that are made durable before it is ---- */

/* The folder that gets this number is made with the mode `set`. */
void cf_lifted_put(cf_binding *binding, uint64_t folder, uint32_t set, cf_kv_list *records);
/* Something may be done in the folder: it may have to be lifted, and those above it that can't be
 * gone through. Whose mode on the disk is not the base's is left. */
void cf_lifted_intend(cf_binding *binding, cf_files *files, uint64_t folder, cf_kv_list *records);
/* The folder's mode is to become `mode`, and its owner may not write in it then. */
void cf_lifted_intend_mode(cf_binding *binding, cf_files *files, uint64_t folder, uint32_t mode,
                           cf_kv_list *records);

/* ---- When it is done ---- */

/* Lifts, of what was recorded, the folders above this one and itself as far as they can't be gone
 * through; `write`: also where only the folder can't be written in. Where that fails, so does what
 * was to be done, and tells. */
void cf_lifted_open(cf_binding *binding, cf_files *files, uint64_t folder, bool write);
/* The mode to be set on a folder that is to have `mode`. */
uint32_t cf_lifted_mode(const cf_binding *binding, uint64_t folder, uint32_t mode);
/* Something could not be done in the folder: names the one whose mode forbids it, if one does. */
bool cf_lifted_blame(const cf_binding *binding, cf_files *files, uint64_t folder, cf_error *error);

/* ---- Afterwards ---- */

/* All that are lifted, those in others first. */
void cf_lifted_list(const cf_binding *binding, cf_node_set *out);
/* Gives the folder back the base's mode. Unless it was not lifted, `*hold` has the folder, which is
 * to be synced before the records are written. */
void cf_lifted_give_back(cf_binding *binding, cf_files *files, uint64_t folder, cf_hold *hold,
                         cf_kv_list *records);
/* All of that at once, durably. */
cf_status cf_lifted_restore(cf_peer *peer, cf_binding *binding, cf_error *error);

/* ---- Write permission that was taken off ---- */

/* Off files here, because another device has them locked. Which it was is kept, durably before it
 * is taken, so that nobody ever takes it for the user's doing. */

enum { CF_WRITE_BITS = 0222 };

cf_status cf_write_bits_load(cf_peer *peer, cf_binding *binding, cf_error *error);
/* NULL: nothing was taken of this node. */
const cf_write_bits *cf_write_bits_of(const cf_binding *binding, uint64_t node);
void cf_write_bits_put(cf_binding *binding, uint64_t node, uint32_t mode, cf_kv_list *records);
void cf_write_bits_drop(cf_binding *binding, uint64_t node, cf_kv_list *records);
/* The mode that a file with this one on the disk has as far as the user is concerned. */
uint32_t cf_write_bits_meant(const cf_binding *binding, uint64_t node, uint32_t mode);

#endif
