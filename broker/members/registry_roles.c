/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/members/registry_inside.h"

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
