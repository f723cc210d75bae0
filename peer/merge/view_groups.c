/* SPDX-License-Identifier: Apache-2.0 */
/* Groups: which directories are shown as one (model, rule M), which of them changed, and what was
 * asked of them last. */
#include "peer/merge/view.h"

#include <assert.h>
#include <stdlib.h>

#include "peer/merge/view_facts.h"

/* Beyond so many changes a directory is marked as a whole; a change that was among the last few is
 * not noted twice. */
enum { ITEM_MARKS = 4096, JUST_NOTED = 4 };

uint64_t cf_view_place_hash(const cf_seen *parent, cf_bytes name)
{
    return cf_hash_bytes(cf_hash_id(0, &parent->id), name);
}

typedef struct {
    cf_placed placed;
    cf_seen *seen;
} dated;

static int earlier_first(const void *left, const void *right)
{
    return cf_placed_compare(&((const dated *)left)->placed, &((const dated *)right)->placed);
}

/* The directory that was placed first comes first: it stands for the group. */
static void sort_members(cf_view *view, cf_seen **members, size_t count)
{
    dated *order = cf_allocate(count, sizeof *order);
    cf_arena scratch = {0};

    for (size_t i = 0; i < count; i++) {
        cf_facts facts = cf_facts_of(view, members[i], &scratch);

        order[i] = (dated){cf_facts_placed(&facts), members[i]};
    }
    qsort(order, count, sizeof *order, earlier_first);
    for (size_t i = 0; i < count; i++)
        members[i] = order[i].seen;
    free(order);
    cf_arena_release(&scratch);
}

/* The directories of this name in any of `above`, in no order. */
static void find_named(cf_view *view, const cf_seen_list *above, cf_bytes name, cf_seen_list *out)
{
    out->count = 0;
    for (size_t i = 0; i < above->count; i++)
        for (cf_hash_link *link =
                 cf_hash_table_first(&view->places, cf_view_place_hash(above->at[i], name));
             link; link = cf_hash_table_next(link)) {
            cf_seen *found = cf_container_of(link, cf_seen, by_name);

            if (found->parent == above->at[i] && cf_kind_of(&found->id) == CF_KIND_DIRECTORY &&
                cf_bytes_equal(found->name, name))
                cf_seen_list_add(out, found);
        }
}

/* Whether in no directory on the way to this one two things share a name: then no other directory
 * is shown as one with this one. */
static bool is_alone(const cf_view *view, const cf_seen *directory)
{
    bool alone = true;

    for (const cf_seen *at = directory; view->crowded && alone && at != view->root; at = at->parent)
        alone = at->parent->crowded == 0;
    return alone;
}

/* The directories that are shown as one with this one, in no order. From the root down, since
 * directories of one name are one if those above them are. Most are alone: then there is nothing to
 * look for.
 *
 *     x/d and y/d, where x and y are both called p: one directory p/d */
static void find_members(cf_view *view, cf_seen *directory, cf_seen_list *out)
{
    cf_seen_list path = {0}, above = {0};

    if (is_alone(view, directory)) {
        out->count = 0;
        cf_seen_list_add(out, directory);
        return;
    }
    for (cf_seen *at = directory; at != view->root; at = at->parent)
        cf_seen_list_add(&path, at);
    out->count = 0;
    cf_seen_list_add(out, view->root);
    while (path.count) {
        cf_seen_list swapped = above;

        above = *out;
        *out = swapped;
        find_named(view, &above, path.at[--path.count]->name, out);
    }
    free(path.at);
    free(above.at);
}

cf_seen **cf_view_members(cf_view *view, cf_seen *directory, cf_arena *arena, size_t *count)
{
    cf_seen_list members = {0};

    find_members(view, directory, &members);
    if (members.count > 1)
        sort_members(view, members.at, members.count);
    cf_seen **out = cf_arena_allocate(arena, members.count, sizeof *out);
    if (members.count)
        memcpy(out, members.at, members.count * sizeof *out);
    *count = members.count;
    free(members.at);
    return out;
}

