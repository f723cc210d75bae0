/* SPDX-License-Identifier: Apache-2.0 */
/* Which row comes first in a group: one that says of no other that it is that, and of these the
 * lowest id. What the others say of their data is added to what the first says; their place counts
 * only where its key was deleted and theirs was not. A word on a row that isn't there, or is in
 * another table, counts for nothing. */
#include "peer/records/row_same.h"

#include <stdlib.h>

#include "codec/pack.h"
#include "peer/merge/covered.h"
#include "peer/records/record_view_inside.h"

bool cf_table_has_same(const cf_schema_table *table)
{
    return table->serial && table->kind == CF_KIND_ROW;
}

cf_bytes cf_row_same_pack(const cf_id *item, cf_arena *arena)
{
    cf_buffer packed = {0};

    cf_pack_array(&packed, 2);
    cf_pack_text(&packed, cf_bytes_of_text("="));
    cf_pack_bin(&packed, cf_bytes_of(item->bytes, sizeof item->bytes));
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return copy;
}

bool cf_row_same_read(cf_bytes value, cf_id *item)
{
    cf_reader reader = cf_reader_of(value);
    cf_bytes mark = {0}, id = {0};
    size_t count = 0;
    cf_error ignored;

    if (cf_read_array(&reader, &count, &ignored) || count != 2 ||
        cf_read_text(&reader, &mark, &ignored) || !cf_bytes_equal(mark, cf_bytes_of_text("=")) ||
        cf_read_bin(&reader, &id, &ignored) || id.size != sizeof item->bytes)
        return false;
    memcpy(item->bytes, id.data, id.size);
    return true;
}

/* ---- Which rows are one ---- */

struct cf_row_group {
    cf_id *ids; /* the first, then the others, ascending */
    size_t count;
    cf_bytes reference; /* to the first */
};

/* A row that says that it is another one, or of which another row says so. */
typedef struct member {
    cf_hash_link link;
    cf_id id;
    struct member *above; /* in its group, while groups are found; NULL: the uppermost */
    bool says;
    cf_row_group *group;
} member;

static member *find_member(const cf_row_view *view, const cf_id *id)
{
    if (!view->members.count)
        return NULL;
    for (cf_hash_link *link = cf_hash_table_first(&view->members, cf_hash_id(0, id)); link;
         link = cf_hash_table_next(link)) {
        member *known = cf_container_of(link, member, link);

        if (cf_id_equal(&known->id, id))
            return known;
    }
    return NULL;
}

static member *member_of(cf_row_view *view, const cf_id *id)
{
    member *known = find_member(view, id);

    if (known)
        return known;
    known = cf_arena_allocate(&view->arena, 1, sizeof *known);
    known->id = *id;
    cf_hash_table_add(&view->members, &known->link, cf_hash_id(0, id));
    return known;
}

static member *uppermost(member *one)
{
    while (one->above) {
        if (one->above->above)
            one->above = one->above->above;
        one = one->above;
    }
    return one;
}

const cf_id *cf_row_view_one(const cf_row_view *view, const cf_id *item)
{
    const member *known = find_member(view, item);

    return known ? &known->group->ids[0] : item;
}

const cf_id *cf_row_view_others(const cf_row_view *view, const cf_id *item, size_t *count)
{
    const member *known = find_member(view, item);
    const bool first = known && cf_id_equal(&known->group->ids[0], item);

    *count = first ? known->group->count - 1 : 0;
    return *count ? known->group->ids + 1 : NULL;
}

const cf_id *cf_row_view_all_of_one(const cf_row_view *view, const cf_id *item, size_t *count)
{
    const member *known = find_member(view, item);

    *count = known ? known->group->count : 1;
    return known ? known->group->ids : item;
}

/* ---- What rows that are one say together ---- */

static int compare_facts(const cf_state *state, const cf_row_fact *a, const cf_row_fact *b)
{
    const int order = cf_state_compare_fields(state, a->write.field, b->write.field);

    return order ? order : cf_dot_compare(&a->write.dot, &b->write.dot);
}

/* The fact says where the row stands, not what it says. */
static bool is_place(const cf_row_fact *fact)
{
    return fact->write.field == CF_FIELD_NUMBER_TABLE || fact->write.field == CF_FIELD_NUMBER_KEY;
}

