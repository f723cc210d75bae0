/* SPDX-License-Identifier: Apache-2.0 */
/* An item is one piece of memory, made anew with each entry that changes it (state_item.c). Those
 * with too many writes are counted, kept and not shown; during a trial the pieces that are replaced
 * are kept, and put back at its end. */
#include "peer/merge/state.h"

#include <assert.h>
#include <stdlib.h>

#include "codec/item.h"
#include "codec/limits.h"
#include "peer/merge/state_item.h"

cf_state *cf_state_new(void)
{
    cf_state *state = cf_allocate(1, sizeof *state);

    state->most = CF_ITEM_WRITES_MAX;
    state->dots = cf_dots_new();
    for (uint32_t i = 0; i < CF_FIELD_NUMBERS; i++)
        cf_state_field_number(state, cf_field_fixed(i));
    return state;
}

static void free_table(cf_hash_table *table, size_t offset)
{
    for (cf_hash_link *link = cf_hash_table_walk(table, NULL), *next; link; link = next) {
        next = cf_hash_table_walk(table, link);
        free((char *)link - offset);
    }
    cf_hash_table_release(table);
}

void cf_state_destroy(cf_state **state)
{
    if (!*state)
        return;
    assert(!(*state)->trying);
    free_table(&(*state)->items, offsetof(cf_item, link));
    free_table(&(*state)->fields, offsetof(cf_state_field, link));
    free((*state)->names);
    free((*state)->undos);
    cf_dots_destroy(&(*state)->dots);
    free(*state);
    *state = NULL;
}

static cf_item *held(const cf_state *state, const cf_id *id)
{
    for (cf_hash_link *link = cf_hash_table_first(&state->items, cf_hash_id(0, id)); link;
         link = cf_hash_table_next(link)) {
        cf_item *item = cf_container_of(link, cf_item, link);

        if (cf_id_equal(&item->id, id))
            return item;
    }
    return NULL;
}

void cf_state_bound_items(cf_state *state, uint64_t most)
{
    assert(!cf_hash_table_walk(&state->items, NULL));
    state->most = most;
}

/* Whether an item is overfull is a function of its writes alone, so that it is so on every device
 * that has the entries:
 *
 *     2^20 writes live          shown
 *     one more, by anybody      overfull
 *     one of them replaced      shown again */
static bool is_overfull(const cf_state *state, const cf_item *item)
{
    return item->live > state->most;
}

/* An item that has no living write, or is overfull, is not there for the view. */
static bool is_shown(const cf_state *state, const cf_item *item)
{
    return item->live && !is_overfull(state, item);
}

/* Two living writes of a record's item are of one field, and are no deletions; writes of a field
 * are neighbours. Where no item is so, no field of any record has two values. */
static bool is_contested(const cf_state *state, const cf_item *item)
{
    bool found = false;

    if (!cf_item_is_record(&item->id) || !is_shown(state, item))
        return false;
    for (uint32_t i = 1; !found && i < item->live; i++)
        found = item->writes[i].field == item->writes[i - 1].field &&
                item->writes[i].field != CF_FIELD_NUMBER_DELETED;
    return found;
}

static void unlink_item(cf_state *state, cf_item *item)
{
    cf_hash_table_remove(&state->items, &item->link);
    state->shown -= is_shown(state, item);
    state->overfull -= is_overfull(state, item);
    state->contested -= is_contested(state, item);
}

static void link_item(cf_state *state, cf_item *item)
{
    cf_hash_table_add(&state->items, &item->link, cf_hash_id(0, &item->id));
    state->shown += is_shown(state, item);
    state->overfull += is_overfull(state, item);
    state->contested += is_contested(state, item);
}

/* Puts `fresh` (NULL: nothing) in the place of what is held of the item. */
static void replace(cf_state *state, const cf_id *id, cf_item *fresh)
{
    cf_item *old = held(state, id);

    if (old)
        unlink_item(state, old);
    if (state->trying && (!old || !old->tried)) {
        *cf_one_more(state->undos, state->undo_count, state->undo_capacity) =
            (cf_state_undo){*id, old};
    } else if (old) {
        cf_item_free(state, old);
    }
    if (!fresh)
        return;
    fresh->tried = state->trying;
    link_item(state, fresh);
}

void cf_state_apply(cf_state *state, const cf_dot *dot, cf_time time, const cf_change *changes,
                    size_t count, cf_ids *dirty)
{
    uint32_t self = cf_dots_use(state->dots, dot);
    cf_slots slots = {0};

    cf_dots_set_time(state->dots, self, time);
    for (size_t i = 0, end; i < count; i = end) {
        const cf_id *id = &changes[i].item;

        cf_slots_load(state, held(state, id), &slots);
        for (end = i; end < count && cf_id_equal(&changes[end].item, id); end++)
            cf_slots_fold(state, &slots, &changes[end], self);
        replace(state, id, cf_slots_store(state, &slots, id));
        if (dirty)
            cf_ids_add(dirty, id);
    }
    cf_slots_release(&slots);
    cf_dots_drop(state->dots, self);
}

