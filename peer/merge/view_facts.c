/* SPDX-License-Identifier: Apache-2.0 */
/* An item's writes are listed with what deletions leave of them; of each field the best one is the
 * answer: one that is left before one that isn't, a strong one before a weak one, then the latest.
 */
#include "peer/merge/view_facts.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/item.h"
#include "peer/merge/covered.h"
#include "peer/merge/view_graves.h"
#include "peer/merge/view_inside.h"

/* Whether a stored write says something of this item: no deletion does, nor does a content that
 * belongs to the item of its copy by now (rule H). */
static bool is_own(const cf_view *view, const cf_seen *seen, const cf_write *write)
{
    return write->field != CF_FIELD_NUMBER_DELETED &&
           (write->field != CF_FIELD_NUMBER_CONTENT ||
            cf_view_home(view, seen, &write->dot) == seen);
}

/* What all deletions of an item cover, and what those do that count. */
typedef struct {
    cf_covered all, counting;
} covers_of_item;

static covers_of_item covers_of(const cf_view *view, const cf_seen *seen, cf_arena *arena)
{
    const cf_item *item = cf_state_item(view->state, &seen->id);
    covers_of_item covers = {.all = cf_covered_by(view->state, item, arena)};
    const cf_grave *grave = seen->grave;

    covers.counting = covers.all;
    if (grave && grave->lifted.count)
        covers.counting =
            cf_covered_but(view->state, item, grave->lifted.at, grave->lifted.count, arena);
    return covers;
}

/* Whether any deletion covers the write, and whether one that counts does. */
static cf_fact fact_of(const cf_view *view, const cf_id *holder, const cf_write *write,
                       const covers_of_item *by)
{
    return (cf_fact){*holder, *write, !cf_covered_has(&by->all, view->state, write),
                     !cf_covered_has(&by->counting, view->state, write)};
}

/* A content write that is stored with another item but belongs to this one. A deletion of that item
 * which named the write covers it here, too. */
static bool taken_over(const cf_view *view, const cf_copy_claim *claim, const covers_of_item *own,
                       cf_arena *arena, cf_fact *out)
{
    const cf_item *item = cf_state_item(view->state, &claim->holder->id);
    cf_write write;

    if (!claim->home || !item ||
        !cf_state_find_write(view->state, item, CF_FIELD_NUMBER_CONTENT, &claim->dot, &write))
        return false;
    covers_of_item by = covers_of(view, claim->holder, arena);
    cf_fact there = fact_of(view, &claim->holder->id, &write, &by);
    *out = fact_of(view, &claim->holder->id, &write, own);
    out->live = out->live && there.live;
    out->counts = out->counts && there.counts;
    return true;
}

cf_facts cf_facts_of(const cf_view *view, const cf_seen *seen, cf_arena *arena)
{
    const cf_item *item = cf_state_item(view->state, &seen->id);
    size_t stored = item ? cf_item_write_count(item) : 0, count = 0;
    covers_of_item own = covers_of(view, seen, arena);
    cf_fact *facts = cf_arena_allocate(arena, stored + seen->homed, sizeof *facts);
    const cf_copy_claim *claim = NULL;

    for (size_t i = 0; i < stored; i++) {
        cf_write write = cf_state_write(view->state, item, i);

        if (is_own(view, seen, &write))
            facts[count++] = fact_of(view, &seen->id, &write, &own);
    }
    while (seen->homed && (claim = cf_view_next_claim(view, &seen->id, claim)))
        count += taken_over(view, claim, &own, arena, facts + count);
    return (cf_facts){seen->id, cf_kind_of(&seen->id), facts, count};
}

/* Whether the write comes before those that are covered. A place is judged by all deletions, since
 * which of them count hangs on places; a content by those that count. */
static bool stands(const cf_fact *fact)
{
    return fact->write.field == CF_FIELD_NUMBER_CONTENT ? fact->counts : fact->live;
}

