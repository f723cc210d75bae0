/* SPDX-License-Identifier: Apache-2.0 */
/* How much of what is gone here may be told: with all else that is missing, and what went just
 * before. What may not is held; and what another device has locked is held back. */
#include "peer/sources/files/files_source_inside.h"

#include "peer/bindings/deletion_ages.h"
#include "peer/sources/context/lock_guard.h"

#include <stdlib.h>
#include <string.h>

/* A deletion that was made elsewhere was held here, until they were missing here, too: the log has
 * nothing to bring back. */
static size_t count_deleted_there(const cf_files_source *source, const uint64_t *missing,
                                  size_t count)
{
    const cf_binding *binding = source->binding;
    cf_collection *collection;
    cf_arena arena = {0};
    cf_error error;
    size_t deleted = 0;

    if (binding->mode == CF_MODE_SEND ||
        cf_peer_collection(source->context->peer, &binding->collection, &collection, &error))
        return 0;
    for (size_t i = 0; i < count; i++) {
        const cf_node *node = cf_nodes_find(binding->nodes, missing[i]);

        deleted += node && cf_deletion_is_known(collection->view, node, &arena);
    }
    cf_arena_release(&arena);
    return deleted;
}

const char *cf_files_source_held_text(const cf_files_source *source, const uint64_t *missing,
                                      size_t count, cf_arena *arena)
{
    const size_t deleted = count_deleted_there(source, missing, count);
    const char *held =
        cf_binding_held_text(source->context->peer, source->binding, CF_GUARD_HERE, count, arena);
    cf_buffer text = {0};

    if (!deleted)
        return held;
    cf_buffer_append_text(&text,
                          "%s; %zu of them were deleted elsewhere before, and only you can put "
                          "those back",
                          held, deleted);
    held = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return held;
}

void cf_files_source_forget_unheld(cf_files_source *source)
{
    size_t kept = 0;

    for (size_t i = 0; i < source->held.count; i++) {
        const uint64_t number = source->held.at[i];
        const cf_node *node = cf_nodes_find(source->binding->nodes, number);

        if (node && (cf_files_source_find_gone(source, number) ||
                     cf_files_source_is_still_missing(source, number)))
            source->held.at[kept++] = number;
    }
    source->judge_held |= kept < source->held.count;
    if (source->held.count && !kept) /* it is over, with what had gone before */
        cf_binding_end_count(source->context->peer, source->binding, CF_GUARD_HERE);
    source->held.count = kept;
}

static void hold_gone(cf_files_source *source, const uint64_t *gone, size_t count)
{
    const cf_node_set before = {.at = source->held.at, .count = source->held.count};
    cf_node_set held = {0};

    for (size_t i = 0; i < before.count; i++)
        cf_node_set_add(&held, before.at[i]);
    for (size_t i = 0; i < count; i++)
        if (!cf_node_set_have(&before, gone[i]))
            cf_node_set_add(&held, gone[i]);
    cf_node_set_sort(&held);
    cf_node_set_release(&source->held);
    source->held = held;
    source->confirm = false;
}

/* The others that were held with these may be few enough now. */
static void let_go(cf_files_source *source, const uint64_t *going, size_t count)
{
    cf_node_set gone = {0};
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        cf_node_set_add(&gone, going[i]);
    cf_node_set_sort(&gone);
    for (size_t i = 0; i < source->held.count; i++)
        if (!cf_node_set_have(&gone, source->held.at[i]))
            source->held.at[kept++] = source->held.at[i];
    source->judge_held |= gone.count > 0;
    source->held.count = kept;
    cf_node_set_release(&gone);
}

/* All that is known to be missing: how many go is not judged name by name. */
typedef struct {
    const cf_nodes *nodes;
    cf_node_set missing;
} counting;

/* With all that was in it: a directory that went has no more names to vanish one by one. */
static void add_below(counting *self, const cf_node *node)
{
    const size_t first = self->missing.count;

    cf_node_set_add(&self->missing, node->number);
    for (size_t i = first; i < self->missing.count; i++)
        for (const cf_node *child = NULL;
             (child = cf_nodes_next_child(self->nodes, self->missing.at[i], child));)
            cf_node_set_add(&self->missing, child->number);
}

static void add_absent(void *context, const cf_look_place *place)
{
    counting *self = context;
    const cf_node *node = cf_nodes_child(self->nodes, place->folder, place->name);

    if (node)
        add_below(self, node);
}

static void keep_each_once(cf_node_set *numbers)
{
    size_t kept = 0;

    cf_node_set_sort(numbers);
    for (size_t i = 0; i < numbers->count; i++)
        if (i == 0 || numbers->at[i] != numbers->at[kept - 1])
            numbers->at[kept++] = numbers->at[i];
    numbers->count = kept;
}

static void add_items(const cf_nodes *nodes, const uint64_t *numbers, size_t count, cf_ids *out)
{
    static const cf_id none;

    for (size_t i = 0; i < count; i++) {
        const cf_node *node = cf_nodes_find(nodes, numbers[i]);

        cf_ids_add(out, node->item_count ? &node->items[0] : &none);
    }
}

