/* SPDX-License-Identifier: Apache-2.0 */
/* The merge model's vectors against the C code: views in the given order and in others, scans. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/peer/model/model_rules.h"
#include "tests/peer/model/tree.h"
#include "tests/peer/model/vector_file.h"
#include "tests/support/expect.h"

enum { ORDERS = 3 };

static const char *name_of(const json_t *vector)
{
    return json_string_value(json_object_get(vector, "name"));
}

typedef struct {
    cf_rules rules;
    uint64_t serial;
    cf_state *state;
    cf_view *view;
} vector_replica;

static vector_replica *replica_new(void)
{
    vector_replica *made = cf_allocate(1, sizeof *made);

    model_rules(&made->rules, &made->serial);
    made->state = cf_state_new();
    made->view = cf_view_new(&made->rules, made->state);
    return made;
}

static void replica_apply(vector_replica *replica, const vector_entry *entry)
{
    cf_ids dirty = {0};

    cf_state_apply(replica->state, &entry->dot, entry->time, entry->changes, entry->count, &dirty);
    cf_view_update(replica->view, dirty.at, dirty.count);
    free(dirty.at);
}

static void replica_free(vector_replica *replica)
{
    cf_view_destroy(&replica->view);
    cf_state_destroy(&replica->state);
    free(replica);
}

static bool same_line(const tree_line *line, const json_t *expected, cf_arena *arena)
{
    const char *kind = json_string_value(json_object_get(expected, "kind"));
    cf_bytes content = vector_text(json_object_get(expected, "content"), arena);
    cf_bytes mode = vector_text(json_object_get(expected, "mode"), arena);
    const json_t *path = json_object_get(expected, "path");
    size_t count;
    const cf_id *items = vector_items(json_object_get(expected, "items"), arena, &count);
    const cf_shown *shown = line->shown;

    return cf_bytes_equal(line->path,
                          cf_bytes_of(json_string_value(path), json_string_length(path))) &&
           shown->kind == (uint8_t)*kind && cf_bytes_equal(shown->mode, mode) &&
           (shown->kind == CF_KIND_DIRECTORY || cf_bytes_equal(shown->content, content)) &&
           cf_bytes_equal(cf_bytes_of(shown->items, shown->item_count * sizeof(cf_id)),
                          cf_bytes_of(items, count * sizeof(cf_id)));
}

static void expect_view(const json_t *vector, vector_replica *replica, const char *how)
{
    const json_t *expected = json_object_get(vector, "view");
    test_tree tree = {0};

    tree_of(&tree, replica->view);
    cr_assert_eq(tree.count, json_array_size(expected), "%s, %s: %zu nodes instead of %zu",
                 name_of(vector), how, tree.count, json_array_size(expected));
    for (size_t i = 0; i < tree.count; i++)
        cr_assert(same_line(&tree.lines[i], json_array_get(expected, i), &tree.arena),
                  "%s, %s: %.*s differs", name_of(vector), how, (int)tree.lines[i].path.size,
                  (const char *)tree.lines[i].path.data);
    tree_release(&tree);
}

static void expect_view_of_state(const json_t *vector, const cf_state *state, const char *how)
{
    vector_replica *whole = replica_new();
    const cf_state *own = whole->state;

    cf_view_destroy(&whole->view);
    whole->view = cf_view_new(&whole->rules, state);
    cf_view_update_all(whole->view);
    expect_view(vector, whole, how);
    cf_view_destroy(&whole->view);
    whole->view = cf_view_new(&whole->rules, own);
    replica_free(whole);
}

typedef struct {
    const cf_state *from;
    cf_state *to;
} state_transfer;

static void carry(void *context, const cf_id *item)
{
    state_transfer *transfer = context;
    cf_buffer record = {0}, again = {0};
    cf_error error;

    cr_assert(cf_state_item_pack(transfer->from, item, &record));
    expect_ok(cf_state_item_read(transfer->to, item, cf_buffer_view(&record), &error), error);
    cr_assert(cf_state_item_pack(transfer->to, item, &again));
    cr_assert(cf_bytes_equal(cf_buffer_view(&record), cf_buffer_view(&again)));
    cf_buffer_release(&record);
    cf_buffer_release(&again);
}

static void expect_view_after_storing(const json_t *vector, const vector_replica *replica)
{
    cf_state *state = cf_state_new();
    state_transfer transfer = {replica->state, state};

    cf_state_each(replica->state, carry, &transfer);
    cr_assert_eq(cf_state_item_count(state), cf_state_item_count(replica->state));
    expect_view_of_state(vector, state, "stored");
    cf_state_destroy(&state);
}

static bool is_done(const vector_entry *entries, const bool *done, size_t count, const cf_dot *dot)
{
    for (size_t i = 0; i < count; i++)
        if (!done[i] && cf_id_equal(&entries[i].dot.writer, &dot->writer) &&
            entries[i].dot.sequence <= dot->sequence)
            return false;
    return true;
}

static bool is_ready(const vector_entry *entries, const bool *done, size_t count,
                     const vector_entry *entry)
{
    cf_dot before = {.writer = entry->dot.writer, .sequence = entry->dot.sequence - 1};

    if (before.sequence && !is_done(entries, done, count, &before))
        return false;
    for (size_t i = 0; i < entry->after_count; i++)
        if (!is_done(entries, done, count, &entry->after[i]))
            return false;
    return true;
}

/* Any order in which an entry comes after what its author had. */
static void apply_in_causal_order(vector_replica *replica, const json_t *limits,
                                  const vector_entry *entries, size_t count)
{
    bool *done = cf_allocate(count, sizeof *done);
    size_t *ready = cf_allocate(count, sizeof *ready);

    for (size_t left = count; left; left--) {
        size_t ready_count = 0;

        for (size_t i = 0; i < count; i++)
            if (!done[i] && is_ready(entries, done, count, &entries[i]))
                ready[ready_count++] = i;
        cr_assert(ready_count);
        size_t next = ready[(size_t)rand() % ready_count];
        done[next] = true;
        if (vector_counts(limits, &entries[next]))
            replica_apply(replica, &entries[next]);
    }
    free(done);
    free(ready);
}

