/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/model/tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MAX = 64 };

static cf_bytes joined(test_tree *tree, cf_bytes path, cf_bytes name)
{
    cf_buffer text = {0};

    cf_buffer_append(&text, path.data, path.size);
    if (path.size)
        cf_buffer_append(&text, "/", 1);
    cf_buffer_append(&text, name.data, name.size);
    cf_bytes copy = cf_arena_copy(&tree->arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return copy;
}

static void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "tree: %s\n", what);
    abort();
}

static bool is_alone(const cf_group *group, const cf_shown *shown, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (shown[i].conflict || shown[i].item_count != 1)
            return false;
    return group->count == 1;
}

/* What a plain group shows is the same, looked at thing by thing; and it is plain whenever nothing
 * in it has to do with anything else. */
static void check_each(cf_view *view, const cf_group *group, const cf_shown *shown, size_t count)
{
    cf_arena arena = {0};
    const cf_shown *alone;
    size_t alone_count;

    must(cf_view_pick(view, &(cf_group){group->directories, group->count, group->visible, NULL, 0},
                      NULL, 0) == is_alone(group, shown, count),
         "a group is plain, or is not");
    for (size_t i = 0; i < count; i++) {
        cf_group narrow = *group;

        const cf_shown *named = cf_view_named(view, group, shown[i].name, &arena);
        must(named && named->kind == shown[i].kind &&
                 cf_bytes_equal(named->content, shown[i].content),
             "what is shown is not found by its name");
        if (!cf_view_pick(view, &narrow, shown[i].items, 1))
            continue;
        cf_view_list(view, &narrow, &arena, &alone, &alone_count);
        must(alone_count == 1 && cf_bytes_equal(alone->name, shown[i].name) &&
                 cf_bytes_equal(alone->content, shown[i].content) &&
                 cf_bytes_equal(alone->mode, shown[i].mode) &&
                 cf_bytes_equal(alone->mtime, shown[i].mtime) &&
                 cf_id_equal(&alone->items[0], &shown[i].items[0]) &&
                 alone->ref_count == shown[i].ref_count,
             "an item is shown otherwise by itself");
    }
    must(!cf_view_named(view, group, cf_bytes_of_text("/"), &arena),
         "a name is found that is none");
    cf_arena_release(&arena);
}

static void add_group(test_tree *tree, cf_view *view, const cf_group *group, cf_bytes path,
                      size_t depth)
{
    const cf_shown *shown;
    size_t count;

    if (depth == DEPTH_MAX)
        abort();
    cf_view_list(view, group, &tree->arena, &shown, &count);
    check_each(view, group, shown, count);
    for (size_t i = 0; i < count; i++) {
        tree_line line = {
            .path = joined(tree, path, shown[i].name), .shown = &shown[i], .depth = depth};

        if (shown[i].kind == CF_KIND_DIRECTORY)
            cf_view_group_of(view, &shown[i].items[0], &tree->arena, &line.group);
        *cf_one_more(tree->lines, tree->count, tree->capacity) = line;
        if (shown[i].kind == CF_KIND_DIRECTORY)
            add_group(tree, view, &line.group, line.path, depth + 1);
    }
}

static int by_path(const void *left, const void *right)
{
    return cf_bytes_compare(((const cf_conflict_copy *)left)->path,
                            ((const cf_conflict_copy *)right)->path);
}

/* Those that are told without a look at everything are those that everything has. */
static void check_copies(const test_tree *tree, cf_view *view)
{
    cf_conflict_copy *wanted = cf_allocate(tree->count + 1, sizeof *wanted);
    const cf_conflict_copy *told;
    cf_arena arena = {0};
    size_t count = 0, told_count;

    for (size_t i = 0; i < tree->count; i++)
        if (tree->lines[i].shown->conflict || tree->lines[i].shown->pinned_copy)
            wanted[count++] = (cf_conflict_copy){.path = tree->lines[i].path,
                                                 .written = tree->lines[i].shown->written};
    qsort(wanted, count, sizeof *wanted, by_path);
    cf_view_conflicts(view, &arena, &told, &told_count);
    must(told_count == count, "there are more conflict copies than are told, or fewer");
    for (size_t i = 0; i < count; i++)
        must(cf_bytes_equal(told[i].path, wanted[i].path) &&
                 cf_dot_compare(&told[i].written, &wanted[i].written) == 0,
             "another conflict copy is told");
    cf_arena_release(&arena);
    free(wanted);
}

