/* SPDX-License-Identifier: Apache-2.0 */
/* Apply: the product's plan of the groups that changed, its steps in passes as far as they go, as
 * peer/sources/files/apply_batch.c makes them. Here the disk is a list; a step that finds there
 * what the base does not know is stopped. */
#include <stdio.h>
#include <stdlib.h>

#include "peer/merge/plan.h"
#include "tests/peer/model/model_world_inside.h"

enum { PLAIN_MODE = 0644, RUNS_MAX = 32 };

typedef enum { WAITING, DONE, STOPPED, LEFT } task_state;

typedef struct {
    cf_step step;
    uint64_t number; /* of the node: a fresh one for CREATE */
    cf_node after;
    bool needs_file;
    task_state state;
} model_task;

typedef struct {
    model_world *world;
    model_device *device;
    cf_arena arena;
    model_task *tasks;
    size_t count;
    size_t allowed; /* so many steps more, then the power goes */
} model_run;

/* ---- The plan ---- */

static void mark_group(model_device *device, const cf_group *group, const cf_id *directory)
{
    if (!group->item_count)
        cf_ids_add(&device->marked, directory);
    for (size_t i = 0; i < group->item_count; i++) {
        cf_ids_add(&device->marked_in, directory);
        cf_ids_add(&device->items, &group->items[i]);
    }
}

void model_take_changed(model_device *device)
{
    cf_arena arena = {0};
    const cf_group *groups;
    size_t count;

    cf_view_take_changed(device->view, &arena, &groups, &count);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < groups[i].count; k++) {
            mark_group(device, &groups[i], &groups[i].directories[k]);
            cf_ids_add(&device->said, &groups[i].directories[k]);
        }
    cf_arena_release(&arena);
}

static bool is_planned(const cf_ids *planned, const cf_group *group)
{
    for (size_t i = 0; i < planned->count; i++)
        if (cf_id_equal(&planned->at[i], &group->directories[0]))
            return true;
    return false;
}

static bool is_among(const cf_ids *ids, const cf_id *id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (cf_id_equal(&ids->at[i], id))
            return true;
    return false;
}

/* All items that are marked in the directory of the first. */
static void plan_items(model_run *run, size_t first, cf_plan *plan, cf_ids *planned)
{
    model_device *device = run->device;
    const cf_id *directory = &device->marked_in.at[first];
    cf_ids items = {0};
    cf_group group;

    cf_view_group_of(device->view, directory, &run->arena, &group);
    if (is_planned(planned, &group))
        return;
    cf_ids_add(planned, &group.directories[0]);
    for (size_t i = first; i < device->items.count; i++)
        if (cf_id_equal(&device->marked_in.at[i], directory) &&
            !is_among(&items, &device->items.at[i]))
            cf_ids_add(&items, &device->items.at[i]);
    cf_view_pick(device->view, &group, items.at, items.count);
    cf_plan_group(device->base, device->view, &group, &run->arena, plan);
    free(items.at);
}

static void plan_marked(model_run *run, cf_plan *plan)
{
    model_device *device = run->device;
    cf_ids planned = {0};

    model_take_changed(device);
    cf_ids marked = device->marked;
    device->marked = (cf_ids){0};
    for (size_t i = 0; i < marked.count; i++) {
        cf_group group;

        cf_view_group_of(device->view, &marked.at[i], &run->arena, &group);
        if (is_planned(&planned, &group))
            continue;
        cf_ids_add(&planned, &group.directories[0]);
        cf_plan_group(device->base, device->view, &group, &run->arena, plan);
    }
    for (size_t i = 0; i < device->items.count; i++)
        plan_items(run, i, plan, &planned);
    device->marked_in.count = device->items.count = 0;
    free(planned.at);
    free(marked.at);
}

static void prepare(model_run *run, const cf_step *planned, model_task *task)
{
    *task = (model_task){.step = *planned, .number = planned->number};
    cf_step *step = &task->step;

    if (step->node) {
        cf_node *kept = cf_arena_allocate(&run->arena, 1, sizeof *kept);
        *kept = cf_node_copy(step->node, &run->arena);
        step->node = kept;
        task->after = *kept;
    }
    if (step->kind == CF_STEP_DELETE)
        return;
    if (step->kind == CF_STEP_CREATE)
        task->number = ++run->world->last_number;
    cf_shown_agree(step->shown, &run->arena, &task->after);
    task->after.number = task->number;
    task->after.parent = step->parent;
    task->needs_file = step->kind == CF_STEP_CREATE ? step->shown->kind != CF_KIND_DIRECTORY
                                                    : cf_step_difference(step).content;
}

