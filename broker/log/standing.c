/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/log/standing.h"

/* Whether a limit leaves an entry. A change of role leaves what knew it to the role that it gave,
 * and what the new role allows. */
static cf_status is_left(const cf_judge *judge, const cf_limit *limit, const cf_considered *change,
                         const cf_member_past *past, bool *left, cf_error *error)
{
    const cf_head head = cf_head_of(change->entry);

    *left =
        cf_limit_names(limit, &head) ||
        (limit->kind == CF_MEMBER_ROLE &&
         (limit->role == CF_ROLE_OWNER || (limit->role == CF_ROLE_MEMBER && !change->as_owner) ||
          cf_registry_is_reached(judge->registry, past, &limit->entry)));
    return *left || !change->is_held
               ? CF_OK
               : cf_bounds_leave(judge->bounds, limit, change->entry, left, error);
}

cf_status cf_standing_of(const cf_judge *judge, const cf_considered *change, cf_standing *out,
                         cf_error *error)
{
    const cf_entry *entry = change->entry;
    const cf_hash *author = &entry->header.device;
    cf_member_past past = {0};
    size_t count;
    const cf_limit *limits = cf_registry_limits(judge->registry, author, &count);
    bool varies = cf_registry_role_varies(judge->registry, author);
    cf_status status = CF_OK;

    *out = CF_STANDING_COUNTS;
    if (varies)
        status = cf_lineage_past(judge->lineage, &entry->header, &past, error);
    for (size_t i = 0; !status && *out == CF_STANDING_COUNTS && i < count; i++) {
        bool left;

        status = is_left(judge, &limits[i], change, &past, &left, error);
        if (!status && !left)
            *out = limits[i].kind == CF_MEMBER_ROLE ? CF_STANDING_ROLE : CF_STANDING_REVOKED;
    }
    if (!status && *out == CF_STANDING_COUNTS &&
        !cf_registry_may_write(judge->registry, author, varies ? &past : NULL, change->as_owner))
        *out = CF_STANDING_ROLE;
    cf_member_past_release(&past);
    return status;
}
