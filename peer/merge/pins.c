/* SPDX-License-Identifier: Apache-2.0 */
/* By trial: the draft is applied to the state, the view is computed with it, and undone; where the
 * two views show an item in different places, and the user left it where it is, the draft gets a
 * pin. A pin may move another thing again, so that is done until nothing does, ROUNDS_MAX times at
 * most.
 *
 *     a and b have one name, b is shown as "a (conflict …)"; the user deletes a:
 *     by the rules alone b would be called a; it is pinned where he sees it */
#include "peer/merge/pins.h"

#include <stdlib.h>

#include "peer/merge/covered.h"
#include "peer/merge/gone_along.h"
#include "peer/merge/view_facts.h"

enum { ROUNDS_MAX = 8 };

/* Where an item is shown, and how. */
typedef struct {
    cf_hash_link link;
    cf_id item;
    const cf_group *group;
    cf_bytes name, mode, mtime;
} item_sight;

typedef struct {
    cf_arena arena;
    cf_hash_table sights;
    cf_hash_table groups; /* those that were looked at, by each of their directories */
} group_look;

typedef struct {
    cf_hash_link link;
    cf_id directory;
} seen_group;

/* The look has the group of this directory already, by this or another of its directories. */
static bool was_looked_at(const group_look *look, const cf_id *directory)
{
    for (cf_hash_link *link = cf_hash_table_first(&look->groups, cf_hash_id(0, directory)); link;
         link = cf_hash_table_next(link))
        if (cf_id_equal(&cf_container_of(link, seen_group, link)->directory, directory))
            return true;
    return false;
}

static void note_directories(group_look *look, const cf_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        seen_group *added = cf_arena_allocate(&look->arena, 1, sizeof *added);

        added->directory = group->directories[i];
        cf_hash_table_add(&look->groups, &added->link, cf_hash_id(0, &added->directory));
    }
}

static void note_shown(group_look *look, const cf_group *group, const cf_shown *shown)
{
    cf_bytes name = cf_arena_copy(&look->arena, shown->name);
    cf_bytes mode = cf_arena_copy(&look->arena, shown->mode);
    cf_bytes mtime = cf_arena_copy(&look->arena, shown->mtime);

    for (size_t i = 0; i < shown->item_count; i++) {
        item_sight *added = cf_arena_allocate(&look->arena, 1, sizeof *added);

        *added = (item_sight){{0}, shown->items[i], group, name, mode, mtime};
        cf_hash_table_add(&look->sights, &added->link, cf_hash_id(0, &added->item));
    }
}

/* `items` NULL: all that is in the directory. */
static void note_group(group_look *look, cf_view *view, cf_seen *directory,
                       const cf_seen_list *items)
{
    cf_group *group = cf_arena_allocate(&look->arena, 1, sizeof *group);
    cf_arena scratch = {0};
    cf_shown *shown;
    size_t count;

    cf_view_group_of(view, &directory->id, &look->arena, group);
    note_directories(look, group);
    if (!group->visible)
        return;
    if (items)
        cf_view_lay_items(view, CF_LAY_PLACES, directory, items, &scratch, &shown, &count);
    else
        cf_view_lay(view, CF_LAY_PLACES, directory, &scratch, &shown, &count);
    for (size_t i = 0; i < count; i++)
        note_shown(look, group, &shown[i]);
    cf_arena_release(&scratch);
}

/* What a draft touches: directories as a whole, and items of others, which are plain with it and
 * without. */
typedef struct {
    cf_seen_list whole;
    cf_seen **directories; /* each once, */
    cf_seen_list *items;   /* and which of its items */
    size_t count;
} touched_groups;

static void touched_release(touched_groups *touched)
{
    for (size_t i = 0; i < touched->count; i++)
        free(touched->items[i].at);
    free(touched->items);
    free(touched->directories);
    free(touched->whole.at);
}

static int by_address(const void *left, const void *right)
{
    const cf_seen_change *a = left, *b = right;
    uintptr_t x = (uintptr_t)a->directory, y = (uintptr_t)b->directory;

    if (x == y) {
        x = (uintptr_t)a->item;
        y = (uintptr_t)b->item;
    }
    return (x > y) - (x < y);
}

