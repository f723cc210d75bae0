/* SPDX-License-Identifier: Apache-2.0 */
/* What is owed to users: what they saved in the last moment, which apply brought into the temporary
 * folder and could not bring back (no room, a failing disk). A record keeps each there, under the
 * number that its name has, until it is in its place again. Owned by the engine's thread. */
#ifndef CF_PEER_BINDINGS_RESCUED_H
#define CF_PEER_BINDINGS_RESCUED_H
#include "peer/bindings/binding.h"
#include "peer/bindings/displaced.h"

enum { CF_TEMPORARY_NAME = 32 };
/* What stands in the temporary folder under a number of this process's; a download has another
 * name. */
void cf_temporary_name(uint64_t number, char out[CF_TEMPORARY_NAME]);

/* Reads the records into the binding. */
cf_status cf_rescued_load(cf_peer *peer, cf_binding *binding, cf_error *error);

/* Its place is in the directory `parent`; it could not return because of `why`. Nothing is done
 * unless it stands under the name of a number. */
void cf_rescued_add(cf_binding *binding, const cf_displaced *displaced, uint64_t parent,
                    const cf_error *why, cf_kv_list *records);
/* Whether that number is taken. */
bool cf_rescued_has(const cf_binding *binding, uint64_t number);
bool cf_rescued_has_name(const cf_binding *binding, cf_bytes name);

/* Tries to return each; what came back is no longer owed. The root is held. */
cf_status cf_rescued_settle(cf_peer *peer, cf_binding *binding, size_t *settled, cf_error *error);

/* CF_UNSAFE, naming one, unless nothing is owed: the temporary folder must not go. */
cf_status cf_rescued_check(const cf_binding *binding, cf_error *error);

/* The path where it belongs, and why it isn't there, which ends with a NUL byte; both appended. */
void cf_rescued_tell(const cf_binding *binding, const cf_rescued *rescued, cf_buffer *path,
                     cf_buffer *reason);

#endif
