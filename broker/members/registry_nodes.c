/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a node or a subject, and what an entry had seen: its past. */
#include "broker/members/registry_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void cf_node_list_add(cf_node_list *list, size_t index)
{
    *cf_one_more(list->at, list->count, list->capacity) = index;
}

const cf_member_node *cf_registry_node(const cf_registry *registry, const cf_hash *entry)
{
    for (size_t i = registry->node_count; i-- > 0;)
        if (cf_hash_equal(&registry->nodes[i].operation.entry.hash, entry))
            return &registry->nodes[i];
    return NULL;
}

/* Where the device stands, or would stand, in `by_id`. */
static size_t place_by_id(const cf_registry *registry, const cf_hash *device)
{
    size_t low = 0, high = registry->by_id.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const cf_hash *at = &registry->subjects[registry->by_id.at[middle]].device.id;

        if (cf_hash_compare(at, device) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t cf_registry_subject(const cf_registry *registry, const cf_hash *device)
{
    size_t at = place_by_id(registry, device);

    return at < registry->by_id.count &&
                   cf_hash_equal(&registry->subjects[registry->by_id.at[at]].device.id, device)
               ? registry->by_id.at[at]
               : SIZE_MAX;
}

size_t cf_registry_make_subject(cf_registry *registry, const cf_hash *device)
{
    size_t place = cf_registry_subject(registry, device);
    size_t at = place_by_id(registry, device);

    if (place != SIZE_MAX)
        return place;
    place = registry->subject_count;
    *cf_one_more(registry->subjects, registry->subject_count, registry->subject_capacity) =
        (cf_subject){.device = {.id = *device}};
    *cf_one_more_at(registry->by_id.at, registry->by_id.count, registry->by_id.capacity, at) =
        place;
    return place;
}

/* ---- Pasts ---- */

/* Adds an entry and its past. */
static void reach_node(const cf_registry *registry, cf_member_past *into, const cf_hash *entry)
{
    const cf_member_node *node = cf_registry_node(registry, entry);

    if (!node)
        return;
    size_t index = (size_t)(node - registry->nodes);
    assert(index / 64 < into->count);
    into->words[index / 64] |= UINT64_C(1) << index % 64;
    for (size_t word = 0; word < node->past.count; word++)
        into->words[word] |= node->past.words[word];
}

static cf_member_past an_empty_past(const cf_registry *registry, cf_arena *arena)
{
    size_t count = registry->node_count / 64 + 1;

    return (cf_member_past){cf_arena_allocate(arena, count, sizeof(uint64_t)), count};
}

cf_member_past cf_registry_past(const cf_registry *registry, const cf_header *header,
                                cf_arena *arena)
{
    cf_member_past past = an_empty_past(registry, arena);

    for (size_t i = 0; i < header->after_count; i++)
        reach_node(registry, &past, &header->after[i].hash);
    if (header->sequence > 1)
        reach_node(registry, &past, &header->previous);
    return past;
}

void cf_member_past_release(cf_member_past *past)
{
    free(past->words);
    *past = (cf_member_past){0};
}

void cf_registry_reach(const cf_registry *registry, const cf_head *heads, size_t count,
                       cf_member_past *past)
{
    size_t words = registry->node_count / 64 + 1;

    if (past->count < words) {
        uint64_t *grown = cf_allocate(words, sizeof *grown);

        if (past->count)
            memcpy(grown, past->words, past->count * sizeof *grown);
        free(past->words);
        *past = (cf_member_past){grown, words};
    }
    for (size_t i = 0; i < count; i++)
        reach_node(registry, past, &heads[i].hash);
}

bool cf_registry_is_reached(const cf_registry *registry, const cf_member_past *past,
                            const cf_hash *entry)
{
    const cf_member_node *node = cf_registry_node(registry, entry);

    return node && cf_past_has(past, (size_t)(node - registry->nodes));
}

bool cf_registry_reaches_device(const cf_registry *registry, const cf_head *heads, size_t count,
                                const cf_hash *device)
{
    size_t place = cf_registry_subject(registry, device);
    cf_member_past past = {0};
    bool found = false;

    if (place == SIZE_MAX)
        return false;
    const cf_node_list *roles = &registry->subjects[place].roles;
    cf_registry_reach(registry, heads, count, &past);
    for (size_t i = 0; !found && i < roles->count; i++)
        found = cf_past_has(&past, roles->at[i]) &&
                registry->nodes[roles->at[i]].operation.kind != CF_MEMBER_ROLE;
    cf_member_past_release(&past);
    return found;
}

bool cf_registry_reaches_epoch(const cf_registry *registry, const cf_head *heads, size_t count,
                               const cf_hash *epoch)
{
    const cf_member_node *opening = cf_registry_node(registry, epoch);
    cf_member_past past = {0};
    bool found = false;

    if (!opening || !opening->operation.opens)
        return false;
    cf_registry_reach(registry, heads, count, &past);
    found = cf_registry_is_reached(registry, &past, epoch);
    cf_member_past_release(&past);
    return found;
}

/* ---- Who has which role where ---- */

/* Gives the subject a role in this past, by this rule. */
static bool gives(const cf_registry *registry, size_t index, const cf_member_past *past,
                  cf_role_rule rule)
{
    return (rule == CF_BY_PAST || registry->nodes[index].operation.acts) &&
           (!past || cf_past_has(past, index));
}

bool cf_subject_role(const cf_registry *registry, const cf_subject *subject,
                     const cf_member_past *past, cf_role_rule rule, cf_role *role)
{
    const cf_node_list *roles = &subject->roles;
    bool found = false, is_member = false;

    for (size_t i = 0; i < roles->count; i++) {
        const cf_operation *operation = &registry->nodes[roles->at[i]].operation;
        bool overtaken = !gives(registry, roles->at[i], past, rule);

        is_member = is_member || (!overtaken && operation->kind != CF_MEMBER_ROLE);
        for (size_t k = i + 1; !overtaken && k < roles->count; k++)
            overtaken = gives(registry, roles->at[k], past, rule) &&
                        cf_past_has(&registry->nodes[roles->at[k]].past, roles->at[i]);
        if (!overtaken && (!found || operation->role > *role)) {
            *role = operation->role;
            found = true;
        }
    }
    return found && is_member;
}

bool cf_role_permits(cf_role role, cf_member_kind kind)
{
    return role == CF_ROLE_OWNER || kind == CF_MEMBER_LEAVE;
}

bool cf_registry_permits(const cf_registry *registry, const cf_hash *author, cf_role role,
                         const cf_member *member)
{
    bool is_account = cf_hash_equal(author, &registry->user);

    if (!cf_role_permits(role, member->kind))
        return false;
    switch (member->kind) {
    case CF_MEMBER_FIRST: /* there is one, and this has a past */
        return false;
    case CF_MEMBER_LEAVE:
        return !is_account;
    case CF_MEMBER_ANNUL:
        return is_account;
    case CF_MEMBER_REVOKE:
    case CF_MEMBER_ROLE:
        return !cf_hash_equal(&member->device, &registry->user);
    default:
        return true;
    }
}

bool cf_registry_role_varies(const cf_registry *registry, const cf_hash *device)
{
    size_t place = cf_registry_subject(registry, device);

    return place != SIZE_MAX && registry->subjects[place].roles.count > 1;
}

bool cf_registry_may_write(const cf_registry *registry, const cf_hash *device,
                           const cf_member_past *past, bool as_owner)
{
    size_t place = cf_registry_subject(registry, device);
    cf_role role = CF_ROLE_READER;

    return place != SIZE_MAX &&
           cf_subject_role(registry, &registry->subjects[place], past, CF_BY_NOW, &role) &&
           (role == CF_ROLE_OWNER || (role == CF_ROLE_MEMBER && !as_owner));
}
