/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows are held back (model, rules u and x): what lacks a field that is required, what claims
 * a unique value that another has where no column can give way, and the rows that refer to these.
 * The search goes in rounds, since a row that is held back with its parent claims nothing any more;
 * only rows whose claim another shares are looked at again.
 *
 *     links 1 and 2, made apart, are to person 5, and only one can be: link 2, the later, is held
 *     back, as a reference that is required can't give way, and phone 9, which goes by link 2, with
 * that */
#include "peer/records/record_claims.h"

#include <stdlib.h>

/* A row that lives comes before one that is there for another row's sake:
 *
 *     person 101, Ann, is deleted, and Eve is made with the key 101 || Ann gets a phone
 *     Ann is there again, for the phone, and Eve, who lives, has the key 101 */
int cf_viewed_compare(const cf_viewed *a, const cf_claimed *a_claimed, const cf_viewed *b,
                      const cf_claimed *b_claimed)
{
    if (a->tied != b->tied)
        return a->tied ? 1 : -1;
    if (a->alive != b->alive)
        return a->alive ? -1 : 1;
    if (a->level != b->level)
        return a->level > b->level ? -1 : 1;
    int order = cf_time_compare(a_claimed->time, b_claimed->time);
    return order ? order : cf_dot_compare(&a_claimed->dot, &b_claimed->dot);
}

void cf_claimed_note(cf_claimed *claimed, const cf_write *write)
{
    int order = cf_time_compare(write->time, claimed->time);

    if (order > 0 || (order == 0 && cf_dot_compare(&write->dot, &claimed->dot) > 0))
        *claimed = (cf_claimed){write->time, write->dot};
}

/* ---- Claims ---- */

static bool has_name(const cf_unique *unique, cf_bytes name)
{
    for (size_t i = 0; i < unique->count; i++)
        if (cf_bytes_equal(unique->names[i], name))
            return true;
    return false;
}

/* False: the row lacks a value of the tuple, and claims nothing by that. */
static bool claim_hash(const cf_schema_table *table, const cf_row *row, size_t unique,
                       uint64_t *out)
{
    if (unique < table->unique_count)
        return cf_unique_hash(table, unique, row, out);
    *out = cf_hash_bytes(cf_hash_bytes(unique, table->name), row->key);
    return true;
}

/* The row claims what this claim is for: by the natural key, or by all columns of the tuple as
 * these compare. */
static bool is_claim_of(const cf_claim *claim, const cf_row *row)
{
    const cf_row of = {.fields = claim->fields, .field_count = claim->field_count};
    const cf_schema_table *table = claim->table;

    if (claim->unique == table->unique_count)
        return cf_bytes_equal(claim->key, row->key);
    return cf_unique_equal(&table->unique[claim->unique], &of, row);
}

size_t cf_claims_of(const cf_schema_table *table)
{
    return table->unique_count + !table->serial;
}

static cf_claim *find_claim(const cf_holding *self, const cf_schema_table *table, const cf_row *row,
                            size_t unique, uint64_t hash)
{
    for (cf_hash_link *link = cf_hash_table_first(&self->claims, hash); link;
         link = cf_hash_table_next(link)) {
        cf_claim *known = cf_container_of(link, cf_claim, link);

        if (known->table == table && known->unique == unique && is_claim_of(known, row))
            return known;
    }
    return NULL;
}

cf_claim *cf_claim_of(const cf_holding *self, const cf_schema_table *table, const cf_row *row,
                      size_t unique)
{
    uint64_t hash;

    return claim_hash(table, row, unique, &hash) ? find_claim(self, table, row, unique, hash)
                                                 : NULL;
}

cf_claim *cf_claim_with(cf_holding *self, const cf_schema_table *table, const cf_row *row,
                        size_t unique)
{
    uint64_t hash;

    if (!claim_hash(table, row, unique, &hash))
        return NULL;
    cf_claim *known = find_claim(self, table, row, unique, hash);
    if (known)
        return known;
    cf_claim *made = cf_arena_allocate(&self->arena, 1, sizeof *made);
    *made = (cf_claim){.table = table,
                       .unique = unique,
                       .fields = row->fields,
                       .field_count = row->field_count,
                       .key = row->key};
    cf_hash_table_add(&self->claims, &made->link, hash);
    return made;
}

