/* SPDX-License-Identifier: Apache-2.0 */
/* An item is decided after the directories above it, from the highest down, each once an update.
 * What is lifted from an item is read of its directory; what it lifts itself are these, and, if
 * somebody moved it, the deletions that not all who did so had seen. */
#include "peer/merge/view_graves.h"

#include <stdlib.h>

#include "peer/merge/covered.h"
#include "peer/merge/view_facts.h"

/* An item with its deletions, as the state has it. */
typedef struct {
    cf_hash_link link;
    cf_id id, above;
    cf_dot_list deletions; /* that delete it; none: it lifts nothing */
    cf_dot_list lifted, lifts;
    bool is_known; /* these two */
    bool is_on_the_way;
} deleted_item;

void cf_lifting_release(cf_lifting *lifting)
{
    cf_hash_table_release(&lifting->known);
    cf_arena_release(&lifting->arena);
}

static bool has(const cf_dot_list *list, const cf_dot *dot)
{
    return cf_dots_have(list->at, list->count, dot);
}

/* ---- One item ---- */

/* A deletion that names only other deletions deletes nothing, and is not among them. */
static void read_deletions(const cf_view *view, const cf_id *id, cf_arena *arena, cf_dot_list *out)
{
    const cf_item *item = cf_state_item(view->state, id);
    size_t count = cf_deletion_count(view->state, item);

    out->at = cf_arena_allocate(arena, count, sizeof *out->at);
    for (size_t i = 0; i < count; i++) {
        cf_write write = cf_state_write(view->state, item, i);

        if (cf_deletion_deletes(write.value))
            out->at[out->count++] = write.dot;
    }
}

/* Where the item is placed by all its deletions, whichever count. */
static cf_id place_of(cf_view *view, const cf_id *id)
{
    cf_arena scratch = {0};
    cf_facts facts = cf_facts_of(view, cf_view_get(view, id), &scratch);
    cf_id above = cf_facts_wish(&facts, &scratch).parent;

    cf_arena_release(&scratch);
    return above;
}

/* An item that nobody deleted lifts nothing, wherever it lies. */
static void read_deleted(cf_view *view, const cf_id *id, cf_arena *arena, deleted_item *out)
{
    *out = (deleted_item){.id = *id};
    read_deletions(view, id, arena, &out->deletions);
    out->is_known = !out->deletions.count;
    if (out->is_known)
        return;
    out->above = place_of(view, id);
    out->lifted.at = cf_arena_allocate(arena, out->deletions.count, sizeof(cf_dot));
    out->lifts.at = cf_arena_allocate(arena, out->deletions.count, sizeof(cf_dot));
}

/* Whether a user's write keeps the directory: none of the deletions that count covers the write. */
static bool keeps_alive(const cf_state *state, const cf_write *write, const cf_covered *covered)
{
    return write->field != CF_FIELD_NUMBER_DELETED && !write->weak &&
           !cf_covered_has(covered, state, write);
}

/* Whether the entry that wrote this moved the directory: who makes a directory, or keeps an empty
 * one, says what kind of thing it is; who moves it does not.
 *
 *     mkdir d; mkdir d/a; rm -r d || mkdir d, which is the same d: d is there, d/a is not */
static bool is_of_a_move(const cf_state *state, const cf_item *item, const cf_write *write)
{
    cf_write kind;

    return !cf_state_find_write(state, item, CF_FIELD_NUMBER_KIND, &write->dot, &kind);
}

/* Which deletions of the item the entry that wrote `write` had seen: the entry's own deletion of
 * the item names them. */
static cf_dot_list seen_by(const cf_state *state, const cf_item *item, const cf_write *write,
                           cf_arena *arena)
{
    cf_dot_list seen = {0};
    cf_cover *covers;
    size_t count = 0;
    cf_write own;
    cf_error ignored;

    if (!cf_state_find_write(state, item, CF_FIELD_NUMBER_DELETED, &write->dot, &own) ||
        cf_covers_read(own.value, arena, &covers, &count, &ignored))
        return seen;
    seen.at = cf_arena_allocate(arena, count, sizeof *seen.at);
    for (size_t i = 0; i < count && cf_field_is_deletion(covers[i].field); i++)
        seen.at[seen.count++] = covers[i].dot;
    return seen;
}