/* An item whose directory is not plain touches that directory as a whole. */
static void touch_items(cf_view *view, touched_groups *out)
{
    cf_seen_changes *changes = &view->tried_items;

    out->directories = cf_allocate(changes->count, sizeof(cf_seen *));
    out->items = cf_allocate(changes->count, sizeof *out->items);
    if (changes->count)
        qsort(changes->at, changes->count, sizeof *changes->at, by_address);
    for (size_t i = 0; i < changes->count; i++) {
        cf_seen *directory = changes->at[i].directory;

        if (!cf_view_is_plain(view, directory)) {
            cf_seen_list_add(&out->whole, directory);
            continue;
        }
        if (!out->count || out->directories[out->count - 1] != directory)
            out->directories[out->count++] = directory;
        if (i == 0 || changes->at[i - 1].directory != directory ||
            changes->at[i - 1].item != changes->at[i].item)
            cf_seen_list_add(&out->items[out->count - 1], changes->at[i].item);
    }
}

static void find_touched(cf_view *view, touched_groups *out)
{
    for (size_t i = 0; i < view->tried.count; i++)
        cf_seen_list_add(&out->whole, view->tried.at[i]);
    touch_items(view, out);
}

/* What the groups that are touched show now. */
static void look_at(group_look *look, cf_view *view, const touched_groups *touched)
{
    for (size_t i = 0; i < touched->whole.count; i++)
        if (!was_looked_at(look, &touched->whole.at[i]->id))
            note_group(look, view, touched->whole.at[i], NULL);
    for (size_t i = 0; i < touched->count; i++)
        if (!was_looked_at(look, &touched->directories[i]->id))
            note_group(look, view, touched->directories[i], &touched->items[i]);
}

/* Where the look saw the item; NULL: not shown, or in no group that the draft touches. */
static const item_sight *seen_at(const group_look *look, const cf_id *item)
{
    for (cf_hash_link *link = cf_hash_table_first(&look->sights, cf_hash_id(0, item)); link;
         link = cf_hash_table_next(link))
        if (cf_id_equal(&cf_container_of(link, item_sight, link)->item, item))
            return cf_container_of(link, item_sight, link);
    return NULL;
}

static void look_release(group_look *look)
{
    cf_hash_table_release(&look->sights);
    cf_hash_table_release(&look->groups);
    cf_arena_release(&look->arena);
}

typedef struct {
    cf_scanned_nodes *nodes;
    cf_change_draft *draft;
    group_look before, after;
    cf_ids cuts; /* directories that are shown elsewhere than they wish, see find_cut */
} pin_round;

/* Of a cycle of moves one directory is shown where it was. It still wishes to be in another one of
 * the cycle, which therefore stays visible, though deleted, until the first is pinned where it is.
 *
 *     d into e || e into d, which is later: e is in the root, d in e, and e wishes for d; the user
 *     deletes e/d: without a pin of e in the root d would come back, for e's sake */
static void find_cut(pin_round *round, const cf_change *deletion)
{
    cf_view *view = round->nodes->input->view;
    const cf_seen *deleted = cf_view_seen(view, &deletion->item);

    if (!deleted || !deleted->parent || cf_kind_of(&deleted->id) != CF_KIND_DIRECTORY)
        return;
    const cf_seen *cut = deleted;
    while (cut != view->root && !cut->cut)
        cut = cut->wished;
    for (const cf_seen *at = cut; cut != deleted && at != view->root; at = at->wished) {
        if (at == deleted) {
            cf_ids_add(&round->cuts, &cut->id);
            cf_view_mark(view, cut->parent);
            return;
        }
        if (at->wished == cut)
            return; /* what is deleted only hangs below the cycle */
    }
}

/* A deletion that only tells which others were seen takes nothing out of a cycle. */
static void find_cuts(pin_round *round, const cf_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (cf_field_is(changes[i].field, CF_FIELD_NUMBER_DELETED) &&
            cf_deletion_deletes(changes[i].value))
            find_cut(round, &changes[i]);
}

