/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/registry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One entry of the member log. */
typedef struct {
    cf_head head;
    cf_bytes wire;
    cf_member_kind kind; /* 0: its body says nothing that counts */
    cf_hash device;      /* ADD, FIRST: who comes in; ROLE: whose role changes */
    cf_role role;
    bool counts;
    bool opens;
    uint64_t *past; /* a bit for each entry in its past, itself included */
    size_t past_words;
} member_node;

struct cf_registry {
    cf_hash user;
    member_node *nodes;
    size_t node_count, node_capacity;
    cf_device *devices;
    size_t device_count, device_capacity;
    cf_heads heads;
    cf_hash epoch;
    bool has_epoch;
    cf_arena arena; /* wires and pasts */
};

cf_registry *cf_registry_new(const cf_hash *user)
{
    cf_registry *registry = cf_allocate(1, sizeof *registry);

    registry->user = *user;
    return registry;
}

void cf_registry_destroy(cf_registry **registry)
{
    if (!*registry)
        return;
    free((*registry)->nodes);
    free((*registry)->devices);
    cf_heads_release(&(*registry)->heads);
    cf_arena_release(&(*registry)->arena);
    free(*registry);
    *registry = NULL;
}

static const member_node *find(const cf_registry *registry, const cf_hash *entry)
{
    for (size_t i = registry->node_count; i-- > 0;)
        if (cf_hash_equal(&registry->nodes[i].head.hash, entry))
            return &registry->nodes[i];
    return NULL;
}

bool cf_registry_holds(const cf_registry *registry, const cf_hash *entry)
{
    return find(registry, entry) != NULL;
}

static bool is_in(const member_node *node, size_t index)
{
    return index / 64 < node->past_words && (node->past[index / 64] >> index % 64 & 1);
}

/* The entries that the header names as just before it; at most `after` and the predecessor. */
typedef struct {
    const member_node **nodes;
    size_t count;
} node_list;

static node_list parents_of_heads(const cf_registry *registry, const cf_head *heads, size_t count,
                                  cf_arena *arena)
{
    node_list out = {cf_arena_allocate(arena, count + 1, sizeof *out.nodes), 0};

    for (size_t i = 0; i < count; i++) {
        const member_node *parent = find(registry, &heads[i].hash);

        if (parent)
            out.nodes[out.count++] = parent;
    }
    return out;
}

static node_list parents_of(const cf_registry *registry, const cf_header *header, cf_arena *arena)
{
    node_list out = parents_of_heads(registry, header->after, header->after_count, arena);
    const member_node *previous = header->sequence > 1 ? find(registry, &header->previous) : NULL;

    if (previous)
        out.nodes[out.count++] = previous;
    return out;
}

static bool reaches(const node_list *parents, size_t index)
{
    for (size_t i = 0; i < parents->count; i++)
        if (is_in(parents->nodes[i], index))
            return true;
    return false;
}

/* Gives the device a role: lets it in, or changes it. */
static bool gives_role(const member_node *node, const cf_hash *device)
{
    return node->counts &&
           (node->kind == CF_MEMBER_ADD || node->kind == CF_MEMBER_FIRST ||
            node->kind == CF_MEMBER_ROLE) &&
           cf_hash_equal(&node->device, device);
}

/* By the latest of what gave one in this past (NULL: in all that is held); of several that know
 * nothing of each other, the least. */
static bool role_in_past(const cf_registry *registry, const node_list *parents,
                         const cf_hash *device, cf_role *role)
{
    bool found = false, is_member = false;

    for (size_t i = 0; i < registry->node_count; i++) {
        const member_node *node = &registry->nodes[i];
        bool overtaken = !gives_role(node, device) || (parents && !reaches(parents, i));

        is_member = is_member || (!overtaken && node->kind != CF_MEMBER_ROLE);
        for (size_t k = i + 1; !overtaken && k < registry->node_count; k++)
            overtaken = gives_role(&registry->nodes[k], device) &&
                        (!parents || reaches(parents, k)) && is_in(&registry->nodes[k], i);
        if (!overtaken && (!found || node->role > *role)) {
            *role = node->role;
            found = true;
        }
    }
    return found && is_member;
}

static cf_status check_first(const cf_registry *registry, const cf_entry *entry,
                             const cf_member *member, cf_error *error)
{
    cf_hash account = cf_device_id(member->keys.signing);

    if (!cf_hash_equal(&account, &registry->user))
        return cf_fail(error, CF_FORGED, "a first entry that is not by the account");
    if (entry->header.sequence != 1 || entry->header.after_count != 0)
        return cf_fail(error, CF_MALFORMED, "a first entry that has a past");
    return cf_entry_verify(entry, member->keys.signing, error);
}

