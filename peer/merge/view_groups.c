/* SPDX-License-Identifier: Apache-2.0 */
/* Groups: which directories are shown as one (model, rule M), which of them changed, and what was
 * asked of them last. */
#include "peer/merge/view.h"

#include <assert.h>
#include <stdlib.h>

#include "peer/merge/view_facts.h"

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
        for (cf_table_link *link =
                 cf_table_first(&view->directories, cf_view_place_hash(above->at[i], name));
             link; link = cf_table_next(link)) {
            cf_seen *found = cf_linked(link, cf_seen, by_name);

            if (found->parent == above->at[i] && cf_bytes_equal(found->name, name))
                cf_seen_list_add(out, found);
        }
}

/* From the root down, since directories are one if those above them are. Most are not: then there
 * is nothing to look for. */
static void find_members(cf_view *view, cf_seen *directory, cf_seen_list *out)
{
    cf_seen_list path = {0}, above = {0};

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

void cf_view_mark(cf_view *view, cf_seen *directory)
{
    uint8_t mark = view->trying ? CF_MARK_TRIAL : CF_MARK_CHANGED;

    if (directory->marks & mark)
        return;
    directory->marks |= mark;
    cf_seen_list_add(view->trying ? &view->tried : &view->changed, directory);
}

static void add_subdirectories(const cf_seen *directory, cf_seen_list *out)
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
        add_subdirectories(next, &waiting);
    }
    free(waiting.at);
    free(members.at);
}

void cf_view_mark_changed(cf_view *view, const cf_id *directory)
{
    if (cf_id_equal(directory, &cf_root_item) || cf_kind_of(directory) == CF_KIND_DIRECTORY)
        cf_view_mark(view, cf_view_get(view, directory));
}

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
    *out = (cf_group){ids, count, true};
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
    *out = (cf_group){id, 1, false};
}

void cf_view_take_changed(cf_view *view, cf_arena *arena, const cf_group **out, size_t *count)
{
    cf_group *groups = cf_arena_allocate(arena, view->changed.count, sizeof *groups);

    *count = 0;
    for (size_t i = 0; i < view->changed.count; i++) {
        cf_seen *seen = view->changed.at[i];

        if (!(seen->marks & CF_MARK_CHANGED))
            continue; /* its group is among them */
        cf_view_group_of(view, &seen->id, arena, &groups[*count]);
        for (size_t j = 0; j < groups[*count].count; j++)
            cf_view_seen(view, &groups[*count].directories[j])->marks &= (uint8_t)~CF_MARK_CHANGED;
        ++*count;
    }
    view->changed.count = 0;
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

static void list(cf_view *view, cf_seen *directory, cf_arena *arena, cf_shown **out, size_t *count)
{
    cf_arena scratch = {0};
    cf_shown *laid;

    cf_view_lay(view, CF_LAY_ALL, directory, &scratch, &laid, count);
    *out = cf_arena_allocate(arena, *count, sizeof **out);
    for (size_t i = 0; i < *count; i++)
        copy_shown(&laid[i], arena, &(*out)[i]);
    cf_arena_release(&scratch);
}

void cf_view_list(cf_view *view, const cf_group *group, cf_arena *arena, const cf_shown **out,
                  size_t *count)
{
    cf_seen *seen = cf_view_seen(view, &group->directories[0]);
    cf_shown *shown = NULL;

    *count = 0;
    if (is_shown(view, seen))
        list(view, seen, arena, &shown, count);
    *out = shown;
}

typedef struct {
    cf_table_link link;
    cf_id item;
    const cf_shown *shown;
} indexed;

void cf_view_forget_last(cf_view *view)
{
    cf_table_release(&view->last.by_item);
    cf_arena_release(&view->last.arena);
    view->last.known = false;
}

static void list_last(cf_view *view, cf_seen *directory)
{
    cf_shown *shown;

    if (view->last.known && cf_id_equal(&view->last.first, &directory->id))
        return;
    cf_view_forget_last(view);
    list(view, directory, &view->last.arena, &shown, &view->last.count);
    view->last.shown = shown;
    view->last.first = directory->id;
    view->last.known = true;
    for (size_t i = 0; i < view->last.count; i++)
        for (size_t j = 0; j < shown[i].item_count; j++) {
            indexed *entry = cf_arena_allocate(&view->last.arena, 1, sizeof *entry);

            entry->item = shown[i].items[j];
            entry->shown = &shown[i];
            cf_table_add(&view->last.by_item, &entry->link, cf_hash_id(0, &entry->item));
        }
}

static bool find_in(cf_view *view, cf_seen *directory, const cf_id *item, cf_arena *arena,
                    cf_place *out)
{
    list_last(view, directory);
    for (cf_table_link *link = cf_table_first(&view->last.by_item, cf_hash_id(0, item)); link;
         link = cf_table_next(link)) {
        const indexed *entry = cf_linked(link, indexed, link);

        if (!cf_id_equal(&entry->item, item))
            continue;
        cf_shown *shown = cf_arena_allocate(arena, 1, sizeof *shown);
        copy_shown(entry->shown, arena, shown);
        *out = (cf_place){directory->id, shown};
        return true;
    }
    return false;
}

bool cf_view_find(cf_view *view, const cf_id *item, cf_arena *arena, cf_place *out)
{
    cf_seen *seen = cf_view_seen(view, item);
    const cf_claim *claim = NULL;

    if (seen && seen->parent)
        return find_in(view, seen->parent, item, arena, out);
    while ((claim = cf_view_next_claim(view, item, claim))) {
        const cf_seen *home = cf_view_home(view, claim->holder, &claim->dot);

        if (home->parent && find_in(view, home->parent, item, arena, out))
            return true;
    }
    return false;
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
    view->tried.count = 0;
}
