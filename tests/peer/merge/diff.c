/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/diff.h"

#include <stdlib.h>

#include "tests/peer/model/model_world.h"
#include "tests/support/expect.h"

static model_world world;

static model_device *device(size_t index)
{
    return &world.devices[index];
}

static void begin(const char *name)
{
    model_open(&world, name, 1, 2);
    model_put(&world, device(0), CF_NODE_ROOT, "a", CF_KIND_FILE, "1");
    model_settle(&world);
}

static void edit_on_both(void)
{
    world.now_ms += 1000;
    model_edit(&world, model_child(device(0), CF_NODE_ROOT, "a"), "2");
    model_edit(&world, model_child(device(1), CF_NODE_ROOT, "a"), "3");
    model_settle(&world);
    cr_assert_eq(device(0)->file_count, 2);
}

static const model_entry *scanned(model_device *by)
{
    world.now_ms += 1000;
    cr_assert(model_scan(&world, by));
    return &world.entries[world.entry_count - 1];
}

static const cf_change *change_of(const model_entry *entry, const char *field)
{
    for (size_t i = 0; i < entry->count; i++)
        if (cf_bytes_equal(entry->changes[i].field, cf_bytes_of_text(field)))
            return &entry->changes[i];
    return NULL;
}

Test(scan, writes_a_new_file_whole)
{
    begin("new");
    const model_entry *entry = &world.entries[0];

    cr_assert_eq(entry->count, 6);
    for (size_t i = 1; i < entry->count; i++)
        cr_assert(cf_bytes_compare(entry->changes[i - 1].field, entry->changes[i].field) < 0);
    cr_assert(change_of(entry, "/mtime")->weak);
    cr_assert(change_of(entry, "/mode")->weak);
    cr_assert_not(change_of(entry, "/content")->weak);
    model_close(&world);
}

/* A move must not undo what others set at the same time. */
Test(scan, leaves_mode_and_time_of_what_is_moved)
{
    begin("moved");
    strcpy(model_child(device(0), CF_NODE_ROOT, "a")->name, "b");
    const model_entry *entry = scanned(device(0));

    cr_assert(change_of(entry, "/name"));
    cr_assert_not(change_of(entry, "/mode"));
    cr_assert_not(change_of(entry, "/mtime"));
    model_close(&world);
}

Test(scan, gives_mode_and_time_to_a_copy_that_is_moved)
{
    begin("copy");
    edit_on_both();
    for (size_t i = 0; i < device(0)->file_count; i++)
        if (strcmp(device(0)->files[i].name, "a") != 0)
            strcpy(device(0)->files[i].name, "b");
    const model_entry *entry = scanned(device(0));

    cr_assert(change_of(entry, "/mode"));
    cr_assert(change_of(entry, "/mtime"));
    model_close(&world);
}