/* Keeps of the list what the other one has; both ascend. */
static void keep_common(cf_dot_list *list, const cf_dot_list *other)
{
    size_t kept = 0, at = 0;

    for (size_t i = 0; i < list->count; i++) {
        while (at < other->count && cf_dot_compare(&other->at[at], &list->at[i]) < 0)
            at++;
        if (at < other->count && cf_dot_equal(&other->at[at], &list->at[i]))
            list->at[kept++] = list->at[i];
    }
    list->count = kept;
}

/* Whether the item lives by a move, and which deletions all who moved it had seen: the item
 * outlives the others. */
static bool is_moved(const cf_state *state, const cf_item *item, const cf_covered *covered,
                     cf_arena *arena, cf_dot_list *seen_by_all)
{
    bool moved = false;

    for (size_t i = cf_deletion_count(state, item); i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(state, item, i);

        if (!keeps_alive(state, &write, covered) || !is_of_a_move(state, item, &write))
            continue;
        cf_dot_list seen = seen_by(state, item, &write, arena);
        if (moved)
            keep_common(seen_by_all, &seen);
        else
            *seen_by_all = seen;
        moved = true;
        if (!seen_by_all->count)
            break;
    }
    return moved;
}

/* Which deletions are lifted from an item that lies in `above`, and which it lifts itself. True if
 * these are more than before. */
static bool decide(const cf_view *view, deleted_item *of, const deleted_item *above)
{
    const cf_item *item = cf_state_item(view->state, &of->id);
    size_t lifts = of->lifts.count;
    cf_arena scratch = {0};

    of->lifted.count = 0;
    for (size_t i = 0; above && i < of->deletions.count; i++)
        if (has(&above->lifts, &of->deletions.at[i]))
            of->lifted.at[of->lifted.count++] = of->deletions.at[i];
    cf_covered covered =
        cf_covered_but(view->state, item, of->lifted.at, of->lifted.count, &scratch);
    cf_dot_list seen = {0};
    const bool moved = is_moved(view->state, item, &covered, &scratch, &seen);
    of->lifts.count = 0;
    for (size_t i = 0; i < of->deletions.count; i++)
        if (has(&of->lifted, &of->deletions.at[i]) || (moved && !has(&seen, &of->deletions.at[i])))
            of->lifts.at[of->lifts.count++] = of->deletions.at[i];
    cf_arena_release(&scratch);
    return of->lifts.count > lifts;
}

/* ---- A directory and those above ---- */

static deleted_item *directory(cf_lifting *lifting, const cf_id *id)
{
    for (cf_hash_link *link = cf_hash_table_first(&lifting->known, cf_hash_id(0, id)); link;
         link = cf_hash_table_next(link))
        if (cf_id_equal(&cf_container_of(link, deleted_item, link)->id, id))
            return cf_container_of(link, deleted_item, link);
    deleted_item *added = cf_arena_allocate(&lifting->arena, 1, sizeof *added);
    read_deleted(lifting->view, id, &lifting->arena, added);
    cf_hash_table_add(&lifting->known, &added->link, cf_hash_id(0, id));
    return added;
}

/* A directory with what is lifted from it and what it lifts, decided after the directories above,
 * from the highest down. In a cycle of moves that is repeated until no more is lifted: it begins
 * with nothing, so what lifts itself along the cycle alone is not lifted. */
static const deleted_item *known_directory(cf_lifting *lifting, const cf_id *id)
{
    deleted_item **way = NULL, *found = directory(lifting, id), *above = found;
    size_t count = 0, capacity = 0;

    for (; !above->is_known && !above->is_on_the_way; above = directory(lifting, &above->above)) {
        above->is_on_the_way = true;
        *cf_one_more(way, count, capacity) = above;
    }
    for (bool again = true; again;) {
        again = false;
        for (size_t i = count; i-- > 0;)
            again = decide(lifting->view, way[i], i + 1 < count ? way[i + 1] : above) || again;
        again = again && !above->is_known;
    }
    for (size_t i = 0; i < count; i++)
        way[i]->is_known = true;
    free(way);
    return found;
}