int cf_fact_compare(const cf_fact *a, const cf_fact *b)
{
    if (stands(a) != stands(b))
        return stands(a) ? 1 : -1;
    if (a->write.weak != b->write.weak)
        return a->write.weak ? -1 : 1;
    int order = cf_time_compare(a->write.time, b->write.time);
    return order ? order : cf_dot_compare(&a->write.dot, &b->write.dot);
}

const cf_fact *cf_facts_best(const cf_facts *facts, uint32_t field)
{
    const cf_fact *best = NULL;

    for (size_t i = 0; i < facts->count; i++)
        if (facts->facts[i].write.field == field &&
            (!best || cf_fact_compare(&facts->facts[i], best) > 0))
            best = &facts->facts[i];
    return best;
}

cf_bytes cf_facts_value(const cf_facts *facts, uint32_t field, cf_bytes none)
{
    const cf_fact *best = cf_facts_best(facts, field);

    return best ? best->write.value : none;
}

bool cf_facts_live(const cf_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++)
        if (facts->facts[i].counts && !facts->facts[i].write.weak)
            return true;
    return false;
}

/* The pin was made for the very write that is the best of its field, or for none, and there is
 * none. */
static bool stands_on(bool has, const cf_dot *dot, const cf_fact *best)
{
    return has == (best != NULL) && (!best || cf_dot_equal(dot, &best->write.dot));
}

/* The pin that holds: made for the place that is still the best (rule P).
 *
 *     A pins a's copy where it was, as "a (conflict …)"; B gives the copy the name x. The best name
 *     is B's write now, and the pin was made for none: x it is, whichever entry is later */
static bool pinned(const cf_facts *facts, const cf_fact *parent, const cf_fact *name, cf_pin *out)
{
    const cf_fact *best = NULL;

    for (size_t i = 0; i < facts->count; i++) {
        const cf_fact *fact = &facts->facts[i];
        cf_pin pin;
        cf_error error;

        if (fact->write.field != CF_FIELD_NUMBER_PIN ||
            cf_pin_read(fact->write.value, &pin, &error))
            continue;
        if (!stands_on(pin.has_parent_dot, &pin.parent_dot, parent) ||
            !stands_on(pin.has_name_dot, &pin.name_dot, name))
            continue;
        if (best && cf_fact_compare(fact, best) < 0)
            continue;
        best = fact;
        *out = pin;
    }
    return best != NULL;
}

/* The directory that a write of /parent or /from names; the root where there is no write, or that
 * names none. */
static cf_id directory_in(const cf_fact *best)
{
    cf_id directory = cf_root_item;
    cf_error error;

    if (!best)
        return directory;
    cf_reader reader = cf_reader_of(best->write.value);
    if (cf_read_bin_exact(&reader, directory.bytes, sizeof directory.bytes, &error) ||
        cf_kind_of(&directory) != CF_KIND_DIRECTORY)
        directory = cf_root_item;
    return directory;
}

static cf_bytes name_in(const cf_fact *best)
{
    cf_bytes name = {0};
    cf_error error;

    if (!best)
        return name;
    cf_reader reader = cf_reader_of(best->write.value);
    return cf_read_bin(&reader, &name, &error) ? (cf_bytes){0} : name;
}

/* A file can have the name. */
static bool usable(cf_bytes name)
{
    cf_error error;

    return cf_name_check(name, &error) == CF_OK;
}

/* The name of an item that nobody gave a usable one: lost-0a1b2c3d, by its id, equal everywhere. */
static cf_bytes lost_name(const cf_id *id, cf_arena *arena)
{
    char text[sizeof "lost-" + 8] = "lost-";

    cf_hex(cf_bytes_of(id->bytes + 1, 4), text + 5);
    return cf_arena_copy(arena, cf_bytes_of_text(text));
}

/* Whether a pin holds a copy under a conflict name. A pin never takes the item to another name than
 * it was shown under: the name in the pin is the item's own, a made up one, or a conflict name.
 *
 *     x and "x (conflict …)", rm x    the copy is pinned, and has no name of its own
 *     … mv "x (conflict …)" y         the pin holds no more */
