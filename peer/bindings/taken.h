/* SPDX-License-Identifier: Apache-2.0 */
/* Write permission that was taken off files here because another device has them locked. Which it
 * was is kept, durably before it is taken, so that nobody ever takes it for the user's doing. */
#ifndef CF_PEER_BINDINGS_TAKEN_H
#define CF_PEER_BINDINGS_TAKEN_H
#include "peer/bindings/binding.h"

enum { CF_WRITE_BITS = 0222 };

cf_status cf_taken_load(cf_peer *peer, cf_binding *binding, cf_error *error);
/* NULL: nothing was taken of this node. */
const cf_taken *cf_taken_of(const cf_binding *binding, uint64_t node);
void cf_taken_put(cf_binding *binding, uint64_t node, uint32_t mode, cf_records *records);
void cf_taken_drop(cf_binding *binding, uint64_t node, cf_records *records);
/* The mode that a file with this one on the disk has as far as the user is concerned. */
uint32_t cf_taken_meant(const cf_binding *binding, uint64_t node, uint32_t mode);

#endif