/* Any order at all: what an entry replaces may come after it. */
static void apply_in_any_order(vector_replica *replica, const json_t *limits, vector_entry *entries,
                               size_t count)
{
    for (size_t left = count; left; left--) {
        size_t next = (size_t)rand() % left;
        vector_entry entry = entries[next];

        entries[next] = entries[left - 1];
        entries[left - 1] = entry;
        if (vector_counts(limits, &entry))
            replica_apply(replica, &entry);
    }
}

static void check_view(const json_t *vector)
{
    const json_t *limits = json_object_get(vector, "limits");
    cf_arena arena = {0};
    size_t count;
    vector_entry *entries = vector_entries(vector, &arena, &count);
    vector_replica *given = replica_new();

    for (size_t i = 0; i < count; i++)
        if (vector_counts(limits, &entries[i]))
            replica_apply(given, &entries[i]);
    expect_view(vector, given, "in the given order");
    expect_view_of_state(vector, given->state, "as a whole");
    expect_view_after_storing(vector, given);
    replica_free(given);
    for (int order = 0; order < ORDERS; order++) {
        vector_replica *causal = replica_new(), *any = replica_new();

        apply_in_causal_order(causal, limits, entries, count);
        expect_view(vector, causal, "in a causal order");
        replica_free(causal);
        apply_in_any_order(any, limits, entries, count);
        expect_view(vector, any, "in any order");
        replica_free(any);
    }
    cf_arena_release(&arena);
}

Test(vectors, give_their_views_in_every_order, .timeout = 600)
{
    srand(1);
    cr_assert(vectors_each(check_view) >= 100);
}

/* The number of the node at the directory part of `path`. */
static uint64_t number_above(const json_t *nodes, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return CF_NODE_ROOT;
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i);
        const char *other = json_string_value(json_object_get(node, "path"));

        if (strlen(other) == (size_t)(slash - path) &&
            strncmp(other, path, (size_t)(slash - path)) == 0)
            return (uint64_t)json_integer_value(json_object_get(node, "inode"));
    }
    cr_assert_fail("no directory above %s", path);
    return 0;
}

static cf_node node_of(const json_t *nodes, const json_t *from, cf_arena *arena)
{
    const char *path = json_string_value(json_object_get(from, "path"));
    const char *slash = strrchr(path, '/');
    cf_node node = {
        .number = (uint64_t)json_integer_value(json_object_get(from, "inode")),
        .parent = number_above(nodes, path),
        .name = cf_bytes_of_text(slash ? slash + 1 : path),
        .kind = (uint8_t)*json_string_value(json_object_get(from, "kind")),
        .mode = vector_text(json_object_get(from, "mode"), arena),
    };

    if (node.kind != CF_KIND_DIRECTORY)
        node.content = vector_text(json_object_get(from, "content"), arena);
    return node;
}

static cf_nodes *base_of(const json_t *scan, cf_arena *arena)
{
    const json_t *list = json_object_get(scan, "base");
    cf_nodes *nodes = cf_nodes_new();

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *from = json_array_get(list, i);
        cf_node node = node_of(list, from, arena);

        node.items = vector_items(json_object_get(from, "items"), arena, &node.item_count);
        node.refs = vector_refs(json_object_get(from, "refs"), arena);
        cf_nodes_put(nodes, &node);
    }
    return nodes;
}

static bool is_as_in_base(const cf_nodes *base, const cf_node *node)
{
    const cf_node *was = cf_nodes_find(base, node->number);

    return was && was->parent == node->parent && cf_bytes_equal(was->name, node->name) &&
           cf_bytes_equal(was->content, node->content) && cf_bytes_equal(was->mode, node->mode);
}

