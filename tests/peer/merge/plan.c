/* SPDX-License-Identifier: Apache-2.0 */
/* Two folders that were one on this disk, or are to be: which of them is the node that is there. */
#include "peer/merge/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/peer/model/model_world.h"
#include "tests/support/expect.h"

static model_world world;

/* Folders `one` and `two` with a file in each. */
static void begin(const char *name)
{
    model_device *device = &world.devices[0];

    model_open(&world, name, 1, 2);
    uint64_t one = model_put(&world, device, CF_NODE_ROOT, "one", CF_KIND_DIRECTORY, "")->number;
    uint64_t two = model_put(&world, device, CF_NODE_ROOT, "two", CF_KIND_DIRECTORY, "")->number;
    model_put(&world, device, one, "f", CF_KIND_FILE, "1");
    model_put(&world, device, two, "f", CF_KIND_FILE, "2");
    model_settle(&world);
}

static const cf_node *folder(const char *name)
{
    return cf_nodes_child(world.devices[0].base, CF_NODE_ROOT, cf_bytes_of_text(name));
}

/* The node stands for both, first for `one`. */
static void make_both(const char *name)
{
    cf_node node = *folder(name);
    const cf_id items[] = {folder("one")->items[0], folder("two")->items[0]};

    node.items = items;
    node.item_count = 2;
    cf_nodes_put(world.devices[0].base, &node);
}

static void drop(const cf_node *node)
{
    cf_nodes *base = world.devices[0].base;

    for (const cf_node *child; (child = cf_nodes_next_child(base, node->number, NULL));)
        cf_nodes_drop(base, child->number);
    cf_nodes_drop(base, node->number);
}

static void plan_of(const cf_id *directory, cf_arena *arena, cf_plan *plan)
{
    cf_group group;

    cf_view_group_of(world.devices[0].view, directory, arena, &group);
    cf_plan_group(world.devices[0].base, world.devices[0].view, &group, arena, plan);
}

Test(plan, keeps_a_folder_for_the_one_of_its_items_that_has_no_other)
{
    cf_arena arena = {0};
    cf_plan plan = {0};

    begin("kept");
    make_both("two");
    plan_of(&cf_root_item, &arena, &plan);
    cr_assert_eq(plan.count, 1);
    cr_expect_eq(plan.steps[0].kind, CF_STEP_UPDATE);
    cr_expect_eq(plan.steps[0].number, folder("two")->number);
    cf_plan_release(&plan);
    cf_arena_release(&arena);
    model_close(&world);
}

/* The one that is there already has a higher number than the one that stood for both. */
Test(plan, finds_the_folder_that_was_made_for_what_has_to_leave)
{
    cf_arena arena = {0};
    cf_plan plan = {0};
    uint64_t number;

    begin("made");
    make_both("one");
    plan_of(&cf_root_item, &arena, &plan);
    cr_assert_eq(plan.count, 1, "it is made once more");
    cr_expect_eq(plan.steps[0].kind, CF_STEP_UPDATE);
    cr_expect_eq(plan.steps[0].number, folder("one")->number);
    cf_group group;
    cf_view_group_of(world.devices[0].view, &folder("two")->items[0], &arena, &group);
    cr_assert(
        cf_plan_directory(world.devices[0].base, world.devices[0].view, NULL, &group, &number));
    cr_expect_eq(number, folder("two")->number);
    cf_plan_release(&plan);
    cf_arena_release(&arena);
    model_close(&world);
}

Test(plan, has_no_step_in_the_folder_of_another_group)
{
    cf_arena arena = {0};
    cf_plan plan = {0};

    begin("apart");
    cf_id two = folder("two")->items[0];
    make_both("one");
    drop(folder("two"));
    plan_of(&cf_root_item, &arena, &plan);
    cr_assert_eq(plan.count, 2);
    cr_expect_eq(plan.steps[0].kind, CF_STEP_UPDATE);
    cr_expect_eq(plan.steps[0].number, folder("one")->number);
    cr_expect_eq(plan.steps[1].kind, CF_STEP_CREATE, "both are to be the one folder that is there");
    cr_expect(cf_bytes_equal(plan.steps[1].shown->name, cf_bytes_of_text("two")));
    size_t before = plan.count;
    plan_of(&two, &arena, &plan);
    cr_expect_eq(plan.count, before, "it goes into a folder that is not its own");
    cr_assert_gt(plan.again.count, 0, "nobody plans it when it has a folder");
    cr_expect(cf_id_equal(&plan.again.at[plan.again.count - 1], &two));
    cf_plan_release(&plan);
    cf_arena_release(&arena);
    model_close(&world);
}

