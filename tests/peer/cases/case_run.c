/* SPDX-License-Identifier: Apache-2.0 */
/* One case, lived by two devices with the product's state, view, scan and plan. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/peer/cases/case_inside.h"

enum { CASE_OLD = 99, STEP_MS = 1000, ALL_STEPS = 100, MOST_STEPS = 8 };

const char *case_name(const case_life *self, uint8_t name)
{
    static const char *const names[CASE_NAMES] = {"a", "b", "c", "d", "x", "y"};

    if (name < CASE_NODES && self->of->tree.nodes[name].copy_of)
        return self->copy_name;
    return names[name < CASE_NODES && self->of->called[name] ? self->of->called[name] - 1 : name];
}

void case_content(uint8_t content, char text[24])
{
    if (content == CASE_SHARED)
        snprintf(text, 24, "same");
    else
        snprintf(text, 24, "v%u", content);
}

static void trace(const case_life *self, const char *what)
{
    if (!self->tracing)
        return;
    fprintf(stderr, "%s\n", what);
    model_print_disks(&self->world);
}

/* ---- The tree that both agree on ---- */

static bool has_copy(const case_tree *tree, uint8_t node)
{
    for (uint8_t i = 0; i < tree->count; i++)
        if (tree->nodes[i].copy_of == node + 1)
            return true;
    return false;
}

static void put_node(case_life *self, unsigned who, uint8_t node)
{
    const case_node *from = &self->of->tree.nodes[node];
    model_device *device = &self->world.devices[who];
    uint64_t parent = from->parent == CASE_ROOT ? CF_NODE_ROOT : self->numbers[who][from->parent];
    char content[24] = "";

    if (!from->is_directory)
        case_content(has_copy(&self->of->tree, node) ? CASE_OLD : from->content, content);
    const model_file *file =
        model_put(&self->world, device, parent, case_name(self, node),
                  from->is_directory ? CF_KIND_DIRECTORY : CF_KIND_FILE, content);
    self->numbers[who][node] = file->number;
    if (!from->is_directory)
        self->mtimes_ns[from->content] = file->mtime_ns;
}

static void find_node(case_life *self, unsigned who, uint8_t node)
{
    const case_node *from = &self->of->tree.nodes[node];
    uint64_t parent = from->parent == CASE_ROOT ? CF_NODE_ROOT : self->numbers[who][from->parent];
    const model_file *file = model_child(&self->world.devices[who], parent, case_name(self, node));

    if (!file)
        model_fail(&self->world, "the tree did not arrive");
    self->numbers[who][node] = file->number;
}

static void share_contents(case_life *self)
{
    const case_tree *tree = &self->of->tree;
    char content[24];

    model_content_of(&self->world, "same")->shared = true;
    for (uint8_t i = 0; i < tree->count; i++)
        for (uint8_t k = 0; k < i; k++) {
            if (tree->nodes[i].is_directory || tree->nodes[k].is_directory ||
                tree->nodes[i].content != tree->nodes[k].content)
                continue;
            case_content(tree->nodes[i].content, content);
            model_content_of(&self->world, content)->shared = true;
        }
}

static void edit_main(case_life *self, unsigned who, uint8_t node, uint8_t written)
{
    model_file *file = model_find(&self->world.devices[who], self->numbers[who][node]);
    char content[24];

    self->world.now_ms += STEP_MS;
    case_content(written, content);
    model_edit(&self->world, file, content);
    self->mtimes_ns[written] = file->mtime_ns;
    model_scan(&self->world, &self->world.devices[who]);
}

static void find_copy(case_life *self, unsigned who, uint8_t copy)
{
    const model_device *device = &self->world.devices[who];
    char content[24];

    case_content(self->of->tree.nodes[copy].content, content);
    for (size_t i = 0; i < device->file_count; i++)
        if (strcmp(device->files[i].content, content) == 0) {
            self->numbers[who][copy] = device->files[i].number;
            snprintf(self->copy_name, sizeof self->copy_name, "%s", device->files[i].name);
            return;
        }
    model_fail(&self->world, "there is no conflict copy");
}

/* Both edit it; the later edit keeps the name. */
static void make_conflict(case_life *self, uint8_t copy)
{
    const case_node *nodes = self->of->tree.nodes;
    uint8_t node = nodes[copy].copy_of - 1;

    edit_main(self, 0, node, nodes[copy].content);
    edit_main(self, 1, node, nodes[node].content);
    model_settle(&self->world);
    find_copy(self, 0, copy);
    find_copy(self, 1, copy);
}

static void begin(case_life *self)
{
    const case_tree *tree = &self->of->tree;
    model_device *devices = self->world.devices;

    share_contents(self);
    for (uint8_t i = 0; i < tree->count; i++)
        if (!tree->nodes[i].copy_of)
            put_node(self, 0, i);
    model_scan(&self->world, &devices[0]);
    model_receive(&self->world, &devices[1], &devices[0], 3);
    model_apply(&self->world, &devices[1]);
    for (uint8_t i = 0; i < tree->count; i++)
        if (!tree->nodes[i].copy_of)
            find_node(self, 1, i);
    for (uint8_t i = 0; i < tree->count; i++)
        if (tree->nodes[i].copy_of)
            make_conflict(self, i);
    self->begun_ms = self->world.now_ms;
    trace(self, "begin");
}

/* ---- What the users do ---- */

static uint64_t number_of(const case_life *self, unsigned who, uint8_t node)
{
    return node == CASE_ROOT ? CF_NODE_ROOT : self->numbers[who][paper_index(node, who)];
}

static uint8_t content_by(const case_life *self, unsigned who, unsigned step)
{
    return self->of->works[who].ops[step].shared ? CASE_SHARED : paper_content(who, step);
}

