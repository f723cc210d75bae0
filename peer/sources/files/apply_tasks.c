/* SPDX-License-Identifier: Apache-2.0 */
/* From marked groups to tasks, in the order in which batches take them: what frees places comes
 * first, what is written last. A directory that is to be made is planned by itself, and what is in
 * it once it is there. */
#include "peer/sources/files/apply_inside.h"

#include "codec/content.h"
#include "peer/transfer/resupply.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_known_group(const cf_ids *groups, const cf_id *id)
{
    for (size_t i = 0; i < groups->count; i++)
        if (cf_id_equal(&groups->at[i], id))
            return true;
    return false;
}

/* What is in a directory that is to be made is planned when it is there; what asks for that are the
 * directories above, of which nothing may have changed. */
static void plan_way(cf_applying *applying, cf_plan *plan, const cf_id *directory, cf_ids *out)
{
    cf_view *view = applying->collection->view;
    cf_id at = *directory, above;
    cf_arena arena = {0};
    cf_group group;
    uint64_t number;

    cf_view_group_of(view, &at, &arena, &group);
    if (group.visible && !cf_scope_leads(plan->scope, &at) &&
        !cf_plan_directory(applying->options.binding->nodes, view, plan->scope, &group, &number))
        goto done; /* it is not here, and nobody asks for it */
    cf_ids_add(out, directory);
    while (
        group.visible && cf_scope_above(plan->scope, &at, &above) &&
        !cf_plan_directory(applying->options.binding->nodes, view, plan->scope, &group, &number)) {
        at = above;
        cf_arena_release(&arena);
        cf_view_group_of(view, &at, &arena, &group);
    }
    if (!cf_id_equal(&at, directory))
        cf_ids_add(out, &at);
done:
    cf_arena_release(&arena);
}

static cf_ids take_marked(cf_applying *applying, cf_plan *plan)
{
    cf_ids marked = applying->marked, out = {0};

    applying->marked = (cf_ids){0};
    for (size_t i = 0; plan->scope && i < marked.count; i++)
        plan_way(applying, plan, &marked.at[i], &out);
    if (plan->scope)
        free(marked.at);
    else
        out = marked;
    cf_ids_sort(&out);
    return out;
}

/* Groups that are planned, of several directories by their first. */
typedef struct {
    cf_ids before, several; /* `before` is in order */
} planning;

static bool is_planned(planning *self, const cf_group *group, const cf_id *id)
{
    if (cf_ids_has(&self->before, id))
        return true;
    if (group->count == 1)
        return false;
    if (is_known_group(&self->several, &group->directories[0]))
        return true;
    cf_ids_add(&self->several, &group->directories[0]);
    return false;
}

static void plan_groups(cf_applying *applying, cf_plan *plan, const cf_ids *ids, planning *self)
{
    for (size_t i = 0; i < ids->count; i++) {
        cf_group group;

        cf_view_group_of(applying->collection->view, &ids->at[i], &applying->arena, &group);
        if (!is_planned(self, &group, &ids->at[i]))
            cf_plan_group(applying->options.binding->nodes, applying->collection->view, &group,
                          &applying->arena, plan);
    }
}

static int by_place(const void *a, const void *b)
{
    const cf_marked_item *x = a, *y = b;
    int order = cf_id_compare(&x->directory, &y->directory);

    return order ? order : cf_id_compare(&x->item, &y->item);
}

/* The group that the first of these items is marked in, meaning those that are marked there, each
 * once; returns how many marks that were. False in `is_plain`: it is a matter of the group as a
 * whole. */
static size_t take_group(cf_applying *applying, const cf_marked_item *at, size_t count,
                         cf_group *group, bool *is_plain)
{
    cf_id *items = cf_arena_allocate(&applying->arena, count, sizeof *items);
    size_t kept = 0, end = 0;

    for (; end < count && cf_id_equal(&at[end].directory, &at[0].directory); end++)
        if (end == 0 || !cf_id_equal(&at[end].item, &at[end - 1].item))
            items[kept++] = at[end].item;
    cf_view_group_of(applying->collection->view, &at[0].directory, &applying->arena, group);
    *is_plain = cf_view_pick(applying->collection->view, group, items, kept);
    return end;
}

/* What is marked item by item. Where patterns choose what is asked for, and where an item's name or
 * content has to do with another's, its directory is marked instead. */
