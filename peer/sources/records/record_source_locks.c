/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps a source from publishing: that it only receives, that the broker is to be asked first,
 * what another device has locked. */
#include "peer/sources/records/record_source_inside.h"

#include "peer/sources/context/lock_guard.h"

const char *cf_record_run_silence(cf_record_run *run, cf_pending_kind *kind)
{
    cf_record_source *source = run->source;
    cf_workshop *workshop = source->workshop;
    static const cf_id whole;
    const cf_id *collection = &source->binding->collection;
    cf_hash epoch;
    cf_error why;

    *kind = CF_PENDING_UNSENT;
    if (cf_peer_epoch(workshop->peer, &epoch, &why))
        return cf_arena_text(&run->arena, cf_bytes_of_text(why.text));
    if (source->binding->mode == CF_MODE_RECEIVE)
        return "this source only receives";
    const cf_lease *lease = cf_locks_own(workshop->locks, collection, &whole)
                                ? NULL
                                : cf_locks_of_other(workshop->locks, collection, &whole);
    if (lease) {
        source->held_back = true;
        *kind = CF_PENDING_LOCKED;
        return cf_lock_guard_text(workshop->peer, lease, &run->arena);
    }
    return run->look_only ? NULL : workshop->silent;
}

static const cf_lease *lease_of(const cf_record_run *run, const cf_row *base)
{
    return cf_locks_of_other(run->source->workshop->locks, &run->source->binding->collection,
                             &base->item);
}

bool cf_record_run_any_locked(const cf_record_run *run)
{
    return cf_locks_any_inside(run->source->workshop->locks, &run->source->binding->collection);
}

bool cf_record_run_is_locked(const cf_record_run *run, const cf_row *base)
{
    return cf_record_run_any_locked(run) && lease_of(run, base);
}

void cf_record_run_note_locked(cf_record_run *run, const cf_row *base)
{
    run->source->held_back = true;
    cf_record_note(
        run, CF_PENDING_LOCKED, &(cf_row_place){base->table, base->key}, "%s",
        cf_lock_guard_text(run->source->workshop->peer, lease_of(run, base), &run->arena));
}