void tree_of(test_tree *tree, cf_view *view)
{
    cf_group root;

    cf_view_group_of(view, &cf_root_item, &tree->arena, &root);
    add_group(tree, view, &root, (cf_bytes){0}, 0);
    check_copies(tree, view);
}

void tree_release(test_tree *tree)
{
    free(tree->lines);
    cf_arena_release(&tree->arena);
    *tree = (test_tree){0};
}

static void print_hex(cf_buffer *out, const void *data, size_t size)
{
    cf_hex(cf_bytes_of(data, size), (char *)cf_buffer_reserve(out, 2 * size + 1));
    out->size += 2 * size;
    cf_buffer_append(out, " ", 1);
}

static void print_dot(cf_buffer *out, const cf_dot *dot)
{
    print_hex(out, dot->writer.bytes, CF_ID_SIZE);
    cf_buffer_append_text(out, "%" PRIu64 " ", dot->sequence);
    print_hex(out, dot->hash, sizeof dot->hash);
}

static int by_everything(const void *left, const void *right)
{
    const cf_ref *a = left, *b = right;
    int order = cf_id_compare(&a->item, &b->item);

    if (order == 0)
        order = cf_bytes_compare(a->field, b->field);
    if (order == 0)
        order = cf_dot_compare(&a->dot, &b->dot);
    return order ? order : cf_id_compare(&a->holder, &b->holder);
}

static cf_ref *sorted_refs(const cf_shown *shown)
{
    cf_ref *refs = cf_allocate(shown->ref_count, sizeof *refs);

    for (size_t i = 0; i < shown->ref_count; i++)
        refs[i] = shown->refs[i];
    if (shown->ref_count)
        qsort(refs, shown->ref_count, sizeof *refs, by_everything);
    return refs;
}

static void pack_bytes(cf_buffer *out, const void *data, size_t size)
{
    cf_buffer_append(out, &size, sizeof size);
    cf_buffer_append(out, data, size);
}

static void pack_refs(cf_buffer *out, const cf_shown *shown)
{
    cf_ref *refs = sorted_refs(shown);

    for (size_t i = 0; i < shown->ref_count; i++) {
        pack_bytes(out, refs[i].field.data, refs[i].field.size);
        cf_buffer_append(out, &refs[i].item, sizeof refs[i].item);
        cf_buffer_append(out, &refs[i].holder, sizeof refs[i].holder);
        cf_buffer_append(out, &refs[i].dot, sizeof refs[i].dot);
    }
    free(refs);
}

void tree_pack(const test_tree *tree, cf_buffer *out)
{
    for (size_t i = 0; i < tree->count; i++) {
        const tree_line *line = &tree->lines[i];
        const cf_shown *shown = line->shown;

        pack_bytes(out, line->path.data, line->path.size);
        pack_bytes(out, &shown->kind, sizeof shown->kind);
        pack_bytes(out, shown->content.data, shown->content.size);
        pack_bytes(out, shown->mode.data, shown->mode.size);
        pack_bytes(out, shown->mtime.data, shown->mtime.size);
        pack_bytes(out, shown->items, shown->item_count * sizeof(cf_id));
        pack_bytes(out, line->group.directories, line->group.count * sizeof(cf_id));
        pack_bytes(out, &shown->ref_count, sizeof shown->ref_count);
        pack_refs(out, shown);
    }
}

static void print_refs(cf_buffer *out, const cf_shown *shown)
{
    cf_ref *refs = sorted_refs(shown);

    for (size_t i = 0; i < shown->ref_count; i++) {
        cf_buffer_append_text(out, "\n    %.*s ", (int)refs[i].field.size,
                              (const char *)refs[i].field.data);
        print_hex(out, refs[i].item.bytes, CF_ID_SIZE);
        print_hex(out, refs[i].holder.bytes, CF_ID_SIZE);
        print_dot(out, &refs[i].dot);
    }
    free(refs);
}

void tree_print(const test_tree *tree, cf_buffer *out)
{
    for (size_t i = 0; i < tree->count; i++) {
        const tree_line *line = &tree->lines[i];
        const cf_shown *shown = line->shown;

        cf_buffer_append_text(out, "%.*s %c ", (int)line->path.size, (const char *)line->path.data,
                              shown->kind);
        print_hex(out, shown->content.data, shown->content.size);
        print_hex(out, shown->mode.data, shown->mode.size);
        print_hex(out, shown->mtime.data, shown->mtime.size);
        print_hex(out, shown->items, shown->item_count * sizeof(cf_id));
        print_hex(out, line->group.directories, line->group.count * sizeof(cf_id));
        print_refs(out, shown);
        cf_buffer_append_text(out, "\n");
    }
}