Test(scan, has_nothing_to_say_of_a_file_that_only_looks_new)
{
    begin("same");
    const cf_node *node = cf_nodes_child(device(0)->base, CF_NODE_ROOT, cf_bytes_of_text("a"));
    cf_finding found = {node->number, node->parent, node->name,    node->kind, node->content,
                        node->mode,   node->mtime,  {.inode = 77}, .disk = 0};
    cf_diff_input input = {
        .rules = &world.rules,
        .state = device(0)->state,
        .view = device(0)->view,
        .base = device(0)->base,
        .sequence = 2,
        .time = {UINT64_MAX / 2, 0},
        .found = &found,
        .found_count = 1,
    };
    cf_arena arena = {0};
    const cf_node *nodes;
    cf_diff scan;
    size_t count;

    cf_diff_run(&input, &arena, &scan);
    cr_assert_eq(scan.count, 0);
    cf_diff_rebase(&scan, NULL, &arena, &nodes, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(nodes[0].stat.inode, 77, "the base learns how the file is known again");
    cr_assert(cf_bytes_equal(nodes[0].refs, node->refs));
    cf_arena_release(&arena);
    model_close(&world);
}

Test(scan, leaves_the_conflict_copy_alone_when_the_main_file_is_edited)
{
    begin("beside a copy");
    edit_on_both();
    model_edit(&world, model_child(device(0), CF_NODE_ROOT, "a"), "4");
    const model_entry *entry = scanned(device(0));

    cr_assert_eq(entry->count, 2, "content and mtime of the main file");
    cr_assert(cf_id_equal(&entry->changes[0].item, &entry->changes[1].item));
    cr_assert_eq(change_of(entry, "/content")->over_count, 1);
    model_close(&world);
}

Test(scan, pins_the_conflict_copy_when_the_main_file_is_deleted)
{
    begin("pin");
    edit_on_both();
    model_remove(device(0), model_child(device(0), CF_NODE_ROOT, "a")->number);
    const model_entry *entry = scanned(device(0));
    const cf_change *pin = change_of(entry, "/pin"), *deletion = change_of(entry, "");

    cr_assert(pin);
    cr_assert(pin->weak);
    cr_assert(deletion);
    cr_assert_not(cf_id_equal(&pin->item, &deletion->item));
    model_settle(&world);
    cr_assert_eq(device(1)->file_count, 1);
    cr_assert(strstr(device(1)->files[0].name, "(conflict "));
    model_close(&world);
}

Test(scan, takes_the_dots_of_the_parts_that_carry_its_changes)
{
    begin("parts");
    const cf_node *node = cf_nodes_child(device(0)->base, CF_NODE_ROOT, cf_bytes_of_text("a"));
    cf_finding found = {node->number,
                        node->parent,
                        cf_bytes_of_text("b"),
                        node->kind,
                        cf_bytes_of("\xa1x", 2),
                        node->mode,
                        node->mtime,
                        node->stat,
                        .disk = 0};
    cf_diff_input input = {
        .rules = &world.rules,
        .state = device(0)->state,
        .view = device(0)->view,
        .base = device(0)->base,
        .sequence = 2,
        .time = {UINT64_MAX / 2, 0},
        .found = &found,
        .found_count = 1,
    };
    cf_arena arena = {0};
    const cf_node *nodes;
    cf_diff scan;
    size_t count, ref_count;
    cf_ref *refs;
    cf_error error;

    cf_diff_run(&input, &arena, &scan);
    cf_dot *dots = cf_arena_allocate(&arena, scan.count, sizeof *dots);
    for (size_t i = 0; i < scan.count; i++)
        dots[i].sequence = 100 + i;
    cf_diff_rebase(&scan, dots, &arena, &nodes, &count);
    expect_ok(cf_refs_read(nodes[0].refs, &arena, &refs, &ref_count, &error), error);
    for (size_t i = 0; i < scan.count; i++) {
        size_t shown = 0;

        for (size_t j = 0; j < ref_count; j++)
            shown += refs[j].dot.sequence == 100 + i &&
                     cf_bytes_equal(refs[j].field, scan.changes[i].field);
        cr_assert_eq(shown, 1, "change %zu", i);
    }
    cf_arena_release(&arena);
    model_close(&world);
}

/* The item of a directory that is new on the disk. */
static cf_id item_of_new(model_device *by, cf_bytes name)
{
    const cf_finding found = {
        .number = 9, .parent = CF_NODE_ROOT, .name = name, .kind = CF_KIND_DIRECTORY};
    const cf_diff_input input = {.rules = &world.rules,
                                 .state = by->state,
                                 .view = by->view,
                                 .base = by->base,
                                 .writer = by->writer,
                                 .sequence = 1,
                                 .time = {.ms = 1},
                                 .found = &found,
                                 .found_count = 1};
    cf_arena arena = {0};
    cf_diff made;

    cf_diff_run(&input, &arena, &made);
    cr_assert_gt(made.count, 0);
    const cf_id item = made.changes[0].item;
    cf_arena_release(&arena);
    return item;
}

/* What made that one is void, and it is there for what lies in it: its name would come back, and
 * what is new would have it. */
Test(scan, gives_nothing_new_the_id_of_what_lost_its_name)
{
    const cf_bytes name = cf_bytes_of_text("c");

    model_open(&world, "lost", 1, 1);
    const cf_id lost = item_of_new(device(0), name);
    const cf_id again = item_of_new(device(0), name);
    cr_assert(cf_id_equal(&again, &lost), "equal starts are one item");
    cf_nodes_put(device(0)->base, &(cf_node){.number = 1,
                                             .parent = CF_NODE_ROOT,
                                             .name = cf_bytes_of_text("lost-1"),
                                             .kind = CF_KIND_DIRECTORY,
                                             .items = &lost,
                                             .item_count = 1});
    const cf_id other = item_of_new(device(0), name);
    cr_expect(!cf_id_equal(&other, &lost));
    model_close(&world);
}

/* By default a private directory would be read by everybody. */
Test(scan, writes_what_the_state_forgot_with_its_mode)
{
    model_open(&world, "forgotten", 1, 1);
    const model_file *d = model_put(&world, device(0), CF_NODE_ROOT, "d", CF_KIND_DIRECTORY, "");
    const uint64_t within = d->number;
    model_put(&world, device(0), within, "a", CF_KIND_FILE, "1");
    model_settle(&world);
    const cf_node *nodes[] = {cf_nodes_find(device(0)->base, within),
                              cf_nodes_child(device(0)->base, within, cf_bytes_of_text("a"))};
    for (size_t i = 0; i < 2; i++)
        cf_state_forget_item(device(0)->state, &nodes[i]->items[0]);
    model_edit(&world, model_child(device(0), within, "a"), "2");
    const model_entry *entry = scanned(device(0));
    size_t modes = 0;

    for (size_t i = 0; i < entry->count; i++)
        modes += cf_bytes_equal(entry->changes[i].field, cf_bytes_of_text("/mode"));
    cr_expect_eq(modes, 2);
    model_close(&world);
}