static cf_group *take_plain(cf_applying *applying, const cf_plan *plan, size_t *count)
{
    cf_marked_items items = applying->marked_items;
    cf_group *groups = cf_arena_allocate(&applying->arena, items.count, sizeof *groups);
    bool is_plain;

    applying->marked_items = (cf_marked_items){0};
    *count = 0;
    if (items.count)
        qsort(items.at, items.count, sizeof *items.at, by_place);
    for (size_t i = 0, end; i < items.count; i = end) {
        end = i + take_group(applying, &items.at[i], items.count - i, &groups[*count], &is_plain);
        if (is_plain && !plan->scope)
            ++*count;
        else
            cf_applying_mark(applying, &items.at[i].directory, 1);
    }
    free(items.at);
    return groups;
}

static void plan_plain(cf_applying *applying, cf_plan *plan, const cf_group *groups, size_t count,
                       planning *self)
{
    for (size_t i = 0; i < count; i++)
        if (!is_planned(self, &groups[i], &groups[i].directories[0]))
            cf_plan_group(applying->options.binding->nodes, applying->collection->view, &groups[i],
                          &applying->arena, plan);
}

/* Of what is in a directory that is to move, something else may be asked for where it is to go,
 * whether it gets there or not. */
static void mark_below_moving(cf_applying *applying, const cf_plan *plan)
{
    for (size_t i = 0; plan->scope && i < plan->count; i++) {
        const cf_step *step = &plan->steps[i];

        if (step->kind == CF_STEP_UPDATE && step->node->kind == CF_KIND_DIRECTORY &&
            cf_step_difference(step).move)
            cf_applying_mark_below(applying, step->node);
    }
}

static void plan_marked(cf_applying *applying, cf_plan *plan)
{
    size_t plain_count;
    const cf_group *plain = take_plain(applying, plan, &plain_count);
    cf_ids marked = take_marked(applying, plan), below;
    planning done = {0};

    plan_groups(applying, plan, &marked, &done);
    done.before = marked;
    plan_plain(applying, plan, plain, plain_count, &done);
    done.before = (cf_ids){0};
    mark_below_moving(applying, plan);
    below = take_marked(applying, plan);
    done.before = marked;
    plan_groups(applying, plan, &below, &done);
    free(done.several.at);
    free(marked.at);
    free(below.at);
}

static void name_temporary(cf_applying *applying, cf_task *task)
{
    do
        applying->numbers++;
    while (cf_rescued_has(applying->options.binding, applying->numbers));
    cf_temporary_name(applying->numbers, task->temporary);
}

/* The base's own node goes when another takes its place, which a step does more than once. */
static const cf_node *keep_node(cf_applying *applying, const cf_node *node)
{
    cf_node *copy = cf_arena_allocate(&applying->arena, 1, sizeof *copy);

    *copy = cf_node_copy(node, &applying->arena);
    return copy;
}

/* Times and modes are not enough for an item to be. */
static bool is_in_state(const cf_state *state, const cf_id *id)
{
    const cf_item *item = cf_state_item(state, id);

    for (size_t i = 0; item && i < cf_item_write_count(item); i++)
        if (!cf_state_write(state, item, i).weak)
            return true;
    return false;
}

/* Nobody has deleted it: whoever brought it was shut out since, and what he wrote never was. */
static bool was_users_own(const cf_applying *applying, const cf_node *node)
{
    for (size_t i = 0; i < node->item_count; i++)
        if (is_in_state(applying->collection->state, &node->items[i]))
            return false;
    return node->is_met;
}

/* No path goes on like that of a directory. */
static cf_bytes rank_of(cf_applying *applying, const cf_node *node)
{
    cf_buffer path = {0};

    cf_binding_path(applying->options.binding, node->number, &path);
    if (node->kind == CF_KIND_DIRECTORY)
        cf_buffer_append(&path, "/\xff\xff", 3);
    cf_bytes rank = cf_arena_copy(&applying->arena, cf_buffer_view(&path));
    cf_buffer_release(&path);
    return rank;
}

