/* SPDX-License-Identifier: Apache-2.0 */
/* Which items are visible and in which directory (model, rules O and Y).
 *
 *     rm -r d || d/b is made: d, which is deleted, is visible for b, and shows b alone (O)
 *     d into e || e into d, later: e is where it was, and d in e (Y, cut_cycle) */
#include "peer/merge/view_facts.h"

#include <stdlib.h>

static bool is_directory(const cf_seen *seen)
{
    return cf_kind_of(&seen->id) == CF_KIND_DIRECTORY;
}

static void gather_one(cf_renewal *update, cf_seen *seen)
{
    *cf_one_more(update->passages, update->passage_count, update->passage_capacity) =
        (cf_affected){.seen = seen, .was_visible = seen->visible, .was_cut = seen->cut != 0};
    seen->gathered = true;
}

/* Takes in an item and the directories above it, as each wishes its directory by now. */
static void gather(cf_renewal *update, cf_seen *seen)
{
    for (; seen != update->view->root && !seen->gathered; seen = seen->wished)
        gather_one(update, seen);
}

/* A hidden item doesn't keep the directory visible any more that it wishes to lie in. */
static void hide(cf_seen *seen)
{
    if (!seen->visible)
        return;
    seen->visible = false;
    seen->wished->supported--;
}

/* A visible item makes the directories above it visible, be they deleted or unknown. */
static void show(const cf_view *view, cf_seen *seen)
{
    for (; seen != view->root && !seen->visible; seen = seen->wished) {
        seen->visible = true;
        seen->wished->supported++;
    }
}

/* Everything gathered is hidden, then shown as far as it is anchored or has visible children: so
 * no cycle of deleted directories keeps itself visible. */
static void decide_visibility(cf_renewal *update)
{
    for (size_t i = 0; i < update->touched.count; i++)
        gather(update, update->touched.at[i]);
    for (size_t i = 0; i < update->touched.count; i++)
        gather(update, update->verdicts[i].wished);
    for (size_t i = 0; i < update->passage_count; i++)
        hide(update->passages[i].seen);
    for (size_t i = 0; i < update->touched.count; i++) {
        const cf_judged *verdict = &update->verdicts[i];

        update->regrouped |= verdict->seen->leads && verdict->seen->wished != verdict->wished;
        verdict->seen->anchored = verdict->anchored;
        verdict->seen->wished = verdict->wished;
    }
    for (size_t i = 0; i < update->passage_count; i++) {
        cf_seen *seen = update->passages[i].seen;

        if (seen->anchored || seen->supported)
            show(update->view, seen);
    }
}

/* The last cut takes the place of the one that goes. */
static void drop_cut(cf_view *view, cf_seen *seen)
{
    if (!seen->cut)
        return;
    const cf_cycle_cut last = view->cuts[--view->cut_count];
    view->cuts[seen->cut - 1] = last;
    last.seen->cut = seen->cut;
    seen->cut = 0;
}

/* Of a cycle of moves the directory that was moved last is cut: it is shown where it was.
 *     d into e at 10 || e into d at 20      e is cut */
static void cut_cycle(cf_view *view, cf_seen *member)
{
    cf_id former = cf_root_item;
    cf_seen *latest = NULL, *at = member;
    cf_placed latest_placed = {0};
    cf_arena arena = {0};

    do {
        cf_facts facts = cf_facts_of(view, at, &arena);
        cf_placed placed = cf_facts_placed(&facts);

        if (!latest || cf_placed_compare(&placed, &latest_placed) > 0) {
            latest = at;
            latest_placed = placed;
            former = cf_facts_former(&facts);
        }
        at = at->wished;
    } while (at != member);
    *cf_one_more(view->cuts, view->cut_count, view->cut_capacity) =
        (cf_cycle_cut){latest, cf_view_get(view, &former)};
    latest->cut = (uint32_t)view->cut_count;
    cf_arena_release(&arena);
}

