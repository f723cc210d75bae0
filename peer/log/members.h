/* SPDX-License-Identifier: Apache-2.0 */
/* What the member log gives this device: the content keys that are addressed to it, and the earlier
 * ones that these open. */
#ifndef CF_PEER_LOG_MEMBERS_H
#define CF_PEER_LOG_MEMBERS_H
#include "broker/members/registry.h"
#include "codec/member.h"

typedef struct {
    const cf_keys *keys;
    const cf_hash *device; /* the id of these keys */
    cf_ring *ring;
} cf_recipient_self;

/* Takes from a member entry what is for this device. One that is void gives keys, too: what was
 * sealed under its epoch is still opened. `registry` has the entries before it. `*changed` becomes
 * true when the ring did. CF_FORGED: something addressed to it does not open; all else goes on. */
cf_status cf_members_take(const cf_recipient_self *self, const cf_registry *registry,
                          const cf_entry *entry, bool *changed, cf_error *error);

#endif