/* ---- Graves ---- */

static void keep_dots(cf_dot_list *list, const cf_dot_list *from)
{
    free(list->at);
    *list = (cf_dot_list){.count = from->count};
    if (!from->count)
        return;
    list->at = cf_allocate(from->count, sizeof *list->at);
    memcpy(list->at, from->at, from->count * sizeof *list->at);
}

void cf_view_drop_grave(cf_view *view, cf_seen *seen)
{
    cf_grave *grave = seen->grave;

    if (!grave)
        return;
    cf_hash_table_remove(&view->graves, &grave->link);
    free(grave->lifted.at);
    free(grave->lifts.at);
    free(grave);
    seen->grave = NULL;
}

static void put_grave(cf_view *view, cf_seen *seen, const deleted_item *as)
{
    cf_grave *grave = seen->grave;

    if (!grave) {
        grave = seen->grave = cf_allocate(1, sizeof *grave);
        grave->seen = seen;
    } else {
        cf_hash_table_remove(&view->graves, &grave->link);
    }
    grave->above = as->above;
    keep_dots(&grave->lifted, &as->lifted);
    keep_dots(&grave->lifts, &as->lifts);
    cf_hash_table_add(&view->graves, &grave->link, cf_hash_id(0, &grave->above));
}

/* Whether a deletion of the grave's item is lifted by one of the lists and not by the other. */
static bool is_concerned(const cf_view *view, const cf_grave *grave, const cf_dot_list *before,
                         const cf_dot_list *after)
{
    const cf_item *item = cf_state_item(view->state, &grave->seen->id);
    size_t count = cf_deletion_count(view->state, item);

    for (size_t i = 0; i < count; i++) {
        cf_dot dot = cf_state_write(view->state, item, i).dot;

        if (has(before, &dot) != has(after, &dot))
            return true;
    }
    return false;
}

/* Adds the items that went along with the directory and have a deletion which it lifts now, or
 * lifted. */
static void add_along(const cf_view *view, const cf_id *above, const cf_dot_list *before,
                      const cf_dot_list *after, cf_seen_list *along)
{
    if (before->count == after->count &&
        (!after->count || !memcmp(before->at, after->at, after->count * sizeof *after->at)))
        return;
    for (cf_hash_link *link = cf_hash_table_first(&view->graves, cf_hash_id(0, above)); link;
         link = cf_hash_table_next(link)) {
        const cf_grave *grave = cf_container_of(link, cf_grave, link);

        if (cf_id_equal(&grave->above, above) && is_concerned(view, grave, before, after))
            cf_seen_list_add(along, grave->seen);
    }
}

void cf_view_renew_grave(cf_lifting *lifting, cf_seen *seen, cf_seen_list *along)
{
    cf_view *view = lifting->view;
    cf_arena scratch = {0};
    cf_dot_list before = {0};
    deleted_item one;
    const deleted_item *now = &one;

    if (!seen->grave && !cf_deletion_count(view->state, cf_state_item(view->state, &seen->id)))
        return;
    if (cf_kind_of(&seen->id) == CF_KIND_DIRECTORY) {
        now = known_directory(lifting, &seen->id);
    } else {
        read_deleted(view, &seen->id, &scratch, &one);
        if (!one.is_known)
            decide(view, &one, known_directory(lifting, &one.above));
        one.lifts.count = 0;
    }
    if (seen->grave)
        keep_dots(&before, &seen->grave->lifts);
    if (now->deletions.count)
        put_grave(view, seen, now);
    else
        cf_view_drop_grave(view, seen);
    add_along(view, &seen->id, &before, &now->lifts, along);
    free(before.at);
    cf_arena_release(&scratch);
}