static void make(case_life *self, unsigned who, unsigned step, uint64_t parent, const char *name,
                 bool is_directory)
{
    uint8_t written = content_by(self, who, step);
    char content[24] = "";

    if (!is_directory)
        case_content(written, content);
    const model_file *file = model_put(&self->world, &self->world.devices[who], parent, name,
                                       is_directory ? CF_KIND_DIRECTORY : CF_KIND_FILE, content);
    self->numbers[who][paper_made(who, step)] = file->number;
    self->mtimes_ns[written] = file->mtime_ns;
}

static void edit(case_life *self, unsigned who, unsigned step, uint64_t number)
{
    model_file *file = model_find(&self->world.devices[who], number);
    uint8_t written = content_by(self, who, step);
    char content[24];

    case_content(written, content);
    model_edit(&self->world, file, content);
    self->mtimes_ns[written] = file->mtime_ns;
}

static void replace(case_life *self, unsigned who, unsigned step, uint64_t number)
{
    model_device *device = &self->world.devices[who];
    model_file was = *model_find(device, number);

    model_remove(device, number);
    make(self, who, step, was.parent, was.name, was.kind != CF_KIND_DIRECTORY);
}

static void move(case_life *self, unsigned who, uint64_t number, const case_op *op)
{
    model_device *device = &self->world.devices[who];
    uint64_t directory = number_of(self, who, op->directory);
    const model_file *there = model_child(device, directory, case_name(self, op->name));

    if (there)
        model_remove(device, there->number);
    model_file *file = model_find(device, number);
    file->parent = directory;
    snprintf(file->name, sizeof file->name, "%s", case_name(self, op->name));
}

static void act(case_life *self, unsigned who, unsigned step)
{
    const case_op *op = &self->of->works[who].ops[step];
    model_device *device = &self->world.devices[who];
    uint64_t number = number_of(self, who, op->node);

    self->world.steps++;
    self->world.now_ms = self->begun_ms + STEP_MS * (step + 1);
    switch (op->kind) {
    case OP_NONE:
        return;
    case OP_CREATE:
    case OP_MKDIR:
        make(self, who, step, number_of(self, who, op->directory), case_name(self, op->name),
             op->kind == OP_MKDIR);
        break;
    case OP_EDIT:
        edit(self, who, step, number);
        break;
    case OP_DELETE:
        model_remove(device, number);
        break;
    case OP_CHMOD:
        model_find(device, number)->mode = 0755;
        break;
    case OP_REPLACE:
        replace(self, who, step, number);
        break;
    default:
        move(self, who, number, op);
    }
    trace(self, who ? "B works" : "A works");
}

/* `before_last`: what arrives while the last step is not published yet. */
static void work(case_life *self, unsigned who, const model_device *before_last)
{
    const case_work *work = &self->of->works[who];
    model_device *device = &self->world.devices[who];

    for (unsigned step = 0; step < work->count; step++) {
        act(self, who, step);
        if (self->of->scans_each[who] && step + 1 < work->count)
            model_scan(&self->world, device);
    }
    if (before_last) {
        model_receive(&self->world, device, before_last, 3);
        model_apply_part(&self->world, device, ALL_STEPS,
                         self->of->seed % 2 ? SIZE_MAX : self->of->seed / 2 % MOST_STEPS);
        trace(self, "some of it is applied before the scan");
        model_check_view(&self->world, device);
    }
    model_scan(&self->world, device);
}

/* The power goes in the middle of a plan; nothing is to be published for that. */
static void apply_some(case_life *self)
{
    unsigned who = self->of->seed >> 8 & 1;
    model_device *device = &self->world.devices[who];

    model_receive(&self->world, device, &self->world.devices[!who], 3);
    model_apply_part(&self->world, device, ALL_STEPS, self->of->seed >> 16 & (MOST_STEPS - 1));
    trace(self, "some of it is applied");
    model_check_view(&self->world, device);
}

static void alone_on_paper(case_life *self, unsigned who, paper_disk *disk)
{
    const case_work *work = &self->of->works[who];

    paper_begin(disk, &self->of->tree);
    for (unsigned step = 0; step < work->count; step++)
        if (!paper_do(disk, &work->ops[step], who, step, &self->over[who][step]))
            model_fail(&self->world, "no such case: a step can't be done");
}

void case_begin(case_life *self, const test_case *one, bool tracing)
{
    *self = (case_life){.of = one, .tracing = tracing};
    model_open(&self->world, "case", one->ids, 2);
    self->world.devices[1].skew_ms = 0;
    begin(self);
}

void case_do_first(case_life *self)
{
    unsigned first = self->of->order == CASE_SECOND_BEFORE;

    alone_on_paper(self, first, &self->disks[first]);
    work(self, first, NULL);
}

void case_do_second(case_life *self)
{
    model_world *world = &self->world;
    unsigned first = self->of->order == CASE_SECOND_BEFORE;

    if (self->of->seed != self->of->ids)
        world->chance = (chance){self->of->seed};
    alone_on_paper(self, !first, &self->disks[!first]);
    work(self, !first, self->of->order == CASE_BOTH_AT_ONCE ? NULL : &world->devices[first]);
}

void case_do_rest(case_life *self)
{
    model_world *world = &self->world;
    size_t entries = world->entry_count;

    apply_some(self);
    model_settle(world);
    trace(self, "at the end");
    if (world->entry_count != entries)
        model_fail(world, "quiet: something was published that nobody did");
    case_check(self, self->disks);
}

uint64_t case_run(const test_case *one, bool tracing)
{
    case_life self;

    case_begin(&self, one, tracing);
    case_do_first(&self);
    case_do_second(&self);
    case_do_rest(&self);
    uint64_t steps = self.world.steps;
    model_close(&self.world);
    return steps;
}