/* A key of the row is not covered: its place was not deleted. */
static bool has_key(const cf_row_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++)
        if (facts->at[i].write.field == CF_FIELD_NUMBER_KEY && facts->at[i].live)
            return true;
    return false;
}

/* The facts have the same write already: who wrote two rows that are one in one entry has written
 * once. */
static bool is_written(const cf_row_facts *facts, const cf_row_fact *fact)
{
    for (size_t i = facts->count; i > 0; i--) {
        const cf_write *last = &facts->at[i - 1].write;

        if (last->field != fact->write.field || !cf_dot_equal(&last->dot, &fact->write.dot))
            return false;
        if (cf_bytes_equal(last->value, fact->write.value))
            return true;
    }
    return false;
}

/* A write that two rows of the group have counts once; the group lives by any live write of a user,
 * whichever of its rows has that. */
static void add_fact(cf_row_facts *facts, const cf_row_fact *fact)
{
    if (is_written(facts, fact))
        return;
    *cf_one_more(facts->at, facts->count, facts->capacity) = *fact;
    facts->lives = facts->lives || (fact->live && !fact->write.weak);
}

/* Adds to the first row's facts what the other row says of its data. Its table and key take the
 * place of the first one's where `placed`: the first one's key was deleted, and the other's was
 * not. Both are in order; of one write of both the first row's comes before. */
static void join(const cf_state *state, cf_row_facts *first, const cf_row_facts *other, bool placed)
{
    cf_row_facts all = {0};
    size_t i = 0, k = 0;

    while (i < first->count || k < other->count) {
        const cf_row_fact *own = i < first->count ? &first->at[i] : NULL;
        const cf_row_fact *more = k < other->count ? &other->at[k] : NULL;

        if (own && (!more || compare_facts(state, own, more) <= 0)) {
            if (!(placed && is_place(own)))
                add_fact(&all, own);
            i++;
        } else {
            if (is_place(more)
                    ? placed
                    : !cf_row_field_is_reserved(cf_state_field_name(state, more->write.field)))
                add_fact(&all, more);
            k++;
        }
    }
    cf_row_facts_release(first);
    *first = all;
}

/* The facts of rows that are one: the first one's, and of the others what they say of the data. The
 * place is that of the first row which has a key still. */
static void load_group(const cf_row_view *view, const cf_row_group *group, cf_row_facts *out)
{
    const cf_state *state = view->state;
    cf_row_facts other = {0};

    cf_row_facts_load(state, cf_state_item(state, &group->ids[0]), out);
    bool keyed = has_key(out);
    for (size_t i = 1; i < group->count; i++) {
        cf_row_facts_load(state, cf_state_item(state, &group->ids[i]), &other);
        const bool placed = !keyed && has_key(&other);

        keyed = keyed || placed;
        join(state, out, &other, placed);
    }
    cf_row_facts_release(&other);
}

/* A reference to any row of a group becomes one to the first of them. */
static void redirect(const cf_row_view *view, cf_bytes *value)
{
    cf_id target;
    const member *known = cf_reference_item(*value, &target) ? find_member(view, &target) : NULL;

    if (known && !cf_id_equal(&known->group->ids[0], &target))
        *value = known->group->reference;
}

/* What a row wishes to refer to, and doesn't, leads to the first of a group, too:
 *
 *     link 2 says ["=", nil, Q] of the column in which it wishes for Q, and Q is P: link 2 wishes
 *     for P, and is shown without still */
static void redirect_wish(const cf_row_view *view, cf_bytes *value)
{
    cf_row_instead said;

    if (!cf_row_instead_read(*value, &said) || !said.wish.size)
        return;
    const cf_bytes wish = said.wish;
    redirect(view, &said.wish);
    if (!cf_bytes_equal(wish, said.wish))
        *value = cf_row_instead_pack(&said, (cf_arena *)&view->arena);
}

void cf_row_view_facts(const cf_row_view *view, const cf_id *item, cf_row_facts *out)
{
    const member *known = find_member(view, item);

    if (known)
        load_group(view, known->group, out);
    else
        cf_row_facts_load(view->state, cf_state_item(view->state, item), out);
    for (size_t i = 0; view->members.count && i < out->count; i++) {
        redirect(view, &out->at[i].write.value);
        redirect_wish(view, &out->at[i].write.value);
    }
}

/* ---- All groups ---- */

/* Rows of one group next to each other: those that say of no other that they are that one come
 * first. */
