/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides have, or had, is taken for agreed, with nothing to publish. */
#include "peer/sources/files/publish_entries.h"

#include "peer/merge/plan.h"

#include <stdlib.h>

static bool find_group(cf_publishing_batch *self, uint64_t directory)
{
    const cf_node *node = directory ? cf_nodes_find(self->with->binding->nodes, directory) : NULL;

    if (self->has_group && self->group_of == directory)
        return self->group.visible;
    self->has_group = true;
    self->group_of = directory;
    self->is_listed = self->is_plain = false;
    self->group = (cf_group){0};
    if (!directory || (node && node->item_count))
        cf_view_group_of(self->collection->view, node ? &node->items[0] : &cf_root_item,
                         &self->arena, &self->group);
    self->is_plain = cf_view_pick(self->collection->view, &self->group, NULL, 0);
    return self->group.visible;
}

static void list_group(cf_publishing_batch *self)
{
    if (!self->is_listed)
        cf_view_list(self->collection->view, &self->group, &self->arena, &self->shown,
                     &self->shown_count);
    self->is_listed = true;
}

static int by_name(const void *key, const void *shown)
{
    return cf_bytes_compare(*(const cf_bytes *)key, ((const cf_shown *)shown)->name);
}

/* A conflict copy of what the base shows elsewhere: where that was changed here, as after its home
 * went back alone, the copy would go with what is replaced. */
static bool is_copy_of_known(const cf_binding *binding, const cf_shown *shown,
                             const cf_finding *finding)
{
    return shown->conflict && cf_shown_elsewhere(shown, binding->nodes, finding->number);
}

/* NULL: nothing is shown there. */
static const cf_shown *shown_at(cf_publishing_batch *self, const cf_finding *finding)
{
    if (!find_group(self, finding->parent))
        return NULL;
    if (self->is_plain)
        return cf_view_named(self->collection->view, &self->group, finding->name, &self->arena);
    list_group(self);
    return self->shown_count ? bsearch(&finding->name, self->shown, self->shown_count,
                                       sizeof *self->shown, by_name)
                             : NULL;
}

static void put_met(cf_publishing_batch *self, const cf_finding *finding, cf_node *node)
{
    node->number = finding->number;
    node->parent = finding->parent;
    node->stat = finding->stat;
    node->disk = finding->disk;
    node->is_met = true;
    if (finding->mode.size)
        node->mode = finding->mode;
    if (finding->mtime.size)
        node->mtime = cf_binding_meant_mtime(self->with->binding, node->mtime, finding->mtime);
    cf_binding_put_node(self->with->binding, node, &self->records);
    cf_publish_mark(self, node);
}

/* Something new here is what the view shows at its place: then it is that. */
static bool adopt(cf_publishing_batch *self, const cf_finding *finding)
{
    cf_binding *binding = self->with->binding;
    cf_node node = {0};

    if (cf_nodes_find(binding->nodes, finding->number))
        return false;
    const cf_shown *shown = shown_at(self, finding);
    if (!shown || shown->kind != finding->kind ||
        !cf_bytes_equal(shown->content, finding->content) ||
        cf_plan_node_of(binding->nodes, shown) || is_copy_of_known(binding, shown, finding))
        return false;
    if (binding->meets & CF_MEETS_MINE && finding->mode.size && shown->mode.size &&
        !cf_bytes_equal(shown->mode, finding->mode))
        return false; /* that is the user's, too */
    cf_shown_agree(shown, &self->arena, &node);
    put_met(self, finding, &node);
    return true;
}

/* ---- What others had there before ---- */

/* The directories that ever were there. */
static cf_met_directories directories_at(cf_publishing_batch *self, uint64_t number)
{
    const cf_node *node = number ? cf_nodes_find(self->with->binding->nodes, number) : NULL;
    cf_met_directories at = {0};

    if (node) {
        const cf_met_directories above = directories_at(self, node->parent);

        return cf_met_directories_at(self->with->past, &above, node->name, node->items,
                                     node->item_count, &self->arena);
    }
    if (number)
        return at; /* it is new, and so is all that is in it */
    at.at = cf_arena_allocate(&self->arena, 1, sizeof *at.at);
    at.at[0] = cf_root_item;
    at.count = 1;
    return at;
}

static const cf_met_directories *within_of(cf_publishing_batch *self, uint64_t directory)
{
    if (!self->has_within || self->within_of != directory)
        self->within = directories_at(self, directory);
    self->has_within = true;
    self->within_of = directory;
    return &self->within;
}

static cf_meeting meeting_of(const cf_publishing_batch *self)
{
    return (cf_meeting){self->with->peer, self->collection, self->with->binding->nodes,
                        self->with->past};
}

/* True: there is nothing to publish of it, at least for now. */
static bool meet_new(cf_publishing_batch *self, const cf_observation *seen)
{
    const cf_finding *finding = &seen->finding;
    const cf_met_directories *within = within_of(self, finding->parent);
    const cf_meeting meeting = meeting_of(self);
    const cf_met_thing thing = {
        .kind = finding->kind,
        .name = finding->name,
        .content = finding->content,
        .within = within->at,
        .within_count = within->count,
        .shown = shown_at(self, finding),
        .root = self->with->binding->root,
    };
    cf_node node = {0};
    cf_id there;

    if (thing.shown && cf_plan_node_of(self->with->binding->nodes, thing.shown))
        return false;
    cf_met met = cf_meet(&meeting, &thing, &self->arena, &node, &there);
    if (met == CF_MET_WAITS && self->with->awaits)
        self->with->awaits(self->with->context, seen);
    if (met == CF_MET_OLDER || (met == CF_MET_DELETED && self->with->awaits)) {
        put_met(self, finding, &node);
        cf_view_mark_changed(self->collection->view, &there);
    }
    return met != CF_MET_NOT;
}