static void prepare_task(cf_applying *applying, const cf_step *planned, cf_task *task)
{
    *task = (cf_task){.step = *planned, .number = planned->number};
    cf_step *step = &task->step;

    if (step->node)
        step->node = keep_node(applying, step->node);
    name_temporary(applying, task);
    if (step->kind == CF_STEP_DELETE) {
        task->after = *step->node;
        task->stays = was_users_own(applying, step->node);
        task->rank = rank_of(applying, step->node);
        return;
    }
    if (step->kind == CF_STEP_UPDATE)
        task->after = *step->node;
    else
        task->number = cf_binding_new_number(applying->options.binding);
    cf_shown_agree(step->shown, &applying->arena, &task->after);
    if (step->kind == CF_STEP_UPDATE && cf_step_difference(step).content)
        task->after.is_met = false;
    task->after.number = task->number;
    task->after.parent = step->parent;
    task->needs_file = step->kind == CF_STEP_CREATE ? step->shown->kind != CF_KIND_DIRECTORY
                                                    : cf_step_difference(step).content;
}

/* What frees places comes first, and of that each directory after what is in it, with which it goes
 * in one batch: `a/b`, `a/c/d`, `a/c`, `a`. Then comes what is written, entry by entry: to open one
 * costs more than all else. */
static int by_source(const void *a, const void *b)
{
    const cf_task *x = a, *y = b;
    const bool x_goes = x->step.kind == CF_STEP_DELETE, y_goes = y->step.kind == CF_STEP_DELETE;

    if (x->needs_file != y->needs_file)
        return x->needs_file - y->needs_file;
    if (x_goes != y_goes)
        return y_goes - x_goes;
    int order =
        x_goes ? cf_bytes_compare(x->rank, y->rank) : cf_head_compare(&x->source, &y->source);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static cf_asked_content *asked_for(cf_applying *applying, const cf_hash *hash, uint64_t size)
{
    uint64_t key = cf_hash_bytes(0, cf_bytes_of(hash->bytes, CF_HASH_SIZE));
    cf_asked_content *asked;

    for (cf_hash_link *link = cf_hash_table_first(&applying->asked, key); link;
         link = cf_hash_table_next(link)) {
        asked = cf_container_of(link, cf_asked_content, by_content);
        if (cf_hash_equal(&asked->hash, hash) && asked->size == size)
            return asked;
    }
    asked = cf_arena_allocate(&applying->arena, 1, sizeof *asked);
    asked->hash = *hash;
    asked->size = size;
    cf_hash_table_add(&applying->asked, &asked->by_content, key);
    return asked;
}

static void ask_for_content(cf_applying *applying, cf_task *task)
{
    cf_error ignored;
    cf_hash hash;
    uint64_t size;

    if (!task->needs_file ||
        cf_content_identity_read(task->step.shown->content, &hash, &size, &ignored))
        return;
    cf_contents_entry(applying->options.peer->contents, &applying->collection->id, &hash,
                      &task->source, &ignored);
    task->asked = asked_for(applying, &hash, size);
    task->asked->askers++;
}

/* The step's thing is new in a directory that has yet to move, and nobody's business where that
 * lies now: it comes when the directory is there. */
static bool comes_later(const cf_applying *applying, const cf_step *step)
{
    const cf_binding *binding = applying->options.binding;
    cf_buffer path = {0};

    if (step->kind != CF_STEP_CREATE || !cf_include_limits(binding->matcher))
        return false;
    cf_binding_path(binding, step->parent, &path);
    if (path.size)
        cf_buffer_append(&path, "/", 1);
    cf_buffer_append(&path, step->shown->name.data, step->shown->name.size);
    bool out = cf_include_match_path(binding->matcher, cf_buffer_view(&path),
                                     step->shown->kind == CF_KIND_DIRECTORY) == CF_INCLUDE_OUT;
    cf_buffer_release(&path);
    return out;
}

/* Nobody has deleted it, it only isn't asked for where it is now: what it holds may be nowhere
 * else.
 */
static bool lives_on(cf_applying *applying, const cf_node *node)
{
    cf_tree_place place;

    for (size_t i = 0; i < node->item_count; i++)
        if (cf_view_find(applying->collection->view, &node->items[i], &applying->arena, &place) &&
            cf_bytes_equal(place.shown->content, node->content))
            return true;
    return false;
}

static void keep_last_copy(cf_applying *applying, const cf_plan *plan, cf_task *task)
{
    const cf_node *node = task->step.node;

    if (!plan->scope || task->step.kind != CF_STEP_DELETE || node->kind != CF_KIND_FILE ||
        cf_has_other_copies(applying->options.peer, &applying->collection->id, node->content) ||
        !lives_on(applying, node))
        return;
    task->state = CF_TASK_FAILED;
    task->waits = true;
    task->reason = "it is not asked for any more, and goes once the broker has all of it";
    cf_buffer_clear(&applying->awaited);
    cf_buffer_append(&applying->awaited, node->content.data, node->content.size);
}

/* What is made for it would be removed again. */
static bool put_off(cf_applying *applying, cf_task *task)
{
    const char *reason = task->step.kind == CF_STEP_CREATE || task->needs_file
                             ? cf_unplaced_waits(applying->unplaced, &task->step)
                             : NULL;

    if (!reason)
        return false;
    task->state = CF_TASK_FAILED;
    task->reason = cf_arena_text(&applying->arena, cf_bytes_of_text(reason));
    task->is_put_off = true;
    return true;
}

/* Of a source that only sends: nothing is asked for, put off or held, and what only stands for the
 * same by other writes is not pending. */
static void make_untaken(cf_applying *applying, const cf_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const cf_step *step = &plan->steps[i];
        const cf_difference difference = step->kind == CF_STEP_UPDATE
                                             ? cf_step_difference(step)
                                             : (cf_difference){.content = true};

        if (difference.move || difference.content || difference.mode || difference.mtime)
            prepare_task(applying, step, &applying->tasks[applying->count++]);
    }
}