/* The listener hears once of all changes until they are taken; of a trial it hears nothing. */
static void tell_change(cf_view *view)
{
    if (view->trying || view->is_told || !view->listener)
        return;
    view->is_told = true;
    view->listener(view->listener_context);
}

void cf_view_listen(cf_view *view, cf_view_listener *listener, void *context)
{
    view->listener = listener;
    view->listener_context = context;
    view->is_told = false;
    if (view->changed.count || view->changed_items.count)
        tell_change(view);
}

void cf_view_mark(cf_view *view, cf_seen *directory)
{
    uint8_t mark = view->trying ? CF_MARK_TRIAL : CF_MARK_CHANGED;

    if (directory->marks & mark)
        return;
    directory->marks |= mark;
    cf_seen_list_add(view->trying ? &view->tried : &view->changed, directory);
    tell_change(view);
}

bool cf_seen_is_even(const cf_seen *directory)
{
    return !directory->crowded && !directory->several;
}

bool cf_view_is_plain(cf_view *view, cf_seen *directory)
{
    cf_seen_list members = {0};

    if (!cf_seen_is_even(directory) || (directory != view->root && !directory->parent))
        return false;
    find_members(view, directory, &members);
    bool plain = members.count == 1;
    free(members.at);
    return plain;
}

/* A directory that isn't even, or whose changes are many, is marked as a whole. Whether the
 * directory is shown as one with others is not asked here, but when the group is taken:
 * cf_view_mark_merged marks all directories whose group becomes another. */
void cf_view_mark_in(cf_view *view, cf_seen *directory, cf_seen *item)
{
    cf_seen_changes *changes = view->trying ? &view->tried_items : &view->changed_items;
    const uint8_t mark = view->trying ? CF_MARK_TRIAL : CF_MARK_CHANGED;

    if (directory->marks & mark)
        return;
    if (!cf_seen_is_even(directory) || changes->count >= ITEM_MARKS) {
        cf_view_mark(view, directory);
        return;
    }
    for (size_t i = changes->count; i > 0 && i + JUST_NOTED > changes->count; i--)
        if (changes->at[i - 1].directory == directory && changes->at[i - 1].item == item)
            return;
    *cf_one_more(changes->at, changes->count, changes->capacity) =
        (cf_seen_change){directory, item};
    tell_change(view);
}

void cf_view_subdirectories(const cf_seen *directory, cf_seen_list *out)
{
    for (cf_seen *child = directory->children; child; child = child->next)
        if (cf_kind_of(&child->id) == CF_KIND_DIRECTORY)
            cf_seen_list_add(out, child);
}

void cf_view_mark_merged(cf_view *view, cf_seen *directory)
{
    cf_seen_list waiting = {0}, members = {0};

    if (directory->parent)
        cf_seen_list_add(&waiting, directory);
    while (waiting.count) {
        cf_seen *next = waiting.at[--waiting.count];

        find_members(view, next, &members);
        if (members.count < 2)
            continue;
        for (size_t i = 0; i < members.count; i++)
            cf_view_mark(view, members.at[i]);
        cf_view_subdirectories(next, &waiting);
    }
    free(waiting.at);
    free(members.at);
}

void cf_view_mark_changed(cf_view *view, const cf_id *directory)
{
    if (cf_id_equal(directory, &cf_root_item) || cf_kind_of(directory) == CF_KIND_DIRECTORY)
        cf_view_mark(view, cf_view_get(view, directory));
}

void cf_view_mark_item(cf_view *view, const cf_id *directory, const cf_id *item)
{
    if (cf_id_equal(directory, &cf_root_item) || cf_kind_of(directory) == CF_KIND_DIRECTORY)
        cf_view_mark_in(view, cf_view_get(view, directory), cf_view_get(view, item));
}