static int by_row(const void *left, const void *right)
{
    const member *a = *(member *const *)left, *b = *(member *const *)right;
    const int order = cf_id_compare(&uppermost((member *)a)->id, &uppermost((member *)b)->id);

    if (order)
        return order;
    return a->says != b->says ? (a->says ? 1 : -1) : cf_id_compare(&a->id, &b->id);
}

static void make_group(cf_row_view *view, member *const *of, size_t count)
{
    cf_row_group *group = cf_arena_allocate(&view->arena, 1, sizeof *group);
    cf_buffer packed = {0};

    *group = (cf_row_group){.ids = cf_arena_allocate(&view->arena, count, sizeof *group->ids),
                            .count = count};
    for (size_t i = 0; i < count; i++) {
        group->ids[i] = of[i]->id;
        of[i]->group = group;
    }
    qsort(group->ids + 1, count - 1, sizeof *group->ids, cf_id_order);
    cf_reference_pack_item(&packed, &group->ids[0]);
    group->reference = cf_arena_copy(&view->arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
}

static void make_groups(cf_row_view *view)
{
    member **all = cf_allocate(view->members.count, sizeof(member *));
    size_t count = 0, end;

    for (cf_hash_link *link = cf_hash_table_walk(&view->members, NULL); link;
         link = cf_hash_table_walk(&view->members, link))
        all[count++] = cf_container_of(link, member, link);
    qsort(all, count, sizeof(member *), by_row);
    for (size_t first = 0; first < count; first = end) {
        end = first + 1;
        while (end < count && uppermost(all[end]) == uppermost(all[first]))
            end++;
        make_group(view, all + first, end - first);
    }
    free(all);
}

/* Puts both rows into one group. What is said of a row that is not there, or is in another table,
 * counts for nothing. */
static void unite(cf_row_view *view, const cf_row_said_same *said)
{
    const cf_viewed *other = cf_viewed_of_item(view, &said->other);

    if (!other || other == said->viewed || other->table != said->viewed->table ||
        !cf_table_has_same(other->table))
        return;
    member *one = member_of(view, &said->viewed->row.item), *to = member_of(view, &said->other);
    one->says = true;
    one = uppermost(one);
    to = uppermost(to);
    if (one != to)
        one->above = to;
}

/* The row refers to a row of a group: the reference may lead to another of them from now on. */
static bool leads_to_member(const cf_row_view *view, const cf_viewed *viewed)
{
    const cf_row_edge *edge = viewed->parents;

    while (edge && (edge->nothing.size || !find_member(view, &edge->target)))
        edge = edge->next_of_child;
    return edge != NULL;
}

static cf_viewed *make_anew(cf_row_view *view, cf_viewed *viewed, cf_row_facts *facts)
{
    const cf_id id = viewed->row.item;

    cf_row_view_facts(view, &id, facts);
    cf_viewed *anew = cf_viewed_of(view, &id, facts);
    if (!anew)
        return NULL;
    anew->deleted = viewed->deleted;
    cf_hash_table_remove(&view->items, &viewed->item_link);
    cf_hash_table_add(&view->items, &anew->item_link, cf_hash_id(0, &id));
    return anew;
}

/* In the place of all rows of a group puts one, with what they say together. A row that refers to
 * any of them is made anew: its references may be the same by now. */
static void join_rows(cf_row_view *view)
{
    cf_row_facts facts = {0};
    size_t kept = 0;

    for (size_t i = 0; i < view->rows.count; i++) {
        cf_viewed *viewed = view->rows.at[i];
        const cf_id *first = cf_row_view_one(view, &viewed->row.item);

        if (!cf_id_equal(first, &viewed->row.item)) {
            cf_hash_table_remove(&view->items, &viewed->item_link);
            continue;
        }
        if (find_member(view, first) || leads_to_member(view, viewed))
            viewed = make_anew(view, viewed, &facts);
        if (viewed)
            view->rows.at[kept++] = viewed;
    }
    view->rows.count = kept;
    cf_row_facts_release(&facts);
}

void cf_row_view_make_one(cf_row_view *view)
{
    for (const cf_row_said_same *said = view->sames; said; said = said->next)
        unite(view, said);
    if (!view->members.count)
        return;
    make_groups(view);
    join_rows(view);
    for (size_t i = 0; i < view->conflict_count; i++)
        redirect(view, &view->conflicts[i].value);
}
