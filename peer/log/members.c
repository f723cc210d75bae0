/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/members.h"

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
    if (!member->access.readable || member->access.limited ||
        cf_ring_holds(self->ring, &member->access.epoch))
        return CF_OK;
    cf_status status = cf_access_open(&member->access, NULL, self->keys, self->ring, error);
    return status == CF_MISSING ? CF_OK : status; /* of an epoch that nobody opened */
}

static bool is_about(const cf_member *member, const cf_hash *device)
{
    if (member->kind == CF_MEMBER_GRANT)
        return cf_hash_equal(&member->device, device);
    cf_hash newcomer = cf_device_id(member->keys.signing);
    return member->kind == CF_MEMBER_ADD && cf_hash_equal(&newcomer, device);
}

static size_t count_held(const cf_ring *ring)
{
    size_t held = 0;

    for (size_t i = 0; i < cf_ring_count(ring); i++)
        held += cf_ring_holds(ring, cf_ring_epoch(ring, i));
    return held;
}

/* A key that came by an access opens what the epoch's opening keeps for it, and those keys theirs:
 * once more over all of them, from the newest, until nothing is gained. */
static void open_earlier(const cf_recipient_self *self, const cf_registry *registry)
{
    size_t held = count_held(self->ring), before;

    do {
        before = held;
        for (size_t i = cf_registry_count(registry); i-- > 0 && held < cf_ring_count(self->ring);) {
            cf_arena arena = {0};
            cf_entry entry;
            cf_member member;
            cf_error ignored;

            if (cf_entry_read(cf_registry_entry(registry, i), &arena, &entry, &ignored) == CF_OK &&
                cf_ring_holds(self->ring, &entry.hash) &&
                cf_member_read(entry.body, &arena, &member, &ignored) == CF_OK && member.opens)
                cf_opening_open_earlier(&member.opening, &entry.hash, self->ring, &ignored);
            cf_arena_release(&arena);
        }
        held = count_held(self->ring);
    } while (held != before);
}

cf_status cf_members_take(const cf_recipient_self *self, const cf_registry *registry,
                          const cf_entry *entry, bool *changed, cf_error *error)
{
    cf_arena arena = {0};
    cf_member member;
    size_t expected = cf_ring_count(self->ring), held = count_held(self->ring);
    cf_error why;

    *changed = false;
    if (cf_member_read(entry->body, &arena, &member, &why)) { /* of a newer program */
        cf_arena_release(&arena);
        return CF_OK;
    }
    cf_status status = member.opens ? take_opening(self, entry, &member.opening, error) : CF_OK;
    if (!status && is_about(&member, self->device))
        status = take_access(self, &member, error);
    if (count_held(self->ring) != held)
        open_earlier(self, registry);
    *changed = cf_ring_count(self->ring) != expected || count_held(self->ring) != held;
    cf_arena_release(&arena);
    return status;
}