/* The root, or an item that lies in a directory. */
static bool is_shown(const cf_view *view, const cf_seen *seen)
{
    return seen && (seen == view->root || seen->parent);
}

static void group_of(cf_view *view, cf_seen *directory, cf_arena *arena, cf_group *out)
{
    size_t count;
    cf_seen **members = cf_view_members(view, directory, arena, &count);
    cf_id *ids = cf_arena_allocate(arena, count, sizeof *ids);

    for (size_t i = 0; i < count; i++)
        ids[i] = members[i]->id;
    *out = (cf_group){.directories = ids, .count = count, .visible = true};
}

void cf_view_group_of(cf_view *view, const cf_id *directory, cf_arena *arena, cf_group *out)
{
    cf_seen *seen = cf_view_seen(view, directory);

    if (is_shown(view, seen)) {
        group_of(view, seen, arena, out);
        return;
    }
    cf_id *id = cf_arena_allocate(arena, 1, sizeof *id);
    *id = *directory;
    *out = (cf_group){.directories = id, .count = 1};
}

bool cf_view_pick(cf_view *view, cf_group *group, const cf_id *items, size_t count)
{
    bool plain = group->visible && group->count == 1 &&
                 cf_seen_is_even(cf_view_seen(view, &group->directories[0]));

    group->items = plain ? items : NULL;
    group->item_count = plain ? count : 0;
    return plain;
}

static int by_directory(const void *left, const void *right)
{
    const cf_seen_change *a = left, *b = right;
    int order = cf_id_compare(&a->directory->id, &b->directory->id);

    return order ? order : cf_id_compare(&a->item->id, &b->item->id);
}

/* A group for the items of one directory that changed; a directory that is not plain any more is
 * marked as a whole. */
static void take_items(cf_view *view, const cf_seen_change *changes, size_t count, cf_arena *arena,
                       cf_group *groups, size_t *group_count)
{
    cf_seen *directory = changes[0].directory;
    cf_id *items = cf_arena_allocate(arena, count, sizeof *items);
    size_t kept = 0;
    cf_group group;

    if (directory->marks & CF_MARK_CHANGED)
        return;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || changes[i].item != changes[i - 1].item)
            items[kept++] = changes[i].item->id;
    cf_view_group_of(view, &directory->id, arena, &group);
    if (cf_view_pick(view, &group, items, kept))
        groups[(*group_count)++] = group;
    else
        cf_view_mark(view, directory);
}

static void take_all_items(cf_view *view, cf_arena *arena, cf_group *groups, size_t *group_count)
{
    cf_seen_changes *changes = &view->changed_items;

    if (changes->count)
        qsort(changes->at, changes->count, sizeof *changes->at, by_directory);
    for (size_t i = 0, end; i < changes->count; i = end) {
        for (end = i + 1;
             end < changes->count && changes->at[end].directory == changes->at[i].directory;)
            end++;
        take_items(view, &changes->at[i], end - i, arena, groups, group_count);
    }
    changes->count = 0;
}

void cf_view_take_changed(cf_view *view, cf_arena *arena, const cf_group **out, size_t *count)
{
    cf_group *groups =
        cf_arena_allocate(arena, view->changed.count + view->changed_items.count, sizeof *groups);

    *count = 0;
    take_all_items(view, arena, groups, count);
    for (size_t i = 0; i < view->changed.count; i++) {
        cf_seen *seen = view->changed.at[i];

        if (!(seen->marks & CF_MARK_CHANGED))
            continue; /* the directory's group is among them */
        cf_view_group_of(view, &seen->id, arena, &groups[*count]);
        for (size_t j = 0; j < groups[*count].count; j++)
            cf_view_seen(view, &groups[*count].directories[j])->marks &= (uint8_t)~CF_MARK_CHANGED;
        ++*count;
    }
    view->changed.count = 0;
    view->is_told = false;
    *out = groups;
}

