/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold after every step, and in the end. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/pack.h"
#include "tests/peer/model/states.h"
#include "tests/peer/model/model_shown.h"

enum { ROUNDS_MAX = 6 };

static void check_places(model_world *world, model_device *device, const test_tree *tree)
{
    cf_arena arena = {0};

    for (size_t i = 0; i < tree->count; i++)
        for (size_t j = 0; j < tree->lines[i].shown->item_count; j++) {
            const cf_shown *shown = tree->lines[i].shown;
            cf_tree_place place;

            if (!cf_view_find(device->view, &shown->items[j], &arena, &place) ||
                !cf_bytes_equal(place.shown->name, shown->name))
                model_fail(world, "%.*s is not found by its item", (int)shown->name.size,
                           (const char *)shown->name.data);
        }
    cf_arena_release(&arena);
}

static void print_view(const char *title, cf_view *view)
{
    test_tree tree = {0};
    cf_buffer text = {0};

    tree_of(&tree, view);
    tree_print(&tree, &text);
    fprintf(stderr, "%s:\n%.*s", title, (int)text.size, (const char *)text.data);
    tree_release(&tree);
    cf_buffer_release(&text);
}

static bool holds_the_same(const model_world *world, const model_device *a, const model_device *b)
{
    for (size_t i = 0; i < world->entry_count; i++)
        if (model_holds(a, i) != model_holds(b, i))
            return false;
    return a->limit_count == 0 && b->limit_count == 0;
}

/* One whose view was found to be the whole one, of an equal state. */
static model_device *find_checked(model_world *world, const model_device *than)
{
    for (size_t i = 0; i < world->device_count; i++) {
        model_device *device = &world->devices[i];

        if (device != than && !device->dead && device->checked &&
            holds_the_same(world, device, than))
            return device;
    }
    return NULL;
}

static bool is_whole(const model_world *world, model_device *device)
{
    cf_view *whole = cf_view_new(&world->rules, device->state);
    test_tree tree = {0};
    cf_buffer made = {0};

    cf_view_update_all(whole);
    tree_of(&tree, whole);
    tree_pack(&tree, &made);
    bool same = cf_bytes_equal(model_shown_packed(device), cf_buffer_view(&made));
    if (!same) {
        print_view("kept up", device->view);
        print_view("whole", whole);
    }
    cf_view_destroy(&whole);
    tree_release(&tree);
    cf_buffer_release(&made);
    return same;
}

static void check_convergence(const model_world *world, model_device *one, model_device *other)
{
    if (cf_bytes_equal(model_shown_packed(one), model_shown_packed(other)))
        return;
    print_view("the one", one->view);
    print_view("the other", other->view);
    model_fail(world, "convergence");
}

void model_check_view(model_world *world, model_device *device)
{
    if (device->checked)
        return;
    model_check_changed(world, device);
    check_places(world, device, model_shown_tree(device));
    model_device *checked = find_checked(world, device);
    if (checked)
        check_convergence(world, checked, device);
    else if (!is_whole(world, device))
        model_fail(world, "the view that was kept up is not the whole view");
    device->checked = true;
}

static void file_path(const model_device *device, const model_file *file, cf_buffer *out)
{
    const model_file *above = model_find(device, file->parent);

    if (above) {
        file_path(device, above, out);
        cf_buffer_append(out, "/", 1);
    }
    cf_buffer_append_text(out, "%s", file->name);
}

static const model_file *file_at(const model_device *device, cf_bytes path)
{
    const model_file *found = NULL;
    cf_buffer own = {0};

    for (size_t i = 0; i < device->file_count && !found; i++) {
        cf_buffer_clear(&own);
        file_path(device, &device->files[i], &own);
        if (cf_bytes_equal(cf_buffer_view(&own), path))
            found = &device->files[i];
    }
    cf_buffer_release(&own);
    return found;
}