static bool is_as_node(const cf_finding *finding, const cf_node *node)
{
    return finding->parent == node->parent && cf_bytes_equal(finding->name, node->name) &&
           cf_bytes_equal(finding->content, node->content);
}

/* Has what the base has meet the log, where the base is older. */
static bool meet_again(cf_publishing_batch *self, const cf_finding *finding)
{
    const cf_meeting meeting = meeting_of(self);
    cf_node node =
        cf_node_copy(cf_nodes_find(self->with->binding->nodes, finding->number), &self->arena);

    if (!cf_meet_again(&meeting, finding, within_of(self, finding->parent), &self->arena, &node))
        return false;
    cf_binding_put_node(self->with->binding, &node, &self->records);
    cf_publish_mark(self, &node);
    return is_as_node(finding, &node);
}

/* What lies here is to be the newest: an edit of what the others have there. */
static void take_mine(cf_publishing_batch *self, cf_finding *finding)
{
    const cf_shown *shown = shown_at(self, finding);
    cf_node node = {0};

    if (!shown || shown->kind != finding->kind || shown->conflict ||
        cf_plan_node_of(self->with->binding->nodes, shown))
        return;
    cf_shown_agree(shown, &self->arena, &node);
    node.number = finding->number;
    node.parent = finding->parent;
    if (!finding->mode.size)
        finding->mode = node.mode;
    finding->mtime = cf_binding_meant_mtime(self->with->binding, node.mtime, finding->mtime);
    cf_binding_put_node(self->with->binding, &node, &self->records);
}

/* What went from here, and is nowhere any more, was told when it went. */
static void drop_gone(cf_publishing_batch *self, cf_scan_batch *left, cf_arena *arena)
{
    cf_binding *binding = self->with->binding;
    uint64_t *gone = cf_arena_allocate(arena, left->gone_count, sizeof *gone);
    size_t count = 0;

    for (size_t i = 0; i < left->gone_count; i++) {
        const cf_node *node = cf_nodes_find(binding->nodes, left->gone[i]);
        bool shown = false;
        cf_tree_place place;

        for (size_t k = 0; node && k < node->item_count; k++)
            shown |= cf_view_find(self->collection->view, &node->items[k], &self->arena, &place);
        if (shown)
            gone[count++] = left->gone[i];
        else
            cf_binding_drop_node(binding, left->gone[i], &self->records);
    }
    left->gone = gone;
    left->gone_count = count;
}

/* False: it is to be published. */
static bool agree(cf_publishing_batch *self, cf_observation *seen)
{
    const cf_binding *binding = self->with->binding;
    cf_finding *finding = &seen->finding;
    bool is_known = cf_nodes_find(binding->nodes, finding->number);

    if (is_known)
        return self->with->past && binding->meets & CF_MEETS_AGAIN && meet_again(self, finding);
    if (adopt(self, finding))
        return true;
    if (binding->meets & CF_MEETS_MINE)
        take_mine(self, finding);
    else if (self->with->past)
        return meet_new(self, seen);
    return false;
}

/* What is as in the base borrows from the node there, which may become another one. */
static cf_observation keep(const cf_observation *seen, cf_arena *arena)
{
    cf_observation kept = *seen;

    kept.finding.name = cf_arena_copy(arena, seen->finding.name);
    kept.finding.content = cf_arena_copy(arena, seen->finding.content);
    kept.finding.mode = cf_arena_copy(arena, seen->finding.mode);
    kept.finding.mtime = cf_arena_copy(arena, seen->finding.mtime);
    return kept;
}

cf_status cf_publish_agreed(const cf_publishing *with, const cf_scan_batch *batch, cf_arena *arena,
                            cf_scan_batch *left, cf_error *error)
{
    cf_publishing_batch self = {.with = with};
    cf_observation *at = cf_arena_allocate(arena, batch->count, sizeof *at);

    cf_status status =
        cf_peer_collection(with->peer, &with->binding->collection, &self.collection, error);
    if (status)
        return status;
    *left = *batch;
    left->at = at;
    left->count = 0;
    for (size_t i = 0; i < batch->count; i++)
        at[i] = keep(&batch->at[i], arena);
    for (size_t i = 0; i < batch->restated_count; i++)
        cf_binding_put_node(with->binding, &batch->restated[i], &self.records);
    for (size_t i = 0; i < batch->count; i++)
        if (!agree(&self, &at[i]))
            at[left->count++] = at[i];
    left->restated_count = 0;
    if (with->past && with->binding->meets & CF_MEETS_AGAIN)
        drop_gone(&self, left, arena);
    if (self.records.count) {
        cf_binding_put(with->binding, &self.records);
        status = cf_publish_write(&self, error);
    }
    cf_kv_list_release(&self.records);
    cf_arena_release(&self.arena);
    return status;
}

bool cf_publish_differs(const cf_publishing *with, const cf_finding *finding)
{
    cf_publishing_batch self = {.with = with};
    cf_error ignored;

    bool differs =
        !cf_nodes_find(with->binding->nodes, finding->number) &&
        !cf_peer_collection(with->peer, &with->binding->collection, &self.collection, &ignored) &&
        shown_at(&self, finding);
    cf_arena_release(&self.arena);
    return differs;
}