/* Drops the name that is remembered of a write; a write that lives is kept. */
static void drop_name(cf_state *state, cf_slots *slots, cf_bytes field, const cf_dot *dot)
{
    uint32_t number = cf_dots_use(cf_state_dots(state), dot);
    cf_slot *slot = cf_slots_of(state, slots, cf_state_field_number(state, field), number);

    if (slot->balance != CF_WRITE_LIVES)
        slot->balance = 0;
    cf_dots_drop(cf_state_dots(state), number);
}

void cf_state_drop_uncounted(cf_state *state, cf_state *older, const cf_id *item)
{
    cf_slots ours = {0}, theirs = {0};

    cf_slots_load(state, held(state, item), &ours);
    cf_slots_load(older, held(older, item), &theirs);
    for (size_t i = 0; i < theirs.count; i++) {
        cf_slot *slot = &theirs.at[i];

        if (slot->balance != CF_NAMES_UNCOUNTED)
            continue;
        slot->balance = 0;
        drop_name(state, &ours, cf_state_field_name(older, slot->field),
                  cf_dots_at(cf_state_dots(older), slot->dot));
    }
    replace(state, item, cf_slots_store(state, &ours, item));
    replace(older, item, cf_slots_store(older, &theirs, item));
    cf_slots_release(&ours);
    cf_slots_release(&theirs);
}

void cf_state_forget_item(cf_state *state, const cf_id *item)
{
    if (held(state, item))
        replace(state, item, NULL);
}

void cf_state_take_item(cf_state *state, const cf_id *id, cf_item *fresh)
{
    replace(state, id, fresh);
}

const cf_item *cf_state_record(const cf_state *state, const cf_id *id)
{
    return held(state, id);
}

const cf_item *cf_state_item(const cf_state *state, const cf_id *id)
{
    const cf_item *item = held(state, id);

    return item && is_shown(state, item) ? item : NULL;
}

bool cf_state_knows(const cf_state *state, const cf_id *id)
{
    const cf_item *item = held(state, id);

    return item && item->live;
}

bool cf_state_is_overfull(const cf_state *state, const cf_id *id)
{
    const cf_item *item = state->overfull ? held(state, id) : NULL;

    return item && is_overfull(state, item);
}

size_t cf_state_item_count(const cf_state *state)
{
    return state->shown;
}

size_t cf_state_overfull_count(const cf_state *state)
{
    return state->overfull;
}

size_t cf_state_contested_count(const cf_state *state)
{
    return state->contested;
}

static void visit_those(const cf_state *state, bool (*that)(const cf_state *, const cf_item *),
                        void (*visit)(void *context, const cf_id *item), void *context)
{
    for (cf_hash_link *link = cf_hash_table_walk(&state->items, NULL); link;
         link = cf_hash_table_walk(&state->items, link)) {
        const cf_item *item = cf_container_of(link, const cf_item, link);

        if (that(state, item))
            visit(context, &item->id);
    }
}

void cf_state_each(const cf_state *state, void (*visit)(void *context, const cf_id *item),
                   void *context)
{
    visit_those(state, is_shown, visit, context);
}

void cf_state_each_overfull(const cf_state *state, void (*visit)(void *context, const cf_id *item),
                            void *context)
{
    if (state->overfull)
        visit_those(state, is_overfull, visit, context);
}

void cf_state_each_record(const cf_state *state, void (*visit)(void *context, const cf_id *item),
                          void *context)
{
    for (cf_hash_link *link = cf_hash_table_walk(&state->items, NULL); link;
         link = cf_hash_table_walk(&state->items, link))
        visit(context, &cf_container_of(link, const cf_item, link)->id);
}

void cf_state_trial_begin(cf_state *state)
{
    assert(!state->trying);
    state->trying = true;
}

void cf_state_trial_end(cf_state *state)
{
    assert(state->trying);
    state->trying = false;
    while (state->undo_count) {
        cf_state_undo last = state->undos[--state->undo_count];
        cf_item *now = held(state, &last.id);

        if (now) {
            unlink_item(state, now);
            cf_item_free(state, now);
        }
        if (last.old)
            link_item(state, last.old);
    }
}

/* Who has more than half of them is the one whom the others don't outvote (Boyer and Moore). */
cf_overfull cf_state_overfull_of(const cf_state *state, const cf_id *id)
{
    const cf_item *item = cf_state_record(state, id);
    const cf_dots *dots = cf_state_dots(state);
    cf_overfull full = {.writes = item->live};
    const cf_dot *first = NULL;
    size_t votes = 0;

    for (size_t i = 0; i < item->live; i++) {
        const cf_dot *dot = cf_dots_at(dots, item->writes[i].dot);

        if (votes == 0)
            first = dot;
        votes = cf_id_equal(&dot->writer, &first->writer) ? votes + 1 : votes - 1;
    }
    for (size_t i = 0; i < item->live; i++) {
        const cf_dot *dot = cf_dots_at(dots, item->writes[i].dot);

        full.by_one += cf_id_equal(&dot->writer, &first->writer);
    }
    full.one = *first;
    return full;
}

bool cf_state_has_field(const cf_state *state, const cf_id *id, uint32_t field)
{
    return cf_item_has_field(state, cf_state_item(state, id), field);
}

bool cf_state_knows_field(const cf_state *state, const cf_id *id, cf_bytes name)
{
    uint32_t field;

    return cf_state_find_field(state, name, &field) &&
           cf_item_has_field(state, cf_state_record(state, id), field);
}
