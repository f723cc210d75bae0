/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/node.h"

#include "codec/content.h"
#include "codec/pack.h"
#include "tests/support/expect.h"

static const cf_id items[] = {{{'f', 1}}, {{'f', 2}}}, holder = {{'f', 9}};

static cf_ref ref_of(const cf_id *item, const cf_id *stored_with, const char *field,
                     uint64_t sequence)
{
    return (cf_ref){*item,
                    *stored_with,
                    cf_bytes_of_text(field),
                    {.writer = {{3}}, .sequence = sequence, .hash = {1, 2}}};
}

static cf_node node_of(uint64_t number, uint64_t parent, const char *name, cf_buffer *refs)
{
    const cf_ref shown[] = {
        ref_of(&items[0], &items[0], "/name", 4),
        ref_of(&items[0], &holder, "/content", number),
        ref_of(&items[1], &items[1], "/from a newer program", 300),
    };

    cf_buffer_clear(refs);
    cf_refs_pack(refs, shown, 3);
    return (cf_node){
        .number = number,
        .parent = parent,
        .name = cf_bytes_of_text(name),
        .kind = 'f',
        .content = cf_bytes_of("\1", 1),
        .mode = cf_bytes_of("\2", 1),
        .items = items,
        .item_count = 2,
        .refs = cf_buffer_view(refs),
        .stat = {.device = 7, .inode = UINT64_MAX, .birth_ns = -5, .mode = 0100644, .links = 1},
    };
}

static size_t children_of(const cf_nodes *nodes, uint64_t parent)
{
    const cf_node *node = NULL;
    size_t count = 0;

    while ((node = cf_nodes_next_child(nodes, parent, node)))
        count++;
    return count;
}

Test(nodes, are_found_by_number_place_item_and_content)
{
    cf_nodes *nodes = cf_nodes_new();
    cf_buffer refs = {0};
    cf_node a = node_of(1, 0, "a", &refs);
    cf_dot content = {.writer = {{3}}, .sequence = 2, .hash = {1, 2}};

    cf_nodes_put(nodes, &a);
    cf_node b = node_of(2, 5, "b", &refs);
    cf_nodes_put(nodes, &b);
    cr_assert_eq(cf_nodes_find(nodes, 2)->stat.inode, UINT64_MAX);
    cr_assert_eq(cf_nodes_child(nodes, 5, cf_bytes_of_text("b"))->number, 2);
    cr_assert_null(cf_nodes_child(nodes, 0, cf_bytes_of_text("b")));
    const cf_node *first = cf_nodes_next_of_item(nodes, &items[1], NULL);
    const cf_node *second = cf_nodes_next_of_item(nodes, &items[1], first);
    cr_assert(first);
    cr_assert(second);
    cr_assert(first != second);
    cr_assert_null(cf_nodes_next_of_item(nodes, &items[1], second));
    const cf_node *showing = cf_nodes_next_showing(nodes, &holder, &content, NULL);
    cr_assert(showing);
    cr_assert(showing->number == 2);
    cr_assert_null(cf_nodes_next_showing(nodes, &holder, &content, showing));
    cr_assert_null(cf_nodes_next_showing(nodes, &items[0], &content, NULL));
    cf_buffer_release(&refs);
    cf_nodes_destroy(&nodes);
}

Test(nodes, are_found_by_the_path_from_the_root)
{
    cf_nodes *nodes = cf_nodes_new();
    cf_buffer refs = {0};

    cf_node folder = node_of(5, 0, "folder", &refs);
    cf_nodes_put(nodes, &folder);
    cf_node file = node_of(2, 5, "file", &refs);
    cf_nodes_put(nodes, &file);
    cr_assert_eq(cf_nodes_at(nodes, cf_bytes_of_text("folder"))->number, 5);
    cr_assert_eq(cf_nodes_at(nodes, cf_bytes_of_text("folder/file"))->number, 2);
    cr_assert_null(cf_nodes_at(nodes, cf_bytes_of_text("file")));
    cr_assert_null(cf_nodes_at(nodes, cf_bytes_of_text("folder/file/more")));
    cr_assert_null(cf_nodes_at(nodes, (cf_bytes){0}), "it is no node");
    cf_nodes_destroy(&nodes);
    cf_buffer_release(&refs);
}

Test(nodes, know_whether_any_is_held)
{
    cf_nodes *nodes = cf_nodes_new();
    cf_buffer refs = {0};
    cf_node a = node_of(1, 0, "a", &refs);

    cf_nodes_put(nodes, &a);
    cr_expect_not(cf_nodes_hold_below(nodes));
    a.disk = CF_DISK_BELOW + CF_DISK_BELOW_STEP;
    for (int i = 0; i < 2; i++)
        cf_nodes_put(nodes, &a);
    cr_expect(cf_nodes_hold_below(nodes));
    a.disk = CF_DISK_RETURNED;
    cf_nodes_put(nodes, &a);
    cr_expect_not(cf_nodes_hold_below(nodes));
    a.disk = CF_DISK_BELOW;
    cf_nodes_put(nodes, &a);
    cf_nodes_drop(nodes, a.number);
    cr_expect_not(cf_nodes_hold_below(nodes));
    cf_nodes_destroy(&nodes);
    cf_buffer_release(&refs);
}