/* As the product sorts them. */
static int by_source(const void *a, const void *b)
{
    const model_task *x = a, *y = b;

    if (x->needs_file != y->needs_file)
        return x->needs_file - y->needs_file;
    return (x->number > y->number) - (x->number < y->number);
}

static void shuffle(model_run *run)
{
    for (size_t i = run->count; i > 1; i--) {
        size_t other = chance_below(&run->world->chance, i);
        model_task moved = run->tasks[i - 1];

        run->tasks[i - 1] = run->tasks[other];
        run->tasks[other] = moved;
    }
}

static void begin_run(model_run *run)
{
    cf_plan plan = {0};

    plan_marked(run, &plan);
    run->count = plan.count;
    run->tasks = cf_arena_allocate(&run->arena, plan.count, sizeof *run->tasks);
    for (size_t i = 0; i < plan.count; i++)
        prepare(run, &plan.steps[i], &run->tasks[i]);
    if (run->count)
        qsort(run->tasks, run->count, sizeof *run->tasks, by_source);
    for (size_t i = 0; i < plan.again.count; i++)
        cf_ids_add(&run->device->marked, &plan.again.at[i]);
    cf_plan_release(&plan);
}

/* ---- A step ---- */

/* The directory is on the disk where the base has it. */
static bool stands(const model_device *device, uint64_t number)
{
    if (number == CF_NODE_ROOT)
        return true;
    const cf_node *node = cf_nodes_find(device->base, number);
    const model_file *file = model_find(device, number);

    return node && file && file->parent == node->parent &&
           cf_bytes_equal(node->name, cf_bytes_of_text(file->name)) && stands(device, node->parent);
}

static bool is_base(const model_device *device, const cf_node *node)
{
    const model_file *file = model_find(device, node->number);
    cf_arena arena = {0};

    if (!file || !stands(device, node->parent) || file->parent != node->parent ||
        !cf_bytes_equal(node->name, cf_bytes_of_text(file->name)))
        return false;
    if (node->kind == CF_KIND_DIRECTORY)
        return true;
    cf_finding now = model_finding(&arena, file);
    bool same = model_is_as_in_base(device->base, &now);
    cf_arena_release(&arena);
    return same;
}

static bool is_free(const model_device *device, uint64_t parent, cf_bytes name, uint64_t number)
{
    for (size_t i = 0; i < device->file_count; i++) {
        const model_file *file = &device->files[i];

        if (file->parent == parent && file->number != number &&
            cf_bytes_equal(cf_bytes_of_text(file->name), name))
            return false;
    }
    return true;
}

/* The node becomes what is shown, on the disk and in the base; what it shows already stays as a
 * user may have it by now. */
static void bring(model_run *run, model_task *task)
{
    model_device *device = run->device;
    const cf_step *step = &task->step;
    model_file fresh = {.number = task->number, .mode = PLAIN_MODE};
    model_file *file = model_find(device, task->number);
    cf_arena arena = {0};

    fresh.mtime_ns = run->world->now_ms * UINT64_C(1000000);
    if (!file)
        file = model_add_file(device, &fresh);
    model_file was = *file;
    file->parent = task->after.parent;
    model_fill_file(run->world, step->shown, file);
    if (step->kind == CF_STEP_UPDATE && !cf_step_difference(step).mode)
        file->mode = was.mode;
    cf_finding now = model_finding(&arena, file);
    if (!task->after.mode.size)
        task->after.mode = now.mode;
    if (!task->after.mtime.size)
        task->after.mtime = now.mtime;
    cf_nodes_put(device->base, &task->after);
    cf_arena_release(&arena);
    task->state = DONE;
}

static void remove_node(model_run *run, model_task *task)
{
    model_device *device = run->device;
    const cf_node *node = cf_nodes_find(device->base, task->number);

    task->state = STOPPED;
    if (!is_base(device, node))
        return;
    for (size_t i = 0; i < device->file_count; i++)
        if (device->files[i].parent == task->number)
            return;
    model_remove(device, task->number);
    cf_nodes_drop(device->base, task->number);
    task->state = DONE;
}

static void perform(model_run *run, model_task *task)
{
    model_device *device = run->device;
    const cf_step *step = &task->step;
    const cf_node *node = cf_nodes_find(device->base, task->number);

    if (step->kind == CF_STEP_DELETE) {
        remove_node(run, task);
        return;
    }
    if (!stands(device, step->parent) || (node && !is_base(device, node)) ||
        !is_free(device, step->parent, step->shown->name, task->number))
        task->state = STOPPED;
    else
        bring(run, task);
}