/* What the groups show that the draft touches: with it, then again without. */
static void try_draft(pin_round *round)
{
    const cf_diff_input *input = round->nodes->input;
    cf_dot dot = {.writer = input->writer, .sequence = input->sequence};
    touched_groups touched = {0};
    cf_ids dirty = {0};
    size_t count;
    const cf_change *changes = cf_change_draft_changes(round->draft, &count);

    cf_state_trial_begin(input->state);
    cf_view_trial_begin(input->view);
    cf_state_apply(input->state, &dot, input->time, changes, count, &dirty);
    cf_view_update(input->view, dirty.at, dirty.count);
    find_cuts(round, changes, count);
    find_touched(input->view, &touched);
    look_at(&round->after, input->view, &touched);
    cf_state_trial_end(input->state);
    cf_view_update(input->view, dirty.at, dirty.count);
    look_at(&round->before, input->view, &touched);
    cf_view_trial_end(input->view);
    free(dirty.at);
    touched_release(&touched);
}

/* One of the items is a directory of the group: what lies in that one lies in the group. */
static bool shares_item(const cf_id *items, size_t count, const cf_group *group)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < group->count; j++)
            if (cf_id_equal(&items[i], &group->directories[j]))
                return true;
    return false;
}

/* The sight has another name than the node has on the disk, or none of the directories that the
 * node is in; also where nothing is seen at all. */
static bool is_elsewhere(pin_round *round, const cf_scanned_node *scanned, const item_sight *sight)
{
    const cf_id *above;
    size_t count;

    if (!sight || !cf_bytes_equal(scanned->name, sight->name))
        return true;
    cf_scanned_nodes_above(round->nodes, scanned, &above, &count);
    return !shares_item(above, count, sight->group);
}

/* Pins the item where the disk has the node. The pin holds as long as the best /parent and /name of
 * the item are those of now: it yields to every move. */
static void pin(pin_round *round, const cf_scanned_node *scanned, const cf_id *item)
{
    cf_view *view = round->nodes->input->view;
    cf_arena scratch = {0};
    cf_facts facts = cf_facts_of(view, cf_view_get(view, item), &scratch);
    const cf_fact *parent = cf_facts_best(&facts, CF_FIELD_NUMBER_PARENT);
    const cf_fact *name = cf_facts_best(&facts, CF_FIELD_NUMBER_NAME);
    cf_pin pin = {.name = scanned->name, .has_parent_dot = parent, .has_name_dot = name};
    const cf_id *above;
    size_t count;
    cf_buffer value = {0};

    cf_scanned_nodes_above(round->nodes, scanned, &above, &count);
    pin.parent = above[0];
    if (parent)
        pin.parent_dot = parent->write.dot;
    if (name)
        pin.name_dot = name->write.dot;
    cf_pin_pack(&value, &pin);
    cf_draft_set(round->draft, scanned->refs, item, CF_FIELD_NUMBER_PIN,
                 cf_arena_copy(round->draft->arena, cf_buffer_view(&value)), true);
    cf_buffer_release(&value);
    cf_arena_release(&scratch);
}

/* Writes /kind of a node which the user kept, and which no write would keep alive any more.
 *
 *     d is deleted here, d/b made there: d lives for d/b
 *     d/b is deleted, and d, which is empty now, is still on the disk: d is kept */
static void keep(pin_round *round, const cf_scanned_node *scanned, const cf_id *item)
{
    cf_buffer kind = {0};

    cf_pack_text(&kind, cf_bytes_of(&scanned->kind, 1));
    cf_draft_set(round->draft, scanned->refs, item, CF_FIELD_NUMBER_KIND,
                 cf_arena_copy(round->draft->arena, cf_buffer_view(&kind)), false);
    cf_buffer_release(&kind);
}

/* Whether the draft would show another mode or mtime than before, which the disk hasn't either:
 * then the disk's is written. `values`: as shown before the draft, after it, as on the disk.
 *
 *     before 644, after 600     on the disk 755: 755 is written     on the disk 600: nothing is
 *     before 644, after 644     on the disk 755: nothing is, the draft changed nothing */
static bool hold_value(pin_round *round, const cf_scanned_node *scanned, const cf_id *item,
                       uint32_t field, const cf_bytes values[3])
{
    cf_bytes before = values[0], after = values[1], disk = values[2];

    if (!disk.size || cf_bytes_equal(after, before) || cf_bytes_equal(after, disk))
        return false;
    cf_draft_set(round->draft, scanned->refs, item, field, disk, true);
    return true;
}