/* Each group's plan finds the same one, whatever was done to the base since. */
Test(plan, finds_the_first_of_nodes_that_stand_for_the_same_folder)
{
    enum { FIRST = 100, NODES = 3 };
    static const uint64_t orders[][NODES] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}};

    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        begin("alike");
        cf_nodes *base = world.devices[0].base;
        cf_id item = folder("one")->items[0];
        const cf_shown shown = {.kind = CF_KIND_DIRECTORY, .items = &item, .item_count = 1};
        cf_arena arena = {0};

        cf_node node = cf_node_copy(folder("one"), &arena);
        drop(folder("one"));
        for (size_t k = 0; k < NODES; k++) {
            node.number = FIRST + orders[i][k];
            cf_nodes_put(base, &node);
        }
        cr_expect_eq(cf_plan_node_of(base, &shown)->number, FIRST, "order %zu", i);
        cf_arena_release(&arena);
        model_close(&world);
    }
}

/* A write of a content is shown by one node at a time (model, rule A2). */
Test(plan, shows_a_content_only_where_no_other_node_shows_it_still)
{
    cf_arena arena = {0};
    cf_plan plan = {0};

    begin("once");
    cf_nodes *base = world.devices[0].base;
    cf_node node =
        cf_node_copy(cf_nodes_child(base, folder("one")->number, cf_bytes_of_text("f")), &arena);
    node.name = cf_bytes_of_text("g");
    cf_nodes_put(base, &node);
    plan_of(&folder("one")->items[0], &arena, &plan);
    cr_assert_eq(plan.count, 1);
    const cf_step *step = &plan.steps[0];
    cr_expect(cf_step_may_show(base, step, step->number), "it shows it itself");
    cr_expect(cf_step_is_ready(base, step, step->number));
    cr_expect_not(cf_step_may_show(base, step, step->number + 100));

    cf_node twin = cf_node_copy(&node, &arena);
    twin.number = step->number + 100;
    twin.name = cf_bytes_of_text("twin");
    cf_nodes_put(base, &twin);
    cr_expect_not(cf_step_may_show(base, step, step->number));
    cr_expect_not(cf_step_is_ready(base, step, step->number));
    const cf_step delete = {.kind = CF_STEP_DELETE, .number = twin.number};
    cr_expect(cf_step_may_show(base, &delete, twin.number));
    cf_nodes_drop(base, twin.number);
    cr_expect(cf_step_is_ready(base, step, step->number));
    cf_plan_release(&plan);
    cf_arena_release(&arena);
    model_close(&world);
}

/* Whichever is the earlier, and was put first. */
Test(plan, finds_the_other_of_a_folder_that_was_left)
{
    for (uint64_t i = 0; i < 4; i++) {
        begin("left");
        cf_nodes *base = world.devices[0].base;
        cf_id item = folder("one")->items[0];
        const cf_shown shown = {.kind = CF_KIND_DIRECTORY, .items = &item, .item_count = 1};
        cf_arena arena = {0};

        cf_node left = cf_node_copy(folder("one"), &arena), other = left;
        drop(folder("one"));
        left.number = 100 + i / 2;
        other.number = 101 - i / 2;
        cf_node_leave(&left);
        cf_nodes_put(base, i % 2 ? &left : &other);
        cf_nodes_put(base, i % 2 ? &other : &left);
        cr_expect_eq(cf_plan_node_of(base, &shown)->number, other.number);
        cf_arena_release(&arena);
        model_close(&world);
    }
}

static model_file *put_folder(uint64_t parent, const char *name)
{
    return model_put(&world, &world.devices[0], parent, name, CF_KIND_DIRECTORY, "");
}

static model_file *find(model_device *device, const char *name)
{
    for (size_t i = 0; i < device->file_count; i++)
        if (strcmp(device->files[i].name, name) == 0)
            return &device->files[i];
    abort();
}

static void move_to_root(model_device *device, const char *name, const char *to)
{
    model_file *file = find(device, name);

    file->parent = CF_NODE_ROOT;
    snprintf(file->name, sizeof file->name, "%s", to);
}

/* Both have a/b/c. The one moves c to /x and deletes a, the other moves a to /x, where b lies in
 * it still, and deletes c, which was the folder x for the plan until then. */
Test(plan, looks_into_the_folder_that_takes_the_place_of_another)
{
    model_device *one = &world.devices[0], *other = &world.devices[1];

    model_open(&world, "crossed", 1, 2);
    put_folder(put_folder(put_folder(CF_NODE_ROOT, "a")->number, "b")->number, "c");
    model_settle(&world);
    move_to_root(one, "c", "x");
    model_remove(one, find(one, "b")->number);
    model_scan(&world, one);
    model_remove(one, find(one, "a")->number);
    model_scan(&world, one);
    move_to_root(other, "a", "x");
    model_scan(&world, other);
    model_remove(other, find(other, "c")->number);
    model_receive(&world, other, one, 3);
    model_apply_part(&world, other, /* percent */ 100, /* most */ 0);
    model_scan(&world, other);
    model_settle(&world);
    cr_expect_eq(other->file_count, 1, "b was deleted, and nobody did anything to it");
    model_close(&world);
}

