/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/records/record_facts.h"

#include <stdlib.h>

typedef struct {
    cf_cover *at;
    size_t count;
} cover_list;

static size_t deletion_count(const cf_state *state, const cf_item *item)
{
    size_t count = cf_item_write_count(item), deletions = 0;

    while (deletions < count &&
           cf_state_write(state, item, deletions).field == CF_FIELD_NUMBER_DELETED)
        deletions++;
    return deletions;
}

/* What each deletion covers, ascending by (field, dot). A damaged one covers nothing. */
static cover_list *cover_lists(const cf_state *state, const cf_item *item, size_t deletions,
                               cf_arena *arena)
{
    cover_list *lists = cf_arena_allocate(arena, deletions, sizeof *lists);
    cf_error ignored;

    for (size_t i = 0; i < deletions; i++)
        if (cf_covers_read(cf_state_write(state, item, i).value, arena, &lists[i].at,
                           &lists[i].count, &ignored))
            lists[i].count = 0;
    return lists;
}

static int compare_covers(const void *left, const void *right)
{
    const cf_cover *a = left, *b = right;
    int order = cf_bytes_compare(a->field, b->field);

    return order ? order : cf_dot_compare(&a->dot, &b->dot);
}

static bool is_covered(const cf_state *state, const cover_list *lists, size_t count,
                       const cf_write *write)
{
    cf_cover wanted = {.dot = write->dot};

    if (count)
        wanted.field = cf_state_field_name(state, write->field);
    for (size_t i = 0; i < count; i++)
        if (lists[i].count &&
            bsearch(&wanted, lists[i].at, lists[i].count, sizeof wanted, compare_covers))
            return true;
    return false;
}

void cf_row_facts_load(const cf_state *state, const cf_item *item, cf_row_facts *out)
{
    size_t count = cf_item_write_count(item), deletions = deletion_count(state, item);
    cover_list *lists = deletions ? cover_lists(state, item, deletions, &out->covers) : NULL;

    out->at = cf_grow(out->at, &out->capacity, count + 1, sizeof *out->at);
    out->count = 0;
    out->lives = false;
    for (size_t i = deletions; i < count; i++) {
        cf_row_fact *fact = &out->at[out->count++];

        fact->write = cf_state_write(state, item, i);
        fact->live = !is_covered(state, lists, deletions, &fact->write);
        out->lives = out->lives || (fact->live && !fact->write.weak);
    }
    if (deletions)
        cf_arena_release(&out->covers);
}

void cf_row_facts_release(cf_row_facts *facts)
{
    free(facts->at);
    cf_arena_release(&facts->covers);
    *facts = (cf_row_facts){0};
}

size_t cf_row_facts_end(const cf_row_facts *facts, size_t first)
{
    size_t end = first;

    while (end < facts->count && facts->at[end].write.field == facts->at[first].write.field)
        end++;
    return end;
}

int cf_row_fact_compare(const cf_row_fact *a, const cf_row_fact *b)
{
    if (a->live != b->live)
        return a->live ? 1 : -1;
    if (a->write.weak != b->write.weak)
        return a->write.weak ? -1 : 1;
    int order = cf_time_compare(a->write.time, b->write.time);
    return order ? order : cf_dot_compare(&a->write.dot, &b->write.dot);
}

const cf_row_fact *cf_row_facts_best(const cf_row_facts *facts, size_t first, size_t end)
{
    const cf_row_fact *best = &facts->at[first];

    for (size_t i = first + 1; i < end; i++)
        if (cf_row_fact_compare(&facts->at[i], best) > 0)
            best = &facts->at[i];
    return best;
}

bool cf_row_facts_stand(cf_row_facts *facts, size_t first, size_t end, bool entry)
{
    const cf_row_fact *best = cf_row_facts_best(facts, first, end);
    bool listed = false, all = entry && !best->live;

    for (size_t i = first; i < end; i++) {
        cf_row_fact *fact = &facts->at[i];
        bool counts = fact->live || fact == best || all;

        if (counts && (entry || cf_bytes_equal(fact->write.value, best->write.value)))
            fact->standing = CF_WRITE_SHOWN;
        else
            fact->standing = counts && !fact->write.weak ? CF_WRITE_LISTED : CF_WRITE_HIDDEN;
        listed = listed || fact->standing == CF_WRITE_LISTED;
    }
    return listed;
}