static void copy_shown(const cf_shown *from, cf_arena *arena, cf_shown *out)
{
    cf_ref *refs = cf_arena_allocate(arena, from->ref_count, sizeof *refs);

    *out = *from;
    out->name = cf_arena_copy(arena, from->name);
    out->content = cf_arena_copy(arena, from->content);
    out->mode = cf_arena_copy(arena, from->mode);
    out->mtime = cf_arena_copy(arena, from->mtime);
    out->items = (const cf_id *)cf_arena_copy(
                     arena, cf_bytes_of(from->items, from->item_count * sizeof(cf_id)))
                     .data;
    for (size_t i = 0; i < from->ref_count; i++) {
        refs[i] = from->refs[i];
        refs[i].field = cf_arena_copy(arena, refs[i].field);
    }
    out->refs = refs;
}

/* What the directory's group shows; `items` NULL: all of that. */
static void list(cf_view *view, cf_seen *directory, const cf_seen_list *items, cf_arena *arena,
                 cf_shown **out, size_t *count)
{
    cf_arena scratch = {0};
    cf_shown *laid;

    if (items)
        cf_view_lay_items(view, CF_LAY_ALL, directory, items, &scratch, &laid, count);
    else
        cf_view_lay(view, CF_LAY_ALL, directory, &scratch, &laid, count);
    *out = cf_arena_allocate(arena, *count, sizeof **out);
    for (size_t i = 0; i < *count; i++)
        copy_shown(&laid[i], arena, &(*out)[i]);
    cf_arena_release(&scratch);
}

void cf_view_list(cf_view *view, const cf_group *group, cf_arena *arena, const cf_shown **out,
                  size_t *count)
{
    cf_seen *seen = cf_view_seen(view, &group->directories[0]), *item;
    cf_seen_list items = {0};
    cf_shown *shown = NULL;

    for (size_t i = 0; i < group->item_count; i++)
        if ((item = cf_view_seen(view, &group->items[i])))
            cf_seen_list_add(&items, item);
    *count = 0;
    if (is_shown(view, seen))
        list(view, seen, group->item_count ? &items : NULL, arena, &shown, count);
    *out = shown;
    free(items.at);
}

static int by_name(const void *key, const void *shown)
{
    return cf_bytes_compare(*(const cf_bytes *)key, ((const cf_shown *)shown)->name);
}

const cf_shown *cf_view_named(cf_view *view, const cf_group *group, cf_bytes name, cf_arena *arena)
{
    cf_seen *directory = cf_view_seen(view, &group->directories[0]);
    cf_seen_list called = {0};
    cf_shown *shown;
    size_t count;

    if (!is_shown(view, directory))
        return NULL;
    bool plain = cf_view_is_plain(view, directory);
    for (cf_hash_link *link =
             plain ? cf_hash_table_first(&view->places, cf_view_place_hash(directory, name)) : NULL;
         link; link = cf_hash_table_next(link))
        cf_seen_list_add(&called, cf_container_of(link, cf_seen, by_name));
    list(view, directory, plain ? &called : NULL, arena, &shown, &count);
    free(called.at);
    return count ? bsearch(&name, shown, count, sizeof *shown, by_name) : NULL;
}

void cf_view_called(const cf_view *view, const cf_id *directory, cf_bytes name, cf_ids *out)
{
    const cf_seen *parent = cf_view_seen(view, directory);

    if (!is_shown(view, parent))
        return;
    for (cf_hash_link *link = cf_hash_table_first(&view->places, cf_view_place_hash(parent, name));
         link; link = cf_hash_table_next(link))
        if (cf_container_of(link, cf_seen, by_name)->parent == parent)
            cf_ids_add(out, &cf_container_of(link, cf_seen, by_name)->id);
}

typedef struct {
    cf_hash_link link;
    cf_id item;
    const cf_shown *shown;
} indexed;