Test(nodes, forget_where_a_node_was)
{
    cf_nodes *nodes = cf_nodes_new();
    cf_buffer refs = {0};
    cf_node node = node_of(1, 0, "a", &refs);

    cf_nodes_put(nodes, &node);
    cf_node moved = *cf_nodes_find(nodes, 1); /* borrowed from the one that it replaces */
    moved.parent = 8;
    cf_nodes_put(nodes, &moved);
    cr_assert_null(cf_nodes_child(nodes, 0, cf_bytes_of_text("a")));
    cr_assert_eq(children_of(nodes, 0), 0);
    cr_assert_eq(children_of(nodes, 8), 1);
    cf_nodes_drop(nodes, 1);
    cr_assert_eq(cf_nodes_count(nodes), 0);
    cr_assert_eq(children_of(nodes, 8), 0);
    cr_assert_null(cf_nodes_next_of_item(nodes, &items[0], NULL));
    cf_buffer_release(&refs);
    cf_nodes_destroy(&nodes);
}

Test(nodes, lists_the_children_of_each_directory)
{
    enum { COUNT = 1000, DIRECTORIES = 10 };
    cf_nodes *nodes = cf_nodes_new();
    cf_buffer refs = {0};

    for (uint64_t i = 1; i <= COUNT; i++) {
        cf_node node = node_of(i, i % DIRECTORIES, "same name", &refs);
        cf_nodes_put(nodes, &node);
    }
    for (uint64_t i = 1; i <= COUNT; i += 2)
        cf_nodes_drop(nodes, i);
    for (uint64_t i = 0; i < DIRECTORIES; i++)
        cr_assert_eq(children_of(nodes, i), i % 2 ? 0 : COUNT / DIRECTORIES);
    cf_buffer_release(&refs);
    cf_nodes_destroy(&nodes);
}

Test(nodes, are_carried_by_their_records)
{
    cf_buffer refs = {0}, record = {0}, again = {0};
    cf_node node = node_of(3, 1, "name \xff", &refs), read;
    cf_arena arena = {0};
    cf_error error;

    cf_node_pack(&node, &record);
    expect_ok(cf_node_read(cf_buffer_view(&record), &arena, &read, &error), error);
    cf_node_pack(&read, &again);
    cr_assert(cf_bytes_equal(cf_buffer_view(&record), cf_buffer_view(&again)));
    cr_assert(cf_bytes_equal(read.refs, node.refs));
    cr_assert_eq(read.stat.birth_ns, -5);
    cf_arena_release(&arena);
    cf_buffer_release(&refs);
    cf_buffer_release(&record);
    cf_buffer_release(&again);
}

Test(nodes, of_earlier_builds_are_read)
{
    cf_buffer refs = {0}, record = {0};
    cf_node node = node_of(3, 1, "name", &refs), read;
    cf_arena arena = {0};
    cf_error error;

    node.is_met = node.stat.is_racy = true;
    node.disk = 7;
    cf_node_pack(&node, &record);
    expect_ok(cf_node_read(cf_buffer_view(&record), &arena, &read, &error), error);
    cr_expect(read.is_met);
    cr_expect(read.stat.is_racy);
    cr_expect(read.disk == 7);
    for (uint8_t parts = 12; parts >= 10; parts--) {
        record.data[0] = 0x90 | parts; /* an array of one part less */
        record.size--;
        expect_ok(cf_node_read(cf_buffer_view(&record), &arena, &read, &error), error);
        cr_expect_eq(read.is_met, parts >= 11);
        cr_expect_eq(read.disk, CF_DISK_UNTOLD);
    }
    record.data[0] = 0x99;
    record.size--;
    expect_fails(cf_node_read(cf_buffer_view(&record), &arena, &read, &error), CF_MALFORMED);
    cr_expect_eq(read.stat.birth_ns, -5);
    cf_arena_release(&arena);
    cf_buffer_release(&refs);
    cf_buffer_release(&record);
}