/* Puts the row among the contenders with all its claims, until it is known which of these others
 * share. */
static void make_claims(cf_holding *self, cf_viewed *viewed)
{
    cf_contender made = {.viewed = viewed};
    size_t most = cf_claims_of(viewed->table);

    if (most == 0)
        return;
    made.claims = cf_arena_allocate(&self->arena, most, sizeof *made.claims);
    for (size_t unique = 0; unique < most; unique++) {
        cf_claim *own = cf_claim_with(self, viewed->table, &viewed->row, unique);
        if (!own)
            continue;
        own->count++;
        made.claims[made.count++] = own;
    }
    *cf_one_more(self->contenders, self->contender_count, self->contender_capacity) = made;
}

/* The column is in a tuple by which the contender claims what others claim, too. */
static bool is_claimed_by(const cf_contender *one, cf_bytes name)
{
    for (size_t k = 0; k < one->count; k++) {
        const cf_claim *claim = one->claims[k];

        if (claim->unique < claim->table->unique_count &&
            has_name(&claim->table->unique[claim->unique], name))
            return true;
    }
    return false;
}

/* When the row got what another one claims, too: what it got since in other columns is no matter.
 * Row 1 got its name first, row 2 the same name, and then row 1 another code: the name is row
 * 1's. */
static void note_claimed(cf_holding *self, const cf_contender *one)
{
    cf_claimed *claimed = &one->viewed->unique_claimed;

    *claimed = (cf_claimed){0};
    cf_row_view_facts(self->view, &one->viewed->row.item, &self->facts);
    for (size_t first = 0, end; first < self->facts.count; first = end) {
        const cf_write *best;

        end = cf_row_facts_end(&self->facts, first);
        best = &cf_row_facts_best(&self->facts, first, end)->write;
        if (is_claimed_by(one, cf_state_field_name(self->view->state, best->field)))
            cf_claimed_note(claimed, best);
    }
}

/* Keeps the rows that share a claim, and of their claims those that are shared. */
static void find_contenders(cf_holding *self)
{
    size_t kept = 0;

    for (size_t i = 0; i < self->contender_count; i++) {
        cf_contender one = self->contenders[i];
        size_t shared = 0;

        for (size_t k = 0; k < one.count; k++)
            if (one.claims[k]->count > 1)
                one.claims[shared++] = one.claims[k];
        one.count = shared;
        if (shared == 0)
            continue;
        one.viewed->contends = true;
        note_claimed(self, &one);
        self->contenders[kept++] = one;
    }
    self->contender_count = kept;
}

/* Who claims first; where two claim alike the lower item does, on every device. */
static int in_order(const void *left, const void *right)
{
    const cf_viewed *a = ((const cf_contender *)left)->viewed,
                    *b = ((const cf_contender *)right)->viewed;
    int order = cf_viewed_compare(a, &a->unique_claimed, b, &b->unique_claimed);

    return order ? order : cf_id_compare(&a->row.item, &b->row.item);
}

/* A row before this one has a value that it claims: one such value is enough. */
static bool is_beaten(const cf_holding *self, const cf_contender *one)
{
    for (size_t k = 0; k < one->count; k++)
        if (cf_claim_is_taken(self, one->claims[k]))
            return true;
    return false;
}

/* Which row has what this one claims, by the first of its claims that is taken. */
static void note_rival(const cf_holding *self, const cf_contender *one)
{
    cf_viewed *viewed = one->viewed;

    for (size_t k = 0; k < one->count; k++) {
        const cf_claim *claim = one->claims[k];

        if (!cf_claim_is_taken(self, claim))
            continue;
        viewed->beaten_by = claim->holder;
        viewed->beaten_in = claim->unique < viewed->table->unique_count
                                ? &viewed->table->unique[claim->unique]
                                : NULL;
        return;
    }
}

/* Two passes. In claim order each row takes what it wishes for, if no row before it has any of
 * that; then each of the others gives way in a column, or is held back.
 *
 *     tasks 1, 2, 3, all new, wish for places 2, 2, 3
 *     task 1 has 2, task 3 has 3, task 2 gets 4 */
