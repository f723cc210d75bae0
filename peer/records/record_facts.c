/* SPDX-License-Identifier: Apache-2.0 */
/* A write is live unless a deletion covers it, and a record lives by a live write that isn't weak.
 * Of a field's writes the best one is shown: live before covered, strong before weak, then the
 * later; with it what says the same. Another one that is live is listed, unless it is weak, or its
 * field merges without conflicts. */
#include "peer/records/record_facts.h"

#include "peer/merge/covered.h"
#include "peer/records/seats.h"

#include <stdlib.h>

void cf_row_facts_load(const cf_state *state, const cf_item *item, cf_row_facts *out)
{
    size_t count = cf_item_write_count(item);
    cf_covered covered = cf_covered_by(state, item, &out->covers);

    out->at = cf_grow(out->at, &out->capacity, count + 1, sizeof *out->at);
    out->count = 0;
    out->lives = false;
    for (size_t i = 0; i < count; i++) {
        cf_row_fact *fact = &out->at[out->count];

        fact->write = cf_state_write(state, item, i);
        if (fact->write.field == CF_FIELD_NUMBER_DELETED)
            continue;
        out->count++;
        fact->live = !cf_covered_has(&covered, state, &fact->write);
        out->lives = out->lives || (fact->live && !fact->write.weak);
    }
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

/* Whether `a` is shown before `b` where the greatest counts: what no deletion covers before what
 * one does, then the greater value, then the better fact. */
static bool is_greater(const cf_row_fact *a, const cf_row_fact *b)
{
    int order = a->live == b->live ? cf_greatest_compare(a->write.value, b->write.value) : 0;

    return (order ? order : cf_row_fact_compare(a, b)) > 0;
}

static const cf_row_fact *greatest(const cf_row_facts *facts, size_t first, size_t end)
{
    const cf_row_fact *best = &facts->at[first];

    for (size_t i = first + 1; i < end; i++)
        if (is_greater(&facts->at[i], best))
            best = &facts->at[i];
    return best;
}

void cf_row_facts_stand(cf_row_facts *facts, size_t first, size_t end, cf_row_facts_standing how)
{
    const cf_row_fact *best = how == CF_STAND_GREATEST ? greatest(facts, first, end)
                                                       : cf_row_facts_best(facts, first, end);
    bool entry = how == CF_STAND_ALL, all = entry && !best->live;

    for (size_t i = first; i < end; i++) {
        cf_row_fact *fact = &facts->at[i];
        bool counts = fact->live || fact == best || all;
        bool lists =
            counts && !fact->write.weak && how != CF_STAND_GREATEST && how != CF_STAND_LAST;

        fact->untold = false;
        fact->as = (cf_bytes){0};
        if (counts && (entry || cf_bytes_equal(fact->write.value, best->write.value)))
            fact->standing = CF_WRITE_SHOWN;
        else
            fact->standing = lists ? CF_WRITE_LISTED : CF_WRITE_HIDDEN;
    }
}

const cf_row_fact *cf_row_facts_shown(const cf_row_facts *facts, size_t first, size_t end)
{
    size_t i = first;

    while (i + 1 < end && facts->at[i].standing != CF_WRITE_SHOWN)
        i++;
    return &facts->at[i];
}