/* What differs between disk and base, in any order. */
static void find_findings(const json_t *scan, cf_diff_input *input, cf_arena *arena)
{
    const json_t *disk = json_object_get(scan, "disk"), *base = json_object_get(scan, "base");
    cf_finding *found = cf_arena_allocate(arena, json_array_size(disk), sizeof *found);
    uint64_t *gone = cf_arena_allocate(arena, json_array_size(base), sizeof *gone);

    for (size_t i = json_array_size(disk); i-- > 0;) {
        cf_node node = node_of(disk, json_array_get(disk, i), arena);

        if (!is_as_in_base(input->base, &node))
            found[input->found_count++] = (cf_finding){.number = node.number,
                                                       .parent = node.parent,
                                                       .name = node.name,
                                                       .kind = node.kind,
                                                       .content = node.content,
                                                       .mode = node.mode};
    }
    for (size_t i = 0; i < json_array_size(base); i++) {
        json_int_t inode = json_integer_value(json_object_get(json_array_get(base, i), "inode"));
        bool there = false;

        for (size_t j = 0; j < json_array_size(disk) && !there; j++)
            there = inode == json_integer_value(json_object_get(json_array_get(disk, j), "inode"));
        if (!there)
            gone[input->gone_count++] = (uint64_t)inode;
    }
    input->found = found;
    input->gone = gone;
}

static bool same_change(const cf_change *a, const cf_change *b)
{
    bool same = cf_id_equal(&a->item, &b->item) && cf_bytes_equal(a->field, b->field) &&
                cf_bytes_equal(a->value, b->value) && a->weak == b->weak &&
                a->over_count == b->over_count;

    for (size_t i = 0; same && i < a->over_count; i++)
        same = cf_dot_equal(&a->over[i], &b->over[i]);
    return same;
}

static void expect_changes(const json_t *vector, size_t index, const cf_diff *scan,
                           const json_t *list, cf_arena *arena)
{
    size_t count;
    const cf_change *expected = vector_changes(list, arena, &count);

    for (size_t i = 0; i < count && i < scan->count; i++) {
        char item[MODEL_ITEM_TEXT] = "";

        model_item_text(&scan->changes[i].item, item);
        cr_assert(same_change(&expected[i], &scan->changes[i]), "%s, scan %zu: change %zu, %s %.*s",
                  name_of(vector), index, i, item, (int)scan->changes[i].field.size,
                  (const char *)scan->changes[i].field.data);
    }
    cr_assert_eq(count, scan->count, "%s, scan %zu: %zu changes instead of %zu", name_of(vector),
                 index, scan->count, count);
}

static void print_view(cf_view *view, cf_buffer *out)
{
    test_tree tree = {0};

    tree_of(&tree, view);
    tree_print(&tree, out);
    tree_release(&tree);
}

static void check_scan(const json_t *vector, size_t index, const vector_entry *entries,
                       size_t entry_count)
{
    const json_t *from = json_array_get(json_object_get(vector, "scans"), index);
    const json_t *limits = json_object_get(from, "limits");
    cf_arena arena = {0};
    vector_replica *replica = replica_new();
    cf_nodes *base = base_of(from, &arena);
    cf_buffer before = {0}, after = {0};
    cf_diff_input input = {
        .rules = &replica->rules,
        .state = replica->state,
        .view = replica->view,
        .base = base,
        .writer = model_writer(json_string_value(json_object_get(from, "writer"))),
        .sequence = (uint64_t)json_integer_value(json_object_get(from, "sequence")),
        .time = {.ms = (uint64_t)json_integer_value(json_object_get(from, "time"))},
    };
    cf_diff scan;

    for (size_t i = 0; i < entry_count; i++)
        if (vector_holds(json_object_get(from, "held"), &entries[i].dot) &&
            vector_counts(limits, &entries[i]))
            replica_apply(replica, &entries[i]);
    replica->serial = (uint64_t)json_integer_value(json_object_get(from, "random"));
    find_findings(from, &input, &arena);
    print_view(replica->view, &before);
    cf_diff_run(&input, &arena, &scan);
    expect_changes(vector, index, &scan, json_object_get(from, "changes"), &arena);
    print_view(replica->view, &after);
    cr_assert(cf_bytes_equal(cf_buffer_view(&before), cf_buffer_view(&after)),
              "%s, scan %zu: the view is not as before", name_of(vector), index);
    cf_buffer_release(&before);
    cf_buffer_release(&after);
    cf_nodes_destroy(&base);
    replica_free(replica);
    cf_arena_release(&arena);
}

static void check_scans(const json_t *vector)
{
    cf_arena arena = {0};
    size_t count;
    const vector_entry *entries = vector_entries(vector, &arena, &count);

    for (size_t i = 0; i < json_array_size(json_object_get(vector, "scans")); i++)
        check_scan(vector, i, entries, count);
    cf_arena_release(&arena);
}

Test(vectors, give_their_scans, .timeout = 600)
{
    cr_assert(vectors_each(check_scans) >= 100);
}
