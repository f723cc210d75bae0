/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/context/lock_guard.h"
#include "peer/sources/files/files_source_inside.h"

bool cf_source_guard_is_due(const cf_files_source *source)
{
    const cf_locks *locks = source->workshop->locks;

    return !source->look_only &&
           (source->guarded != cf_locks_changes(locks) || source->guards_again) &&
           (source->looked || source->binding->taken_count);
}

/* What was held back is looked at again when it may be published. */
cf_status cf_source_guard(cf_files_source *source, cf_error *error)
{
    cf_workshop *workshop = source->workshop;
    bool changed = source->guarded != cf_locks_changes(workshop->locks);
    size_t given = 0;

    source->guarded = cf_locks_changes(workshop->locks);
    source->guards_again = false;
    if (cf_lock_guard_idles(workshop->locks, source->binding) && !source->held_back)
        return CF_OK;
    cf_status status =
        cf_lock_guard_heed(workshop->peer, workshop->locks, source->binding, &given, error);
    if ((changed && source->held_back) || given) {
        source->look_all = true;
        source->absence = CF_ABSENCE_COUNTS;
    }
    return status;
}

static const cf_lease *lease_of(const cf_files_source *source, const cf_finding *finding)
{
    cf_locks *locks = source->workshop->locks;
    const cf_lease *lease = cf_lock_guard_of(locks, source->binding, finding->number);

    return lease ? lease : cf_lock_guard_of(locks, source->binding, finding->parent);
}

/* Why, once for all that the same lease holds back. */
static const char *reason_of(cf_files_source *source, const cf_lease *lease)
{
    cf_arena arena = {0};
    const char *text = cf_lock_guard_text(source->workshop->peer, lease, &arena);
    const char *reason = cf_pendings_text(&source->found, text);

    cf_arena_release(&arena);
    source->held_back = true;
    return reason;
}

void cf_source_hold_back(cf_files_source *source, cf_arena *arena, cf_survey_batch *batch)
{
    cf_locks *locks = source->workshop->locks;
    const cf_lease *lease;

    if (!cf_locks_any_inside(locks, &source->binding->collection))
        return;
    cf_observation *at = cf_arena_allocate(arena, batch->count, sizeof *at);
    uint64_t *gone = cf_arena_allocate(arena, batch->gone_count, sizeof *gone);
    size_t count = 0, gone_count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        lease = lease_of(source, &batch->at[i].finding);
        if (lease)
            cf_source_note_found(source, &batch->at[i], CF_PENDING_LOCKED,
                                 reason_of(source, lease));
        else
            at[count++] = batch->at[i];
    }
    for (size_t i = 0; i < batch->gone_count; i++) {
        lease = cf_lock_guard_of(locks, source->binding, batch->gone[i]);
        if (lease)
            cf_source_note_node(source, batch->gone[i], CF_PENDING_LOCKED,
                                reason_of(source, lease));
        else
            gone[gone_count++] = batch->gone[i];
    }
    batch->at = at;
    batch->count = count;
    batch->gone = gone;
    batch->gone_count = gone_count;
}
