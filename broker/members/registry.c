/* SPDX-License-Identifier: Apache-2.0 */
/* An entry is checked in its own past alone, once, and becomes a node; what it does to a device is
 * noted with that (a subject: its roles, and what put it out). Which nodes count is weighed anew by
 * registry_validity.c each time that something came, which epochs open what by registry_epochs.c.
 */
#include "broker/members/registry.h"

#include "broker/members/registry_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
    for (size_t i = 0; i < (*registry)->subject_count; i++) {
        cf_subject *subject = &(*registry)->subjects[i];

        cf_subject_forget_limits(subject);
        free(subject->roles.at);
        free(subject->outs.at);
    }
    free((*registry)->subjects);
    free((*registry)->nodes);
    free((*registry)->known.at);
    free((*registry)->epochs.at);
    free((*registry)->by_id.at);
    free((*registry)->disturbed);
    cf_heads_release(&(*registry)->heads);
    cf_arena_release(&(*registry)->arena);
    free(*registry);
    *registry = NULL;
}

bool cf_registry_holds(const cf_registry *registry, const cf_hash *entry)
{
    return cf_registry_node(registry, entry) != NULL;
}

/* ---- Taking entries ---- */

/* An entry, and what is known of it. */
typedef struct {
    const cf_entry *entry;
    const cf_member *member; /* NULL where the body can't be read */
    const cf_member_past *past;
    cf_member_known known;
} candidate;

static cf_status verify(const candidate *of, const uint8_t signing_key[32], cf_error *error)
{
    return of->known.is_signed ? CF_OK : cf_entry_verify(of->entry, signing_key, error);
}

/* By the account's device, which is named by the account's key. */
static cf_status check_first(const candidate *of, cf_error *error)
{
    if (of->entry->header.after_count != 0)
        return cf_fail(error, CF_MALFORMED, "a first entry that has a past");
    return verify(of, of->member->keys.signing, error);
}

static bool is_proven(const cf_registry *registry, const candidate *of)
{
    cf_error error;

    return of->member->kind != CF_MEMBER_ADD || of->known.is_proven ||
           !cf_keys_check_proof(&of->member->keys, &registry->user, of->member->proof, &error);
}

/* A body that says nothing we know is kept as one that isn't allowed. */
static cf_status check_operation(const cf_registry *registry, const candidate *of, bool *allowed,
                                 cf_error *error)
{
    const cf_entry *entry = of->entry;
    size_t place = cf_registry_subject(registry, &entry->header.device);
    const cf_subject *author = place == SIZE_MAX ? NULL : &registry->subjects[place];
    cf_role role;
    cf_status status = CF_OK;

    if (!author || !cf_subject_role(registry, author, of->past, CF_BY_PAST, &role))
        return cf_fail(error, CF_MALFORMED, "its past doesn't reach the adding of its device");
    status = verify(of, author->device.keys.signing, error);
    if (!status)
        *allowed = of->member &&
                   cf_registry_permits(registry, &entry->header.device, role, of->member) &&
                   is_proven(registry, of);
    return status;
}

static cf_status check(const cf_registry *registry, const candidate *of, bool *allowed,
                       cf_error *error)
{
    const cf_header *header = &of->entry->header;

    if (!of->member || of->member->kind != CF_MEMBER_FIRST || header->sequence != 1 ||
        !cf_hash_equal(&header->device, &registry->user))
        return check_operation(registry, of, allowed, error);
    *allowed = true;
    return check_first(of, error);
}

cf_status cf_registry_check(const cf_registry *registry, const cf_entry *entry, bool *counts,
                            cf_error *error)
{
    const cf_head head = cf_head_of(entry);
    cf_arena arena = {0};
    cf_member member = {0};
    cf_error why;
    bool is_readable = !cf_member_read(entry->body, &arena, &member, &why), allowed = false;
    cf_member_past past = cf_registry_past(registry, &entry->header, &arena);
    const candidate of = {entry, is_readable ? &member : NULL, &past, {0}};
    cf_status status = check(registry, &of, &allowed, error);

    if (!status)
        *counts = allowed &&
                  !cf_registry_is_void(registry, &head, &entry->header.device, member.kind, &past);
    cf_arena_release(&arena);
    return status;
}

static cf_operation operation_of(const cf_entry *entry, const cf_member *member, bool allowed)
{
    cf_operation operation = {.entry = cf_head_of(entry),
                              .author = entry->header.device,
                              .device = entry->header.device,
                              .is_allowed = allowed};

    if (!member)
        return operation;
    operation.kind = member->kind;
    operation.time_ms = member->time_ms;
    operation.opens = member->opens;
    operation.role = member->kind == CF_MEMBER_FIRST ? CF_ROLE_OWNER : member->role;
    operation.revocation = member->revocation;
    if (member->kind == CF_MEMBER_FIRST || member->kind == CF_MEMBER_ADD)
        operation.device = cf_device_id(member->keys.signing);
    if (member->kind == CF_MEMBER_ROLE || member->kind == CF_MEMBER_REVOKE ||
        member->kind == CF_MEMBER_GRANT)
        operation.device = member->device;
    return operation;
}