/* All that is missing, an item of each. */
typedef struct {
    cf_ids judged; /* as it was found */
    cf_ids others; /* that were held before, or don't count yet; */
    bool any_wait; /* of which there are some */
} missing_items;

static missing_items gather_missing(const cf_files_source *source, const cf_scan_batch *found,
                                    const cf_scan_batch *judged)
{
    const cf_node_set *held = &source->held;
    counting self = {.nodes = source->binding->nodes}, known = {.nodes = self.nodes};
    missing_items items = {0};
    size_t kept = 0;

    for (size_t i = 0; i < judged->gone_count; i++)
        cf_node_set_add(&known.missing, judged->gone[i]);
    cf_node_set_sort(&known.missing);
    for (size_t i = 0; i < held->count; i++)
        if (cf_nodes_find(self.nodes, held->at[i]))
            cf_node_set_add(&self.missing, held->at[i]);
    for (size_t i = 0; i < found->gone_count; i++)
        cf_node_set_add(&self.missing, found->gone[i]);
    if (source->debounce)
        cf_debounce_each_absent(source->debounce, add_absent, &self);
    for (size_t i = 0; i < source->places.count; i++)
        if (source->places.at[i].absence != CF_ABSENCE_WAITS) /* due since this look began */
            add_absent(&self, &source->places.at[i]);
    keep_each_once(&self.missing);
    for (size_t i = 0; i < self.missing.count; i++) {
        const uint64_t number = self.missing.at[i];

        if (cf_node_set_have(&known.missing, number))
            continue;
        items.any_wait |= !cf_node_set_have(held, number);
        self.missing.at[kept++] = number;
    }
    add_items(self.nodes, judged->gone, judged->gone_count, &items.judged);
    add_items(self.nodes, self.missing.at, kept, &items.others);
    cf_node_set_release(&self.missing);
    cf_node_set_release(&known.missing);
    return items;
}

/* Until it is known what else goes: a tree that is being removed is judged when it is gone. Not for
 * a few that may go anyway, and not for ever. */
static bool lets_wait(const cf_files_source *source, const cf_vanishing *vanishing)
{
    if (!source->debounce || (source->postponed_ms &&
                              vanishing->now_ms >= source->postponed_ms + CF_SOURCE_POSTPONED_MS))
        return false;
    return !cf_guard_are_few(vanishing->count + vanishing->other_count) ||
           !cf_binding_would_allow(source->context->peer, source->binding, vanishing);
}

/* Not at once, where no absence is waited for: who asks for a look would wait for its end. But with
 * what this look has found for the first time, which the next one confirms. And all at one moment:
 * else each would wait for the other in turn. */
static void let_wait(cf_files_source *source, const cf_scan_batch *judged, uint64_t now_ms)
{
    const bool is_next = source->confirmed.count > 0;
    const uint64_t when_ms =
        is_next ? 0 : cf_debounce_join_absent(source->debounce, now_ms + CF_DEBOUNCE_MOVED_MS);

    for (size_t i = 0; i < judged->gone_count; i++) {
        const cf_node *node = cf_nodes_find(source->binding->nodes, judged->gone[i]);
        const cf_look_place left = cf_files_source_place_left(source, node);

        if (is_next)
            cf_look_places_add(&source->confirmed, left.folder, left.name, CF_ABSENCE_COUNTS);
        else
            cf_debounce_miss_until(source->debounce, &left, when_ms);
        if (!cf_node_set_have(&source->held, node->number))
            cf_files_source_note_node(source, node->number, CF_PENDING_WAITS,
                                      "it is missing here, perhaps for a moment");
    }
    if (!source->postponed_ms)
        source->postponed_ms = now_ms;
}

/* The directories stay in which something stays. */
static void keep_above(const cf_nodes *nodes, const uint64_t *gone, size_t count, bool *goes)
{
    cf_node_set kept = {0};

    for (size_t i = 0; i < count; i++)
        if (!goes[i])
            for (const cf_node *node = cf_nodes_find(nodes, gone[i]); node;
                 node = cf_nodes_find(nodes, node->parent))
                cf_node_set_add(&kept, node->number);
    cf_node_set_sort(&kept);
    for (size_t i = 0; i < count; i++)
        goes[i] = goes[i] && !cf_node_set_have(&kept, gone[i]);
    cf_node_set_release(&kept);
}

/* First what goes all the same; returns how many these are. The rest is behind. */
static size_t part(uint64_t *gone, size_t count, const bool *goes)
{
    uint64_t *rest = cf_allocate(count, sizeof *rest);
    size_t going = 0, rest_count = 0;

    for (size_t i = 0; i < count; i++)
        if (goes[i])
            gone[going++] = gone[i];
        else
            rest[rest_count++] = gone[i];
    memcpy(&gone[going], rest, rest_count * sizeof *rest);
    free(rest);
    return going;
}

