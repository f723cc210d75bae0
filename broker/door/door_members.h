/* SPDX-License-Identifier: Apache-2.0 */
/* From where members came, kept in the store: what the limits of connections know of that outlives
 * a restart. At most CF_DOOR_MEMBERS_MAX addresses, and of none longer than a day; it is one
 * record, which is written anew. Not synced: what a power cut takes of it, the next sessions tell
 * again. */
#ifndef CF_BROKER_DOOR_DOOR_MEMBERS_H
#define CF_BROKER_DOOR_DOOR_MEMBERS_H
#include "broker/door/connection_limits.h"
#include "broker/platform/env.h"
#include "broker/store/store.h"

/* What can't be kept is told as a detail. */
void cf_door_members_keep(const cf_env *env, cf_store *store, const cf_connection_limits *limits);
/* What is damaged, or from the future, is left out. */
void cf_door_members_recall(const cf_env *env, cf_store *store, cf_connection_limits *limits);

#endif