/* Where the last node stands in what is told of the device that it is about. */
static void enter(cf_registry *registry)
{
    size_t index = registry->node_count - 1;
    cf_member_node *node = &registry->nodes[index];
    cf_member_kind kind = node->operation.kind;
    bool is_role = kind == CF_MEMBER_ROLE;
    bool lets_in = kind == CF_MEMBER_FIRST || kind == CF_MEMBER_ADD;
    cf_role before;

    if (!node->operation.is_allowed ||
        !(is_role || lets_in || kind == CF_MEMBER_REVOKE || kind == CF_MEMBER_LEAVE))
        return;
    size_t place = cf_registry_make_subject(registry, &node->operation.device);
    cf_subject *subject = &registry->subjects[place];
    node->lowers = is_role &&
                   cf_subject_role(registry, subject, &node->past, CF_BY_PAST, &before) &&
                   node->operation.role > before;
    if (is_role || lets_in)
        cf_node_list_add(&subject->roles, index);
    if (!lets_in)
        cf_node_list_add(&subject->outs, index);
    if (lets_in && !subject->is_known) {
        subject->is_known = true;
        subject->device.keys = node->member.keys; /* whoever lets it in, it signs with this key */
        cf_node_list_add(&registry->known, place);
    }
}

/* The copy lives as long as the registry. */
static cf_status make_node(cf_registry *registry, const cf_entry *entry, cf_member_known known,
                           cf_member_node *out, cf_error *error)
{
    cf_arena *arena = &registry->arena;
    cf_member_node node = {.wire = cf_arena_copy(arena, entry->wire),
                           .past = cf_registry_past(registry, &entry->header, arena)};
    size_t before = (size_t)(entry->body.data - entry->wire.data);
    cf_bytes body = cf_bytes_of(node.wire.data + before, entry->body.size);
    bool allowed = false;
    cf_error why;

    const cf_member *member = cf_member_read(body, arena, &node.member, &why) ? NULL : &node.member;
    const candidate of = {entry, member, &node.past, known};
    cf_status status = check(registry, &of, &allowed, error);
    if (status)
        return status;
    node.operation = operation_of(entry, member, allowed);
    *out = node;
    return CF_OK;
}

/* False: it is held already, or refused. */
static bool take(cf_registry *registry, const cf_entry *entry, cf_member_known known)
{
    cf_member_node added;
    cf_error error;

    if (cf_registry_holds(registry, &entry->hash) ||
        make_node(registry, entry, known, &added, &error))
        return false;
    *cf_one_more(registry->nodes, registry->node_count, registry->node_capacity) = added;
    cf_heads_advance(&registry->heads, entry);
    enter(registry);
    return true;
}

void cf_registry_add(cf_registry *registry, const cf_entry *entry)
{
    registry->disturbed_count = 0;
    if (!take(registry, entry, (cf_member_known){0}))
        return;
    cf_registry_weigh(registry);
    cf_registry_choose_epoch(registry);
}

void cf_registry_take(cf_registry *registry, const cf_entry *entry, cf_member_known known)
{
    take(registry, entry, known);
}

void cf_registry_settle(cf_registry *registry)
{
    cf_registry_weigh_all(registry);
    cf_registry_choose_epoch(registry);
}

/* ---- What is held ---- */

size_t cf_registry_count(const cf_registry *registry)
{
    return registry->node_count;
}

cf_bytes cf_registry_entry(const cf_registry *registry, size_t index)
{
    assert(index < registry->node_count);
    return registry->nodes[index].wire;
}

const cf_operation *cf_registry_operation(const cf_registry *registry, size_t index)
{
    assert(index < registry->node_count);
    return &registry->nodes[index].operation;
}

const cf_operation *cf_registry_find(const cf_registry *registry, const cf_hash *entry)
{
    const cf_member_node *node = cf_registry_node(registry, entry);

    return node ? &node->operation : NULL;
}

const cf_heads *cf_registry_heads(const cf_registry *registry)
{
    return &registry->heads;
}

size_t cf_registry_device_count(const cf_registry *registry)
{
    return registry->known.count;
}

const cf_device *cf_registry_device_at(const cf_registry *registry, size_t index)
{
    assert(index < registry->known.count);
    return &registry->subjects[registry->known.at[index]].device;
}

const cf_device *cf_registry_device(const cf_registry *registry, const cf_hash *device)
{
    size_t place = cf_registry_subject(registry, device);

    return place != SIZE_MAX && registry->subjects[place].is_known
               ? &registry->subjects[place].device
               : NULL;
}

bool cf_registry_is_valid(const cf_registry *registry, const cf_hash *device)
{
    const cf_device *found = cf_registry_device(registry, device);

    return found && found->is_valid;
}

const cf_device *cf_registry_by_curve(const cf_registry *registry, const uint8_t curve[32])
{
    for (size_t i = 0; i < registry->known.count; i++) {
        const cf_device *device = cf_registry_device_at(registry, i);

        if (device->is_valid && memcmp(device->keys.curve, curve, sizeof device->keys.curve) == 0)
            return device;
    }
    return NULL;
}
