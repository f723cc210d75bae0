/* SPDX-License-Identifier: Apache-2.0 */
/* An update judges again the items that changed, what lies in directories that live or don't by
 * that (view_graves.c), and places them (view_parents.c); it marks the groups in which something
 * came, went or changed. What a group shows is listed when it is asked for (view_groups.c,
 * view_names.c). */
#include "peer/merge/view.h"

#include <assert.h>
#include <stdlib.h>

#include "codec/item.h"
#include "peer/merge/view_graves.h"
#include "peer/merge/view_facts.h"

enum { FACTS_PER_ARENA = 256 };

void cf_seen_list_add(cf_seen_list *list, cf_seen *seen)
{
    *cf_one_more(list->at, list->count, list->capacity) = seen;
}

cf_seen *cf_view_seen(const cf_view *view, const cf_id *id)
{
    for (cf_hash_link *link = cf_hash_table_first(&view->seen, cf_hash_id(0, id)); link;
         link = cf_hash_table_next(link)) {
        cf_seen *seen = cf_container_of(link, cf_seen, link);

        if (cf_id_equal(&seen->id, id))
            return seen;
    }
    return NULL;
}

void cf_seen_name(cf_seen *seen, cf_bytes name)
{
    uint8_t *copy = cf_allocate(name.size, 1);

    free((void *)seen->name.data);
    if (name.size)
        memcpy(copy, name.data, name.size);
    seen->name = cf_bytes_of(copy, name.size);
}

cf_seen *cf_view_get(cf_view *view, const cf_id *id)
{
    cf_seen *seen = cf_view_seen(view, id);

    if (seen)
        return seen;
    seen = cf_allocate(1, sizeof *seen);
    seen->id = *id;
    seen->wished = view->root;
    cf_hash_table_add(&view->seen, &seen->link, cf_hash_id(0, id));
    if (view->root && cf_kind_of(id) == CF_KIND_DIRECTORY) { /* perhaps only others name it */
        cf_arena arena = {0};
        cf_facts none = {.id = *id};

        cf_seen_name(seen, cf_facts_wish(&none, &arena).name);
        cf_arena_release(&arena);
    }
    return seen;
}

cf_view *cf_view_new(const cf_rules *rules, const cf_state *state)
{
    cf_view *view = cf_allocate(1, sizeof *view);

    view->rules = rules;
    view->state = state;
    view->root = cf_view_get(view, &cf_root_item);
    view->root->visible = true;
    return view;
}

void cf_view_destroy(cf_view **view)
{
    cf_view *ended = *view;

    if (!ended)
        return;
    for (cf_hash_link *link = cf_hash_table_walk(&ended->seen, NULL); link;
         link = cf_hash_table_walk(&ended->seen, link))
        cf_view_drop_claims(ended, cf_container_of(link, cf_seen, link));
    for (cf_hash_link *link = cf_hash_table_walk(&ended->seen, NULL), *next; link; link = next) {
        cf_seen *seen = cf_container_of(link, cf_seen, link);

        next = cf_hash_table_walk(&ended->seen, link);
        cf_view_drop_grave(ended, seen);
        free((void *)seen->name.data);
        free(seen);
    }
    cf_hash_table_release(&ended->seen);
    cf_hash_table_release(&ended->claims);
    cf_hash_table_release(&ended->places);
    cf_hash_table_release(&ended->graves);
    cf_view_forget_last(ended);
    free(ended->changed.at);
    free(ended->tried.at);
    free(ended->uneven.at);
    free(ended->pinned_copies.at);
    free(ended->changed_items.at);
    free(ended->tried_items.at);
    free(ended->cuts);
    free(ended);
    *view = NULL;
}

const cf_state *cf_view_state(const cf_view *view)
{
    return view->state;
}

/* An item is judged once an update, and the root never: it is always visible. */
static void touch(cf_renewal *update, cf_seen *seen)
{
    if (seen->touched || seen == update->view->root)
        return;
    seen->touched = true;
    cf_seen_list_add(&update->touched, seen);
}

/* Which deletions count for an item may have changed, and with it for what went along with it:
 *
 *     d and d/a deleted by one entry, and d comes to live: d is named, d/a counts as touched, too
 */