static bool is_number(cf_bytes value, uint64_t number)
{
    cf_buffer packed = {0};

    cf_pack_uint(&packed, number);
    bool same = value.size == 0 || cf_bytes_equal(value, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return same;
}

static bool is_text(cf_bytes value, const char *text)
{
    cf_buffer packed = {0};

    cf_pack_text(&packed, cf_bytes_of_text(text));
    bool same = cf_bytes_equal(value, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return same;
}

/* In any order: which of them is written to may differ after a scan, until the next plan. */
static bool same_items(const cf_node *node, const cf_shown *shown)
{
    size_t found = 0;

    for (size_t i = 0; i < node->item_count; i++)
        for (size_t k = 0; k < shown->item_count; k++)
            found += cf_id_equal(&node->items[i], &shown->items[k]);
    return found == node->item_count && found == shown->item_count;
}

/* The base shows just what the view does: nothing that others wrote waits. */
static void check_base(model_world *world, const model_device *device, const model_file *file,
                       const cf_shown *shown)
{
    const cf_node *node = cf_nodes_find(device->base, file->number);
    cf_buffer refs = {0};

    cf_refs_pack(&refs, shown->refs, shown->ref_count);
    if (!cf_bytes_equal(cf_buffer_view(&refs), node->refs))
        model_fail(world, "the base of %s shows other writes than the view", file->name);
    if (!same_items(node, shown))
        model_fail(world, "the base of %s has other items than the view", file->name);
    cf_buffer_release(&refs);
}

void model_check_disk(model_world *world, model_device *device)
{
    const test_tree *tree = model_shown_tree(device);

    if (tree->count != device->file_count)
        model_fail(world, "fidelity: %zu nodes on the disk, %zu in the view", device->file_count,
                   tree->count);
    for (size_t i = 0; i < tree->count; i++) {
        const cf_shown *shown = tree->lines[i].shown;
        const model_file *file = file_at(device, tree->lines[i].path);

        if (!file || file->kind != shown->kind || !is_number(shown->mode, file->mode) ||
            !is_number(shown->mtime, file->mtime_ns) ||
            (file->kind != CF_KIND_DIRECTORY && !is_text(shown->content, file->content)))
            model_fail(world, "fidelity: %.*s is not on the disk as in the view",
                       (int)tree->lines[i].path.size, (const char *)tree->lines[i].path.data);
        check_base(world, device, file, shown);
    }
}

static bool exchange_all(model_world *world)
{
    bool published = false;

    for (size_t i = 0; i < world->device_count; i++)
        if (!world->devices[i].dead)
            published = model_scan(world, &world->devices[i]) || published;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < world->device_count; i++)
            for (size_t j = 0; !world->devices[i].dead && j < world->device_count; j++)
                model_receive(world, &world->devices[i], &world->devices[j], 3);
    for (size_t i = 0; i < world->device_count; i++)
        if (!world->devices[i].dead) {
            model_apply(world, &world->devices[i]);
            model_check_view(world, &world->devices[i]);
        }
    return published;
}

static int by_writer(const void *left, const void *right)
{
    const model_entry *const *a = left, *const *b = right;

    return cf_dot_compare(&(*a)->dot, &(*b)->dot);
}

/* One who joins now gets the key last and folds what waited for it writer by writer: what is stored
 * there of these entries is what this device has of them. */
static void check_stored(const model_world *world, const model_device *device)
{
    const model_entry **entries = cf_allocate(world->entry_count, sizeof *entries);
    cf_state *joined = cf_state_new();
    size_t count = 0;

    for (size_t i = 0; i < world->entry_count; i++)
        if (model_holds(device, i) && model_counts(device, &world->entries[i]))
            entries[count++] = &world->entries[i];
    qsort(entries, count, sizeof *entries, by_writer);
    for (size_t i = 0; i < count; i++)
        cf_state_apply(joined, &entries[i]->dot, entries[i]->time, entries[i]->changes,
                       entries[i]->count, NULL);
    if (!states_are_equal(device->state, joined))
        model_fail(world, "stored: %c has another state than who joins now",
                   (char)('A' + (device - world->devices)));
    cf_state_destroy(&joined);
    free(entries);
}

static void check_equal(model_world *world)
{
    model_device *one = NULL;

    for (size_t i = 0; i < world->device_count; i++) {
        model_device *device = &world->devices[i];

        if (device->dead)
            continue;
        if (one)
            check_convergence(world, one, device);
        check_stored(world, device);
        one = one ? one : device;
    }
}

static size_t times_shown(const model_device *device, const char *content)
{
    size_t count = 0;

    for (size_t i = 0; i < device->file_count; i++)
        count += device->files[i].kind != CF_KIND_DIRECTORY &&
                 strcmp(device->files[i].content, content) == 0;
    return count;
}

static void check_contents(model_world *world, const model_device *device)
{
    for (size_t i = 0; i < world->content_count; i++) {
        const model_content *content = &world->contents[i];
        size_t shown = times_shown(device, content->content);

        if (content->written && !content->gone && shown == 0)
            model_fail(world, "loss: %s is nowhere", content->content);
        if (shown > 1 && !content->shared)
            model_fail(world, "twice: %s", content->content);
        if (shown && !content->written)
            model_fail(world, "invention: %s", content->content);
        if (shown && content->edited && !content->shared)
            model_fail(world, "stale: %s was replaced by one who saw it", content->content);
    }
}

void model_settle(model_world *world)
{
    bool published = true;

    for (int round = 0; round < ROUNDS_MAX && (published || round < 2); round++)
        published = exchange_all(world);
    if (published)
        model_fail(world, "quiet: devices go on publishing");
    check_equal(world);
    for (size_t i = 0; i < world->device_count && !world->revoked; i++)
        check_contents(world, &world->devices[i]);
}