static bool is_conflict_pin(const cf_facts *facts, const cf_pin *pin, const cf_fact *name,
                            cf_arena *arena)
{
    return facts->kind != CF_KIND_DIRECTORY && usable(pin->name) &&
           !cf_bytes_equal(pin->name, name_in(name)) &&
           !cf_bytes_equal(pin->name, lost_name(&facts->id, arena));
}

cf_wish cf_facts_wish(const cf_facts *facts, cf_arena *arena)
{
    const cf_fact *parent = cf_facts_best(facts, CF_FIELD_NUMBER_PARENT);
    const cf_fact *name = cf_facts_best(facts, CF_FIELD_NUMBER_NAME);
    cf_wish wish;
    cf_pin pin;

    if (pinned(facts, parent, name, &pin))
        wish = (cf_wish){pin.parent, pin.name, is_conflict_pin(facts, &pin, name, arena)};
    else
        wish = (cf_wish){directory_in(parent), name_in(name), false};
    if (cf_kind_of(&wish.parent) != CF_KIND_DIRECTORY)
        wish.parent = cf_root_item;
    if (!usable(wish.name))
        wish.name = lost_name(&facts->id, arena);
    return wish;
}

cf_id cf_facts_former(const cf_facts *facts)
{
    return directory_in(cf_facts_best(facts, CF_FIELD_NUMBER_FROM));
}

cf_placed cf_facts_placed(const cf_facts *facts)
{
    const uint32_t fields[] = {CF_FIELD_NUMBER_PARENT, CF_FIELD_NUMBER_NAME};
    cf_placed placed = {.id = facts->id};

    for (size_t i = 0; i < 2; i++) {
        const cf_fact *best = cf_facts_best(facts, fields[i]);
        int order = best ? cf_time_compare(best->write.time, placed.time) : -1;

        if (order > 0 || (order == 0 && cf_dot_compare(&best->write.dot, &placed.dot) > 0)) {
            placed.time = best->write.time;
            placed.dot = best->write.dot;
        }
    }
    return placed;
}

int cf_placed_compare(const cf_placed *a, const cf_placed *b)
{
    int order = cf_time_compare(a->time, b->time);

    if (order == 0)
        order = cf_dot_compare(&a->dot, &b->dot);
    return order ? order : cf_id_compare(&a->id, &b->id);
}

static int later_first(const void *left, const void *right)
{
    return cf_fact_compare(*(const cf_fact *const *)right, *(const cf_fact *const *)left);
}

/* The facts of the contents that count, the best first: those that no deletion covers, else the
 * best of the covered ones alone, so that a deleted file which must be shown has a content. */
static const cf_fact **counting(const cf_facts *facts, cf_arena *arena, size_t *count)
{
    const cf_fact **found = cf_arena_allocate(arena, facts->count, sizeof *found);
    size_t live = 0;

    *count = 0;
    for (size_t i = 0; i < facts->count; i++)
        if (facts->facts[i].write.field == CF_FIELD_NUMBER_CONTENT) {
            found[(*count)++] = &facts->facts[i];
            live += facts->facts[i].counts;
        }
    qsort(found, *count, sizeof *found, later_first);
    if (*count)
        *count = live ? live : 1;
    return found;
}

cf_version *cf_facts_versions(const cf_facts *facts, cf_arena *arena, size_t *count)
{
    size_t fact_count, i;
    const cf_fact **found = counting(facts, arena, &fact_count);
    cf_version *versions = cf_arena_allocate(arena, fact_count, sizeof *versions);

    *count = 0;
    for (size_t f = 0; f < fact_count; f++) {
        for (i = 0; i < *count; i++)
            if (cf_bytes_equal(versions[i].value, found[f]->write.value))
                break;
        if (i == *count) {
            versions[i].value = found[f]->write.value;
            versions[i].facts = cf_arena_allocate(arena, fact_count, sizeof *found);
            ++*count;
        }
        versions[i].facts[versions[i].count++] = found[f];
    }
    return versions;
}