static void make_taken(cf_applying *applying, const cf_plan *plan)
{
    cf_unplaced_begin(applying->unplaced);
    for (size_t i = 0; i < plan->count; i++) {
        cf_task *task = &applying->tasks[applying->count];

        if (comes_later(applying, &plan->steps[i])) {
            cf_ids_add(&applying->later, &plan->steps[i].group);
            continue;
        }
        prepare_task(applying, &plan->steps[i], task);
        if (!put_off(applying, task))
            ask_for_content(applying, task);
        keep_last_copy(applying, plan, task);
        applying->count++;
    }
}

static void make_tasks(cf_applying *applying, const cf_plan *plan)
{
    applying->count = 0;
    applying->tasks = cf_arena_allocate(&applying->arena, plan->count, sizeof *applying->tasks);
    if (applying->options.binding->mode == CF_MODE_SEND)
        make_untaken(applying, plan);
    else
        make_taken(applying, plan);
    if (applying->count)
        qsort(applying->tasks, applying->count, sizeof *applying->tasks, by_source);
}

static void plan_anew(cf_applying *applying, cf_plan *plan)
{
    plan->count = plan->deletes = plan->again.count = 0;
    plan_marked(applying, plan);
}

/* What is in a folder that is met may be met, too: folder by folder, and then all once more. */
static void plan_meeting(cf_applying *applying, cf_plan *plan, cf_delete_word word)
{
    cf_ids groups = {0};

    plan_marked(applying, plan);
    if (cf_applying_meet_held(applying, plan, word, &groups)) {
        do
            plan_anew(applying, plan);
        while (cf_applying_meet_held(applying, plan, word, &groups));
        cf_applying_mark(applying, groups.at, groups.count);
        plan_anew(applying, plan);
    }
    free(groups.at);
}

cf_status cf_applying_plan(cf_applying *applying, const cf_applying_how *how, cf_error *error)
{
    cf_plan plan = {
        .scope = cf_scope_new(applying->collection->view, applying->options.binding->matcher)};
    const bool takes = applying->options.binding->mode != CF_MODE_SEND;
    cf_status status = CF_OK;

    if (takes)
        plan_meeting(applying, &plan, how->word);
    else
        plan_marked(applying, &plan);
    if (applying->records.count) {
        cf_binding_put(applying->options.binding, &applying->records);
        status = cf_applying_write(applying, error);
    }
    if (!status) {
        make_tasks(applying, &plan);
        if (takes)
            cf_applying_hold_deletes(applying, &plan, how);
    }
    for (size_t i = 0; i < plan.again.count; i++)
        cf_ids_add(&applying->later, &plan.again.at[i]);
    cf_scope_destroy(&plan.scope);
    cf_plan_release(&plan);
    return status;
}