void cf_view_forget_last(cf_view *view)
{
    cf_hash_table_release(&view->last.by_item);
    cf_arena_release(&view->last.arena);
    view->last.known = false;
}

static void list_last(cf_view *view, cf_seen *directory)
{
    cf_shown *shown;

    if (view->last.known && cf_id_equal(&view->last.first, &directory->id))
        return;
    cf_view_forget_last(view);
    list(view, directory, NULL, &view->last.arena, &shown, &view->last.count);
    view->last.shown = shown;
    view->last.first = directory->id;
    view->last.known = true;
    for (size_t i = 0; i < view->last.count; i++)
        for (size_t j = 0; j < shown[i].item_count; j++) {
            indexed *entry = cf_arena_allocate(&view->last.arena, 1, sizeof *entry);

            entry->item = shown[i].items[j];
            entry->shown = &shown[i];
            cf_hash_table_add(&view->last.by_item, &entry->link, cf_hash_id(0, &entry->item));
        }
}

/* Where the item is shown: in a plain directory by itself, without looking at the others there.
 * False: not at all. */
static bool find_alone(cf_view *view, cf_seen *seen, cf_arena *arena, cf_tree_place *out)
{
    const cf_seen_list alone = {.at = &seen, .count = 1};
    cf_shown *shown;
    size_t count;

    list(view, seen->parent, &alone, arena, &shown, &count);
    *out = (cf_tree_place){seen->parent->id, shown};
    return count > 0;
}

/* Where the item is shown among all that the directory's group shows, which is listed once for
 * several items. False: not there. */
static bool find_in(cf_view *view, cf_seen *directory, const cf_id *item, cf_arena *arena,
                    cf_tree_place *out)
{
    list_last(view, directory);
    for (cf_hash_link *link = cf_hash_table_first(&view->last.by_item, cf_hash_id(0, item)); link;
         link = cf_hash_table_next(link)) {
        const indexed *entry = cf_container_of(link, indexed, link);

        if (!cf_id_equal(&entry->item, item))
            continue;
        cf_shown *shown = cf_arena_allocate(arena, 1, sizeof *shown);
        copy_shown(entry->shown, arena, shown);
        *out = (cf_tree_place){directory->id, shown};
        return true;
    }
    return false;
}

bool cf_view_find(cf_view *view, const cf_id *item, cf_arena *arena, cf_tree_place *out)
{
    cf_seen *seen = cf_view_seen(view, item);
    const cf_copy_claim *claim = NULL;

    if (seen && seen->parent && cf_view_is_plain(view, seen->parent))
        return find_alone(view, seen, arena, out);
    if (seen && seen->parent)
        return find_in(view, seen->parent, item, arena, out);
    while ((claim = cf_view_next_claim(view, item, claim))) {
        const cf_seen *home = cf_view_home(view, claim->holder, &claim->dot);

        if (home->parent && find_in(view, home->parent, item, arena, out))
            return true;
    }
    return false;
}

bool cf_view_directory_of(const cf_view *view, const cf_id *item, cf_id *out)
{
    const cf_seen *seen = cf_view_seen(view, item), *directory = seen ? seen->parent : NULL;
    const cf_copy_claim *claim = NULL;

    while (!directory && (claim = cf_view_next_claim(view, item, claim)))
        directory = cf_view_home(view, claim->holder, &claim->dot)->parent;
    if (directory)
        *out = directory->id;
    return directory != NULL;
}

void cf_view_trial_begin(cf_view *view)
{
    assert(!view->trying);
    view->trying = true;
}

void cf_view_trial_end(cf_view *view)
{
    assert(view->trying);
    view->trying = false;
    for (size_t i = 0; i < view->tried.count; i++)
        view->tried.at[i]->marks &= (uint8_t)~CF_MARK_TRIAL;
    view->tried.count = view->tried_items.count = 0;
}
