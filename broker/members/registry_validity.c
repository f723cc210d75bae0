/* SPDX-License-Identifier: Apache-2.0 */
/* What counts, in three steps of which none looks back: first what is allowed, by each entry's own
 * past (registry.c); from that and from annulments the limits in force; from these, in the order
 * of the log, which entries are void. */
#include "broker/members/registry_inside.h"

#include <stdlib.h>
#include <string.h>

/* ---- Limits ---- */

bool cf_limit_names(const cf_limit *limit, const cf_head *entry)
{
    size_t low = 0, high = limit->head_count;

    while (low < high) { /* they ascend */
        size_t middle = low + (high - low) / 2;
        int order = cf_head_compare(&limit->heads[middle], entry);

        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool cf_limit_names_later(const cf_limit *limit, const cf_head *entry)
{
    bool found = false;

    for (size_t i = 0; !found && i < limit->head_count; i++)
        found = cf_id_equal(&limit->heads[i].writer, &entry->writer) &&
                limit->heads[i].sequence > entry->sequence;
    return found;
}

static bool is_named_for(const cf_subject *subject, const cf_head *entry)
{
    for (size_t i = 0; i < subject->limit_count; i++)
        if (cf_limit_names(&subject->limits[i], entry))
            return true;
    return false;
}

const cf_hash *cf_registry_named_for(const cf_registry *registry, const cf_head *entry,
                                     size_t *from)
{
    while (*from < registry->subject_count) {
        const cf_subject *subject = &registry->subjects[(*from)++];

        if (is_named_for(subject, entry))
            return &subject->device.id;
    }
    return NULL;
}

const cf_limit *cf_registry_limits(const cf_registry *registry, const cf_hash *device,
                                   size_t *count)
{
    size_t place = cf_registry_subject(registry, device);

    *count = place == SIZE_MAX ? 0 : registry->subjects[place].limit_count;
    return *count ? registry->subjects[place].limits : NULL;
}

void cf_subject_forget_limits(cf_subject *subject)
{
    for (size_t i = 0; i < subject->limit_count; i++)
        cf_member_past_release(&subject->covers[i]);
    free(subject->covers);
    free(subject->limits);
    subject->covers = NULL;
    subject->limits = NULL;
    subject->limit_count = 0;
}

static bool is_annulled(const cf_registry *registry, const cf_hash *revocation)
{
    for (size_t i = 0; i < registry->node_count; i++) {
        const cf_operation *operation = &registry->nodes[i].operation;

        if (operation->kind == CF_MEMBER_ANNUL && operation->is_allowed &&
            cf_hash_equal(&operation->revocation, revocation))
            return true;
    }
    return false;
}

static bool is_in_force(const cf_registry *registry, const cf_member_node *node)
{
    return node->operation.is_allowed && (node->operation.kind != CF_MEMBER_REVOKE ||
                                          !is_annulled(registry, &node->operation.entry.hash));
}

/* What the limit leaves of the member log. A `leave` leaves itself. A head that its author had not
 * seen is somebody's word for it: of X, who is out, the broker says that it added Y before. */
static cf_member_past cover_of(const cf_registry *registry, const cf_member_node *node)
{
    cf_member_past cover = {0};

    for (size_t i = 0; i < node->member.head_count; i++) {
        const cf_head *named = &node->member.heads[i];
        const cf_member_node *held = cf_registry_node(registry, &named->hash);

        if (held && cf_head_compare(&held->operation.entry, named) == 0 &&
            cf_past_has(&node->past, (size_t)(held - registry->nodes)))
            cf_registry_reach(registry, named, 1, &cover);
    }
    if (node->operation.kind == CF_MEMBER_LEAVE)
        cf_registry_reach(registry, &node->operation.entry, 1, &cover);
    return cover;
}

static void find_limits(const cf_registry *registry, cf_subject *subject)
{
    size_t count = subject->outs.count;

    cf_subject_forget_limits(subject);
    if (!count)
        return;
    subject->limits = cf_allocate(count, sizeof *subject->limits);
    subject->covers = cf_allocate(count, sizeof *subject->covers);
    for (size_t i = 0; i < count; i++) {
        const cf_member_node *node = &registry->nodes[subject->outs.at[i]];

        if (!is_in_force(registry, node))
            continue;
        subject->covers[subject->limit_count] = cover_of(registry, node);
        subject->limits[subject->limit_count++] = (cf_limit){.entry = node->operation.entry.hash,
                                                             .kind = node->operation.kind,
                                                             .role = node->operation.role,
                                                             .heads = node->member.heads,
                                                             .head_count = node->member.head_count};
    }
}

/* ---- Void ---- */

/* Whether an entry of the member log is beyond a limit. A change of role leaves what knew it to
 * the role that it gave, and what the new role allows. */
static bool is_beyond(const cf_registry *registry, const cf_subject *author, size_t limit,
                      const cf_head *entry, cf_member_kind kind, const cf_member_past *past)
{
    const cf_limit *by = &author->limits[limit];
    const cf_member_node *node = cf_registry_node(registry, &entry->hash);
    bool is_itself = cf_hash_equal(&by->entry, &entry->hash);

    if (by->kind == CF_MEMBER_ROLE && (is_itself || cf_role_permits(by->role, kind) ||
                                       cf_registry_is_reached(registry, past, &by->entry)))
        return false;
    /* what is not held yet is in nobody's past */
    return !node || !cf_past_has(&author->covers[limit], (size_t)(node - registry->nodes));
}

bool cf_registry_is_void(const cf_registry *registry, const cf_head *entry, const cf_hash *author,
                         cf_member_kind kind, const cf_member_past *past)
{
    size_t place = cf_registry_subject(registry, author);
    const cf_subject *subject = place == SIZE_MAX ? NULL : &registry->subjects[place];
    cf_role role;

    if (kind == CF_MEMBER_FIRST)
        return false;
    if (!subject || !cf_subject_role(registry, subject, past, CF_BY_NOW, &role) ||
        !cf_role_permits(role, kind))
        return true;
    for (size_t i = 0; i < subject->limit_count; i++)
        if (is_beyond(registry, subject, i, entry, kind, past))
            return true;
    return false;
}

static void weigh_node(const cf_registry *registry, cf_member_node *node)
{
    cf_operation *operation = &node->operation;

    operation->is_void = !operation->is_allowed ||
                         cf_registry_is_void(registry, &operation->entry, &operation->author,
                                             operation->kind, &node->past);
    if (operation->kind == CF_MEMBER_REVOKE || operation->kind == CF_MEMBER_LEAVE)
        operation->acts = is_in_force(registry, node);
    else
        operation->acts = !operation->is_void || (operation->is_allowed && node->lowers);
}

/* ---- Devices ---- */

/* Of those that let it in: one that counts before one that doesn't, then the lowest. */
static void find_admission(const cf_registry *registry, cf_subject *subject)
{
    const cf_member_node *best = NULL;

    for (size_t i = 0; i < subject->roles.count; i++) {
        const cf_member_node *node = &registry->nodes[subject->roles.at[i]];

        if (node->operation.kind == CF_MEMBER_ROLE)
            continue;
        if (!best || node->operation.acts > best->operation.acts ||
            (node->operation.acts == best->operation.acts &&
             cf_hash_compare(&node->operation.entry.hash, &best->operation.entry.hash) < 0))
            best = node;
    }
    if (!best)
        return;
    subject->device.added = best->operation.entry.hash;
    subject->device.admitter = best->operation.author;
    subject->device.keys = best->member.keys;
}

static void find_end(cf_subject *subject)
{
    cf_device *device = &subject->device;

    device->ended_by = 0;
    for (size_t i = 0; i < subject->limit_count; i++) {
        const cf_limit *limit = &subject->limits[i];

        if (limit->kind == CF_MEMBER_ROLE ||
            (device->ended_by && cf_hash_compare(&limit->entry, &device->ended) > 0))
            continue;
        device->ended_by = limit->kind;
        device->ended = limit->entry;
    }
}

static void describe(const cf_registry *registry, cf_subject *subject)
{
    cf_device *device = &subject->device;
    cf_role role;

    find_admission(registry, subject);
    find_end(subject);
    bool counts = cf_subject_role(registry, subject, NULL, CF_BY_NOW, &role);
    if (counts || cf_subject_role(registry, subject, NULL, CF_BY_PAST, &role))
        device->role = role;
    device->is_valid = counts && !device->ended_by;
}

/* ---- After an entry came ---- */

static void disturb(cf_registry *registry, const cf_hash *device)
{
    for (size_t i = 0; i < registry->disturbed_count; i++)
        if (cf_hash_equal(&registry->disturbed[i], device))
            return;
    *cf_one_more(registry->disturbed, registry->disturbed_count, registry->disturbed_capacity) =
        *device;
}

const cf_hash *cf_registry_disturbed(const cf_registry *registry, size_t *count, bool *only_less)
{
    *count = registry->disturbed_count;
    *only_less = registry->only_less;
    return registry->disturbed;
}

/* Whether a limit waits for this entry, or it takes back or makes one. */
static bool moves_limits(const cf_registry *registry, const cf_member_node *node)
{
    switch (node->operation.kind) {
    case CF_MEMBER_REVOKE:
    case CF_MEMBER_LEAVE:
    case CF_MEMBER_ROLE:
    case CF_MEMBER_ANNUL:
        if (node->operation.is_allowed)
            return true;
        break;
    default:
        break;
    }
    size_t from = 0;
    return cf_registry_named_for(registry, &node->operation.entry, &from) != NULL;
}

/* Limits changed: whose they are is disturbed. */
static void renew_limits(cf_registry *registry)
{
    for (size_t i = 0; i < registry->subject_count; i++) {
        cf_subject *subject = &registry->subjects[i];
        size_t before = subject->limit_count;

        find_limits(registry, subject);
        if (subject->limit_count != before)
            disturb(registry, &subject->device.id);
    }
}

/* Roles that count no longer, or again, change what their devices' entries may. */
static void weigh_all(cf_registry *registry)
{
    for (size_t i = 0; i < registry->node_count; i++) {
        cf_member_node *node = &registry->nodes[i];
        bool acted = node->operation.acts;

        weigh_node(registry, node);
        if (node->operation.acts == acted || i + 1 == registry->node_count ||
            (node->operation.kind != CF_MEMBER_ADD && node->operation.kind != CF_MEMBER_ROLE))
            continue;
        disturb(registry, &node->operation.device);
        registry->only_less = false;
    }
    for (size_t i = 0; i < registry->subject_count; i++)
        describe(registry, &registry->subjects[i]);
}

void cf_registry_weigh(cf_registry *registry)
{
    cf_member_node *last = &registry->nodes[registry->node_count - 1];
    size_t place;

    registry->disturbed_count = 0;
    registry->only_less = true;
    if (moves_limits(registry, last)) {
        renew_limits(registry);
        registry->only_less =
            last->operation.kind == CF_MEMBER_REVOKE || last->operation.kind == CF_MEMBER_LEAVE;
        weigh_all(registry);
        return;
    }
    weigh_node(registry, last);
    place = cf_registry_subject(registry, &last->operation.device);
    if (place != SIZE_MAX)
        describe(registry, &registry->subjects[place]);
}

void cf_registry_weigh_all(cf_registry *registry)
{
    renew_limits(registry);
    weigh_all(registry);
    registry->disturbed_count = 0;
    registry->only_less = true;
}