/* ---- Claims ---- */

/* Which item each content write belongs to (model, rule H): to that of its copy as soon as the
 * state has any field of that item.
 *
 *     a is 3, and its copy, with the write 2 that is stored with a, is renamed to b: b's item is
 *     copy_id(a, 2's dot). The write 2 is b's from then on, and no copy of a any more */

const cf_copy_claim *cf_view_next_claim(const cf_view *view, const cf_id *copy,
                                        const cf_copy_claim *previous)
{
    cf_hash_link *link = previous ? cf_hash_table_next(&previous->link)
                                  : cf_hash_table_first(&view->claims, cf_hash_id(0, copy));

    while (link && !cf_id_equal(&cf_container_of(link, cf_copy_claim, link)->copy, copy))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, cf_copy_claim, link) : NULL;
}

const cf_seen *cf_view_home(const cf_view *view, const cf_seen *holder, const cf_dot *dot)
{
    for (const cf_copy_claim *claim = holder->claims; claim; claim = claim->next)
        if (claim->home && cf_dot_equal(&claim->dot, dot))
            return cf_view_seen(view, &claim->copy);
    return holder;
}

bool cf_view_copied(const cf_view *view, const cf_id *copy, cf_id *holder, cf_write *out)
{
    const cf_copy_claim *claim = cf_view_next_claim(view, copy, NULL);

    if (!claim)
        return false;
    *holder = claim->holder->id;
    return cf_state_find_write(view->state, cf_state_item(view->state, holder),
                               CF_FIELD_NUMBER_CONTENT, &claim->dot, out);
}

static cf_copy_claim *add_claim(cf_view *view, cf_seen *holder, const cf_dot *dot,
                                const cf_id *copy)
{
    cf_copy_claim *claim = cf_allocate(1, sizeof *claim);

    claim->holder = holder;
    claim->dot = *dot;
    claim->copy = *copy;
    claim->next = holder->claims;
    holder->claims = claim;
    cf_hash_table_add(&view->claims, &claim->link, cf_hash_id(0, copy));
    return claim;
}

/* A write claims each copy along the chain that the state has, and the next one that it has not.
 * The last one which the state has is the write's home. */
static void claim_write(cf_view *view, cf_seen *holder, const cf_dot *dot, cf_seen_list *homes)
{
    const cf_rules *rules = view->rules;
    cf_id copy = rules->copy_id(rules->context, &holder->id, dot);
    cf_copy_claim *last = NULL;

    while (cf_state_item(view->state, &copy)) {
        last = add_claim(view, holder, dot, &copy);
        copy = rules->copy_id(rules->context, &copy, dot);
    }
    add_claim(view, holder, dot, &copy);
    if (!last)
        return;
    cf_seen *home = cf_view_get(view, &last->copy);
    last->home = true;
    home->homed++;
    cf_seen_list_add(homes, home);
}

void cf_view_drop_claims(cf_view *view, cf_seen *holder)
{
    while (holder->claims) {
        cf_copy_claim *next = holder->claims->next;

        cf_hash_table_remove(&view->claims, &holder->claims->link);
        if (holder->claims->home)
            cf_view_seen(view, &holder->claims->copy)->homed--;
        free(holder->claims);
        holder->claims = next;
    }
}

void cf_view_claim(cf_view *view, cf_seen *holder, cf_seen_list *homes)
{
    const cf_item *item = cf_state_item(view->state, &holder->id);

    for (const cf_copy_claim *claim = holder->claims; claim; claim = claim->next)
        if (claim->home)
            cf_seen_list_add(homes, cf_view_get(view, &claim->copy));
    cf_view_drop_claims(view, holder);
    for (size_t i = 0; item && i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(view->state, item, i);

        if (write.field == CF_FIELD_NUMBER_CONTENT)
            claim_write(view, holder, &write.dot, homes);
    }
}