Test(nodes, refuse_the_roots_number_and_an_index_behind_its_table)
{
    const cf_node root = {.number = CF_NODE_ROOT, .kind = 'd', .name = cf_bytes_of_text("root")};
    cf_buffer record = {0}, refs = {0};
    cf_arena arena = {0};
    cf_node read;
    cf_ref *all;
    size_t count;
    cf_error error;

    cf_node_pack(&root, &record);
    expect_fails(cf_node_read(cf_buffer_view(&record), &arena, &read, &error), CF_MALFORMED);
    for (int behind = 0; behind < 3; behind++) {
        cf_buffer_clear(&refs);
        cf_pack_array(&refs, 3);
        cf_pack_array(&refs, 1);
        cf_pack_bin(&refs, cf_bytes_of(holder.bytes, CF_ID_SIZE));
        cf_pack_array(&refs, 1);
        cf_pack_array(&refs, 3);
        cf_pack_bin(&refs, cf_bytes_of(holder.bytes, CF_ID_SIZE));
        cf_pack_uint(&refs, 1);
        cf_pack_bin(&refs, cf_bytes_of(holder.bytes, sizeof((cf_dot){0}).hash));
        cf_pack_array(&refs, 1);
        cf_pack_array(&refs, 4);
        cf_pack_uint(&refs, behind == 0);
        cf_pack_uint(&refs, behind == 1);
        cf_pack_uint(&refs, 0);
        cf_pack_uint(&refs, behind == 2);
        expect_fails(cf_refs_read(cf_buffer_view(&refs), &arena, &all, &count, &error),
                     CF_MALFORMED);
    }
    cf_arena_release(&arena);
    cf_buffer_release(&refs);
    cf_buffer_release(&record);
}

/* Of a record from before that was kept: only times of whole seconds leave it open. */
Test(nodes, of_earlier_records_may_be_racy_by_their_times)
{
    static const int64_t times_ns[] = {INT64_C(5000000000), INT64_C(5123456789)};

    for (int fine = 0; fine < 2; fine++) {
        const cf_node node = {.number = 3,
                              .kind = 'f',
                              .name = cf_bytes_of_text("a"),
                              .stat = {.mtime_ns = times_ns[fine], .ctime_ns = times_ns[fine]}};
        cf_buffer record = {0};
        cf_arena arena = {0};
        cf_node read;
        cf_error error;

        cf_node_pack(&node, &record);
        record.data[0] = 0x9b; /* without whether it is racy, and its disk */
        record.size -= 2;
        expect_ok(cf_node_read(cf_buffer_view(&record), &arena, &read, &error), error);
        cr_expect_eq(read.stat.is_racy, !fine);
        cf_arena_release(&arena);
        cf_buffer_release(&record);
    }
}

Test(nodes, refuse_a_record_cut_anywhere)
{
    cf_buffer refs = {0}, record = {0};
    cf_node node = node_of(3, 1, "name", &refs), read;
    cf_arena arena = {0};
    cf_error error;

    cf_node_pack(&node, &record);
    for (size_t size = 0; size < record.size; size++)
        expect_fails(cf_node_read(cf_bytes_of(record.data, size), &arena, &read, &error),
                     CF_MALFORMED);
    cf_arena_release(&arena);
    cf_buffer_release(&refs);
    cf_buffer_release(&record);
}

Test(nodes, survive_every_flipped_bit_of_a_record)
{
    cf_buffer refs = {0}, record = {0};
    cf_node node = node_of(3, 1, "name", &refs), read;
    cf_error error;
    size_t refused = 0;

    cf_node_pack(&node, &record);
    for (size_t i = 0; i < 8 * record.size; i++) {
        cf_nodes *nodes = cf_nodes_new();
        cf_arena arena = {0};

        record.data[i / 8] ^= (uint8_t)(1 << i % 8);
        cf_status status = cf_node_read(cf_buffer_view(&record), &arena, &read, &error);
        cr_assert(status == CF_OK || status == CF_MALFORMED);
        refused += status != CF_OK;
        if (status == CF_OK)
            cf_nodes_put(nodes, &read);
        record.data[i / 8] ^= (uint8_t)(1 << i % 8);
        cf_arena_release(&arena);
        cf_nodes_destroy(&nodes);
    }
    cr_assert(refused > record.size);
    cf_buffer_release(&refs);
    cf_buffer_release(&record);
}

static const cf_hash one = {{1}}, other = {{2}};

static void put_content(cf_nodes *nodes, uint64_t number, const cf_hash *content)
{
    cf_buffer refs = {0}, packed = {0};
    cf_node node = node_of(number, 0, number % 2 ? "odd" : "even", &refs);

    cf_content_identity_pack(&packed, content, 10);
    node.content = cf_buffer_view(&packed);
    cf_nodes_put(nodes, &node);
    cf_buffer_release(&refs);
    cf_buffer_release(&packed);
}

static size_t showing(const cf_nodes *nodes, const cf_hash *content)
{
    const cf_node *node = NULL;
    size_t count = 0;

    while ((node = cf_nodes_next_of_content(nodes, content, node)))
        count++;
    return count;
}

Test(nodes, are_found_by_their_contents)
{
    cf_nodes *nodes = cf_nodes_new();

    for (uint64_t number = 1; number <= 3; number++)
        put_content(nodes, number, &one);
    put_content(nodes, 4, &other);
    cr_expect_eq(showing(nodes, &one), 3);
    cr_expect_eq(cf_nodes_next_of_content(nodes, &other, NULL)->number, 4);
    put_content(nodes, 2, &other); /* it is edited */
    cr_expect_eq(showing(nodes, &one), 2);
    cr_expect_eq(showing(nodes, &other), 2);
    cf_nodes_drop(nodes, 4);
    cr_expect_eq(showing(nodes, &other), 1);
    cf_nodes_destroy(&nodes);
}