/* Cuts each cycle that runs through what was gathered: all of such a cycle is among that. */
static void cut_cycles(cf_renewal *update)
{
    cf_view *view = update->view;

    for (size_t i = 0; i < update->passage_count; i++) {
        drop_cut(view, update->passages[i].seen);
        update->passages[i].seen->walk = 0;
    }
    view->walks = 0;
    for (size_t i = 0; i < update->passage_count; i++) {
        cf_seen *seen = update->passages[i].seen;
        uint32_t walk = ++view->walks;

        if (!seen->visible)
            continue;
        for (; seen != view->root && seen->walk == 0; seen = seen->wished)
            seen->walk = walk;
        if (seen != view->root && seen->walk == walk)
            cut_cycle(view, seen);
    }
}

/* Where a directory that is cut is shown: in the directory where it was; but in the root if that
 * one is not visible, or lies in a cycle or below one, which would only make another. Of each cycle
 * a directory is cut, so a cut one on the way tells. */
static cf_seen *place_of_cut(const cf_view *view, const cf_cycle_cut *cut)
{
    for (cf_seen *at = cut->former; at != view->root; at = at->wished) {
        at->leads = true;
        if (!at->visible || at->cut)
            return view->root;
    }
    return cut->former;
}

/* What is cut may have another place, though nothing happened to its cycle:
 *
 *     x/d into x/e || x/e into x/d    e was in x, and is there
 *     … || rm -r x                    e is in the root
 *     … || mkdir x/new                x is visible again, and e is there */
static void gather_cuts(cf_renewal *update)
{
    cf_view *view = update->view;

    for (size_t i = 0; i < update->passage_count; i++) {
        const cf_affected *passage = &update->passages[i];

        update->regrouped |=
            passage->seen->leads && (passage->seen->visible != passage->was_visible ||
                                     (passage->was_cut && !passage->seen->cut));
    }
    for (size_t i = 0; update->regrouped && i < view->cut_count; i++) {
        const cf_cycle_cut *cut = &view->cuts[i];

        if (!cut->seen->gathered && cut->seen->parent != place_of_cut(view, cut))
            gather_one(update, cut->seen);
    }
}

/* A visible item is shown in the directory that it wishes for, but for what is cut; any other
 * nowhere. */
static void decide_parents(cf_renewal *update)
{
    cf_view *view = update->view;

    for (size_t i = 0; i < update->passage_count; i++) {
        cf_affected *passage = &update->passages[i];
        cf_seen *seen = passage->seen;

        if (seen->visible)
            passage->parent =
                seen->cut ? place_of_cut(view, &view->cuts[seen->cut - 1]) : seen->wished;
        passage->moves = passage->parent != seen->parent;
    }
}

/* How many in the directory have the name whose hash is `place`: 0, 1, or more, which is 2. */
static unsigned count_named_alike(const cf_view *view, const cf_seen *parent, uint64_t place)
{
    unsigned count = 0;

    for (cf_hash_link *link = cf_hash_table_first(&view->places, place); link && count < 2;
         link = cf_hash_table_next(link))
        count += cf_container_of(link, cf_seen, by_name)->parent == parent;
    return count;
}

/* By how many `crowded` grows with one more of this name: the second makes two that share a name,
 * each other one a single one more. */
static uint32_t crowds(const cf_view *view, const cf_seen *parent, uint64_t place)
{
    static const uint32_t more[] = {0, 2, 1};

    return more[count_named_alike(view, parent, place)];
}

static void unlink_seen(cf_view *view, cf_seen *seen)
{
    if (!seen->parent)
        return;
    if (seen->next)
        seen->next->previous = seen->previous;
    if (seen->previous)
        seen->previous->next = seen->next;
    else
        seen->parent->children = seen->next;
    seen->next = seen->previous = NULL;
    uint64_t place = seen->by_name.hash;
    cf_hash_table_remove(&view->places, &seen->by_name);
    uint32_t fewer = crowds(view, seen->parent, place);
    seen->parent->crowded -= fewer;
    view->crowded -= fewer;
    seen->parent->several -= seen->is_several;
    seen->parent = NULL;
}

