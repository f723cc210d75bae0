/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/members.h"

#include "codec/envelope.h"

static cf_status take_opening(const cf_recipient_self *self, const cf_entry *entry,
                              const cf_opening *opening, cf_error *error)
{
    cf_ring_expect(self->ring, &entry->hash, &opening->commitment);
    cf_status status =
        cf_opening_open(opening, &entry->hash, self->device, self->keys, self->ring, error);
    return status == CF_MISSING ? CF_OK : status;
}

static cf_status take_access(const cf_recipient_self *self, const cf_member *member,
                             cf_error *error)
{
    if (!member->access.readable || member->access.limited)
        return CF_OK;
    if (cf_ring_holds(self->ring, &member->access.epoch))
        return CF_OK;
    return cf_access_open(&member->access, NULL, self->keys, self->ring, error);
}

static bool is_about(const cf_member *member, const cf_hash *device)
{
    if (member->kind == CF_MEMBER_GRANT)
        return cf_hash_equal(&member->device, device);
    cf_hash newcomer = cf_device_id(member->keys.signing);
    return member->kind == CF_MEMBER_ADD && cf_hash_equal(&newcomer, device);
}

cf_status cf_members_take(const cf_recipient_self *self, const cf_entry *entry, bool *changed,
                          cf_error *error)
{
    cf_arena arena = {0};
    cf_member member;
    size_t before = cf_ring_count(self->ring);
    bool held = before && cf_ring_holds(self->ring, cf_ring_epoch(self->ring, before - 1));

    cf_status status = cf_member_read(entry->body, &arena, &member, error);
    if (!status && member.opens)
        status = take_opening(self, entry, &member.opening, error);
    if (!status && is_about(&member, self->device))
        status = take_access(self, &member, error);
    size_t after = cf_ring_count(self->ring);
    *changed = after != before ||
               (after && cf_ring_holds(self->ring, cf_ring_epoch(self->ring, after - 1)) != held);
    cf_arena_release(&arena);
    return status;
}
