/* SPDX-License-Identifier: Apache-2.0 */
/* Which content key is in use, and who lacks it: of the openings that are in no other opening's
 * past, the usable one with the least hash, so that all devices choose alike. An opening is
 * unusable when somebody who made it, or was given its key, is out or a relay. And which broker is
 * the user's home. */
#include "broker/members/registry_inside.h"

#include <stdlib.h>
#include <string.h>

/* Whom a content key may be known to: who is valid, and no relay. */
static bool may_know(const cf_registry *registry, const cf_hash *device)
{
    size_t place = cf_registry_subject(registry, device);

    return place != SIZE_MAX && registry->subjects[place].device.is_valid &&
           registry->subjects[place].device.role != CF_ROLE_RELAY;
}

/* Gives the epoch's key, or keys of some collections in it, to one device. */
static bool gives_access(const cf_member_node *node, const cf_hash *epoch)
{
    return (node->operation.kind == CF_MEMBER_ADD || node->operation.kind == CF_MEMBER_GRANT) &&
           !node->operation.is_void && node->member.access.readable &&
           cf_hash_equal(&node->member.access.epoch, epoch);
}

static bool is_usable(const cf_registry *registry, const cf_member_node *opening)
{
    const cf_opening *of = &opening->member.opening;

    if (!opening->operation.opens || opening->operation.is_void ||
        !may_know(registry, &opening->operation.author))
        return false;
    for (size_t i = 0; i < of->recipient_count; i++)
        if (!may_know(registry, &of->recipients[i].device))
            return false;
    for (size_t i = 0; i < registry->node_count; i++) {
        const cf_member_node *node = &registry->nodes[i];

        if (gives_access(node, &opening->operation.entry.hash) &&
            !may_know(registry, &node->operation.device))
            return false;
    }
    return true;
}

static void note_key(const cf_registry *registry, const cf_hash *device, bool *has)
{
    size_t place = cf_registry_subject(registry, device);

    if (place != SIZE_MAX)
        has[place] = true;
}

/* Who has this one's key, by subject. */
static void note_keys(const cf_registry *registry, const cf_member_node *opening, bool *has)
{
    for (size_t i = 0; i < opening->member.opening.recipient_count; i++)
        note_key(registry, &opening->member.opening.recipients[i].device, has);
    for (size_t i = 0; i < registry->node_count; i++) {
        const cf_member_node *node = &registry->nodes[i];

        if (gives_access(node, &opening->operation.entry.hash) && !node->member.access.limited)
            note_key(registry, &node->operation.device, has);
    }
}

/* Looks from the newest on: what another one has in its past is overtaken for good, whoever may
 * know the other's key. What was sealed under that is read by those who have it; and who was given
 * its key and is out has what it overtook, too. */
void cf_registry_choose_epoch(cf_registry *registry)
{
    const cf_member_node *chosen = NULL;

    registry->epochs.count = 0;
    for (size_t i = registry->node_count; i-- > 0;) {
        const cf_member_node *candidate = &registry->nodes[i];
        bool overtaken = !candidate->operation.opens || candidate->operation.is_void;

        for (size_t k = 0; !overtaken && k < registry->epochs.count; k++)
            overtaken = cf_past_has(&registry->nodes[registry->epochs.at[k]].past, i);
        if (overtaken)
            continue;
        cf_node_list_add(&registry->epochs, i);
        if (is_usable(registry, candidate) &&
            (!chosen ||
             cf_hash_compare(&candidate->operation.entry.hash, &chosen->operation.entry.hash) < 0))
            chosen = candidate;
    }
    registry->has_epoch = chosen != NULL;
    if (chosen)
        registry->epoch = chosen->operation.entry.hash;
}

const cf_hash *cf_registry_epoch(const cf_registry *registry)
{
    return registry->has_epoch ? &registry->epoch : NULL;
}

const cf_hash *cf_registry_epoch_at(const cf_registry *registry, size_t index)
{
    return index < registry->epochs.count
               ? &registry->nodes[registry->epochs.at[index]].operation.entry.hash
               : NULL;
}

size_t cf_registry_list_lacking(const cf_registry *registry, const cf_hash *epoch, cf_hash *out)
{
    const cf_member_node *opening = cf_registry_node(registry, epoch);
    bool *has = cf_allocate(registry->subject_count, sizeof *has);
    size_t count = 0;

    if (opening)
        note_keys(registry, opening, has);
    for (size_t i = 0; opening && i < registry->known.count; i++) {
        const size_t place = registry->known.at[i];
        const cf_device *device = &registry->subjects[place].device;

        if (!has[place] && may_know(registry, &device->id))
            out[count++] = device->id;
    }
    free(has);
    return count;
}

bool cf_registry_home(const cf_registry *registry, cf_home_broker *out)
{
    bool found = false;

    for (size_t i = 0; i < registry->node_count; i++) {
        const cf_member_node *node = &registry->nodes[i];

        if (node->operation.kind != CF_MEMBER_HOME || node->operation.is_void)
            continue;
        if (found && (node->member.generation < out->generation ||
                      (node->member.generation == out->generation &&
                       cf_hash_compare(&node->operation.entry.hash, &out->entry) > 0)))
            continue;
        *out = (cf_home_broker){node->member.generation, node->member.address,
                                node->operation.entry.hash};
        found = true;
    }
    return found;
}

bool cf_registry_has_moved(const cf_registry *registry, const uint8_t key[32], cf_home_broker *home,
                           cf_address *address)
{
    cf_arena arena = {0};
    cf_error ignored;

    bool moved =
        cf_registry_home(registry, home) &&
        cf_address_read(cf_arena_text(&arena, home->address), address, &ignored) == CF_OK &&
        memcmp(address->key, key, sizeof address->key) != 0;
    cf_arena_release(&arena);
    return moved;
}

uint64_t cf_registry_home_generation(const cf_registry *registry)
{
    uint64_t highest = 0;

    for (size_t i = 0; i < registry->node_count; i++)
        if (registry->nodes[i].operation.kind == CF_MEMBER_HOME &&
            registry->nodes[i].member.generation > highest)
            highest = registry->nodes[i].member.generation;
    return highest;
}