static void contend(cf_holding *self)
{
    self->round++;
    for (size_t i = 0; i < self->contender_count; i++) {
        cf_contender *one = &self->contenders[i];

        cf_viewed_wish(one->viewed);
        one->viewed->beaten = !one->viewed->dropped && is_beaten(self, one);
        for (size_t k = 0; !one->viewed->dropped && !one->viewed->beaten && k < one->count; k++)
            cf_claim_take(self, one->claims[k], one->viewed);
    }
    for (size_t i = 0; i < self->contender_count; i++) {
        cf_contender *one = &self->contenders[i];

        if (!one->viewed->beaten)
            continue;
        one->viewed->beaten = one->viewed->tied || !cf_give_way(self, one);
        if (!one->viewed->beaten)
            continue;
        cf_viewed_wish(one->viewed);
        note_rival(self, one);
    }
}

/* ---- Rows that go with others ---- */

/* A row that isn't visible is not shown whatever becomes of its parents. */
static void look_at(cf_holding *self, cf_viewed *viewed)
{
    if (!viewed->visible || viewed->pending)
        return;
    viewed->pending = true;
    cf_viewed_add(&self->looked_at, viewed);
}

static void look_at_children(cf_holding *self, const cf_viewed *viewed)
{
    for (cf_row_edge *edge = viewed->children; edge; edge = edge->next_of_parent)
        look_at(self, edge->child);
}

/* What this row refers to is held back, or unknown. Ties don't count: the values by which a tie
 * leads may be another row's by now. */
static bool lost_a_parent(const cf_viewed *viewed)
{
    for (const cf_row_edge *edge = viewed->parents; edge; edge = edge->next_of_child)
        if (edge->value && !edge->nothing.size &&
            (!edge->parent || cf_viewed_is_held(edge->parent)))
            return true;
    return false;
}

/* Each row that is to be looked at and has lost a parent is held back from now on. */
static void drop_orphans(cf_holding *self)
{
    self->news.count = 0;
    for (size_t i = 0; i < self->looked_at.count; i++) {
        cf_viewed *viewed = self->looked_at.at[i];

        viewed->pending = false;
        if (!cf_viewed_is_held(viewed) && lost_a_parent(viewed))
            cf_viewed_add(&self->news, viewed);
    }
    self->looked_at.count = 0;
    for (size_t i = 0; i < self->news.count; i++)
        self->news.at[i]->dropped = true;
}

/* The rows that may have lost a parent: by a row that is held back now, or by what such a row
 * claimed. */
static void follow(cf_holding *self)
{
    bool contended = false;

    for (size_t i = 0; i < self->news.count; i++) {
        look_at_children(self, self->news.at[i]);
        contended = contended || self->news.at[i]->contends;
    }
    if (!contended)
        return;
    contend(self);
    for (size_t i = 0; i < self->contender_count; i++) {
        cf_viewed *viewed = self->contenders[i].viewed;

        look_at(self, viewed); /* a row that is held back no more may have lost its parent */
        if (cf_viewed_is_held(viewed))
            look_at_children(self, viewed);
    }
}

/* A column that can't be empty (NOT NULL) has no value in the row. */
static bool lacks_required(const cf_viewed *viewed)
{
    for (size_t i = 0; i < viewed->table->required_count; i++)
        if (!cf_row_field_named(&viewed->row, viewed->table->required[i]))
            return true;
    return false;
}

void cf_row_view_hold(cf_row_view *view)
{
    cf_holding self = {.view = view};

    cf_hash_table_reserve(&self.claims, view->rows.count);
    for (size_t i = 0; i < view->rows.count; i++) {
        cf_viewed *viewed = view->rows.at[i];

        viewed->dropped = viewed->beaten = viewed->contends = false;
        cf_viewed_wish(viewed);
        viewed->lacking = viewed->lacking || lacks_required(viewed);
        if (viewed->visible && !viewed->lacking)
            make_claims(&self, viewed);
        if (viewed->parents)
            look_at(&self, viewed);
    }
    find_contenders(&self);
    if (self.contender_count)
        qsort(self.contenders, self.contender_count, sizeof *self.contenders, in_order);
    contend(&self);
    for (drop_orphans(&self); self.news.count; drop_orphans(&self))
        follow(&self);
    free(self.contenders);
    free(self.looked_at.at);
    free(self.news.at);
    cf_row_facts_release(&self.facts);
    cf_hash_table_release(&self.claims);
    cf_arena_release(&self.arena);
}