/* For a node that its user left where it lay: /pin if the change moves it, /kind if the change
 * kills it, else its mode and time. False: nothing is to be written. */
static bool fasten(pin_round *round, const cf_scanned_node *scanned, const cf_id *item)
{
    const item_sight *before = seen_at(&round->before, item), *after = seen_at(&round->after, item);

    if (cf_draft_deletes(round->draft, item) || is_elsewhere(round, scanned, before))
        return false; /* what others did to the item is still to be applied */
    if (is_elsewhere(round, scanned, after) &&
        !cf_draft_has(round->draft, item, CF_FIELD_NUMBER_PIN)) {
        pin(round, scanned, item);
        return true;
    }
    if (!after) {
        if (cf_draft_has(round->draft, item, CF_FIELD_NUMBER_KIND))
            return false;
        keep(round, scanned, item);
        return true;
    }
    const cf_bytes modes[] = {before->mode, after->mode, scanned->mode};
    const cf_bytes mtimes[] = {before->mtime, after->mtime, scanned->mtime};
    bool held = hold_value(round, scanned, item, CF_FIELD_NUMBER_MODE, modes);
    return (scanned->kind == CF_KIND_FILE &&
            hold_value(round, scanned, item, CF_FIELD_NUMBER_MTIME, mtimes)) ||
           held;
}

/* Both are of just the same directories. */
static bool same_group(const cf_group *a, const cf_group *b)
{
    return cf_bytes_equal(cf_bytes_of(a->directories, a->count * sizeof(cf_id)),
                          cf_bytes_of(b->directories, b->count * sizeof(cf_id)));
}

/* The draft changes nothing of what is shown of the item: so of most, for which there is nothing to
 * do. */
static bool is_as_before(const pin_round *round, const item_sight *before)
{
    const item_sight *after = seen_at(&round->after, &before->item);

    return after && cf_bytes_equal(before->name, after->name) &&
           cf_bytes_equal(before->mode, after->mode) &&
           cf_bytes_equal(before->mtime, after->mtime) && same_group(before->group, after->group);
}

/* Fastens each node that the user left where the view of before shows it. */
static bool fasten_all(pin_round *round)
{
    bool any = false;

    for (cf_hash_link *link = cf_hash_table_walk(&round->before.sights, NULL); link;
         link = cf_hash_table_walk(&round->before.sights, link)) {
        const item_sight *sight = cf_container_of(link, item_sight, link);
        const cf_node *node = NULL;

        if (is_as_before(round, sight))
            continue;
        while ((node = cf_nodes_next_of_item(round->nodes->input->base, &sight->item, node))) {
            const cf_scanned_node *scanned = cf_scanned_nodes_at(round->nodes, node->number);

            if (!scanned->gone && !scanned->moved)
                any = fasten(round, scanned, &sight->item) || any;
        }
    }
    return any;
}

/* Pins the directories that find_cut found, of which the view with the draft shows no
 * difference. */
static bool fasten_cuts(pin_round *round)
{
    bool any = false;

    for (size_t i = 0; i < round->cuts.count; i++) {
        const cf_id *item = &round->cuts.at[i];
        const cf_node *node = NULL;

        if (cf_draft_has(round->draft, item, CF_FIELD_NUMBER_PIN))
            continue;
        while ((node = cf_nodes_next_of_item(round->nodes->input->base, item, node))) {
            const cf_scanned_node *scanned = cf_scanned_nodes_at(round->nodes, node->number);

            if (scanned->gone || scanned->moved ||
                is_elsewhere(round, scanned, seen_at(&round->before, item)))
                continue;
            pin(round, scanned, item);
            any = true;
        }
    }
    return any;
}

void cf_pins_add(cf_scanned_nodes *nodes, cf_change_draft *draft)
{
    bool again = draft->table.count > 0;

    for (int i = 0; again && i < ROUNDS_MAX; i++) {
        pin_round round = {.nodes = nodes, .draft = draft};

        cf_gone_along_name(nodes, draft);
        try_draft(&round);
        again = fasten_all(&round);
        again = fasten_cuts(&round) || again;
        look_release(&round.before);
        look_release(&round.after);
        free(round.cuts.at);
    }
}
