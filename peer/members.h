/* SPDX-License-Identifier: Apache-2.0 */
/* What the member log gives this device: the content keys that are addressed to it. */
#ifndef CF_PEER_MEMBERS_H
#define CF_PEER_MEMBERS_H
#include "codec/member.h"

typedef struct {
    const cf_keys *keys;
    const cf_hash *device;
    cf_ring *ring;
} cf_recipient_self;

/* Takes from a member entry, void or not, what is for this device. `*changed` becomes true when the
 * ring did. CF_FORGED: something addressed to it does not open; all else goes on. */
cf_status cf_members_take(const cf_recipient_self *self, const cf_entry *entry, bool *changed,
                          cf_error *error);

#endif