static void touch_graves(cf_renewal *update)
{
    cf_lifting lifting = {.view = update->view};
    cf_seen_list along = {0};

    for (size_t i = 0; i < update->touched.count; i++) {
        along.count = 0;
        cf_view_renew_grave(&lifting, update->touched.at[i], &along);
        for (size_t k = 0; k < along.count; k++)
            touch(update, along.at[k]);
    }
    free(along.at);
    cf_lifting_release(&lifting);
}

/* Touches the items named; where the state has an item now and had not, or the other way, also the
 * items that hold a content of which that is the copy; and each item that a content of these
 * belongs to or did.
 *
 *     "a (conflict …)" is renamed to b: the copy's item is named; a holds the copy's content */
static void touch_items(cf_renewal *update, const cf_id *ids, size_t count)
{
    cf_view *view = update->view;
    cf_seen_list homes = {0};

    for (size_t i = 0; i < count; i++) {
        if (cf_item_is_record(&ids[i]))
            continue;
        cf_seen *seen = cf_view_get(view, &ids[i]);
        bool exists = cf_state_item(view->state, &ids[i]) != NULL;

        touch(update, seen);
        if (exists == seen->exists)
            continue;
        seen->exists = exists;
        const cf_copy_claim *claim = NULL;
        while ((claim = cf_view_next_claim(view, &ids[i], claim)))
            touch(update, claim->holder);
    }
    touch_graves(update);
    for (size_t i = 0; i < update->touched.count; i++)
        cf_view_claim(view, update->touched.at[i], &homes);
    for (size_t i = 0; i < homes.count; i++)
        touch(update, homes.at[i]);
    free(homes.at);
}

/* What becomes of one item by itself: whether it is shown for its own sake, as a directory that
 * lives, or a file or symlink that lives and has a content; where it should lie, and under which
 * name. */
static cf_judged judge(cf_view *view, cf_seen *seen, cf_arena *names, cf_arena *scratch)
{
    cf_facts facts = cf_facts_of(view, seen, scratch);
    cf_wish wish = cf_facts_wish(&facts, scratch);
    cf_judged verdict = {.seen = seen, .wished = cf_view_get(view, &wish.parent)};
    bool directory = facts.kind == CF_KIND_DIRECTORY;
    size_t versions;

    verdict.name = cf_arena_copy(names, wish.name);
    verdict.is_pinned_copy = wish.is_pinned_copy;
    verdict.anchored = cf_kind_is_node(facts.kind) && cf_facts_live(&facts) &&
                       (directory || cf_facts_best(&facts, CF_FIELD_NUMBER_CONTENT));
    if (verdict.anchored && !directory) {
        cf_facts_versions(&facts, scratch, &versions);
        verdict.is_several = versions > 1;
    }
    return verdict;
}

static void judge_touched(cf_renewal *update)
{
    cf_arena scratch = {0};

    update->verdicts = cf_allocate(update->touched.count, sizeof(cf_judged));
    for (size_t i = 0; i < update->touched.count; i++) {
        update->verdicts[i] = judge(update->view, update->touched.at[i], &update->arena, &scratch);
        if (i % FACTS_PER_ARENA == 0)
            cf_arena_release(&scratch);
    }
    cf_arena_release(&scratch);
}

/* An item that was named may be shown otherwise, even if it stayed in its place. */
static void mark_touched(cf_renewal *update)
{
    for (size_t i = 0; i < update->touched.count; i++)
        if (update->touched.at[i]->parent)
            cf_view_mark_in(update->view, update->touched.at[i]->parent, update->touched.at[i]);
}

void cf_view_update(cf_view *view, const cf_id *items, size_t count)
{
    cf_renewal update = {.view = view};

    cf_view_forget_last(view);
    touch_items(&update, items, count);
    judge_touched(&update);
    cf_renewal_place(&update);
    mark_touched(&update);
    free(update.touched.at);
    free(update.verdicts);
    free(update.passages);
    cf_arena_release(&update.arena);
}

static void collect(void *context, const cf_id *item)
{
    cf_ids_add(context, item);
}

void cf_view_update_all(cf_view *view)
{
    cf_ids all = {0};

    cf_state_each(view->state, collect, &all);
    cf_view_update(view, all.at, all.count);
    free(all.at);
}