void cf_files_source_judge_missing(cf_files_source *source, const cf_scan_batch *found,
                                   uint64_t now_ms, uint64_t *gone, size_t *count)
{
    const cf_scan_batch judged = {.gone = gone, .gone_count = *count};
    cf_binding *binding = source->binding;

    if (found->gone_count)
        cf_binding_count(source->context->peer, binding, CF_GUARD_HERE, now_ms);
    if (!judged.gone_count)
        return;
    missing_items missing = gather_missing(source, found, &judged);
    bool *goes = cf_allocate(judged.gone_count, sizeof *goes);
    const cf_vanishing vanishing = {.side = CF_GUARD_HERE,
                                    .word = source->word,
                                    .gone = missing.judged.at,
                                    .count = missing.judged.count,
                                    .others = missing.others.at,
                                    .other_count = missing.others.count,
                                    .now_ms = now_ms,
                                    .goes = goes};
    if (missing.any_wait && lets_wait(source, &vanishing)) {
        let_wait(source, &judged, now_ms);
        *count = 0;
    } else {
        source->postponed_ms = 0;
        if (!cf_binding_allows(source->context->peer, binding, &vanishing)) {
            keep_above(binding->nodes, gone, judged.gone_count, goes);
            *count = part(gone, judged.gone_count, goes);
            hold_gone(source, &gone[*count], judged.gone_count - *count);
        }
        let_go(source, gone, *count);
    }
    free(goes);
    free(missing.judged.at);
    free(missing.others.at);
}

void cf_files_source_look_at_held(cf_files_source *source)
{
    for (size_t i = 0; source->judge_held && i < source->held.count; i++) {
        const cf_node *node = cf_nodes_find(source->binding->nodes, source->held.at[i]);
        const cf_look_place left = cf_files_source_place_left(source, node);

        cf_files_source_look_at(source, left.folder, left.name, CF_ABSENCE_COUNTS);
    }
    source->judge_held = false;
}

/* ---- What another device has locked ---- */

bool cf_files_source_guard_is_due(const cf_files_source *source)
{
    const cf_locks *locks = source->context->locks;

    return !source->look_only &&
           (source->guarded != cf_locks_changes(locks) || source->guards_again) &&
           (source->looked || source->binding->taken_count);
}

/* What was held back is looked at again when it may be published. */
cf_status cf_files_source_guard(cf_files_source *source, cf_error *error)
{
    cf_source_context *context = source->context;
    bool changed = source->guarded != cf_locks_changes(context->locks);
    size_t given = 0;

    source->guarded = cf_locks_changes(context->locks);
    source->guards_again = false;
    if (cf_lock_guard_idles(context->locks, source->binding) && !source->held_back)
        return CF_OK;
    cf_status status =
        cf_lock_guard_apply(context->peer, context->locks, source->binding, &given, error);
    if ((changed && source->held_back) || given) {
        source->look_all = true;
        source->absence = CF_ABSENCE_COUNTS;
    }
    return status;
}

static const cf_lease *lease_of(const cf_files_source *source, const cf_finding *finding)
{
    cf_locks *locks = source->context->locks;
    const cf_lease *lease = cf_lock_guard_of(locks, source->binding, finding->number);

    return lease ? lease : cf_lock_guard_of(locks, source->binding, finding->parent);
}

/* Why, once for all that the same lease holds back. */
static const char *reason_of(cf_files_source *source, const cf_lease *lease)
{
    cf_arena arena = {0};
    const char *text = cf_lock_guard_text(source->context->peer, lease, &arena);
    const char *reason = cf_pendings_text(&source->found, text);

    cf_arena_release(&arena);
    source->held_back = true;
    return reason;
}

void cf_files_source_hold(cf_files_source *source, cf_arena *arena, cf_scan_batch *batch)
{
    cf_locks *locks = source->context->locks;
    const cf_lease *lease;

    if (!cf_locks_any_inside(locks, &source->binding->collection))
        return;
    cf_observation *at = cf_arena_allocate(arena, batch->count, sizeof *at);
    uint64_t *gone = cf_arena_allocate(arena, batch->gone_count, sizeof *gone);
    size_t count = 0, gone_count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        lease = lease_of(source, &batch->at[i].finding);
        if (lease)
            cf_files_source_note_found(source, &batch->at[i], CF_PENDING_LOCKED,
                                       reason_of(source, lease));
        else
            at[count++] = batch->at[i];
    }
    for (size_t i = 0; i < batch->gone_count; i++) {
        lease = cf_lock_guard_of(locks, source->binding, batch->gone[i]);
        if (lease)
            cf_files_source_note_node(source, batch->gone[i], CF_PENDING_LOCKED,
                                      reason_of(source, lease));
        else
            gone[gone_count++] = batch->gone[i];
    }
    batch->at = at;
    batch->count = count;
    batch->gone = gone;
    batch->gone_count = gone_count;
}