static void link_seen(cf_view *view, cf_seen *seen, cf_seen *parent)
{
    if (!parent)
        return;
    uint64_t place = cf_view_place_hash(parent, seen->name);
    uint32_t more = crowds(view, parent, place);
    parent->crowded += more;
    view->crowded += more;
    parent->several += seen->is_several;
    if (!cf_seen_is_even(parent) && !(parent->marks & CF_MARK_UNEVEN)) {
        parent->marks |= CF_MARK_UNEVEN;
        cf_seen_list_add(&view->uneven, parent);
    }
    seen->parent = parent;
    seen->next = parent->children;
    if (seen->next)
        seen->next->previous = seen;
    parent->children = seen;
    cf_hash_table_add(&view->places, &seen->by_name, place);
}

/* Marks the directories that what moves is in, before the move and after; and the groups of a
 * directory that moves. */
static void mark_moves(cf_renewal *update)
{
    for (size_t i = 0; i < update->passage_count; i++) {
        const cf_affected *passage = &update->passages[i];
        cf_seen *seen = passage->seen;

        if (!passage->moves)
            continue;
        if (seen->parent)
            cf_view_mark_in(update->view, seen->parent, seen);
        if (!is_directory(seen))
            continue;
        if (seen->visible != passage->was_visible)
            cf_view_mark(update->view, seen);
        cf_view_mark_merged(update->view, seen);
    }
}

/* A directory that is named anew counts as moved, too. So does each touched item of another kind,
 * without asking whether its name or its contents are others: that costs little. */
static void find_renamed(cf_renewal *update)
{
    for (size_t i = 0; i < update->touched.count; i++)
        update->touched.at[i]->touched = false;
    for (size_t i = 0; i < update->touched.count; i++) {
        const cf_judged *verdict = &update->verdicts[i];

        verdict->seen->touched =
            !is_directory(verdict->seen) || !cf_bytes_equal(verdict->seen->name, verdict->name);
    }
    for (size_t i = 0; i < update->passage_count; i++)
        update->passages[i].moves = update->passages[i].moves || update->passages[i].seen->touched;
}

/* An item that became a pinned copy is kept in the list, once, until a search finds it none. */
static void note_pinned_copy(cf_view *view, cf_seen *seen, bool is_pinned_copy)
{
    seen->is_pinned_copy = is_pinned_copy;
    if (!is_pinned_copy || seen->marks & CF_MARK_PINNED_COPY)
        return;
    seen->marks |= CF_MARK_PINNED_COPY;
    cf_seen_list_add(&view->pinned_copies, seen);
}

static void rename_touched(cf_renewal *update)
{
    for (size_t i = 0; i < update->touched.count; i++) {
        const cf_judged *verdict = &update->verdicts[i];

        verdict->seen->is_several = verdict->is_several;
        note_pinned_copy(update->view, verdict->seen, verdict->is_pinned_copy);
        if (!is_directory(verdict->seen))
            verdict->seen->name = verdict->name;
        else if (verdict->seen->touched)
            cf_seen_name(verdict->seen, verdict->name);
        verdict->seen->touched = false;
    }
}

/* The names of files live as long as the update. */
static void forget_names(cf_renewal *update)
{
    for (size_t i = 0; i < update->touched.count; i++)
        if (!is_directory(update->touched.at[i]))
            update->touched.at[i]->name = (cf_bytes){0};
}

static void move(cf_renewal *update)
{
    find_renamed(update);
    mark_moves(update);
    for (size_t i = 0; i < update->passage_count; i++)
        if (update->passages[i].moves)
            unlink_seen(update->view, update->passages[i].seen);
    rename_touched(update);
    for (size_t i = 0; i < update->passage_count; i++)
        if (update->passages[i].moves)
            link_seen(update->view, update->passages[i].seen, update->passages[i].parent);
    forget_names(update);
    mark_moves(update);
}

void cf_renewal_place(cf_renewal *update)
{
    decide_visibility(update);
    cut_cycles(update);
    gather_cuts(update);
    decide_parents(update);
    move(update);
    for (size_t i = 0; i < update->passage_count; i++)
        update->passages[i].seen->gathered = false;
}