/* Both edit f, which is 1; the content of this device is to become a copy beside the other's. */
static void begin_conflict(const char *name)
{
    model_device *here = &world.devices[0], *there = &world.devices[1];

    model_open(&world, name, 1, 2);
    there->skew_ms = here->skew_ms;
    model_put(&world, here, CF_NODE_ROOT, "f", CF_KIND_FILE, "1");
    model_settle(&world);
    model_edit(&world, find(here, "f"), "2");
    model_scan(&world, here);
    world.now_ms += 1000;
    model_edit(&world, find(there, "f"), "3");
    model_scan(&world, there);
    model_receive(&world, here, there, 3);
}

Test(plan, makes_a_copy_once_its_file_shows_something_else)
{
    enum { FRESH = 1000 };
    cf_arena arena = {0};
    cf_plan plan = {0};

    begin_conflict("copied");
    cf_nodes *base = world.devices[0].base;
    plan_of(&cf_root_item, &arena, &plan);
    cr_assert_eq(plan.count, 2);
    bool first = plan.steps[0].kind == CF_STEP_UPDATE;
    const cf_step *update = &plan.steps[!first], *create = &plan.steps[first];
    cr_assert_eq(update->kind, CF_STEP_UPDATE);
    cr_assert_eq(create->kind, CF_STEP_CREATE);
    cr_expect(create->shown->conflict);
    cr_expect(cf_step_is_ready(base, update, update->number));
    cr_expect_not(cf_step_is_ready(base, create, FRESH), "the content is there twice");
    cf_node after = cf_node_copy(update->node, &arena);
    cf_shown_agree(update->shown, &arena, &after);
    cf_nodes_put(base, &after);
    cr_expect(cf_step_is_ready(base, create, FRESH), "the copy is never made");
    cf_plan_release(&plan);
    cf_arena_release(&arena);
    model_close(&world);
}

/* Who deletes f knows of nothing but what it shows there, and not that others edited it. */
Test(plan, makes_no_copy_of_what_was_deleted_meanwhile)
{
    model_device *here = &world.devices[0];

    begin_conflict("deleted");
    model_remove(here, find(here, "f")->number);
    model_apply_part(&world, here, /* percent */ 100, /* most */ SIZE_MAX);
    cr_expect_eq(here->file_count, 0, "what was deleted is there under another name");
    model_scan(&world, here);
    model_settle(&world);
    cr_assert_eq(here->file_count, 1);
    cr_expect_str_eq(here->files[0].name, "f");
    cr_expect_str_eq(here->files[0].content, "3");
    model_close(&world);
}

/* One node of two items that the group means, and the group means another one before them. */
Test(plan, deletes_once_what_stood_for_several_items)
{
    static const cf_id items[] = {{"first"}, {"second"}, {"third"}};
    cf_arena arena = {0};
    cf_plan plan = {0};
    cf_group group;

    begin("once for all");
    cf_node node = cf_node_copy(folder("one"), &arena);
    node.number = 100;
    node.kind = CF_KIND_FILE;
    node.name = cf_bytes_of_text("stray");
    node.items = items + 1;
    node.item_count = 2;
    cf_nodes_put(world.devices[0].base, &node);
    cf_view_group_of(world.devices[0].view, &cf_root_item, &arena, &group);
    group.items = items;
    group.item_count = 3;
    cf_plan_group(world.devices[0].base, world.devices[0].view, &group, &arena, &plan);
    cr_assert_eq(plan.count, 1, "%zu", plan.count);
    cr_expect_eq(plan.steps[0].kind, CF_STEP_DELETE);
    cr_expect_eq(plan.steps[0].number, 100);
    cf_plan_release(&plan);
    cf_arena_release(&arena);
    model_close(&world);
}

/* Else what one name is given would be seen under all of them. */
Test(plan, makes_another_file_of_a_name_that_gets_a_mode_or_time_of_its_own)
{
    static const struct {
        uint8_t kind;
        unsigned links;
        const char *mode, *mtime;
        bool is_another;
    } cases[] = {{CF_KIND_FILE, 2, "m", "t", false},
                 {CF_KIND_FILE, 2, "other", "t", true},
                 {CF_KIND_FILE, 2, "m", "other", true},
                 {CF_KIND_FILE, 2, "", "", false},
                 {CF_KIND_FILE, 1, "other", "other", false},
                 {CF_KIND_DIRECTORY, 2, "other", "other", false}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const cf_bytes name = cf_bytes_of_text("f"), content = cf_bytes_of_text("c");
        const cf_node node = {.name = name,
                              .content = content,
                              .mode = cf_bytes_of_text("m"),
                              .mtime = cf_bytes_of_text("t"),
                              .stat = {.links = cases[i].links}};
        const cf_shown shown = {.kind = cases[i].kind,
                                .name = name,
                                .content = content,
                                .mode = cf_bytes_of_text(cases[i].mode),
                                .mtime = cf_bytes_of_text(cases[i].mtime)};
        const cf_step step = {.kind = CF_STEP_UPDATE, .node = &node, .shown = &shown};
        const cf_difference is = cf_step_difference(&step);

        cr_expect_eq(is.content, cases[i].is_another, "%zu", i);
        cr_expect_not(is.move, "%zu", i);
    }
}