/* Of steps that wait for each other: what is in this one's way has another name for now. */
static bool step_aside(model_run *run, const cf_node *node)
{
    char name[CF_ASIDE_NAME];

    if (!is_base(run->device, node))
        return false;
    cf_step_aside_name(node->number, name);
    cf_node aside = *node;
    aside.name = cf_bytes_of_text(name);
    model_file *file = model_find(run->device, node->number);
    snprintf(file->name, sizeof file->name, "%s", name);
    cf_nodes_put(run->device->base, &aside);
    return true;
}

/* ---- All steps ---- */

static bool spend(model_run *run)
{
    if (!run->allowed)
        return false;
    run->allowed--;
    run->world->steps++;
    return true;
}

static bool pass(model_run *run)
{
    bool progress = false;

    for (size_t i = 0; i < run->count; i++) {
        model_task *task = &run->tasks[i];

        if (task->state != WAITING ||
            !cf_step_is_ready(run->device->base, &task->step, task->number))
            continue;
        if (!spend(run))
            return false;
        perform(run, task);
        progress |= task->state == DONE;
    }
    return progress;
}

static bool is_held_up(const model_run *run, const cf_node *node)
{
    for (size_t i = 0; i < run->count; i++) {
        const model_task *task = &run->tasks[i];

        if ((task->state == STOPPED || task->state == LEFT) && task->step.node &&
            cf_node_is_within(run->device->base, task->number, node->number))
            return true;
    }
    return false;
}

static bool break_ring(model_run *run)
{
    const cf_nodes *base = run->device->base;

    for (size_t i = 0; i < run->count && run->allowed; i++) {
        model_task *task = &run->tasks[i];
        const cf_node *node = cf_step_in_the_way(base, &task->step);

        if (task->state == WAITING && node && cf_step_may_show(base, &task->step, task->number) &&
            !is_held_up(run, node) && step_aside(run, node))
            return spend(run);
    }
    return false;
}

static size_t count_of(const model_run *run, task_state state)
{
    size_t count = 0;

    for (size_t i = 0; i < run->count; i++)
        count += run->tasks[i].state == state;
    return count;
}

static void print_left(const model_run *run)
{
    static const char *const kinds[] = {"create", "update", "delete"};

    for (size_t i = 0; i < run->count; i++) {
        const model_task *task = &run->tasks[i];
        const cf_step *step = &task->step;
        cf_bytes name = step->shown ? step->shown->name : step->node->name;

        if (task->state != DONE)
            fprintf(stderr, "  %s %llu -> %llu/%.*s %s\n", kinds[step->kind],
                    (unsigned long long)task->number, (unsigned long long)step->parent,
                    (int)name.size, (const char *)name.data,
                    task->state == STOPPED ? "stopped" : "waits");
    }
}

/* What is left is planned again, and what lies in a directory that was made now, or is another's.
 */
static void end_run(model_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        const model_task *task = &run->tasks[i];
        const cf_step *step = &task->step;

        if (task->state != DONE)
            cf_ids_add(&run->device->marked, &step->group);
        else if (cf_step_opens_directory(step))
            for (size_t k = 0; k < step->shown->item_count; k++)
                cf_ids_add(&run->device->marked, &step->shown->items[k]);
    }
    cf_arena_release(&run->arena);
}

static void perform_all(model_run *run)
{
    do {
        while (pass(run))
            ;
    } while (break_ring(run));
}

/* One run over a plan; whether there may be more to do. */
static bool apply_once(model_world *world, model_device *device, bool dirty)
{
    model_run run = {.world = world, .device = device, .allowed = SIZE_MAX};

    begin_run(&run);
    perform_all(&run);
    bool progress = count_of(&run, DONE) > 0;
    if (!progress && run.count && !dirty) {
        print_left(&run);
        model_fail(world, "the plan does not come to its end");
    }
    end_run(&run);
    return progress;
}

void model_apply(model_world *world, model_device *device)
{
    bool dirty = model_is_dirty(device);
    int runs = 0;

    model_take_changed(device);
    if (!dirty && device->clean && !device->marked.count && !device->items.count)
        return;
    while (apply_once(world, device, dirty))
        if (++runs == RUNS_MAX)
            model_fail(world, "apply goes on and on");
    device->clean = !dirty;
    if (!dirty)
        model_check_disk(world, device);
}

void model_apply_part(model_world *world, model_device *device, uint64_t percent, size_t most)
{
    model_run run = {.world = world, .device = device, .allowed = most};
    bool dirty = model_is_dirty(device);

    begin_run(&run);
    shuffle(&run);
    for (size_t i = 0; i < run.count; i++)
        if (chance_below(&world->chance, 100) >= percent)
            run.tasks[i].state = LEFT;
    perform_all(&run);
    end_run(&run);
    device->clean = false;
    if (!dirty && model_is_dirty(device))
        model_fail(world, "the base after some steps is not the disk");
}