/* Whether the operation is its author's to do, by the role that it has in the entry's past. */
static bool may(const cf_registry *registry, const cf_hash *author, cf_role role,
                const cf_member *member)
{
    bool is_account = cf_hash_equal(author, &registry->user);
    cf_error error;

    switch (member->kind) {
    case CF_MEMBER_FIRST: /* there is one, and this has a past */
        return false;
    case CF_MEMBER_LEAVE:
        return !is_account;
    case CF_MEMBER_ANNUL:
        return is_account;
    case CF_MEMBER_REVOKE:
    case CF_MEMBER_ROLE:
        return role == CF_ROLE_OWNER && !cf_hash_equal(&member->device, &registry->user);
    case CF_MEMBER_ADD:
        return role == CF_ROLE_OWNER &&
               !cf_keys_check_proof(&member->keys, &registry->user, member->proof, &error);
    default:
        return role == CF_ROLE_OWNER;
    }
}

/* A body that says nothing we know is kept as one that doesn't count. */
static cf_status check_operation(const cf_registry *registry, const cf_entry *entry,
                                 const cf_member *member, bool *counts, cf_error *error)
{
    const cf_device *author = cf_registry_device(registry, &entry->header.device);
    cf_arena arena = {0};
    node_list parents = parents_of(registry, &entry->header, &arena);
    cf_role role;
    cf_status status = CF_OK;

    if (!author || !role_in_past(registry, &parents, &author->id, &role))
        status = cf_fail(error, CF_MALFORMED, "its past doesn't reach the adding of its device");
    if (!status)
        status = cf_entry_verify(entry, author->keys.signing, error);
    if (!status)
        *counts = member && may(registry, &author->id, role, member);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_registry_check(const cf_registry *registry, const cf_entry *entry, bool *counts,
                            cf_error *error)
{
    cf_arena arena = {0};
    cf_member member;
    cf_error why;
    bool is_readable = !cf_member_read(entry->body, &arena, &member, &why);
    cf_status status;

    *counts = true;
    if (is_readable && member.kind == CF_MEMBER_FIRST && entry->header.sequence == 1 &&
        cf_hash_equal(&entry->header.device, &registry->user))
        status = check_first(registry, entry, &member, error);
    else
        status = check_operation(registry, entry, is_readable ? &member : NULL, counts, error);
    cf_arena_release(&arena);
    return status;
}

static void keep_past(cf_registry *registry, member_node *added, const node_list *parents)
{
    size_t index = registry->node_count;

    added->past_words = index / 64 + 1;
    added->past = cf_arena_allocate(&registry->arena, added->past_words, sizeof *added->past);
    added->past[index / 64] |= UINT64_C(1) << index % 64;
    for (size_t i = 0; i < parents->count; i++)
        for (size_t word = 0; word < parents->nodes[i]->past_words; word++)
            added->past[word] |= parents->nodes[i]->past[word];
}

static void let_in(cf_registry *registry, const member_node *node, const cf_public_keys *keys)
{
    cf_device *device = (cf_device *)cf_registry_device(registry, &node->device);

    if (device && cf_hash_compare(&device->added, &node->head.hash) <= 0)
        return;
    if (!device) {
        registry->devices = cf_grow(registry->devices, &registry->device_capacity,
                                    registry->device_count + 1, sizeof *registry->devices);
        device = &registry->devices[registry->device_count++];
    }
    *device = (cf_device){.id = node->device,
                          .keys = *keys,
                          .role = node->role,
                          .added = node->head.hash,
                          .is_valid = true};
}

/* What the last node says, beyond being there. */
static void apply(cf_registry *registry, const cf_member *member)
{
    const member_node *node = &registry->nodes[registry->node_count - 1];
    cf_device *device;

    if (!node->counts)
        return;
    if (node->kind == CF_MEMBER_FIRST || node->kind == CF_MEMBER_ADD)
        let_in(registry, node, &member->keys);
    device = (cf_device *)cf_registry_device(registry, &node->device);
    if (device)
        role_in_past(registry, NULL, &node->device, &device->role);
}

/* Authors take an epoch that no other has in its past, of several the lowest name. */
static void choose_epoch(cf_registry *registry)
{
    const member_node *chosen = NULL;

    for (size_t i = 0; i < registry->node_count; i++) {
        const member_node *candidate = &registry->nodes[i];
        bool overtaken = !candidate->opens || !candidate->counts;

        for (size_t k = i + 1; !overtaken && k < registry->node_count; k++)
            overtaken = registry->nodes[k].opens && registry->nodes[k].counts &&
                        is_in(&registry->nodes[k], i);
        if (!overtaken &&
            (!chosen || cf_hash_compare(&candidate->head.hash, &chosen->head.hash) < 0))
            chosen = candidate;
    }
    registry->has_epoch = chosen != NULL;
    if (chosen)
        registry->epoch = chosen->head.hash;
}

static member_node node_of(cf_registry *registry, const cf_entry *entry, const cf_member *member)
{
    member_node node = {.head = cf_head_of(entry),
                        .wire = cf_arena_copy(&registry->arena, entry->wire)};

    if (!member)
        return node;
    node.kind = member->kind;
    node.opens = member->opens;
    node.role = member->kind == CF_MEMBER_FIRST ? CF_ROLE_OWNER : member->role;
    if (member->kind == CF_MEMBER_FIRST || member->kind == CF_MEMBER_ADD)
        node.device = cf_device_id(member->keys.signing);
    if (member->kind == CF_MEMBER_ROLE)
        node.device = member->device;
    return node;
}

void cf_registry_add(cf_registry *registry, const cf_entry *entry)
{
    cf_arena arena = {0};
    cf_error error;
    cf_member member;
    bool counts;

    if (find(registry, &entry->hash) || cf_registry_check(registry, entry, &counts, &error))
        return;
    bool is_readable = !cf_member_read(entry->body, &arena, &member, &error);
    member_node added = node_of(registry, entry, is_readable ? &member : NULL);
    node_list parents = parents_of(registry, &entry->header, &arena);

    added.counts = counts;
    keep_past(registry, &added, &parents);
    registry->nodes = cf_grow(registry->nodes, &registry->node_capacity, registry->node_count + 1,
                              sizeof *registry->nodes);
    registry->nodes[registry->node_count++] = added;
    cf_heads_advance(&registry->heads, entry);
    if (is_readable)
        apply(registry, &member);
    if (added.opens)
        choose_epoch(registry);
    cf_arena_release(&arena);
}

size_t cf_registry_count(const cf_registry *registry)
{
    return registry->node_count;
}

cf_bytes cf_registry_entry(const cf_registry *registry, size_t index)
{
    assert(index < registry->node_count);
    return registry->nodes[index].wire;
}

const cf_heads *cf_registry_heads(const cf_registry *registry)
{
    return &registry->heads;
}

size_t cf_registry_device_count(const cf_registry *registry)
{
    return registry->device_count;
}

const cf_device *cf_registry_device_at(const cf_registry *registry, size_t index)
{
    assert(index < registry->device_count);
    return &registry->devices[index];
}

const cf_device *cf_registry_device(const cf_registry *registry, const cf_hash *device)
{
    for (size_t i = 0; i < registry->device_count; i++)
        if (cf_hash_equal(&registry->devices[i].id, device))
            return &registry->devices[i];
    return NULL;
}

const cf_device *cf_registry_by_curve(const cf_registry *registry, const uint8_t curve[32])
{
    for (size_t i = 0; i < registry->device_count; i++)
        if (memcmp(registry->devices[i].keys.curve, curve, 32) == 0)
            return &registry->devices[i];
    return NULL;
}

bool cf_registry_reaches_device(const cf_registry *registry, const cf_head *heads, size_t count,
                                const cf_hash *device)
{
    cf_arena arena = {0};
    node_list parents = parents_of_heads(registry, heads, count, &arena);
    cf_role role;
    bool found = role_in_past(registry, &parents, device, &role);

    cf_arena_release(&arena);
    return found;
}

bool cf_registry_reaches_epoch(const cf_registry *registry, const cf_head *heads, size_t count,
                               const cf_hash *epoch)
{
    const member_node *opening = find(registry, epoch);
    cf_arena arena = {0};
    node_list parents = parents_of_heads(registry, heads, count, &arena);
    bool found =
        opening && opening->opens && reaches(&parents, (size_t)(opening - registry->nodes));

    cf_arena_release(&arena);
    return found;
}

const cf_hash *cf_registry_epoch(const cf_registry *registry)
{
    return registry->has_epoch ? &registry->epoch : NULL;
}
